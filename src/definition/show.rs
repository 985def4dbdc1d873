//! The resolved whole of a definition, as TOML, and where each value came from.

use std::fmt::Write as _;

use musicrec_api::{Kind, Registration};

use super::axes::is_axis;
use super::fault::Sources;
use super::search::entry_of;
use super::tree::{Entry, Node, Place, Value};
use super::{Checked, KEYS, plugins};
use crate::experiment::{
    EarlyStopping, Experiment, Halving, Recommendations, ReportSettings, resolved,
};
use crate::reference::{self, plain};

/// The name of the source of what nobody wrote.
const DEFAULT: &str = "default";

impl Checked {
    /// The definition with everything that is included, set and left to defaults, as TOML that gives
    /// the same experiment; behind each value stands where it was written. `None` with an error.
    pub(crate) fn show(&self) -> Option<String> {
        let experiment = self.experiment()?;
        let mut sources = self.sources.clone();
        let default = sources.add(DEFAULT, "");
        let mut tree = self.tree.clone()?;
        complete(&mut tree, experiment, &Place::new(default, &(0..0)));
        let mut printer = Printer {
            sources: &sources,
            out: String::new(),
        };
        let _ = writeln!(
            printer.out,
            "# {} in full. Behind each value stands where it was written. Relative paths start at\n\
             # the folder of that file.",
            experiment.path.display()
        );
        if let Some(added) = experiment.variants.iter().find(|v| v.added) {
            let _ = writeln!(
                printer.out,
                "# The lab adds the model `{}` to the comparison: [evaluation] add_popularity.",
                added.model
            );
        }
        printer.table(&tree, "");
        Some(printer.out)
    }
}

/// Puts the default of everything that is not written into a tree, and its keys into their order.
fn complete(tree: &mut Node, experiment: &Experiment, default: &Place) {
    let text = |text: &str| Node::text(default, text);
    let number = |number: u64| Node {
        place: default.clone(),
        value: Value::Scalar(toml::Value::Integer(number.cast_signed())),
    };
    tree.add("name", default, || text(&experiment.name));
    tree.add("seed", default, || number(experiment.seed));
    tree.add("cleaners", default, || Node {
        place: default.clone(),
        value: Value::Array(Vec::new()),
    });
    tree.add("splitter", default, || text("global_time"));
    tree.add("weighting", default, || text("event_strength"));
    tree.add("evaluation", default, || Node::empty(default.clone()));
    tree.add("recommendations", default, || Node::empty(default.clone()));
    tree.add("report", default, || Node::empty(default.clone()));
    let Value::Table(entries) = &mut tree.value else {
        return;
    };
    entries.sort_by_key(|e| KEYS.iter().position(|key| *key == e.key));
    for entry in entries {
        let kind = Kind::ALL.into_iter().find(|kind| kind.key() == entry.key);
        match (kind, &mut entry.node.value) {
            (Some(Kind::Cleaner), Value::Array(items)) => {
                for item in items {
                    place(item, Kind::Cleaner, default);
                }
            }
            (Some(kind), _) => place(&mut entry.node, kind, default),
            (None, _) if entry.key == "evaluation" => {
                let evaluation = &experiment.evaluation;
                let mut defaults = resolved(evaluation);
                defaults["select"] = evaluation.select().into();
                defaults["baseline"] = evaluation.baseline(&experiment.variants).into();
                merge(&mut entry.node, &defaults, default);
                if let Value::Table(entries) = &mut entry.node.value
                    && let Some(targets) = entries.iter_mut().find(|e| e.key == "targets")
                {
                    place(&mut targets.node, Kind::Weighting, default);
                }
            }
            (None, _) if entry.key == "search" => {
                if let Some(random) = entry_of(&mut entry.node, "random") {
                    random.node.add("seed", default, || number(experiment.seed));
                }
                if let Some(halving) = entry_of(&mut entry.node, "halving") {
                    merge(&mut halving.node, &resolved(&Halving::default()), default);
                }
                if let Some(early) = entry_of(&mut entry.node, "early_stopping") {
                    let defaults = resolved(&EarlyStopping::default());
                    merge(&mut early.node, &defaults, default);
                }
            }
            (None, _) if entry.key == "recommendations" => {
                let defaults = resolved(&Recommendations::default());
                merge(&mut entry.node, &defaults, default);
            }
            (None, _) if entry.key == "report" => {
                let defaults = resolved(&ReportSettings::default());
                merge(&mut entry.node, &defaults, default);
            }
            (None, _) => {}
        }
    }
}

/// Writes the plugins of a place in full, with all their parameters.
fn place(node: &mut Node, kind: Kind, default: &Place) {
    if let Some(name) = node.as_str().filter(|name| *name != plugins::OFF) {
        let at = node.place.clone();
        *node = Node::single(name, at.clone(), Node::empty(at));
    }
    let Value::Table(entries) = &mut node.value else {
        return;
    };
    for entry in entries {
        match (entry.key.as_str(), &mut entry.node.value) {
            ("grid", Value::Array(items)) => {
                for item in items {
                    place(item, kind, default);
                }
            }
            (name, Value::Array(items)) => {
                for item in items {
                    parameters(item, kind, name, default);
                }
            }
            (name, _) => parameters(&mut entry.node, kind, name, default),
        }
    }
}

