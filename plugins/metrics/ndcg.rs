//! How many targets are found, and how early.

use std::num::NonZeroUsize;

use musicrec_api::{ChanceView, Identity, Measure, Metric, MetricContext, UserView, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, Discounts, hit_chance, hits};

/// Normalized discounted cumulative gain: hits count the more, the earlier they stand, relative to
/// the best list that could be.
///
/// Formula: `ndcg@k = DCG / IDCG`, with `DCG = sum over hits at rank r <= k of 1 / log2(r + 1)` and
/// `IDCG = sum over r = 1 … min(k, R) of 1 / log2(r + 1)`, where `R` is the number of the user's
/// targets, those that no model could name (cold items) included. Gain is binary: a target is a
/// target, however strong. Source: `ndcg_cut_k` of `trec_eval` with binary judgments; the same as in
/// ranx and `RecBole`.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3"]        # the same as { ndcg = { k = 3 } }
/// select = "ndcg@3"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ndcg {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Ndcg {
    fn default() -> Self {
        Self {
            k: NonZeroUsize::new(3).expect("3 is not 0"),
        }
    }
}

#[typetag::serde(name = "ndcg")]
impl Metric for Ndcg {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("ndcg@{k}"),
            formula: format!(
                "DCG / IDCG: DCG = sum of 1/log2(rank+1) over targets at ranks 1 to {k} (binary \
                 gain), IDCG = the same sum over ranks 1 to min({k}, all targets of the user, those \
                 that no model could name included)"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval ndcg_cut_{k} with binary judgments"),
        }
    }

    fn bind(&self, _: &MetricContext) -> Box<dyn Measure> {
        Box::new(Bound {
            k: self.k.get(),
            discounts: Discounts::new(self.k.get()),
        })
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    discounts: Discounts,
}

impl Bound {
    fn ideal(&self, targets: usize) -> f64 {
        self.discounts.sum(self.k.min(targets))
    }
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        let gained: f64 = hits(view, self.k)
            .enumerate()
            .filter(|&(_, hit)| hit)
            .fold(0.0, |sum, (rank, _)| sum + self.discounts.at(rank));
        gained / self.ideal(view.targets.len())
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let places = self.discounts.sum(self.k.min(view.candidates));
        Some(hit_chance(view) * places / self.ideal(view.targets.len()))
    }
}

register!(Metric, Ndcg, "ndcg", revision = 1);

#[cfg(test)]
mod tests {
    use super::Ndcg;
    use crate::golden::{assert_chance_is_exact, assert_table, assert_value};

    #[test]
    fn the_golden_table() {
        assert_table(&Ndcg::default(), |row| row.ndcg);
        // Exactly 1, not nearly: a perfect list must not be told apart from the oracle.
        assert_value(&Ndcg::default(), "cabx", "abc", 1.0);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(Ndcg { k }), 0.261_314_719_276_545_87);
    }
}
