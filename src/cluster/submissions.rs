//! What was handed to an engine: a file a submission, so that the same command later, or another one, can ask
//! what became of it.

use std::fs;
use std::path::PathBuf;

use musicrec_api::{Job, Launcher, Look};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::records::{Store, Worker, now};

/// Their folder in the store.
pub(super) const FOLDER: &str = "submissions";

/// A submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Submission {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// When, UTC.
    pub(crate) time: String,
    /// The launcher with its settings: `{ "slurm": { … } }`.
    pub(crate) launcher: serde_json::Value,
    /// What the engine has taken.
    pub(crate) jobs: Vec<Job>,
    /// Whether somebody canceled it, or it was seen to be over.
    pub(crate) over: bool,
    /// Why the engine did not take it, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

impl Submission {
    fn file(&self) -> String {
        format!("{}.json", self.logs())
    }

    /// The folder in the store for what the engine writes.
    pub(super) fn logs(&self) -> String {
        format!("{FOLDER}/{:03}", self.number)
    }

    /// Begins another one, whose folder for what the engine writes is made.
    pub(super) fn begin(store: &Store, launcher: &dyn Launcher) -> Result<Self, Failure> {
        let last = all(store)?.last().map_or(0, |last| last.number);
        let submission = Self {
            number: last + 1,
            time: now(),
            launcher: serde_json::to_value(launcher).expect("settings are plain data"),
            jobs: Vec::new(),
            over: false,
            refused: None,
        };
        let logs = store.path(&submission.logs());
        fs::create_dir_all(&logs).map_err(|e| Failure::output(logs.display(), &e))?;
        submission.keep(store)?;
        Ok(submission)
    }

    pub(super) fn keep(&self, store: &Store) -> Result<(), Failure> {
        store.keep_json(&self.file(), self)
    }

    /// Its launcher, as it was set then.
    pub(super) fn launcher(&self) -> Result<Box<dyn Launcher>, Failure> {
        Box::<dyn Launcher>::deserialize(&self.launcher).map_err(|error| {
            Failure::Changed(format!(
                "submission {} was made by a launcher that this program does not have: {error}",
                self.number
            ))
        })
    }

    /// What the engine is called.
    pub(crate) fn engine(&self) -> String {
        let name = self.launcher.as_object().and_then(|map| map.keys().next());
        name.cloned().unwrap_or_default()
    }

    /// Asks the engine what became of it.
    pub(super) fn ask(&self) -> Result<Look, Failure> {
        if self.over {
            return Ok(Look::default());
        }
        let launcher = self.launcher()?;
        let look = launcher.engine().map(|engine| engine.look(&self.jobs));
        Ok(look.transpose()?.unwrap_or_default())
    }

    /// The same; one that is over is noted to be so, for good.
    pub(super) fn look(&mut self, store: &Store) -> Result<Look, Failure> {
        let look = self.ask()?;
        if !self.over && !look.lives() {
            if look.waiting > 0 {
                // Tasks that will never run would stay in the queue for good.
                self.end()?;
            }
            self.over = true;
            self.keep(store)?;
        }
        Ok(look)
    }

    /// Ends what the engine still has of it.
    fn end(&self) -> Result<(), Failure> {
        if let Some(engine) = self.launcher()?.engine() {
            engine.cancel(&self.jobs)?;
        }
        Ok(())
    }
}

/// All submissions of a store, the first first.
pub(super) fn all(store: &Store) -> Result<Vec<Submission>, Failure> {
    let mut found = Vec::new();
    for id in store.ids(FOLDER)? {
        found.extend(store.read::<Submission>(&format!("{FOLDER}/{id}.json"))?);
    }
    found.sort_by_key(|submission: &Submission| submission.number);
    Ok(found)
}

/// What units of the last submission had to say.
pub(super) enum Complaint {
    /// This, with the file that has it.
    Said(String),
    /// No error.
    Silent,
    /// Nothing was ever printed.
    Nothing,
}

/// What a unit of the last submission complained of last.
pub(super) fn last_complaint(store: &Store) -> Complaint {
    let last = all(store).ok().and_then(|mut all| all.pop());
    let files = last.and_then(|last| fs::read_dir(store.path(&last.logs())).ok());
    let files = files.into_iter().flatten().flatten();
    let is_output = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "out");
    let mut outputs: Vec<PathBuf> = files.map(|file| file.path()).filter(is_output).collect();
    outputs.sort_by_cached_key(|path| {
        let modified = fs::metadata(path).and_then(|about| about.modified());
        std::cmp::Reverse(modified.ok())
    });
    if outputs.is_empty() {
        return Complaint::Nothing;
    }
    outputs
        .iter()
        .find_map(|path| {
            let bytes = fs::read(path).ok()?;
            let end =
                String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(END)..]).into_owned();
            // What is not yet due is nobody's trouble.
            let line = end.lines().rfind(|line| line.contains("error: "))?;
            Some(Complaint::Said(format!(
                "a unit said `{}` ({})",
                line.trim(),
                path.display()
            )))
        })
        .unwrap_or(Complaint::Silent)
}

/// Bytes at the end of an output that are looked at: no unit that is in trouble says more.
const END: usize = 4_000;

/// What engines still have of a store, for who only looks: nothing is written.
pub(crate) fn at_work(store: &Store) -> Vec<Worker> {
    let all = all(store).unwrap_or_default().into_iter();
    let words = |submission: &Submission| match submission.ask() {
        Ok(look) if look.unknown => Some("run by hand".to_owned()),
        Ok(look) if look.lives() => Some(format!(
            "{} running, {} waiting",
            look.running, look.waiting
        )),
        Ok(_) => None,
        Err(_) => Some("the engine does not answer".to_owned()),
    };
    all.filter_map(|submission| {
        let words = format!("submission {}: {}", submission.number, words(&submission)?);
        Some(Worker::elsewhere(
            &submission.engine(),
            &submission.time,
            words,
        ))
    })
    .collect()
}

/// The launcher of the last submission, as it was set then.
pub(crate) fn last_launcher(store: &Store) -> Result<Box<dyn Launcher>, Failure> {
    let all = all(store)?;
    let last = all.last().ok_or_else(|| {
        Failure::Definition("nothing was submitted yet: name a launcher with --launcher".to_owned())
    })?;
    last.launcher()
}

/// Ends what the engines still have of a store; returns which submissions that were.
pub(crate) fn cancel(store: &Store) -> Result<Vec<Submission>, Failure> {
    let mut ended = Vec::new();
    for mut submission in all(store)?.into_iter().filter(|s| !s.over) {
        submission.end()?;
        submission.over = true;
        submission.keep(store)?;
        ended.push(submission);
    }
    Ok(ended)
}
