//! The plan of a sweep that an engine runs: all that a process on another node needs to find the same trials.

use std::path::{Path, PathBuf};
use std::time::Duration;

use musicrec_api::arithmetic;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Stage};
use crate::definition::{self, Files, ReadBefore, Request};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::records::{Placed, Store};
use crate::stages::prepare::apart::Apart;
use crate::sweep::steps::{PREPARED, Step, Width, widths};
use crate::sweep::{Isolation, Limits, Options, identity};

/// Its file in the store.
pub(super) const FILE: &str = "plan.json";

/// The version of its form.
const SCHEMA: u32 = 1;

/// What the command line asked for, as far as units on other nodes must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The command, for people.
    pub(crate) command: String,
    /// The definition as it was named.
    pub(crate) definition: PathBuf,
    /// `--set`, `--only`, `--yes`.
    pub(crate) settings: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) yes: bool,
    /// `--portable`.
    pub(crate) portable: bool,
    /// `--keep`.
    pub(crate) keep: bool,
    /// `--threads`, else what the engine gives.
    pub(crate) threads: Option<usize>,
    /// `--prepare-units`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prepare_units: Option<u16>,
    /// `--timeout` and `--memory-per-job`.
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    schema: u32,
    #[serde(flatten)]
    pub(crate) asked: Asked,
    /// Where the command was given: relative paths start there.
    folder: PathBuf,
    /// The definition and what it includes, as they were.
    files: Files,
    /// What was known of the log.
    log: ReadBefore,
    /// The content of the source.
    pub(crate) data: String,
    /// Hash of definition, data and code.
    pub(crate) identity: String,
    /// When it was made, UTC.
    pub(crate) planned: String,
    /// How many units prepare the log, if not one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apart: Option<Apart>,
    /// The steps with the numbers of their units.
    pub(crate) steps: Vec<Width>,
}

impl Plan {
    /// The plan of an experiment over some data.
    pub(super) fn new(
        asked: Asked,
        experiment: &Experiment,
        data: &str,
        planned: &str,
    ) -> Result<Self, Failure> {
        let folder = std::env::current_dir()
            .map_err(|e| Failure::Output(format!("the working directory is not known: {e}")))?;
        let apart = apart(experiment, asked.prepare_units)?;
        Ok(Self {
            schema: SCHEMA,
            asked,
            apart,
            folder,
            files: experiment.written.files().clone(),
            log: ReadBefore::of(experiment),
            data: data.to_owned(),
            identity: identity(experiment, data),
            planned: planned.to_owned(),
            steps: widths(experiment, data, apart),
        })
    }

    /// Writes it into the store.
    pub(super) fn keep(&self, store: &Store) -> Result<(), Failure> {
        store.keep_json(FILE, self)
    }

    /// The plan of a store, if it has one.
    pub(crate) fn of(store: &Store) -> Result<Option<Self>, Failure> {
        let plan = store.read::<Self>(FILE)?;
        match plan {
            Some(plan) if plan.schema != SCHEMA => Err(Failure::Changed(format!(
                "{} was written in another form (schema {}, this is {SCHEMA}); use the program that wrote it",
                store.path(FILE).display(),
                plan.schema
            ))),
            plan => Ok(plan),
        }
    }

    /// The same, which must be there.
    pub(crate) fn read(store: &Store) -> Result<Self, Failure> {
        Self::of(store)?.ok_or_else(|| {
            let folder = store.folder();
            let why = if folder.exists() {
                "holds no sweep that a cluster runs: `musicrec-lab watch` shows a local one, and \
                 `musicrec-lab sweep DEFINITION --launcher NAME` makes one for a cluster"
            } else {
                "is not there; name the report folder of an experiment"
            };
            Failure::Data(format!("{} {why}", folder.display()))
        })
    }

    /// The step of a unit and its place there.
    pub(crate) fn step_of(&self, unit: u32) -> Option<(Step, usize)> {
        let own = |width: &&Width| (width.first..width.first + width.units).contains(&unit);
        let width = self.steps.iter().find(own)?;
        Some((width.step, (unit - width.first) as usize))
    }

    /// How many units it has.
    pub(crate) fn units(&self) -> u32 {
        self.steps.iter().map(|width| width.units).sum()
    }

    /// Goes where the command was given and reads the definition as it was then. The log need not be there any
    /// more.
    pub(crate) fn experiment(&self) -> Result<Experiment, Failure> {
        self.load(Some(self.log.clone()))
    }

    /// The same where the log is still to be read.
    pub(crate) fn experiment_with_log(&self) -> Result<Experiment, Failure> {
        self.load(None)
    }

    fn load(&self, read: Option<ReadBefore>) -> Result<Experiment, Failure> {
        std::env::set_current_dir(&self.folder).map_err(|e| {
            Failure::Data(format!(
                "cannot go to {}, where the sweep was planned: {e}; every node must see it under this path",
                self.folder.display()
            ))
        })?;
        arithmetic::set_portable(self.asked.portable);
        let request = Request {
            settings: self.asked.settings.clone(),
            only: self.asked.only.clone(),
            yes: self.asked.yes,
            files: self.files.clone(),
            read,
            ..Request::default()
        };
        let (experiment, _) = definition::load(&self.asked.definition, &request, false)?;
        if identity(&experiment, &self.data) != self.identity {
            return Err(Failure::Changed(
                "this program would not compute what was planned: it is another version or build than the \
                 one that planned, or files that the definition names have changed; run the same command \
                 again to plan anew"
                    .to_owned(),
            ));
        }
        Ok(experiment)
    }

    /// How units run. `threads` are those of this place.
    pub(super) fn options(&self, store: &Store, threads: usize) -> Options {
        let out = store.folder().parent().unwrap_or(Path::new(""));
        Options {
            keep: self.asked.keep,
            command: self.asked.command.clone(),
            cache: prepared(store),
            placed: Some(Placed::here()),
            prepared: Some(self.data.clone()),
            apart: self.apart,
            ..Options::new(out.to_path_buf(), self.asked.threads.unwrap_or(threads))
        }
    }

    /// How the process of a fit is made, and what it may take.
    pub(super) fn isolation(&self, store: &Store, step: Step, at: usize) -> Isolation {
        let of_trials = matches!(step, Step::Validation(_) | Step::Test);
        let limits = Limits {
            time: self.asked.timeout_seconds.map(Duration::from_secs),
            memory: self.asked.memory_bytes,
        };
        let mut arguments = vec!["unit".into(), store.folder().into(), "--worker".into()];
        match step {
            Step::Prepare => arguments.push("--anew".into()),
            Step::Divide => arguments.extend(["--divide".into(), at.to_string().into()]),
            Step::Clean => arguments.extend(["--clean".into(), at.to_string().into()]),
            _ => {}
        }
        Isolation {
            arguments,
            limits: if of_trials { limits } else { Limits::default() },
        }
    }
}

/// How an experiment is prepared, where several units are asked for.
pub(super) fn apart(experiment: &Experiment, units: Option<u16>) -> Result<Option<Apart>, Failure> {
    let units = units.filter(|units| *units > 1);
    let apart = units.map(|units| Apart::of(experiment, units.into()));
    Ok(apart.transpose()?)
}

/// What the first step keeps for all others.
pub(super) fn prepared(store: &Store) -> Cache {
    Cache::open(Some(store.path(PREPARED)), u64::MAX)
        .keeping_from(Duration::ZERO)
        .of_stages(&[Stage::Parts, Stage::Cleaned, Stage::Chance])
}
