//! How popular the listed items are.

use std::num::NonZeroUsize;

use musicrec_api::{
    Better, BoundMetric, Identity, Measure, Metric, MetricContext, Nature, Result, UserView,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::popular::{Popular, mean_over};
use crate::ranks::{AVERAGED_OVER, three};

/// The average popularity of the listed items: how much a model leans on what is well known. Neither
/// higher nor lower is better.
///
/// Formula: `popularity_bias@k = mean of users who heard the item / users` over the first `k` listed items,
/// both counted in the fit part; 0 for an empty list. .1 means that a tenth of all users know the item
/// listed. The row of random rankings shows what an unbiased choice has. Source: average recommendation
/// popularity (ARP) of Yin et al. 2012 and Abdollahpouri et al. 2019, as a share of users instead of a
/// count.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "popularity_bias@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PopularityBias {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for PopularityBias {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "popularity_bias")]
impl Metric for PopularityBias {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("popularity_bias@{k}"),
            formula: format!(
                "mean of users who heard it / users of the fit part over the first {k} listed items; 0 for an empty list"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source:
                "average recommendation popularity (Abdollahpouri et al. 2019), as a share of users"
                    .to_owned(),
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
        mean_over(view.list, self.k, |item| self.popular.share(item))
    }
}

register!(Metric, PopularityBias, "popularity_bias", revision = 1);

#[cfg(test)]
mod tests {
    use super::PopularityBias;
    use crate::golden::of_lists;

    #[test]
    fn the_mean_share_of_users_who_heard_what_is_listed() {
        assert_eq!(of_lists(&PopularityBias::default(), &[&[0, 1]]), 0.75);
        assert_eq!(of_lists(&PopularityBias::default(), &[&[2, 3, 2, 0]]), 0.25);
        assert_eq!(of_lists(&PopularityBias::default(), &[&[]]), 0.0);
    }
}
