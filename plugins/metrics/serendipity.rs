//! What is found that popularity would not have found.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, Identity, Measure, Metric, MetricContext, Nature, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::popular::Popular;
use crate::ranks::{AVERAGED_OVER, three};

/// The share of the `k` places that hold a target that the popularity list of the same user would not
/// have shown.
///
/// Formula: `serendipity@k = hits(k) that are not among the user's k most popular items / k`. Those are the
/// items that most users heard in the fit part, without what this user heard before, ties going to the smaller
/// id: the list of the model `popularity` with its defaults. The model popularity itself has 0. Source: Ge et
/// al. 2010, with popularity as the primitive recommender and targets as what is useful.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "serendipity@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Serendipity {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for Serendipity {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "serendipity")]
impl Metric for Serendipity {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("serendipity@{k}"),
            formula: format!(
                "targets among the first {k} listed items that are not among the {k} most popular items the user had not heard / {k}, also for a shorter list"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: "Ge et al. 2010, against popularity".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().reads_items()
    }

    fn bind(&self, context: &MetricContext) -> Result<BoundMetric> {
        let (k, mut order) = (self.k.get(), Popular::of(context.fit).order());
        order.retain(|item| context.hidden.binary_search(item).is_err());
        Ok(BoundMetric::per_user(Bound { k, order }))
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    /// The most popular first.
    order: Vec<u32>,
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        let listed = view.list.iter().zip(view.gains).take(self.k);
        let found: Vec<u32> = listed.filter(|(_, g)| **g > 0.0).map(|(i, _)| *i).collect();
        if found.is_empty() {
            return 0.0;
        }
        let new = |item: &&u32| view.masked.binary_search(item).is_err();
        let expected = self.order.iter().filter(new).take(self.k);
        let expected = expected.filter(|item| found.contains(item)).count();
        (found.len() - expected) as f64 / self.k as f64
    }
}

register!(Metric, Serendipity, "serendipity", revision = 1);

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use musicrec_api::{Metric as _, MetricContext, UserView};

    use super::Serendipity;
    use crate::golden::four_items;

    #[test]
    fn hits_count_that_popularity_would_not_have_had() {
        let metric = Serendipity {
            k: NonZeroUsize::new(2).unwrap(),
        };
        let fit = four_items();
        let bound = metric.bind(&MetricContext::new(4, &fit)).unwrap();
        let value = |list: &[u32], gains: &[f64], masked: &[u32]| {
            bound.value(&[UserView::new(list, gains, &[1.0, 1.0]).with_masked(masked)])
        };
        // The popular ones are 0 and 1.
        assert_eq!(value(&[0, 1], &[1.0, 1.0], &[]), 0.0);
        assert_eq!(value(&[0, 2], &[1.0, 1.0], &[]), 0.5);
        assert_eq!(value(&[3, 2], &[0.0, 1.0], &[]), 0.5);
        // Who heard 0 is shown 1 and 2 by popularity.
        assert_eq!(value(&[2, 3], &[1.0, 1.0], &[0]), 0.5);
        assert_eq!(value(&[], &[], &[]), 0.0);
        // Where nobody is shown 0, all are shown 1 and 2 by popularity.
        let context = MetricContext::new(3, &fit).with_hidden(&[0]);
        let list = UserView::new(&[2, 3], &[1.0, 1.0], &[1.0, 1.0]);
        assert_eq!(metric.bind(&context).unwrap().value(&[list]), 0.5);
    }
}
