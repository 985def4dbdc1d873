//! The folder of one experiment. No file in it is ever half visible: each is written beside its
//! place, flushed to disk, and then linked or renamed into it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use super::{Outcome, Record, SCHEMA, hex};
use crate::exit::Failure;

/// The folder of one experiment under `reports/`.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// What became of a record that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there now.
    Stored,
    /// One of that id was there already, and was left as it is.
    WasThere,
}

/// The folder of records in a store.
pub(super) const RECORDS: &str = "records";
const FAILED: &str = "failed";
const ATTACHMENTS: &str = "attachments";

impl Store {
    /// The store in a folder, which need not exist yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of a file in the store.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folders.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        for name in [RECORDS, FAILED, ATTACHMENTS] {
            let path = self.path(name);
            fs::create_dir_all(&path).map_err(|e| Failure::output(path.display(), &e))?;
        }
        Ok(())
    }

    /// Moves everything to `<folder>.old-<n>` and returns that path, if there was anything.
    pub(crate) fn set_aside(&self) -> Result<Option<PathBuf>, Failure> {
        if !self.folder.exists() {
            return Ok(None);
        }
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(".old-");
        let free = (1..=u32::MAX)
            .map(|n: u32| {
                let mut name = name.clone();
                name.push(n.to_string());
                self.folder.with_file_name(name)
            })
            .find(|path| !path.exists())
            .expect("fewer than four billion folders are set aside");
        fs::rename(&self.folder, &free).map_err(|e| Failure::output(free.display(), &e))?;
        Ok(Some(free))
    }

    /// Reads a JSON file of the store, `None` if there is none.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.path(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
                return Err(changed(&path, "is not text"));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(Failure::Output(format!(
                    "{} cannot be a folder, for a file stands in its way; name another with --out",
                    self.folder.display()
                )));
            }
            Err(e) => {
                return Err(Failure::Data(format!(
                    "cannot read {}: {e}",
                    path.display()
                )));
            }
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| changed(&path, &format!("cannot be understood ({e})")))
    }

    /// Writes a file of the store, replacing it in one step.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        filled(&path, bytes)
            .and_then(|file| file.persist(&path).map_err(|e| e.error))
            .map(drop)
            .map_err(|e| Failure::output(path.display(), &e))
    }

    /// Like [`Store::write_json`] for what is read again. No later step could do with it otherwise.
    pub(crate) fn keep_json<T: Kept>(&self, name: &str, value: &T) -> Result<(), Failure> {
        let text = kept(&self.path(name), value)?;
        self.write(name, text.as_bytes())
    }

    /// Like [`Store::write`], as JSON for people: indented, with a line end.
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value).expect("plain data");
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    /// Writes a file that is named by its content and returns its name.
    pub(crate) fn attach(&self, bytes: &str, extension: &str) -> Result<String, Failure> {
        let name = format!("{ATTACHMENTS}/{}.{extension}", &hex(bytes)[..32]);
        if !self.path(&name).exists() {
            self.write(&name, bytes.as_bytes())?;
        }
        Ok(name)
    }

    /// The text of an attachment, which must be what its name says.
    pub(crate) fn attachment(&self, name: &str) -> Result<String, Failure> {
        let path = self.path(name);
        let text = fs::read_to_string(&path)
            .map_err(|e| changed(&path, &format!("cannot be read ({e})")))?;
        if Path::new(name).file_stem().and_then(|s| s.to_str()) != Some(&hex(&text)[..32]) {
            return Err(changed(&path, "is not what was written"));
        }
        Ok(text)
    }

    /// The record of a trial that is done and whose attachments are all there: without them the
    /// trial is run again, which brings them back.
    pub(crate) fn whole_record(&self, id: &str) -> Result<Option<Record>, Failure> {
        let record = self.record(id)?;
        Ok(record.filter(|record| match &record.result.outcome {
            Outcome::Done { attachments, .. } => {
                attachments.values().all(|name| self.path(name).exists())
            }
            Outcome::Failed { .. } => true,
        }))
    }

    /// The record of a trial that is done.
    pub(crate) fn record(&self, id: &str) -> Result<Option<Record>, Failure> {
        let name = format!("{RECORDS}/{id}.json");
        let record: Option<Record> = self.read(&name)?;
        match &record {
            Some(r) if r.schema != SCHEMA || r.id != id || r.result.key.id() != id => Err(changed(
                &self.path(&name),
                "is not the record of this trial",
            )),
            _ => Ok(record),
        }
    }

    /// The ids of all trials that are done, ascending.
    pub(crate) fn ids(&self) -> Result<Vec<String>, Failure> {
        let folder = self.path(RECORDS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) => {
                return Err(Failure::Data(format!(
                    "{} holds no sweep: cannot read {}: {e}",
                    self.folder.display(),
                    folder.display()
                )));
            }
        };
        let mut ids: Vec<String> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let id = name.to_str()?.strip_suffix(".json")?;
                // What a killed program left is no record.
                (!id.starts_with('.')).then(|| id.to_owned())
            })
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// What is wrong if a record's numbers are not those of its attachments.
    pub(crate) fn disagrees(&self, id: &str) -> Failure {
        changed(
            &self.path(&format!("{RECORDS}/{id}.json")),
            "does not agree with its attachments",
        )
    }

    /// The record of a trial's last failure.
    pub(crate) fn failed(&self, id: &str) -> Result<Option<Record>, Failure> {
        self.read(&format!("{FAILED}/{id}.json"))
    }

    /// Stores the record of a trial and adds it to the log. A record that is done is put if absent;
    /// a failure replaces an earlier one, for a failed trial is tried again by the next sweep.
    pub(crate) fn put(&self, record: &Record) -> Result<Put, Failure> {
        let failed = format!("{FAILED}/{}.json", record.id);
        if let Outcome::Failed { .. } = record.result.outcome {
            self.keep_json(&failed, record)?;
            self.log(record)?;
            return Ok(Put::Stored);
        }
        let path = self.path(&format!("{RECORDS}/{}.json", record.id));
        let text = kept(&path, record)?;
        let written = filled(&path, text.as_bytes())
            .and_then(|file| file.persist_noclobber(&path).map_err(|e| e.error));
        match written {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(Put::WasThere),
            Err(e) => return Err(Failure::output(path.display(), &e)),
        }
        let old = self.path(&failed);
        if old.exists() {
            fs::remove_file(&old).map_err(|e| Failure::output(old.display(), &e))?;
        }
        self.log(record)?;
        Ok(Put::Stored)
    }

    /// Adds a line to `trials.jsonl`: one write, so that lines of two processes do not mix.
    fn log(&self, record: &Record) -> Result<(), Failure> {
        let path = self.path("trials.jsonl");
        let mut line = serde_json::to_string(record).expect("a record is plain data");
        line.push('\n');
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| {
                let before = file.metadata()?.len();
                let written = file
                    .write_all(line.as_bytes())
                    .and_then(|()| file.sync_data());
                if written.is_err() {
                    // The disk is full: a part of a line would spoil the next one too.
                    file.set_len(before)?;
                }
                written
            })
            .map_err(|e| Failure::output(path.display(), &e))
    }
}

