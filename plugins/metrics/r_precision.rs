//! How much of the list hits, as deep as the user has targets.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, count_hits, expected_hits, three};

/// Precision at the depth at which it could be 1: the number of the user's targets.
///
/// Formula: `r_precision@k = hits(min(k, R)) / R`, with `hits(n)` the targets among the first `n` listed
/// items and `R` the number of the user's targets, those that no model could name (cold items)
/// included. Lists end at `k`, so a user with more than `k` targets cannot reach 1: choose `k` as large
/// as `R` is for nearly everybody. Lists are ranked that deep. Source: `Rprec` of `trec_eval` of a list
/// cut at `k`.
///
/// ```toml
/// [evaluation]
/// metrics = ["r_precision@50"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RPrecision {
    /// How many items of the list count at most; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for RPrecision {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "r_precision")]
impl Metric for RPrecision {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("r_precision@{k}"),
            formula: format!(
                "targets among the first min({k}, R) listed items / R, with R all targets of the user, those that no model could name included"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval Rprec of a list cut at {k}"),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for RPrecision {
    fn user(&self, view: &UserView) -> f64 {
        let targets = view.targets.len();
        count_hits(view, self.k.get().min(targets)) / targets as f64
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let targets = view.targets.len();
        Some(expected_hits(view, self.k.get().min(targets)) / targets as f64)
    }
}

register!(Metric, RPrecision, "r_precision", revision = 1);

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::RPrecision;
    use crate::golden::{assert_chance_is_exact, assert_value};

    #[test]
    fn as_deep_as_there_are_targets() {
        let metric = RPrecision::default();
        assert_value(&metric, "xa", "a", 0.0);
        assert_value(&metric, "xab", "ab", 0.5);
        assert_value(&metric, "bxa", "abc", 2.0 / 3.0);
        // No deeper than k: of the four, three places are looked at.
        assert_value(&metric, "abcd", "abcd", 0.75);
        let deep = RPrecision {
            k: NonZeroUsize::new(4).unwrap(),
        };
        assert_value(&deep, "abcd", "abcd", 1.0);
        assert_value(&deep, "", "ab", 0.0);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(RPrecision { k }), 0.2);
    }
}
