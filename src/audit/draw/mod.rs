//! An audit as blocks, from which every form for people is drawn.

mod blocks;
mod html;
mod markdown;
mod taste;
mod terminal;

use serde::Serialize;

use super::{Alert, Audit};

pub(crate) use html::html;
pub(crate) use markdown::markdown;
pub(crate) use terminal::terminal;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Document<'a> {
    /// What it is about: the log.
    pub(crate) title: String,
    /// The whole in a sentence or two.
    pub(crate) headline: String,
    /// Its pieces in their order.
    pub(crate) blocks: Vec<Block>,
    /// What [`Block::Findings`] shows.
    pub(crate) alerts: &'a [Alert],
    /// The definition that mends the log; empty if there is none.
    pub(crate) definition: &'a str,
}

/// An audit.
pub(crate) fn of_audit(audit: &Audit) -> Document<'_> {
    Document {
        title: audit.log.clone(),
        headline: blocks::headline(audit),
        blocks: blocks::blocks(audit),
        alerts: &audit.alerts,
        definition: &audit.definition,
    }
}

/// A piece of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub(crate) enum Block {
    /// The title of a section.
    Section {
        /// In a few words.
        title: String,
    },
    /// A paragraph.
    Text {
        /// One or more sentences.
        text: String,
    },
    /// All findings.
    Findings,
    /// Rows of cells.
    Table(Table),
    /// Numbers as bars, in their order.
    Bars(Bars),
}

/// Rows of cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Table {
    /// Titles of the columns.
    pub(crate) header: Vec<String>,
    /// Cells.
    pub(crate) rows: Vec<Vec<String>>,
    /// Columns from this one on are numbers.
    pub(crate) numbers: usize,
}

/// Numbers as bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Bars {
    /// What they are.
    pub(crate) title: String,
    /// What each stands for, and how much it is.
    pub(crate) all: Vec<(String, f64)>,
    /// Whether they follow each other in time: many narrow ones side by side; else one below the other.
    pub(crate) upright: bool,
}

/// A section.
pub(super) fn section(title: &str) -> Block {
    Block::Section {
        title: title.to_owned(),
    }
}

/// A paragraph.
fn text(text: impl Into<String>) -> Block {
    Block::Text { text: text.into() }
}

/// A table whose columns from `numbers` on are numbers.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    numbers: usize,
    rows: Vec<[String; N]>,
) -> Block {
    Block::Table(Table {
        header: header.map(str::to_owned).to_vec(),
        rows: rows.into_iter().map(Vec::from).collect(),
        numbers,
    })
}
