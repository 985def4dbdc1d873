//! `musicrec-lab show`: a definition in full.

use std::path::PathBuf;

use clap::Args;

use super::changes::Settings;
use super::{color, print};
use crate::definition;
use crate::exit::Failure;

/// Print a definition in full: what it includes, what --set changes, every default, and where each
/// value comes from
///
/// The output is a definition itself that gives the same trials: saved beside the original, it runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab show experiments/quickstart.toml
  musicrec-lab show my.toml --set seed=7 > resolved.toml")]
pub(super) struct Arguments {
    /// The definition, a TOML file
    definition: PathBuf,

    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let checked = definition::check(&arguments.definition, &arguments.settings.request());
    match checked.show() {
        Some(text) => print(&text),
        None => Err(checked.failure(color())),
    }
}
