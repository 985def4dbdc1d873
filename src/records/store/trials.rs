//! Records of trials: put if absent, read once, believed only if they are what they say.

use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;

use rayon::prelude::*;

use super::files::{changed, kept};
use super::log::append;
use super::{FAILED, RECORDS, Store};
use crate::exit::Failure;
use crate::records::{Outcome, Record, SCHEMA};

/// What became of a record that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is there now.
    Stored,
    /// One of that id was there already, and was left as it is.
    WasThere,
    /// One of that id was there already, and came to something else. It stays; this one was kept
    /// here.
    Conflict(PathBuf),
}

/// The log of trials in the order of their end.
pub(super) const LOG: &str = "trials.jsonl";

/// Failures of trials that were tried again.
const FORGOTTEN: &str = "failed/forgotten";

/// The file of a record in a folder of records.
pub(super) fn file(folder: &str, id: &str) -> String {
    format!("{folder}/{id}.json")
}

impl Store {
    /// The record of a trial that is done and whose attachments are all there as they were written:
    /// otherwise the trial is run again, which brings them back.
    pub(crate) fn whole_record(&self, id: &str) -> Result<Option<Record>, Failure> {
        let record = self.record(id)?;
        Ok(record.filter(|record| match &record.result.outcome {
            Outcome::Done { attachments, .. } => {
                let names: Vec<&String> = attachments.values().collect();
                names.par_iter().all(|name| self.attachment(name).is_ok())
            }
            Outcome::Failed { .. } => true,
        }))
    }

