//! What a killed process or a crash of the machine left: taken out, kept to be looked at, and said.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use super::files::{PART, torn};
use super::fits::FITS;
use super::log::Found;
use super::together::OPENING_LOCK;
use super::trials::{LOG, file};
use super::{ATTACHMENTS, CONFLICTS, DAMAGED, FAILED, RECORDS, RUNNING, Store};
use crate::exit::Failure;
use crate::records::Record;

/// What of a line of the log of trials says whose it is.
#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    result: Status,
    run: End,
}

#[derive(Debug, Deserialize)]
struct Status {
    status: String,
}

#[derive(Debug, Deserialize)]
struct End {
    #[serde(default)]
    ended: String,
}

impl Store {
    /// Repairs the folder and says what was done. Nobody else may work in it.
    pub(crate) fn repair(&self) -> Result<Vec<String>, Failure> {
        let mut says = Vec::new();
        self.remove_leftovers(&mut says)?;
        self.take_out_torn_files(&mut says)?;
        self.repair_log_of_trials(&mut says)?;
        self.repair_log_of_fits(&mut says)?;
        Ok(says)
    }

    /// Files that were never finished, and those of processes that are no more.
    fn remove_leftovers(&self, says: &mut Vec<String>) -> Result<(), Failure> {
        let remove = |name: &str| {
            let path = self.path(name);
            fs::remove_file(&path).map_err(|e| Failure::output(path.display(), &e))
        };
        for name in self.names(RUNNING)? {
            if name != OPENING_LOCK {
                remove(&format!("{RUNNING}/{name}"))?;
            }
        }
        let mut removed = 0;
        for folder in ["", RECORDS, FAILED, ATTACHMENTS, CONFLICTS, DAMAGED] {
            for name in self.names(folder)? {
                if name.starts_with(PART) {
                    let name = format!("{folder}/{name}");
                    remove(name.trim_start_matches('/'))?;
                    removed += 1;
                }
            }
        }
        if removed > 0 {
            says.push(format!(
                "{}: {} of an interrupted sweep removed",
                self.folder.display(),
                counted(removed, "unfinished file")
            ));
        }
        Ok(())
    }

    /// Records, and what the folder is about, that a crash of the machine cut short.
    fn take_out_torn_files(&self, says: &mut Vec<String>) -> Result<(), Failure> {
        let mut names = vec!["experiment.json".to_owned()];
        for folder in [RECORDS, FAILED, CONFLICTS] {
            let ids = self.ids(folder)?.into_iter();
            names.extend(ids.map(|id| file(folder, &id)));
        }
        for name in names {
            let path = self.path(&name);
            let Ok(bytes) = fs::read(&path) else {
                continue;
            };
            // A whole one need not be parsed to be told from a torn one.
            let ends = bytes.trim_ascii_end().ends_with(b"}") && !bytes.contains(&0);
            if !ends
                && torn(&bytes)
                && let Some(aside) = self.set_damaged_aside(&name)?
            {
                says.push(format!(
                    "{} was cut short, as a crash of the machine leaves a file; moved to {aside}, and \
                     what it held is computed again",
                    path.display()
                ));
            }
        }
        Ok(())
    }

    /// Takes out what is no JSON and gives every record a line, where its end belongs. Lines of
    /// records that are no more stay: they are history.
    fn repair_log_of_trials(&self, says: &mut Vec<String>) -> Result<(), Failure> {
        let path = self.path(LOG);
        let bytes = fs::read(&path).unwrap_or_default();
        let found = Found::in_log(&bytes);
        let mut logged = BTreeSet::new();
        let mut lines = Vec::new();
        for text in &found.lines {
            let line = serde_json::from_slice::<Line>(text).ok();
            let ended = line.as_ref().map_or(String::new(), |l| l.run.ended.clone());
            logged.extend(line.map(|line| (line.id, line.result.status)));
            lines.push((ended, text.to_vec()));
        }
        let missing = self.not_in(&logged)?;
        if found.whole && missing.is_empty() {
            return Ok(());
        }
        if bytes.is_empty() {
            says.push(format!(
                "{} was missing; written again from {}",
                path.display(),
                counted(missing.len(), "record")
            ));
        } else if !missing.is_empty() {
            says.push(format!(
                "{}: {} without a line got one",
                path.display(),
                counted(missing.len(), "record")
            ));
        }
        self.rewrite(LOG, &found, &merged(lines, missing), says)
    }

