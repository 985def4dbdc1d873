//! TF-IDF over another weighting.

use musicrec_api::{Events, Result, Tensors, Weigh, Weighting, register, rescale_cells};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::{Corpus, Documents};
use crate::nested;

/// TF-IDF over another weighting: strength grows by its square root, and common terms count for less.
///
/// Formula, for a cell of strength `s > 0` by the inner weighting with term `t`: `w = sqrt(s) * idf(t)`,
/// where `idf(t) = max(0, ln(N / (1 + df(t))))`, `df(t)` is the number of documents with the term and
/// `N` the number of documents, all counted in the fit part over cells above 0. By default items are
/// the documents and users the terms, so that users who hear nearly everything count for less; with
/// `documents = "users"` popular items count for less.
///
/// Source: `implicit.nearest_neighbours.tfidf_weight` on an item × user matrix, with two differences:
/// an idf below 0 (a term in every document) is 0 here, which drops the cell, because a strength cannot
/// be negative; and documents without a cell above 0 are not counted.
///
/// ```toml
/// [weighting.tf_idf]
/// of.plays = { cap = 100 }
/// documents = "users"
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TfIdf {
    /// The weighting whose strengths play the term frequencies. Default `event_strength`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Box<dyn Weighting>,
    /// Which side plays the documents. Default `items`.
    pub documents: Documents,
}

impl Default for TfIdf {
    fn default() -> Self {
        Self {
            of: nested::default_of(),
            documents: Documents::default(),
        }
    }
}

#[typetag::serde(name = "tf_idf")]
impl Weighting for TfIdf {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        let of = self.of.fit(events)?;
        let corpus = Corpus::learn(events, &of.weigh(events)?, self.documents);
        Ok(Box::new(Fitted { of, corpus }))
    }

    fn load(&self, mut saved: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Fitted {
            of: self.of.load(saved.take_nested("of"))?,
            corpus: Corpus::load(&mut saved, self.documents)?,
        }))
    }
}

#[derive(Debug)]
struct Fitted {
    of: Box<dyn Weigh>,
    corpus: Corpus,
}

impl Weigh for Fitted {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        let weights = self.of.weigh(events)?;
        Ok(rescale_cells(events, weights, |user, item, strength| {
            strength.sqrt() * self.corpus.idf(user, item)
        }))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = self.corpus.save();
        saved.nest("of", self.of.save()?);
        Some(saved)
    }
}

register!(Weighting, TfIdf, "tf_idf", revision = 1);

#[cfg(test)]
mod tests {
    use super::TfIdf;
    use crate::nested::tests::{assert_near, cells, parse, plays};
    use musicrec_api::{Events, Weighting};

    // `tfidf_weight` of implicit (nearest_neighbours.py), rows of X are documents, columns terms:
    //   idf = log(X.shape[0]) - log1p(bincount(X.col))
    //   X.data = sqrt(X.data) * idf[X.col]

    #[test]
    fn cells_are_those_of_implicit() {
        let log = plays(&[
            ("u", "a", 4.0),
            ("u", "b", 9.0),
            ("v", "c", 16.0),
            ("v", "d", 0.0),
            ("v", "e", 1.0),
            ("w", "d", 25.0),
        ]);
        // Five items; u hears two, v two (a cell of 0 is none), w one. Values of implicit 0.7.3.
        let weighting = parse(r#"{"tf_idf": {"of": {"plays": {}}}}"#);
        let expected = [
            1.021_651_247_531_981,
            1.532_476_871_297_971_5,
            2.043_302_495_063_962,
            0.0,
            0.510_825_623_765_990_5,
            4.581_453_659_370_775,
        ];
        assert_near(&cells(&*weighting, &log), &expected);
        // Three users; every item is heard by one.
        let by_user = parse(r#"{"tf_idf": {"of": {"plays": {}}, "documents": "users"}}"#);
        let idf = 1.5f64.ln();
        let expected = [2.0, 3.0, 4.0, 0.0, 1.0, 5.0].map(|root| root * idf);
        assert_near(&cells(&*by_user, &log), &expected);
    }

    #[test]
    fn an_item_that_all_but_one_heard_weighs_exactly_nothing() {
        // ln(3) - ln_1p(2) is 2.2e-16: the cell would count as heard.
        let log = plays(&[("u", "a", 1.0), ("v", "a", 1.0), ("w", "b", 1.0)]);
        let weighting = parse(r#"{"tf_idf": {"of": {"plays": {}}, "documents": "users"}}"#);
        assert_eq!(cells(&*weighting, &log)[..2], [0.0, 0.0]);
    }

    #[test]
    fn nothing_to_learn_gives_nothing() {
        let none = Events::default();
        let fitted = TfIdf::default().fit(&none).unwrap();
        assert!(fitted.weigh(&none).unwrap().is_empty());
    }
}
