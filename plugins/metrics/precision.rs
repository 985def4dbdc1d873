//! How much of the list hits.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, count_hits, expected_hits, three};

/// The share of the `k` places of a list that hold a target.
///
/// Formula: `precision@k = hits(k) / k`, with `hits(k)` the targets among the first `k` listed items.
/// The denominator is `k` even if the list is shorter: a place left empty is a miss. With
/// `divide_by = "returned"` it is the number of items listed, `k` at most, and the label
/// `precision_returned@3`. Source: `P_k` of `trec_eval`.
///
/// ```toml
/// [evaluation]
/// metrics = ["precision@3"]   # the same as { precision = { k = 3 } }
/// ```
///
/// ```toml
/// [evaluation]
/// metrics = [{ precision = { k = 3, divide_by = "returned" } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// What hits are divided by. Default `k`.
    pub divide_by: PrecisionDivisor,
}

impl Default for Precision {
    fn default() -> Self {
        Self {
            k: three(),
            divide_by: PrecisionDivisor::default(),
        }
    }
}

#[typetag::serde(name = "precision")]
impl Metric for Precision {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let (label, formula, source) = match self.divide_by {
            PrecisionDivisor::K => (
                "precision",
                format!("targets among the first {k} listed items / {k}, also for a shorter list"),
                format!("trec_eval P_{k}"),
            ),
            PrecisionDivisor::Returned => (
                "precision_returned",
                format!(
                    "targets among the first {k} listed items / items listed there; 0 for an empty \
                     list"
                ),
                "the table of whose definition is which (plugins/metrics/README.md)".to_owned(),
            ),
        };
        Identity {
            label: format!("{label}@{k}"),
            formula,
            averaged_over: AVERAGED_OVER.to_owned(),
            source,
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

/// What hits are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PrecisionDivisor {
    /// `k`, also for a shorter list.
    #[default]
    K,
    /// The items listed, no more than `k`.
    Returned,
}

impl Precision {
    /// The divisor of a list with so many items.
    fn divisor(&self, listed: usize) -> f64 {
        let k = self.k.get();
        match self.divide_by {
            PrecisionDivisor::K => k as f64,
            // An empty list has no hits to divide.
            PrecisionDivisor::Returned => k.min(listed).max(1) as f64,
        }
    }
}

impl Measure for Precision {
    fn user(&self, view: &UserView) -> f64 {
        count_hits(view, self.k.get()) / self.divisor(view.gains.len())
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        Some(expected_hits(view, self.k.get()) / self.divisor(view.candidates))
    }
}

register!(Metric, Precision, "precision", revision = 1);

#[cfg(test)]
mod tests {
    use super::{Precision, PrecisionDivisor};
    use crate::golden::{assert_chance_is_exact, assert_table, assert_value};

    #[test]
    fn the_golden_table() {
        assert_table(&Precision::default(), |row| row.precision);
        assert_value(&Precision::default(), "a", "abcd", 1.0 / 3.0);
        let returned = Precision {
            divide_by: PrecisionDivisor::Returned,
            ..Precision::default()
        };
        assert_table(&returned, |row| row.returned);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        for divide_by in [PrecisionDivisor::K, PrecisionDivisor::Returned] {
            let metric =
                |k| -> Box<dyn musicrec_api::Metric> { Box::new(Precision { k, divide_by }) };
            assert_chance_is_exact(metric, 0.2);
        }
    }
}
