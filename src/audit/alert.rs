//! What an audit finds: one kind of fault in one place, with its size, its effect and its remedy.

use serde::{Deserialize, Serialize};

/// How many examples an alert keeps; its count goes on.
pub(crate) const EXAMPLES: usize = 3;

/// How bad a finding is for a recommender. Ordered: what is worst comes first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// What is learned or measured would be wrong.
    Error,
    /// It costs data or accuracy.
    Warning,
    /// Worth knowing; nothing need be done.
    Note,
}

impl Severity {
    /// Its name, as in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A row of the log that shows a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Example {
    /// Row of the log, counted from 1 without the header.
    pub(crate) row: u64,
    /// The cell, or what matters of the row.
    pub(crate) value: String,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Alert {
    /// Its stable name, `place.kind`: `user_id.placeholder`, `rows.duplicate_key`, `signal.none`.
    pub(crate) id: String,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The column it is about, if it is about one.
    pub(crate) column: Option<String>,
    /// What was found, a sentence without the numbers below.
    pub(crate) what: String,
    /// What it would do to a recommender or its evaluation, a sentence.
    pub(crate) effect: String,
    /// Rows it was found in; of a finding about users, items or the whole log: rows of those.
    pub(crate) rows: u64,
    /// The same as a share of the rows looked at, 0 to 1.
    pub(crate) share: f64,
    /// Some of the rows.
    pub(crate) examples: Vec<Example>,
    /// What to do about it, in words.
    pub(crate) remedy: String,
    /// The entry of a definition that mends it, ready to paste; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) toml: String,
}

impl Alert {
    /// A finding in `rows` of `of` rows.
    pub(crate) fn new(
        id: impl Into<String>,
        severity: Severity,
        (rows, of): (u64, u64),
        what: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            severity,
            column: None,
            what: phrase(what.into()),
            effect: String::new(),
            rows,
            share: if of == 0 {
                0.0
            } else {
                rows as f64 / of as f64
            },
            examples: Vec::new(),
            remedy: String::new(),
            toml: String::new(),
        }
    }

    pub(crate) fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    pub(crate) fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = phrase(effect.into());
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = phrase(remedy.into());
        self
    }

    pub(crate) fn toml(mut self, toml: impl Into<String>) -> Self {
        self.toml = toml.into();
        self
    }

    /// Keeps the first few.
    pub(crate) fn examples(mut self, examples: impl IntoIterator<Item = Example>) -> Self {
        self.examples.extend(examples.into_iter().take(EXAMPLES));
        self
    }
}

/// A sentence without its end, which each form of the report sets itself.
fn phrase(mut text: String) -> String {
    if text.ends_with('.') && !text.ends_with("..") {
        text.pop();
    }
    text
}

/// Findings about a column, as they come.
pub(super) struct Notes<'a> {
    pub(super) column: &'a str,
    /// Rows of the log.
    rows: u64,
    pub(super) alerts: Vec<Alert>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(column: &'a str, rows: u64) -> Self {
        Self {
            column,
            rows,
            alerts: Vec::new(),
        }
    }

    /// What was found in so many rows, what that does and what to do about it; nothing if it was found in none.
    pub(super) fn add(
        &mut self,
        (kind, severity): (&str, Severity),
        count: u64,
        what: impl Into<String>,
        [effect, remedy]: [&str; 2],
        examples: impl IntoIterator<Item = Example>,
    ) {
        if count > 0 {
            let id = format!("{}.{kind}", self.column);
            self.alerts.push(
                Alert::new(id, severity, (count, self.rows), what)
                    .column(self.column)
                    .effect(effect)
                    .examples(examples)
                    .remedy(remedy),
            );
        }
    }
}

/// A row as an example.
pub(super) fn example(row: u64, value: impl Into<String>) -> Example {
    Example {
        row,
        value: value.into(),
    }
}

/// Cells with the number of rows that have them, as a sentence lists them: `` `one` (35), `ten` (31) ``.
pub(super) fn listed<'a>(cells: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let all: Vec<String> = cells
        .into_iter()
        .map(|(cell, rows)| format!("`{cell}` ({rows})"))
        .collect();
    all.join(", ")
}
