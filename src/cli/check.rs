//! `musicrec-lab check`: look at definitions without running them.

use std::path::PathBuf;

use clap::Args;

use super::{color, print};
use crate::definition;
use crate::exit::Failure;

/// Check definitions without running them: all faults of each, with their places
///
/// The data is not read: a missing file or column is found by `sweep`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab check experiments/*.toml
  musicrec-lab check my.toml --set model.als.factors='{ grid = [16, 32] }'")]
pub(super) struct Arguments {
    /// Definitions, TOML files
    #[arg(required = true)]
    definitions: Vec<PathBuf>,

    /// Change a key of each definition, as with `sweep`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for path in &arguments.definitions {
        match definition::load(path, &arguments.settings, color()) {
            Ok(experiment) => print(&format!(
                "{}: no fault; {} variants, {} trials\n",
                path.display(),
                experiment.variants.len(),
                experiment.trials().len()
            ))?,
            Err(failure) => faults.push(failure.message()),
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Faults(faults.join("\n\n")))
    }
}
