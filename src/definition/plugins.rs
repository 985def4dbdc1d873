//! Places of a definition that name plugins, in short or in full:
//!
//! 1. A plugin is `"name"` or `{ name = { … } }`; a header is the same thing.
//! 2. Wherever a value may stand, an axis may stand. A bare list is never one.
//! 3. A place for one plugin that names several is an axis; twice the same: `[[model.als]]`.
//! 4. Lists are sequences in order, and an entry names exactly one plugin, or is an axis of them.

use musicrec_api::{Kind, nearest, registrations};

use super::axes::{self, Listing, Space};
use super::fault::{Fault, Faults};
use super::labels;
use super::tree::{Node, Place, Value};
use crate::reference::{self, plain};

/// The key under which a weighting nests another, and a model several.
pub(super) const NESTED: &str = "of";

/// An alternative of an entry of a list: nothing.
pub(super) const OFF: &str = "off";

/// A plugin that a place names: its name, where that was written, and its parameters.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) parameters: Node,
}

impl Named {
    /// `{ name = { … } }` again.
    pub(super) fn into_node(self) -> Node {
        Node::single(&self.name, self.place, self.parameters)
    }
}

/// The plugins that a place of the given kind names, in order. Unknown names are faults.
pub(super) fn named(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Named> {
    let known = names(kind);
    let before = faults.errors();
    let mut plugins = Vec::new();
    for (name, place, parameters) in mentioned(node, kind, faults) {
        if known.contains(&name) {
            plugins.push(Named {
                name: name.to_owned(),
                place: place.clone(),
                parameters,
            });
        } else if let Some(help) = labels::written(name).filter(|_| kind == Kind::Metric) {
            let message = format!("there is no {} plugin `{name}`", kind.singular());
            faults.push(Fault::at(place.clone(), message).help(help));
        } else {
            faults.push(
                Fault::at(
                    place.clone(),
                    format!("there is no {} plugin `{name}`", kind.singular()),
                )
                .suggest(name, known.iter().copied())
                .help(if name == OFF {
                    "\"off\" is an alternative: { grid = [\"off\", …] }; alone, leave the entry out"
                        .to_owned()
                } else {
                    let own = if nearest(name, known.iter().copied()).is_some() {
                        ""
                    } else {
                        "; a plugin of your own is known to the program of its crate"
                    };
                    format!("there are: {}{own}", known.join(", "))
                }),
            );
        }
    }
    if plugins.is_empty() && faults.errors() == before {
        faults.push(
            Fault::at(
                node.place.clone(),
                format!("no {} plugin is named here", kind.singular()),
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
                    Value::Array(items) if items.is_empty() => faults.push(
                        Fault::at(
                            entry.node.place.clone(),
                            format!("an empty list names no {} plugin", kind.singular()),
                        )
                        .help(format!("write {name} = {{}} for its defaults, or leave it out")),
                    ),
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
                                kind.singular(),
                                entry.node.describe()
                            ),
                        )
                        .help(match entry.node.as_str() {
                            // `name = "als"`, `type = "als"`
                            Some(plugin) if names(kind).contains(&plugin) => format!(
                                "a plugin's name is a key: write {plugin} = {{}} instead"
                            ),
                            _ if names(kind).contains(&name) => {
                                format!("for example {name} = {{}} for the defaults")
                            }
                            _ => format!("there are: {}", names(kind).join(", ")),
                        }),
                    ),
                }
            }
        }
        _ => faults.push(
            Fault::at(
                node.place.clone(),
                format!(
                    "expected a {} plugin, found a value of type {}",
                    kind.singular(),
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

/// The one plugin of a place; the first where there are several, so that its parameters are looked
/// at too.
fn alone(node: &Node, kind: Kind, why: &str, faults: &mut Faults) -> Option<Named> {
    let plugins = named(node, kind, faults);
    if let Some(second) = plugins.get(1) {
        faults.push(Fault::at(
            second.place.clone(),
            format!("a second {} plugin: {why}", kind.singular()),
        ));
    }
    plugins.into_iter().next()
}

/// The one plugin of a place that takes no axis.
pub(super) fn one(node: &Node, kind: Kind, why: &str, faults: &mut Faults) -> Option<Named> {
    let plugin = alone(node, kind, why, faults)?;
    axes::none(&plugin.parameters, faults).then_some(plugin)
}

/// What a place that may be an axis may be: its plugins, or a grid of them, times the axes in each.
pub(super) fn place(node: &Node, kind: Kind, faults: &mut Faults) -> Space {
    if let Some(values) = grid(node, faults) {
        let values = values.iter();
        return Space::choice(values.map(|value| place(value, kind, faults)).collect());
    }
    let plugins = named(node, kind, faults);
    let spaces = plugins.iter().map(|plugin| settings(plugin, kind, faults));
    Space::choice(spaces.collect())
}

/// What stands under [`NESTED`]: a place, or, where the parameter is a `list`, a list of entries of one plugin each.
pub(super) fn nested(node: &Node, kind: Kind, list: bool, faults: &mut Faults) -> Space {
    if let Some(values) = grid(node, faults) {
        let values = values.iter();
        return Space::choice(
            values
                .map(|value| nested(value, kind, list, faults))
                .collect(),
        );
    }
    let Value::Array(items) = &node.value else {
        if !list {
            return place(node, kind, faults);
        }
        let written = match node.as_str() {
            Some(name) => format!("\"{name}\", …"),
            None => "\"name\", { name = { … } }".to_owned(),
        };
        faults.push(
            Fault::at(
                node.place.clone(),
                format!(
                    "expected a list of {} plugins, found a value of type {}",
                    kind.singular(),
                    node.describe()
                ),
            )
            .help(format!("write a list, as in {NESTED} = [{written}]")),
        );
        // What is named is looked at all the same.
        let names = node.as_str().is_some() || matches!(node.value, Value::Table(_));
        let plugins = names
            .then(|| named(node, kind, faults))
            .into_iter()
            .flatten();
        let entries = plugins.map(|plugin| settings(&plugin, kind, faults));
        return Space::List(node.place.clone(), entries.collect());
    };
    let entries = items.iter().map(|item| nested_entry(item, kind, faults));
    Space::List(node.place.clone(), entries.collect())
}

fn nested_entry(node: &Node, kind: Kind, faults: &mut Faults) -> Space {
    if let Some(values) = grid(node, faults) {
        let values = values.iter();
        return Space::choice(
            values
                .map(|value| nested_entry(value, kind, faults))
                .collect(),
        );
    }
    if let Some(plugin) = alone(node, kind, "an entry of a list names one", faults) {
        return settings(&plugin, kind, faults);
    }
    // What is wrong has been said; with some plugin in its place the rest can be looked at.
    let any = reference::of(kind).find(|plugin| (plugin.defaults)().is_some());
    let (name, place) = (any.map_or("", |plugin| plugin.name), &node.place);
    let stand_in = Node::single(name, place.clone(), Node::empty(place.clone()));
    Space::Fixed(stand_in)
}

/// A plugin with its settings.
pub(super) fn settings(plugin: &Named, kind: Kind, faults: &mut Faults) -> Space {
    let parameters = axes::of_plugin(plugin, kind, faults);
    Space::Plugin(
        plugin.name.clone(),
        plugin.place.clone(),
        Box::new(parameters),
    )
}

/// The values of a grid of plugins.
fn grid(node: &Node, faults: &mut Faults) -> Option<Vec<Node>> {
    node.get("grid")?;
    axes::axis(node, &serde_json::Value::Null, faults)
}

/// Whether a text is no plugin but probably "off".
fn nearly_off(node: &Node, kind: Kind) -> bool {
    let near = |text| nearest(text, [OFF]).is_some();
    node.as_str()
        .is_some_and(|text| near(text) && !names(kind).contains(&text))
}

/// The alternatives of an entry of a list; `None` among them is "off".
pub(super) fn entry(node: &Node, kind: Kind, faults: &mut Faults) -> Vec<Option<Node>> {
    if let Some(values) = grid(node, faults) {
        let off = |node: &Node| node.as_str() == Some(OFF);
        if !values.is_empty() && values.iter().all(off) {
            faults.push(
                Fault::at(node.place.clone(), "an axis of nothing but \"off\"")
                    .help(format!("name a {} plugin too", kind.singular())),
            );
        }
        return values
            .iter()
            .flat_map(|value| {
                if off(value) {
                    vec![None]
                } else if nearly_off(value, kind) {
                    faults.push(
                        Fault::at(
                            value.place.clone(),
                            format!("there is no such {} plugin", kind.singular()),
                        )
                        .label("did you mean `off`?"),
                    );
                    Vec::new()
                } else {
                    entry(value, kind, faults)
                }
            })
            .collect();
    }
    let (plugin, why) = match kind {
        Kind::Metric => (metric(node, faults), Listing::Metrics),
        kind => (alone(node, kind, ONE_EACH, faults), Listing::Cleaners),
    };
    let settings = plugin.map(|plugin| settings(&plugin, kind, faults).all(why, faults));
    settings.into_iter().flatten().map(Some).collect()
}

const ONE_EACH: &str = "an entry of a list names exactly one; start another entry for it";

/// `"ndcg@3"` is short for `{ ndcg = { k = 3 } }`.
fn metric(node: &Node, faults: &mut Faults) -> Option<Named> {
    let Some((name, depth)) = node.as_str().and_then(|text| text.split_once('@')) else {
        return alone(node, Kind::Metric, ONE_EACH, faults);
    };
    let of = |value| Node {
        place: node.place.clone(),
        value: Value::Scalar(value),
    };
    let name = of(toml::Value::String(name.to_owned()));
    let mut short = alone(&name, Kind::Metric, ONE_EACH, faults)?;
    let Ok(depth) = depth.parse() else {
        faults.push(
            Fault::at(node.place.clone(), format!("`{depth}` is not a depth"))
                .help("for example \"ndcg@3\""),
        );
        return None;
    };
    let registration = reference::of(Kind::Metric).find(|r| r.name == short.name);
    if registration.is_some_and(|r| plain::parameters(r)["properties"]["k"].is_null()) {
        faults.push(
            Fault::at(node.place.clone(), format!("`{}` has no depth", short.name)).help(format!(
                "write \"{0}\", or {{ {0} = {{ … }} }} with parameters",
                short.name
            )),
        );
        return None;
    }
    let depth = of(toml::Value::Integer(depth));
    short.parameters = Node::single("k", node.place.clone(), depth);
    Some(short)
}

/// What the plugins of a kind are called.
pub(super) fn names(kind: Kind) -> Vec<&'static str> {
    registrations()
        .into_iter()
        .filter(|r| r.kind == kind)
        .map(|r| r.name)
        .collect()
}
