//! The folder of one experiment. No file in it is ever half visible: each is written beside its
//! place, flushed to disk, and then linked or renamed into it. Only logs grow, a line at a time.
//!
//! Several processes may fill one folder. Who works there has joined it (`together`); what a killed
//! process or a crash of the machine left is repaired by the first one who comes (`repair`).

mod attempts;
mod claims;
mod conflicts;
mod files;
mod fits;
mod locks;
mod log;
mod probe;
mod repair;
mod tail;
mod together;
mod trials;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Record;
use crate::exit::Failure;

pub(crate) use attempts::{Attempt, Begun, End};
pub(crate) use claims::Claim;
pub(crate) use conflicts::Conflict;
pub(crate) use files::{temporary, temporary_beside};
pub(crate) use fits::{Fit, FitEvent};
pub(crate) use tail::Tail;
pub(crate) use together::{Presence, Worker};
pub(crate) use trials::Put;

/// The folder of one experiment under `reports/`.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// Further folders to read from, which nothing is written to.
    others: Vec<PathBuf>,
    /// Records that have been read or put, by id: once there they never change.
    known: Mutex<HashMap<String, Record>>,
}

/// The folder of records in a store.
pub(super) const RECORDS: &str = "records";
const FAILED: &str = "failed";
/// Attempts at units that an engine places.
const ATTEMPTS: &str = "attempts";
const ATTACHMENTS: &str = "attachments";
/// What was found torn, kept to be looked at.
const DAMAGED: &str = "damaged";
/// Records of trials that came to something else a second time.
const CONFLICTS: &str = "conflicts";
/// Who works here, and on what.
const RUNNING: &str = "running";

