//! How different the items of a list are.

use std::num::NonZeroUsize;

use musicrec_api::{
    Better, BoundMetric, CheckContext, Identity, ItemValues, MISSING, Measure, Metric,
    MetricContext, Nature, Problem, Result, UserView, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ranks::{AVERAGED_OVER, three};

/// Intra-list diversity by a column of the log: the share of pairs of listed items whose values differ, such
/// as their genres. Neither higher nor lower is better.
///
/// Formula: `diversity_genre@k = pairs of different values / pairs`, over all pairs of the first `k` listed
/// items that have a value; 0 if fewer than two have one. An item has the value that it has most often in
/// the fit part. Source: Ziegler et al. 2005, with the distance 1 between different values and 0 between
/// equal ones.
///
/// ```toml
/// [evaluation]
/// metrics = ["ndcg@3", { diversity = { k = 3, column = "genre" } }]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diversity {
    /// How many items of the list count; at least 1. Default 3.
    #[serde(default = "three")]
    #[schemars(extend("x-unit" = "items"))]
    pub k: NonZeroUsize,
    /// The column of the log whose values are compared.
    pub column: String,
}

#[typetag::serde(name = "diversity")]
impl Metric for Diversity {
    fn depth(&self) -> usize {
        self.k.get()
    }

    fn identity(&self) -> Identity {
        let k = self.k;
        let column = &self.column;
        Identity {
            label: format!("diversity_{column}@{k}"),
            formula: format!(
                "share of pairs with different `{column}` among the first {k} listed items that have \
                 one; 0 if fewer than two have"
            ),
            averaged_over: AVERAGED_OVER.to_owned(),
            source: "Ziegler et al. 2005, intra-list diversity".to_owned(),
        }
    }

    fn nature(&self) -> Nature {
        Nature::default().better(Better::Neither).reads_items()
    }

    fn bind(&self, context: &MetricContext) -> Result<BoundMetric> {
        let values = ItemValues::of(context.fit, &self.column)?.of_item;
        let k = self.k.get();
        Ok(BoundMetric::per_user(Bound { k, values }))
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context.missing_column("column", &self.column);
        column.into_iter().collect()
    }
}

#[derive(Debug)]
struct Bound {
    k: usize,
    /// By item.
    values: Vec<u32>,
}

impl Measure for Bound {
    fn user(&self, view: &UserView) -> f64 {
        let listed = view.list.iter().take(self.k);
        let mut values: Vec<u32> = listed.map(|&item| self.values[item as usize]).collect();
        values.retain(|value| *value != MISSING);
        values.sort_unstable();
        let pairs_of = |n: usize| (n * n.saturating_sub(1) / 2) as f64;
        let pairs = pairs_of(values.len());
        if pairs == 0.0 {
            return 0.0;
        }
        let equal: f64 = values
            .chunk_by(|a, b| a == b)
            .map(|same| pairs_of(same.len()))
            .sum();
        (pairs - equal) / pairs
    }
}

register!(Metric, Diversity, "diversity", revision = 1);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use musicrec_api::{CheckContext, Metric as _};

    use super::Diversity;
    use crate::golden::of_lists;
    use crate::ranks::three;

    fn by(column: &str) -> Diversity {
        Diversity {
            k: three(),
            column: column.to_owned(),
        }
    }

    #[test]
    fn pairs_of_different_values_count() {
        // Artists: x made 0 and 1, y made 2; nobody knows of 3.
        assert_eq!(of_lists(&by("artist"), &[&[0, 1, 2]]), 2.0 / 3.0);
        assert_eq!(of_lists(&by("artist"), &[&[0, 1]]), 0.0);
        assert_eq!(of_lists(&by("artist"), &[&[0, 3, 2]]), 1.0);
        assert_eq!(of_lists(&by("artist"), &[&[0, 3]]), 0.0);
        assert_eq!(of_lists(&by("artist"), &[&[]]), 0.0);
    }

    #[test]
    fn a_column_that_is_not_there_is_a_problem_of_its_parameter() {
        let columns = ["artist".to_owned()];
        let context = CheckContext::new(Path::new("")).with_columns(&columns);
        assert!(by("artist").check(&context).is_empty());
        let problems = by("artits").check(&context);
        assert_eq!(problems[0].parameter, "column");
        assert_eq!(problems[0].suggestion.as_deref(), Some("artist"));
    }
}
