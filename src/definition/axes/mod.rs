//! Axes: values of which a definition wants each, on the tree, before any plugin sees it, so that
//! parameters of plugins stay plainly typed.
//!
//! * `{ grid = [ … ] }`: these values.
//! * `{ range = [8, 128], scale = "log2", steps = 5 }`: numbers between two ends.
//! * `zip = { a = [ … ], b = [ … ] }` beside the parameters of a plugin: these move together.
//! * `{ uniform = [8, 128] }`, `{ log_uniform = [1e-4, 1.0] }`: what random search draws from.
//!
//! A tree with axes is a [`Space`], of which a grid lists all and a search draws some.

mod interval;
mod range;
mod space;
mod zip;

use musicrec_api::Kind;
use serde_json::Value as Schema;

use super::fault::{Fault, Faults};
use super::plugins::{self, Named};
use super::tree::{Entry, Node, Place, Value};
use crate::reference::{self, plain};
use range::range;
use zip::zipped;

pub(super) use space::{Drawn, Listing, Space};

/// The key that makes a table an axis.
pub(super) const KEYS: [&str; 4] = ["grid", "range", DRAWN[0], DRAWN[1]];

/// Those of which values are drawn.
const DRAWN: [&str; 2] = ["uniform", "log_uniform"];

/// Whether a node is an axis: one thing, whatever stands in it.
pub(super) fn is_axis(node: &Node) -> bool {
    KEYS.iter().any(|key| node.get(key).is_some())
}

/// What may stand in the table of a range.
const RANGE: [&str; 3] = ["range", "scale", "steps"];

/// What the parameters of a plugin may be: the product of the axes in them, the last key fastest.
pub(super) fn of_plugin(plugin: &Named, kind: Kind, faults: &mut Faults) -> Space {
    let node = &plugin.parameters;
    let registration = reference::of(kind).find(|r| r.name == plugin.name);
    let schema = registration.map_or(Schema::Null, plain::parameters);
    match node.get("zip") {
        Some(zip) if matches!(node.value, Value::Table(_)) => Space::choice(
            zipped(node, zip, &schema, faults)
                .iter()
                .map(|node| space(node, kind, &schema, faults))
                .collect(),
        ),
        _ => space(node, kind, &schema, faults),
    }
}

/// `schema` is that of the value, null where it is not known.
fn space(node: &Node, kind: Kind, schema: &Schema, faults: &mut Faults) -> Space {
    match &node.value {
        Value::Scalar(_) => Space::Fixed(node.clone()),
        Value::Array(items) => Space::List(
            node.place.clone(),
            items
                .iter()
                .map(|item| space(item, kind, &schema["items"], faults))
                .collect(),
        ),
        Value::Table(entries) => {
            if let Some(values) = axis(node, schema, faults) {
                let values = values.iter();
                return Space::choice(
                    values
                        .map(|value| space(value, kind, schema, faults))
                        .collect(),
                );
            }
            if let Some(interval) = interval::interval(node, schema, faults) {
                return interval;
            }
            let spaces = entries.iter().map(|entry| {
                let schema = &schema["properties"][&entry.key];
                let of = if schema[plain::PLUGIN].is_string() {
                    let list = schema["type"] == "array";
                    plugins::nested(&entry.node, kind, list, faults)
                } else {
                    space(&entry.node, kind, schema, faults)
                };
                (entry.clone(), of)
            });
            Space::Table(node.place.clone(), spaces.collect())
        }
    }
}

/// The values of a table that is an axis; `None` for any other node. A faulty axis has no values.
pub(super) fn axis(node: &Node, schema: &Schema, faults: &mut Faults) -> Option<Vec<Node>> {
    if let Some(entry) = node.get("grid") {
        return Some(grid(node, entry, faults));
    }
    let entry = node.get("range")?;
    Some(range(node, entry, schema, faults).unwrap_or_default())
}

fn grid(node: &Node, grid: &Entry, faults: &mut Faults) -> Vec<Node> {
    only_keys(node, &["grid"], faults);
    let place = grid.node.place.clone();
    let Value::Array(items) = &grid.node.value else {
        let found = grid.node.describe();
        faults.push(
            Fault::at(
                place,
                format!("a grid is a list of values; this is a value of type {found}"),
            )
            .help("for example factors.grid = [16, 32, 64]"),
        );
        return Vec::new();
    };
    if items.is_empty() {
        faults.push(Fault::at(place.clone(), "a grid needs at least one value"));
    }
    if too_many(items.len(), &place, faults) {
        return Vec::new();
    }
    if items.len() == 1 {
        faults.push(
            Fault::at(place, "a grid of one value tries nothing")
                .help("write the value without `grid`, or add others")
                .warning(),
        );
    }
    distinct(items.clone(), faults)
}

