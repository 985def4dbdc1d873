//! One cut through time for everybody.

use musicrec_api::{
    CheckContext, Events, Fold, Problem, Result, Share, ShareOrZero, Splitter, register, time_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{Parts, check_times, default_shares, floor_share, too_large, train_share};

/// One cut through time for everybody: nothing in an earlier part is later than anything in a later
/// part, so no model learns from what was still to come when its recommendations would be shown.
///
/// Formula: with the `n` events in the order of time, `T` is the time of the event at index
/// `floor((1 - test) * n)` and `V` that at index `floor((1 - test - validation) * n)`, counted from 0.
/// Train is what happened before `V`, validation from `V` to before `T`, test from `T` on. Events of
/// equal time stay together, so parts can be larger or smaller than asked. Both shares are shares of
/// the whole log. The log must have times.
///
/// Source: Ji et al., "A Critical Study on Data Leakage in Recommender System Offline Evaluation",
/// TOIS 2023 (arXiv 2010.11060).
///
/// ```toml
/// [splitter.global_time]
/// validation = 0.16    # shares of the whole log
/// test = 0.2
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalTime {
    /// Share of the events that are for choosing settings, below 1; 0 for no validation part, which
    /// will do where there is nothing to choose. Default 0.16.
    pub validation: ShareOrZero,
    /// Share of the events that are for the final score, between 0 and 1. Default 0.2.
    pub test: Share,
}

impl Default for GlobalTime {
    fn default() -> Self {
        let (validation, test) = default_shares();
        Self { validation, test }
    }
}

#[typetag::serde(name = "global_time")]
impl Splitter for GlobalTime {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        let train = train_share("global_time", self.validation, self.test)?;
        check_times("global_time", events)?;
        let mut times = events.time.to_vec();
        let mut time_at = |share: f64| {
            // A tiny test share of a short log still means its last event.
            let index = floor_share(share, times.len()).min(times.len() - 1);
            *times.select_nth_unstable(index).1
        };
        let test_from = time_at(1.0 - self.test.get());
        let with_validation = self.validation.get() > 0.0;
        let validation_from = if with_validation {
            time_at(train)
        } else {
            test_from
        };

        let mut parts = Parts::default();
        for (event, time) in (0..).zip(&events.time) {
            if time < validation_from {
                parts.train.push(event);
            } else if time < test_from {
                parts.validation.push(event);
            } else {
                parts.test.push(event);
            }
        }
        parts.folds("global_time", with_validation, |part| {
            let (cut, remedy) = if part == "train" {
                (validation_from, "smaller shares of validation and test")
            } else {
                (test_from, "a larger share of validation")
            };
            let together = events.time.iter().filter(|&t| t == cut).count();
            format!(
                "its cut falls on {}, the time of {together} of {} events, which stay together, and \
                 no event is left before it; try {remedy}, or the splitter `random` if the times \
                 mean nothing",
                time_text(cut),
                events.len(),
            )
        })
    }

    fn uses_the_future(&self) -> bool {
        false
    }

    fn makes_validation(&self) -> Option<bool> {
        Some(self.validation.get() > 0.0)
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        too_large(self.validation, self.test).into_iter().collect()
    }
}

register!(Splitter, GlobalTime, "global_time", revision = 1);

#[cfg(test)]
mod tests {
    use super::GlobalTime;
    use crate::parts::tests::{parse, parts, timed};
    use musicrec_api::{Events, Splitter};

    const GOLDEN: [i64; 10] = [1, 2, 3, 4, 4, 4, 5, 6, 7, 8];

    fn log(times: &[i64]) -> Events {
        timed(&times.iter().map(|&t| ("u", t)).collect::<Vec<_>>())
    }

    fn split(json: &str, times: &[i64]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let splitter = parse(&format!(r#"{{"global_time": {json}}}"#));
        parts(&splitter.split(&log(times), 7).unwrap())
    }

    #[test]
    fn equal_times_go_to_the_later_part_together() {
        // global_cut_tie of protocol.md.
        let (train, validation, test) = split(r#"{"validation": 0, "test": 0.5}"#, &GOLDEN);
        assert_eq!(train, [0, 1, 2]);
        assert!(validation.is_empty());
        assert_eq!(test, [3, 4, 5, 6, 7, 8, 9]);
        // Index 7 is time 6, index 4 is time 4.
        let (train, validation, test) = split(r#"{"validation": 0.3, "test": 0.3}"#, &GOLDEN);
        assert_eq!(train, [0, 1, 2]);
        assert_eq!(validation, [3, 4, 5, 6]);
        assert_eq!(test, [7, 8, 9]);
    }

    #[test]
    fn shares_are_of_the_whole_log_in_whatever_order_it_is() {
        let times: Vec<i64> = (0..100).map(|i| i * 37 % 100).collect();
        let (train, validation, test) = split("{}", &times);
        let of = |part: &[u32]| {
            let mut of: Vec<i64> = part.iter().map(|&e| times[e as usize]).collect();
            of.sort_unstable();
            of
        };
        assert_eq!(of(&train), (0..64).collect::<Vec<_>>());
        assert_eq!(of(&validation), (64..80).collect::<Vec<_>>());
        assert_eq!(of(&test), (80..100).collect::<Vec<_>>());
        assert!(!GlobalTime::default().uses_the_future());
    }

    #[test]
    fn the_golden_file() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/golden/golden_cases.json"
        );
        let Ok(text) = std::fs::read_to_string(path) else {
            assert!(
                std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
                "{path} is not there"
            );
            eprintln!("SKIPPED: ../shared is not there");
            return;
        };
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = golden["protocol_cases"].as_array().unwrap();
        let case = cases
            .iter()
            .find(|c| c["name"] == "global_cut_tie")
            .unwrap();
        let times: Vec<i64> = serde_json::from_value(case["rows_ts"].clone()).unwrap();
        let json = format!(r#"{{"validation": 0, "test": {}}}"#, case["test_frac"]);
        let (train, _, test) = split(&json, &times);
        assert_eq!(serde_json::json!(train), case["expected"]["train_rows"]);
        assert_eq!(serde_json::json!(test), case["expected"]["test_rows"]);
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_remedy() {
        let fault = |json: &str, events: &Events| {
            parse(&format!(r#"{{"global_time": {json}}}"#))
                .split(events, 7)
                .unwrap_err()
                .to_string()
        };
        let fine = log(&GOLDEN);
        let error = fault(r#"{"validation": 0.5, "test": 0.5}"#, &fine);
        assert!(error.contains("leave nothing to learn from"), "{error}");
        let error = fault("{}", &Events::from_pairs([("u", "a")]));
        assert!(
            error.contains("no times") && error.contains("`time`"),
            "{error}"
        );
        let error = fault("{}", &Events::default());
        assert!(error.contains("no event"), "{error}");
        for all_equal in [log(&[5; 20]), log(&[5])] {
            let error = fault("{}", &all_equal);
            assert!(error.contains("the train part would be empty"), "{error}");
            assert!(error.contains("1970-01-01T00:00:05Z"), "{error}");
        }
        let error = fault(
            r#"{"validation": 0.1, "test": 0.4}"#,
            &log(&[1, 2, 3, 4, 5, 5, 5, 5]),
        );
        assert!(
            error.contains("the validation part would be empty"),
            "{error}"
        );
        assert!(error.contains("the time of 4 of 8 events"), "{error}");
    }
}
