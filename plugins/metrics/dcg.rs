//! How many targets are found, and how early, without a norm.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gains::{Gain, discounted};
use crate::ranks::{AVERAGED_OVER, Discount, Discounts, three};

/// Discounted cumulative gain: hits count the more, the earlier they stand.
///
/// Formula: `dcg@k = sum over hits at rank r <= k of gain / log2(r + 1)`. It is not divided by the best
/// list's, which can turn the order of two models around (Jeunen et al. 2024), so users with many targets
/// count more than in `ndcg`. With a graded gain the label is `dcg_linear@3` or `dcg_exponential@3`; an exponential
/// gain of weights above about 330 has no value that is a sound number, which is an error. Source: Järvelin and Kekäläinen 2002, Burges et al. 2005 (exponential).
///
/// ```toml
/// [evaluation]
/// metrics = ["dcg@3"]         # the same as { dcg = { k = 3 } }
/// ```
///
/// ```toml
/// [evaluation]
/// metrics = [{ dcg = { k = 3, gain = "linear" } }, { dcg = { k = 3, gain = "exponential" } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dcg {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// What a hit is worth. Default `binary`.
    pub gain: Gain,
    /// How a hit counts the less, the later it stands. Default `log2_rank_plus1`.
    pub discount: Discount,
}

impl Default for Dcg {
    fn default() -> Self {
        Self {
            k: three(),
            gain: Gain::default(),
            discount: Discount::default(),
        }
    }
}

#[typetag::serde(name = "dcg")]
impl Metric for Dcg {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let (gain, discount) = (self.gain, self.discount);
        Identity {
            label: format!("dcg{}{}@{k}", gain.label(), discount.label()),
            formula: format!(
                "sum of {} times {} over targets at ranks 1 to {k}",
                gain.formula(),
                discount.formula()
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: "Järvelin and Kekäläinen 2002, not normalized".to_owned(),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(Bound {
            k: self.k.get(),
            gain: self.gain,
            discounts: Discounts::new(self.discount, self.k.get()),
        }))
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    gain: Gain,
    discounts: Discounts,
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        let gains = view.gains.iter().map(|&weight| self.gain.of(weight));
        discounted(gains, &self.discounts, self.k)
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        if view.candidates == 0 {
            return Some(0.0);
        }
        let gains: f64 = view.reachable.iter().map(|&w| self.gain.of(w)).sum();
        let places = self.discounts.sum(self.k.min(view.candidates));
        Some(gains / view.candidates as f64 * places)
    }
}

register!(Metric, Dcg, "dcg", revision = 1);

#[cfg(test)]
mod tests {
    use super::Dcg;
    use crate::gains::Gain;
    use crate::golden::{assert_chance_is_exact, assert_graded, assert_value};
    use crate::ranks::Discount;

    #[test]
    fn hits_by_their_rank() {
        assert_value(&Dcg::default(), "axb", "abcde", 1.5);
        assert_value(&Dcg::default(), "", "a", 0.0);
        let other = Dcg {
            discount: Discount::Log2Rank,
            ..Dcg::default()
        };
        assert_value(&other, "ab", "ab", 2.0);
    }

    #[test]
    fn graded_gains_are_those_of_the_golden_case() {
        // graded_321: the list b x a of a3 b2 c1.
        for (gain, expected) in [(Gain::Linear, 3.5), (Gain::Exponential, 6.5)] {
            let metric = Dcg {
                gain,
                ..Dcg::default()
            };
            assert_graded(
                &metric,
                "bxa",
                &[("a", 3.0), ("b", 2.0), ("c", 1.0)],
                expected,
            );
        }
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        let metric = |k| -> Box<dyn musicrec_api::Metric> {
            Box::new(Dcg {
                k,
                ..Dcg::default()
            })
        };
        assert_chance_is_exact(metric, 0.2 * (1.0 + 1.0 / 3f64.log2() + 0.5));
    }
}
