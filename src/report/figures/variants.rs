//! Which variant has which color and shape, and how variants are spoken of.

use std::fmt::Write as _;

use crate::report::charts::{Legend, Node, color, mark};
use crate::report::summary::Row;
use crate::report::text::{ends as ends_text, value};
use crate::text::one_line;

/// The position of a variant on the leaderboard.
pub(super) fn position(rows: &[Row], variant: &str) -> Option<usize> {
    rows.iter().position(|row| row.variant == variant)
}

/// What a variant is highlighted by.
pub(super) fn key(position: usize) -> String {
    format!("v{position}")
}

/// The entry of a variant in a legend.
pub(super) fn entry(legend: &mut Legend, position: Option<usize>, name: &str) {
    let sign = Node::group(&color(position)).with(mark(position, (9.0, 0.0), 5.0, ""));
    let name = one_line(name);
    match position {
        Some(at) => legend.keyed(sign, &name, &key(at)),
        None => legend.add(sign, &name),
    }
}

/// A number of things said one by one, and how many more there are.
pub(super) fn listed(things: impl IntoIterator<Item = String>, most: usize) -> String {
    let things: Vec<String> = things.into_iter().collect();
    let more = things.len().saturating_sub(most);
    let mut text = things[..things.len() - more].join("; ");
    if more > 0 {
        let _ = write!(text, "; and {more} more");
    }
    text
}

/// `0.0123 [0.0100, 0.0150]`, without an interval where there is none.
pub(super) fn with_interval(estimate: &crate::compare::Estimate) -> String {
    match estimate.ends() {
        Some(ends) => format!("{} {}", value(estimate.value), ends_text(ends)),
        None => value(estimate.value),
    }
}
