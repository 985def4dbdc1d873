//! `musicrec-lab check`: look at definitions without running them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::changes::Changes;
use super::{color, print, say_rendered};
use crate::definition::{self, Checked, Finding};
use crate::exit::Failure;
use crate::text::counted;

/// Check definitions without running them: all faults of each, with their places
///
/// Of the data no more is read than the header of a file, for the names of its columns. Ends with exit
/// code 2 if there is an error, 3 if only the data is to blame; warnings alone are no failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab check experiments/*.toml
  musicrec-lab check my.toml --set model.als.factors='{ grid = [16, 32] }'
  musicrec-lab check my.toml --format json | jq '.files[].faults[]'")]
pub(super) struct Arguments {
    /// Definitions, TOML files
    #[arg(required = true)]
    definitions: Vec<PathBuf>,

    #[command(flatten)]
    changes: Changes,

    /// How to say what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: faults on standard error, a line for each faultless file on standard output
    Text,
    /// For editors and CI: one JSON document on standard output
    Json,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    files: Vec<Definition>,
}

/// One definition.
#[derive(Debug, Serialize)]
struct Definition {
    file: String,
    /// Absent where there is an error.
    variants: Option<usize>,
    trials: Option<usize>,
    faults: Vec<Finding>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let request = arguments.changes.request();
    let mut files = Vec::new();
    let (mut faulty, mut of_data) = (0, 0);
    for path in &arguments.definitions {
        let checked = definition::check(path, &request);
        faulty += usize::from(checked.experiment().is_none());
        of_data += usize::from(checked.of_data());
        match arguments.format {
            Format::Text => text(&path.display().to_string(), &checked)?,
            Format::Json => files.push(file(path.display().to_string(), &checked)),
        }
    }
    if arguments.format == Format::Json {
        let document = Document { schema: 1, files };
        let text = serde_json::to_string_pretty(&document).expect("findings are plain data");
        print(&format!("{text}\n"))?;
    }
    if faulty == 0 {
        return Ok(());
    }
    let message = format!(
        "{faulty} of {} definitions cannot run",
        arguments.definitions.len()
    );
    Err(if of_data == faulty {
        Failure::Data(message)
    } else {
        Failure::Definition(message)
    })
}

fn text(name: &str, checked: &Checked) -> Result<(), Failure> {
    let faults = checked.render(color());
    if !faults.is_empty() {
        say_rendered(&format!("{faults}\n"));
    }
    match checked.experiment() {
        Some(experiment) => print(&format!(
            "{name}: no error; {}, {}\n",
            counted(experiment.variants.len(), "variant"),
            counted(experiment.settings.len(), "trial")
        )),
        None => Ok(()),
    }
}

fn file(name: String, checked: &Checked) -> Definition {
    let experiment = checked.experiment();
    Definition {
        file: name,
        variants: experiment.map(|e| e.variants.len()),
        trials: experiment.map(|e| e.settings.len()),
        faults: checked.findings(),
    }
}
