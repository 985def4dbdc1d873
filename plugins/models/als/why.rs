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

#[cfg(test)]
mod tests {
    use musicrec_api::{InteractionMatrix, Model, Tensors};
    use ndarray::array;
    use serde_json::json;

    use super::Als;

    /// What implicit 0.7.3 gives by `AlternatingLeastSquares(factors=2, regularization=0.5, alpha=1.0).explain(user, C,
    /// item)` with these item factors, `C` holding the confidences 1 + 2 r.
    #[test]
    fn contributions_are_those_of_implicit() {
        let als: Als =
            serde_json::from_value(json!({"factors": 2, "regularization": 0.5, "alpha": 2.0}))
                .unwrap();
        let histories = InteractionMatrix::new(
            (2, 4),
            vec![0, 2, 4],
            vec![0, 2, 1, 3],
            vec![1.0, 2.5, 0.5, 3.0],
        );
        let items = array![[0.5_f32, -0.25], [1.0, 0.75], [-0.5, 1.25], [0.25, 0.5]];
        let users = array![[0.0_f32, 0.0], [0.0, 0.0]];
        let mut saved = Tensors::default();
        saved.insert_matrix("users", &users);
        saved.insert_matrix("items", &items);
        let loaded = als.load(saved, histories).unwrap();
        let expected = [
            [
                [(0, 0.208_217_446_270_543_56), (2, -0.285_967_130_214_917_8)],
                [(0, 0.497_977_243_994_943_14), (2, 0.190_391_908_975_979_74)],
                [(2, 0.895_828_065_739_570_3), (0, -0.142_983_565_107_458_9)],
                [(2, 0.238_179_519_595_448_9), (0, 0.144_879_898_862_199_76)],
            ],
            [
                [
                    (1, 0.227_175_080_558_539_24),
                    (3, -0.052_631_578_947_368_42),
                ],
                [(3, 0.684_210_526_315_789_5), (1, 0.618_152_524_167_561_8)],
                [(3, 0.684_210_526_315_789_4), (1, -0.096_133_190_118_152_58)],
                [(3, 0.368_421_052_631_579), (1, 0.195_488_721_804_511_3)],
            ],
        ];
        for (user, expected) in (0..).zip(expected) {
            let reasons = loaded.why(user, &[0, 1, 2, 3]).unwrap().unwrap();
            for (reasons, expected) in reasons.iter().zip(expected) {
                assert_eq!(reasons.len(), 2);
                for (reason, expected) in reasons.iter().zip(expected) {
                    assert_eq!(reason.0, expected.0);
                    assert!((reason.1 - expected.1).abs() < 1e-12, "{reasons:?}");
                }
            }
        }
    }
}
