//! The trail of cleaning: the cleaned log as a file (`write`), the ledger beside it, and every dropped row
//! and changed cell (`quarantine`).

pub(crate) mod quarantine;
pub(crate) mod write;

use musicrec_api::{On, Roles};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::experiment::{Cleaning, Experiment, resolved};
use crate::stages::prepare::Step;

/// The version of [`Document`].
pub(crate) const SCHEMA: u32 = 1;

/// What stands in `clean.csv.ledger.json`: what was cleaned, by what, and what came of it. The same data and
/// definition give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(title = "The ledger of musicrec-lab clean")]
pub(crate) struct Document {
    /// The version of this form.
    pub(crate) schema: u32,
    /// The program that wrote it.
    pub(crate) program: String,
    /// The name of the definition.
    pub(crate) name: String,
    /// The seed of the definition, from which sources that make their log draw.
    pub(crate) seed: u64,
    /// The content of the source.
    pub(crate) fingerprint: String,
    /// What tells the cleaners from the alternatives of the definition; empty if there is one.
    pub(crate) label: String,
    /// The source and each cleaner, in the order in which they worked.
    pub(crate) steps: Vec<Numbered>,
    /// Cleaners of the definition that are not applied, as they see the fit part of a split only.
    pub(crate) not_applied: Vec<Value>,
    /// Which column plays which part.
    pub(crate) columns: Roles,
    /// Rows of the cleaned log.
    pub(crate) rows: u64,
    /// Hash of the events of the cleaned log, which is that in `report.json` of a sweep over the same;
    /// none where its columns are not clean enough to be events.
    pub(crate) events: Option<String>,
    /// The file of the cleaned log; none where it went to standard output.
    pub(crate) output: Option<Output>,
    /// The file of dropped rows and changed cells.
    pub(crate) quarantine: Option<Quarantined>,
}

/// A step and all of its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Numbered {
    /// 0 is the source.
    pub(crate) number: usize,
    /// The plugin with its parameters, defaults included.
    pub(crate) plugin: Value,
    #[serde(flatten)]
    pub(crate) step: Step,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Output {
    /// Its name, without folders.
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// Of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// The quarantine and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Quarantined {
    #[serde(flatten)]
    pub(crate) output: Output,
    /// Lines of dropped rows.
    pub(crate) dropped: u64,
    /// Lines of changed cells.
    pub(crate) changed: u64,
    /// Where it does not agree with the accounts of the steps, and why.
    pub(crate) notes: Vec<String>,
}

/// The steps with their parameters, and the cleaners that did not work.
pub(crate) fn steps(
    experiment: &Experiment,
    cleaning: &Cleaning,
    funnel: Vec<Step>,
) -> (Vec<Numbered>, Vec<Value>) {
    let cleaners = cleaning.cleaners.iter();
    let (on_log, not_applied): (Vec<_>, Vec<_>) = cleaners.partition(|c| c.on() == On::Log);
    let plugins = std::iter::once(resolved(&experiment.source));
    let plugins = plugins.chain(on_log.into_iter().map(resolved));
    let steps = plugins.zip(funnel).enumerate();
    let steps = steps.map(|(number, (plugin, step))| Numbered {
        number,
        plugin,
        step,
    });
    (
        steps.collect(),
        not_applied.into_iter().map(resolved).collect(),
    )
}
