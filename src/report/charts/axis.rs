//! Axes: thin lines across the plot at round values, which are written beside it.

use super::SMALL;
use super::path::strokes;
use super::scale::Scale;
use super::svg::Node;
use super::words::{fit, width};

/// The axis of a horizontal scale, with lines from `top` to `bottom` and what it measures below them.
/// It takes 38 units below `bottom`.
pub(crate) fn across(scale: &Scale, top: f64, bottom: f64, what: &str) -> Node {
    let (left, right) = scale.range();
    let mut ticks = Vec::new();
    // As many as fit side by side.
    for most in (1..=8).rev() {
        ticks = scale.ticks(most);
        let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
        let widest = widest.fold(0.0, f64::max) + 10.0;
        let places: Vec<f64> = ticks.iter().map(|(value, _)| scale.at(*value)).collect();
        if places.windows(2).all(|p| p[1] - p[0] >= widest) {
            break;
        }
    }
    let places = ticks.iter().map(|(value, _)| scale.at(*value));
    let lines = strokes(places.map(|x| [(x, top), (x, bottom)]));
    let mut axis = Node::group("axis").with(Node::path("grid", lines));
    for (value, text) in &ticks {
        let half = 0.5 * width(text, SMALL);
        let x = scale.at(*value).clamp(half.min(left), right.max(half));
        axis.push(Node::text("tick middle", (x, bottom + 15.0), text));
    }
    let middle = 0.5 * (left + right);
    axis.with(Node::text(
        "what middle",
        (middle, bottom + 33.0),
        &fit(what, SMALL, right - left),
    ))
}

/// The axis of a vertical scale, with lines from `left` to `right` and what it measures above them.
pub(crate) fn up(scale: &Scale, left: f64, right: f64, what: &str) -> Node {
    let (bottom, top) = scale.range();
    let ticks = scale.ticks(((bottom - top) / 32.0) as usize);
    let places = ticks.iter().map(|(value, _)| scale.at(*value));
    let lines = strokes(places.map(|y| [(left, y), (right, y)]));
    let mut axis = Node::group("axis").with(Node::path("grid", lines));
    for (value, text) in &ticks {
        let y = scale.at(*value) + 4.0;
        axis.push(Node::text("tick end", (left - 6.0, y), text));
    }
    if what.is_empty() {
        return axis;
    }
    let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
    let x = (left - 6.0 - widest.fold(0.0, f64::max)).max(2.0);
    axis.with(Node::text(
        "what",
        (x, top - 10.0),
        &fit(what, SMALL, right - x),
    ))
}
