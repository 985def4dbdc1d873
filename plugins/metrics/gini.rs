//! How unequally often items are recommended.

use std::num::NonZeroUsize;

use musicrec_api::{
    Better, BoundMetric, Identity, MeasureLists, Metric, MetricContext, Nature, Result, UserView,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{POOLED, three};

/// The Gini index of how often each candidate stands in a list: 0 if all do equally often, near 1 if few
/// items fill all lists. Lower is better.
///
/// Formula: `gini@k = sum over i = 1 … n of (2i - n - 1) x_i / (n · sum of x)`, with `x_1 <= … <= x_n` how
/// often each of the `n` candidates is among the first `k` of a list; 0 if nothing is listed. One number for all lists, so it has no interval and no
/// test. Source: Gini index as in `RecBole` and Elliot, over all candidates.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "gini@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gini {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Gini {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "gini")]
impl Metric for Gini {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("gini@{k}"),
            formula: format!(
                "Gini index of how often each candidate is among the first {k} of a list; 0 for equally often"
            ),
            averaged_over: POOLED.to_owned(),
            source: "Gini 1912; of recommendations: Fleder and Hosanagar 2009".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default()
            .better(Better::Lower)
            .reads_items()
            .over_lists()
    }

    fn bind(&self, context: &MetricContext) -> Result<BoundMetric> {
        let (k, items) = (self.k.get(), context.fit.items.len());
        let hidden = context.hidden.len();
        Ok(BoundMetric::over_lists(Bound { k, items, hidden }))
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    items: usize,
    /// How many of them nobody is shown: no list holds them.
    hidden: usize,
}

impl MeasureLists for Bound {
    fn value(&self, users: &[UserView]) -> f64 {
        let mut listed = vec![0_u32; self.items];
        for item in users.iter().flat_map(|view| view.list.iter().take(self.k)) {
            listed[*item as usize] += 1;
        }
        listed.sort_unstable();
        // Those that are never listed are among the first.
        let listed = &listed[self.hidden..];
        let n = listed.len() as f64;
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (at, times) in listed.iter().enumerate() {
            sum += f64::from(*times);
            weighted += (2.0 * (at as f64 + 1.0) - n - 1.0) * f64::from(*times);
        }
        if sum == 0.0 {
            return 0.0;
        }
        weighted / (n * sum)
    }
}

register!(Metric, Gini, "gini", revision = 1);

#[cfg(test)]
mod tests {
    use super::Gini;
    use crate::golden::{of_lists, of_lists_without};

    #[test]
    fn equal_shares_have_none_and_one_item_for_all_has_the_most() {
        let metric = Gini::default();
        assert_eq!(of_lists(&metric, &[&[0, 1], &[2, 3]]), 0.0);
        // One of four items: (n - 1) / n.
        assert_eq!(of_lists(&metric, &[&[0], &[0]]), 0.75);
        // Of two that could be listed.
        assert_eq!(of_lists_without(&metric, &[&[0, 1]], &[2, 3]), 0.0);
        // Shares 0, 0, 1, 2: ((2·3-5)·1 + (2·4-5)·2) / (4·3).
        assert_eq!(of_lists(&metric, &[&[0, 1], &[0]]), 7.0 / 12.0);
        assert_eq!(of_lists(&metric, &[&[], &[]]), 0.0);
    }
}
