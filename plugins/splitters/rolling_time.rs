//! Several cuts through time: each period is foretold from all that came before it.

use std::num::NonZeroUsize;

use musicrec_api::{
    CheckContext, Error, Events, Fold, Problem, Result, Role, Share, ShareOrZero, Splitter,
    register, time_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{check_times, default_shares, floor_share, too_large, train_share};

/// Several test periods, one after the other, each foretold by models that have learned from all that
/// came before it: what a service sees that fits its model anew every so often. A single cut tells
/// how a model does in one period; here is how much that varies.
///
/// Formula: with the `n` events in the order of time, test period `j` of `periods` (counted from 0)
/// begins at the time of the event at index `floor((1 - test * (1 - j / periods)) * n)` and ends
/// before the next one begins, the last with the log. So the periods hold equal shares of the events,
/// not equal spans of time: each rests on about as much. Validation periods likewise divide the share
/// `validation` before the first test period. With one period of each kind it is `global_time`. Events
/// of equal time stay together, so periods can be larger or smaller than asked. The log must have times.
///
/// A model is fitted once for each period, so a trial takes about `periods` times as long. A user's
/// value is the mean over the periods in which they are asked; the record has the values of each
/// period too. Nothing is learned from what is later than what is foretold.
///
/// Source: Ji et al., "A Critical Study on Data Leakage in Recommender System Offline Evaluation",
/// TOIS 2023 (arXiv 2010.11060); Gusak et al., "Time to Split", 2025 (arXiv 2507.16289).
///
/// ```toml
/// [splitter.rolling_time]
/// periods = 4
/// test = 0.2           # share of the log in all test periods together
/// validation = 0.16
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollingTime {
    /// How many test periods, at least 1. Default 4.
    pub periods: NonZeroUsize,
    /// Share of the events in all test periods together, between 0 and 1. Default 0.2.
    pub test: Share,
    /// Share of the events in all validation periods together, below 1; 0 for none, which will do
    /// where there is nothing to choose. Default 0.16.
    pub validation: ShareOrZero,
    /// How many validation periods, at least 1. Default 1.
    pub validation_periods: NonZeroUsize,
}

impl Default for RollingTime {
    fn default() -> Self {
        let (validation, test) = default_shares();
        Self {
            periods: NonZeroUsize::new(4).expect("not zero"),
            test,
            validation,
            validation_periods: NonZeroUsize::MIN,
        }
    }
}

/// A cut through time.
#[derive(Debug, Clone, Copy)]
struct Start {
    role: Role,
    time: i64,
}

impl RollingTime {
    /// Where each period begins, in the order of time.
    fn starts(&self, train: f64, events: &Events) -> Vec<Start> {
        let mut times = events.time.to_vec();
        times.sort_unstable();
        let at = |role, share: f64| {
            // A tiny test share of a short log still means its last event.
            let index = floor_share(share, times.len()).min(times.len() - 1);
            Start {
                role,
                time: times[index],
            }
        };
        let (test, validation) = (self.test.get(), self.validation.get());
        let mut starts = Vec::new();
        if validation > 0.0 {
            let all = self.validation_periods.get();
            let share = |j: usize| train + validation * (j as f64 / all as f64);
            starts.extend((0..all).map(|j| at(Role::Validation, share(j))));
        }
        let all = self.periods.get();
        let share = |j: usize| 1.0 - test * (1.0 - j as f64 / all as f64);
        starts.extend((0..all).map(|j| at(Role::Test, share(j))));
        starts
    }

    fn too_many(&self, events: &Events) -> Option<Error> {
        let more = |periods: NonZeroUsize, part: &str| {
            (periods.get() > events.len()).then(|| {
                Error::data(format!(
                    "rolling_time: {periods} {part} periods cannot be cut from {} events; lower \
                     `{}`",
                    events.len(),
                    key(part)
                ))
            })
        };
        more(self.periods, "test").or_else(|| more(self.validation_periods, "validation"))
    }
}

fn key(part: &str) -> &'static str {
    if part == "test" {
        "periods"
    } else {
        "validation_periods"
    }
}

