//! Keys of a definition that are no plugins: which there are, which must be there, names and lists.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Value};
use super::typed::typed;
use super::{KEYS, axes};

pub(super) fn unknown_keys(root: &Node, faults: &mut Faults) {
    let Value::Table(entries) = &root.value else {
        return;
    };
    for entry in entries.iter().filter(|e| !KEYS.contains(&e.key.as_str())) {
        let message = format!(
            "unknown key `{}`, expected one of {}",
            entry.key,
            KEYS.join(", ")
        );
        let fault = Fault::at(entry.place.clone(), message);
        // What stands one level deeper.
        let deeper = [
            "metric", "metrics", "select", "baseline", "compare", "targets",
        ];
        faults.push(if deeper.contains(&entry.key.as_str()) {
            fault.help("metrics and how they are used stand in [evaluation]")
        } else {
            fault.suggest(&entry.key, KEYS)
        });
    }
}

pub(super) fn required(root: &mut Node, key: &str, faults: &mut Faults) -> Option<Entry> {
    let found = root.take(key);
    let misspelt = |root: &Node| match &root.value {
        Value::Table(entries) => entries
            .iter()
            .filter(|e| !KEYS.contains(&e.key.as_str()))
            .filter_map(|e| musicrec_api::nearest(&e.key, KEYS))
            .any(|meant| meant == key || meant == "include"),
        _ => false,
    };
    if found.is_none() && !misspelt(root) {
        let (what, example) = match key {
            "source" => (
                "what to read",
                "for example [source.csv] with path = \"listens.csv\"",
            ),
            _ => (
                "what to compare",
                "for example [model.popularity] and [model.als]",
            ),
        };
        faults.push(
            Fault::nowhere(format!(
                "`{key}` is missing: the definition does not say {what}"
            ))
            .help(example),
        );
    }
    found
}

/// A value that is no plugin; faults name its key.
pub(super) fn plain<T: DeserializeOwned>(entry: &Entry, faults: &mut Faults) -> Option<T> {
    if !axes::none(&entry.node, faults) {
        return None;
    }
    let node = Node::single(&entry.key, entry.place.clone(), entry.node.clone());
    let mut values: BTreeMap<String, T> = typed(&node, faults)?;
    values.remove(&entry.key)
}

/// The experiment's name is a folder under `reports/`, so it must be fit for one.
pub(super) fn name(entry: Option<&Entry>, path: &Path, faults: &mut Faults) -> Option<String> {
    let (name, place) = match entry {
        Some(entry) => (
            plain::<String>(entry, faults)?,
            Some(entry.node.place.clone()),
        ),
        None => (path.file_stem()?.to_string_lossy().into_owned(), None),
    };
    let fit = !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(['.', '-'])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fit {
        return Some(name);
    }
    let message =
        format!("`{name}` cannot name an experiment, for it names a folder under reports/");
    let fault = match place {
        Some(place) => Fault::at(place, message),
        None => Fault::nowhere(message),
    };
    faults.push(fault.help(
        "use name = \"…\" of up to 100 letters, digits, `-`, `_` and `.`, starting with a letter \
         or digit",
    ));
    None
}

/// The entries of a list that can be understood; the others are faults.
pub(super) fn list<T>(
    entry: Option<&Entry>,
    faults: &mut Faults,
    parse: impl Fn(&Node, &mut Faults) -> Option<T>,
) -> Vec<T> {
    let Some(entry) = entry else {
        return Vec::new();
    };
    let Value::Array(items) = &entry.node.value else {
        faults.push(
            Fault::at(
                entry.place.clone(),
                format!(
                    "`{}` is a list; this is a value of type {}",
                    entry.key,
                    entry.node.describe()
                ),
            )
            .help(if entry.key == "cleaners" {
                "write [[cleaners]] before each entry, or a list in brackets".to_owned()
            } else {
                format!("write {} = [ … ]", entry.key)
            }),
        );
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| parse(item, faults))
        .collect()
}
