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
pub(crate) fn named(node: &Node, kind: Kind) -> Result<Vec<Named>, Faults> {
    let mut faults = Faults::default();
    let mut found = Vec::new();
    match &node.value {
        Value::Scalar(toml::Value::String(name)) => {
            let parameters = Node::empty(node.place.clone());
            found.push((name, &node.place, parameters));
        }
        Value::Table(entries) => {
            for entry in entries {
                match &entry.node.value {
                    Value::Table(_) => {
                        found.push((&entry.key, &entry.place, entry.node.clone()));
                    }
                    Value::Array(items)
                        if items.iter().all(|i| matches!(i.value, Value::Table(_))) =>
                    {
                        found.extend(
                            items
                                .iter()
                                .map(|item| (&entry.key, &entry.place, item.clone())),
                        );
                    }
                    _ => faults.push(
                        Fault::at(
                            entry.node.place.clone(),
                            format!(
                                "`{}` stands where a {} plugin is named, so it takes a table of parameters, not a {}",
                                entry.key,
                                singular(kind),
                                entry.node.describe()
                            ),
                        )
                        .suggest_plugin(&entry.key, kind),
                    ),
                }
            }
        }
        _ => faults.push(
            Fault::at(
                node.place.clone(),
                format!(
                    "expected a {0} plugin, found a {1}",
                    singular(kind),
                    node.describe()
                ),
            )
            .help(format!(
                "write \"name\" or {{ name = {{ … }} }}; for several, one header each, such as [{}.{}]",
                singular(kind),
                names(kind).first().copied().unwrap_or("name")
            )),
        ),
    }
    let known = names(kind);
    let mut plugins = Vec::new();
    for (name, place, parameters) in found {
        if known.contains(&name.as_str()) {
            plugins.push(Named {
                name: name.clone(),
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
    if plugins.is_empty() && faults.is_empty() {
        faults.push(
            Fault::at(
                node.place.clone(),
                format!("no {} plugin is named here", singular(kind)),
            )
            .help(format!("there are: {}", known.join(", "))),
        );
    }
    if faults.is_empty() {
        Ok(plugins)
    } else {
        Err(faults)
    }
}

impl Fault {
    fn suggest_plugin(self, wrong: &str, kind: Kind) -> Self {
        self.suggest(wrong, names(kind))
    }
}

/// The one plugin of a place that takes no axis.
pub(crate) fn one(node: &Node, kind: Kind, why: &str) -> Result<Named, Faults> {
    let mut plugins = named(node, kind)?;
    if plugins.len() > 1 {
        let second = plugins.swap_remove(1);
        return Err(Fault::at(
            second.place,
            format!("a second {} plugin: {why}", singular(kind)),
        )
        .into());
    }
    let plugin = plugins.remove(0);
    no_grid(&plugin.parameters)?;
    Ok(plugin)
}

/// All concrete plugins of a place that may be an axis: its plugins times the grids in each.
pub(crate) fn place(node: &Node, kind: Kind) -> Result<Vec<Node>, Faults> {
    let mut faults = Faults::default();
    let mut all = Vec::new();
    for plugin in named(node, kind)? {
        if let Some(concrete) = faults.absorb(parameters(&plugin.parameters, kind)) {
            all.extend(concrete.into_iter().map(|parameters| {
                Named {
                    parameters,
                    ..plugin.clone()
                }
                .into_node()
            }));
        }
    }
    if faults.is_empty() {
        Ok(all)
    } else {
        Err(faults)
    }
}

/// All concrete parameter tables of a plugin: the product of the grids in it, the last key fastest.
pub(crate) fn parameters(node: &Node, kind: Kind) -> Result<Vec<Node>, Faults> {
    match &node.value {
        Value::Scalar(_) => Ok(vec![node.clone()]),
        Value::Array(items) => {
            let choices = all_ok(items.iter().map(|item| parameters(item, kind)))?;
            Ok(product(&choices)
                .into_iter()
                .map(|items| Node {
                    place: node.place.clone(),
                    value: Value::Array(items),
                })
                .collect())
        }
        Value::Table(entries) => match grid(node)? {
            Some(values) => {
                Ok(all_ok(values.iter().map(|value| parameters(value, kind)))?.concat())
            }
            None => {
                let choices = all_ok(entries.iter().map(|entry| {
                    if entry.key == NESTED && kind == Kind::Weighting {
                        place(&entry.node, kind)
                    } else {
                        parameters(&entry.node, kind)
                    }
                }))?;
                Ok(product(&choices)
                    .into_iter()
                    .map(|values| Node {
                        place: node.place.clone(),
                        value: Value::Table(
                            entries
                                .iter()
                                .zip(values)
                                .map(|(entry, node)| Entry {
                                    node,
                                    ..entry.clone()
                                })
                                .collect(),
                        ),
                    })
                    .collect())
            }
        },
    }
}

fn all_ok<T>(results: impl Iterator<Item = Result<T, Faults>>) -> Result<Vec<T>, Faults> {
    let mut faults = Faults::default();
    let values = results.filter_map(|r| faults.absorb(r)).collect();
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

/// The values of `{ grid = [ … ] }`, `None` for any other table.
fn grid(node: &Node) -> Result<Option<&[Node]>, Faults> {
    let Value::Table(entries) = &node.value else {
        return Ok(None);
    };
    let Some(grid) = node.get("grid") else {
        return Ok(None);
    };
    if let Some(other) = entries.iter().find(|e| e.key != "grid") {
        return Err(Fault::at(
            other.place.clone(),
            format!("`{}` cannot stand beside `grid`", other.key),
        )
        .into());
    }
    match &grid.node.value {
        Value::Array(items) if !items.is_empty() => Ok(Some(items)),
        Value::Array(_) => {
            Err(Fault::at(grid.node.place.clone(), "a grid needs at least one value").into())
        }
        _ => Err(Fault::at(
            grid.node.place.clone(),
            format!("a grid is a list of values, not a {}", grid.node.describe()),
        )
        .help("for example factors.grid = [16, 32, 64]")
        .into()),
    }
}

/// Refuses grids where all trials must share one value.
pub(crate) fn no_grid(node: &Node) -> Result<(), Faults> {
    match &node.value {
        Value::Scalar(_) => Ok(()),
        Value::Array(items) => all_ok(items.iter().map(no_grid)).map(drop),
        Value::Table(entries) => {
            if let Some(grid) = node.get("grid").filter(|_| entries.len() == 1)
                && matches!(grid.node.value, Value::Array(_))
            {
                return Err(Fault::at(grid.place.clone(), "a grid cannot stand here")
                    .help(
                        "all trials of a comparison share source, cleaners, splitter and \
                         evaluation; grids belong in [model.…] and [weighting.…]",
                    )
                    .into());
            }
            all_ok(entries.iter().map(|e| no_grid(&e.node))).map(drop)
        }
    }
}

fn product(choices: &[Vec<Node>]) -> Vec<Vec<Node>> {
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
pub(crate) fn metric(node: &Node) -> Result<Named, Faults> {
    let Some((name, depth)) = node.as_str().and_then(|text| text.split_once('@')) else {
        return one(node, Kind::Metric, "an entry of a list names exactly one");
    };
    let Ok(depth) = depth.parse::<i64>() else {
        return Err(
            Fault::at(node.place.clone(), format!("`{depth}` is not a depth"))
                .help("for example \"ndcg@3\"")
                .into(),
        );
    };
    let value = |value| Node {
        place: node.place.clone(),
        value,
    };
    let mut short = named(
        &value(Value::Scalar(toml::Value::String(name.to_owned()))),
        Kind::Metric,
    )?
    .remove(0);
    short.parameters = Node::single(
        "k",
        node.place.clone(),
        value(Value::Scalar(toml::Value::Integer(depth))),
    );
    Ok(short)
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
