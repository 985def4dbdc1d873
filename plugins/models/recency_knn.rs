//! Neighbors of items, for what was heard of late.

use std::num::NonZeroUsize;
use std::sync::Arc;

use musicrec_api::{
    CheckContext, Cost, FitContext, InteractionMatrix, Model, NonNegative, Positive, Problem,
    Reasons, Recommender, Result, Scores, Shape, Tensors, Train, Users, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::FeatureWeighting;
use crate::item_knn::{cost, item_products};
use crate::neighbors::{ItemWeights, normalized};
use crate::products::{Products, Sides, from_rows, transposed};
use crate::similarity::Similarity;
use crate::times::{Present, ensure_times, faded, faded_by_user, no_times, weights, with_weights};
use crate::train::ensure_interactions;

/// Like `item_knn`, but what somebody heard counts less the longer it is ago: the neighbors of the latest items come
/// first.
///
/// Formula: `score(u, j) = Σ r′(u, i) s(i, j)` over the items i that u heard and that are among the `neighbors` items most
/// similar to j, where `r′(u, i) = Σ w(e) 0.5 ^ (age(e) / half_life_days)` over the events e of u with i, w is the
/// strength that the weighting gave the event, and its age is that before the user's own last event of a strength above
/// 0 (days before the present would give the same order). The similarity s, its parameters and `normalize` are those
/// of `item_knn`, taken of the strengths without fading. With `similarity_half_life_days` they are taken of strengths that
/// fade with the days before the present, the last event of the fit part, so that what goes together now counts more than
/// what once did. The log must have times. People are folded in by their history.
///
/// A grid that finds a good setting on most data: `half_life_days.grid = [3, 7, 30, 90, 365]`, with `neighbors` and `shrink`
/// as for `item_knn`. Products of items are shared with `item_knn` and among trials that differ neither in
/// `feature_weighting` nor in `similarity_half_life_days`.
///
/// Source: Ding, Li, "Time Weight Collaborative Filtering", CIKM 2005; Liu, Zhao, Xiang, Yang, "Online Evolutionary
/// Collaborative Filtering", `RecSys` 2010 (fading similarities).
///
/// ```toml
/// [model.recency_knn]
/// half_life_days = 30
/// neighbors = 100
/// shrink = 10
/// ```
///
/// ```toml
/// [model.recency_knn]
/// half_life_days = 7
/// similarity_half_life_days = 90
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecencyKnn {
    /// The age at which an event of a listener's history counts half; above 0, default 30.
    #[schemars(extend("x-unit" = "days"))]
    pub half_life_days: Positive,
    /// The age at which an event counts half for similarities; above 0. Default none: nothing fades for them.
    #[schemars(extend("x-unit" = "days"))]
    pub similarity_half_life_days: Option<Positive>,
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

impl Default for RecencyKnn {
    fn default() -> Self {
        Self {
            half_life_days: Positive::new(30.0).expect("above 0"),
            similarity_half_life_days: None,
            similarity: Similarity::default(),
            neighbors: NonZeroUsize::new(100).expect("not zero"),
            shrink: NonNegative::new(10.0).expect("not negative"),
            feature_weighting: FeatureWeighting::default(),
            normalize: false,
        }
    }
}

#[typetag::serde(name = "recency_knn")]
impl Model for RecencyKnn {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, NAME)?;
        ensure_times(&train.events, NAME)?;
        let products = self.products(train, context)?;
        let measure = self.similarity.measure(&products.sides, self.shrink.get());
        let mut rows = measure.nearest(&products, self.neighbors.get(), context)?;
        if self.normalize {
            normalized(&mut rows);
        }
        Ok(Box::new(Recent {
            half_life_days: self.half_life_days,
            faded: ItemWeights::of(
                histories(train, self.half_life_days),
                // So far neighbors by item; scores go from the item heard to whose neighbor it is.
                transposed(&from_rows(train.n_items(), rows)),
            ),
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let items = interactions.cols();
        let histories = saved.take_sparse("histories", interactions.shape())?;
        let weights = saved.take_sparse("weights", (items, items))?;
        Ok(Box::new(Recent {
            half_life_days: self.half_life_days,
            faded: ItemWeights::of(histories, weights),
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        no_times(context, "").into_iter().collect()
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let cost = cost(shape, shape.items, self.neighbors.get());
        // Faded strengths of events, and the matrix of them.
        let faded = 24.0 * shape.cells as f64;
        Some(Cost {
            operations: cost.operations + 50.0 * shape.cells as f64,
            bytes: cost.bytes + faded,
        })
    }
}

register!(Model, RecencyKnn, "recency_knn", revision = 1);

const NAME: &str = "recency_knn";

impl RecencyKnn {
    /// Of all pairs of items.
    fn products(&self, train: &Train, context: &FitContext) -> Result<Arc<Products>> {
        let Some(half_life_days) = self.similarity_half_life_days else {
            return item_products(train, self.feature_weighting, context);
        };
        let weighting = self.feature_weighting;
        let (name, days) = (weighting.name(), half_life_days.get());
        context.shared(&format!("{NAME}/item_products/{name}/{days}"), || {
            let present = Present::of(train, NAME)?;
            let mut strengths = weights(train);
            for (event, strength) in (0..).zip(&mut strengths) {
                *strength *= faded(present.age(event), half_life_days);
            }
            let interactions = with_weights(train, &strengths);
            let sides = Sides::of_columns(&weighting.apply(&interactions));
            Products::new(Arc::new(sides), context)
        })
    }
}

/// Strengths that fade.
fn histories(train: &Train, half_life_days: Positive) -> InteractionMatrix {
    let faded = faded_by_user(&train.events, &weights(train), half_life_days);
    with_weights(train, &faded)
}

/// What is similar to what was heard of late.
struct Recent {
    half_life_days: Positive,
    faded: ItemWeights<'static>,
}

impl Recommender for Recent {
    fn scores(&self, users: &Users) -> Result<Scores<'_>> {
        self.faded.scores(users)
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        ensure_times(&given.events, NAME)?;
        let histories = histories(given, self.half_life_days);
        Ok(Some(Box::new(self.faded.under(histories))))
    }

    /// With the histories, for the interactions that it learned from tell nothing of when.
    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = self.faded.save()?;
        saved.insert_sparse("histories", &self.faded.histories);
        Some(saved)
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        self.faded.why(user, items)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use musicrec_api::{FitContext, Model, NonNegative, Train};
    use ndarray::{Array2, array};

    use super::RecencyKnn;
    use crate::item_knn::ItemKnn;
    use crate::similarity::Similarity;
    use crate::times::tests::{positive, train};
    use crate::train::tests::{scores, told};

    /// The present is day 20. Pairs heard by: a and b by u and v, b and c by u, w and x, a and c by u.
    const LOG: [(&str, &str, i64); 10] = [
        ("u", "a", 0),
        ("u", "b", 10),
        ("u", "c", 20),
        ("v", "a", 0),
        ("v", "b", 0),
        ("w", "b", 10),
        ("w", "c", 10),
        ("x", "b", 20),
        ("x", "c", 10),
        ("x", "c", 20),
    ];

    /// Similarities are sums of products.
    fn model(similarity_half_life_days: Option<f64>) -> RecencyKnn {
        RecencyKnn {
            half_life_days: positive(10.0),
            similarity_half_life_days: similarity_half_life_days.map(positive),
            similarity: Similarity::InnerProduct,
            neighbors: NonZeroUsize::new(2).unwrap(),
            ..RecencyKnn::default()
        }
    }

    fn fitted(model: &dyn Model, train: &Train) -> Array2<f32> {
        scores(&*model.fit(train, &FitContext::new(0)).unwrap(), train)
    }

    #[test]
    fn histories_fade() {
        // a·b = 2, a·c = 1, b·c = 1 + 1 + 2; u: ¼, ½, 1; v: 1, 1; w: 1, 1; x: 1, 1.5.
        let expected = array![
            [2.0, 4.5, 2.25],
            [2.0, 2.0, 5.0],
            [3.0, 4.0, 4.0],
            [3.5, 6.0, 4.0]
        ];
        assert_eq!(fitted(&model(None), &train(&LOG)), expected);
    }

    #[test]
    fn similarities_fade() {
        // With 10 days: u ¼ a, ½ b, c; v ¼ a, ¼ b; w ½ b, ½ c; x b, 1.5 c. So a·b = 3/16, a·c = ¼, b·c = 2.25.
        let expected = array![
            [0.34375, 2.296_875, 1.1875],
            [0.1875, 0.1875, 2.5],
            [0.4375, 2.25, 2.25],
            [0.5625, 3.375, 2.25]
        ];
        assert_eq!(fitted(&model(Some(10.0)), &train(&LOG)), expected);
    }

    #[test]
    fn with_everything_at_once_it_is_item_knn() {
        let at_once = LOG.map(|(user, item, _)| (user, item, 7));
        let train = train(&at_once);
        let other = ItemKnn {
            neighbors: NonZeroUsize::new(2).unwrap(),
            shrink: NonNegative::new(1.5).unwrap(),
            normalize: true,
            ..ItemKnn::default()
        };
        let model = RecencyKnn {
            neighbors: other.neighbors,
            shrink: other.shrink,
            normalize: true,
            similarity_half_life_days: Some(positive(1.0)),
            ..RecencyKnn::default()
        };
        assert_eq!(fitted(&model, &train), fitted(&other, &train));
    }

    #[test]
    fn people_are_folded_in_by_their_history() {
        let train = train(&LOG);
        let fitted = model(None).fit(&train, &FitContext::new(0)).unwrap();
        let given = told(&train, &[("y", "b", 90), ("y", "a", 100)]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        // 1 a and ½ b.
        assert_eq!(scores(&*folded, &given), array![[1.0, 2.0, 3.0]]);
    }
}
