//! Okapi BM25 over another weighting.

use musicrec_api::{
    Events, Fraction, NonNegative, Result, Tensors, Weigh, Weighting, register, rescale_cells,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::{Corpus, Documents};
use crate::nested;

/// BM25 over another weighting: strength saturates, long documents are damped, and common terms
/// count for less.
///
/// Formula, for a cell of strength `s > 0` by the inner weighting, with document `d` and term `t`:
/// `w = s * (k1 + 1) / (s + k1 * (1 - b + b * length(d) / average_length)) * idf(t)`, where
/// `length(d)` is the summed strength of the document, `idf(t) = max(0, ln(N / (1 + df(t))))`, `df(t)`
/// the number of documents with the term and `N` the number of documents, all counted in the fit part
/// over cells above 0. By default items are the documents and users the terms, as in the tutorial of
/// `implicit`, which weighs its item × user matrix: then popular items are damped by their length, and
/// users who hear nearly everything by their idf.
///
/// Source: `implicit.nearest_neighbours.bm25_weight`, with two differences: an idf below 0 (a term in
/// every document) is 0 here, which drops the cell, because a strength cannot be negative; and
/// documents without a cell above 0 are not counted.
///
/// ```toml
/// [weighting.bm25]
/// of.event_strength = { like = 3 }
/// k1 = 100
/// b = 0.8
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bm25 {
    /// The weighting whose strengths play the term frequencies. Default `event_strength`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Box<dyn Weighting>,
    /// How slowly strength saturates, at least 0; with 0 every strength counts the same. Default 100.
    pub k1: NonNegative,
    /// How much the length of a document counts, from 0 (not at all) to 1 (in full). Default 0.8.
    pub b: Fraction,
    /// Which side plays the documents. Default `items`.
    pub documents: Documents,
}

impl Default for Bm25 {
    fn default() -> Self {
        Self {
            of: nested::default_of(),
            k1: NonNegative::new(100.0).expect("100 is above 0"),
            b: Fraction::new(0.8).expect("0.8 is a fraction"),
            documents: Documents::default(),
        }
    }
}

#[typetag::serde(name = "bm25")]
impl Weighting for Bm25 {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        let of = self.of.fit(events)?;
        let corpus = Corpus::learn(events, &of.weigh(events)?, self.documents);
        Ok(Box::new(Fitted {
            of,
            corpus,
            k1: self.k1.get(),
            b: self.b.get(),
        }))
    }

    fn load(&self, mut saved: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Fitted {
            of: self.of.load(saved.take_nested("of"))?,
            corpus: Corpus::load(&mut saved, self.documents)?,
            k1: self.k1.get(),
            b: self.b.get(),
        }))
    }
}

#[derive(Debug)]
struct Fitted {
    of: Box<dyn Weigh>,
    corpus: Corpus,
    k1: f64,
    b: f64,
}

impl Weigh for Fitted {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        let weights = self.of.weigh(events)?;
        Ok(rescale_cells(events, weights, |user, item, strength| {
            let norm = 1.0 - self.b + self.b * self.corpus.relative_length(user, item);
            let saturated = strength * (self.k1 + 1.0) / (strength + self.k1 * norm);
            saturated * self.corpus.idf(user, item)
        }))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = self.corpus.save();
        saved.nest("of", self.of.save()?);
        Some(saved)
    }
}

register!(Weighting, Bm25, "bm25", revision = 1);

#[cfg(test)]
mod tests {
    use super::Bm25;
    use crate::nested::tests::{assert_near, cells, parse, plays};
    use musicrec_api::{Events, Weighting, cell_weights};

    // `bm25_weight` of implicit (nearest_neighbours.py), rows of X are documents, columns terms:
    //   N = X.shape[0]
    //   idf = log(N) - log1p(bincount(X.col))
    //   row_sums = X.sum(axis=1); average_length = row_sums.mean()
    //   length_norm = (1.0 - B) + B * row_sums / average_length
    //   X.data * (K1 + 1.0) / (K1 * length_norm[X.row] + X.data) * idf[X.col]
    //
    // The values expected below are what implicit 0.7.3 gives for the same matrix.
    //
    // Four items a, b, c, d of lengths 5, 2, 1, 4 (average 3): u hears a and b, so its idf
    // is ln(4/3); v hears a and d, the same; w hears c, so ln(4/2).

    fn log() -> Events {
        plays(&[
            ("u", "a", 3.0),
            ("u", "b", 1.0),
            ("v", "a", 2.0),
            ("v", "d", 4.0),
            ("u", "b", 1.0),
            ("w", "c", 1.0),
            ("w", "a", 0.0),
        ])
    }

    #[test]
    fn cells_are_those_of_implicit() {
        let of_plays = parse(r#"{"bm25": {"of": {"plays": {}}, "k1": 2, "b": 0.5}}"#);
        let expected = [
            0.456_906_820_952_828_3,
            0.470_752_482_193_823_15,
            0.369_876_950_295_146_67,
            0.545_081_821_487_584_7,
            0.891_189_232_148_501_1,
            0.0,
        ];
        assert_near(&cells(&*of_plays, &log()), &expected);
        // The first by hand: length_norm of a is .5 + .5 * 5/3 = 4/3.
        let by_hand = 3.0 * 3.0 / (2.0 * 4.0 / 3.0 + 3.0) * (4.0f64 / 3.0).ln();
        assert_near(&[by_hand], &expected[..1]);
    }

    #[test]
    fn users_can_be_the_documents() {
        let weighting =
            parse(r#"{"bm25": {"of": {"plays": {}}, "k1": 1, "b": 1, "documents": "users"}}"#);
        // a is heard by two of three: ln(3/3) = 0.
        let expected = [
            0.0,
            0.499_033_979_210_048_66,
            0.0,
            0.589_767_429_975_512,
            0.648_744_172_973_063_2,
            0.0,
        ];
        assert_near(&cells(&*weighting, &log()), &expected);
    }

    #[test]
    fn a_later_part_is_weighed_by_what_the_fit_part_taught() {
        let log = log();
        let fit = log.select(&[0, 1, 2, 3, 4]);
        let fitted = parse(r#"{"bm25": {"of": {"plays": {}}, "k1": 2, "b": 0.5}}"#)
            .fit(&fit)
            .unwrap();
        // N = 3 items of average length 11/3; w and c are new: length 0, idf ln 3.
        let later = log.select(&[5]);
        let weights = fitted.weigh(&later).unwrap();
        let expected = 3.0 / (2.0 * 0.5 + 1.0) * 3f64.ln();
        assert_near(&cell_weights(&later, &weights).1, &[expected]);
    }

    #[test]
    fn weights_stay_finite_where_there_is_nothing_to_learn() {
        let bm25 = Bm25::default();
        let none = Events::default();
        assert!(bm25.fit(&none).unwrap().weigh(&none).unwrap().is_empty());
        // Fitted on nothing above 0, on one cell, and on a term in every document: idf is 0.
        let zero = plays(&[("u", "a", 0.0)]);
        let fitted = parse(r#"{"bm25": {"of": {"plays": {}}}}"#);
        assert_eq!(cells(&*fitted, &zero), [0.0]);
        let later = plays(&[("u", "a", 5.0)]);
        assert_eq!(fitted.fit(&zero).unwrap().weigh(&later).unwrap(), [0.0]);
        assert_eq!(cells(&*fitted, &later), [0.0]);
        let everything = plays(&[("u", "a", 1.0), ("u", "b", 2.0)]);
        assert_eq!(cells(&*fitted, &everything), [0.0, 0.0]);
    }
}
