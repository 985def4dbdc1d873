//! Sparse linear weights from items to items.

use std::num::NonZeroUsize;
use std::sync::Arc;

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Positive, Recommender, Result, Shape,
    Tensors, Train, register,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::FeatureWeighting;
use crate::item_knn::{cost, item_products};
use crate::neighbors::ItemWeights;
use crate::products::{BLOCK, Products, cells, from_rows, transposed};
use crate::train::ensure_interactions;

/// Each item is foretold by a weighted sum of few others: like `item_knn`, but with weights that are learned.
///
/// Formula: for each item j minimize over weights `w ≥ 0` with `w_j = 0`
///
/// `½ |x_j − X w|² + l1 · Σ_i w_i + ½ l2 · Σ_i w_i²`
///
/// where the `x` are columns of the interaction matrix X (an elastic net), by coordinate descent until no weight moves
/// by more than `tolerance` times the largest. `score(u, j) = Σ_i x(u, i) w_i`. The larger `l1`, the fewer
/// weights are above 0; the larger `l2`, the more alike those of similar items. In scikit-learn's `ElasticNet`,
/// `alpha = (l1 + l2) / n` and `l1_ratio = l1 / (l1 + l2)` for n users. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `l1.grid = [0.1, 1, 10]`, `l2.grid = [1, 10, 100, 1000]`. All trials
/// share the products of all pairs of items; above 8,192 items those that are not 0 are held.
///
/// Source: Ning, Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011; coordinate
/// descent by products: Friedman, Hastie, Tibshirani, "Regularization Paths for Generalized Linear Models via
/// Coordinate Descent", Journal of Statistical Software 2010.
///
/// ```toml
/// [model.slim]
/// l1 = 1.0
/// l2 = 100.0
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slim {
    /// What weights cost; at least 0, default 1. A weight of an item that fewer users share with j (by the
    /// summed product) is 0.
    pub l1: NonNegative,
    /// What squares of weights cost; at least 0, default 100.
    pub l2: NonNegative,
    /// How often all weights of an item are gone through at most; at least 1, default 200. Few need so many.
    pub rounds: NonZeroUsize,
    /// When it is good enough; above 0, default 0.0001.
    pub tolerance: Positive,
}

impl Default for Slim {
    fn default() -> Self {
        let number = |x| NonNegative::new(x).expect("not negative");
        Self {
            l1: number(1.0),
            l2: number(100.0),
            rounds: NonZeroUsize::new(200).expect("not zero"),
            tolerance: Positive::new(1e-4).expect("above 0"),
        }
    }
}

#[typetag::serde(name = "slim")]
impl Model for Slim {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, "slim")?;
        let products = item_products(train, FeatureWeighting::None, context)?;
        // Where they are not kept in full they are kept without zeros.
        let sparse = match products.kept() {
            Some(_) => None,
            None => Some(context.shared("slim/products", || without_zeros(&products, context))?),
        };
        let gram = Gram {
            diagonal: products.sides.squares(),
            products,
            sparse,
        };
        let items = train.n_items();
        let blocks: Vec<Vec<_>> = (0..items.div_ceil(BLOCK))
            .into_par_iter()
            .map_init(
                || Descent::new(items),
                |descent, block| {
                    let columns = block * BLOCK..items.min((block + 1) * BLOCK);
                    let learned = columns.map(|column| {
                        context.check_cancelled()?;
                        Ok(descent.of_column(self, &gram, column))
                    });
                    learned.collect::<Result<_>>()
                },
            )
            .collect::<Result<_>>()?;
        let weights = from_rows(items, blocks.into_iter().flatten());
        Ok(Box::new(ItemWeights::new(train, transposed(&weights))))
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
        let items = shape.items as f64;
        let products = cost(shape, shape.items, 100);
        let cells = shape.cells as f64;
        let pairs = (2.0 * cells * cells / shape.users.max(1) as f64).min(items * items);
        let sparse = if crate::products::kept_bytes(items) > 0.0 {
            0.0
        } else {
            8.0 * pairs
        };
        // Each move of a weight goes through a row of products: a thousand moves a column, as on `MovieLens-1M`.
        Some(Cost {
            operations: products.operations + 1000.0 * pairs,
            bytes: products.bytes + sparse,
        })
    }
}

