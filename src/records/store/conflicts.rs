//! Trials that came to something else a second time. Both records are kept, for one of them is wrong
//! and nobody but a person can say which.

use std::path::PathBuf;

use super::files::kept;
use super::trials::file;
use super::{CONFLICTS, Store};
use crate::exit::Failure;
use crate::records::Record;

/// A second record of a trial whose result is not that of the first.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Its file in the store.
    pub(crate) file: String,
    pub(crate) record: Record,
}

impl Store {
    /// Keeps a second record beside the first and says where. One of the same result is not kept
    /// twice.
    pub(super) fn keep_conflict(&self, record: &Record) -> Result<PathBuf, Failure> {
        for known in self.conflicts()? {
            if known.record.id == record.id && known.record.result.same(&record.result) {
                return Ok(self.path(&known.file));
            }
        }
        loop {
            let name = self.free(CONFLICTS, &record.id, "json")?;
            let path = self.path(&name);
            // Another process may take the name first.
            if self.write_new(&name, kept(&path, record)?.as_bytes())? {
                return Ok(path);
            }
        }
    }

    /// All that are kept, by file.
    pub(crate) fn conflicts(&self) -> Result<Vec<Conflict>, Failure> {
        let mut found = Vec::new();
        for id in self.ids(CONFLICTS)? {
            let file = file(CONFLICTS, &id);
            if let Some(record) = self.read(&file)? {
                found.push(Conflict { file, record });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Put;
    use super::super::samples::{done, record, store};

    #[test]
    fn a_second_result_that_differs_is_kept_aside_once() {
        let (_folder, store) = store();
        let first = record(0, done(0.5, &[]), 1);
        store.put(&first).unwrap();
        assert!(store.conflicts().unwrap().is_empty());
        let expected = |n: usize| store.path(&format!("conflicts/{}.{n}.json", first.id));
        // In the last bit, and in the sign of zero, which are equal as numbers.
        for (at, value) in [0.5 + f64::EPSILON, 0.0, -0.0].into_iter().enumerate() {
            for second in 2..4 {
                let put = store.put(&record(0, done(value, &[]), second)).unwrap();
                assert_eq!(put, Put::Conflict(expected(at + 1)), "{value}");
            }
        }
        assert_eq!(store.record(&first.id).unwrap().as_ref(), Some(&first));
        let conflicts = store.conflicts().unwrap();
        assert_eq!(conflicts.len(), 3);
        assert_eq!(conflicts[0].file, format!("conflicts/{}.1.json", first.id));
        assert_eq!(conflicts[0].record.run.fit_seconds(), 2.0);
        // Time and machine are never compared.
        let again = record(0, done(0.5, &[]), 9);
        assert_eq!(store.put(&again).unwrap(), Put::WasThere);
        let log = std::fs::read_to_string(store.path("trials.jsonl")).unwrap();
        assert_eq!(log.lines().count(), 1);
    }
}
