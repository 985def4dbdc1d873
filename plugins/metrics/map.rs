//! How many hits stand above each hit.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, ChanceView, Identity, Measure, Metric, MetricContext, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, hit_chance, hits, three};

/// Average precision: the precision at every rank that hits, summed and divided by what could be hit.
///
/// Formula: `map@k = sum over hits at rank r <= k of hits(r) / r`, divided by `R`, the number of the
/// user's targets, those that no model could name (cold items) included. Other tools divide by something else and call
/// it the same: `divide_by`. Source: `map_cut_k` of `trec_eval`, the same as `map@k` of ranx.
///
/// ```toml
/// [evaluation]
/// metrics = ["map@3"]         # the same as { map = { k = 3 } }
/// ```
///
/// What `RecBole` and implicit call MAP is `map_min@3`; the metric of that label:
///
/// ```toml
/// [evaluation]
/// metrics = [{ map = { k = 3, divide_by = "min_k_targets" } }]
/// ```
///
/// ```toml
/// [evaluation]
/// metrics = [{ map = { k = 3, divide_by.grid = ["k", "hits"] } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Map {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// What the sum is divided by. Default `targets`.
    pub divide_by: MapDivisor,
}

impl Default for Map {
    fn default() -> Self {
        Self {
            k: three(),
            divide_by: MapDivisor::default(),
        }
    }
}

#[typetag::serde(name = "map")]
impl Metric for Map {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let (label, divisor) = match self.divide_by {
            MapDivisor::Targets => ("map", "all targets of the user"),
            MapDivisor::MinKTargets => ("map_min", "min(k, all targets of the user)"),
            MapDivisor::K => ("map_k", "k"),
            MapDivisor::Hits => ("map_hits", "the hits found"),
        };
        let source = match self.divide_by {
            MapDivisor::Targets => format!("trec_eval map_cut_{k}"),
            _ => "the table of whose definition is which (plugins/metrics/README.md)".to_owned(),
        };
        Identity {
            label: format!("{label}@{k}"),
            formula: format!(
                "sum over targets at ranks r = 1 to {k} of (targets at ranks 1 to r) / r, divided by \
                 {divisor}; targets that no model could name included"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source,
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        Ok(BoundMetric::per_user(self.clone()))
    }
}

/// What average precision is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MapDivisor {
    /// The number of the user's targets.
    #[default]
    Targets,
    /// That, but no more than `k`, so that every user can reach 1.
    MinKTargets,
    /// `k`, for every user.
    K,
    /// The hits found, so that what is missed costs nothing.
    Hits,
}

impl Map {
    /// The divisor of a user with so many targets, but for the one by hits.
    fn divisor(&self, targets: usize) -> Option<f64> {
        let k = self.k.get();
        match self.divide_by {
            MapDivisor::Targets => Some(targets as f64),
            MapDivisor::MinKTargets => Some(k.min(targets) as f64),
            MapDivisor::K => Some(k as f64),
            MapDivisor::Hits => None,
        }
    }
}

impl Measure for Map {
    fn user(&self, view: &UserView) -> f64 {
        let (mut found, mut sum) = (0.0, 0.0);
        for (rank, hit) in hits(view, self.k.get()).enumerate() {
            if hit {
                found += 1.0;
                sum += found / (rank as f64 + 1.0);
            }
        }
        if found == 0.0 {
            return 0.0;
        }
        sum / self.divisor(view.targets.len()).unwrap_or(found)
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let divisor = self.divisor(view.targets.len())?;
        let (candidates, targets) = (view.candidates as f64, view.reachable.len() as f64);
        // A hit at a rank counts itself, and each rank before it hits, given this one, by this chance.
        let other = if view.candidates > 1 {
            (targets - 1.0) / (candidates - 1.0)
        } else {
            0.0
        };
        let sum: f64 = (0..self.k.get().min(view.candidates))
            .map(|rank| (1.0 + rank as f64 * other) / (rank as f64 + 1.0))
            .sum();
        Some(hit_chance(view) * sum / divisor)
    }
}

register!(Metric, Map, "map", revision = 1);

#[cfg(test)]
mod tests {
    use super::{Map, MapDivisor};
    use crate::golden::{assert_chance_is_exact, assert_table, assert_value};

    fn by(divide_by: MapDivisor) -> Map {
        Map {
            divide_by,
            ..Map::default()
        }
    }

    #[test]
    fn the_golden_table() {
        assert_table(&Map::default(), |row| row.average);
        assert_table(&by(MapDivisor::MinKTargets), |row| row.average_min);
        assert_value(&by(MapDivisor::K), "xa", "a", 1.0 / 6.0);
        assert_value(
            &by(MapDivisor::Hits),
            "axb",
            "abcde",
            0.5 * (1.0 + 2.0 / 3.0),
        );
        assert_value(&by(MapDivisor::Hits), "x", "a", 0.0);
    }

    #[test]
    fn chance_is_the_mean_over_all_rankings() {
        // 2/10 · (1 + (1 + 1/9) / 2 + (1 + 2/9) / 3), divided
        let sum = 0.2 * (1.0 + 5.0 / 9.0 + 11.0 / 27.0);
        for (divide_by, divisor) in [
            (MapDivisor::Targets, 2.0),
            (MapDivisor::MinKTargets, 2.0),
            (MapDivisor::K, 3.0),
        ] {
            let metric = |k| -> Box<dyn musicrec_api::Metric> { Box::new(Map { k, divide_by }) };
            assert_chance_is_exact(metric, sum / divisor);
        }
    }
}
