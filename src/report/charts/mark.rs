//! Marks of variants: a color and a shape each, so that color is never alone.

use super::svg::{Node, short};

/// How many colors there are.
const COLORS: usize = 8;

/// The class that gives the color of a variant by its position; gray without one.
pub(crate) fn color(position: Option<usize>) -> String {
    position.map_or_else(|| "v-none".to_owned(), |at| format!("v{}", at % COLORS))
}

/// The mark of a variant by its position, its middle at a place. There are 7 shapes and 8 colors, so
/// 56 variants differ.
pub(crate) fn mark(position: Option<usize>, (x, y): (f64, f64), radius: f64, class: &str) -> Node {
    let r = radius;
    let from = |dx: f64, dy: f64| format!("M{} {}", short(x + dx), short(y + dy));
    let class = format!("mark {class}");
    let class = class.trim_end();
    let d = match position.map_or(0, |at| at % 7) {
        0 => {
            return Node::new("circle")
                .class(class)
                .number("cx", x)
                .number("cy", y)
                .number("r", r);
        }
        1 => {
            let a = 0.88 * r;
            format!(
                "{}h{2}v{2}h{1}z",
                from(-a, -a),
                short(-2.0 * a),
                short(2.0 * a)
            )
        }
        2 => {
            let (a, h) = (1.1 * r, 1.9 * r);
            format!(
                "{}l{} {}h{}z",
                from(0.0, -1.15 * r),
                short(a),
                short(h),
                short(-2.0 * a)
            )
        }
        3 => {
            let a = 1.2 * r;
            let (p, m) = (short(a), short(-a));
            format!("{}l{p} {p}l{m} {p}l{m} {m}z", from(0.0, -a))
        }
        4 => {
            let (a, h) = (1.1 * r, -1.9 * r);
            format!(
                "{}l{} {}h{}z",
                from(0.0, 1.15 * r),
                short(a),
                short(h),
                short(-2.0 * a)
            )
        }
        5 => {
            // A plus: arms of a third of its size.
            let (a, b) = (1.1 * r, 0.4 * r);
            let (arm, minus, w, v) = (short(a - b), short(b - a), short(2.0 * b), short(-2.0 * b));
            format!(
                "{}h{w}v{arm}h{arm}v{w}h{minus}v{arm}h{v}v{minus}h{minus}v{v}h{arm}z",
                from(-b, -a)
            )
        }
        _ => {
            // The same turned.
            let (a, b) = (0.78 * r, 0.56 * r);
            let c = a;
            let (p, m) = (short(b), short(-b));
            let (q, n) = (short(c), short(-c));
            format!(
                "{}l{q} {n}l{p} {p}l{n} {q}l{q} {q}l{m} {p}l{n} {n}l{n} {q}l{m} {m}l{q} {n}l{n} {n}l{p} {m}z",
                from(0.0, -b)
            )
        }
    };
    Node::path(class, d)
}
