//! `include = "common.toml"`: definitions that others extend.
//!
//! What a file says itself wins over what it includes, and of several includes the later wins. Tables
//! are merged key by key. Lists and axes are replaced as a whole. A place that holds one plugin
//! (`source`, `splitter`, `weighting`, `of`, `targets`) is merged where both name the same one and
//! replaced otherwise; `model` keeps the models of both.

use std::path::{Path, PathBuf};

use super::axes::is_axis;
use super::fault::{Fault, Faults, Sources};
use super::tree::{Entry, Node, Value};
use crate::experiment::PATHS;

/// The key of the list of files.
const INCLUDE: &str = "include";

/// More errors of syntax than this come from one another.
const MOST_SYNTAX_ERRORS: usize = 5;

/// Files that include one another more than this go round in circles of some kind.
const MOST_FILES: usize = 500;

/// The path in `[report]`.
pub(super) const TEMPLATES: &str = "templates";

/// What may be paths in `[rules]`.
pub(super) const LISTS: [&str; 2] = ["allow", "block"];

/// Places that hold one plugin.
const SINGLE: [&str; 5] = ["source", "splitter", "weighting", "of", "targets"];

/// Parses source 0 and everything it includes, into one tree. `None` where a file is no TOML or
/// cannot be read; what is wrong is among the faults.
pub(super) fn read(path: &Path, sources: &mut Sources, faults: &mut Faults) -> Option<Node> {
    let own = parse(sources, 0, faults)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reading = vec![canonical(path)];
    resolve(own, folder, &mut reading, sources, faults)
}

fn parse(sources: &Sources, source: usize, faults: &mut Faults) -> Option<Node> {
    match Node::parse(sources, source) {
        Ok(node) => Some(node),
        Err(found) => {
            // In a file that is no TOML at all, every line is one.
            faults.extend(found.into_iter().take(MOST_SYNTAX_ERRORS));
            None
        }
    }
}

/// A name for a file that does not depend on how it is written.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// A file with its includes merged in. `reading` are the files that are being read, to find cycles.
fn resolve(
    mut own: Node,
    folder: &Path,
    reading: &mut Vec<PathBuf>,
    sources: &mut Sources,
    faults: &mut Faults,
) -> Option<Node> {
    let Some(entry) = own.take(INCLUDE) else {
        return Some(own);
    };
    let mut whole: Option<Node> = None;
    let mut complete = true;
    for item in files(&entry, faults) {
        match included(&item, folder, reading, sources, faults) {
            Some(node) => {
                whole = Some(match whole {
                    Some(earlier) => merge(earlier, node, ""),
                    None => node,
                });
            }
            None => complete = false,
        }
    }
    let merged = match whole {
        Some(included) => merge(included, own, ""),
        None => own,
    };
    complete.then_some(merged)
}

/// The texts of `include`.
fn files(entry: &Entry, faults: &mut Faults) -> Vec<Node> {
    let items = match &entry.node.value {
        Value::Array(items) => items.clone(),
        _ => vec![entry.node.clone()],
    };
    for item in &items {
        if item.as_str().is_none() {
            let message = format!(
                "`include` takes the path of a file or a list of them; this is a value of type {}",
                item.describe()
            );
            faults.push(
                Fault::at(item.place.clone(), message)
                    .help("for example include = \"common.toml\""),
            );
        }
    }
    items.into_iter().filter(|i| i.as_str().is_some()).collect()
}

