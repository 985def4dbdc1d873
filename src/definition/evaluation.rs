//! `[evaluation]` and `[recommendations]`: how trials are judged and what is exported.

use musicrec_api::Kind;

use super::expand;
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Place, Value};
use super::typed::typed;
use super::{list, plain};
use crate::experiment::{Evaluation, Metrics, Recommendations};

/// Fewer random rankings or bootstrap samples give no band worth the name, more tell nothing new.
const DRAWS: std::ops::RangeInclusive<usize> = 100..=1_000_000;

/// Reads `[evaluation]`. `variants` are the names it may mean; `None` where the models are not
/// understood.
pub(super) fn evaluation(
    entry: Option<Entry>,
    start: &Place,
    variants: Option<&[&str]>,
    faults: &mut Faults,
) -> Option<Evaluation> {
    let mut node = entry.map_or_else(|| Node::empty(start.clone()), |e| e.node);
    if !expand::no_grid(&node, faults) {
        return None;
    }
    let before = faults.len();
    if let Value::Table(entries) = &mut node.value {
        entries.retain_mut(|entry| spell_out(entry, faults));
    }
    let place = |key| node.get(key).map(|e| e.node.place.clone());
    let (select, baseline) = (place("select"), place("baseline"));
    let metrics = match node.get("metrics") {
        Some(entry) => plain(entry, faults),
        None => Some(Evaluation::default().metrics),
    };
    // Where a metric is not understood, `select` may well name it.
    let understood = faults.len() == before;
    let labels = metrics.as_ref().map(Metrics::labels).unwrap_or_default();
    if let Some(entry) = node.get("metrics").filter(|_| metrics.is_some()) {
        check_metrics(entry, &labels, faults);
    }
    let evaluation: Evaluation = typed(&node, faults)?;
    for (key, count) in [
        ("null_rankings", evaluation.null_rankings),
        ("resamples", evaluation.resamples),
    ] {
        if let Some(place) = place(key).filter(|_| !DRAWS.contains(&count.get())) {
            faults.push(Fault::at(
                place,
                format!(
                    "`{key}` is {count}, expected {} to {}",
                    DRAWS.start(),
                    DRAWS.end()
                ),
            ));
        }
    }
    if let (Some(chosen), Some(place)) = (&evaluation.select, select)
        && understood
        && !labels.contains(chosen)
    {
        faults.push(
            Fault::at(
                place,
                format!("`select` names no metric of this definition: `{chosen}`"),
            )
            .suggest(chosen, labels.iter().map(String::as_str))
            .help(format!("there are: {}", labels.join(", "))),
        );
    }
    if let (Some(chosen), Some(place)) = (&evaluation.baseline, baseline) {
        check_variant("baseline", chosen, place, variants, faults);
    }
    Some(evaluation)
}

/// Writes the short forms of plugins in an entry of `[evaluation]` in full. What is not
/// understood is a fault and is left out.
fn spell_out(entry: &mut Entry, faults: &mut Faults) -> bool {
    let before = faults.len();
    if entry.key == "metrics" {
        let metrics = list(Some(entry), faults, |item, faults| {
            let mut node = expand::metric(item, faults)?.into_node();
            node.place = item.place.clone();
            Some(node)
        });
        let left = !metrics.is_empty();
        entry.node.value = Value::Array(metrics);
        return left || faults.len() == before;
    }
    if entry.key == "targets" {
        let why = "targets have one definition";
        match expand::one(&entry.node, Kind::Weighting, why, faults) {
            Some(named) => entry.node = named.into_node(),
            None => return false,
        }
    }
    faults.len() == before
}

fn check_metrics(entry: &Entry, labels: &[String], faults: &mut Faults) {
    if labels.is_empty() {
        faults.push(Fault::at(
            entry.node.place.clone(),
            "at least one metric is needed",
        ));
    }
    let Value::Array(items) = &entry.node.value else {
        return;
    };
    for (at, (label, item)) in labels.iter().zip(items).enumerate() {
        if labels[..at].contains(label) {
            faults.push(Fault::at(
                item.place.clone(),
                format!("`{label}` is listed twice"),
            ));
        }
    }
}

/// Refuses a name that is not among the variants, if those are known.
fn check_variant(
    key: &str,
    name: &str,
    place: Place,
    variants: Option<&[&str]>,
    faults: &mut Faults,
) {
    if let Some(variants) = variants
        && !variants.contains(&name)
    {
        faults.push(
            Fault::at(place, format!("`{key}` names no model variant: `{name}`"))
                .suggest(name, variants.iter().copied())
                .help(format!("there are: {}", variants.join(", "))),
        );
    }
}

/// Reads `[recommendations]`.
pub(super) fn recommendations(
    node: &Node,
    variants: Option<&[&str]>,
    faults: &mut Faults,
) -> Option<Recommendations> {
    if !expand::no_grid(node, faults) {
        return None;
    }
    let parsed: Recommendations = typed(node, faults)?;
    if let (Some(name), Some(at)) = (&parsed.variant, node.get("variant")) {
        check_variant("variant", name, at.node.place.clone(), variants, faults);
    }
    Some(parsed)
}
