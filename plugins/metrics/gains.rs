//! What a target of some weight is worth, for the metrics that can be graded.

use musicrec_api::UserView;
use musicrec_api::arithmetic::{exp_m1, exp2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::Discounts;

/// What a hit is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Gain {
    /// 1, however strong the target is.
    #[default]
    Binary,
    /// The target's weight.
    Linear,
    /// `2^weight - 1`, which lets strong targets outweigh all others.
    Exponential,
}

impl Gain {
    /// What a target of some weight is worth; 0 stays 0.
    pub(crate) fn of(self, weight: f64) -> f64 {
        match self {
            Self::Binary => f64::from(weight > 0.0),
            Self::Linear => weight,
            // Small weights would be lost beside the 1.
            Self::Exponential if weight < 1.0 => exp_m1(weight * std::f64::consts::LN_2),
            Self::Exponential => exp2(weight) - 1.0,
        }
    }

    /// The same up to a factor that is common to all weights up to `greatest`, for ratios: no weight
    /// is too large for it.
    pub(crate) fn relative(self, weight: f64, greatest: f64) -> f64 {
        // Beyond this 2^weight is near the end of what a number can hold, and 1 is nothing beside it.
        if self == Self::Exponential && greatest > 500.0 {
            return if weight > 0.0 {
                exp2(weight - greatest)
            } else {
                0.0
            };
        }
        self.of(weight)
    }

    /// What tells it apart in a label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Binary => "",
            Self::Linear => "_linear",
            Self::Exponential => "_exponential",
        }
    }

    /// Its formula.
    pub(crate) fn formula(self) -> &'static str {
        match self {
            Self::Binary => "1 (binary gain)",
            Self::Linear => "the target's weight (linear gain)",
            Self::Exponential => "2^weight - 1 (exponential gain)",
        }
    }
}

/// Gains in the order of ranks, each by its discount, down to rank `k`.
pub(crate) fn discounted(gains: impl Iterator<Item = f64>, discounts: &Discounts, k: usize) -> f64 {
    gains
        .take(k)
        .enumerate()
        .filter(|&(_, gain)| gain > 0.0)
        .fold(0.0, |sum, (rank, gain)| sum + gain * discounts.at(rank))
}

/// The greatest weight of a user's targets.
pub(crate) fn greatest(view: &UserView) -> f64 {
    view.targets.first().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::Gain;

    #[test]
    fn gains_of_weights() {
        assert_eq!(
            [0.0, 1.0, 3.0].map(|w| Gain::Exponential.of(w)),
            [0.0, 1.0, 7.0]
        );
        assert_eq!([0.0, 0.5].map(|w| Gain::Linear.of(w)), [0.0, 0.5]);
        assert_eq!([0.0, 0.5].map(|w| Gain::Binary.of(w)), [0.0, 1.0]);
        let tiny = Gain::Exponential.of(1e-18);
        assert!(
            (tiny / 1e-18 - std::f64::consts::LN_2).abs() < 1e-15,
            "{tiny}"
        );
    }

    #[test]
    fn no_weight_is_too_large_for_a_ratio() {
        let gain = |weight| Gain::Exponential.relative(weight, 5000.0);
        assert_eq!(gain(4999.0) / gain(5000.0), 0.5);
        assert_eq!(gain(0.0), 0.0);
        let gain = |weight| Gain::Exponential.relative(weight, 3.0);
        assert_eq!(gain(1.0) / gain(3.0), 1.0 / 7.0);
    }
}
