//! Where the units of a sweep run: in the sweep's own process, or on the nodes of a cluster by an engine
//! that somebody else wrote.

use std::fmt::Debug;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{CheckContext, Problem, Result};

/// Runs the units of a sweep somewhere. A plugin of this kind stands in a cluster file
/// (`[launcher.slurm]`), never in a definition: the same definition runs everywhere.
#[typetag::serde]
pub trait Launcher: Debug + Send + Sync {
    /// What runs the units. `None`: the sweep does it in its own process.
    fn engine(&self) -> Option<&dyn Engine>;

    /// What is wrong with the parameters beyond their types: found before anything is submitted, all of
    /// it at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}

/// An engine that runs commands on other machines: it places them, keeps limits and runs them again where
/// a node died. It knows nothing of trials; the store of records is the truth, so an engine that forgets
/// a job or runs it twice does no harm.
pub trait Engine: Debug {
    /// What [`Engine::submit`] would hand over, as a person reads it. Nothing is submitted.
    fn draft(&self, work: &Work) -> Result<String>;

    /// Hands all steps over, each to begin when the one before it is over, however its units ended. What
    /// the engine has taken is told to `taken` at once, so that it can be canceled even if a later part
    /// fails. Fails with [`Error::Engine`](crate::Error::Engine).
    fn submit(&self, work: &Work, taken: &mut dyn FnMut(Job) -> Result<()>) -> Result<()>;

    /// What has become of jobs. Jobs that the engine does not know any more are over.
    fn look(&self, jobs: &[Job]) -> Result<Look>;

    /// Ends jobs, those that wait and those that run. One that is over already is no error.
    fn cancel(&self, jobs: &[Job]) -> Result<()>;

    /// Processors that a unit is given, as far as the settings say so.
    fn processors(&self) -> Option<usize> {
        None
    }

    /// What the engine has measured of the units of jobs, those that run included; a unit that ran twice is
    /// there twice. `None` where nothing is measured, which is so unless the engine says otherwise.
    fn usage(&self, jobs: &[Job]) -> Result<Option<Vec<Usage>>> {
        let _ = jobs;
        Ok(None)
    }
}

/// What is to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Work {
    /// What the experiment is called.
    pub name: String,
    /// The report folder, absolute. Every node sees it under this path.
    pub store: PathBuf,
    /// This program, absolute. Every node sees it under this path.
    pub program: PathBuf,
    /// A folder for what the engine writes: output of the units, scripts. It is there.
    pub logs: PathBuf,
    /// The steps in their order; none is without units.
    pub steps: Vec<Step>,
}

impl Work {
    /// Work to be submitted.
    pub fn new(
        name: impl Into<String>,
        (store, program, logs): (PathBuf, PathBuf, PathBuf),
        steps: Vec<Step>,
    ) -> Self {
        Self {
            name: name.into(),
            store,
            program,
            logs,
            steps,
        }
    }

    /// The command of a unit but for its number, which comes last: `PROGRAM unit STORE --index`.
    pub fn command(&self) -> [String; 4] {
        [
            self.program.display().to_string(),
            "unit".to_owned(),
            self.store.display().to_string(),
            "--index".to_owned(),
        ]
    }
}

/// Units that may run at once, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, in a word or two: `validation`.
    pub name: String,
    /// The numbers of its units, ascending; no two steps share one.
    pub units: Vec<u32>,
}

/// What an engine has taken: some units of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What the engine calls it.
    pub id: String,
    /// The place of its step.
    pub step: usize,
    /// The numbers of its units.
    pub units: Vec<u32>,
}

/// What an engine says of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Units that wait, for nodes or for the step before them.
    pub waiting: usize,
    /// Of those that wait, the ones that will never run unless a person does something, with all that wait for
    /// them. What is nothing but that is over: it is ended, and the same command submits what is missing.
    pub held: usize,
    /// Units that run.
    pub running: usize,
    /// What a person should know: why something will never run, say.
    pub says: Vec<String>,
    /// Whether the engine cannot tell: what has not ended may still come.
    pub unknown: bool,
}

impl Look {
    /// Whether anything may still come of the jobs.
    pub fn lives(&self) -> bool {
        self.unknown || self.running > 0 || self.waiting > self.held
    }
}

/// What an engine has measured of one run of a unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// The number of the unit.
    pub unit: u32,
    /// The engine's word for how it ended, or that it runs.
    pub state: String,
    /// Whether it has ended.
    pub ended: bool,
    /// Its exit code, once it has ended by itself.
    pub exit_code: Option<u8>,
    /// Where it ran.
    pub node: Option<String>,
    /// How long it ran, in seconds.
    pub seconds: f64,
    /// How long it might have run, in seconds; `None` if there was no limit.
    pub seconds_reserved: Option<f64>,
    /// Seconds of processors that it used.
    pub cpu_seconds: Option<f64>,
    /// Seconds of processors that nobody else could use meanwhile.
    pub cpu_seconds_reserved: f64,
    /// The most memory that it held, in bytes.
    pub memory: Option<u64>,
    /// The memory that nobody else could use meanwhile, in bytes.
    pub memory_reserved: Option<u64>,
}

/// Numbers as ranges: `0-3,7`.
pub fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let texts: Vec<String> = runs
        .map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_in_a_row_are_ranges() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[4]), "4");
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
    }
}
