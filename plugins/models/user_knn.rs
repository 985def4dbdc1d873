//! What people with the same taste heard: neighbors of users.

use std::num::NonZeroUsize;
use std::sync::Arc;

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Reasons, Recommender, Result,
    RowScorer, Scores, Shape, Tensors, Train, Users, register,
};
use ndarray::ArrayViewMut2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::{FeatureWeighting, Features};
use crate::item_knn::cost;
use crate::neighbors::{largest_first, multiply, nearest};
use crate::products::{Accumulator, BLOCK, Products, Sides, cells, from_rows, transposed};
use crate::similarity::{Measure, Similarity};
use crate::train::{by_item, ensure_interactions};

/// People who heard the same are neighbors, and what the neighbors of somebody heard is recommended.
///
/// Formula: `score(u, j) = Σ s(u, v) r(v, j)` over the users v among whose `neighbors` most similar users u
/// is. (So each user speaks for a limited number of others, and who is like many is told by many; the usual way
/// round each user listens to a limited number of others.) With x the rows of the interaction matrix after
/// `feature_weighting`, the similarity s is
/// - `cosine`: `x_u·x_v / (|x_u| |x_v| + shrink + 10⁻⁶)`;
/// - `jaccard` (of real numbers, also called Tanimoto): `x_u·x_v / (|x_u|² + |x_v|² − x_u·x_v + shrink + 10⁻⁶)`;
/// - `dice`: `2 x_u·x_v / (|x_u|² + |x_v|² + shrink + 10⁻⁶)`;
/// - `inner_product`: `x_u·x_v`, with the weighting `binary` the number of items that both heard.
///
/// Neighbors of similarity 0 are none; among equal ones the smaller id is kept. r is the strength of the
/// interaction without `feature_weighting`. People who are folded in have those v for neighbors among whose most
/// similar users they would be, were they users like all others.
///
/// A grid that finds a good setting on most data: `neighbors.grid = [20, 50, 100, 200, 500]`,
/// `shrink.grid = [0, 10, 100, 1000]`, `feature_weighting.grid = ["none", "tf_idf"]`. Trials that differ in
/// anything but `feature_weighting` share the products of all pairs of users, up to 8,192 users; beyond, they are
/// computed a user at a time and take no memory.
///
/// Source: Resnick et al., "`GroupLens`: An Open Architecture for Collaborative Filtering of Netnews", CSCW
/// 1994; this form as in Ferrari Dacrema, Cremonesi, Jannach, "Are We Really Making Much Progress?",
/// `RecSys` 2019.
///
/// ```toml
/// [model.user_knn]
/// similarity = "cosine"
/// neighbors = 100
/// shrink = 10
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserKnn {
    /// How alike two users are. Default `cosine`.
    pub similarity: Similarity,
    /// How many neighbors of a user are kept; at least 1, default 100.
    pub neighbors: NonZeroUsize,
    /// What is added to the denominator, so that who heard little is not too similar; at least 0,
    /// default 10. `inner_product` has no denominator.
    pub shrink: NonNegative,
    /// How interactions are weighed before similarities are taken. Default `none`.
    pub feature_weighting: FeatureWeighting,
}

impl Default for UserKnn {
    fn default() -> Self {
        Self {
            similarity: Similarity::default(),
            neighbors: NonZeroUsize::new(100).expect("not zero"),
            shrink: NonNegative::new(10.0).expect("not negative"),
            feature_weighting: FeatureWeighting::default(),
        }
    }
}