    fn repair_log_of_fits(&self, says: &mut Vec<String>) -> Result<(), Failure> {
        let bytes = fs::read(self.path(FITS)).unwrap_or_default();
        let found = Found::in_log(&bytes);
        if found.whole {
            return Ok(());
        }
        let lines: Vec<Vec<u8>> = found.lines.iter().map(|line| line.to_vec()).collect();
        self.rewrite(FITS, &found, &lines, says)
    }

    /// Writes a log anew, after what is torn in it has been kept.
    fn rewrite(
        &self,
        log: &str,
        found: &Found,
        lines: &[Vec<u8>],
        says: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let together = |lines: &[Vec<u8>]| {
            let mut bytes = lines.join(&b'\n');
            bytes.push(b'\n');
            bytes
        };
        if !found.torn.is_empty() {
            let torn: Vec<Vec<u8>> = found.torn.iter().map(|line| line.to_vec()).collect();
            let stem = log.strip_suffix(".jsonl").unwrap_or(log);
            let aside = self.free(DAMAGED, stem, "jsonl")?;
            self.write(&aside, &together(&torn))?;
            says.push(format!(
                "{}: {} moved to {aside}",
                self.path(log).display(),
                counted(torn.len(), "torn line")
            ));
        }
        let bytes = if lines.is_empty() {
            Vec::new()
        } else {
            together(lines)
        };
        self.write(log, &bytes)
    }

    /// The lines, with their end, of records that are not logged. A record that somebody changed is
    /// found where it is needed.
    fn not_in(
        &self,
        logged: &BTreeSet<(String, String)>,
    ) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut missing = Vec::new();
        for (folder, status) in [(RECORDS, "done"), (FAILED, "failed")] {
            for id in self.ids(folder)? {
                let key = (id, status.to_owned());
                if logged.contains(&key) {
                    continue;
                }
                if let Ok(Some(record)) = self.read::<Record>(&file(folder, &key.0)) {
                    let line = serde_json::to_vec(&record).expect("a record is plain data");
                    missing.push((record.run.ended, line));
                }
            }
        }
        missing.sort();
        Ok(missing)
    }
}

