//! Short forms and axes, on the tree, before any plugin sees it:
//!
//! 1. A plugin is `"name"` or `{ name = { … } }`; a header is the same thing.
//! 2. Wherever a value may stand, `{ grid = [ … ] }` may stand. A bare list is never a grid.
//! 3. A place for one plugin that names several is an axis; twice the same: `[[model.als]]`.
//! 4. Lists are sequences in order, and an entry names exactly one plugin.

use musicrec_api::{Kind, registrations};

use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Place, Value};

/// The key under which a weighting nests another.
const NESTED: &str = "of";

/// A plugin that a place names: its name, where that was written, and its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) parameters: Node,
}

impl Named {
    /// `{ name = { … } }` again.
    pub(crate) fn into_node(self) -> Node {
        Node::single(&self.name, self.place, self.parameters)
    }
}

/// The plugins that a place of the given kind names, in order. Unknown names are faults.
pub(crate) fn named(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Named> {
    let known = names(kind);
    let before = faults.len();
    let mut plugins = Vec::new();
    for (name, place, parameters) in mentioned(node, kind, faults) {
        if known.contains(&name) {
            plugins.push(Named {
                name: name.to_owned(),
                place: place.clone(),
                parameters,
            });
        } else {
            faults.push(
                Fault::at(
                    place.clone(),
                    format!("there is no {} plugin `{name}`", singular(kind)),
                )
                .suggest(name, known.iter().copied())
                .help(format!("there are: {}", known.join(", "))),
            );
        }
    }
    if plugins.is_empty() && faults.len() == before {
        faults.push(
            Fault::at(
                node.place.clone(),
                format!("no {} plugin is named here", singular(kind)),
            )
            .help(format!("there are: {}", known.join(", "))),
        );
    }
    plugins
}

/// Names with their places and parameters, whether or not there are such plugins.
fn mentioned<'a>(
    node: &'a Node,
    kind: Kind,
    faults: &mut Faults,
) -> Vec<(&'a str, &'a Place, Node)> {
    let mut found = Vec::new();
    match &node.value {
        Value::Scalar(toml::Value::String(name)) => {
            found.push((name.as_str(), &node.place, Node::empty(node.place.clone())));
        }
        Value::Table(entries) => {
            for entry in entries {
                let (name, place) = (entry.key.as_str(), &entry.place);
                match &entry.node.value {
                    Value::Table(_) => found.push((name, place, entry.node.clone())),
                    Value::Array(items)
                        if items.iter().all(|i| matches!(i.value, Value::Table(_))) =>
                    {
                        found.extend(items.iter().map(|item| (name, place, item.clone())));
                    }
                    _ => faults.push(
                        Fault::at(
                            entry.node.place.clone(),
                            format!(
                                "`{name}` stands where a {} plugin is named, so it takes a table \
                                 of parameters; this is a value of type {}",
                                singular(kind),
                                entry.node.describe()
                            ),
                        )
                        .help(format!(
                            "for example {name} = {{}} for the defaults; there are: {}",
                            names(kind).join(", ")
                        )),
                    ),
                }
            }
        }
        _ => faults.push(
            Fault::at(
                node.place.clone(),
                format!(
                    "expected a {} plugin, found a value of type {}",
                    singular(kind),
                    node.describe()
                ),
            )
            .help(match kind {
                Kind::Cleaner | Kind::Metric => {
                    "write \"name\" or { name = { … } }".to_owned()
                }
                _ => format!(
                    "write \"name\" or {{ name = {{ … }} }}; for several, one header each, such as [{}.{}]",
                    kind.key(),
                    names(kind).first().copied().unwrap_or("name")
                ),
            }),
        ),
    }
    found
}

/// The one plugin of a place that takes no axis; the first where there are several, so that its
/// parameters are looked at too.
pub(crate) fn one(node: &Node, kind: Kind, why: &str, faults: &mut Faults) -> Option<Named> {
    let plugins = named(node, kind, faults);
    if let Some(second) = plugins.get(1) {
        faults.push(Fault::at(
            second.place.clone(),
            format!("a second {} plugin: {why}", singular(kind)),
        ));
    }
    let plugin = plugins.into_iter().next()?;
    no_grid(&plugin.parameters, faults).then_some(plugin)
}