    /// The record of a trial that is done.
    pub(crate) fn record(&self, id: &str) -> Result<Option<Record>, Failure> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = known.get(id) {
            return Ok(Some(record.clone()));
        }
        drop(known);
        let name = file(RECORDS, id);
        let Some(record) = self.read::<Record>(&name)? else {
            return Ok(None);
        };
        if record.schema != SCHEMA || record.id != id || record.result.key.id() != id {
            let what = "is not the record of this trial";
            return Err(changed(&self.place(&name), what));
        }
        self.remember(&record);
        Ok(Some(record))
    }

    fn remember(&self, record: &Record) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(record.id.clone(), record.clone());
    }

    /// What is wrong if a record's numbers are not those of its attachments.
    pub(crate) fn disagrees(&self, id: &str) -> Failure {
        changed(
            &self.place(&file(RECORDS, id)),
            "does not agree with its attachments",
        )
    }

    /// The record of a trial's last failure.
    pub(crate) fn failed(&self, id: &str) -> Result<Option<Record>, Failure> {
        // Of several folders one may have been luckier.
        if !self.others.is_empty() && self.record(id)?.is_some() {
            return Ok(None);
        }
        self.read(&file(FAILED, id))
    }

    /// Stores the record of a trial and adds it to the log. A record that is done is put if absent;
    /// a failure replaces an earlier one, unless another process was luckier.
    pub(crate) fn put(&self, record: &Record) -> Result<Put, Failure> {
        if let Outcome::Failed { .. } = record.result.outcome {
            if self.record(&record.id)?.is_some() {
                return Ok(Put::WasThere);
            }
            self.keep_json(&file(FAILED, &record.id), record)?;
            self.log(record)?;
            return Ok(Put::Stored);
        }
        let name = file(RECORDS, &record.id);
        let text = kept(&self.path(&name), record)?;
        while !self.write_new(&name, text.as_bytes())? {
            match self.record(&record.id)? {
                Some(first) => return self.second(&first, record),
                // Torn, and not yet repaired because another sweep works here.
                None => drop(self.set_damaged_aside(&name)?),
            }
        }
        self.remember(record);
        let old = self.path(&file(FAILED, &record.id));
        match fs::remove_file(&old) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::output(old.display(), &e));
            }
            _ => {}
        }
        self.log(record)?;
        Ok(Put::Stored)
    }

    /// Lets a trial that failed begin anew: its failure is kept under another name. Whether there was one.
    pub(crate) fn forget_failure(&self, id: &str) -> Result<bool, Failure> {
        let moved = self.move_to(&file(FAILED, id), FORGOTTEN)?;
        Ok(moved.is_some())
    }

    /// The same trial, computed twice: it has to come to the same.
    fn second(&self, first: &Record, second: &Record) -> Result<Put, Failure> {
        if first.result.same(&second.result) {
            return Ok(Put::WasThere);
        }
        self.keep_conflict(second).map(Put::Conflict)
    }

    fn log(&self, record: &Record) -> Result<(), Failure> {
        append(&self.path(LOG), record)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::samples::{done, failure, record, store};
    use super::Put;

    #[test]
    fn the_first_record_stays_and_reads_back_bit_for_bit() {
        let (_folder, store) = store();
        let first = record(0, done(0.1 + 0.2, &[]), 1);
        assert_eq!(store.put(&first).unwrap(), Put::Stored);
        let second = record(0, done(0.1 + 0.2, &[]), 2);
        assert_eq!(store.put(&second).unwrap(), Put::WasThere);
        let unread = Store::new(store.folder().to_owned());
        assert_eq!(unread.record(&first.id).unwrap(), Some(first));
        let log = std::fs::read_to_string(store.path("trials.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 1);
    }

    #[test]
    fn a_record_is_read_once() {
        let (_folder, store) = store();
        let first = record(0, done(0.5, &[]), 1);
        store.put(&first).unwrap();
        let path = store.path(&format!("records/{}.json", first.id));
        let reader = Store::new(store.folder().to_owned());
        assert_eq!(reader.record(&first.id).unwrap().as_ref(), Some(&first));
        std::fs::write(path, "nonsense").unwrap();
        for store in [&store, &reader] {
            assert_eq!(store.record(&first.id).unwrap().as_ref(), Some(&first));
        }
        let unread = Store::new(store.folder().to_owned());
        assert!(unread.record(&first.id).is_err());
    }

    #[test]
    fn a_record_that_would_not_read_back_is_not_written() {
        let (_folder, store) = store();
        for value in [f64::NAN, f64::INFINITY] {
            let error = store.put(&record(0, done(value, &[]), 1)).unwrap_err();
            let message = error.message();
            assert!(message.contains("not finite"), "{message}");
        }
        assert!(!store.path("trials.jsonl").exists());
        let id = record(0, failure(), 1).id;
        assert_eq!(store.record(&id).unwrap(), None);
    }

    #[test]
    fn a_failure_is_kept_until_the_trial_succeeds() {
        let (_folder, store) = store();
        let failure = record(0, failure(), 1);
        store.put(&failure).unwrap();
        assert_eq!(store.record(&failure.id).unwrap(), None);
        assert_eq!(store.failed(&failure.id).unwrap(), Some(failure.clone()));
        store.put(&record(0, done(0.5, &[]), 2)).unwrap();
        assert_eq!(store.failed(&failure.id).unwrap(), None);
        // Who fails where another process succeeded takes nothing away.
        assert_eq!(store.put(&failure).unwrap(), Put::WasThere);
        assert_eq!(store.failed(&failure.id).unwrap(), None);
    }

    #[test]
    fn several_folders_are_read_as_one() {
        let (_a, a) = store();
        let (_b, b) = store();
        let attachment = b.attach("user\nu1\n", "csv").unwrap();
        let [zero, one] = [0, 1].map(|repeat| record(repeat, done(0.5, &[]), 1));
        let failures = [0, 2].map(|repeat| record(repeat, failure(), 2));
        a.put(&zero).unwrap();
        b.put(&one).unwrap();
        for failure in &failures {
            b.put(failure).unwrap();
        }
        let both = Store::joined(a.folder().to_owned(), vec![b.folder().to_owned()]);
        assert_eq!(both.record(&zero.id).unwrap().as_ref(), Some(&zero));
        assert_eq!(both.record(&one.id).unwrap().as_ref(), Some(&one));
        assert_eq!(both.attachment(&attachment).unwrap(), "user\nu1\n");
        // What failed in one folder and is done in another is done.
        assert_eq!(both.failed(&zero.id).unwrap(), None);
        let [_, failed] = failures;
        assert_eq!(both.failed(&failed.id).unwrap().as_ref(), Some(&failed));
        assert_eq!(both.record(&failed.id).unwrap(), None);
        assert_eq!(both.folders().count(), 2);
    }

    #[test]
    fn a_torn_record_makes_way() {
        let (_folder, store) = store();
        let whole = record(0, done(0.5, &[]), 1);
        let name = format!("records/{}.json", whole.id);
        std::fs::write(store.path(&name), "{\"schema\"").unwrap();
        assert_eq!(store.record(&whole.id).unwrap(), None);
        assert_eq!(store.put(&whole).unwrap(), Put::Stored);
        let unread = Store::new(store.folder().to_owned());
        assert_eq!(unread.record(&whole.id).unwrap().as_ref(), Some(&whole));
        let aside = store.path(&format!("damaged/{}.1.json", whole.id));
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"schema\"");
    }

    #[test]
    fn a_record_under_the_name_of_another_trial_is_not_believed() {
        let (_folder, store) = store();
        let record = record(0, done(0.5, &[]), 1);
        store.put(&record).unwrap();
        let path = |id: &str| store.path(&format!("records/{id}.json"));
        std::fs::rename(path(&record.id), path("0123456789abcdef")).unwrap();
        let error = store.record("0123456789abcdef").unwrap_err().message();
        assert!(error.contains("is not the record of this trial"), "{error}");
    }

    #[test]
    fn a_record_without_its_attachments_is_not_whole() {
        let (_folder, store) = store();
        let name = store.attach("user\nu1\n", "csv").unwrap();
        let record = record(0, done(0.5, &[&name]), 1);
        store.put(&record).unwrap();
        let whole = || store.whole_record(&record.id).unwrap().is_some();
        assert!(whole());
        for damaged in ["", "user\nu", "user\nu2\n", "\0\0\0\0\0\0\0\0"] {
            std::fs::write(store.path(&name), damaged).unwrap();
            assert!(!whole(), "{damaged}");
        }
        std::fs::remove_file(store.path(&name)).unwrap();
        assert!(!whole());
        store.attach("user\nu1\n", "csv").unwrap();
        assert!(whole());
    }
}