/// The text of a file; of nothing that never ends.
fn read_file(path: &Path, sources: &mut Sources) -> std::io::Result<String> {
    let never_ends = |metadata: std::fs::Metadata| !metadata.is_file() && !metadata.is_dir();
    if std::fs::metadata(path).is_ok_and(never_ends) {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    sources.read(path)
}

/// The tree of one included file, its paths relative to the file that includes it.
fn included(
    item: &Node,
    folder: &Path,
    reading: &mut Vec<PathBuf>,
    sources: &mut Sources,
    faults: &mut Faults,
) -> Option<Node> {
    let written = item.as_str()?;
    let path = folder.join(written);
    let text = match read_file(&path, sources) {
        Ok(text) => text,
        Err(error) => {
            faults.push(
                Fault::at(
                    item.place.clone(),
                    format!("cannot read {}: {error}", path.display()),
                )
                .help("paths of `include` start at the folder of the file they stand in"),
            );
            return None;
        }
    };
    let name = canonical(&path);
    if reading.contains(&name) {
        let message = format!("{} includes itself", path.display());
        faults.push(
            Fault::at(item.place.clone(), message)
                .help("take this out, or move what both need to a third file"),
        );
        return None;
    }
    if sources.count() > MOST_FILES {
        let message = format!("more than {MOST_FILES} files are included");
        faults.push(Fault::at(item.place.clone(), message).help(
            "a file that is included in two ways counts twice; include what several need once, at the top",
        ));
        return None;
    }
    let source = sources.add(path.display().to_string(), super::without_mark(&text));
    let node = parse(sources, source, faults)?;
    reading.push(name);
    let folder_of_it = path.parent().unwrap_or(Path::new(""));
    let node = resolve(node, folder_of_it, reading, sources, faults);
    reading.pop();
    let mut node = node?;
    if let Some(way) = Path::new(written)
        .parent()
        .filter(|w| !w.as_os_str().is_empty())
    {
        rebase_source(&mut node, way);
    }
    Some(node)
}

/// Puts `way` in front of the relative paths of a definition's source, of its templates and of its lists of items.
fn rebase_source(root: &mut Node, way: &Path) {
    if let Value::Table(entries) = &mut root.value {
        for entry in entries {
            match entry.key.as_str() {
                "source" => rebase(&mut entry.node, way),
                "report" => rebase_report(&mut entry.node, way),
                "rules" => rebase_rules(&mut entry.node, way),
                _ => {}
            }
        }
    }
}

/// Puts `way` in front of the relative paths of `[report]`.
pub(super) fn rebase_report(report: &mut Node, way: &Path) {
    if let Value::Table(entries) = &mut report.value {
        let templates = entries.iter_mut().filter(|e| e.key == TEMPLATES);
        templates.for_each(|entry| prefix(&mut entry.node, way));
    }
}

/// Puts `way` in front of the relative paths of `[rules]`: a list of items that is a text, not one of ids.
pub(super) fn rebase_rules(rules: &mut Node, way: &Path) {
    if let Value::Table(entries) = &mut rules.value {
        let lists = entries
            .iter_mut()
            .filter(|e| LISTS.contains(&e.key.as_str()));
        let files = lists.filter(|e| e.node.as_str().is_some());
        files.for_each(|entry| prefix(&mut entry.node, way));
    }
}

/// Puts `way` in front of the relative paths of a tree.
pub(super) fn rebase(node: &mut Node, way: &Path) {
    match &mut node.value {
        Value::Table(entries) => {
            for entry in entries {
                if PATHS.contains(&entry.key.as_str()) {
                    prefix(&mut entry.node, way);
                } else {
                    rebase(&mut entry.node, way);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase(item, way)),
        Value::Scalar(_) => {}
    }
}

/// Puts a folder in front of every text of a value that holds paths.
pub(super) fn prefix(node: &mut Node, folder: &Path) {
    match &mut node.value {
        Value::Scalar(toml::Value::String(text)) => {
            *text = folder.join(&*text).to_string_lossy().into_owned();
        }
        Value::Scalar(_) => {}
        Value::Array(items) => items.iter_mut().for_each(|item| prefix(item, folder)),
        Value::Table(entries) => {
            for entry in entries {
                prefix(&mut entry.node, folder);
            }
        }
    }
}

/// `over` on top of `base`; `key` is where they stand.
fn merge(base: Node, over: Node, key: &str) -> Node {
    let (base, over) = match key {
        key if key == "model" || SINGLE.contains(&key) => (spell_out(base), spell_out(over)),
        _ => (base, over),
    };
    let same = only_name(&base).is_some_and(|name| only_name(&over) == Some(name));
    if SINGLE.contains(&key) && !same {
        return over;
    }
    if key == "zip" || is_axis(&base) || is_axis(&over) {
        return over;
    }
    match (base.value, over.value) {
        (Value::Table(mut entries), Value::Table(others)) => {
            for other in others {
                match entries.iter().position(|e| e.key == other.key) {
                    Some(at) => {
                        let earlier = std::mem::replace(&mut entries[at], other.clone());
                        entries[at].node = merge(earlier.node, other.node, &other.key);
                    }
                    None => entries.push(other),
                }
            }
            Node {
                place: over.place,
                value: Value::Table(entries),
            }
        }
        (_, value) => Node {
            place: over.place,
            value,
        },
    }
}

/// `"name"` is short for `{ name = {} }`.
fn spell_out(node: Node) -> Node {
    match node.as_str() {
        Some(name) => Node::single(name, node.place.clone(), Node::empty(node.place.clone())),
        None => node,
    }
}

/// The one plugin that a place names; `None` if there are several.
fn only_name(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Table(entries) if entries.len() == 1 => Some(&entries[0].key),
        _ => None,
    }
}
