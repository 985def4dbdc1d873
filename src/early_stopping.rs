//! Early stopping: a fit that is measured on its way ends where the deciding metric has not become better
//! for a while.
//!
//! Prechelt, "Early Stopping - But When?", 1998: the criterion `UP`, by the value on the validation part.
//! Points on the way of a fit are trials that differ in their steps alone, with ordinary records; here is
//! only which of them are never reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::{EarlyStopping, Model};
use crate::text::counted;

/// Which trials of a row of the leaderboard are points on the way of one fit, and which were not reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Early {
    /// What steps are called: `iterations`.
    pub(crate) unit: String,
    /// After how many points without a better value a fit ends.
    pub(crate) patience: usize,
    /// By how much a value must be above the best before it to be better.
    pub(crate) min_gain: f64,
    /// Trials that no fit reached, by their place among all of the experiment.
    pub(crate) stopped: BTreeMap<usize, Unreached>,
}

/// A trial whose fit ended before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Unreached {
    /// After how many steps the fit ended; the fewest over the seeds.
    pub(crate) after: usize,
    /// How many steps the trial has.
    pub(crate) of: usize,
    /// The best value of the deciding metric on the way.
    pub(crate) best: f64,
}

impl Early {
    /// The plan of a row with these models. `None` where no model learns in steps.
    pub(crate) fn plan<'a>(
        rule: &EarlyStopping,
        mut models: impl Iterator<Item = &'a Model>,
    ) -> Option<Self> {
        let steps = models.find_map(|model| model.plugin.steps())?;
        Some(Self {
            unit: steps.parameter.to_owned(),
            patience: rule.patience.get(),
            min_gain: rule.min_gain,
            stopped: BTreeMap::new(),
        })
    }

    /// What became of a trial: `not reached: its fit ended after 12 of 40 iterations`.
    pub(crate) fn stopped_words(&self, stopped: &Unreached) -> String {
        format!(
            "not reached: its fit ended after {} of {} {}",
            stopped.after, stopped.of, self.unit
        )
    }

    /// The rule in words.
    pub(crate) fn rule_words(&self) -> String {
        let by = if self.min_gain > 0.0 {
            format!(" by more than {}", self.min_gain)
        } else {
            String::new()
        };
        format!(
            "a fit ends after {} in a row that did not better its best{by}",
            counted(self.patience, "value")
        )
    }

    /// What became of a row of so many trials; `None` where all were reached.
    pub(crate) fn row_words(&self, trials: usize) -> Option<String> {
        (!self.stopped.is_empty()).then(|| {
            format!(
                "{} of {} not reached: {}",
                self.stopped.len(),
                counted(trials, "trial"),
                self.rule_words()
            )
        })
    }
}

/// What is known of a point on the way of a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Point {
    /// Its value by the deciding metric.
    Value(f64),
    /// It failed.
    Failed,
    /// It has not been measured.
    Open,
}

/// How good a fit has been so far.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    patience: usize,
    min_gain: f64,
    /// All points on the way with their steps, ascending.
    points: Vec<(usize, Point)>,
    /// How many of them were looked at.
    seen: usize,
    best: Option<f64>,
    since: usize,
}

impl Watch {
    /// Of a fit with these points, ascending by their steps.
    pub(crate) fn new(rule: &EarlyStopping, points: Vec<(usize, Point)>) -> Self {
        let mut watch = Self {
            patience: rule.patience.get(),
            min_gain: rule.min_gain,
            points,
            seen: 0,
            best: None,
            since: 0,
        };
        watch.look();
        watch
    }

    /// Takes what came of the point with so many steps.
    pub(crate) fn measured(&mut self, steps: usize, came: Point) {
        let point = self.points.iter_mut().find(|(of, _)| *of == steps);
        if let Some((_, point)) = point {
            *point = came;
        }
        self.look();
    }

    /// After how many steps the fit ends, and the best value until then; `None` if it goes on as far as is known.
    pub(crate) fn ended(&self) -> Option<(usize, f64)> {
        let best = self.best.filter(|_| self.since >= self.patience)?;
        let (steps, _) = self.points[..self.seen].last()?;
        Some((*steps, best))
    }

