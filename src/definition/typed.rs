//! From a piece of the tree to a typed value, with every fault at its place.

use musicrec_api::registrations;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::fault::{Fault, Faults};
use super::tree::{Node, Place, Value};
use super::words;

/// How many faults of one piece are looked for.
const MOST: usize = 30;

/// Deserializes a piece of a definition. After a fault the offending entry is left out and the
/// rest is tried again, so that all faults of the piece are found, not only the first.
pub(crate) fn typed<T: DeserializeOwned>(node: &Node, faults: &mut Faults) -> Option<T> {
    let before = faults.errors();
    lenient(node, false, faults).filter(|_| faults.errors() == before)
}

/// Like [`typed`], in places where axes may stand: then advice speaks of them.
pub(crate) fn of_axis<T: DeserializeOwned>(node: &Node, faults: &mut Faults) -> Option<T> {
    let before = faults.errors();
    lenient(node, true, faults).filter(|_| faults.errors() == before)
}

/// Like [`typed`]; but where something is wrong, what the rest comes to, if it comes to anything: good
/// enough to look for faults elsewhere, not to run.
pub(crate) fn lenient<T: DeserializeOwned>(
    node: &Node,
    axes: bool,
    faults: &mut Faults,
) -> Option<T> {
    let mut rest = node.clone();
    let before = faults.errors();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(rest.plain()) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let path: Vec<Segment> = error.path().iter().cloned().collect();
        let (fault, offender) = explain(error.inner().message(), &rest, &path, axes);
        faults.push(fault);
        // Nobody mends hundreds of faults in one go, and each costs another look at the whole.
        if faults.errors() > before + MOST {
            return None;
        }
        // Without an entry to blame (a missing field, say) nothing can be left out.
        if !offender.is_some_and(|offender| remove(&mut rest, &offender)) {
            return None;
        }
    }
}

/// The fault, and the path of the entry to leave out when looking for more.
fn explain(
    message: &str,
    root: &Node,
    path: &[Segment],
    axes: bool,
) -> (Fault, Option<Vec<Segment>>) {
    // Toml's messages may carry their own context on further lines.
    let message = message.lines().next().unwrap_or_default().trim();
    let (found, walked) = walk(root, path);
    let mut offender = path[..walked].to_vec();
    let field = quoted_after(message, "unknown field `");
    let variant = quoted_after(message, "unknown variant `");
    let fault = if let Some(name) = field {
        // The path ends at the unknown key itself, or at the table that holds it.
        if found.get(name).is_some() {
            offender.push(Segment::Map {
                key: name.to_owned(),
            });
        }
        let place = key_place(root, &offender).unwrap_or_else(|| found.place.clone());
        let fault = Fault::at(place, message).suggest(name, expected(message));
        match words::elsewhere(name, axes) {
            Some(help) => fault.help(help),
            None => fault,
        }
    } else if let Some(name) = variant {
        // Serde's word; here a variant is a row of the leaderboard.
        let text = message.replacen("unknown variant", "unknown value", 1);
        Fault::at(found.place.clone(), with_key(&text, path)).suggest(name, expected(message))
    } else {
        let text = with_key(&words::plain(message, found.describe()), path);
        let key = key(path);
        words::advise(
            Fault::at(found.place.clone(), text),
            found,
            message,
            key,
            axes,
        )
    };
    let missing = message.starts_with("missing field");
    // Tables that are no plugins have required keys too.
    let plugin = key(path).filter(|key| registrations().iter().any(|r| r.name == *key));
    let fault = match plugin.filter(|_| missing) {
        Some(plugin) => fault.help(format!(
            "`musicrec-lab plugins {plugin}` explains its parameters"
        )),
        None => fault,
    };
    (
        fault,
        (!missing && !offender.is_empty()).then_some(offender),
    )
}

/// The names that serde lists as expected.
fn expected(message: &str) -> impl Iterator<Item = &str> {
    let list = message.split_once("expected").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2)
}

/// The last key of a path.
fn key(path: &[Segment]) -> Option<&str> {
    path.iter().rev().find_map(|s| match s {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    })
}

/// Serde's message speaks of the value only; say which key it belongs to.
fn with_key(message: &str, path: &[Segment]) -> String {
    match key(path) {
        Some(key) if !message.contains(&format!("`{key}`")) => format!("`{key}`: {message}"),
        _ => message.to_owned(),
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

/// Follows a path as far as it leads; returns the node and how many segments were used.
fn walk<'a>(root: &'a Node, path: &[Segment]) -> (&'a Node, usize) {
    let mut node = root;
    for (used, segment) in path.iter().enumerate() {
        let next = match (segment, &node.value) {
            (Segment::Seq { index }, Value::Array(items)) => items.get(*index),
            (Segment::Map { key } | Segment::Enum { variant: key }, Value::Table(_)) => {
                node.get(key).map(|e| &e.node)
            }
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => return (node, used),
        }
    }
    (node, path.len())
}

/// The place of the key at the end of a path.
fn key_place(root: &Node, path: &[Segment]) -> Option<Place> {
    let (last, before) = path.split_last()?;
    let Segment::Map { key } = last else {
        return None;
    };
    let (node, _) = walk(root, before);
    node.get(key).map(|e| e.place.clone())
}

fn remove(root: &mut Node, path: &[Segment]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    match (first, &mut root.value) {
        (Segment::Seq { index }, Value::Array(items)) if *index < items.len() => {
            if rest.is_empty() {
                items.remove(*index);
                return true;
            }
            remove(&mut items[*index], rest)
        }
        (Segment::Map { key } | Segment::Enum { variant: key }, Value::Table(entries)) => {
            let Some(at) = entries.iter().position(|e| e.key == *key) else {
                return false;
            };
            if rest.is_empty() {
                entries.remove(at);
                return true;
            }
            remove(&mut entries[at].node, rest)
        }
        _ => false,
    }
}
