//! Values as colors: a sequence of seven steps, and its legend.

use super::SMALL;
use super::svg::{Node, short};
use super::words::width;

/// How many steps there are.
const STEPS: usize = 7;

const SWATCH: f64 = 18.0;

/// The class of a value between two ends.
pub(crate) fn step(value: f64, (low, high): (f64, f64)) -> String {
    let share = if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    };
    let at = (share * STEPS as f64).floor();
    format!("s{}", short(at.clamp(0.0, STEPS as f64 - 1.0)))
}

/// The steps side by side between their ends as they are written, from a place on.
pub(crate) fn steps(
    ends: (f64, f64),
    written: impl Fn(f64) -> String,
    (left, top): (f64, f64),
) -> Node {
    let (low, high) = (written(ends.0), written(ends.1));
    let mut legend = Node::group("legend");
    let baseline = top + 14.0;
    legend.push(Node::text("note", (left, baseline), &low));
    let start = left + width(&low, SMALL) + 4.0;
    for at in 0..STEPS {
        let x = start + SWATCH * at as f64;
        let swatch = Node::rect("", (x, top + 4.0), (SWATCH, 12.0));
        legend.push(Node::group(&format!("cell s{at}")).with(swatch));
    }
    let end = start + SWATCH * STEPS as f64 + 6.0;
    legend.with(Node::text("note", (end, baseline), &high))
}