/// What the lab writes and reads again.
pub(crate) trait Kept: Serialize + DeserializeOwned + PartialEq {}

impl<T: Serialize + DeserializeOwned + PartialEq> Kept for T {}

/// A value as JSON that reads back as the same. JSON has no number that is not finite and would make
/// `null` of it, which no later run could read: better nothing is written.
fn kept<T: Kept>(path: &Path, value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).expect("plain data") + "\n";
    match serde_json::from_str::<T>(&text) {
        Ok(same) if same == *value => Ok(text),
        _ => Err(Failure::Output(format!(
            "cannot write {}: some number in it is not finite or otherwise would not read back as it \
             is (a bug of the lab or of a plugin)",
            path.display()
        ))),
    }
}

/// A file that is not what the lab wrote there.
fn changed(path: &Path, what: &str) -> Failure {
    Failure::Changed(format!(
        "{} {what}: it was changed or comes from another version; remove it (what it held is \
         computed again), or set the whole folder aside with --fresh",
        path.display()
    ))
}

fn filled(path: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = temporary(path.parent().expect("files of a store are in a folder"))?;
    // By the file itself, whose errors do not name the temporary path.
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A file in a folder that is not there yet under its own name; dropped, it vanishes.
pub(crate) fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // The usual permissions, not the private ones of temporary files.
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666))
    };
    builder.prefix(".part-").tempfile_in(folder).map_err(|e| {
        // Only the kind: the error's text names a file nobody has asked for.
        match e.kind() {
            std::io::ErrorKind::NotFound => {
                std::io::Error::new(e.kind(), "its folder does not exist; make that first")
            }
            kind => kind.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Put, Store};
    use crate::records::{Key, Origin, Outcome, Record, Run, SCHEMA, TrialResult};

    fn record(outcome: Outcome, seconds: f64) -> Record {
        let key = Key {
            role: musicrec_api::Role::Test,
            data: "sha256:0".into(),
            definition: json!({"model": {"als": {}}, "weighting": "binary"}),
            revisions: json!({}),
            repeat: 0,
            arithmetic: None,
        };
        Record {
            schema: SCHEMA,
            id: key.id(),
            result: TrialResult { key, outcome },
            run: Run {
                variant: "als".into(),
                started: String::new(),
                fit_seconds: seconds,
                rank_seconds: 0.0,
                threads: 1,
                version: String::new(),
                machine: String::new(),
                source: json!(null),
                origin: Origin::default(),
            },
        }
    }

    fn done() -> Outcome {
        Outcome::Done {
            metrics: [("ndcg@3".to_owned(), 0.1 + 0.2)].into(),
            users: 2,
            users_hit: 1,
            users_tied: 0,
            periods: Vec::new(),
            attachments: [].into(),
        }
    }

    #[test]
    fn the_first_record_stays_and_reads_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        let first = record(done(), 1.0);
        assert_eq!(store.put(&first).unwrap(), Put::Stored);
        assert_eq!(store.put(&record(done(), 2.0)).unwrap(), Put::WasThere);
        assert_eq!(store.record(&first.id).unwrap(), Some(first));
        let log = std::fs::read_to_string(store.path("trials.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 1);
    }

    #[test]
    fn what_would_not_read_back_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        for value in [f64::NAN, f64::INFINITY] {
            let mut outcome = done();
            if let Outcome::Done { metrics, .. } = &mut outcome {
                metrics.insert("recall@3".into(), value);
            }
            let error = store.put(&record(outcome, 1.0)).unwrap_err().message();
            assert!(error.contains("not finite"), "{error}");
            // `null` would read back as `None`.
            let optional = store.keep_json("x.json", &Some(value)).unwrap_err();
            assert!(optional.message().contains("x.json"));
        }
        assert!(!store.path("trials.jsonl").exists());
        assert!(!store.path("x.json").exists());
        assert_eq!(store.record(&record(done(), 1.0).id).unwrap(), None);
    }

    #[test]
    fn a_failure_is_kept_until_the_trial_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        let failure = record(
            Outcome::Failed {
                message: "no".into(),
            },
            1.0,
        );
        store.put(&failure).unwrap();
        assert_eq!(store.record(&failure.id).unwrap(), None);
        assert_eq!(store.failed(&failure.id).unwrap(), Some(failure.clone()));
        store.put(&record(done(), 1.0)).unwrap();
        assert_eq!(store.failed(&failure.id).unwrap(), None);
    }

    #[test]
    fn a_folder_is_set_aside_under_a_free_name() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        for expected in ["x.old-1", "x.old-2"] {
            store.create().unwrap();
            let aside = store.set_aside().unwrap().unwrap();
            assert!(aside.ends_with(expected), "{}", aside.display());
        }
        assert_eq!(store.set_aside().unwrap(), None);
    }

    #[test]
    fn what_was_changed_by_hand_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        let name = store.attach("user,ndcg@3\nu1,0.5\n", "csv").unwrap();
        assert!(store.attachment(&name).is_ok());
        std::fs::write(store.path(&name), "user,ndcg@3\nu1,0.9\n").unwrap();
        let error = store.attachment(&name).unwrap_err().message();
        assert!(
            error.contains("is not what was written") && error.contains("remove it"),
            "{error}"
        );
        // A record under the name of another trial.
        let record = record(done(), 1.0);
        store.put(&record).unwrap();
        let path = |id: &str| store.path(&format!("records/{id}.json"));
        std::fs::rename(path(&record.id), path("0123456789abcdef")).unwrap();
        let error = store.record("0123456789abcdef").unwrap_err().message();
        assert!(error.contains("is not the record of this trial"), "{error}");
    }

    #[test]
    fn a_record_without_its_attachments_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        store.create().unwrap();
        let name = store.attach("user\nu1\n", "csv").unwrap();
        let attachments = [("lists".to_owned(), name.clone())].into();
        let outcome = Outcome::Done {
            metrics: [].into(),
            users: 1,
            users_hit: 0,
            users_tied: 0,
            periods: Vec::new(),
            attachments,
        };
        let record = record(outcome, 1.0);
        store.put(&record).unwrap();
        assert!(store.whole_record(&record.id).unwrap().is_some());
        std::fs::remove_file(store.path(&name)).unwrap();
        assert!(store.whole_record(&record.id).unwrap().is_none());
    }
}
