//! `--set key.path=value`: changes to a definition from the command line.

use std::path::Path;

use super::fault::{COMMAND_LINE, Fault, Faults, Sources};
use super::include;
use super::tree::{Entry, Node, Place, Value};
use crate::experiment::PATHS;

/// Keys under which plugins are named, also by a mere text.
const PLUGIN_PLACES: [&str; 6] = ["source", "splitter", "weighting", "model", "of", "targets"];

/// Applies one `key.path=value` to the tree. The value is TOML, or plain text where it is not TOML.
/// Tables that are missing on the way are made; a number names the entry of a list, from 0.
///
/// A relative path given here is relative to the working directory, as everywhere on a command
/// line, not to the definition's folder: values of keys named `path`, and those in a table `files`,
/// are made absolute, and so are `templates` of `[report]` and the files of `[rules]`.
pub(crate) fn apply(
    root: &mut Node,
    setting: &str,
    sources: &mut Sources,
    working_dir: &Path,
    faults: &mut Faults,
) {
    let source = sources.add(format!("{COMMAND_LINE} --set"), setting);
    let all = Place::new(source, &(0..setting.len()));
    let Some((key, text)) = setting.split_once('=') else {
        faults.push(
            Fault::at(all, "`--set` takes key=value")
                .help("for example --set model.als.factors=32"),
        );
        return;
    };
    let key_place = Place::new(source, &(0..key.trim_end().len()));
    let value_place = Place::new(source, &(key.len() + 1..setting.len()));
    let keys: Vec<&str> = key.trim().split('.').map(str::trim).collect();
    if keys[0] == "include" {
        faults.push(
            Fault::at(key_place, "`include` stands in files only")
                .help("write it into a file of its own that includes this one too"),
        );
        return;
    }
    if keys.iter().any(|k| k.is_empty()) {
        faults.push(Fault::at(key_place, "a key is empty"));
        return;
    }
    let mut value = parse_value(text.trim(), &value_place);
    if keys[0] == "source" {
        // `path`, `files`, `files.train`, or a table that holds them.
        if keys.iter().rev().take(2).any(|key| PATHS.contains(key)) {
            include::prefix(&mut value, working_dir);
        } else {
            include::rebase(&mut value, working_dir);
        }
    }
    match keys[..] {
        ["report", include::TEMPLATES] => include::prefix(&mut value, working_dir),
        ["report"] => include::rebase_report(&mut value, working_dir),
        ["rules", list] if include::LISTS.contains(&list) && value.as_str().is_some() => {
            include::prefix(&mut value, working_dir);
        }
        ["rules"] => include::rebase_rules(&mut value, working_dir),
        _ => {}
    }
    if let Err(fault) = put(root, &keys, value, &key_place, false) {
        faults.push(fault);
    }
}

fn parse_value(text: &str, place: &Place) -> Node {
    let document = format!("value = {text}");
    let mut scratch = Sources::default();
    let index = scratch.add("", &document);
    let parsed = Node::parse(&scratch, index)
        .ok()
        .filter(|table| matches!(&table.value, Value::Table(entries) if entries.len() == 1))
        .and_then(|mut table| table.take("value"));
    let mut node = match parsed {
        Some(entry) => entry.node,
        None => Node {
            place: place.clone(),
            value: Value::Scalar(toml::Value::String(text.to_owned())),
        },
    };
    set_place(&mut node, place);
    node
}

/// The parts of a short setting need no places of their own: the whole value is marked.
fn set_place(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::Array(items) => items.iter_mut().for_each(|item| set_place(item, place)),
        Value::Table(entries) => {
            for entry in entries {
                entry.place = place.clone();
                set_place(&mut entry.node, place);
            }
        }
    }
}

fn put(
    node: &mut Node,
    keys: &[&str],
    value: Node,
    place: &Place,
    names_plugins: bool,
) -> Result<(), Fault> {
    let Some((first, rest)) = keys.split_first() else {
        *node = value;
        return Ok(());
    };
    // `model = "als"` is short for `[model.als]`.
    if let Some(name) = node.as_str().map(str::to_owned)
        && (name == *first || names_plugins)
    {
        *node = Node::single(&name, node.place.clone(), Node::empty(node.place.clone()));
    }
    let names_plugins = PLUGIN_PLACES.contains(first);
    let kind = node.describe();
    match &mut node.value {
        Value::Table(entries) => {
            let known = entries.iter().position(|e| e.key == *first);
            let at = known.unwrap_or_else(|| {
                entries.push(Entry {
                    key: (*first).to_owned(),
                    place: place.clone(),
                    node: Node::empty(place.clone()),
                });
                entries.len() - 1
            });
            put(&mut entries[at].node, rest, value, place, names_plugins)
        }
        Value::Array(items) => {
            let count = items.len();
            let item = first.parse().ok().and_then(|at: usize| items.get_mut(at));
            match item {
                Some(item) => put(item, rest, value, place, names_plugins),
                None => Err(Fault::at(
                    place.clone(),
                    format!("`{first}` names no entry of a list of {count}"),
                )
                .help("entries are numbered from 0, for example cleaners.0.normalize_ids.trim")),
            }
        }
        Value::Scalar(_) => Err(Fault::at(
            place.clone(),
            format!("`{first}` cannot be set inside a value of type {kind}"),
        )),
    }
}
