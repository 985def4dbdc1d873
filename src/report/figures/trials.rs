//! All trials of all variants in the order of what they reached on validation.

use std::fmt::Write as _;

use super::marginals::ring;
use super::variants::{entry, listed, position};
use super::{Figure, Size};
use crate::report::charts::{Legend, Node, Scale, color, mark, short, up};
use crate::report::summary::{Summary, TrialRow};
use crate::report::text::value;
use crate::settings::trial_name;
use crate::text::{counted, one_line};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 64.0;
const PLOT: f64 = 210.0;

/// The lane of trials that were not run to their end.
const LANE: f64 = 26.0;

/// See the module; absent where nothing was chosen from.
pub(super) fn draw(summary: &Summary) -> Option<Figure> {
    let select = &summary.overview.select;
    let known = |trial: &&TrialRow| trial.validation.contains_key(select);
    let mut ended: Vec<(&TrialRow, f64)> = summary
        .trials
        .iter()
        .filter_map(|trial| Some((trial, *trial.validation.get(select)?)))
        .collect();
    ended.sort_by(|a, b| b.1.total_cmp(&a.1));
    let of_several = summary.overview.variants.iter().any(|v| v.trials.len() > 1);
    if ended.is_empty() || !of_several {
        return None;
    }
    let lacking = summary.trials.iter().filter(|trial| !known(trial));
    let stopped: Vec<&TrialRow> = lacking.clone().filter(|t| t.stopped.is_some()).collect();
    let failed: Vec<&TrialRow> = lacking.filter(|t| t.failure.is_some()).collect();

    let (legend, height) = legend(summary).draw((LEFT, 0.0), WIDTH - LEFT);
    let top = height + 34.0;
    let bottom = top + PLOT;
    let values = Scale::linear(ended.iter().map(|(_, v)| *v), (bottom, top));
    let count = ended.len().max(stopped.len()).max(failed.len()) as f64;
    let places = Scale::exactly((0.5, count + 0.5), (LEFT, WIDTH - 12.0));
    let mut body = vec![
        legend,
        up(&values, LEFT, WIDTH, &format!("{select} on validation")),
    ];
    // Marks as large as their number permits.
    let radius = (260.0 / count).clamp(2.5, 5.0);
    let mut marks = Node::group("points");
    let mut rings = Vec::new();
    for (at, (trial, y)) in ended.iter().enumerate() {
        let place = (places.at(at as f64 + 1.0), values.at(*y));
        if trial.chosen {
            rings.push(point(summary, trial, place, 5.0, &value(*y)));
            rings.push(ring(place.0, place.1));
        } else {
            marks.push(point(summary, trial, place, radius, &value(*y)));
        }
    }
    body.push(marks);
    body.extend(rings);
    let mut y = bottom + 20.0;
    for (trials, what, class) in [(&stopped, "stopped", "hollow"), (&failed, "failed", "")] {
        if trials.is_empty() {
            continue;
        }
        body.push(Node::text("tick end", (LEFT - 6.0, y + 4.0), what));
        let mut lane = Node::group("points");
        for (at, trial) in trials.iter().enumerate() {
            let place = (places.at(at as f64 + 1.0), y);
            let why = trial.stopped.as_ref().or(trial.failure.as_ref());
            let why = why.map_or("", String::as_str);
            lane.push(if class.is_empty() {
                cross(summary, trial, place, why)
            } else {
                hollow(summary, trial, place, radius.max(3.0), why)
            });
        }
        body.push(lane);
        y += LANE;
    }
    let what = format!("{} in order, the best first", counted(ended.len(), "trial"));
    let middle = 0.5 * (LEFT + WIDTH);
    body.push(Node::text("what middle", (middle, y + 2.0), &what));
    Some(Figure::new(
        ("trials", Size::Wide),
        "All trials".to_owned(),
        caption(select, &stopped, &failed),
        alt(select, &ended, stopped.len(), failed.len()),
        (WIDTH, y + 10.0),
        body,
    ))
}

fn named(trial: &TrialRow) -> String {
    one_line(&trial_name(&trial.variant, &trial.settings))
}

fn keyed(summary: &Summary, trial: &TrialRow, node: Node, said: &str) -> Node {
    let class = color(position(&summary.leaderboard, &trial.variant));
    Node::group(&class)
        .key(format!("t{}", trial.index))
        .tip(format!("{}: {}", named(trial), one_line(said)))
        .with(node)
}

fn point(summary: &Summary, trial: &TrialRow, place: (f64, f64), radius: f64, said: &str) -> Node {
    let position = position(&summary.leaderboard, &trial.variant);
    keyed(summary, trial, mark(position, place, radius, ""), said)
}

fn hollow(summary: &Summary, trial: &TrialRow, place: (f64, f64), radius: f64, said: &str) -> Node {
    let position = position(&summary.leaderboard, &trial.variant);
    keyed(
        summary,
        trial,
        mark(position, place, radius, "hollow"),
        said,
    )
}

fn cross(summary: &Summary, trial: &TrialRow, (x, y): (f64, f64), said: &str) -> Node {
    let (left, right) = (short(x - 4.0), short(x + 4.0));
    let (top, bottom) = (short(y - 4.0), short(y + 4.0));
    let d = format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}");
    keyed(summary, trial, Node::path("failed", d), said)
}

fn legend(summary: &Summary) -> Legend {
    let mut legend = Legend::default();
    for (at, row) in summary.leaderboard.iter().enumerate() {
        entry(&mut legend, Some(at), &row.variant);
    }
    for variant in &summary.overview.variants {
        if position(&summary.leaderboard, &variant.name).is_none() {
            entry(&mut legend, None, &variant.name);
        }
    }
    legend.add(ring(9.0, 0.0), "chosen");
    legend
}

fn caption(select: &str, stopped: &[&TrialRow], failed: &[&TrialRow]) -> String {
    let mut text = format!(
        "Every trial by its {select} on validation, the best at the left; a ring marks the trial that \
         represents its variant on test."
    );
    if !stopped.is_empty() {
        text += " Trials that were stopped early stand below: what they had reached by then cannot be \
                 compared.";
    }
    if !failed.is_empty() {
        text += " Crosses below are trials that failed.";
    }
    text
}

fn alt(select: &str, ended: &[(&TrialRow, f64)], stopped: usize, failed: usize) -> String {
    let best = ended
        .first()
        .map(|(trial, v)| format!("{} {}", named(trial), value(*v)));
    let worst = ended
        .last()
        .map(|(trial, v)| format!("{} {}", named(trial), value(*v)));
    let chosen = ended.iter().filter(|(trial, _)| trial.chosen);
    let chosen = chosen.map(|(trial, v)| format!("{} {}", named(trial), value(*v)));
    let mut text = format!(
        "{} by {select} on validation: the best is {}, the worst {}. Chosen: {}.",
        counted(ended.len(), "trial"),
        best.unwrap_or_default(),
        worst.unwrap_or_default(),
        listed(chosen, 8)
    );
    for (count, what) in [(stopped, "stopped early"), (failed, "failed")] {
        if count > 0 {
            let _ = write!(text, " {} {what}.", counted(count, "trial"));
        }
    }
    text
}
