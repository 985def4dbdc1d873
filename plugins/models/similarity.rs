//! How alike two sparse rows are.

use musicrec_api::{FitContext, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::neighbors::nearest;
use crate::products::{Products, Sides};

/// How alike two items, or two users, are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Similarity {
    /// The cosine of their vectors.
    #[default]
    Cosine,
    /// What they share by what either has; of real numbers also called Tanimoto.
    Jaccard,
    /// What they share by the mean of what each has.
    Dice,
    /// The sum of products, not divided by anything.
    InnerProduct,
}

/// Keeps a denominator from being 0.
const LITTLE: f64 = 1e-6;

/// A similarity with what it needs to know of each row.
#[derive(Debug)]
pub(crate) struct Measure {
    similarity: Similarity,
    /// Of each row: the length for the cosine, else the sum of squares.
    sizes: Vec<f64>,
    added: f64,
}

impl Similarity {
    pub(crate) fn measure(self, sides: &Sides, shrink: f64) -> Measure {
        let mut sizes = sides.squares();
        if self == Self::Cosine {
            for size in &mut sizes {
                *size = size.sqrt();
            }
        }
        Measure {
            similarity: self,
            sizes,
            added: shrink + LITTLE,
        }
    }
}

impl Measure {
    /// The `count` most similar others of every row, of those with a similarity above 0.
    pub(crate) fn nearest(
        &self,
        products: &Products,
        count: usize,
        context: &FitContext,
    ) -> Result<Vec<Vec<(u32, f32)>>> {
        products.each_row(context, |row, others| {
            let similar = others.map(|(other, product)| {
                let similarity = self.of(row, other as usize, f64::from(product));
                (other, similarity as f32)
            });
            nearest(similar, count)
        })
    }

    /// Of two rows whose inner product is given.
    pub(crate) fn of(&self, row: usize, other: usize, product: f64) -> f64 {
        self.of_sizes(self.sizes[row], other, product)
    }

    /// Of a row that is not among them, by the sum of its squares.
    pub(crate) fn of_squares(&self, squares: f64, other: usize, product: f64) -> f64 {
        let size = match self.similarity {
            Similarity::Cosine => squares.sqrt(),
            _ => squares,
        };
        self.of_sizes(size, other, product)
    }

    fn of_sizes(&self, size: f64, other: usize, product: f64) -> f64 {
        let (a, b) = (size, self.sizes[other]);
        match self.similarity {
            Similarity::Cosine => product / (a * b + self.added),
            Similarity::Jaccard => product / (a + b - product + self.added),
            Similarity::Dice => 2.0 * product / (a + b + self.added),
            Similarity::InnerProduct => product,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Similarity;
    use crate::products::{Sides, from_rows};

    /// |x| = 2 and 3, x·y = 2.
    #[test]
    fn each_is_its_formula() {
        let columns = [vec![(0, 2.0), (1, 1.0)], vec![(1, 2.0)], vec![(1, 2.0)]];
        let sides = Sides::of_columns(&from_rows(2, columns));
        for (similarity, expected) in [
            (Similarity::Cosine, 2.0 / (6.0 + 1.0 + 1e-6)),
            (Similarity::Jaccard, 2.0 / (13.0 - 2.0 + 1.0 + 1e-6)),
            (Similarity::Dice, 4.0 / (13.0 + 1.0 + 1e-6)),
            (Similarity::InnerProduct, 2.0),
        ] {
            let measure = similarity.measure(&sides, 1.0);
            assert_eq!(measure.of(0, 1, 2.0), expected, "{similarity:?}");
            assert_eq!(measure.of_squares(4.0, 1, 2.0), expected);
        }
    }
}
