//! Each user's last events are foretold.

use std::num::NonZeroUsize;

use musicrec_api::{Events, Fold, Result, Splitter, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{Parts, by_user, check_times};

/// Each user's last events are foretold from the events before them.
///
/// Of a user's events in the order of time (equal times in the order of the log) the last `test` are
/// test, the `validation` before them validation, the rest train. A user with fewer than
/// `validation + test + 1` events stays wholly in train and is not evaluated. The log must have times.
///
/// Uses the future: one user's last event may be older than what others, and so the model, have
/// already heard; the report says so. `global_time` is the honest cut.
///
/// ```toml
/// [splitter.leave_last]
/// validation = 1
/// test = 1
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeaveLast {
    /// Events of each user for choosing settings; 0 for no validation part, which will do where there
    /// is nothing to choose. Default 1.
    #[schemars(extend("x-unit" = "events"))]
    pub validation: usize,
    /// Events of each user for the final score, at least 1. Default 1.
    #[schemars(extend("x-unit" = "events"))]
    pub test: NonZeroUsize,
}

impl Default for LeaveLast {
    fn default() -> Self {
        Self {
            validation: 1,
            test: NonZeroUsize::MIN,
        }
    }
}

#[typetag::serde(name = "leave_last")]
impl Splitter for LeaveLast {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        check_times("leave_last", events)?;
        let held = self.validation.saturating_add(self.test.get());
        let mut parts = Parts::default();
        let mut most = 0;
        for mut own in by_user(events) {
            most = most.max(own.len());
            if own.len() <= held {
                parts.train.append(&mut own);
                continue;
            }
            // Stable: equal times keep the order of the log.
            own.sort_by_key(|&event| events.time.at(event as usize));
            parts.test.extend(own.drain(own.len() - self.test.get()..));
            parts
                .validation
                .extend(own.drain(own.len() - self.validation..));
            parts.train.append(&mut own);
        }
        parts.folds("leave_last", self.validation > 0, |_| {
            format!(
                "no user has more than {most} events, and {} + {} of them plus one to learn from are \
                 needed; lower `validation` or `test`",
                self.validation, self.test
            )
        })
    }

    fn uses_the_future(&self) -> bool {
        true
    }

    fn makes_validation(&self) -> Option<bool> {
        Some(self.validation > 0)
    }
}

register!(Splitter, LeaveLast, "leave_last", revision = 1);

#[cfg(test)]
mod tests {
    use super::LeaveLast;
    use crate::parts::tests::{parse, parts, timed};
    use musicrec_api::{Events, Splitter};

    fn log() -> Events {
        timed(&[
            ("u", 9),
            ("v", 1),
            ("u", 5),
            ("u", 5),
            ("v", 2),
            ("u", 1),
            ("w", 3),
            ("w", 3),
            ("w", 3),
        ])
    }

    #[test]
    fn the_last_events_of_each_user_in_the_order_of_time_then_of_the_log() {
        let splitter = LeaveLast::default();
        let (train, validation, test) = parts(&splitter.split(&log(), 7).unwrap());
        // u: 5, 2, 3, 0; v is too short; w: 6, 7, 8.
        assert_eq!(train, [1, 2, 4, 5, 6]);
        assert_eq!(validation, [3, 7]);
        assert_eq!(test, [0, 8]);
        assert!(splitter.uses_the_future());
    }

    #[test]
    fn counts_are_parameters_and_validation_may_be_none() {
        let splitter = parse(r#"{"leave_last": {"validation": 0, "test": 2}}"#);
        let (train, validation, test) = parts(&splitter.split(&log(), 7).unwrap());
        assert_eq!(train, [1, 2, 4, 5, 6]);
        assert!(validation.is_empty());
        assert_eq!(test, [0, 3, 7, 8]);
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_remedy() {
        let fault = |json: &str, events: &Events| {
            let splitter = parse(&format!(r#"{{"leave_last": {json}}}"#));
            splitter.split(events, 7).unwrap_err().to_string()
        };
        let error = fault(r#"{"test": 3}"#, &log());
        assert!(error.contains("validation part would be empty"), "{error}");
        assert!(error.contains("no user has more than 4 events"), "{error}");
        let huge = format!(r#"{{"validation": {}}}"#, usize::MAX);
        assert!(fault(&huge, &log()).contains("lower `validation`"));
        let error = fault("{}", &Events::from_pairs([("u", "a")]));
        assert!(error.contains("no times"), "{error}");
    }
}
