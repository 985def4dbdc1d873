//! How little known the listed items are.

use std::num::NonZeroUsize;

use musicrec_api::arithmetic::log2;
use musicrec_api::{
    Better, BoundMetric, Identity, Measure, Metric, MetricContext, Nature, Result, UserView,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::popular::{Popular, mean_over};
use crate::ranks::{AVERAGED_OVER, three};

/// The mean self-information of the listed items: how surprising it is that somebody knows them. Neither
/// higher nor lower is better.
///
/// Formula: `novelty@k = mean of -log2(users who heard the item / users)` over the first `k` listed
/// items, both counted in the fit part; 0 for an empty list. 0 is what everybody heard, and each 1 more is half as many listeners.
/// Source: Zhou et al. 2010; mean inverse user frequency (`MIUF`) of `RecTools`.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "novelty@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Novelty {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Novelty {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "novelty")]
impl Metric for Novelty {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("novelty@{k}"),
            formula: format!(
                "mean of -log2(users who heard it / users of the fit part) over the first {k} listed items; 0 for an empty list"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: "Zhou et al. 2010, self-information".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().better(Better::Neither).reads_items()
    }

    fn bind(&self, context: &MetricContext) -> Result<BoundMetric> {
        let (k, popular) = (self.k.get(), Popular::of(context.fit));
        Ok(BoundMetric::per_user(Bound { k, popular }))
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    popular: Popular,
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        // Whole numbers of users, so that what everybody heard is 0, not -0.
        mean_over(view.list, self.k, |item| {
            log2(1.0 / self.popular.share(item))
        })
    }
}

register!(Metric, Novelty, "novelty", revision = 1);

#[cfg(test)]
mod tests {
    use super::Novelty;
    use crate::golden::of_lists;

    #[test]
    fn half_as_many_listeners_are_one_more() {
        // Of four users four heard item 0, two item 1, and one each 2 and 3.
        assert_eq!(of_lists(&Novelty::default(), &[&[0]]), 0.0);
        assert_eq!(of_lists(&Novelty::default(), &[&[1, 2, 0]]), 1.0);
        assert_eq!(of_lists(&Novelty::default(), &[&[1, 2, 0, 3]]), 1.0);
        assert_eq!(of_lists(&Novelty::default(), &[&[3], &[]]), 1.0);
    }
}
