//! Whether a list holds any target.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Nature, Result, UserView,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, hits, no_hit_chance, three};

/// The share of users with at least one target among the first `k` of their list.
///
/// Formula: `hit_rate@k = 1` if `hits(k) > 0`, else 0, with `hits(k)` the targets among the first `k`
/// listed items. Each user's value is 0 or 1, so the mean is a proportion. Source: `success_k` of
/// `trec_eval`; the hit rate of ranx and `RecTools`, `Hit` of `RecBole`.
///
/// ```toml
/// [evaluation]
/// metrics = ["hit_rate@3"]    # the same as { hit_rate = { k = 3 } }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HitRate {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for HitRate {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "hit_rate")]
impl Metric for HitRate {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("hit_rate@{k}"),
            formula: format!("1 if any of the first {k} listed items is a target, else 0"),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval success_{k}"),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().proportion()
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for HitRate {
    fn user(&self, view: &UserView) -> f64 {
        f64::from(hits(view, self.k.get()).any(|hit| hit))
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        Some(1.0 - no_hit_chance(view, self.k.get()))
    }
}

register!(Metric, HitRate, "hit_rate", revision = 1);

#[cfg(test)]
mod tests {
    use super::HitRate;
    use crate::golden::{assert_chance_is_exact, assert_table};

    #[test]
    fn the_golden_table() {
        assert_table(&HitRate::default(), |row| row.hit);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(HitRate { k }), 8.0 / 15.0);
    }
}