/// Each value once; those that repeat an earlier one are warnings.
fn distinct(values: Vec<Node>, faults: &mut Faults) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::with_capacity(values.len());
    for value in values {
        if kept.iter().any(|earlier| same(earlier, &value)) {
            faults.push(
                Fault::at(value.place.clone(), "this value stands in the axis already")
                    .help("it is tried once")
                    .warning(),
            );
        } else {
            kept.push(value);
        }
    }
    kept
}

/// Whether two values are one: 1 and 1.0 are.
fn same(a: &Node, b: &Node) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.plain() == b.plain(),
    }
}

/// The number that a node is, if it is a finite one.
fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Scalar(toml::Value::Integer(number)) => Some(*number as f64),
        Value::Scalar(toml::Value::Float(number)) if number.is_finite() => Some(*number),
        _ => None,
    }
}

/// Refuses what stands beside the keys of an axis.
fn only_keys(node: &Node, keys: &[&str], faults: &mut Faults) {
    if let Value::Table(entries) = &node.value {
        for other in entries.iter().filter(|e| !keys.contains(&e.key.as_str())) {
            let message = format!("`{}` cannot stand beside `{}`", other.key, keys[0]);
            faults.push(
                Fault::at(other.place.clone(), message).suggest(&other.key, keys.iter().copied()),
            );
        }
    }
}

/// Refuses axes where all trials must share one value; says whether there is none.
pub(super) fn none(node: &Node, faults: &mut Faults) -> bool {
    let before = faults.errors();
    match &node.value {
        Value::Scalar(_) => {}
        Value::Array(items) => {
            for item in items {
                none(item, faults);
            }
        }
        Value::Table(entries) => {
            let named = |key: &str| {
                node.get(key)
                    .filter(|e| matches!(e.node.value, Value::Array(_)))
            };
            let grid = named("grid").filter(|_| entries.len() == 1);
            let range = named("range").filter(|_| {
                let known = |e: &Entry| RANGE.contains(&e.key.as_str());
                entries.iter().all(known)
            });
            let drawn = DRAWN
                .into_iter()
                .find_map(named)
                .filter(|_| entries.len() == 1);
            if let Some(axis) = grid.or(range).or(drawn) {
                let message = if drawn.is_some() {
                    format!("the axis `{}` cannot stand here", axis.key)
                } else {
                    format!("a {} cannot stand here", axis.key)
                };
                faults.push(Fault::at(axis.place.clone(), message).help(
                    "all trials of a comparison share source, splitter and rules of evaluation; axes \
                     belong in [model.…], [weighting.…] and the entries of cleaners and metrics",
                ));
            } else {
                for entry in entries {
                    none(&entry.node, faults);
                }
            }
        }
    }
    faults.errors() == before
}

/// Books a fault where `count` settings are more than a sweep takes.
pub(super) fn too_many(count: usize, place: &Place, faults: &mut Faults) -> bool {
    too_many_of(count, "thin the axes out", place, faults)
}

/// The same with how to have fewer.
pub(super) fn too_many_of(count: usize, remedy: &str, place: &Place, faults: &mut Faults) -> bool {
    let most = faults.most_trials;
    if count <= most {
        return false;
    }
    let (message, help) = if most < super::MOST_TRIALS_IF_MEANT {
        (
            format!("{count} settings: a sweep takes more than {most} only with --yes"),
            format!("{remedy}; or, if that many are meant, say --yes"),
        )
    } else {
        (
            format!("{count} settings are more than the {most} a sweep takes"),
            format!("{remedy}, or make several experiments of this one"),
        )
    };
    faults.push(Fault::at(place.clone(), message).help(help));
    true
}

/// One of each, in every combination, the last fastest; none where there are too many.
pub(super) fn product<T: Clone>(
    choices: &[Vec<T>],
    place: &Place,
    faults: &mut Faults,
) -> Vec<Vec<T>> {
    let count = choices.iter().map(Vec::len).fold(1, usize::saturating_mul);
    if too_many(count, place, faults) {
        return Vec::new();
    }
    let mut all = vec![Vec::new()];
    for choice in choices {
        all = all
            .into_iter()
            .flat_map(|before: Vec<T>| {
                choice.iter().map(move |value| {
                    let mut row = before.clone();
                    row.push(value.clone());
                    row
                })
            })
            .collect();
    }
    all
}
