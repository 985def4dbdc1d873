//! Reports: drawn from the store alone (records, attachments, overview), so that they can be drawn
//! again at any time. One [`Summary`], several forms.

mod audit;
mod comparison;
mod conflicts;
mod csv;
mod differences;
mod html;
mod markdown;
mod periods;
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

use crate::exit::Failure;
use crate::records::Store;

/// Draws every report file from the store and writes it there.
pub(crate) fn write(store: &Store) -> Result<Summary, Failure> {
    let summary = Summary::read(store)?;
    let templates = None;
    // First, for a template of the user may be wrong: then nothing has been touched.
    let page = html::draw(&summary, templates)?;
    store.write("report.html", page.as_bytes())?;
    store.write("report.md", markdown::draw(&summary).as_bytes())?;
    store.write("leaderboard.csv", summary.leaderboard_csv().as_bytes())?;
    store.write("segments.csv", segments::csv(&summary.segments).as_bytes())?;
    store.write("comparisons.csv", summary.comparisons_csv().as_bytes())?;
    store.write_json("report.json", &summary)?;
    Ok(summary)
}
