//! Walks of three steps over who heard what, popular ends held back.

use std::num::NonZeroUsize;
use std::sync::Arc;

use musicrec_api::arithmetic::powf;
use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Recommender, Result, Shape, Tensors,
    Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::item_knn::cost;
use crate::neighbors::{ItemWeights, largest, nearest, normalized};
use crate::products::{Products, Sides, from_rows, transposed};
use crate::train::ensure_interactions;

/// A random walk from somebody to an item they heard, to somebody else who heard it, to another item:
/// where it ends is recommended, the less the more popular it is.
///
/// Formula: `score(u, j) = Σ_i r(u, i) W(i, j)` with
/// `W(i, j) = n_j^(−beta) Σ_v (r(v, i) / R_i)^alpha (r(v, j) / R_v)^alpha`, where `R_i` and `R_v` are the sums of the
/// item and of the user, and `n_j` is the number of users of item j; the diagonal is 0. Of each row the `neighbors`
/// largest are kept, with `normalize` divided by their sum, and then of each column the `neighbors` largest. Among
/// equal ones the smaller id is kept. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `neighbors.grid = [20, 50, 100, 200, 500]`,
/// `alpha.grid = [0.4, 0.7, 1.0, 1.3]`, `beta.grid = [0.0, 0.2, 0.4, 0.6, 0.8]`. Trials of one `alpha` share the
/// walks between all pairs of items, up to 8,192 items; beyond, they are computed an item at a time and take no
/// memory.
///
/// Source: Paudel, Christoffel, Newell, Bernstein, "Updatable, Accurate, Diverse, and Scalable
/// Recommendations for Interactive Applications", `TiiS` 2017; this form as in Ferrari Dacrema, Cremonesi, Jannach,
/// "Are We Really Making Much Progress?", `RecSys` 2019.
///
/// ```toml
/// [model.rp3_beta]
/// neighbors = 100
/// alpha = 1.0
/// beta = 0.4
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rp3Beta {
    /// How many weights of each item are kept; at least 1, default 100.
    pub neighbors: NonZeroUsize,
    /// The power that the probabilities of steps are taken to; at least 0, default 1. Below 1 they differ less.
    pub alpha: NonNegative,
    /// The power of an item's popularity that its weights are divided by; at least 0, default 0.4. With 0 nothing
    /// is held back; the larger, the less popular the recommendations.
    pub beta: NonNegative,
    /// Whether the weights that are kept of a row are divided by their sum; default false.
    pub normalize: bool,
}

impl Default for Rp3Beta {
    fn default() -> Self {
        let number = |x| NonNegative::new(x).expect("not negative");
        Self {
            neighbors: NonZeroUsize::new(100).expect("not zero"),
            alpha: number(1.0),
            beta: number(0.4),
            normalize: false,
        }
    }
}

#[typetag::serde(name = "rp3_beta")]
impl Model for Rp3Beta {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let walk = Walk {
            alpha: self.alpha.get(),
            beta: self.beta.get(),
            neighbors: self.neighbors.get(),
            normalize: self.normalize,
        };
        walk.fit("rp3_beta", train, context)
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        ItemWeights::load(saved, interactions)
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        Some(cost(shape, shape.items, self.neighbors.get()))
    }
}

register!(Model, Rp3Beta, "rp3_beta", revision = 1);

/// What walks of three steps are told by.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) neighbors: usize,
    pub(crate) normalize: bool,
}

impl Walk {
    /// The scores of the model that is told by these.
    pub(crate) fn fit(
        &self,
        model: &str,
        train: &Train,
        context: &FitContext,
    ) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, model)?;
        let weights = self.weights(train, context)?;
        Ok(Box::new(ItemWeights::new(train, weights)))
    }

    /// W, by the item heard.
    fn weights(&self, train: &Train, context: &FitContext) -> Result<InteractionMatrix> {
        let alpha = self.alpha;
        // W(i, j) is `Σ_v z(v, i) z(v, j)` with `z(v, i) = (r(v, i) / √R_v)^alpha`, times a number of i and one of
        // j; so the sums are symmetric, and of no use to one beta alone.
        let walks = context.shared(&format!("walks/{alpha:?}"), || {
            let sides = Sides::of_columns(&steps(&train.interactions, alpha));
            Products::new(Arc::new(sides), context)
        })?;
        let items = train.n_items();
        let (mut sums, mut users) = (vec![0.0; items], vec![0_usize; items]);
        for (&strength, (_, item)) in &train.interactions {
            sums[item as usize] += f64::from(strength);
            users[item as usize] += 1;
        }
        let from: Vec<f64> = sums.iter().map(|&sum| powf(sum, -alpha)).collect();
        let to = users.iter().map(|&n| powf(n as f64, -self.beta));
        let to: Vec<f64> = to.collect();
        let mut rows = walks.each_row(context, |row, others| {
            let weights = others.map(|(other, walks)| {
                let weight = f64::from(walks) * from[row] * to[other as usize];
                (other, weight as f32)
            });
            nearest(weights, self.neighbors)
        })?;
        if self.normalize {
            normalized(&mut rows);
        }
        let by_end = transposed(&from_rows(items, rows));
        Ok(transposed(&largest(&by_end, self.neighbors)))
    }
}

/// z.
fn steps(interactions: &InteractionMatrix, alpha: f64) -> InteractionMatrix {
    let mut steps = interactions.clone();
    for mut user in steps.outer_iterator_mut() {
        let sum: f64 = user.data().iter().map(|&x| f64::from(x)).sum();
        for (_, x) in user.iter_mut() {
            *x = powf(f64::from(*x) / sum.sqrt(), alpha) as f32;
        }
    }
    steps
}
