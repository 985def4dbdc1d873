//! `musicrec-lab audit`: know a log before trusting anything learned from it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{color, print};
use crate::audit::{Reading, Settings, audit};
use crate::exit::Failure;

/// Look at a log before anything is learned from it: what is wrong, what it would do to a recommender,
/// and what mends it
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The log, or a definition whose source is meant
    #[arg(required = true)]
    log: PathBuf,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write a definition that cleans the log and compares models on it
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For programs: one JSON document
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stop = super::on_interrupt()?;
    let settings = Settings {
        reading: &Reading::default(),
        now: jiff::Timestamp::now().as_second(),
        home: arguments
            .write
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(".")),
        color: color(),
    };
    let found = audit(&arguments.log, &settings, |_| {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(musicrec_api::Error::Cancelled);
        }
        Ok(())
    })?;
    let text = serde_json::to_string_pretty(&found).expect("plain data");
    print(&format!("{text}\n"))?;
    Ok(())
}
