//! How many of all targets together are found.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, Identity, MeasureLists, Metric, MetricContext, Nature, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{POOLED, count_hits, ratio, three};

/// Recall pooled over users: all hits together, divided by all targets together.
///
/// Formula: `micro_recall@k = sum of hits(k) / sum of R`, both over all users, with `R` the number of a
/// user's targets, those that no model could name (cold items) included. Users with many targets weigh the
/// more. One number for all lists, so it has no interval and no test; prefer `recall`, the mean over users,
/// where nothing has to be reproduced. Source: recall pooled over users (micro-average).
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "micro_recall@3"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MicroRecall {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
}

impl Default for MicroRecall {
    fn default() -> Self {
        Self { k: three() }
    }
}

#[typetag::serde(name = "micro_recall")]
impl Metric for MicroRecall {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        Identity {
            label: format!("micro_recall@{k}"),
            formula: format!(
                "targets among the first {k} listed items of all users / all their targets, those that no model could name included"
            ),
            averaged_over: POOLED.to_owned(),
            source: "pooled recall (micro-average)".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().over_lists()
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::over_lists(self.clone()))
    }
}

impl MeasureLists for MicroRecall {
    fn value(&self, users: &[UserView]) -> f64 {
        let targets = |view: &UserView| view.targets.len() as f64;
        ratio(users, |view| count_hits(view, self.k.get()), targets)
    }
}

register!(Metric, MicroRecall, "micro_recall", revision = 1);

#[cfg(test)]
mod tests {
    use super::MicroRecall;
    use crate::golden::pooled;

    #[test]
    fn hits_are_pooled() {
        let users = [("axy", "a"), ("bxy", "bcdef")];
        assert_eq!(pooled(&MicroRecall::default(), &users), 2.0 / 6.0);
    }
}
