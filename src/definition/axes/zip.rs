//! `zip = { a = [ … ], b = [ … ] }`: parameters that move together.

use serde_json::Value as Schema;

use super::axis;
use crate::definition::fault::{Fault, Faults};
use crate::definition::tree::{Entry, Node, Value};

/// The tables of a plugin with `zip`, each with one value of every zipped key.
pub(super) fn zipped(node: &Node, zip: &Entry, schema: &Schema, faults: &mut Faults) -> Vec<Node> {
    let (Value::Table(entries), Value::Table(keys)) = (&node.value, &zip.node.value) else {
        faults.push(
            Fault::at(zip.node.place.clone(), "`zip` is a table of lists")
                .help("for example zip = { factors = [16, 64], iterations = [30, 10] }"),
        );
        return Vec::new();
    };
    let before = faults.errors();
    let mut columns: Vec<(&Entry, Vec<Node>)> = Vec::new();
    for key in keys {
        if let Some(beside) = entries.iter().find(|e| e.key == key.key) {
            let message = format!("`{}` stands in `zip` too", key.key);
            faults.push(
                Fault::at(beside.place.clone(), message)
                    .help("a parameter is set in one of the two"),
            );
        }
        let values = match &key.node.value {
            Value::Array(items) => Some(items.clone()),
            _ => axis(&key.node, &schema["properties"][&key.key], faults),
        };
        match values {
            // A faulty axis has said so itself.
            Some(values) if values.is_empty() && faults.errors() > before => {}
            Some(values) => columns.push((key, values)),
            None => faults.push(Fault::at(
                key.node.place.clone(),
                format!("`zip` takes a list or a range for `{}`", key.key),
            )),
        }
    }
    if keys.is_empty() {
        faults.push(Fault::at(zip.place.clone(), "`zip` holds no key"));
    }
    if let Some(((first, values), others)) = columns.split_first() {
        if values.is_empty() {
            faults.push(Fault::at(first.node.place.clone(), "the list is empty"));
        }
        for (key, others) in others.iter().filter(|(_, v)| v.len() != values.len()) {
            faults.push(Fault::at(
                key.node.place.clone(),
                format!(
                    "`{}` has {} values, but `{}` has {}; what moves together is equally long",
                    key.key,
                    others.len(),
                    first.key,
                    values.len()
                ),
            ));
        }
    }
    // With faults, what is left is good enough to look for more.
    let rows = columns.iter().map(|(_, values)| values.len()).min();
    let zipped = |key: &str| columns.iter().any(|(column, _)| column.key == key);
    (0..rows.unwrap_or(0))
        .map(|row| {
            let rest = entries
                .iter()
                .filter(|e| e.key != "zip" && !zipped(&e.key))
                .cloned();
            let chosen = columns.iter().map(|(key, values)| Entry {
                node: values[row].clone(),
                ..(*key).clone()
            });
            Node {
                place: node.place.clone(),
                value: Value::Table(rest.chain(chosen).collect()),
            }
        })
        .collect()
}