register!(Model, Slim, "slim", revision = 1);

fn without_zeros(products: &Products, context: &FitContext) -> Result<InteractionMatrix> {
    let rows = products.each_row(context, |_, others| {
        let mut row: Vec<_> = others.collect();
        row.sort_unstable_by_key(|(other, _)| *other);
        row
    })?;
    Ok(from_rows(rows.len(), rows))
}

/// `XᵀX`.
struct Gram {
    products: Arc<Products>,
    sparse: Option<Arc<InteractionMatrix>>,
    diagonal: Vec<f64>,
}

impl Gram {
    /// Calls `each` with all products of a row that are not 0, but for the one with itself.
    fn each(&self, row: usize, mut each: impl FnMut(usize, f64)) {
        if let Some(sparse) = &self.sparse {
            let (others, products) = cells(sparse, row);
            for (&other, &product) in others.iter().zip(products) {
                each(other as usize, f64::from(product));
            }
        } else if let Some(kept) = self.products.kept() {
            for (other, &product) in kept.row(row).iter().enumerate() {
                if other != row && product != 0.0 {
                    each(other, f64::from(product));
                }
            }
        }
    }

    /// The products of a row with some items, of which the places are known too; 0 with itself.
    fn gather(&self, row: usize, items: &[u32], places: &[u32], out: &mut [f32]) {
        if let Some(sparse) = &self.sparse {
            let (others, products) = cells(sparse, row);
            for (&other, &product) in others.iter().zip(products) {
                if let Some(out) = out.get_mut(places[other as usize] as usize) {
                    *out = product;
                }
            }
        } else if let Some(kept) = self.products.kept() {
            let kept = kept.row(row);
            for (out, &other) in out.iter_mut().zip(items) {
                *out = kept[other as usize];
            }
            out[places[row] as usize] = 0.0;
        }
    }

    /// `values −= by · row`, the diagonal left out.
    fn subtract(&self, row: usize, by: f64, values: &mut [f64]) {
        if let Some(sparse) = &self.sparse {
            let (others, products) = cells(sparse, row);
            for (&other, &product) in others.iter().zip(products) {
                values[other as usize] -= by * f64::from(product);
            }
        } else if let Some(kept) = self.products.kept() {
            let itself = values[row];
            for (value, &product) in values.iter_mut().zip(kept.row(row)) {
                *value -= by * f64::from(product);
            }
            values[row] = itself;
        }
    }
}

/// How many items join those that may have a weight at a time.
const JOINING: usize = 64;

/// Vectors of one thread, used anew for each column.
struct Descent {
    /// `x_i·(x_j − X w)` of each item, without what the item's own weight has in it.
    slopes: Vec<f64>,
    /// Items that may come to have a weight: those that share a user with the column. The slope of any other begins at
    /// 0 and only falls.
    candidates: Vec<u32>,
    /// Items that have a weight, or had one.
    active: Vec<u32>,
    /// Of each item that is active, its place there.
    places: Vec<u32>,
    /// Of those that are active: weights, weights when all slopes were right, slopes, and products with each other.
    weights: Vec<f64>,
    before: Vec<f64>,
    own: Vec<f64>,
    products: Vec<f32>,
}

/// The place of an item that is not active.
const NOWHERE: u32 = u32::MAX;

impl Descent {
    fn new(items: usize) -> Self {
        Self {
            slopes: vec![0.0; items],
            candidates: Vec::new(),
            active: Vec::new(),
            places: vec![NOWHERE; items],
            weights: Vec::new(),
            before: Vec::new(),
            own: Vec::new(),
            products: Vec::new(),
        }
    }

