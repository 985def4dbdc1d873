//! What was heard by those who heard the same: neighbors of items.

use std::num::NonZeroUsize;
use std::sync::Arc;

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Recommender, Result, Shape, Tensors,
    Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::FeatureWeighting;
use crate::neighbors::{ItemWeights, normalized};
use crate::products::{Products, Sides, from_rows, transposed};
use crate::similarity::Similarity;
use crate::train::ensure_interactions;

/// Items that the same people heard are neighbors, and the neighbors of what somebody heard are
/// recommended. Simple, fast, and hard to beat.
///
/// Formula: `score(u, j) = Σ r(u, i) s(i, j)` over the items i that u heard and that are among the
/// `neighbors` items most similar to j. With x the columns of the interaction matrix after
/// `feature_weighting`, the similarity s is
/// - `cosine`: `x_i·x_j / (|x_i| |x_j| + shrink + 10⁻⁶)`;
/// - `jaccard` (of real numbers, also called Tanimoto): `x_i·x_j / (|x_i|² + |x_j|² − x_i·x_j + shrink + 10⁻⁶)`;
/// - `dice`: `2 x_i·x_j / (|x_i|² + |x_j|² + shrink + 10⁻⁶)`;
/// - `inner_product`: `x_i·x_j`, with the weighting `binary` the number of people who heard both.
///
/// Neighbors of similarity 0 are none; among equal ones the smaller id is kept. The score is not divided by
/// anything, unless `normalize` divides the similarities of j by their sum. r is the strength of the
/// interaction without `feature_weighting`. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `neighbors.grid = [20, 50, 100, 200, 500]`,
/// `shrink.grid = [0, 10, 100, 1000]`, `feature_weighting.grid = ["none", "tf_idf"]`. Trials that differ in
/// anything but `feature_weighting` share the products of all pairs of items, up to 8,192 items; beyond, they are
/// computed an item at a time and take no memory.
///
/// Source: Sarwar, Karypis, Konstan, Riedl, "Item-based Collaborative Filtering Recommendation
/// Algorithms", WWW 2001; Deshpande, Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004;
/// shrinkage and feature weighting as in Ferrari Dacrema, Cremonesi, Jannach, "Are We Really Making Much
/// Progress?", `RecSys` 2019.
///
/// ```toml
/// [model.item_knn]
/// similarity = "cosine"
/// neighbors = 100
/// shrink = 10
/// feature_weighting = "tf_idf"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ItemKnn {
    /// How alike two items are. Default `cosine`.
    pub similarity: Similarity,
    /// How many neighbors of an item are kept; at least 1, default 100.
    pub neighbors: NonZeroUsize,
    /// What is added to the denominator, so that what few people heard is not too similar; at least 0,
    /// default 10. `inner_product` has no denominator.
    pub shrink: NonNegative,
    /// How interactions are weighed before similarities are taken. Default `none`.
    pub feature_weighting: FeatureWeighting,
    /// Whether the similarities of an item's neighbors are divided by their sum; default false.
    pub normalize: bool,
}

impl Default for ItemKnn {
    fn default() -> Self {
        Self {
            similarity: Similarity::default(),
            neighbors: NonZeroUsize::new(100).expect("not zero"),
            shrink: NonNegative::new(10.0).expect("not negative"),
            feature_weighting: FeatureWeighting::default(),
            normalize: false,
        }
    }
}

#[typetag::serde(name = "item_knn")]
impl Model for ItemKnn {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, "item_knn")?;
        let weights = self.weights(train, context)?;
        Ok(Box::new(ItemWeights::new(train, weights)))
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

register!(Model, ItemKnn, "item_knn", revision = 1);

impl ItemKnn {
    fn weights(&self, train: &Train, context: &FitContext) -> Result<InteractionMatrix> {
        let products = item_products(train, self.feature_weighting, context)?;
        let measure = self.similarity.measure(&products.sides, self.shrink.get());
        let mut rows = measure.nearest(&products, self.neighbors.get(), context)?;
        if self.normalize {
            normalized(&mut rows);
        }
        // So far neighbors by item; scores go from the item heard to whose neighbor it is.
        Ok(transposed(&from_rows(train.n_items(), rows)))
    }
}

/// Products of all pairs of items, weighed and as they are: shared by all who want them.
pub(crate) fn item_products(
    train: &Train,
    weighting: FeatureWeighting,
    context: &FitContext,
) -> Result<Arc<Products>> {
    let name = weighting.name();
    context.shared(&format!("item_products/{name}"), || {
        // Users are the words, items the documents.
        let sides = Sides::of_columns(&weighting.apply(&train.interactions));
        Products::new(Arc::new(sides), context)
    })
}

/// What finding neighbors takes among so many rows of one side.
pub(crate) fn cost(shape: &Shape, rows: usize, neighbors: usize) -> Cost {
    let cells = shape.cells as f64;
    let (rows, columns) = if rows == shape.items {
        (shape.items as f64, shape.users as f64)
    } else {
        (shape.users as f64, shape.items as f64)
    };
    // Each column's cells meet each other. Were all columns of one length it were cells² / columns; real ones
    // are skewed, by a factor of about 2.
    let meetings = 2.0 * cells * cells / columns.max(1.0);
    let pairs = meetings.min(rows * rows);
    let kept = crate::products::kept_bytes(rows);
    let neighbors = pairs.min(rows * neighbors as f64);
    Cost {
        // A meeting is an addition somewhere in memory, a pair a division and a comparison or two.
        operations: 4.0 * meetings + 8.0 * pairs,
        // Three copies of the cells and what finds their products; neighbors three times, from either side and in bands.
        bytes: 34.0 * cells + 16.0 * (rows + columns) + kept + 30.0 * neighbors,
    }
}
