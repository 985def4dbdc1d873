//! What BM25 and TF-IDF learn: cells as a corpus of documents made of terms.

use std::mem::replace;

use musicrec_api::arithmetic::ln;
use musicrec_api::{Events, Result, Tensors, cell_weights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which side of the user × item matrix plays the documents of text retrieval; the other side plays
/// the terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Documents {
    /// An item is a document, its listeners are the terms: users who hear a lot count for less.
    #[default]
    Items,
    /// A user is a document, the items heard are the terms: popular items count for less.
    Users,
}

impl Documents {
    /// The document and the term of a cell.
    pub(crate) fn roles(self, user: u32, item: u32) -> (usize, usize) {
        match self {
            Self::Items => (item as usize, user as usize),
            Self::Users => (user as usize, item as usize),
        }
    }
}

/// Figures of a corpus; only cells above 0 belong to it, and only documents with such a cell.
#[derive(Debug)]
pub(crate) struct Corpus {
    documents: Documents,
    /// `ln(N / (1 + df))` of each term, floored at 0.
    idf: Vec<f64>,
    /// Summed weight of each document.
    length: Vec<f64>,
    average_length: f64,
    /// What `idf` is of a term that no document has.
    unseen_idf: f64,
}

impl Corpus {
    pub(crate) fn learn(events: &Events, weights: &[f64], documents: Documents) -> Self {
        let (n_documents, n_terms) = match documents {
            Documents::Items => (events.items.len(), events.users.len()),
            Documents::Users => (events.users.len(), events.items.len()),
        };
        let mut length = vec![0.0; n_documents];
        let mut frequency = vec![0u32; n_terms];
        let (cells, sums) = cell_weights(events, weights);
        let mut seen = vec![false; sums.len()];
        for (event, &cell) in cells.iter().enumerate() {
            let strength = sums[cell as usize];
            if !replace(&mut seen[cell as usize], true) && strength > 0.0 {
                let (document, term) = documents.roles(events.user[event], events.item[event]);
                length[document] += strength;
                frequency[term] += 1;
            }
        }
        let n = length.iter().filter(|&&length| length > 0.0).count();
        // Of the ratio, so that it is exactly 0 where N = 1 + df.
        let idf = |df: &u32| ln(n as f64 / (1.0 + f64::from(*df))).max(0.0);
        Self {
            documents,
            unseen_idf: idf(&0),
            idf: frequency.iter().map(idf).collect(),
            // At least 1, so that an empty corpus divides nothing by 0.
            average_length: length.iter().sum::<f64>() / n.max(1) as f64,
            length,
        }
    }

    /// The side of items: people it has not learned from have no length, and no document has them.
    pub(crate) fn save(&self) -> Tensors<'_> {
        let mut saved = Tensors::default();
        let (name, side) = match self.documents {
            Documents::Items => ("length", &self.length),
            Documents::Users => ("idf", &self.idf),
        };
        saved.insert(name, vec![side.len()], &side[..]);
        saved.insert("average_length", vec![1], vec![self.average_length]);
        saved.insert("unseen_idf", vec![1], vec![self.unseen_idf]);
        saved
    }

    /// What [`Corpus::save`] gave.
    pub(crate) fn load(saved: &mut Tensors, documents: Documents) -> Result<Self> {
        let (length, idf) = match documents {
            Documents::Items => (saved.take_f64("length")?.1, Vec::new()),
            Documents::Users => (Vec::new(), saved.take_f64("idf")?.1),
        };
        Ok(Self {
            documents,
            idf,
            length,
            average_length: saved.take_list("average_length", 1)?[0],
            unseen_idf: saved.take_list("unseen_idf", 1)?[0],
        })
    }

    /// Inverse document frequency of the term of a cell.
    pub(crate) fn idf(&self, user: u32, item: u32) -> f64 {
        let term = self.documents.roles(user, item).1;
        self.idf.get(term).copied().unwrap_or(self.unseen_idf)
    }

    /// Length of the document of a cell, in average lengths.
    pub(crate) fn relative_length(&self, user: u32, item: u32) -> f64 {
        if self.average_length > 0.0 {
            let document = self.documents.roles(user, item).0;
            self.length.get(document).copied().unwrap_or(0.0) / self.average_length
        } else {
            0.0
        }
    }
}
