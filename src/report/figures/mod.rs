//! Figures: what of a summary is better seen than read. One file a figure; each takes what it needs
//! out of the summary and draws it by `charts`. A figure whose data does not exist is absent.

mod dots;
mod funnel;
mod heat_maps;
mod marginals;
mod parallel;
mod pareto;
mod periods;
mod segments;
mod timeline;
mod trials;
mod tried;
mod validation_test;
mod variants;

use serde::Serialize;

use super::charts::{Node, Size, document};
use super::summary::Summary;

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    /// Its name in a page, of letters, digits and hyphens only.
    pub(crate) id: String,
    /// Plain text, as all but the drawing.
    pub(crate) title: String,
    /// What is shown, its units, how to read it.
    pub(crate) caption: String,
    /// What it says, in numbers, for those who do not see it.
    pub(crate) alt: String,
    /// The drawing: a whole `<svg>` with all texts escaped.
    pub(crate) svg: String,
}

impl Figure {
    fn new(
        (id, size): (&str, Size),
        title: String,
        caption: String,
        alt: String,
        (width, height): (f64, f64),
        body: impl IntoIterator<Item = Node>,
    ) -> Self {
        Self {
            svg: document(id, size, (width, height), (&title, &alt), body),
            id: id.to_owned(),
            title,
            caption,
            alt,
        }
    }
}

/// All figures of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// The leaderboard with intervals over the chance band.
    pub(crate) dots: Option<Figure>,
    /// The same for a phone.
    pub(crate) dots_narrow: Option<Figure>,
    /// One a parameter that was varied: what it does by itself.
    pub(crate) marginals: Vec<Figure>,
    /// One a variant with two parameters on a grid: what the two do together.
    pub(crate) heat_maps: Vec<Figure>,
    /// One a variant with several parameters: every trial as a line.
    pub(crate) parallel: Vec<Figure>,
    /// All trials, sorted.
    pub(crate) trials: Option<Figure>,
    /// What validation foretold of test.
    pub(crate) validation_test: Option<Figure>,
    /// Quality against seconds of fitting.
    pub(crate) pareto_time: Option<Figure>,
    /// Quality against memory.
    pub(crate) pareto_memory: Option<Figure>,
    /// One a way to divide the test part.
    pub(crate) segments: Vec<Figure>,
    /// Several test periods one by one.
    pub(crate) periods: Option<Figure>,
    /// One an alternative of the cleaners: what they left of the log.
    pub(crate) funnel: Vec<Figure>,
    /// The same: which part of the experiment has which time.
    pub(crate) timeline: Vec<Figure>,
}

impl Figures {
    /// Draws them.
    pub(crate) fn of(summary: &Summary) -> Self {
        Self {
            dots: dots::draw(summary),
            dots_narrow: dots::narrow(summary),
            marginals: marginals::draw(summary),
            heat_maps: heat_maps::draw(summary),
            parallel: parallel::draw(summary),
            trials: trials::draw(summary),
            validation_test: validation_test::draw(summary),
            pareto_time: pareto::time(summary),
            pareto_memory: pareto::memory(summary),
            segments: segments::draw(summary),
            periods: periods::draw(summary),
            funnel: funnel::draw(summary),
            timeline: timeline::draw(summary),
        }
    }
}

#[cfg(test)]
mod tests;