/// All concrete plugins of a place that may be an axis: its plugins, or a grid of them, times the
/// grids in each.
pub(crate) fn place(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Node> {
    if let Some(values) = grid(node, faults) {
        return values
            .iter()
            .flat_map(|value| place(value, kind, faults))
            .collect();
    }
    let mut all = Vec::new();
    for plugin in named(node, kind, faults) {
        for parameters in parameters(&plugin.parameters, kind, faults) {
            all.push(
                Named {
                    parameters,
                    ..plugin.clone()
                }
                .into_node(),
            );
        }
    }
    all
}

/// All concrete parameter tables of a plugin: the product of the grids in it, the last key fastest.
pub(crate) fn parameters(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Node> {
    let of = |value: Value| Node {
        place: node.place.clone(),
        value,
    };
    match &node.value {
        Value::Scalar(_) => vec![node.clone()],
        Value::Array(items) => {
            let choices: Vec<_> = items.iter().map(|i| parameters(i, kind, faults)).collect();
            let rows = product(&choices, &node.place, faults).into_iter();
            rows.map(|items| of(Value::Array(items))).collect()
        }
        Value::Table(entries) => {
            if let Some(values) = grid(node, faults) {
                return values
                    .iter()
                    .flat_map(|value| parameters(value, kind, faults))
                    .collect();
            }
            // An entry without any value has been a fault; the others are still looked at.
            let (entries, choices): (Vec<&Entry>, Vec<_>) = entries
                .iter()
                .map(|entry| {
                    let values = if entry.key == NESTED && kind == Kind::Weighting {
                        place(&entry.node, kind, faults)
                    } else {
                        parameters(&entry.node, kind, faults)
                    };
                    (entry, values)
                })
                .filter(|(_, values)| !values.is_empty())
                .unzip();
            let table = |values: Vec<Node>| {
                let entries = entries.iter().zip(values);
                entries.map(|(&entry, node)| Entry {
                    node,
                    ..entry.clone()
                })
            };
            let rows = product(&choices, &node.place, faults).into_iter();
            rows.map(|values| of(Value::Table(table(values).collect())))
                .collect()
        }
    }
}

/// The values of `{ grid = [ … ] }`, `None` for any other table. A faulty grid has no values.
fn grid<'a>(node: &'a Node, faults: &mut Faults) -> Option<&'a [Node]> {
    let Value::Table(entries) = &node.value else {
        return None;
    };
    let grid = node.get("grid")?;
    if let Some(other) = entries.iter().find(|e| e.key != "grid") {
        faults.push(Fault::at(
            other.place.clone(),
            format!("`{}` cannot stand beside `grid`", other.key),
        ));
    }
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
        return Some(&[]);
    };
    if items.is_empty() {
        faults.push(Fault::at(place.clone(), "a grid needs at least one value"));
    }
    if too_many(items.len(), &place, faults) {
        return Some(&[]);
    }
    for (at, item) in items.iter().enumerate() {
        if items[..at]
            .iter()
            .any(|earlier| earlier.plain() == item.plain())
        {
            let message = "this value stands in the grid already";
            faults.push(Fault::at(item.place.clone(), message));
        }
    }
    Some(items)
}

/// Refuses grids where all trials must share one value; says whether there is none.
pub(crate) fn no_grid(node: &Node, faults: &mut Faults) -> bool {
    let before = faults.len();
    match &node.value {
        Value::Scalar(_) => {}
        Value::Array(items) => {
            for item in items {
                no_grid(item, faults);
            }
        }
        Value::Table(entries) => {
            let grid = node.get("grid").filter(|_| entries.len() == 1);
            match grid {
                Some(grid) if matches!(grid.node.value, Value::Array(_)) => {
                    faults.push(
                        Fault::at(grid.place.clone(), "a grid cannot stand here").help(
                            "all trials of a comparison share source, cleaners, splitter and \
                         evaluation; grids belong in [model.…] and [weighting.…]",
                        ),
                    );
                }
                _ => {
                    for entry in entries {
                        no_grid(&entry.node, faults);
                    }
                }
            }
        }
    }
    faults.len() == before
}

/// A sweep of more trials than this is a slip of the keys.
pub(crate) const MOST_TRIALS: usize = 10_000;

/// Books a fault where `count` settings are more than a sweep takes.
pub(crate) fn too_many(count: usize, place: &Place, faults: &mut Faults) -> bool {
    let refused = count > MOST_TRIALS;
    if refused {
        let message = format!("{count} settings are more than the {MOST_TRIALS} a sweep takes");
        faults.push(
            Fault::at(place.clone(), message)
                .help("thin the grids out, or make several experiments of this one"),
        );
    }
    refused
}

/// One of each, in every combination, the last fastest; none where there are too many.
fn product(choices: &[Vec<Node>], place: &Place, faults: &mut Faults) -> Vec<Vec<Node>> {
    let count = choices.iter().map(Vec::len).fold(1, usize::saturating_mul);
    if too_many(count, place, faults) {
        return Vec::new();
    }
    let mut all = vec![Vec::new()];
    for choice in choices {
        all = all
            .into_iter()
            .flat_map(|before: Vec<Node>| {
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

/// `"ndcg@3"` is short for `{ ndcg = { k = 3 } }`.
pub(crate) fn metric(node: &Node, faults: &mut Faults) -> Option<Named> {
    let one_each = "an entry of a list names exactly one";
    let Some((name, depth)) = node.as_str().and_then(|text| text.split_once('@')) else {
        return one(node, Kind::Metric, one_each, faults);
    };
    let of = |value| Node {
        place: node.place.clone(),
        value: Value::Scalar(value),
    };
    let name = of(toml::Value::String(name.to_owned()));
    let mut short = one(&name, Kind::Metric, one_each, faults)?;
    let Ok(depth) = depth.parse() else {
        faults.push(
            Fault::at(node.place.clone(), format!("`{depth}` is not a depth"))
                .help("for example \"ndcg@3\""),
        );
        return None;
    };
    let depth = of(toml::Value::Integer(depth));
    short.parameters = Node::single("k", node.place.clone(), depth);
    Some(short)
}

fn names(kind: Kind) -> Vec<&'static str> {
    registrations()
        .into_iter()
        .filter(|r| r.kind == kind)
        .map(|r| r.name)
        .collect()
}

fn singular(kind: Kind) -> &'static str {
    match kind {
        Kind::Cleaner => "cleaner",
        Kind::Metric => "metric",
        kind => kind.key(),
    }
}
