//! How much of the catalog is recommended to anybody.

use std::num::NonZeroUsize;

use musicrec_api::{
    BoundMetric, CheckContext, Identity, ItemValues, MISSING, MeasureLists, Metric, MetricContext,
    Nature, Problem, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{POOLED, three};

/// The share of all items that could be recommended that stand in somebody's list.
///
/// Formula: `coverage@k = distinct items among the first k of all lists / candidates`. With a `column` of
/// the log, such as the artist, the share of its distinct values: an item has the value that it has most
/// often in the fit part, and the label is `coverage_artist_id@3`. One number for all lists, so it has no
/// interval and no test. It grows with the number of users, so compare it on one split only. Source: catalog coverage of Ge et al. 2010.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", "coverage@3", { coverage = { k = 3, column = "artist_id" } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Coverage {
    /// How many items of the list count; at least 1. Default 3.
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// The column of the log whose values count instead of items. Items if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            k: three(),
            column: None,
        }
    }
}

#[typetag::serde(name = "coverage")]
impl Metric for Coverage {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let (label, formula) = match &self.column {
            None => (
                "coverage".to_owned(),
                format!("distinct items among the first {k} of all lists / candidates"),
            ),
            Some(column) => (
                format!("coverage_{column}"),
                format!(
                    "distinct `{column}` of the items among the first {k} of all lists / distinct \
                     `{column}` of the candidates"
                ),
            ),
        };
        Identity {
            label: format!("{label}@{k}"),
            formula,
            averaged_over: POOLED.to_owned(),
            source: "Ge et al. 2010, catalog coverage".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().reads_items().over_lists()
    }

    fn bind(&self, context: &MetricContext) -> Result<BoundMetric> {
        let counts_as: Vec<u32> = match &self.column {
            None => (0..context.fit.items.len() as u32).collect(),
            Some(column) => ItemValues::of(context.fit, column)?.of_item,
        };
        // What nobody is shown is no candidate, and a value that only such items have is none either.
        let all = (0..).zip(&counts_as);
        let of = all.filter(|(item, _)| context.hidden.binary_search(item).is_err());
        let of = of
            .map(|(_, value)| *value)
            .filter(|value| *value != MISSING);
        let mut of: Vec<u32> = of.collect();
        of.sort_unstable();
        of.dedup();
        Ok(BoundMetric::over_lists(Bound {
            k: self.k.get(),
            counts_as,
            of: of.len(),
        }))
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = self.column.iter();
        column
            .filter_map(|column| context.missing_column("column", column))
            .collect()
    }
}

/// What each item counts as, and of how many.
#[derive(Debug)]
struct Bound {
    k: usize,
    /// By item; `MISSING` where it counts as nothing.
    counts_as: Vec<u32>,
    of: usize,
}

impl MeasureLists for Bound {
    fn value(&self, users: &[UserView]) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        // Items are no fewer than values.
        let mut seen = vec![false; self.counts_as.len()];
        for item in users.iter().flat_map(|view| view.list.iter().take(self.k)) {
            let value = self.counts_as[*item as usize];
            if value != MISSING {
                seen[value as usize] = true;
            }
        }
        seen.iter().filter(|seen| **seen).count() as f64 / self.of as f64
    }
}

register!(Metric, Coverage, "coverage", revision = 1);

#[cfg(test)]
mod tests {
    use musicrec_api::Metric as _;
    use musicrec_api::MetricContext;

    use super::Coverage;
    use crate::golden::{four_items, of_lists, of_lists_without};

    #[test]
    fn whatever_stands_in_any_list_counts_once() {
        let metric = Coverage::default();
        assert_eq!(of_lists(&metric, &[&[0, 1], &[1, 0]]), 0.5);
        assert_eq!(of_lists(&metric, &[&[0, 1, 2, 3], &[]]), 0.75);
        assert_eq!(of_lists(&metric, &[&[], &[]]), 0.0);
        // Of those that could be listed.
        assert_eq!(of_lists_without(&metric, &[&[0, 1]], &[2, 3]), 1.0);
    }

    #[test]
    fn values_of_a_column_count_instead_of_items() {
        // Artists: x made 0 and 1, y made 2; nobody knows of 3.
        let metric = Coverage {
            column: Some("artist".into()),
            ..Coverage::default()
        };
        assert_eq!(metric.identity().label, "coverage_artist@3");
        assert_eq!(of_lists(&metric, &[&[0, 1], &[3]]), 0.5);
        assert_eq!(of_lists(&metric, &[&[0], &[2]]), 1.0);
        assert_eq!(of_lists_without(&metric, &[&[0]], &[2]), 1.0);
        let metric = Coverage {
            column: Some("label".into()),
            ..Coverage::default()
        };
        let fit = four_items();
        let error = metric.bind(&MetricContext::new(4, &fit)).unwrap_err();
        assert!(error.to_string().contains("`label`"), "{error}");
    }
}
