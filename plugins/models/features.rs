//! Weighting of features before similarities are taken.

use musicrec_api::InteractionMatrix;
use musicrec_api::arithmetic::ln;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How interactions are weighed before similarities are taken, as words of documents are: whose
/// neighbors are looked for are the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum FeatureWeighting {
    /// As the interaction matrix has them.
    #[default]
    None,
    /// `x · ln(N / (1 + n))`, where N is how many documents there are (items for `item_knn`, users for `user_knn`)
    /// and n how many of them the user (or item) is in: who hears everything says little.
    TfIdf,
    /// `x · 2.2 / (x + 1.2 (0.25 + 0.75 L)) · ln(N / (1 + n))`, where L is the document's sum by the mean
    /// sum: Okapi BM25 with `k1 = 1.2` and `b = 0.75`. A large x counts little more than one of middle size.
    Bm25,
}

/// How soon BM25 is saturated, and how much the length of a document matters.
const K1: f64 = 1.2;
const B: f64 = 0.75;

impl FeatureWeighting {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TfIdf => "tf_idf",
            Self::Bm25 => "bm25",
        }
    }

    /// What it takes to weigh cells like those of `words`, a matrix with words in rows and documents in columns.
    pub(crate) fn learn(self, words: &InteractionMatrix) -> Features {
        let documents = words.cols() as f64;
        let rare = words
            .outer_iterator()
            .map(|word| ln(documents / (1.0 + word.nnz() as f64)))
            .collect();
        let all: f64 = words.data().iter().map(|&x| f64::from(x)).sum();
        Features {
            weighting: self,
            rare,
            mean: all / documents,
        }
    }

    /// Such a matrix weighed.
    pub(crate) fn apply(self, words: &InteractionMatrix) -> InteractionMatrix {
        let mut weighed = words.clone();
        if self == Self::None {
            return weighed;
        }
        let features = self.learn(words);
        let mut sums = vec![0.0; words.cols()];
        for (&x, (_, document)) in words {
            sums[document as usize] += f64::from(x);
        }
        for (word, mut cells) in weighed.outer_iterator_mut().enumerate() {
            for (document, x) in cells.iter_mut() {
                *x = features.weigh(*x, word, sums[document]);
            }
        }
        weighed
    }
}

/// What a weighting has learned.
#[derive(Debug)]
pub(crate) struct Features {
    weighting: FeatureWeighting,
    /// Of each word.
    rare: Vec<f64>,
    /// Mean sum of a document.
    mean: f64,
}

impl Features {
    /// A cell, given the sum of its document.
    pub(crate) fn weigh(&self, x: f32, word: usize, sum: f64) -> f32 {
        let wide = f64::from(x);
        match self.weighting {
            FeatureWeighting::None => x,
            FeatureWeighting::TfIdf => (wide * self.rare[word]) as f32,
            FeatureWeighting::Bm25 => {
                let long = 1.0 - B + B * sum / self.mean;
                (wide * (K1 + 1.0) / (wide + K1 * long) * self.rare[word]) as f32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FeatureWeighting;
    use crate::products::from_rows;

    /// Three words in four documents, whose sums are 4, 2, 0 and 2.
    #[test]
    fn each_is_its_formula() {
        let words = from_rows(
            4,
            [vec![(0, 3.0)], vec![(0, 1.0), (1, 2.0)], vec![(3, 2.0)]],
        );
        let weighed = |weighting: FeatureWeighting| weighting.apply(&words).into_raw_storage().2;
        assert_eq!(weighed(FeatureWeighting::None), [3.0, 1.0, 2.0, 2.0]);
        let (once, twice) = (2.0_f64.ln(), (4.0_f64 / 3.0).ln());
        let cells = [
            (3.0, once, 4.0),
            (1.0, twice, 4.0),
            (2.0, twice, 2.0),
            (2.0, once, 2.0),
        ];
        let tf_idf = cells.map(|(x, rare, _)| (x * rare) as f32);
        assert_eq!(weighed(FeatureWeighting::TfIdf), tf_idf);
        let bm25 = cells.map(|(x, rare, sum): (f64, f64, f64)| {
            let length = 0.25 + 0.75 * sum / 2.0;
            (x * 2.2 / (x + 1.2 * length) * rare) as f32
        });
        assert_eq!(weighed(FeatureWeighting::Bm25), bm25);
    }
}
