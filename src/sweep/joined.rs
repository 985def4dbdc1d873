//! That an overview is not of one sweep but of several that are compared, and how these were brought
//! together. Made by `report/joined`, never kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Joined {
    pub(crate) experiments: Vec<JoinedPart>,
    /// Whether all have the same validation part. If not, values on validation of different experiments
    /// do not compare, and no variant is the best there.
    pub(crate) same_validation: bool,
    /// How it was done and what it means, a sentence each.
    pub(crate) notes: Vec<String>,
    /// What to look at before trusting it.
    pub(crate) warnings: Vec<String>,
}

/// One of the experiments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct JoinedPart {
    /// What it is called here: its name, or as much of its folder as tells it from the others.
    pub(crate) label: String,
    pub(crate) folder: String,
    pub(crate) finished: bool,
    /// Its variants as they are called here. One may be of several experiments.
    pub(crate) variants: Vec<String>,
}

impl Joined {
    /// The labels of the experiments that have a variant.
    pub(crate) fn with(&self, variant: &String) -> Vec<&str> {
        let having = self.experiments.iter();
        let having = having.filter(|part| part.variants.contains(variant));
        having.map(|part| part.label.as_str()).collect()
    }
}
