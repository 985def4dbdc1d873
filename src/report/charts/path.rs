//! Lines as the data of paths.

use super::svg::short;

/// Points joined one to the next.
pub(crate) fn line(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut d = String::new();
    for (x, y) in points {
        d.push(if d.is_empty() { 'M' } else { 'L' });
        d.push_str(&short(x));
        d.push(' ');
        d.push_str(&short(y));
    }
    d
}

/// Lines by themselves, each from a point to another.
pub(crate) fn strokes(lines: impl IntoIterator<Item = [(f64, f64); 2]>) -> String {
    let mut d = String::new();
    for ends in lines {
        d.push_str(&line(ends));
    }
    d
}
