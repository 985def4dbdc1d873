//! The leaderboard as a picture: each variant's value with its interval over what chance gives.

use std::fmt::Write as _;

use super::variants::{key, listed, with_interval};
use super::{Figure, Size};
use crate::report::charts::{
    Legend, Node, SMALL, Scale, TEXT, across, color, fit, line, mark, short, width,
};
use crate::report::summary::{Row, Summary};
use crate::report::text::{probability, value};
use crate::sweep::FloorMetric;
use crate::text::{counted, one_line};

/// How much room there is.
#[derive(Debug, Clone, Copy)]
struct Layout {
    id: &'static str,
    size: Size,
    width: f64,
    /// The height of a row.
    row: f64,
    /// Whether names and numbers stand above the marks, not beside them.
    above: bool,
}

const WIDE: Layout = Layout {
    id: "dots",
    size: Size::Wide,
    width: 720.0,
    row: 30.0,
    above: false,
};

/// For a phone, where the other one would have to be scrolled.
const NARROW: Layout = Layout {
    id: "dots-narrow",
    size: Size::Small,
    width: 328.0,
    row: 44.0,
    above: true,
};

/// How much further than all else the best possible value may lie and still be drawn, as a share of
/// what all else takes.
const NEAR: f64 = 0.5;

/// What is drawn of a variant.
struct Dot<'s> {
    row: &'s Row,
    name: String,
    written: String,
    floor: Option<&'s FloorMetric>,
}

/// See the module.
pub(super) fn draw(summary: &Summary) -> Option<Figure> {
    laid_out(summary, WIDE)
}

/// The same for a phone.
pub(super) fn narrow(summary: &Summary) -> Option<Figure> {
    laid_out(summary, NARROW)
}

fn laid_out(summary: &Summary, layout: Layout) -> Option<Figure> {
    let select = &summary.overview.select;
    let dots: Vec<Dot> = summary
        .leaderboard
        .iter()
        .filter_map(|row| {
            Some(Dot {
                row,
                name: one_line(&row.variant),
                written: with_interval(row.test.get(select)?),
                floor: summary.overview.floor(row.cleaning),
            })
        })
        .collect();
    if dots.is_empty() {
        return None;
    }
    let (left, right) = if layout.above {
        (12.0, layout.width - 12.0)
    } else {
        let names = dots.iter().map(|d| width(&d.name, TEXT));
        let numbers = dots.iter().map(|d| width(&d.written, SMALL));
        (
            names.fold(40.0, f64::max).min(200.0) + 14.0,
            layout.width - numbers.fold(0.0, f64::max) - 14.0,
        )
    };

    let shown = dots.iter().flat_map(|d| {
        let estimate = d.row.test[select];
        let (low, high) = estimate.ends().unwrap_or((estimate.value, estimate.value));
        let chance = d.floor.map(|f| [f.low, f.high, f.expected]);
        [estimate.value, low, high]
            .into_iter()
            .chain(chance.into_iter().flatten())
    });
    let mut shown: Vec<f64> = shown.collect();
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Near to zero, zero is where one looks for the beginning.
    if least > 0.0 && least < 0.4 * most {
        shown.push(0.0);
    }
    let length = most - least.min(0.0);
    let ceiling = dots[0].floor.and_then(|f| f.ceiling);
    let near = ceiling.filter(|c| *c <= most + NEAR * length && *c > least);
    shown.extend(near);
    let scale = Scale::linear(shown, (left, right));

    let (legend, height) = legend(summary, &dots, near).draw((left, 0.0), layout.width - left);
    let far = ceiling.filter(|_| near.is_none());
    let top = height + if far.is_some() { 28.0 } else { 10.0 };
    let bottom = top + layout.row * dots.len() as f64;
    let middle = |at: usize| top + layout.row * (at as f64 + 0.5);

    let mut body = vec![legend];
    if let Some(far) = far {
        let text = format!("best possible: {} →", value(far));
        body.push(Node::text("note end", (right, top - 8.0), &text));
    }
    body.extend(bands(&dots, &scale, (top, layout.row)));
    body.push(across(&scale, top, bottom, &format!("{select} on test")));
    body.extend(expected(&dots, &scale, (top, layout.row)));
    if let Some(near) = near {
        let x = scale.at(near);
        body.push(
            Node::path("ceiling", line([(x, top), (x, bottom)]))
                .tip(format!("best possible: {select} {}", value(near))),
        );
    }
    let baseline = dots
        .iter()
        .find(|d| Some(&d.row.variant) == summary.comparison.baseline.as_ref());
    if let Some(baseline) = baseline {
        let x = scale.at(baseline.row.test[select].value);
        body.push(Node::path("baseline", line([(x, top), (x, bottom)])));
    }
    for (at, dot) in dots.iter().enumerate() {
        body.push(row(
            dot,
            at,
            middle(at),
            &scale,
            select,
            (layout, left, right),
        ));
    }
    Some(Figure::new(
        (layout.id, layout.size),
        format!("{select} on test"),
        caption(summary, &dots),
        alt(summary, &dots),
        (layout.width, bottom + 40.0),
        body,
    ))
}