    fn of_column(&mut self, slim: &Slim, gram: &Gram, column: usize) -> Vec<(u32, f32)> {
        self.candidates.clear();
        // Whatever was left there is read for candidates alone, but must not grow for ever.
        self.slopes.fill(0.0);
        gram.each(column, |item, product| {
            self.candidates.push(item as u32);
            self.slopes[item] = product;
        });
        let mut rounds = slim.rounds.get();
        while rounds > 0 && self.join(slim, gram) {
            self.gather(gram);
            while rounds > 0 {
                rounds -= 1;
                if self.round(slim, gram) {
                    break;
                }
            }
            for (at, &item) in self.active.iter().enumerate() {
                let by = self.weights[at] - self.before[at];
                if by != 0.0 {
                    gram.subtract(item as usize, by, &mut self.slopes);
                }
            }
            self.before.copy_from_slice(&self.weights);
        }
        let mut learned = Vec::new();
        for (item, weight) in self.active.drain(..).zip(self.weights.drain(..)) {
            self.places[item as usize] = NOWHERE;
            if weight > 0.0 {
                learned.push((item, weight as f32));
            }
        }
        self.before.clear();
        learned.sort_unstable_by_key(|(item, _)| *item);
        learned
    }

    /// Adds to the active items those that would move most, if any would move by more than is tolerated.
    fn join(&mut self, slim: &Slim, gram: &Gram) -> bool {
        let largest = self.weights.iter().copied().fold(0.0, f64::max);
        let least = slim.tolerance.get() * largest;
        let inactive = self.candidates.iter().copied();
        let inactive = inactive.filter(|&item| self.places[item as usize] == NOWHERE);
        let mut moves: Vec<(f64, u32)> = inactive
            .map(|item| {
                (
                    slim.weight(gram, item as usize, self.slopes[item as usize]),
                    item,
                )
            })
            .filter(|(weight, _)| *weight > least)
            .collect();
        if moves.len() > JOINING {
            moves.select_nth_unstable_by(JOINING, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            moves.truncate(JOINING);
        }
        moves.sort_unstable_by_key(|(_, item)| *item);
        for &(_, item) in &moves {
            self.places[item as usize] = self.active.len() as u32;
            self.active.push(item);
        }
        self.weights.resize(self.active.len(), 0.0);
        self.before.resize(self.active.len(), 0.0);
        !moves.is_empty()
    }

    /// Takes what concerns active items alone into one place.
    fn gather(&mut self, gram: &Gram) {
        let count = self.active.len();
        self.own.clear();
        let slopes = self.active.iter().map(|&item| self.slopes[item as usize]);
        self.own.extend(slopes);
        self.products.clear();
        self.products.resize(count * count, 0.0);
        for (&item, row) in self
            .active
            .iter()
            .zip(self.products.chunks_exact_mut(count))
        {
            gram.gather(item as usize, &self.active, &self.places, row);
        }
    }

    /// Once through all active items; whether they rest.
    fn round(&mut self, slim: &Slim, gram: &Gram) -> bool {
        let count = self.active.len();
        let (mut moved, mut largest) = (0.0_f64, 0.0_f64);
        for (at, &item) in self.active.iter().enumerate() {
            let weight = slim.weight(gram, item as usize, self.own[at]);
            let by = weight - self.weights[at];
            if by != 0.0 {
                self.weights[at] = weight;
                // Its product with itself was gathered as 0.
                let products = &self.products[at * count..][..count];
                for (slope, &product) in self.own.iter_mut().zip(products) {
                    *slope -= by * f64::from(product);
                }
            }
            moved = moved.max(by.abs());
            largest = largest.max(weight);
        }
        moved <= slim.tolerance.get() * largest
    }
}

impl Slim {
    /// The best weight of an item, all others held fast.
    fn weight(&self, gram: &Gram, item: usize, slope: f64) -> f64 {
        ((slope - self.l1.get()) / (gram.diagonal[item] + self.l2.get())).max(0.0)
    }
}
