//! Why ALS recommends an item: what each item of the history has in the score.

use std::sync::OnceLock;

use musicrec_api::{Error, InteractionMatrix, Reasons, Result};
use nalgebra::{DMatrix, DVector};
use ndarray::ArrayView2;

use super::Als;
use crate::neighbors::largest_first;
use crate::products::cells;

/// Histories, and what all of their owners need of the items.
///
/// With the items held fast, a user's factors are `x = A⁻¹ Σ_i c(i) y_i`, where
/// `A = Σ_j y_j y_jᵀ + Σ_i (c(i) − 1) y_i y_iᵀ + λ I` and i runs over the history. So the score `x·y_j` is a sum over the history:
/// `Σ_i c(i) y_iᵀ A⁻¹ y_j`.
///
/// Source: Hu, Koren, Volinsky 2008, section 5.
pub(super) struct Histories {
    pub(super) histories: InteractionMatrix,
    /// `Σ_j y_j y_jᵀ`, once somebody asks.
    gram: OnceLock<DMatrix<f64>>,
}

impl Histories {
    pub(super) fn new(histories: InteractionMatrix) -> Self {
        Self {
            histories,
            gram: OnceLock::new(),
        }
    }

    /// The contributions to the scores of the items asked for.
    pub(super) fn why(
        &self,
        als: &Als,
        factors: &ArrayView2<f32>,
        user: u32,
        asked: &[u32],
    ) -> Result<Vec<Reasons>> {
        let vector = |item: u32| {
            let row = factors.row(item as usize);
            DVector::from_iterator(row.len(), row.iter().map(|&x| f64::from(x)))
        };
        let (heard, strengths) = cells(&self.histories, user as usize);
        let mut equations = self.gram.get_or_init(|| gram(factors)).clone();
        let history: Vec<(u32, f64, DVector<f64>)> = heard
            .iter()
            .zip(strengths)
            .map(|(&item, &strength)| (item, als.alpha.get() * f64::from(strength), vector(item)))
            .collect();
        for (_, beyond, y) in &history {
            equations.ger(*beyond, y, y, 1.0);
        }
        let regularization = als.regularization_of(heard.len());
        for at in 0..factors.ncols() {
            equations[(at, at)] += regularization;
        }
        let Some(solver) = equations.cholesky() else {
            return Err(Error::model(
                "als cannot say why: the equations of a user have no unique solution in double precision; a \
                 larger `regularization` helps",
            ));
        };
        let of_item = |&item: &u32| {
            let direction = solver.solve(&vector(item));
            let contributions = history.iter().map(|(other, beyond, y)| {
                let contribution = (1.0 + beyond) * direction.dot(y);
                (*other, contribution)
            });
            largest_first(contributions.collect())
        };
        Ok(asked.iter().map(of_item).collect())
    }
}

/// Sums in the order of items.
fn gram(factors: &ArrayView2<f32>) -> DMatrix<f64> {
    let size = factors.ncols();
    let mut gram = DMatrix::zeros(size, size);
    for row in factors.rows() {
        for (a, &x) in row.iter().enumerate() {
            for (b, &y) in row.iter().enumerate().take(a + 1) {
                gram[(a, b)] += f64::from(x) * f64::from(y);
            }
        }
    }
    gram.fill_upper_triangle_with_lower_triangle();
    gram
}
