//! What a command line changes in a definition: the same for every command that takes one.

use std::path::Path;

use clap::Args;

use super::{color, say_as_it_is};
use crate::definition::{self, Request};
use crate::exit::Failure;
use crate::experiment::Experiment;

/// `--set`, `--yes`.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Change a key of the definition, for example `model.als.factors=32`; the value is TOML, paths
    /// given here are relative to the working directory
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Allow more than 10,000 trials
    #[arg(long)]
    yes: bool,
}

/// The same and `--only`.
#[derive(Debug, Args)]
pub(super) struct Changes {
    #[command(flatten)]
    settings: Settings,

    /// Take only the trials of which this holds: `model=als`, `weighting=bm25`,
    /// `model.als.factors=32`; repeated, all keys must hold, and one of the values of each
    #[arg(long, value_name = "KEY=VALUE")]
    only: Vec<String>,
}

impl Settings {
    pub(super) fn request(&self) -> Request {
        Request {
            settings: self.settings.clone(),
            yes: self.yes,
            ..Request::default()
        }
    }
}

impl Changes {
    /// The experiment of a definition with these changes; its warnings are said unless `quiet`.
    pub(super) fn load(&self, definition: &Path, quiet: bool) -> Result<Experiment, Failure> {
        load(definition, &self.request(), quiet)
    }

    /// The same of a definition that need not name a model.
    pub(super) fn load_without_model(
        &self,
        definition: &Path,
        quiet: bool,
    ) -> Result<Experiment, Failure> {
        let request = Request {
            without_model: true,
            ..self.request()
        };
        load(definition, &request, quiet)
    }

    pub(super) fn request(&self) -> Request {
        Request {
            only: self.only.clone(),
            ..self.settings.request()
        }
    }
}

fn load(definition: &Path, request: &Request, quiet: bool) -> Result<Experiment, Failure> {
    let (experiment, warnings) = definition::load(definition, request, color())?;
    if !warnings.is_empty() && !quiet {
        say_as_it_is(&format!("{warnings}\n"));
    }
    Ok(experiment)
}
