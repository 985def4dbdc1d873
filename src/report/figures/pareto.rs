//! Quality against what it costs, and the front: those that nothing beats in both.

use std::fmt::Write as _;

use super::variants::{entry, key, listed, with_interval};
use super::{Figure, Size};
use crate::report::charts::{
    Legend, Node, SMALL, Scale, across, color, line, mark, short, up, width,
};
use crate::report::summary::{Row, Summary};
use crate::report::text::seconds;
use crate::text::one_line;

const WIDTH: f64 = 420.0;
const PLOT: f64 = 250.0;

/// What a figure is about.
struct Cost {
    id: &'static str,
    title: String,
    axis: &'static str,
    /// As a sentence begins with it.
    what: &'static str,
    caption: &'static str,
    log: bool,
    written: fn(f64) -> String,
}

/// One variant.
struct Point<'s> {
    at: usize,
    row: &'s Row,
    cost: f64,
    on_front: bool,
}

/// Quality against seconds of fitting; absent with fewer than two variants.
pub(super) fn time(summary: &Summary) -> Option<Figure> {
    let cost = Cost {
        id: "pareto-time",
        title: format!("{} against seconds of fitting", summary.overview.select),
        axis: "seconds of fitting (logarithmic)",
        what: "Seconds of fitting",
        caption: "seconds that one fit for the test part took (across, logarithmic; a mean over seeds)",
        log: true,
        written: |s| format!("{} s", seconds(s)),
    };
    figure(summary, &cost, |row| Some(row.fit_seconds))
}

/// Quality against memory; absent where the system did not tell.
pub(super) fn memory(summary: &Summary) -> Option<Figure> {
    let cost = Cost {
        id: "pareto-memory",
        title: format!("{} against memory", summary.overview.select),
        axis: "peak memory of the process, MB",
        what: "Peak memory",
        caption: "the most memory that the whole process held while the variant was fitted and ranked \
                  (across): the log and what ran at the same time are in it, so small differences mean \
                  nothing",
        log: false,
        written: |mb| format!("{mb:.0} MB"),
    };
    figure(summary, &cost, |row| {
        Some(row.peak_bytes? as f64 / 1_000_000.0)
    })
}

fn figure(summary: &Summary, of: &Cost, cost: impl Fn(&Row) -> Option<f64>) -> Option<Figure> {
    let select = &summary.overview.select;
    let rows = summary.leaderboard.iter().enumerate();
    let points = rows.filter(|(_, row)| row.test.contains_key(select));
    let mut points: Vec<Point> = points
        .filter_map(|(at, row)| {
            Some(Point {
                at,
                row,
                cost: cost(row)?,
                on_front: false,
            })
        })
        .collect();
    if points.len() < 2 {
        return None;
    }
    let value = |p: &Point| p.row.test[select].value;
    let beaten = |p: &Point| {
        points.iter().any(|o| {
            let no_worse = value(o) >= value(p) && o.cost <= p.cost;
            no_worse && (value(o) > value(p) || o.cost < p.cost)
        })
    };
    let front: Vec<bool> = points.iter().map(|p| !beaten(p)).collect();
    for (point, on_front) in points.iter_mut().zip(front) {
        point.on_front = on_front;
    }

    let mut legend = Legend::default();
    for point in &points {
        entry(&mut legend, Some(point.at), &point.row.variant);
    }
    legend.add(Node::path("front", "M0 5h9v-10h9"), "Pareto front");
    let (legend, height) = legend.draw((6.0, 0.0), WIDTH - 12.0);
    let top = height + 32.0;
    let bottom = top + PLOT;
    let shown = points.iter().flat_map(|p| {
        let (low, high) = p.row.test[select].ends().unzip();
        [Some(value(p)), low, high].into_iter().flatten()
    });
    let down = Scale::linear(shown, (bottom, top));
    let ticks = down.ticks(8);
    let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
    let left = widest.fold(0.0, f64::max) + 14.0;
    let range = (left + 8.0, WIDTH - 20.0);
    let costs = points.iter().map(|p| p.cost);
    let scale = if of.log {
        Scale::log(costs, range)
    } else {
        // From zero, so that differences that mean nothing look like nothing.
        Scale::from_zero(costs.map(|cost| 1.05 * cost), range)
    };
    let mut body = vec![
        legend,
        up(&down, left, WIDTH - 12.0, &format!("{select} on test")),
        across(&scale, top, bottom, of.axis),
        Node::path("front", steps(&points, &scale, &down, select, WIDTH - 12.0)),
    ];
    let places = (&scale, &down);
    // Marks lie on top of the whiskers of others.
    body.extend(points.iter().filter_map(|p| whisker(p, select, places)));
    body.extend(points.iter().map(|p| drawn(p, select, places, of)));
    Some(Figure::new(
        (of.id, Size::Small),
        of.title.clone(),
        format!(
            "{select} on test (up, with its 95 % interval) against {}. The stepped line is the Pareto \
             front: no variant is both better and cheaper than one on it. Intervals say how sure the \
             height of each is.",
            of.caption
        ),
        alt(&points, select, of),
        (WIDTH, bottom + 42.0),
        body,
    ))
}

fn whisker(point: &Point, select: &str, (scale, down): (&Scale, &Scale)) -> Option<Node> {
    let (low, high) = point.row.test[select].ends()?;
    let (low, high) = (short(down.at(low)), short(down.at(high)));
    let x = scale.at(point.cost);
    let (x, a, b) = (short(x), short(x - 4.0), short(x + 4.0));
    let d = format!("M{a} {low}H{b}M{x} {low}V{high}M{a} {high}H{b}");
    let group = Node::group(&color(Some(point.at))).key(key(point.at));
    Some(group.with(Node::path("whisker", d)))
}

fn drawn(point: &Point, select: &str, (scale, down): (&Scale, &Scale), of: &Cost) -> Node {
    let place = (scale.at(point.cost), down.at(point.row.test[select].value));
    let class = if point.row.rank.is_some() {
        ""
    } else {
        "hollow"
    };
    Node::group(&color(Some(point.at)))
        .key(key(point.at))
        .tip(said(point, select, of))
        .with(mark(Some(point.at), place, 6.0, class))
}

fn said(point: &Point, select: &str, of: &Cost) -> String {
    format!(
        "{}: {select} {}, {}",
        one_line(&point.row.variant),
        with_interval(&point.row.test[select]),
        (of.written)(point.cost)
    )
}

/// The front from the cheapest on to the right edge.
fn steps(points: &[Point], scale: &Scale, down: &Scale, select: &str, right: f64) -> String {
    let front = points.iter().filter(|p| p.on_front);
    let mut front: Vec<(f64, f64)> = front
        .map(|p| (scale.at(p.cost), down.at(p.row.test[select].value)))
        .collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut path: Vec<(f64, f64)> = Vec::new();
    for (x, y) in front {
        path.extend(path.last().map(|before| (x, before.1)));
        path.push((x, y));
    }
    path.extend(path.last().map(|last| (right, last.1)));
    line(path)
}

fn alt(points: &[Point], select: &str, of: &Cost) -> String {
    let front = points.iter().filter(|p| p.on_front);
    let others = points.iter().filter(|p| !p.on_front);
    let mut text = format!(
        "{} and {select} on test. On the Pareto front: {}.",
        of.what,
        listed(front.map(|p| said(p, select, of)), 8)
    );
    let others = listed(others.map(|p| said(p, select, of)), 8);
    if !others.is_empty() {
        let _ = write!(text, " Not on it: {others}.");
    }
    text
}