/// Adds the parameters that are not written.
fn parameters(node: &mut Node, kind: Kind, name: &str, default: &Place) {
    let registration = reference::of(kind).find(|r| r.name == name);
    if let Some(serde_json::Value::Object(mut defaults)) = registration.map(defaults) {
        if let Some(zip) = node.get("zip")
            && let Value::Table(zipped) = &zip.node.value
        {
            defaults.retain(|key, _| !zipped.iter().any(|e| e.key == *key));
        }
        merge(node, &serde_json::Value::Object(defaults), default);
    }
    if registration.is_some_and(plain::nests)
        && let Value::Table(entries) = &mut node.value
        && let Some(nested) = entries.iter_mut().find(|e| e.key == plugins::NESTED)
    {
        match &mut nested.node.value {
            Value::Array(items) => {
                for item in items {
                    place(item, kind, default);
                }
            }
            _ => place(&mut nested.node, kind, default),
        }
    }
}

/// The defaults of a plugin; also of one with parameters that have none.
fn defaults(plugin: &Registration) -> serde_json::Value {
    (plugin.defaults)().unwrap_or_else(|| {
        let schema = plain::parameters(plugin);
        let properties = schema["properties"].as_object().into_iter().flatten();
        properties
            .filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone())))
            .collect()
    })
}

/// Adds what a table lacks of its defaults, also inside of it; what has no value is left out.
fn merge(node: &mut Node, defaults: &serde_json::Value, default: &Place) {
    let Some(defaults) = defaults.as_object().filter(|_| !is_axis(node)) else {
        return;
    };
    let Value::Table(entries) = &mut node.value else {
        return;
    };
    for (key, value) in defaults {
        match entries.iter_mut().find(|e| e.key == *key) {
            // A nested plugin is another one than that of the default.
            Some(entry) if key != plugins::NESTED && key != "targets" => {
                merge(&mut entry.node, value, default);
            }
            Some(_) => {}
            None => {
                if let Some(node) = from_json(value, default) {
                    entries.push(Entry {
                        key: key.clone(),
                        place: default.clone(),
                        node,
                    });
                }
            }
        }
    }
}

/// A default as it would be written; `None` for no value.
fn from_json(value: &serde_json::Value, place: &Place) -> Option<Node> {
    let value = match value {
        serde_json::Value::Null => return None,
        serde_json::Value::Array(items) => Value::Array(
            items
                .iter()
                .filter_map(|item| from_json(item, place))
                .collect(),
        ),
        serde_json::Value::Object(map) => Value::Table(
            map.iter()
                .filter_map(|(key, value)| {
                    Some(Entry {
                        key: key.clone(),
                        place: place.clone(),
                        node: from_json(value, place)?,
                    })
                })
                .collect(),
        ),
        scalar => Value::Scalar(toml::Value::try_from(scalar).ok()?),
    };
    Some(Node {
        place: place.clone(),
        value,
    })
}

/// Writes TOML with the place of each value behind it.
struct Printer<'a> {
    sources: &'a Sources,
    out: String,
}

impl Printer<'_> {
    /// The entries of a table: values first, then tables under headers of their own.
    fn table(&mut self, node: &Node, path: &str) {
        let Value::Table(entries) = &node.value else {
            return;
        };
        for entry in entries
            .iter()
            .filter(|e| !stands_alone(&e.node, path, &e.key))
        {
            let value = inline(&entry.node);
            self.line(
                &format!("{} = {value}", quoted(&entry.key)),
                &entry.node.place,
            );
        }
        for entry in entries
            .iter()
            .filter(|e| stands_alone(&e.node, path, &e.key))
        {
            let path = if path.is_empty() {
                quoted(&entry.key)
            } else {
                format!("{path}.{}", quoted(&entry.key))
            };
            if let Value::Array(items) = &entry.node.value {
                for item in items {
                    self.out.push('\n');
                    self.line(&format!("[[{path}]]"), &item.place);
                    self.table(item, &path);
                }
                continue;
            }
            // A header that says no more than those below it is left out.
            let empty = matches!(&entry.node.value, Value::Table(inner)
                if !inner.is_empty()
                    && inner.iter().all(|e| stands_alone(&e.node, &path, &e.key)));
            if !empty {
                if !path.starts_with("cleaners.") {
                    self.out.push('\n');
                }
                self.line(&format!("[{path}]"), &entry.place);
            }
            self.table(&entry.node, &path);
        }
    }

    fn line(&mut self, text: &str, place: &Place) {
        let origin = match self.sources.name(place.source) {
            DEFAULT => DEFAULT.to_owned(),
            _ => self.sources.describe(place),
        };
        // One line each, whatever a file is called.
        let origin = origin.replace(char::is_control, " ");
        let _ = writeln!(self.out, "{text:<40}  # {origin}");
    }
}

/// Whether a value gets a header: tables that are no axes, and lists of tables but for metrics.
fn stands_alone(node: &Node, path: &str, key: &str) -> bool {
    match &node.value {
        Value::Table(_) => key != "zip" && !is_axis(node),
        Value::Array(items) => {
            let tables = items.iter().all(|i| matches!(i.value, Value::Table(_)));
            let headed =
                (path.is_empty() && key == "cleaners") || path == "model" || path == "weighting";
            headed && tables && !items.is_empty()
        }
        Value::Scalar(_) => false,
    }
}

/// A value in one line.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Scalar(value) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Table(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|e| format!("{} = {}", quoted(&e.key), inline(&e.node)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A key, in quotes where it needs them.
fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
}