    /// Looks at points up to the first that is open. What failed says nothing.
    fn look(&mut self) {
        while let Some((_, point)) = self.points.get(self.seen)
            && self.ended().is_none()
        {
            match *point {
                Point::Open => return,
                Point::Failed => {}
                Point::Value(value)
                    if self.best.is_none_or(|best| value > best + self.min_gain) =>
                {
                    self.best = Some(value);
                    self.since = 0;
                }
                Point::Value(_) => self.since += 1,
            }
            self.seen += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::{Early, Point, Unreached, Watch};
    use crate::experiment::{EarlyStopping, Model};

    fn rule(patience: usize, min_gain: f64) -> EarlyStopping {
        EarlyStopping {
            patience: NonZeroUsize::new(patience).expect("not zero"),
            min_gain,
        }
    }

    /// The watch over points of 1, 2, … steps.
    fn watch(rule: &EarlyStopping, points: &[Point]) -> Watch {
        Watch::new(rule, (1..).zip(points.iter().copied()).collect())
    }

    /// After how many values a fit ends, and the best.
    fn end(rule: &EarlyStopping, values: &[f64]) -> Option<(usize, f64)> {
        let points: Vec<Point> = values.iter().map(|value| Point::Value(*value)).collect();
        watch(rule, &points).ended()
    }

    #[test]
    fn a_fit_ends_after_values_in_a_row_that_are_not_better() {
        let values = [0.1, 0.2, 0.2, 0.3, 0.25, 0.3, 0.9];
        assert_eq!(end(&rule(1, 0.0), &values), Some((3, 0.2)));
        assert_eq!(end(&rule(2, 0.0), &values), Some((6, 0.3)));
        assert_eq!(end(&rule(3, 0.0), &values), None);
        assert_eq!(end(&rule(1, 0.0), &[0.0, 0.0]), Some((2, 0.0)));
    }

    #[test]
    fn small_gains_do_not_count_but_add_up() {
        let values = [0.10, 0.14, 0.18, 0.20, 0.21, 0.22];
        // 0.18 is more than 0.05 above 0.10, and nothing after it is above 0.23.
        assert_eq!(end(&rule(2, 0.05), &values), Some((5, 0.18)));
        assert_eq!(end(&rule(1, 0.05), &values), Some((2, 0.10)));
        assert_eq!(end(&rule(1, 0.0), &values), None);
    }

    #[test]
    fn points_are_looked_at_in_their_order_whatever_is_known_first() {
        use Point::{Failed, Open, Value};
        let rule = rule(2, 0.0);
        let mut fit = watch(&rule, &[Value(0.3), Open, Value(0.2), Open, Open]);
        assert_eq!(fit.ended(), None);
        fit.measured(2, Value(0.25));
        assert_eq!(fit.ended(), Some((3, 0.3)));
        let mut fit = watch(&rule, &[Value(0.3), Open, Value(0.2), Open, Open]);
        fit.measured(2, Failed);
        assert_eq!(fit.ended(), None);
        fit.measured(4, Value(0.1));
        assert_eq!(fit.ended(), Some((4, 0.3)));
        assert_eq!(watch(&rule, &[Failed, Failed, Failed]).ended(), None);
    }

    #[test]
    fn a_row_says_what_was_not_reached() {
        let json = serde_json::json!({ "als": { "iterations": 40 } });
        let model = Model::new("als".into(), serde_json::from_value(json).unwrap());
        let mut row = Early::plan(&rule(2, 0.0), [model].iter()).unwrap();
        assert_eq!(row.row_words(9), None);
        let stopped = Unreached {
            after: 12,
            of: 40,
            best: 0.3,
        };
        row.stopped.insert(3, stopped);
        assert_eq!(
            row.stopped_words(&stopped),
            "not reached: its fit ended after 12 of 40 iterations"
        );
        assert_eq!(
            row.row_words(9).as_deref(),
            Some(
                "1 of 9 trials not reached: a fit ends after 2 values in a row that did not better its best"
            )
        );
        let json = serde_json::json!({ "popularity": {} });
        let model = Model::new("popularity".into(), serde_json::from_value(json).unwrap());
        assert_eq!(Early::plan(&rule(2, 0.0), [model].iter()), None);
    }
}
