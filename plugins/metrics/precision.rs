//! How much of the list hits.

use std::num::NonZeroUsize;

use musicrec_api::{ChanceView, Identity, Measure, Metric, MetricContext, UserView, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, count_hits, expected_hits};

/// The share of the `k` places of a list that hold a target.
///
/// Formula: `precision@k = hits(k) / k`, with `hits(k)` the targets among the first `k` listed items.
/// The denominator is `k` even if the list is shorter: a place left empty is a miss. Source: `P_k` of
/// `trec_eval`.
///
/// ```toml
/// [evaluation]
/// metrics = ["precision@3"]   # the same as { precision = { k = 3 } }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Precision {
    fn default() -> Self {
        Self {
            k: NonZeroUsize::new(3).expect("3 is not 0"),
        }
    }
}

#[typetag::serde(name = "precision")]
impl Metric for Precision {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("precision@{k}"),
            formula: format!(
                "targets among the first {k} listed items / {k}, also for a shorter list"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: format!("trec_eval P_{k}"),
        }
    }

    fn bind(&self, _: &MetricContext) -> Box<dyn Measure> {
        Box::new(self.clone())
    }
}

impl Measure for Precision {
    fn user(&self, view: &UserView) -> f64 {
        count_hits(view, self.k.get()) / self.k.get() as f64
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        Some(expected_hits(view, self.k.get()) / self.k.get() as f64)
    }
}

register!(Metric, Precision, "precision", revision = 1);

#[cfg(test)]
mod tests {
    use super::Precision;
    use crate::golden::{assert_chance_is_exact, assert_table, assert_value};

    #[test]
    fn the_golden_table() {
        assert_table(&Precision::default(), |row| row.precision);
        assert_value(&Precision::default(), "a", "abcd", 1.0 / 3.0);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        assert_chance_is_exact(|k| Box::new(Precision { k }), 0.2);
    }
}