/// Lines in their order, and each missing one before the first that ended later.
fn merged(lines: Vec<(String, Vec<u8>)>, missing: Vec<(String, Vec<u8>)>) -> Vec<Vec<u8>> {
    let mut merged = Vec::new();
    let mut missing = missing.into_iter().peekable();
    for (ended, line) in lines {
        while let Some((_, earlier)) = missing.next_if(|(end, _)| *end < ended) {
            merged.push(earlier);
        }
        merged.push(line);
    }
    merged.extend(missing.map(|(_, line)| line));
    merged
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::samples::{done, failure, record, store};

    fn log(store: &Store) -> String {
        std::fs::read_to_string(store.path("trials.jsonl")).unwrap()
    }

    /// A store with four records and one failure, which ended in another order than that of their
    /// ids.
    fn filled() -> (tempfile::TempDir, Store) {
        let (folder, store) = store();
        for (repeat, second) in [(2, 11), (0, 12), (3, 13), (1, 14)] {
            store.put(&record(repeat, done(0.5, &[]), second)).unwrap();
        }
        store.put(&record(4, failure(), 15)).unwrap();
        (folder, store)
    }

    #[test]
    fn what_is_whole_is_left_alone() {
        let (_folder, store) = filled();
        let before = log(&store);
        assert_eq!(before.lines().count(), 5);
        assert_eq!(store.repair().unwrap(), [""; 0]);
        assert_eq!(log(&store), before);
        let (_folder, empty) = self::store();
        assert_eq!(empty.repair().unwrap(), [""; 0]);
        assert!(!empty.path("trials.jsonl").exists());
    }

    #[test]
    fn a_log_comes_back_from_the_records_in_the_order_of_their_end() {
        let (_folder, store) = filled();
        let before = log(&store);
        std::fs::remove_file(store.path("trials.jsonl")).unwrap();
        let says = store.repair().unwrap();
        assert!(
            says[0].contains("was missing; written again from 5 records"),
            "{says:?}"
        );
        assert_eq!(log(&store), before);
        // Lines that are lost come back where they were.
        let lines: Vec<&str> = before.lines().collect();
        for lost in 0..5 {
            let mut some = lines.clone();
            some.remove(lost);
            std::fs::write(store.path("trials.jsonl"), some.join("\n") + "\n").unwrap();
            let says = store.repair().unwrap();
            assert!(
                says[0].contains("1 record without a line got one"),
                "{says:?}"
            );
            assert_eq!(log(&store), before, "{lost}");
        }
    }

    #[test]
    fn torn_lines_are_taken_out_and_kept() {
        let (_folder, store) = filled();
        let whole = log(&store);
        let cut = whole.len() - 30;
        let zeros = whole.replacen('\n', "\n\0\0\0\0\n", 1);
        let glued = whole.replacen('\n', "", 1);
        for (n, (torn, kept)) in [
            (&whole[..cut], whole.lines().last().unwrap()),
            (&zeros, "\0\0\0\0\n"),
            (&glued, ""),
        ]
        .into_iter()
        .enumerate()
        {
            std::fs::write(store.path("trials.jsonl"), torn).unwrap();
            let says = store.repair().unwrap();
            let aside = format!("damaged/trials.{}.jsonl", n + 1);
            assert!(
                says.last()
                    .unwrap()
                    .contains(&format!("1 torn line moved to {aside}")),
                "{says:?}"
            );
            assert_eq!(log(&store), whole);
            let saved = std::fs::read_to_string(store.path(&aside)).unwrap();
            match kept {
                "" => assert_eq!(saved.lines().count(), 1),
                kept => assert!(kept.starts_with(saved.trim_end()), "{saved}"),
            }
            assert_eq!(store.repair().unwrap(), [""; 0]);
        }
        // Nothing is lost but the line's end.
        std::fs::write(store.path("trials.jsonl"), whole.trim_end()).unwrap();
        store.repair().unwrap();
        assert_eq!(log(&store), whole);
    }

    #[test]
    fn history_stays() {
        let (_folder, store) = filled();
        let before = log(&store);
        let id = record(3, failure(), 0).id;
        std::fs::remove_file(store.path(&format!("records/{id}.json"))).unwrap();
        assert_eq!(store.repair().unwrap(), [""; 0]);
        assert_eq!(log(&store), before);
        // A remark that somebody wrote there is JSON, too.
        let remarked = format!("\"from here on with two threads\"\n{before}");
        std::fs::write(store.path("trials.jsonl"), &remarked).unwrap();
        assert_eq!(store.repair().unwrap(), [""; 0]);
        assert_eq!(log(&store), remarked);
    }

    #[test]
    fn the_log_of_fits_loses_only_what_is_torn() {
        let (_folder, store) = filled();
        let path = store.path("fits.jsonl");
        std::fs::write(&path, "{\"event\":\"begin\"}\n{\"event\":").unwrap();
        let says = store.repair().unwrap();
        assert!(says[0].contains("fits.jsonl: 1 torn line moved to damaged/fits.1.jsonl"));
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"event\":\"begin\"}\n");
    }

    #[test]
    fn what_a_crash_cut_short_is_moved_and_what_was_changed_is_not() {
        let (_folder, store) = filled();
        let ids = [0, 1, 2, 3].map(|repeat| record(repeat, failure(), 0).id);
        let path = |at: usize| store.path(&format!("records/{}.json", ids[at]));
        let whole = std::fs::read(path(0)).unwrap();
        let mut zeros = whole.clone();
        zeros[300..].fill(0);
        std::fs::write(path(0), &whole[..whole.len() / 2]).unwrap();
        std::fs::write(path(1), "").unwrap();
        std::fs::write(path(2), zeros).unwrap();
        std::fs::write(path(3), "nonsense").unwrap();
        std::fs::write(store.path("experiment.json"), [0; 50]).unwrap();
        let store = Store::new(store.folder().to_owned());
        let says = store.repair().unwrap();
        assert_eq!(says.len(), 4, "{says:?}");
        assert!(
            says.iter()
                .all(|s| s.contains("was cut short") && s.contains("damaged/"))
        );
        assert!(says[0].contains("experiment.json"));
        for id in &ids[..3] {
            assert!(store.record(id).unwrap().is_none());
            assert!(store.path(&format!("damaged/{id}.1.json")).exists());
        }
        assert!(!store.path("experiment.json").exists());
        assert!(store.record(&ids[3]).is_err());
    }

    #[test]
    fn leftovers_are_removed_and_nothing_else() {
        let (_folder, store) = filled();
        for name in [".part-a", "records/.part-b", "attachments/.part-c"] {
            std::fs::write(store.path(name), "half").unwrap();
        }
        for name in ["running/4711.1.json", "running/abc.lock", "notes.txt"] {
            std::fs::write(store.path(name), "").unwrap();
        }
        let says = store.repair().unwrap();
        assert_eq!(says.len(), 1);
        assert!(says[0].contains("3 unfinished files of an interrupted sweep removed"));
        assert!(!store.path(".part-a").exists() && !store.path("records/.part-b").exists());
        assert_eq!(store.names("running").unwrap(), [""; 0]);
        assert_eq!(store.names("records").unwrap().len(), 4);
        assert!(store.path("notes.txt").exists());
    }
}
