//! `[report]`: how reports are drawn.

use std::path::Path;

use super::axes;
use super::fault::{Fault, Faults};
use super::tree::{Entry, Value};
use super::typed::lenient;
use crate::experiment::ReportSettings;

/// Reads `[report]`. Relative paths start at `base`.
pub(super) fn report(
    entry: Option<Entry>,
    base: &Path,
    faults: &mut Faults,
) -> Option<ReportSettings> {
    let Some(Entry { node, .. }) = entry else {
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
    Some(settings).filter(|_| whole)
}
