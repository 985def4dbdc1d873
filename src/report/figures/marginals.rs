//! What a parameter does by itself: all trials over its values, and the mean of each value.

use std::fmt::Write as _;

use super::tried::{Axis, Tried, of, word};
use super::variants::listed;
use super::{Figure, Size};
use crate::report::charts::{Node, SMALL, Scale, color, fit, line, mark, strokes, up, width};
use crate::report::summary::Summary;
use crate::report::text::value;
use crate::settings::trial_name;
use crate::text::{counted, one_line};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 250.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = HEIGHT - 44.0;

/// More values than this have no room of their own below the axis.
const MOST_TICKS: usize = 8;

/// One a varied parameter of each variant.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let select = &summary.overview.select;
    let mut figures = Vec::new();
    for (at, tried) in Tried::all(summary).iter().enumerate() {
        for (of_variant, axis) in tried.axes.iter().enumerate() {
            let id = format!("marginal-{at}-{of_variant}");
            figures.push(figure(&id, select, tried, axis));
        }
    }
    figures
}

fn figure(id: &str, select: &str, tried: &Tried, axis: &Axis) -> Figure {
    let values = Scale::linear(tried.points.iter().map(|(_, v)| *v), (BOTTOM, TOP));
    let ticks = values.ticks(((BOTTOM - TOP) / 32.0) as usize);
    let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
    let left = widest.fold(0.0, f64::max) + 12.0;
    let across = axis.scale((left + 10.0, WIDTH - 16.0));
    let name = one_line(axis.name);
    let mut body = vec![up(
        &values,
        left,
        WIDTH - 6.0,
        &format!("{select} on validation"),
    )];
    body.extend(below(axis, &across, left));
    let what = fit(&name, SMALL, WIDTH - left);
    let middle = 0.5 * (left + WIDTH);
    body.push(Node::text("what middle", (middle, HEIGHT - 8.0), &what));

    let means = axis.means(&tried.points);
    let shown = tried.means_compare();
    let mut group = Node::group(&format!("points pale {}", color(tried.position)));
    let mut chosen = None;
    for (trial, y) in &tried.points {
        let Some(x) = of(trial, axis.name).and_then(|v| axis.at(v, &across)) else {
            continue;
        };
        let place = (x, values.at(*y));
        let tip = format!(
            "{}: {}",
            trial_name(&one_line(&trial.variant), &one_line(&trial.settings)),
            value(*y)
        );
        group.push(
            mark(tried.position, place, 3.5, "")
                .key(format!("t{}", trial.index))
                .tip(tip),
        );
        if trial.chosen {
            chosen = Some((place, trial));
        }
    }
    body.push(group);
    if shown {
        body.push(mean_of_each(tried, axis, &means, &across, &values));
    }
    if let Some(((x, y), _)) = chosen {
        body.push(ring(x, y));
    }
    let title = format!("{} by {name}", tried.name());
    let mut caption = format!(
        "Each mark is a trial: {select} on validation (up) by {name} (across{}).",
        if axis.log { ", logarithmic" } else { "" }
    );
    if shown {
        caption +=
            " The line joins the means over all trials with the same value; all else varies too.";
    } else if tried.drawn() {
        caption += " Values were drawn at random together with all other parameters, so look at where \
                    the best marks lie.";
    }
    if chosen.is_some() {
        caption += " The ring is the chosen trial.";
    }
    caption += &tried.lacking();
    Figure::new(
        (id, Size::Small),
        title,
        caption,
        alt(select, tried, axis, shown.then_some(&means)),
        (WIDTH, HEIGHT),
        body,
    )
}

/// A line through the means, where numbers have an order, else a bar for each.
fn mean_of_each(
    tried: &Tried,
    axis: &Axis,
    means: &[Option<f64>],
    across: &Scale,
    values: &Scale,
) -> Node {
    let points = axis.values.iter().zip(means);
    let points = points.filter_map(|(v, mean)| Some((axis.at(v, across)?, values.at((*mean)?))));
    let d = if axis.numbers.is_some() {
        line(points)
    } else {
        strokes(points.map(|(x, y)| [(x - 14.0, y), (x + 14.0, y)]))
    };
    Node::group(&color(tried.position)).with(Node::path("line over", d))
}

/// A ring around the chosen one.
pub(super) fn ring(x: f64, y: f64) -> Node {
    Node::new("circle")
        .class("chosen")
        .number("cx", x)
        .number("cy", y)
        .number("r", 7.5)
}

/// The values below the plot, as many as have room.
fn below(axis: &Axis, scale: &Scale, left: f64) -> Vec<Node> {
    let ticks = axis.ticks(scale, MOST_TICKS);
    let room = (WIDTH - left) / ticks.len().max(1) as f64;
    let mut nodes = Vec::new();
    let mut end = 0.0;
    let mut lines = Vec::new();
    for (x, text) in ticks {
        let text = match axis.numbers {
            Some(_) => text,
            None => fit(&text, SMALL, room - 6.0),
        };
        let half = 0.5 * width(&text, SMALL);
        lines.push([(x, BOTTOM), (x, BOTTOM + 5.0)]);
        let middle = x.min(WIDTH - half);
        if middle - half < end {
            continue;
        }
        end = middle + half + 6.0;
        nodes.push(Node::text("tick middle", (middle, BOTTOM + 18.0), &text));
    }
    nodes.insert(0, Node::path("tie", strokes(lines)));
    nodes
}

fn alt(select: &str, tried: &Tried, axis: &Axis, means: Option<&Vec<Option<f64>>>) -> String {
    let name = one_line(axis.name);
    let mut text = if let Some(means) = means {
        let each = axis.values.iter().zip(means);
        let each = each.filter_map(|(v, mean)| Some(format!("{} {}", word(v), value((*mean)?))));
        format!(
            "Mean {select} on validation by {name}: {}.",
            listed(each, 12)
        )
    } else {
        let (first, last) = (axis.values.first(), axis.values.last());
        let ends = first.zip(last);
        let ends = ends.map(|(a, b)| format!(" from {} to {}", word(a), word(b)));
        let with = tried
            .points
            .iter()
            .filter(|(t, _)| of(t, axis.name).is_some());
        format!(
            "{} with {name}{}.",
            counted(with.count(), "trial"),
            ends.unwrap_or_default()
        )
    };
    if let Some((trial, best)) = tried.best() {
        let has = of(trial, axis.name)
            .map_or_else(|| format!("no {name}"), |v| format!("{name} {}", word(v)));
        let _ = write!(
            text,
            " The best trial has {has} and {select} {}.",
            value(best)
        );
    }
    text
}
