//! Drawing: a small writer of SVG, scales, axes, legends and marks. Nothing here knows of experiments.
//!
//! No color and no size of text stands in a drawing: elements have classes, and [`CSS`] says what
//! these look like in light, in dark and on paper. Widths of texts are estimated on the safe side
//! (`words`), so that nothing is cut or lies on something else whatever the font is.

mod axis;
mod legend;
mod mark;
mod path;
mod scale;
mod sequence;
mod svg;
mod words;

pub(crate) use axis::{across, up};
pub(crate) use legend::Legend;
pub(crate) use mark::{color, mark};
pub(crate) use path::{line, strokes};
pub(crate) use scale::{Scale, plain};
pub(crate) use sequence::{step, steps};
pub(crate) use svg::{Node, Size, document, short};
pub(crate) use words::{fit, width};

/// The style of all charts.
pub(crate) const CSS: &str = include_str!("charts.css");

/// The size of texts, in the units of all charts.
pub(crate) const TEXT: f64 = 13.0;

/// The size of ticks and notes.
pub(crate) const SMALL: f64 = 12.0;

#[cfg(test)]
mod tests;
