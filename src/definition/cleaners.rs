//! `cleaners`: a list of steps, of which an entry may be an axis; every combination is a cleaning.

use musicrec_api::{Cleaner, Kind};
use serde_json::Value;

use super::checks::{self, Checks, place_of};
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Place};
use super::typed::of_axis;
use super::{axes, list, plugins};
use crate::experiment::{Cleaning, resolved};
use crate::settings::{among_namesakes, nesting};

/// Each alternative is a cleaned log of its own, held in memory while trials run.
const MOST_CLEANINGS: usize = 32;

/// One alternative of an entry: a step, or nothing where it is "off".
#[derive(Debug, Clone)]
struct Choice<'a> {
    node: Option<&'a Node>,
    label: String,
}

/// The alternatives of the whole list. With faults they are of no use.
pub(super) fn cleanings(
    entry: Option<&Entry>,
    start: &Place,
    checks: &Checks,
    faults: &mut Faults,
) -> Vec<Cleaning> {
    let entries: Vec<(Vec<Option<Node>>, bool)> = list(entry, faults, |node, faults| {
        let before = faults.errors();
        let alternatives = plugins::entry(node, Kind::Cleaner, faults);
        Some((alternatives, faults.errors() == before))
    });
    let choices: Vec<Vec<Choice>> = entries
        .iter()
        .map(|(alternatives, whole)| choices(alternatives, whole.then_some(checks), faults))
        .collect();
    let place = entry.map_or(start, |e| &e.place);
    let count: usize = choices.iter().map(Vec::len).product();
    if count > MOST_CLEANINGS {
        faults.push(
            Fault::at(
                place.clone(),
                format!("{count} alternatives of the cleaners are more than {MOST_CLEANINGS}"),
            )
            .help("each is a log of its own in memory; thin the axes out"),
        );
        return Vec::new();
    }
    axes::product(&choices, place, faults)
        .into_iter()
        .map(|chosen| {
            let labels: Vec<&str> = chosen.iter().map(|c| c.label.as_str()).collect();
            let labels: Vec<&str> = labels.into_iter().filter(|l| !l.is_empty()).collect();
            let (cleaners, written) = chosen
                .iter()
                .filter_map(|c| c.node)
                // What is wrong with it has been said above.
                .filter_map(|node| Some((of_axis(node, &mut Faults::new(0))?, node.clone())))
                .unzip();
            Cleaning {
                label: labels.join(", "),
                cleaners,
                written,
            }
        })
        .collect()
}

/// The alternatives of an entry, checked if they are whole, each with what tells it from the others.
fn choices<'a>(
    alternatives: &'a [Option<Node>],
    checks: Option<&Checks>,
    faults: &mut Faults,
) -> Vec<Choice<'a>> {
    let mut values: Vec<Value> = Vec::new();
    for node in alternatives.iter().flatten() {
        let cleaner: Option<Box<dyn Cleaner>> = of_axis(node, faults);
        if let (Some(cleaner), Some(checks)) = (&cleaner, checks) {
            checks::book(cleaner.check(&checks.context()), node, faults);
        }
        values.push(cleaner.map_or(Value::Null, |cleaner| resolved(&cleaner)));
    }
    let mut alternatives: Vec<Option<&Node>> = alternatives.iter().map(Option::as_ref).collect();
    drop_equal(&mut alternatives, &mut values, faults);
    let plugins: Vec<&Value> = values.iter().collect();
    let mut labels = labels(&plugins, alternatives.len()).into_iter();
    let names = names(&plugins);
    alternatives
        .into_iter()
        .map(|node| Choice {
            node,
            label: match node {
                Some(_) => labels.next().unwrap_or_default(),
                None => format!("{}=off", names.join(" and ")),
            },
        })
        .collect()
}

/// Keeps the first of equal alternatives, however they are written; `values` are those of the ones
/// that are not "off".
fn drop_equal(alternatives: &mut Vec<Option<&Node>>, values: &mut Vec<Value>, faults: &mut Faults) {
    let mut seen: Vec<Option<Value>> = Vec::new();
    let mut of_each = std::mem::take(values).into_iter();
    alternatives.retain(|node| {
        let value = node.and_then(|_| of_each.next());
        // Null: it was not understood, which has been said.
        if seen.contains(&value) && value != Some(Value::Null) {
            if let Some(node) = node {
                faults.push(
                    Fault::at(place_of(node, ""), "this stands in the axis already")
                        .help("it is tried once")
                        .warning(),
                );
            }
            return false;
        }
        values.extend(value.clone());
        seen.push(value);
        true
    });
}

/// The distinct names, in order.
fn names(plugins: &[&Value]) -> Vec<String> {
    let mut names: Vec<String> = plugins.iter().map(|plugin| nesting(plugin)).collect();
    names.dedup();
    names
}

/// A label for each plugin of an entry with that many alternatives.
fn labels(plugins: &[&Value], alternatives: usize) -> Vec<String> {
    if alternatives == 1 {
        return vec![String::new()];
    }
    let several = names(plugins).len() > 1;
    among_namesakes(plugins, "")
        .into_iter()
        .zip(plugins)
        .map(|(differing, plugin)| {
            let name = nesting(plugin);
            match differing.as_slice() {
                [] if several => name,
                [] => format!("{name}=on"),
                [one] => format!("{name}.{one}"),
                several => format!("{name} {}", several.join(" ")),
            }
        })
        .collect()
}
