//! How many of a user's targets are found.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, count_hits, expected_hits, three};

/// The share of a user's targets that are among the first `k` of the list.
///
/// Formula: `recall@k = hits(k) / R`, with `hits(k)` the targets among the first `k` listed items and
/// `R` the number of the user's targets, those that no model could name (cold items) included. It
/// cannot reach 1 for a user with more than `k` targets; the variant that divides by `min(k, R)` is
/// another metric, `recall_capped`. Source: `recall_k` of `trec_eval`.
///
/// ```toml
/// [evaluation]
/// metrics = ["recall@3"]      # the same as { recall = { k = 3 } }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recall {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Recall {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "recall")]
impl Metric for Recall {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("recall@{k}"),
            formula: format!(
                "targets among the first {k} listed items / all targets of the user, those that no \
                 model could name included"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval recall_{k}"),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for Recall {
    fn user(&self, view: &UserView) -> f64 {
        count_hits(view, self.k.get()) / view.targets.len() as f64
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        Some(expected_hits(view, self.k.get()) / view.targets.len() as f64)
    }
}

register!(Metric, Recall, "recall", revision = 1);

#[cfg(test)]
mod tests {
    use super::Recall;
    use crate::golden::{assert_chance_is_exact, assert_table, assert_value};

    #[test]
    fn the_golden_table() {
        assert_table(&Recall::default(), |row| row.recall);
        assert_value(&Recall::default(), "", "a", 0.0);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(Recall { k }), 0.3);
    }
}
