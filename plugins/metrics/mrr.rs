//! How early the first hit comes.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, hits, three};

/// The reciprocal rank of the first target in the list.
///
/// Formula: `mrr@k = 1 / r`, with `r` the rank of the first target, and 0 if there is none among the
/// first `k`. Source: `recip_rank` of `trec_eval` of a list cut at `k`; `mrr@k` of ranx, `MRR` of
/// `RecBole` and `RecTools`.
///
/// ```toml
/// [evaluation]
/// metrics = ["mrr@3"]         # the same as { mrr = { k = 3 } }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mrr {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Mrr {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "mrr")]
impl Metric for Mrr {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("mrr@{k}"),
            formula: format!("1 / rank of the first target, 0 if it is not among the first {k}"),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval recip_rank of a list cut at {k}"),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for Mrr {
    fn user(&self, view: &UserView) -> f64 {
        let first = hits(view, self.k.get()).position(|hit| hit);
        first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0))
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        // Rank after rank: all before it miss, and it is hit.
        let (candidates, targets) = (view.candidates, view.reachable.len() as f64);
        let (mut none_yet, mut expected) = (1.0, 0.0);
        for rank in 0..self.k.get().min(candidates) {
            let hit = (targets / (candidates - rank) as f64).min(1.0);
            expected += none_yet * hit / (rank as f64 + 1.0);
            none_yet *= 1.0 - hit;
        }
        Some(expected)
    }
}

register!(Metric, Mrr, "mrr", revision = 1);

#[cfg(test)]
mod tests {
    use super::Mrr;
    use crate::golden::{assert_chance_is_exact, assert_table};

    #[test]
    fn the_golden_table() {
        assert_table(&Mrr::default(), |row| row.reciprocal);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        // 2/10 + 8/10 · 2/9 / 2 + 8/10 · 7/9 · 2/8 / 3
        assert_chance_is_exact(|k| Box::new(Mrr { k }), 0.2 + 4.0 / 45.0 + 7.0 / 135.0);
    }
}
