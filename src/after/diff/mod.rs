//! Two report folders side by side: what differs in what was asked, and what in the answers.

mod condition;
mod draw;
mod results;
mod side;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;
use crate::records::Store;
use crate::settings::flatten;
pub(crate) use condition::{Condition, Failed, Slip};
pub(crate) use draw::{Style, draw};
pub(crate) use results::Compared;
use results::compare;
use side::Side;

/// A value that is not the same on both sides; absent where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) key: String,
    pub(crate) a: Option<String>,
    pub(crate) b: Option<String>,
}

/// All that differs between two folders, `b` seen from `a`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Diff {
    pub(crate) schema: u32,
    pub(crate) a: String,
    pub(crate) b: String,
    /// Keys of the definitions.
    pub(crate) definition: Vec<Change>,
    /// The source's content, the cleaned log and what is asked on test.
    pub(crate) data: Vec<Change>,
    /// Revisions of plugins and of the lab; version, commit and compiler of the program.
    pub(crate) code: Vec<Change>,
    /// Where they were computed.
    pub(crate) machine: Vec<Change>,
    /// The deciding metric.
    pub(crate) metric: String,
    /// Whether users can be compared with themselves.
    pub(crate) paired: bool,
    /// Why, in words.
    pub(crate) pairing: String,
    /// How p-values are adjusted for the number of variants compared.
    pub(crate) correction: String,
    /// Variants that both folders have.
    pub(crate) variants: Vec<Compared>,
    /// Those that only one of them has.
    pub(crate) only_a: Vec<String>,
    pub(crate) only_b: Vec<String>,
    /// The metrics that both folders measure.
    pub(crate) metrics: Vec<String>,
    /// The conditions that hold although they must not.
    pub(crate) failed: Vec<Failed>,
}

impl Diff {
    /// Reads two folders.
    pub(crate) fn read(a: Store, b: Store) -> Result<Self, Failure> {
        let (a, b) = (Side::read(a)?, Side::read(b)?);
        let results = compare(&a, &b)?;
        let mut metrics = a.overview.labels();
        metrics.retain(|label| b.overview.labels().contains(label));
        Ok(Self {
            schema: 1,
            a: a.folder(),
            b: b.folder(),
            definition: changes(&a.definition(), &b.definition()),
            data: changes(&a.data(), &b.data()),
            code: changes(&a.code(), &b.code()),
            machine: changes(&a.machine(), &b.machine()),
            metric: results.metric,
            paired: results.paired,
            pairing: results.pairing,
            correction: a.overview.correction.name().to_owned(),
            variants: results.variants,
            only_a: results.only_a,
            only_b: results.only_b,
            metrics,
            failed: Vec::new(),
        })
    }
}

/// Where two values differ, by path.
fn changes(a: &Value, b: &Value) -> Vec<Change> {
    let flat = |value: &Value| -> BTreeMap<String, String> { flatten(value).into_iter().collect() };
    let (a, b) = (flat(a), flat(b));
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| a.get(*key) != b.get(*key));
    differing
        .map(|key| Change {
            key: key.clone(),
            a: a.get(key).cloned(),
            b: b.get(key).cloned(),
        })
        .collect()
}
