//! Attempts at units that an engine places: which were begun, where, and how they ended. What ended without
//! a word did so with its node, or with the process that watched it; such attempts count, else a unit that
//! takes its node down would do so for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::kept;
use super::{ATTEMPTS, Store};
use crate::exit::Failure;
use crate::records::{Placed, now};

/// Attempts that count no more.
const FORGOTTEN: &str = "attempts/forgotten";

/// An attempt at a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) unit: String,
    /// Its number, from 1.
    pub(crate) number: u32,
    pub(crate) placed: Placed,
    /// The process that watches it.
    pub(crate) pid: u32,
    /// When it began, UTC.
    pub(crate) begun: String,
    /// When it ended, UTC; nothing while it runs, or if nobody was left to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) how: Option<End>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// With a record of each trial.
    Done,
    /// Given back: the engine wanted the place for something else, or its time was over.
    Released,
    /// The process of the fit died; in words.
    Died(String),
}

impl Attempt {
    /// Wall seconds until its end, if it has one.
    pub(crate) fn seconds(&self) -> Option<f64> {
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let (begun, ended) = (time(&self.begun)?, time(self.ended.as_deref()?)?);
        Some(ended.duration_since(begun).as_secs_f64())
    }

    /// Whether it counts against the unit: it was not given back and led to nothing.
    fn counts(&self) -> bool {
        matches!(self.how, None | Some(End::Died(_)))
    }

    /// In words, for the record of a unit that came to no end.
    pub(crate) fn words(&self) -> String {
        let how = match &self.how {
            Some(End::Died(how)) => how,
            _ => "it ended without a word, as when its node dies",
        };
        format!("on {}: {how}", self.placed.words())
    }
}

/// An attempt that runs, to be ended.
#[derive(Debug)]
pub(crate) struct Begun<'s> {
    store: &'s Store,
    file: String,
    attempt: Attempt,
}

impl Begun<'_> {
    /// Its number, from 1: how many counted before, and one.
    pub(crate) fn number(&self) -> u32 {
        self.attempt.number
    }

    /// Says how it ended.
    pub(crate) fn end(mut self, how: End) -> Result<(), Failure> {
        self.attempt.ended = Some(now());
        self.attempt.how = Some(how);
        self.store.keep_json(&self.file, &self.attempt)
    }
}

impl Store {
    /// All attempts at a unit, in their order.
    pub(crate) fn attempts(&self, unit: &str) -> Result<Vec<Attempt>, Failure> {
        let own = format!("{unit}.");
        let mut found = Vec::new();
        for id in self.ids(ATTEMPTS)? {
            if id.starts_with(&own)
                && let Some(attempt) = self.read::<Attempt>(&format!("{ATTEMPTS}/{id}.json"))?
            {
                found.push(attempt);
            }
        }
        found.sort_by(|a, b| a.begun.cmp(&b.begun));
        Ok(found)
    }

    /// Reads what attempts there are into `known`, by the names of their files: of those that have ended only once.
    pub(crate) fn follow_attempts(
        &self,
        known: &mut BTreeMap<String, Attempt>,
    ) -> Result<(), Failure> {
        let there: BTreeSet<String> = self.ids(ATTEMPTS)?.into_iter().collect();
        known.retain(|id, _| there.contains(id));
        for id in there {
            if known
                .get(&id)
                .is_some_and(|attempt| attempt.ended.is_some())
            {
                continue;
            }
            if let Some(attempt) = self.read::<Attempt>(&format!("{ATTEMPTS}/{id}.json"))? {
                known.insert(id, attempt);
            }
        }
        Ok(())
    }

    /// The attempts at a unit that came to nothing.
    pub(crate) fn in_vain(&self, unit: &str) -> Result<Vec<Attempt>, Failure> {
        let mut attempts = self.attempts(unit)?;
        attempts.retain(Attempt::counts);
        Ok(attempts)
    }

    /// Begins another attempt at a unit.
    pub(crate) fn begin_attempt(&self, unit: &str, placed: &Placed) -> Result<Begun<'_>, Failure> {
        let attempt = Attempt {
            unit: unit.to_owned(),
            number: self.in_vain(unit)?.len() as u32 + 1,
            placed: placed.clone(),
            pid: std::process::id(),
            begun: now(),
            ended: None,
            how: None,
        };
        loop {
            let file = self.free(ATTEMPTS, unit, "json")?;
            let path: PathBuf = self.path(&file);
            // Another node may take the name first.
            if self.write_new(&file, kept(&path, &attempt)?.as_bytes())? {
                return Ok(Begun {
                    store: self,
                    file,
                    attempt,
                });
            }
        }
    }

    /// Forgets the attempts at a unit, which are kept under another name: it begins anew.
    pub(crate) fn forget_attempts(&self, unit: &str) -> Result<(), Failure> {
        let own = format!("{unit}.");
        for id in self.ids(ATTEMPTS)? {
            if id.starts_with(&own) {
                self.move_to(&format!("{ATTEMPTS}/{id}.json"), FORGOTTEN)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::store;
    use super::End;
    use crate::records::Placed;

    #[test]
    fn what_was_given_back_does_not_count_and_what_ended_without_a_word_does() {
        let (_folder, store) = store();
        let placed = Placed {
            node: "n1".into(),
            job: Some("7_1".into()),
            output: None,
        };
        let begin = || store.begin_attempt("unit", &placed).unwrap();
        begin().end(End::Released).unwrap();
        assert_eq!(begin().number(), 1, "ends without a word");
        let second = begin();
        assert_eq!(second.number(), 2);
        second.end(End::Died("SIGABRT".into())).unwrap();
        begin().end(End::Done).unwrap();
        let in_vain = store.in_vain("unit").unwrap();
        let words: Vec<String> = in_vain.iter().map(super::Attempt::words).collect();
        assert_eq!(
            words,
            [
                "on n1, job 7_1: it ended without a word, as when its node dies",
                "on n1, job 7_1: SIGABRT"
            ]
        );
        assert_eq!(store.attempts("unit").unwrap().len(), 4);
        assert!(store.attempts("uni").unwrap().is_empty());
        let mut known = std::collections::BTreeMap::new();
        store.follow_attempts(&mut known).unwrap();
        assert_eq!(known.len(), 4);
        assert_eq!(
            known
                .values()
                .filter(|attempt| attempt.ended.is_none())
                .count(),
            1
        );
        store.forget_attempts("unit").unwrap();
        store.follow_attempts(&mut known).unwrap();
        assert!(known.is_empty());
        assert_eq!(begin().number(), 1);
    }
}
