//! How much of all lists together hits.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, Identity, MeasureLists, Metric, MetricContext, Nature, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{POOLED, count_hits, ratio, three};

/// Precision pooled over users: all hits together, divided by all places together.
///
/// Formula: `micro_precision@k = sum of hits(k) / sum of k`, both over all users. Divided by the sum of
/// `min(k, R)` it is what the Python package implicit calls precision, with the label
/// `micro_precision_min@3`; divided by the sum of the items listed it is `micro_precision_returned@3`. One
/// number for all lists, so it has no interval and no test; prefer `precision`, the mean over users, where
/// nothing has to be reproduced. Source: `ranking_metrics_at_k` of implicit.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "micro_precision@3"]
/// ```
///
/// ```toml
/// [evaluation]
/// metrics = [{ micro_precision = { k = 3, divide_by.grid = ["min_k_targets", "returned"] } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MicroPrecision {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// What all hits are divided by. Default `k`.
    pub divide_by: MicroDivisor,
}

impl Default for MicroPrecision {
    fn default() -> Self {
        Self {
            k: three(),
            divide_by: MicroDivisor::default(),
        }
    }
}

#[typetag::serde(name = "micro_precision")]
impl Metric for MicroPrecision {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let (label, divisor) = match self.divide_by {
            MicroDivisor::K => ("micro_precision", "the sum of k"),
            MicroDivisor::MinKTargets => ("micro_precision_min", "the sum of min(k, targets)"),
            MicroDivisor::Returned => ("micro_precision_returned", "the items listed there"),
        };
        Identity {
            label: format!("{label}@{k}"),
            formula: format!(
                "targets among the first {k} listed items of all users / {divisor}, with k = {k}"
            ),
            averaged_over: POOLED.to_owned(),
            source: "implicit 0.7 (divided by min(k, targets)); pooled precision".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().over_lists()
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::over_lists(self.clone()))
    }
}

/// What all hits are divided by: a sum over users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MicroDivisor {
    /// `k` of each user.
    #[default]
    K,
    /// The number of each user's targets, `k` at most.
    MinKTargets,
    /// The items listed for each user, `k` at most.
    Returned,
}

impl MeasureLists for MicroPrecision {
    fn value(&self, users: &[UserView]) -> f64 {
        let k = self.k.get();
        let places = |view: &UserView| match self.divide_by {
            MicroDivisor::K => k as f64,
            MicroDivisor::MinKTargets => k.min(view.targets.len()) as f64,
            MicroDivisor::Returned => k.min(view.list.len()) as f64,
        };
        ratio(users, |view| count_hits(view, k), places)
    }
}

register!(Metric, MicroPrecision, "micro_precision", revision = 1);

#[cfg(test)]
mod tests {
    use super::{MicroDivisor, MicroPrecision};
    use crate::golden::pooled;

    #[test]
    fn hits_are_pooled() {
        let by = |divide_by| MicroPrecision {
            divide_by,
            ..MicroPrecision::default()
        };
        // micro_vs_macro of protocol.md, where implicit has .5.
        let users = [("axy", "a"), ("bxy", "bcdef")];
        let value = |divide_by| pooled(&by(divide_by), &users);
        assert_eq!(value(MicroDivisor::K), 2.0 / 6.0);
        assert_eq!(value(MicroDivisor::MinKTargets), 0.5);
        let users = [("a", "a"), ("xyz", "bc")];
        assert_eq!(pooled(&by(MicroDivisor::Returned), &users), 0.25);
        assert_eq!(pooled(&by(MicroDivisor::Returned), &[("", "a")]), 0.0);
    }
}
