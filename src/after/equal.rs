//! Whether two results of one trial are equal, bit for bit.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::records::{Record, Store};
use crate::settings::flatten;

/// A number or a table that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Differing {
    /// `metrics.ndcg@3`, `attachments.per_user`, …
    pub(crate) what: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// What differs between the results of two records of one trial, each with its attachments in a
/// store. JSON tells all numbers apart that differ in any bit.
pub(crate) fn differing(
    (old, in_old): (&Record, &Store),
    (new, in_new): (&Record, &Store),
) -> Vec<Differing> {
    let absent = "(absent)".to_owned();
    let (a, b) = (flat(old), flat(new));
    let mut found = Vec::new();
    for what in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
        let (old, new) = (a.get(what), b.get(what));
        if old == new {
            continue;
        }
        if what.starts_with("attachments.")
            && let (Some(old), Some(new)) = (old, new)
            // A table that is gone or was changed is found by the check of the folder.
            && let (Ok(old), Ok(new)) = (in_old.attachment(old), in_new.attachment(new))
        {
            found.extend(first_line(what, &old, &new));
            continue;
        }
        found.push(Differing {
            what: what.clone(),
            old: old.unwrap_or(&absent).clone(),
            new: new.unwrap_or(&absent).clone(),
        });
    }
    found
}

/// A result's values by path.
fn flat(record: &Record) -> BTreeMap<String, String> {
    let result = serde_json::to_value(&record.result).unwrap_or(Value::Null);
    flatten(&result).into_iter().collect()
}

/// How many lines of a table differ, and the first of them.
fn first_line(what: &str, old: &str, new: &str) -> Option<Differing> {
    let lines = old.lines().count().max(new.lines().count());
    let pad = |text: &str| {
        let own: Vec<String> = text.lines().map(str::to_owned).collect();
        let missing = lines - own.len();
        own.into_iter()
            .chain(std::iter::repeat_n("(no line)".to_owned(), missing))
            .collect::<Vec<_>>()
    };
    let (old, new) = (pad(old), pad(new));
    let both = || old.iter().zip(&new).filter(|(a, b)| a != b);
    let (first_old, first_new) = both().next()?;
    Some(Differing {
        what: format!(
            "{what} ({} of {lines} lines, the first of them)",
            both().count()
        ),
        old: first_old.clone(),
        new: first_new.clone(),
    })
}
