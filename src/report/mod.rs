//! Reports: drawn from the store alone (records, attachments, overview), so that they can be drawn
//! again at any time. One [`Summary`], several forms.

mod audit;
mod charts;
mod comparison;
mod conflicts;
mod csv;
mod differences;
mod differing;
mod examples;
mod figures;
mod html;
mod markdown;
mod masking;
mod periods;
mod prose;
mod segments;
mod selection;
mod summary;
mod table;
mod terminal;
mod text;
mod verdict;

pub(crate) use differences::{differing, percent};
pub(crate) use summary::Summary;
pub(crate) use table::Table;
pub(crate) use terminal::{data_tables, leaderboard, table};
pub(crate) use text::{count, ends, probability, signed, value};

use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::records::Store;
use crate::sweep::Overview;

/// Draws every report file from the store and writes it there.
pub(crate) fn write(store: &Store) -> Result<Summary, Failure> {
    let summary = Summary::read(store)?;
    store.write("report.md", markdown::draw(&summary).as_bytes())?;
    store.write("leaderboard.csv", summary.leaderboard_csv().as_bytes())?;
    store.write("segments.csv", segments::csv(&summary.segments).as_bytes())?;
    store.write("comparisons.csv", summary.comparisons_csv().as_bytes())?;
    store.write_json("report.json", &summary)?;
    // Last, for a template of the user may be wrong: then the page of before stays as it is.
    let templates = templates(&summary.overview);
    let page = html::draw(&summary, templates.as_deref())?;
    store.write("report.html", page.as_bytes())?;
    Ok(summary)
}

/// The folder of templates that the definition names, which is relative to the definition's.
fn templates(overview: &Overview) -> Option<PathBuf> {
    let folder = overview.report.templates.as_ref()?;
    let definition = Path::new(&overview.definition);
    Some(definition.parent().unwrap_or(definition).join(folder))
}