impl Store {
    /// The store in a folder, which need not exist yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            others: Vec::new(),
            known: Mutex::default(),
        }
    }

    /// The same under its full path, for what goes elsewhere or is told to others.
    pub(crate) fn at(folder: &Path) -> Result<Self, Failure> {
        let full = std::path::absolute(folder);
        let full = full.map_err(|e| Failure::output(folder.display(), &e))?;
        Ok(Self::new(full))
    }

    /// Several stores to read as one: a record is named by what its trial is and an attachment by its
    /// content, so whichever folder it is found in, it is the same. Nothing may be written to it.
    pub(crate) fn joined(folder: PathBuf, others: Vec<PathBuf>) -> Self {
        Self {
            others,
            ..Self::new(folder)
        }
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// All folders that it reads from.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        let others = self.others.iter().map(PathBuf::as_path);
        std::iter::once(self.folder()).chain(others)
    }

    /// The path of a file to read: in the first folder that has it.
    fn place(&self, name: &str) -> PathBuf {
        let mut places = self.others.iter().map(|folder| folder.join(name));
        let own = self.path(name);
        if self.others.is_empty() || own.exists() {
            return own;
        }
        places.find(|path| path.exists()).unwrap_or(own)
    }

    /// The path of a file in the store.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folders.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        for name in [RECORDS, FAILED, ATTACHMENTS, RUNNING] {
            self.create_folder(name)?;
        }
        Ok(())
    }

    fn create_folder(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name);
        fs::create_dir_all(&path).map_err(|e| Failure::output(path.display(), &e))
    }

    /// The names of the files in a folder of the store, sorted; none if it is not there.
    fn names(&self, folder: &str) -> Result<Vec<String>, Failure> {
        let path = self.path(folder);
        let unreadable = |e: std::io::Error| self.unreadable(&path, &e);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(unreadable(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(unreadable)?.file_name());
        }
        // Names that are no text are not the lab's.
        let mut names: Vec<String> = names.into_iter().flat_map(OsString::into_string).collect();
        names.sort();
        Ok(names)
    }

    /// The names of the JSON files in a folder of the store, without their extension: of records
    /// their ids.
    pub(crate) fn ids(&self, folder: &str) -> Result<Vec<String>, Failure> {
        let names = self.names(folder)?.into_iter();
        let ids = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        Ok(ids.collect())
    }

    /// The ids of all trials that are done.
    pub(crate) fn known(&self) -> Result<BTreeSet<String>, Failure> {
        if !self.path(RECORDS).is_dir() {
            return Err(self.no_sweep(RECORDS));
        }
        Ok(self.ids(RECORDS)?.into_iter().collect())
    }

    /// The ids of all records that are there and of all failures, as far as they can be listed now.
    pub(crate) fn listed(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let ids = |folder| self.ids(folder).unwrap_or_default().into_iter().collect();
        (ids(RECORDS), ids(FAILED))
    }

    /// What is said of a folder that is none of a sweep, for something is missing in it. Whoever named what
    /// is next to one is told.
    pub(crate) fn no_sweep(&self, missing: &str) -> Failure {
        let folder = &self.folder;
        let is_one = |path: &Path| path.join(RECORDS).is_dir();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| is_one(p)).collect();
        below.sort();
        let why = match (folder.parent(), &below[..]) {
            (Some(parent), _) if folder.exists() && is_one(parent) => {
                let what = if folder.is_file() { "a file" } else { "a part" };
                format!("it is {what} of one; name its folder, {}", parent.display())
            }
            (_, [first, ..]) => format!(
                "there is no {missing} in it; name one of the folders in it, for example {}",
                first.display()
            ),
            _ if folder.is_file() => {
                "it is a file; name the folder that a sweep has written".to_owned()
            }
            _ if !folder.exists() => "there is no such folder".to_owned(),
            _ => format!("there is no {missing} in it"),
        };
        Failure::Data(format!("{} holds no sweep: {why}", folder.display()))
    }

    /// The first of `folder/stem.1.extension`, `….2.…` that is not there, after making the folder.
    fn free(&self, folder: &str, stem: &str, extension: &str) -> Result<String, Failure> {
        self.create_folder(folder)?;
        let mut numbered = (1_u32..).map(|n| format!("{folder}/{stem}.{n}.{extension}"));
        Ok(numbered
            .find(|name| !self.path(name).exists())
            .expect("fewer than four billion files are set aside"))
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Records to store.

    use serde_json::json;
    use tempfile::TempDir;

    use super::Store;
    use crate::records::{Key, Origin, Outcome, Record, Run, SCHEMA, Spent, Stages, TrialResult};

    /// An empty store, and the folder that holds it until it is dropped.
    pub(crate) fn store() -> (TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        (folder, store)
    }

    /// The record of the `repeat`-th trial, which ended so many seconds after noon.
    pub(crate) fn record(repeat: usize, outcome: Outcome, second: u8) -> Record {
        let key = Key {
            role: musicrec_api::Role::Test,
            data: "sha256:0".into(),
            definition: json!({"model": {"als": {}}, "weighting": "binary"}),
            revisions: json!({}),
            repeat,
            users_share: None,
            arithmetic: None,
        };
        Record {
            schema: SCHEMA,
            id: key.id(),
            result: TrialResult { key, outcome },
            run: Run {
                variant: "als".into(),
                started: "2026-11-24T12:00:00.000000Z".into(),
                ended: format!("2026-11-24T12:00:{second:02}.000000Z"),
                stages: Stages {
                    fit: Spent {
                        seconds: f64::from(second),
                        ..Spent::default()
                    },
                    ..Stages::default()
                },
                kept: false,
                estimated_bytes: None,
                unit: String::new(),
                placed: None,
                threads: 1,
                jobs: 1,
                version: String::new(),
                machine: String::new(),
                source: json!(null),
                rules: None,
                origin: Origin::default(),
                backtrace: None,
                attempts: 1,
                stderr: None,
                held_bytes: None,
                notes: Vec::new(),
            },
        }
    }

    /// With this value of a metric and these attachments.
    pub(crate) fn done(value: f64, attachments: &[&str]) -> Outcome {
        let attachments = attachments.iter().enumerate();
        Outcome::Done {
            metrics: [("ndcg@3".to_owned(), value)].into(),
            users: 2,
            users_hit: 1,
            users_tied: 0,
            users_short: 0,
            periods: Vec::new(),
            losses: Vec::new(),
            attachments: attachments
                .map(|(at, name)| (at.to_string(), (*name).to_owned()))
                .collect(),
        }
    }

    pub(crate) fn failure() -> Outcome {
        Outcome::Failed {
            message: "no".into(),
        }
    }
}
