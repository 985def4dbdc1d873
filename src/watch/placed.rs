//! Units that an engine runs now on other nodes, by the attempts at them.

use std::collections::BTreeMap;

use crate::records::{Attempt, Store};

/// Units at work, with the node of each.
pub(super) type AtWork = BTreeMap<String, String>;

/// Attempts as they were when they were looked at last, by the names of their files.
#[derive(Debug, Default)]
pub(super) struct Placed {
    known: BTreeMap<String, Attempt>,
}

impl Placed {
    /// Looks anew; what cannot be read now is not there yet.
    pub(super) fn look(&mut self, store: &Store) {
        let _ = store.follow_attempts(&mut self.known);
    }

    /// The units whose last attempt has not ended, as far as anybody was left to tell.
    pub(super) fn at_work(&self) -> AtWork {
        let mut last: BTreeMap<&str, &Attempt> = BTreeMap::new();
        for attempt in self.known.values() {
            let known = last.entry(&attempt.unit).or_insert(attempt);
            if known.begun < attempt.begun {
                *known = attempt;
            }
        }
        let open = last.values().filter(|attempt| attempt.ended.is_none());
        open.map(|attempt| (attempt.unit.clone(), attempt.placed.node.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use musicrec_api::Role;

    use super::super::fits::{Fits, Span};
    use super::Placed;
    use crate::records::{Attempt, End, Placed as Place, Worker};

    fn attempt(unit: &str, begun: &str, over: bool) -> Attempt {
        Attempt {
            unit: unit.to_owned(),
            number: 1,
            placed: Place {
                node: format!("node of {unit}"),
                job: None,
                output: None,
            },
            pid: 7,
            begun: begun.to_owned(),
            ended: over.then(|| begun.to_owned()),
            how: over.then_some(End::Done),
        }
    }

    fn span(unit: &str, second: i64, over: bool) -> Span {
        let at = |second| Timestamp::from_second(1_000_000 + second).unwrap();
        Span {
            unit: unit.to_owned(),
            role: Role::Validation,
            trials: vec![unit.to_owned()],
            pid: 7,
            began: at(second),
            over: over.then(|| (at(second + 1), true)),
        }
    }

    #[test]
    fn a_unit_runs_elsewhere_if_its_last_attempt_does() {
        let all = [
            // Its node died, and it began anew elsewhere.
            attempt("a", "2026-01-01T10:00:00Z", false),
            attempt("a", "2026-01-01T10:05:00Z", false),
            // It was done the second time.
            attempt("b", "2026-01-01T10:00:00Z", false),
            attempt("b", "2026-01-01T10:05:00Z", true),
        ];
        let known = all
            .into_iter()
            .enumerate()
            .map(|(at, a)| (format!("{at}"), a));
        let placed = Placed {
            known: known.collect(),
        };
        let at_work = placed.at_work();
        assert_eq!(at_work.len(), 1);
        assert_eq!(at_work["a"], "node of a");
        let fits = Fits {
            all: vec![
                span("a", 10, false),
                span("b", 11, false),
                span("b", 12, true),
                span("a", 13, false),
                span("c", 14, false),
            ],
        };
        let since = Timestamp::from_second(1_000_000).unwrap().to_string();
        let engine = Worker::elsewhere("slurm", &since, String::new());
        let began = |workers: &[Worker]| -> Vec<Timestamp> {
            let own = fits.of(workers, &at_work).into_iter();
            own.map(|span| span.began).collect()
        };
        assert_eq!(began(&[engine]), [fits.all[2].began, fits.all[3].began]);
        let late = Timestamp::from_second(1_000_020).unwrap().to_string();
        assert!(began(&[Worker::elsewhere("slurm", &late, String::new())]).is_empty());
    }
}
