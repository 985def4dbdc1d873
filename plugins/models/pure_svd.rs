//! The leading singular vectors of the interaction matrix.

mod lanczos;

use std::borrow::Cow;
use std::num::NonZeroUsize;

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, Reasons, Recommender, Result, Scores, Shape,
    Tensors, Train, Users, register,
};
use ndarray::{Array2, ArrayRef2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::neighbors::reasons;
use crate::products::cells;
use crate::train::{by_item, ensure_interactions, save_factors, saved_factors};

/// What is left of the interactions when they are squeezed through few dimensions: those of the largest
/// singular values, with a missing interaction as 0.
///
/// Formula: with `X ≈ U Σ Vᵀ` for the `factors` largest singular values, `score(u, ·) = x_u V Vᵀ`. People are folded in
/// by the same formula. The vectors are computed by Lanczos' method until they are right to about seven digits, from a
/// start that no seed decides, so there is nothing random about it. Of a matrix of less rank all of it is kept, which
/// foretells nothing.
///
/// A grid that finds a good setting on most data: `factors.grid = [10, 20, 50, 100, 200]`.
///
/// Source: Cremonesi, Koren, Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks",
/// `RecSys` 2010.
///
/// ```toml
/// [model.pure_svd]
/// factors = 50
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PureSvd {
    /// How many singular vectors; at least 1, default 50.
    pub factors: NonZeroUsize,
}

impl Default for PureSvd {
    fn default() -> Self {
        Self {
            factors: NonZeroUsize::new(50).expect("not zero"),
        }
    }
}

#[typetag::serde(name = "pure_svd")]
impl Model for PureSvd {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, "pure_svd")?;
        let by_item = by_item(train, context)?;
        let items = lanczos::leading(&train.interactions, &by_item, self.factors.get(), context)?;
        Ok(Box::new(Vectors {
            users: project(&train.interactions, &items),
            items: Cow::Owned(items),
            histories: None,
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let [users, items] = saved_factors(&mut saved, &interactions)?;
        Ok(Box::new(Vectors {
            users,
            items: Cow::Owned(items),
            histories: Some(interactions),
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let (users, items) = (shape.users as f64, shape.items as f64);
        let factors = (self.factors.get() as f64).min(users.min(items));
        // Some three steps a vector, each two products with the matrix, and orthogonal to all before, twice over.
        let steps = (3.0 * factors + 20.0).min(users.min(items));
        let cells = shape.cells as f64;
        Some(Cost {
            operations: steps * 2.0 * cells + 2.0 * steps * steps * items + cells * factors,
            bytes: 8.0 * cells + 8.0 * (steps + 2.0) * items + 4.0 * factors * (users + items),
        })
    }
}

register!(Model, PureSvd, "pure_svd", revision = 1);

struct Vectors<'a> {
    users: Array2<f32>,
    items: Cow<'a, Array2<f32>>,
    /// To say why; nobody asks a sweep.
    histories: Option<InteractionMatrix>,
}

impl Recommender for Vectors<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Factors {
            users: self.users.view(),
            items: self.items.view(),
        })
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Vectors {
            users: project(&given.interactions, &self.items),
            items: Cow::Borrowed(&*self.items),
            histories: Some(given.interactions.clone()),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        Some(save_factors(&self.users, &self.items))
    }

    /// The score of j is `Σ_i r(u, i) v_i·v_j`.
    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        Ok(self.histories.as_ref().map(|histories| {
            reasons(histories, user, items, |from, to| {
                let [from, to] = [from, to].map(|item| self.items.row(item as usize));
                let products = from.iter().zip(to);
                Some(products.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum())
            })
        }))
    }
}

/// X V.
fn project(histories: &InteractionMatrix, items: &ArrayRef2<f32>) -> Array2<f32> {
    let factors = items.ncols();
    let mut users = Array2::zeros((histories.rows(), factors));
    users
        .as_slice_mut()
        .expect("a new matrix")
        .par_chunks_mut(factors)
        .enumerate()
        .for_each_init(
            || vec![0.0; factors],
            |sums, (user, out)| {
                sums.fill(0.0);
                let (heard, strengths) = cells(histories, user);
                for (&item, &strength) in heard.iter().zip(strengths) {
                    for (sum, &y) in sums.iter_mut().zip(items.row(item as usize)) {
                        *sum += f64::from(strength) * f64::from(y);
                    }
                }
                for (out, &sum) in out.iter_mut().zip(&*sums) {
                    *out = sum as f32;
                }
            },
        );
    users
}
