//! How many targets are found, and how early.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, CheckContext, Identity, Measure, Metric, MetricContext, Problem,
    Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gains::{Gain, discounted, greatest};
use crate::ranks::{AVERAGED_OVER, Discount, Discounts, three};

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
///
/// What others call NDCG has another gain, ideal or discount, and here another label: `ndcg_linear@3`,
/// `ndcg_exponential@3`, `ndcg_ideal_k@3`, `ndcg_ideal_retrieved@3`, `ndcg_log2_rank@3`, and combinations in this
/// order.
///
/// ```toml
/// [evaluation]
/// metrics = [{ ndcg = { k = 3, gain.grid = ["linear", "exponential"] } }]
/// ```
///
/// ```toml
/// [evaluation]
/// metrics = [{ ndcg = { k = 3, gain = "exponential", ideal = "retrieved" } }, { ndcg = { k = 3, ideal = "k" } }]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ndcg {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// What a hit is worth. Default `binary`.
    pub gain: Gain,
    /// The list that a user's is compared with. Default `min_k_targets`.
    pub ideal: Ideal,
    /// How a hit counts the less, the later it stands. Default `log2_rank_plus1`.
    pub discount: Discount,
}

impl Default for Ndcg {
    fn default() -> Self {
        Self {
            k: three(),
            gain: Gain::default(),
            ideal: Ideal::default(),
            discount: Discount::default(),
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
        let (gain, discount) = (self.gain, self.discount);
        let (ideal, of_ideal) = match self.ideal {
            Ideal::MinKTargets => (
                "",
                format!(
                    "the same sum for the best list of min({k}, all targets of the user, those that \
                     no model could name included)"
                ),
            ),
            Ideal::K => (
                "_ideal_k",
                format!("the same sum for a list of {k} targets, however many the user has"),
            ),
            Ideal::Retrieved => (
                "_ideal_retrieved",
                format!("the same sum for the first {k} listed items in their best order"),
            ),
        };
        let plain = *self
            == Self {
                k,
                ..Self::default()
            };
        Identity {
            label: format!("ndcg{}{ideal}{}@{k}", gain.label(), discount.label()),
            formula: format!(
                "DCG / IDCG: DCG = sum of {} times {} over targets at ranks 1 to {k}, IDCG = \
                 {of_ideal}",
                gain.formula(),
                discount.formula()
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: if plain {
                format!("trec_eval ndcg_cut_{k} with binary judgments")
            } else {
                "the table of whose definition is which (plugins/metrics/README.md)".to_owned()
            },
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        if let Some(problem) = self.no_gain() {
            return Err(problem.error(""));
        }
        Ok(BoundMetric::per_user(Bound {
            k: self.k.get(),
            gain: self.gain,
            ideal: self.ideal,
            discounts: Discounts::new(self.discount, self.k.get()),
        }))
    }

    fn check(&self, _: &CheckContext) -> Vec<Problem> {
        self.no_gain().into_iter().collect()
    }
}

/// The list that a user's is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Ideal {
    /// The best that there could be for this user, `k` at most.
    #[default]
    MinKTargets,
    /// `k` targets, however many the user has: who has fewer cannot reach 1. For binary gain only.
    K,
    /// The items listed, in their best order: what is missed costs nothing.
    Retrieved,
}

impl Ndcg {
    /// Without a target there is no gain to fill the list with.
    fn no_gain(&self) -> Option<Problem> {
        let graded = self.ideal == Ideal::K && self.gain != Gain::Binary;
        graded.then(|| {
            Problem::at("ideal", "`ideal = \"k\"` is for binary gain only")
                .remedy("leave `gain` out, or choose `min_k_targets` or `retrieved`")
        })
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    gain: Gain,
    ideal: Ideal,
    discounts: Discounts,
}

impl Bound {
    /// The gain of the best list for a user with these targets, whose weights descend; that by
    /// `retrieved` depends on the list.
    fn ideal(&self, targets: &[f64]) -> Option<f64> {
        match self.ideal {
            Ideal::MinKTargets if self.gain == Gain::Binary => {
                Some(self.discounts.sum(self.k.min(targets.len())))
            }
            Ideal::MinKTargets => {
                let greatest = targets[0];
                let gains = targets.iter().map(|&w| self.gain.relative(w, greatest));
                Some(discounted(gains, &self.discounts, self.k))
            }
            Ideal::K => Some(self.discounts.sum(self.k)),
            Ideal::Retrieved => None,
        }
    }
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        let greatest = greatest(view);
        let gain = |&weight: &f64| self.gain.relative(weight, greatest);
        let gained = discounted(view.gains.iter().map(gain), &self.discounts, self.k);
        if gained == 0.0 {
            return 0.0;
        }
        gained
            / self.ideal(view.targets).unwrap_or_else(|| {
                let mut best: Vec<f64> = view.gains.iter().take(self.k).map(gain).collect();
                best.sort_by(|a, b| b.total_cmp(a));
                discounted(best.into_iter(), &self.discounts, self.k)
            })
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let ideal = self.ideal(view.targets)?;
        if view.candidates == 0 {
            return Some(0.0);
        }
        let gain = |&weight: &f64| self.gain.relative(weight, view.targets[0]);
        let gains: f64 = view.reachable.iter().map(gain).sum();
        let places = self.discounts.sum(self.k.min(view.candidates));
        Some(gains / view.candidates as f64 * places / ideal)
    }
}

register!(Metric, Ndcg, "ndcg", revision = 1);

#[cfg(test)]
mod tests {
    use musicrec_api::{CheckContext, Events, Metric, MetricContext};

    use super::{Ideal, Ndcg};
    use crate::gains::Gain;
    use crate::golden::{assert_chance_is_exact, assert_graded, assert_table, assert_value};
    use crate::ranks::Discount;

    #[test]
    fn the_golden_table() {
        assert_table(&Ndcg::default(), |row| row.ndcg);
        // Exactly 1, not nearly: a perfect list must not be told apart from the oracle.
        assert_value(&Ndcg::default(), "cabx", "abc", 1.0);
    }

    #[test]
    fn three_definitions_of_one_list_have_three_values() {
        // protocol.md: trec_eval .7039, LensKit .6199, daisyRec .9197.
        let close = |metric: &Ndcg, expected: f64| {
            assert_graded(
                metric,
                "axb",
                &[("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0), ("e", 1.0)],
                expected,
            );
        };
        let log2_3 = 3f64.log2();
        close(&Ndcg::default(), 1.5 / (1.5 + 1.0 / log2_3));
        let lenskit = Ndcg {
            discount: Discount::Log2Rank,
            ..Ndcg::default()
        };
        close(&lenskit, (1.0 + 1.0 / log2_3) / (2.0 + 1.0 / log2_3));
        let retrieved = Ndcg {
            ideal: Ideal::Retrieved,
            ..Ndcg::default()
        };
        close(&retrieved, 1.5 / (1.0 + 1.0 / log2_3));
    }

    #[test]
    fn large_weights_do_not_overflow() {
        let metric = Ndcg {
            gain: Gain::Exponential,
            ..Ndcg::default()
        };
        let weights = [("a", 9000.0), ("b", 8999.0)];
        assert_graded(&metric, "ab", &weights, 1.0);
        let half = 0.5 / 3f64.log2();
        assert_graded(&metric, "b", &weights, 0.5 / (1.0 + half));
    }

    #[test]
    fn an_ideal_of_k_targets_has_no_gains_to_be_graded_by() {
        let metric = Ndcg {
            gain: Gain::Linear,
            ideal: Ideal::K,
            ..Ndcg::default()
        };
        let problems = metric.check(&CheckContext::new(std::path::Path::new("")));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].parameter, "ideal");
        let error = metric
            .bind(&MetricContext::new(3, &Events::default()))
            .unwrap_err();
        assert!(error.to_string().contains("binary gain only"), "{error}");
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        let golden = 0.261_314_719_276_545_87;
        let places = 1.5 + 1.0 / 3f64.log2();
        for (ideal, expected) in [
            (Ideal::MinKTargets, golden),
            (Ideal::K, 0.2 * places / places),
        ] {
            let metric = |k| -> Box<dyn Metric> {
                Box::new(Ndcg {
                    k,
                    ideal,
                    ..Ndcg::default()
                })
            };
            assert_chance_is_exact(metric, expected);
        }
    }
}