#[typetag::serde(name = "user_knn")]
impl Model for UserKnn {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, "user_knn")?;
        // Items are the words, users the documents.
        let words = by_item(train, context)?;
        let name = self.feature_weighting.name();
        let products = context.shared(&format!("user_products/{name}"), || {
            let sides = Sides::of_columns(&self.feature_weighting.apply(&words));
            Products::new(Arc::new(sides), context)
        })?;
        let measure = self.similarity.measure(&products.sides, self.shrink.get());
        let count = self.neighbors.get();
        let rows = measure.nearest(&products, count, context)?;
        let least = rows.iter().map(|row| {
            let weights = row.iter().map(|(_, weight)| *weight);
            if row.len() < count {
                0.0
            } else {
                weights.fold(f32::INFINITY, f32::min)
            }
        });
        let others = Others {
            features: self.feature_weighting.learn(&words),
            sides: Arc::clone(&products.sides),
            measure,
            least: least.collect(),
        };
        Ok(Box::new(Alike {
            neighbors: transposed(&from_rows(train.n_users(), rows)),
            histories: train.interactions.clone(),
            others,
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let users = interactions.rows();
        let neighbors = saved.take_sparse("neighbors", (users, users))?;
        let least = saved.take_list32("least", users)?;
        // What they are alike in depends on the data alone.
        let words = transposed(&interactions);
        let sides = Sides::of_columns(&self.feature_weighting.apply(&words));
        let others = Others {
            features: self.feature_weighting.learn(&words),
            measure: self.similarity.measure(&sides, self.shrink.get()),
            sides: Arc::new(sides),
            least,
        };
        Ok(Box::new(Alike {
            neighbors,
            histories: interactions,
            others,
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let cost = cost(shape, shape.users, self.neighbors.get());
        // The matrix by item, which the features are learned from.
        let by_item = 8.0 * shape.cells as f64;
        Some(Cost {
            bytes: cost.bytes + by_item,
            ..cost
        })
    }
}

register!(Model, UserKnn, "user_knn", revision = 1);

/// Who is like whom.
struct Alike {
    /// Users × users: by whom it is told, and how much.
    neighbors: InteractionMatrix,
    histories: InteractionMatrix,
    others: Others,
}

/// What it takes to find the neighbors of people it has not learned from.
struct Others {
    features: Features,
    sides: Arc<Sides>,
    measure: Measure,
    /// The least similarity among the neighbors of each user; 0 where there is room for more.
    least: Vec<f32>,
}

impl Others {
    fn neighbors(&self, given: &InteractionMatrix) -> InteractionMatrix {
        let users = self.least.len();
        let people: Vec<u32> = (0..given.rows() as u32).collect();
        let rows = people.par_chunks(BLOCK).flat_map_iter(|people| {
            let mut accumulator = Accumulator::new(users);
            let rows = people.iter().map(|&person| {
                let (items, weighed) = self.weighed(given, person);
                let squares = weighed.iter().map(|&x| f64::from(x).powi(2)).sum();
                accumulator.of_cells(&self.sides.columns, items, &weighed, |others| {
                    let similar = others.map(|(other, product)| {
                        let at = other as usize;
                        let similarity = self.measure.of_squares(squares, at, f64::from(product));
                        (other, similarity as f32)
                    });
                    let near = similar.filter(|&(other, s)| s > self.least[other as usize]);
                    nearest(near, users)
                })
            });
            rows.collect::<Vec<_>>()
        });
        from_rows(users, rows.collect::<Vec<_>>())
    }

    /// What a person heard, as similarities are taken of it.
    fn weighed<'a>(&self, given: &'a InteractionMatrix, person: u32) -> (&'a [u32], Vec<f32>) {
        let (items, strengths) = cells(given, person as usize);
        let sum = strengths.iter().map(|&x| f64::from(x)).sum();
        let weighed = items
            .iter()
            .zip(strengths)
            .map(|(&item, &x)| self.features.weigh(x, item as usize, sum));
        (items, weighed.collect())
    }

    /// What each item i that somebody heard has in the scores of the items asked for. A similarity is a sum of
    /// `x_u(i) x_v(i)`, divided by what does not hang on i; so i has its part in that sum of what each neighbor v
    /// recommends.
    fn why(
        &self,
        (heard, weighed): (&[u32], &[f32]),
        (neighbors, similar): (&[u32], &[f32]),
        histories: &InteractionMatrix,
        asked: &[u32],
    ) -> Vec<Reasons> {
        let mut parts = vec![vec![0.0; heard.len()]; asked.len()];
        for (&neighbor, &similarity) in neighbors.iter().zip(similar) {
            let (items, strengths) = cells(histories, neighbor as usize);
            let (known, values) = cells(&self.sides.rows, neighbor as usize);
            let product = |(item, x): (&u32, &f32)| {
                let at = known.binary_search(item).ok()?;
                Some(f64::from(*x) * f64::from(values[at]))
            };
            let products = heard.iter().zip(weighed).map(product);
            let products: Vec<f64> = products.map(Option::unwrap_or_default).collect();
            let all: f64 = products.iter().sum();
            for (item, parts) in asked.iter().zip(&mut parts) {
                if let Ok(at) = items.binary_search(item) {
                    let told = f64::from(similarity) * f64::from(strengths[at]);
                    for (part, product) in parts.iter_mut().zip(&products) {
                        *part += told * (product / all);
                    }
                }
            }
        }
        let reasons = parts.into_iter().map(|parts| {
            let parts = heard.iter().copied().zip(parts);
            largest_first(parts.filter(|(_, part)| *part != 0.0).collect())
        });
        reasons.collect()
    }
}

impl Recommender for Alike {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Told {
            neighbors: self.others.neighbors(&given.interactions),
            histories: &self.histories,
            others: &self.others,
            given: given.interactions.clone(),
        })))
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let own = cells(&self.others.sides.rows, user as usize);
        let neighbors = cells(&self.neighbors, user as usize);
        let why = self.others.why(own, neighbors, &self.histories, items);
        Ok(Some(why))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert_sparse("neighbors", &self.neighbors);
        let least = &self.others.least;
        saved.insert("least", vec![least.len()], &least[..]);
        Some(saved)
    }
}

