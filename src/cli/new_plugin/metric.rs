//! Whether a list holds anything that the user went on to play.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Nature, Result, UserView,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether at least one of the first `k` items of the list is a target: the share of users who get
/// something they went on to play.
///
/// Formula: `my_plugin@k = 1 if hits(k) > 0, else 0`, with `hits(k)` the targets among the first `k`
/// listed items.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "my_plugin@3"]     # the same as { my_plugin = { k = 3 } }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MyPlugin {
    /// How many items of the list count; at least 1. Default 3.
    pub k: NonZeroUsize,
}

impl Default for MyPlugin {
    fn default() -> Self {
        Self {
            k: NonZeroUsize::new(3).expect("3 is not 0"),
        }
    }
}

#[typetag::serde(name = "my_plugin")]
impl Metric for MyPlugin {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        Identity {
            label: format!("my_plugin@{}", self.k),
            formula: format!("1 if any of the first {} is a target, else 0", self.k),
            averaged_over: "users with at least one target".to_owned(),
            source: "this crate".to_owned(),
        }
    }

    /// Higher is better, each user has a value, and that is 0 or 1.
    fn nature(&self) -> Nature {
        Nature::default().proportion()
    }

    // What it needs of the whole evaluation, such as how popular items are, it gets here.
    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

impl Measure for MyPlugin {
    fn user(&self, view: &UserView) -> f64 {
        // The gain of a listed item is above 0 for a target, and 0 for a miss.
        let hit = view.gains.iter().take(self.k.get()).any(|&gain| gain > 0.0);
        f64::from(hit)
    }

    /// What random lists have on average. Return `None` where there is no formula: then the lab
    /// draws random lists.
    fn chance(&self, view: &ChanceView) -> Option<f64> {
        // One minus the probability that each item drawn is a miss, without putting any back.
        let (candidates, targets) = (view.candidates, view.reachable.len());
        let mut all_miss = 1.0;
        for drawn in 0..self.k.get().min(candidates) {
            let misses_left = (candidates - targets).saturating_sub(drawn);
            all_miss *= misses_left as f64 / (candidates - drawn) as f64;
        }
        Some(1.0 - all_miss)
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Metric, MyPlugin, "my_plugin", revision = 1);

#[cfg(test)]
mod tests {
    use super::MyPlugin;
    use musicrec_api::{Events, Metric, MetricContext, UserView, conformance};

    /// The value of a list whose items have these gains, for a user with two targets.
    fn value(gains: &[f64]) -> f64 {
        let list: Vec<u32> = (0..gains.len() as u32).collect();
        let fit = Events::default();
        let bound = MyPlugin::default().bind(&MetricContext::new(100, &fit));
        bound.unwrap().value(&[UserView::new(&list, gains, &[1.0, 1.0])])
    }

    #[test]
    fn a_hit_counts_once_and_down_to_the_third_place() {
        assert_eq!(value(&[0.0, 0.0, 1.0]), 1.0);
        assert_eq!(value(&[1.0, 1.0, 0.0]), 1.0);
        assert_eq!(value(&[0.0, 0.0, 0.0, 1.0]), 0.0);
        assert_eq!(value(&[]), 0.0);
    }

    #[test]
    fn it_keeps_the_promises_of_a_metric() {
        conformance::metric("my_plugin");
    }
}
