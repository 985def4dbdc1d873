//! In what the chosen trials of the variants differ.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::summary::Row;
use crate::settings::{flatten, nesting};

/// A value that is not the same in all definitions of the chosen trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Differing {
    /// The path of the key: `model.als.factors`; of a place that names a plugin its name: `model`.
    pub(crate) parameter: String,
    /// The value of each row of the leaderboard, in its order; none where there is no such key.
    pub(crate) values: Vec<Option<String>>,
}

/// Places that name one plugin.
const PLUGINS: [&str; 2] = ["model", "weighting"];

/// What differs between the rows: plugins first, then all else by path. A row alone differs from nothing.
pub(super) fn differing(rows: &[Row]) -> Vec<Differing> {
    let definitions: Vec<&Value> = rows.iter().map(|row| &row.definition).collect();
    let plugins = PLUGINS.iter().map(|place| Differing {
        parameter: (*place).to_owned(),
        values: definitions
            .iter()
            .map(|definition| definition.get(*place).map(nesting))
            .collect(),
    });
    let flat: Vec<BTreeMap<String, String>> = definitions
        .iter()
        .map(|definition| {
            let all = flatten(definition).into_iter();
            // A plugin without parameters has said all by its name.
            all.filter(|(_, value)| value != "{}").collect()
        })
        .collect();
    let mut paths: Vec<&String> = Vec::new();
    for path in flat.iter().flat_map(BTreeMap::keys) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let others = paths.iter().map(|path| Differing {
        parameter: (*path).clone(),
        values: flat.iter().map(|own| own.get(*path).cloned()).collect(),
    });
    let differ = |of: &Differing| of.values.iter().any(|value| *value != of.values[0]);
    plugins.chain(others).filter(differ).collect()
}