#[typetag::serde(name = "rolling_time")]
impl Splitter for RollingTime {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        let train = train_share("rolling_time", self.validation, self.test)?;
        check_times("rolling_time", events)?;
        if let Some(error) = self.too_many(events) {
            return Err(error);
        }
        let starts = self.starts(train, events);
        let between = |from: i64, until: Option<i64>| -> Vec<u32> {
            let times = (0..).zip(&events.time);
            let inside =
                |&(_, time): &(u32, i64)| time >= from && until.is_none_or(|until| time < until);
            times.filter(inside).map(|(event, _)| event).collect()
        };
        let mut folds = Vec::with_capacity(starts.len());
        for (at, start) in starts.iter().enumerate() {
            let fit = between(i64::MIN, Some(start.time));
            let targets = between(start.time, starts.get(at + 1).map(|next| next.time));
            let part = start.role.name();
            let (empty, remedy) = if fit.is_empty() {
                (
                    "train part",
                    "smaller shares of validation and test".to_owned(),
                )
            } else if targets.is_empty() {
                let key = key(part);
                (
                    "period",
                    format!("fewer periods (`{key}`) or a larger share of {part}"),
                )
            } else {
                folds.push(Fold::new(start.role, fit, targets));
                continue;
            };
            let together = events.time.iter().filter(|&t| t == start.time).count();
            return Err(Error::data(format!(
                "rolling_time: a {empty} would be empty: a cut falls on {}, the time of {together} of \
                 {} events, which stay together; try {remedy}, or the splitter `random` if the times \
                 mean nothing",
                time_text(start.time),
                events.len(),
            )));
        }
        Ok(folds)
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

register!(Splitter, RollingTime, "rolling_time", revision = 1);

#[cfg(test)]
mod tests {
    use crate::parts::tests::{parse, timed};
    use musicrec_api::{Events, Fold, Role};

    fn log(times: &[i64]) -> Events {
        timed(&times.iter().map(|&t| ("u", t)).collect::<Vec<_>>())
    }

    fn split(json: &str, times: &[i64]) -> Vec<Fold> {
        let splitter = parse(&format!(r#"{{"rolling_time": {json}}}"#));
        assert!(!splitter.uses_the_future());
        splitter.split(&log(times), 7).unwrap()
    }

    /// The targets of each fold, and how many events it learns from; all of them are the first ones.
    fn targets(folds: &[Fold], role: Role) -> Vec<(usize, Vec<u32>)> {
        let of = folds.iter().filter(|f| f.role == role);
        of.map(|fold| {
            assert!(fold.given.is_empty());
            assert!(fold.fit.iter().zip(0..).all(|(&event, at)| event == at));
            (fold.fit.len(), fold.targets.clone())
        })
        .collect()
    }

    #[test]
    fn each_period_is_foretold_from_all_before_it() {
        let folds = split(
            r#"{"periods": 3, "test": 0.5, "validation": 0.33, "validation_periods": 2}"#,
            &(0..12).collect::<Vec<_>>(),
        );
        assert_eq!(
            targets(&folds, Role::Test),
            [(6, vec![6, 7]), (8, vec![8, 9]), (10, vec![10, 11])]
        );
        // floor(.17 * 12) = 2, floor(.335 * 12) = 4.
        assert_eq!(
            targets(&folds, Role::Validation),
            [(2, vec![2, 3]), (4, vec![4, 5])]
        );
    }

    #[test]
    fn equal_times_stay_together_in_the_later_period() {
        // Indices 5 and 8 are the times 4 and 6: the cuts of 10 events at 1/2 and 3/4 (floor 7.5 = 7).
        let times = [1, 2, 3, 4, 4, 4, 5, 6, 6, 8];
        let folds = split(r#"{"periods": 2, "test": 0.5, "validation": 0}"#, &times);
        assert_eq!(
            targets(&folds, Role::Test),
            [(3, vec![3, 4, 5, 6]), (7, vec![7, 8, 9])]
        );
        assert_eq!(folds.len(), 2);
    }

    #[test]
    fn one_period_of_each_kind_is_global_time() {
        let times: Vec<i64> = (0..97).map(|i| i * 31 % 97 / 3).collect();
        for shares in [
            r#""validation": 0.16, "test": 0.2"#,
            r#""validation": 0.1, "test": 0.3"#,
            r#""validation": 0, "test": 0.05"#,
        ] {
            let rolling = split(&format!(r#"{{"periods": 1, {shares}}}"#), &times);
            let global = parse(&format!(r#"{{"global_time": {{{shares}}}}}"#));
            assert_eq!(rolling, global.split(&log(&times), 7).unwrap());
        }
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_remedy() {
        let fault = |json: &str, events: &Events| {
            let splitter = parse(&format!(r#"{{"rolling_time": {json}}}"#));
            splitter.split(events, 7).unwrap_err().to_string()
        };
        let error = fault("{}", &Events::from_pairs([("u", "a")]));
        assert!(error.contains("no times"), "{error}");
        let error = fault("{}", &log(&[5; 20]));
        assert!(error.contains("a train part would be empty"), "{error}");
        let error = fault(
            r#"{"validation": 0}"#,
            &log(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]),
        );
        for words in [
            "a period would be empty",
            "the time of 4 of 12 events",
            "`periods`",
        ] {
            assert!(error.contains(words), "{error}");
        }
        let error = fault(r#"{"periods": 1000000000000}"#, &log(&[1, 2, 3]));
        assert!(error.contains("lower `periods`"), "{error}");
        let error = fault(r#"{"validation": 0.5, "test": 0.5}"#, &log(&[1, 2, 3]));
        assert!(error.contains("leave nothing to learn from"), "{error}");
    }
}
