//! `[rules]`: what no list may hold, whatever the model.

use musicrec_api::On;

use super::axes;
use super::checks::{Checks, fault};
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Value};
use super::typed::lenient;
use crate::experiment::{Cleaning, Evaluation, Heard, ProductRules, Rules, Ties};
use crate::stages::rank::UNDEFINED;
use crate::stages::rules::{no_kind, of_no_item};

/// Reads `[rules]`. The log will be cleaned in each of these ways.
pub(super) fn rules(
    root: &mut Node,
    cleanings: &[Cleaning],
    evaluation: Option<&Evaluation>,
    checks: &Checks,
    faults: &mut Faults,
) -> Option<ProductRules> {
    let Some(Entry { node, .. }) = root.take("rules") else {
        return Some(ProductRules::default());
    };
    if !axes::none(&node, faults) {
        return None;
    }
    let before = faults.errors();
    // Whatever is wrong with one key, the others are looked at.
    let written: Rules = lenient(&node, false, faults)?;
    if faults.errors() == before {
        twice(&node, &written.avoid, faults);
        kinds(&node, &written.avoid, (checks, cleanings), faults);
    }
    columns(&node, &written, checks, faults);
    if let Some(evaluation) = evaluation {
        beside(&node, &written, evaluation, faults);
    }
    let read = match ProductRules::read(written, checks.base()) {
        Ok(read) => Some(read),
        Err(unreadable) => {
            for (key, message) in unreadable {
                let entry = node.get(key).expect("a list that was read is written");
                faults.push(Fault::at(entry.node.place.clone(), message).help(format!(
                    "`{key}` is a file of item ids, one a line, relative to this file; or a list, as in \
                     {key} = [\"s01\", \"s02\"]"
                )));
            }
            None
        }
    };
    let read = read.filter(|_| faults.errors() == before)?;
    Some(ProductRules {
        node: Some(node),
        ..read
    })
}

/// A kind of event stands once.
fn twice(node: &Node, avoid: &[String], faults: &mut Faults) {
    let Some(Value::Array(items)) = node.get("avoid").map(|entry| &entry.node.value) else {
        return;
    };
    for (at, (kind, item)) in avoid.iter().zip(items).enumerate() {
        if avoid[..at].contains(kind) {
            faults.push(Fault::at(item.place.clone(), "this is listed twice"));
        }
    }
}

/// Kinds of event are those that cleaning leaves, where it tells.
fn kinds(
    node: &Node,
    avoid: &[String],
    (checks, cleanings): (&Checks, &[Cleaning]),
    faults: &mut Faults,
) {
    let (Some(entry), Some(roles)) = (node.get("avoid"), checks.roles()) else {
        return;
    };
    let Value::Array(items) = &entry.node.value else {
        return;
    };
    let of_cleaning = |cleaning: &Cleaning| {
        let column = roles.event.as_ref()?;
        let on_log = cleaning.cleaners.iter().filter(|c| c.on() == On::Log);
        on_log.fold(None, |known, cleaner| cleaner.labels(column, known))
    };
    let all: Vec<Vec<String>> = if roles.event.is_none() {
        vec![Vec::new()]
    } else {
        cleanings.iter().filter_map(of_cleaning).collect()
    };
    for (kind, item) in avoid.iter().zip(items) {
        if let Some(known) = all.iter().find(|known| !known.contains(kind)) {
            faults.push(fault(item.place.clone(), no_kind(kind, known)));
        }
    }
}

/// Columns are those of the log, and tell something of items.
fn columns(node: &Node, written: &Rules, checks: &Checks, faults: &mut Faults) {
    let Some(at_most) = node.get("at_most") else {
        return;
    };
    for column in written.at_most.keys() {
        let entry = at_most.node.get(column).unwrap_or(at_most);
        if let Some(problem) = checks.context().missing_column("at_most", column) {
            faults.push(fault(entry.place.clone(), problem));
        } else if let Some(problem) = checks.roles().and_then(|roles| of_no_item(roles, column)) {
            faults.push(fault(entry.place.clone(), problem));
        }
    }
}

/// What does not go together with how trials are judged.
fn beside(node: &Node, written: &Rules, evaluation: &Evaluation, faults: &mut Faults) {
    if let Some(at_most) = node.get("at_most")
        && !written.at_most.is_empty()
        && evaluation.ties == Ties::Expected
    {
        let (what, remedy) = UNDEFINED.split_once("; ").unwrap_or((UNDEFINED, ""));
        faults.push(Fault::at(at_most.place.clone(), what).help(remedy));
    }
    if let Some(avoid) = node.get("avoid")
        && !written.avoid.is_empty()
        && evaluation.heard == Heard::Mask
    {
        faults.push(
            Fault::at(
                avoid.place.clone(),
                "`avoid` changes nothing while heard items are masked: whatever a user had an event with counts \
                 as heard",
            )
            .help("set [evaluation] heard = \"keep\" if other items may be recommended again")
            .warning(),
        );
    }
}
