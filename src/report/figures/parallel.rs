//! All trials of a variant at once: a line each through the values of its parameters to what it reached.

use std::fmt::Write as _;

use super::tried::{Axis, Tried, of};
use super::{Figure, Size};
use crate::report::charts::{Node, SMALL, Scale, fit, line, short, step, steps, width};
use crate::report::summary::{Summary, TrialRow};
use crate::report::text::value;
use crate::settings::trial_name;
use crate::text::{counted, one_line};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 66.0;

/// The room of what is written to the right of the last axis.
const RIGHT: f64 = 60.0;

const TOP: f64 = 66.0;
const BOTTOM: f64 = 286.0;
const HEIGHT: f64 = 304.0;

/// Where trials pass that have no such parameter.
const NONE: f64 = BOTTOM + 18.0;

/// How far lines through one value lie apart.
const BUNDLE: f64 = 12.0;

/// More axes than this cannot be told apart; those that matter least are left out.
const MOST_AXES: usize = 7;

/// More values than this are not written one by one.
const MOST_TICKS: usize = 8;

/// One a variant with at least two varied parameters.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let select = &summary.overview.select;
    let all = Tried::all(summary);
    let all = all.iter().enumerate();
    all.filter_map(|(at, tried)| figure(&format!("parallel-{at}"), select, tried))
        .collect()
}

fn figure(id: &str, select: &str, tried: &Tried) -> Option<Figure> {
    if tried.axes.len() < 2 || tried.points.len() < 3 {
        return None;
    }
    let (axes, left_out) = shown(tried);
    let values = Scale::linear(tried.points.iter().map(|(_, v)| *v), (BOTTOM, TOP));
    let scales: Vec<Scale> = axes.iter().map(|a| a.scale((BOTTOM, TOP))).collect();
    let gap = (WIDTH - LEFT - RIGHT) / axes.len() as f64;
    let known = tried.points.iter().map(|(_, v)| *v);
    let low = known.clone().fold(f64::INFINITY, f64::min);
    let high = known.fold(f64::NEG_INFINITY, f64::max);

    let mut height = HEIGHT;
    let mut body = vec![steps((low, high), value, (2.0, 0.0))];
    let sign = Node::path("best", "M300 10h18");
    body.push(Node::group("trials").with(sign));
    body.push(Node::text("note", (324.0, 14.0), "the best trial"));
    body.push(trials(tried, &axes, &scales, &values, (low, high)));
    for (at, (axis, scale)) in axes.iter().zip(&scales).enumerate() {
        let mut ticks = axis.ticks(scale, MOST_TICKS);
        let lacks = |(trial, _): &(&TrialRow, f64)| of(trial, axis.name).is_none();
        if tried.points.iter().any(lacks) {
            height = HEIGHT + 16.0;
            ticks.push((NONE, "none".to_owned()));
        }
        body.push(upright(
            LEFT + gap * at as f64,
            &one_line(axis.name),
            gap,
            &ticks,
        ));
    }
    let ticks = values.ticks(6).into_iter();
    let ticks: Vec<(f64, String)> = ticks.map(|(v, text)| (values.at(v), text)).collect();
    body.push(upright(WIDTH - RIGHT, select, gap, &ticks));
    Some(Figure::new(
        (id, Size::Wide),
        format!("All trials of {}", tried.name()),
        caption(select, tried, left_out),
        alt(select, tried, (low, high)),
        (WIDTH, height),
        body,
    ))
}

