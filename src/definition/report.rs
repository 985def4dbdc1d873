//! `[report]`: how reports are drawn.

use std::path::Path;

use super::axes;
use super::evaluation::{Rows, check_row};
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Value};
use super::typed::lenient;
use crate::experiment::{Evaluation, ReportSettings};

/// Reads `[report]`. Relative paths start at `base`; rows of the leaderboard and labels of metrics are
/// looked at where they are known.
pub(super) fn report(
    root: &mut Node,
    base: &Path,
    rows: Option<&Rows>,
    evaluation: Option<&Evaluation>,
    faults: &mut Faults,
) -> Option<ReportSettings> {
    let Some(Entry { node, .. }) = root.take("report") else {
        return Some(ReportSettings::default());
    };
    if !axes::none(&node, faults) {
        return None;
    }
    let before = faults.errors();
    // Whatever is wrong with one key, the others are looked at.
    let settings: ReportSettings = lenient(&node, false, faults)?;
    let whole = faults.errors() == before;
    if let (Some(folder), Some(entry)) = (&settings.templates, node.get("templates"))
        && !base.join(folder).is_dir()
    {
        let message = format!("there is no folder {}", base.join(folder).display());
        faults.push(Fault::at(entry.node.place.clone(), message).help(
            "`templates` names a folder with templates of your own, relative to this file; leave it \
             out for the built-in ones",
        ));
    }
    if let Some(entry) = node.get("formats")
        && let Value::Array(items) = &entry.node.value
    {
        if items.is_empty() {
            let place = entry.node.place.clone();
            faults.push(
                Fault::at(place, "at least one format is needed")
                    .help("leave `formats` out for html, md, json and csv"),
            );
        }
        // Entries that were left out would shift the others.
        let items = items.iter().enumerate();
        for (at, item) in items.filter(|_| whole) {
            if settings.formats[..at].contains(&settings.formats[at]) {
                faults.push(Fault::at(item.place.clone(), "this is listed twice"));
            }
        }
    }
    if whole {
        let metrics = evaluation.map(|evaluation| evaluation.metrics.labels());
        published(&settings, &node, rows, metrics.as_deref(), faults);
    }
    Some(settings).filter(|_| whole)
}

/// Refuses published values of what is not measured here.
fn published(
    settings: &ReportSettings,
    node: &Node,
    rows: Option<&Rows>,
    metrics: Option<&[String]>,
    faults: &mut Faults,
) {
    let Some(Value::Array(entries)) = node.get("published").map(|entry| &entry.node.value) else {
        return;
    };
    for (published, entry) in settings.published.iter().zip(entries) {
        if let Some(at) = entry.get("variant") {
            check_row(
                "variant",
                &published.variant,
                at.node.place.clone(),
                rows,
                faults,
            );
        }
        let (Some(metrics), Some(values)) = (metrics, entry.get("values")) else {
            continue;
        };
        for name in published
            .values
            .keys()
            .filter(|name| !metrics.contains(name))
        {
            let place = values.node.get(name).map(|value| value.place.clone());
            let place = place.unwrap_or_else(|| values.node.place.clone());
            faults.push(
                Fault::at(
                    place,
                    format!("`{name}` is none of the metrics of `[evaluation]`"),
                )
                .suggest(name, metrics.iter().map(String::as_str))
                .help(format!("there are: {}", metrics.join(", "))),
            );
        }
    }
}
