//! Walks of three steps over who heard what.

use std::num::NonZeroUsize;

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Recommender, Result, Shape, Tensors,
    Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::item_knn::cost;
use crate::neighbors::ItemWeights;
use crate::rp3_beta::Walk;

/// A random walk from somebody to an item they heard, to somebody else who heard it, to another item:
/// where it ends is recommended.
///
/// Formula: `score(u, j) = Σ_i r(u, i) W(i, j)` with `W(i, j) = Σ_v (r(v, i) / R_i)^alpha (r(v, j) / R_v)^alpha`,
/// where `R_i` and `R_v` are the sums of the item and of the user; the diagonal is 0. Of each row the `neighbors`
/// largest are kept, with `normalize` divided by their sum, and then of each column the `neighbors` largest. Among
/// equal ones the smaller id is kept. It is `rp3_beta` with `beta = 0`. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `neighbors.grid = [20, 50, 100, 200, 500]`,
/// `alpha.grid = [0.4, 0.7, 1.0, 1.3]`. Trials of one `alpha` share the walks between all pairs of items with
/// those of `rp3_beta`, up to 8,192 items; beyond, they are computed an item at a time and take no memory.
///
/// Source: Cooper, Lee, Radinsky, Kleinberg, "Random Walks in Recommender Systems: Exact Computation and
/// Simulations", WWW 2014; this form as in Ferrari Dacrema, Cremonesi, Jannach, "Are We Really Making Much
/// Progress?", `RecSys` 2019.
///
/// ```toml
/// [model.p3_alpha]
/// neighbors = 100
/// alpha = 1.0
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct P3Alpha {
    /// How many weights of each item are kept; at least 1, default 100.
    pub neighbors: NonZeroUsize,
    /// The power that the probabilities of steps are taken to; at least 0, default 1. Below 1 they differ less.
    pub alpha: NonNegative,
    /// Whether the weights that are kept of a row are divided by their sum; default false.
    pub normalize: bool,
}

impl Default for P3Alpha {
    fn default() -> Self {
        Self {
            neighbors: NonZeroUsize::new(100).expect("not zero"),
            alpha: NonNegative::new(1.0).expect("not negative"),
            normalize: false,
        }
    }
}

#[typetag::serde(name = "p3_alpha")]
impl Model for P3Alpha {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let walk = Walk {
            alpha: self.alpha.get(),
            beta: 0.0,
            neighbors: self.neighbors.get(),
            normalize: self.normalize,
        };
        walk.fit("p3_alpha", train, context)
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

register!(Model, P3Alpha, "p3_alpha", revision = 1);