/// A line a trial, the best on top.
fn trials(
    tried: &Tried,
    axes: &[&Axis],
    scales: &[Scale],
    values: &Scale,
    ends: (f64, f64),
) -> Node {
    let gap = (WIDTH - LEFT - RIGHT) / axes.len() as f64;
    let mut sorted: Vec<&(&TrialRow, f64)> = tried.points.iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let best = tried.best().map(|(trial, _)| trial.index);
    let last = (sorted.len() - 1).max(1) as f64;
    let mut lines = Node::group("trials");
    let mut on_top = None;
    for (rank, (trial, reached)) in sorted.into_iter().enumerate() {
        // Lines through one value lie side by side, or only the last would be seen.
        let aside = BUNDLE * (0.5 - rank as f64 / last);
        let on_axes = axes.iter().zip(scales).enumerate();
        let points = on_axes.map(|(at, (axis, scale))| {
            let y = of(trial, axis.name).and_then(|v| axis.at(v, scale));
            let aside = if axis.drawn && y.is_some() {
                0.0
            } else {
                aside
            };
            (LEFT + gap * at as f64, y.unwrap_or(NONE) + aside)
        });
        let end = (WIDTH - RIGHT, values.at(*reached));
        let is_best = Some(trial.index) == best;
        let class = if is_best {
            "best".to_owned()
        } else {
            step(*reached, ends)
        };
        let name = one_line(&trial_name(&trial.variant, &trial.settings));
        let path = Node::path(&class, line(points.chain([end])))
            .key(format!("t{}", trial.index))
            .tip(format!("{name}: {}", value(*reached)));
        if is_best {
            on_top = Some(path);
        } else {
            lines.push(path);
        }
    }
    lines.all(on_top)
}

fn caption(select: &str, tried: &Tried, left_out: usize) -> String {
    let mut text = format!(
        "Each line is a trial: it crosses each axis at its value of that parameter and ends, at the right, \
         at its {select} on validation, which is also its color. Lines through one value lie side by side, \
         the better ones above. The thick line is the best trial."
    );
    if left_out > 0 {
        let _ = write!(
            text,
            " {} that matter least by themselves are left out.",
            counted(left_out, "parameter")
        );
    }
    text + &tried.lacking()
}

/// The axes that have room, in their order, and how many have none.
fn shown<'t, 's>(tried: &'t Tried<'s>) -> (Vec<&'t Axis<'s>>, usize) {
    let mut by: Vec<(usize, f64)> = tried
        .axes
        .iter()
        .map(|axis| axis.matters(&tried.points))
        .enumerate()
        .collect();
    by.sort_by(|a, b| b.1.total_cmp(&a.1));
    let left_out = by.len().saturating_sub(MOST_AXES);
    by.truncate(MOST_AXES);
    by.sort_by_key(|(at, _)| *at);
    (
        by.iter().map(|(at, _)| &tried.axes[*at]).collect(),
        left_out,
    )
}

/// An upright axis with its name above and its values to the left.
fn upright(x: f64, name: &str, gap: f64, ticks: &[(f64, String)]) -> Node {
    let mut axis = Node::group("axis");
    let mut d = format!("M{} {}V{}", short(x), short(TOP - 6.0), short(BOTTOM + 6.0));
    for (y, _) in ticks {
        let _ = write!(
            d,
            "M{} {}h{}",
            short(x),
            short(*y),
            if x > WIDTH - RIGHT - 1.0 { 5 } else { -5 }
        );
    }
    axis.push(Node::path("tie", d));
    let room = (gap - 12.0).min(2.0 * x - 4.0).min(2.0 * (WIDTH - x) - 4.0);
    let shown = fit(name, SMALL, room.max(110.0).min(gap.max(110.0)));
    let half = 0.5 * width(&shown, SMALL);
    let middle = x.clamp(half + 2.0, WIDTH - half - 2.0);
    let mut title = Node::text("what middle", (middle, TOP - 18.0), &shown);
    if shown != name {
        title = title.tip(name);
    }
    axis.push(title);
    let last = x > WIDTH - RIGHT - 1.0;
    for (y, text) in ticks {
        if last {
            axis.push(Node::text("tick", (x + 8.0, y + 4.0), text));
            continue;
        }
        let shown = fit(text, SMALL, (gap - 14.0).min(x - 8.0));
        let mut label = Node::text("tick end halo", (x - 8.0, y + 4.0), &shown);
        if shown != *text {
            label = label.tip(text);
        }
        axis.push(label);
    }
    axis
}

fn alt(select: &str, tried: &Tried, (low, high): (f64, f64)) -> String {
    let mut text = format!(
        "{} of {}: {select} on validation from {} to {}.",
        counted(tried.points.len(), "trial"),
        tried.name(),
        value(low),
        value(high)
    );
    if let Some((trial, best)) = tried.best() {
        let _ = write!(
            text,
            " The best, {}, has {}.",
            value(best),
            one_line(&trial.settings)
        );
    }
    text
}