fn row(
    dot: &Dot,
    at: usize,
    y: f64,
    scale: &Scale,
    select: &str,
    (layout, left, right): (Layout, f64, f64),
) -> Node {
    let estimate = dot.row.test[select];
    let settings = match dot.row.settings.as_str() {
        "" => String::new(),
        settings => format!(" ({settings})"),
    };
    let tip = format!(
        "{}{settings}: {select} {}; p that chance does as well {}",
        dot.name,
        dot.written,
        probability(dot.row.p_chance_adjusted)
    );
    let mut group = Node::group(&format!("row {}", color(Some(at))))
        .key(key(at))
        .tip(tip)
        .with(Node::rect(
            "hit",
            (0.0, y - 0.5 * layout.row),
            (layout.width, layout.row),
        ));
    let (y, written, label) = if layout.above {
        let room = right - left - width(&dot.written, SMALL) - 12.0;
        let name = fit(&dot.name, TEXT, room);
        group.push(Node::text("name halo", (left, y - 7.0), &name));
        (y + 10.0, (right, y - 7.0), "number end halo")
    } else {
        let name = fit(&dot.name, TEXT, left - 14.0);
        group.push(Node::text("name end", (left - 10.0, y + 4.5), &name));
        (y, (right + 12.0, y + 4.0), "number")
    };
    if let Some((low, high)) = estimate.ends() {
        let (a, b) = (scale.at(low), scale.at(high));
        let (top, bottom) = (short(y - 5.0), short(y + 5.0));
        let (a, b, y) = (short(a), short(b), short(y));
        group.push(Node::path(
            "whisker",
            format!("M{a} {top}V{bottom}M{a} {y}H{b}M{b} {top}V{bottom}"),
        ));
    }
    let class = if dot.row.rank.is_some() { "" } else { "hollow" };
    group.push(mark(Some(at), (scale.at(estimate.value), y), 6.5, class));
    group.with(Node::text(label, written, &dot.written))
}

/// Runs of rows that have one alternative of the cleaners, and so one band.
fn runs<'s>(dots: &[Dot<'s>]) -> Vec<(usize, usize, &'s FloorMetric)> {
    let mut runs: Vec<(usize, usize, &FloorMetric)> = Vec::new();
    for (at, dot) in dots.iter().enumerate() {
        let Some(floor) = dot.floor else { continue };
        match runs.last_mut() {
            Some((_, end, known)) if *end == at && *known == floor => *end = at + 1,
            _ => runs.push((at, at + 1, floor)),
        }
    }
    runs
}

fn bands(dots: &[Dot], scale: &Scale, (top, row): (f64, f64)) -> Vec<Node> {
    let band = |(from, to, floor): (usize, usize, &FloorMetric)| {
        let (a, b) = (scale.at(floor.low), scale.at(floor.high));
        let y = top + row * from as f64;
        let size = ((b - a).max(1.0), row * (to - from) as f64);
        Node::rect("chance", (a, y), size).tip(format!(
            "random rankings: expected {}, 95 % of them from {} to {}",
            value(floor.expected),
            value(floor.low),
            value(floor.high)
        ))
    };
    runs(dots).into_iter().map(band).collect()
}

fn expected(dots: &[Dot], scale: &Scale, (top, row): (f64, f64)) -> Vec<Node> {
    let rule = |(from, to, floor): (usize, usize, &FloorMetric)| {
        let x = scale.at(floor.expected);
        let (from, to) = (top + row * from as f64, top + row * to as f64);
        Node::path("expected", line([(x, from), (x, to)]))
    };
    runs(dots).into_iter().map(rule).collect()
}

fn legend(summary: &Summary, dots: &[Dot], near: Option<f64>) -> Legend {
    let mut legend = Legend::default();
    let upright = |class: &str| Node::path(class, "M9 -7V7");
    if dots.iter().any(|d| d.floor.is_some()) {
        let swatch = Node::rect("chance", (0.0, -6.0), (18.0, 12.0));
        legend.add(swatch, "chance: 95 % of random rankings");
        legend.add(upright("expected"), "expected by chance");
    }
    if let Some(baseline) = &summary.comparison.baseline {
        let words = format!("baseline: {}", one_line(baseline));
        legend.add(upright("baseline"), &words);
    }
    if near.is_some() {
        legend.add(upright("ceiling"), "best possible");
    }
    if dots.iter().any(|d| d.row.rank.is_none()) {
        let sign = mark(None, (9.0, 0.0), 5.0, "hollow");
        legend.add(
            Node::group("v-none").with(sign),
            "hollow: chance explains it",
        );
    }
    legend
}

fn caption(summary: &Summary, dots: &[Dot]) -> String {
    let select = &summary.overview.select;
    let mut text = format!(
        "{select} of each variant on the test part (mark) with its 95 % interval over users (line); higher \
         is better."
    );
    if dots.iter().any(|d| d.floor.is_some()) {
        text += " Within the shaded band lie 95 % of random rankings: a hollow mark is a value that \
                 chance explains, wherever it lies.";
    }
    if dots.iter().any(|d| d.row.test[select].ends().is_none()) {
        text += " Where too few users have a hit, there is no interval.";
    }
    text += " Intervals that overlap do not show that two variants are equal: the letters of the \
             leaderboard say which can be told apart.";
    text
}

fn alt(summary: &Summary, dots: &[Dot]) -> String {
    let select = &summary.overview.select;
    let each = dots.iter().map(|d| format!("{} {}", d.name, d.written));
    let mut text = format!("{select} on test: {}.", listed(each, 8));
    if let Some(floor) = dots[0].floor {
        let _ = write!(
            text,
            " Chance is expected to give {}, and 95 % of random rankings lie from {} to {}.",
            value(floor.expected),
            value(floor.low),
            value(floor.high)
        );
    }
    let better = dots.iter().filter(|d| d.row.rank.is_some()).count();
    let _ = write!(
        text,
        " {better} of {} better than chance.",
        if dots.len() == 1 {
            "1 variant is".to_owned()
        } else {
            format!("{} are", counted(dots.len(), "variant"))
        }
    );
    text
}