impl RowScorer for Alike {
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>) {
        multiply(&self.neighbors, &self.histories, users, out);
    }
}

/// Who is like people it has not learned from.
struct Told<'a> {
    neighbors: InteractionMatrix,
    /// Of those it has learned from.
    histories: &'a InteractionMatrix,
    others: &'a Others,
    /// Their own histories.
    given: InteractionMatrix,
}

impl Recommender for Told<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let (heard, weighed) = self.others.weighed(&self.given, user);
        let neighbors = cells(&self.neighbors, user as usize);
        let own = (heard, &weighed[..]);
        let why = self.others.why(own, neighbors, self.histories, items);
        Ok(Some(why))
    }
}

impl RowScorer for Told<'_> {
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>) {
        multiply(&self.neighbors, self.histories, users, out);
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, FitContext, Model, Train};
    use serde_json::json;

    use super::UserKnn;
    use crate::train::tests::told;

    /// u heard a (strength 1) and b (2), v a (3), b (1) and c (4), w b (1) and c (1).
    #[test]
    fn reasons_are_what_one_has_in_common_with_whoever_heard_it() {
        let log = ["ua", "ub", "va", "vb", "vc", "wb", "wc"].map(|pair| pair.split_at(1));
        let train = Train::new(
            Events::from_pairs(log),
            &[1.0, 2.0, 3.0, 1.0, 4.0, 1.0, 1.0],
        );
        let model: UserKnn =
            serde_json::from_value(json!({"similarity": "inner_product"})).unwrap();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        // With v u shares 3 of a and 2 of b, with w 2 of b.
        let expected = vec![vec![(0, 12.0), (1, 8.0 + 2.0)]];
        assert_eq!(fitted.why(0, &[2]).unwrap().unwrap(), expected);
        // Whoever is told of the same but for strengths of 1 shares 3 and 1 with v, and 1 with w.
        let given = told(&train, &[("x", "a", 0), ("x", "b", 0)]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        let expected = vec![vec![(0, 12.0), (1, 4.0 + 1.0)]];
        assert_eq!(folded.why(0, &[2]).unwrap().unwrap(), expected);
    }
}
