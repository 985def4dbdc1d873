//! Reports: drawn from the store alone (records, attachments, overview), so that they can be drawn
//! again at any time. One [`Summary`], several forms.

mod audit;
pub(crate) mod charts;
mod comparison;
mod conflicts;
mod differences;
mod differing;
mod examples;
mod figures;
pub(crate) mod formats;
mod grid;
pub(crate) mod html;
mod joined;
mod latex;
pub(crate) mod markdown;
mod masking;
mod periods;
mod prose;
mod published;
mod segments;
mod selection;
mod summary;
mod table;
mod tables;
mod terminal;
mod text;
mod verdict;

pub(crate) use differences::{differing, percent};
pub(crate) use grid::{fitted, table, wrapped};
pub(crate) use joined::Several;
pub(crate) use summary::Summary;
pub(crate) use table::Table;
pub(crate) use tables::{Columns, Values};
pub(crate) use terminal::{colored, data_tables, funnel, leaderboard};
pub(crate) use text::{count, ends, probability, signed, value};

use std::path::{Path, PathBuf};

use formats::Source;

use crate::exit::Failure;
use crate::records::Store;
use crate::sweep::Overview;

/// Draws the report files of a folder from its store and writes them there, and some more if they are
/// named.
pub(crate) fn write(
    store: &Store,
    templates: Option<&Path>,
    also: &[&str],
) -> Result<Summary, Failure> {
    let summary = Summary::read(store)?;
    let source = Source {
        summary: &summary,
        store,
        templates,
        width: None,
    };
    let usual = formats::of_folder(&summary.overview).flat_map(|format| format.files);
    let more = also.iter().filter_map(|name| formats::named(name));
    let files = formats::distinct(usual.chain(more.flat_map(|(_, files)| files)));
    // A template of the user may be wrong: then the page of before stays, and all else is written.
    let mut wrong = None;
    for file in files {
        match file.draw(&source) {
            Ok(content) => store.write(file.name, &content)?,
            Err(failure) => wrong = Some(failure),
        }
    }
    wrong.map_or(Ok(summary), Err)
}

/// The folder of templates that the definition names, which is relative to the definition's.
fn templates(overview: &Overview) -> Option<PathBuf> {
    let folder = overview.report.templates.as_ref()?;
    let definition = Path::new(&overview.definition);
    Some(definition.parent().unwrap_or(definition).join(folder))
}
