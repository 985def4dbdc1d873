//! Ids that name nobody, and ids that are written in several ways.

mod alerts;
mod placeholders;

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::column::normal_id;
use super::reading::Pass;
use super::values::Values;
pub(super) use alerts::{disagreements, examples, shown};
pub(crate) use placeholders::Placeholder;
pub(super) use placeholders::certain;
use placeholders::placeholders;

/// The ids of users or items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Ids {
    /// The column.
    pub(crate) column: String,
    /// `user` or `item`.
    pub(crate) part: String,
    /// Distinct ids as they stand.
    pub(crate) raw: u64,
    /// Distinct ids without spaces around them, and in lower case unless case tells them apart.
    pub(crate) normalized: u64,
    /// The same without placeholders.
    pub(crate) real: u64,
    /// Whether these numbers are exact; else within some percent.
    pub(crate) exact: bool,
    /// Whether case tells ids apart: many mix both.
    pub(crate) case_matters: bool,
    /// Rows with spaces around the id.
    pub(crate) padded: u64,
    /// Rows with an upper-case letter in an id that is no placeholder; 0 where case matters.
    pub(crate) upper_case: u64,
    /// Ids that are written in more than one way.
    pub(crate) several_spellings: u64,
    /// Rows with an id that is another one in other digits: `7.0` and `007` where there is `7`.
    pub(crate) numeric_forms: u64,
    /// Ids with one row.
    pub(crate) one_row: u64,
    /// Ids that stand for nobody, or may do so; most rows first.
    pub(crate) placeholders: Vec<Placeholder>,
}

/// What the id column of users or items holds.
pub(super) fn ids(pass: &Pass, of_user: bool) -> Ids {
    let (at, known) = if of_user {
        (pass.parts.user, &pass.users)
    } else {
        (pass.parts.item, &pass.items)
    };
    let column = &pass.columns[at];
    let placeholders = placeholders(pass, of_user, known);
    let no_one: FxHashSet<&str> = certain(&placeholders).collect();
    let mut spellings: BTreeMap<String, u64> = BTreeMap::new();
    let mut upper_case = 0;
    for value in column.values.iter() {
        let trimmed = value.text.trim();
        let id = normal_id(trimmed, column.case);
        if no_one.contains(&*id) {
            continue;
        }
        if !column.case && trimmed.chars().any(char::is_uppercase) {
            upper_case += value.rows;
        }
        *spellings.entry(trimmed.to_lowercase()).or_default() += 1;
    }
    let (raw, exact) = column.values.distinct();
    let (normalized, all) = known.distinct();
    if !exact {
        // The values that are kept are not all.
        upper_case = if column.case { 0 } else { column.upper.rows };
    }
    Ids {
        column: column.name.clone(),
        part: if of_user { "user" } else { "item" }.to_owned(),
        raw,
        normalized,
        real: normalized - no_one.len() as u64,
        exact: exact && all,
        case_matters: column.case,
        padded: column.padded.rows,
        upper_case,
        several_spellings: spellings.values().filter(|many| **many > 1).count() as u64,
        numeric_forms: numeric_forms(known),
        one_row: known.iter().filter(|value| value.rows == 1).count() as u64,
        placeholders,
    }
}

/// Rows of ids that are a plain number which another id is too.
fn numeric_forms(known: &Values) -> u64 {
    let plain: FxHashSet<&str> = known.iter().map(|value| value.text).collect();
    let other = |id: &str| {
        let whole = id.strip_suffix(".0").unwrap_or(id);
        if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        let short = whole.trim_start_matches('0');
        let short = if short.is_empty() { "0" } else { short };
        short != id && plain.contains(short)
    };
    let forms = known.iter().filter(|value| other(value.text));
    forms.map(|value| value.rows).sum()
}
