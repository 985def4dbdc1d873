//! How many of the targets that fit into the list are found.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, count_hits, expected_hits, three};

/// Recall relative to what a list of `k` items could hold.
///
/// Formula: `recall_capped@k = hits(k) / min(k, R)`, with `hits(k)` the targets among the first `k`
/// listed items and `R` the number of the user's targets, those that no model could name (cold items)
/// included. Unlike `recall` it can reach 1 for a user with more than `k` targets. Source: calibrated
/// recall of `RecPack`, recall of the variational autoencoder papers (Liang et al. 2018).
///
/// ```toml
/// [evaluation]
/// metrics = ["recall_capped@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecallCapped {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for RecallCapped {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "recall_capped")]
impl Metric for RecallCapped {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("recall_capped@{k}"),
            formula: format!(
                "targets among the first {k} listed items / min({k}, all targets of the user, those that no model could name included)"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: "Liang et al. 2018, recall relative to the smaller of k and the targets"
                .to_owned(),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for RecallCapped {
    fn user(&self, view: &UserView) -> f64 {
        let k = self.k.get();
        count_hits(view, k) / k.min(view.targets.len()) as f64
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let k = self.k.get();
        Some(expected_hits(view, k) / k.min(view.targets.len()) as f64)
    }
}

register!(Metric, RecallCapped, "recall_capped", revision = 1);

#[cfg(test)]
mod tests {
    use super::RecallCapped;
    use crate::golden::{assert_chance_is_exact, assert_table};

    #[test]
    fn the_golden_table() {
        assert_table(&RecallCapped::default(), |row| row.capped);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(RecallCapped { k }), 0.3);
    }
}
