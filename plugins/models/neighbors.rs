//! What models of neighbors have in common: keeping the nearest, and scoring with sparse weights.

use std::borrow::Cow;
use std::sync::Arc;

use musicrec_api::{
    InteractionMatrix, Reasons, Recommender, Result, RowScorer, Scores, Tensors, Train, Users,
};
use ndarray::ArrayViewMut2;

use crate::bands::Bands;
use crate::products::{cells, from_rows};

/// The `count` largest above 0, ties to the smaller index; ascending by index.
pub(crate) fn nearest(others: impl Iterator<Item = (u32, f32)>, count: usize) -> Vec<(u32, f32)> {
    let mut found: Vec<(u32, f32)> = others.filter(|(_, weight)| *weight > 0.0).collect();
    if found.len() > count {
        found.select_nth_unstable_by(count - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(count);
    }
    // Many more may have been found than are kept, of every row.
    found.shrink_to_fit();
    found.sort_unstable_by_key(|(other, _)| *other);
    found
}

/// Keeps the `count` largest of each row.
pub(crate) fn largest(matrix: &InteractionMatrix, count: usize) -> InteractionMatrix {
    let rows = matrix.outer_iterator().map(|row| {
        let cells = row.iter().map(|(column, &weight)| (column as u32, weight));
        nearest(cells, count)
    });
    from_rows(matrix.cols(), rows)
}

/// Divides each row by its sum.
pub(crate) fn normalized(rows: &mut [Vec<(u32, f32)>]) {
    for row in rows {
        let sum: f64 = row.iter().map(|(_, weight)| f64::from(*weight)).sum();
        for (_, weight) in row {
            *weight = (f64::from(*weight) / sum) as f32;
        }
    }
}

/// Scores that are sums of products of histories and item-to-item weights:
/// `score(u, j) = Σ_i r(u, i) w(i, j)`. People are folded in by their history alone.
pub(crate) struct ItemWeights<'a> {
    pub(crate) histories: Cow<'a, InteractionMatrix>,
    /// Items × items, by the item heard.
    pub(crate) weights: Cow<'a, InteractionMatrix>,
    /// The same, as they are multiplied.
    bands: Arc<Bands>,
}

impl ItemWeights<'static> {
    pub(crate) fn new(train: &Train, weights: InteractionMatrix) -> Self {
        Self::of(train.interactions.clone(), weights)
    }

    pub(crate) fn of(histories: InteractionMatrix, weights: InteractionMatrix) -> Self {
        Self {
            histories: Cow::Owned(histories),
            bands: Arc::new(Bands::new(&weights)),
            weights: Cow::Owned(weights),
        }
    }

    /// What [`Recommender::save`] gave, under the histories that it was learned from.
    pub(crate) fn load(
        mut saved: Tensors,
        histories: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let items = histories.cols();
        let weights = saved.take_sparse("weights", (items, items))?;
        Ok(Box::new(Self::of(histories, weights)))
    }
}

impl ItemWeights<'_> {
    /// The same weights under other histories.
    pub(crate) fn under(&self, histories: InteractionMatrix) -> ItemWeights<'_> {
        ItemWeights {
            histories: Cow::Owned(histories),
            weights: Cow::Borrowed(&*self.weights),
            bands: Arc::clone(&self.bands),
        }
    }
}

impl Recommender for ItemWeights<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(self.under(given.interactions.clone()))))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert_sparse("weights", &self.weights);
        Some(saved)
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        Ok(Some(reasons(&self.histories, user, items, |from, to| {
            let (others, weights) = cells(&self.weights, from as usize);
            let at = others.binary_search(&to).ok()?;
            Some(f64::from(weights[at]))
        })))
    }
}

/// What each item of a user's history has in the scores `Σ_i r(u, i) w(i, j)` of items j: those whose `weight` from i
/// to j there is.
pub(crate) fn reasons(
    histories: &InteractionMatrix,
    user: u32,
    items: &[u32],
    weight: impl Fn(u32, u32) -> Option<f64>,
) -> Vec<Reasons> {
    let (heard, strengths) = cells(histories, user as usize);
    let of_item = |&to: &u32| {
        let history = heard.iter().zip(strengths);
        let found = history
            .filter_map(|(&from, &strength)| Some((from, f64::from(strength) * weight(from, to)?)));
        largest_first(found.collect())
    };
    items.iter().map(of_item).collect()
}

/// Reasons in the order that they are told in.
pub(crate) fn largest_first(mut reasons: Reasons) -> Reasons {
    reasons.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    reasons
}

impl RowScorer for ItemWeights<'_> {
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>) {
        self.bands
            .multiply(&self.histories, &self.weights, users, out);
    }
}

/// Rows of the product of two sparse matrices. Sums run in the order of the left one's columns.
pub(crate) fn multiply(
    left: &InteractionMatrix,
    right: &InteractionMatrix,
    rows: &[u32],
    mut out: ArrayViewMut2<f32>,
) {
    for (&row, mut out) in rows.iter().zip(out.rows_mut()) {
        out.fill(0.0);
        let out = out.as_slice_mut().expect("rows are contiguous");
        let (columns, values) = cells(left, row as usize);
        for (&column, &value) in columns.iter().zip(values) {
            let (others, weights) = cells(right, column as usize);
            for (&other, &weight) in others.iter().zip(weights) {
                out[other as usize] += value * weight;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{largest, multiply, nearest, normalized};
    use crate::products::from_rows;
    use ndarray::{Array2, array};

    #[test]
    fn the_nearest_are_kept_and_ties_go_to_the_smaller_index() {
        let others = [(4, 1.0), (2, 1.0), (9, 3.0), (1, 1.0), (0, 0.0), (3, -1.0)];
        let nearest = |count| nearest(others.into_iter(), count);
        assert_eq!(nearest(1), [(9, 3.0)]);
        assert_eq!(nearest(3), [(1, 1.0), (2, 1.0), (9, 3.0)]);
        assert_eq!(nearest(9), [(1, 1.0), (2, 1.0), (4, 1.0), (9, 3.0)]);
    }

    #[test]
    fn rows_are_cut_and_divided_by_their_sum() {
        let matrix = from_rows(3, [vec![(0, 1.0), (1, 3.0), (2, 2.0)], vec![]]);
        let cut = largest(&matrix, 2);
        assert_eq!(cut.to_dense(), array![[0.0, 3.0, 2.0], [0.0, 0.0, 0.0]]);
        let mut rows = [vec![(0, 1.0), (2, 3.0)], vec![]];
        normalized(&mut rows);
        assert_eq!(rows, [vec![(0, 0.25), (2, 0.75)], vec![]]);
    }

    #[test]
    fn rows_of_a_product_are_those_asked_for() {
        let left = from_rows(2, [vec![(0, 2.0)], vec![], vec![(0, 1.0), (1, -1.0)]]);
        let right = from_rows(3, [vec![(0, 1.0), (2, 4.0)], vec![(2, 3.0)]]);
        let mut out = Array2::from_elem((2, 3), f32::NAN);
        multiply(&left, &right, &[2, 1], out.view_mut());
        assert_eq!(out, array![[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]);
    }
}
