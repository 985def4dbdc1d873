//! All trials of a variant at once: a line each through the values of its parameters to what it reached.

use super::tried::{Axis, Tried, of};
use super::{Figure, Size};
use crate::report::charts::{Node, SMALL, Scale, fit, line, short, step, steps, width};
use crate::report::summary::{Summary, TrialRow};
use crate::report::text::value;
use crate::settings::trial_name;
use crate::text::{counted, one_line};

const WIDTH: f64 = 720.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 286.0;
const HEIGHT: f64 = 304.0;

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
    let gap = (WIDTH - 2.0 * 62.0) / axes.len() as f64;
    let place = |at: usize| 62.0 + gap * at as f64;

    let known = tried.points.iter().map(|(_, v)| *v);
    let low = known.clone().fold(f64::INFINITY, f64::min);
    let high = known.fold(f64::NEG_INFINITY, f64::max);
    let mut sorted: Vec<&(&TrialRow, f64)> = tried.points.iter().collect();
    // The best lie on top.
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut lines = Node::group("trials");
    let best = tried.best().map(|(trial, _)| trial.index);
    let mut on_top = None;
    for (trial, y) in sorted {
        let mut points = Vec::new();
        for (at, (axis, scale)) in axes.iter().zip(&scales).enumerate() {
            let on_axis = of(trial, axis.name).and_then(|v| axis.at(v, scale));
            points.extend(on_axis.map(|y| (place(at), y)));
        }
        points.push((place(axes.len()), values.at(*y)));
        let is_best = Some(trial.index) == best;
        let class = if is_best {
            "best".to_owned()
        } else {
            step(*y, (low, high))
        };
        let tip = format!(
            "{}: {}",
            one_line(&trial_name(&trial.variant, &trial.settings)),
            value(*y)
        );
        let path = Node::path(&class, line(points))
            .key(format!("t{}", trial.index))
            .tip(tip);
        if is_best {
            on_top = Some(path);
        } else {
            lines.push(path);
        }
    }
    let mut body = vec![steps((low, high), value, (2.0, 0.0))];
    let sign = Node::path("best", "M300 10h18");
    body.push(Node::group("trials").with(sign));
    body.push(Node::text("note", (324.0, 14.0), "the best trial"));
    body.push(lines.all(on_top));
    for (at, (axis, scale)) in axes.iter().zip(&scales).enumerate() {
        body.push(upright(
            place(at),
            &one_line(axis.name),
            gap,
            &axis.ticks(scale, MOST_TICKS),
        ));
    }
    let ticks = values.ticks(6).into_iter();
    let ticks: Vec<(f64, String)> = ticks.map(|(v, text)| (values.at(v), text)).collect();
    body.push(upright(place(axes.len()), select, gap, &ticks));

    let mut caption = format!(
        "Each line is a trial: it crosses each axis at its value of that parameter and ends, at the right, \
         at its {select} on validation, which is also its color. The thick line is the best trial."
    );
    if left_out > 0 {
        caption += &format!(
            " {} that matter least by themselves are left out.",
            counted(left_out, "parameter")
        );
    }
    caption += &tried.lacking();
    let alt = alt(select, tried, (low, high));
    Some(Figure::new(
        (id, Size::Wide),
        format!("All trials of {}", tried.name()),
        caption,
        alt,
        (WIDTH, HEIGHT),
        body,
    ))
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
        d += &format!("M{} {}h-5", short(x), short(*y));
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
    for (y, text) in ticks {
        let text = fit(text, SMALL, (gap - 14.0).min(x - 8.0));
        axis.push(Node::text("tick end halo", (x - 8.0, y + 4.0), &text));
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
        text += &format!(
            " The best, {}, has {}.",
            value(best),
            one_line(&trial.settings)
        );
    }
    text
}
