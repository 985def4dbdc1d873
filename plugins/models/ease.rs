//! Embarrassingly shallow autoencoder: the best linear weights from items to items, in closed form.

mod inverse;
mod panels;
mod update;

use musicrec_api::{
    Cost, Error, FitContext, InteractionMatrix, Model, Positive, Recommender, Result, Shape,
    Tensors, Train, register,
};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::FeatureWeighting;
use crate::item_knn::item_products;
use crate::products::{Sides, in_words, kept_bytes, symmetric};
use crate::train::ensure_interactions;
use inverse::{NotPositive, invert};
use panels::{Stored, Weights};

/// Each item is foretold by a weighted sum of all others, and the weights are those with the least squared
/// error over the whole matrix. One parameter, and one of the strongest models on most data.
///
/// Formula: minimize `|X − X B|² + regularization · |B|²` over item-to-item weights B whose diagonal is 0:
/// with `P = (XᵀX + regularization · I)⁻¹`, `B(i, j) = −P(i, j) / P(j, j)`, and `score(u, j) = Σ_i x(u, i) B(i, j)`.
/// People are folded in by their history.
///
/// It holds a number for each pair of items: 4 or, with `precision = "double"`, 8 bytes times the square of the
/// number of items (6.7 or 13.4 GB for 41,000), and inverts the matrix in place, which takes the third power (some ten
/// seconds of a processor for 10,000 items, ten minutes for 41,000). What does not fit is refused before it is begun; the cleaner
/// `min_interactions` makes the matrix smaller. Up to 8,192 items `XᵀX` is computed once for all trials that differ
/// in `regularization`, and shared with `item_knn`.
///
/// A grid that finds a good setting on most data: `regularization.grid = [10, 30, 100, 300, 1000, 3000]`.
///
/// Source: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019.
///
/// ```toml
/// [model.ease]
/// regularization = 100
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ease {
    /// λ, what large weights cost; above 0, default 100. The sparser the data, the less.
    pub regularization: Positive,
    /// The numbers that it computes with. Default `single`.
    pub precision: Precision,
}

/// The numbers that are computed with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Precision {
    /// 32 bits: half of the time and memory. With λ 100 scores differ from those in 64 bits by up to 9 parts in
    /// 100,000 of the largest on the ratings of `MovieLens-100K`, and by 5 in a million on Last.fm's plays (logarithms);
    /// on Gowalla (λ 80) recall and NDCG at 20 have all six digits that were published of 64 bits.
    #[default]
    Single,
    /// 64 bits, for a regularization that is very small beside the largest eigenvalue of `XᵀX`.
    Double,
}

impl Default for Ease {
    fn default() -> Self {
        Self {
            regularization: Positive::new(100.0).expect("above 0"),
            precision: Precision::default(),
        }
    }
}

#[typetag::serde(name = "ease")]
impl Model for Ease {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        ensure_interactions(train, "ease")?;
        match self.precision {
            Precision::Single => {
                // Beyond what is kept for all, the matrix is made where it will be inverted.
                let products = if kept_bytes(train.n_items() as f64) > 0.0 {
                    let shared = item_products(train, FeatureWeighting::None, context)?;
                    shared.kept().cloned()
                } else {
                    None
                };
                self.learn::<f32>(train, products, context)
            }
            Precision::Double => self.learn::<f64>(train, None, context),
        }
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        match self.precision {
            Precision::Single => Weights::<f32>::load(saved, interactions),
            Precision::Double => Weights::<f64>::load(saved, interactions),
        }
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let items = shape.items as f64;
        let cells = shape.cells as f64;
        let (bytes, shared) = match self.precision {
            Precision::Single => (4.0, kept_bytes(items)),
            Precision::Double => (8.0, 0.0),
        };
        // The inverse is half the cube; an operation of it takes a sixteenth of the time of a plain one.
        let inverse = items.powi(3) / 2.0 / 16.0;
        let meetings = cells * cells / shape.users.max(1) as f64;
        let panels = 3.0 * inverse::BLOCK as f64 * items;
        Some(Cost {
            operations: inverse + 2.0 * meetings + items * items,
            bytes: bytes * (items * items + panels) + shared + 34.0 * cells + 16.0 * items,
        })
    }

    fn bytes_in_words(&self, shape: &Shape) -> Option<String> {
        let bytes = match self.precision {
            Precision::Single => 4,
            Precision::Double => 8,
        };
        Some(in_words(shape.items, bytes))
    }
}

register!(Model, Ease, "ease", revision = 1);

impl Ease {
    fn learn<T: Stored>(
        &self,
        train: &Train,
        products: Option<Array2<T>>,
        context: &FitContext,
    ) -> Result<Box<dyn Recommender>> {
        let mut matrix = match products {
            Some(products) => products,
            None => symmetric::<T>(&Sides::of_columns(&train.interactions), context)?,
        };
        let regularization = self.regularization.get();
        matrix
            .diag_mut()
            .mapv_inplace(|d| T::narrow(d.wide() + regularization));
        match invert(&mut matrix, context)? {
            Ok(()) => {}
            Err(NotPositive) => {
                return Err(Error::model(format!(
                    "ease cannot invert XᵀX + {regularization:?} I: in {} precision it is not positive definite; \
                     raise `regularization`, or set `precision = \"double\"`",
                    match self.precision {
                        Precision::Single => "single",
                        Precision::Double => "double",
                    }
                )));
            }
        }
        Ok(Box::new(Weights::new(train, matrix)))
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Model, Shape};

    use super::{Ease, Precision};

    #[test]
    fn what_it_holds_is_told_beforehand() {
        let gowalla = Shape::new(29_858, 40_981, 810_128);
        let of = |precision| Ease {
            precision,
            ..Ease::default()
        };
        let single = of(Precision::Single);
        let words = single.bytes_in_words(&gowalla).unwrap();
        assert_eq!(
            words,
            "the products of all pairs of 40981 items are 40981 × 40981 numbers of 4 bytes, 6.7 GB"
        );
        let bytes = single.cost(&gowalla).unwrap().bytes;
        assert!((6.7e9..7.0e9).contains(&bytes), "{bytes}");
        let double = of(Precision::Double);
        assert!(
            double
                .bytes_in_words(&gowalla)
                .unwrap()
                .ends_with("8 bytes, 13.4 GB")
        );
        let bytes = double.cost(&gowalla).unwrap().bytes;
        assert!((13.4e9..13.8e9).contains(&bytes), "{bytes}");
    }
}
