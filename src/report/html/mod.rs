//! `report.html`: the whole report as one page that needs nothing but a browser, not even a script.
//!
//! Templates say what stands where, [`page`] what is said, [`filters`] with which digits. All text of
//! others is escaped by [`engine`], whatever the template: only figures, style and script are markup,
//! and these are our own.

mod engine;
mod filters;
mod page;

use std::path::Path;

pub(crate) use filters::words;

use super::Summary;
use crate::exit::Failure;

/// Draws the page. `templates` is a folder with files that take the place of built-in ones.
pub(crate) fn draw(summary: &Summary, templates: Option<&Path>) -> Result<String, Failure> {
    let engine = engine::Engine::new(templates)?;
    engine.render(page::context(summary, &engine))
}
