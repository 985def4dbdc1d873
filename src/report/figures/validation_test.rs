//! What validation foretold of test.

use std::fmt::Write as _;

use super::marginals::ring;
use super::variants::{entry, listed, position};
use super::{Figure, Size};
use crate::report::charts::{Legend, Node, SMALL, Scale, across, color, mark, up, width};
use crate::report::summary::{Summary, TrialRow};
use crate::report::text::value;
use crate::settings::trial_name;
use crate::text::{counted, one_line};

const WIDTH: f64 = 420.0;
const PLOT: f64 = 250.0;

/// See the module; absent with fewer than three values on both, which have no order worth a picture.
pub(super) fn draw(summary: &Summary) -> Option<Figure> {
    let select = &summary.overview.select;
    let mut both: Vec<(&TrialRow, f64, f64)> = summary
        .trials
        .iter()
        .filter_map(|t| Some((t, *t.validation.get(select)?, *t.test.get(select)?)))
        .collect();
    if both.len() < 3 {
        return None;
    }
    // Those that count lie on top.
    both.sort_by_key(|(trial, ..)| trial.chosen);
    let mut legend = Legend::default();
    for (at, row) in summary.leaderboard.iter().enumerate() {
        entry(&mut legend, Some(at), &row.variant);
    }
    let all = both.iter().any(|(trial, ..)| !trial.chosen);
    if all {
        legend.add(ring(9.0, 0.0), "chosen");
    }
    let (legend, height) = legend.draw((6.0, 0.0), WIDTH - 12.0);
    let top = height + 32.0;
    let bottom = top + PLOT;
    let down = Scale::linear(both.iter().map(|b| b.2), (bottom, top));
    let ticks = down.ticks(8);
    let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
    let left = widest.fold(0.0, f64::max) + 14.0;
    let right = Scale::linear(both.iter().map(|b| b.1), (left, WIDTH - 16.0));
    let mut body = vec![
        legend,
        up(&down, left, WIDTH - 16.0, &format!("{select} on test")),
        across(&right, top, bottom, &format!("{select} on validation")),
    ];
    let radius = if both.len() > 100 { 3.0 } else { 4.5 };
    let mut rings = Vec::new();
    for (trial, validation, test) in &both {
        let place = (right.at(*validation), down.at(*test));
        let position = position(&summary.leaderboard, &trial.variant);
        let tip = format!(
            "{}: validation {}, test {}",
            one_line(&trial_name(&trial.variant, &trial.settings)),
            value(*validation),
            value(*test)
        );
        let radius = if trial.chosen { 5.5 } else { radius };
        body.push(
            Node::group(&color(position))
                .key(format!("t{}", trial.index))
                .tip(tip)
                .with(mark(position, place, radius, "")),
        );
        if all && trial.chosen {
            rings.push(ring(place.0, place.1));
        }
    }
    body.extend(rings);
    Some(Figure::new(
        ("validation-test", Size::Small),
        "Validation against test".to_owned(),
        caption(select, all),
        alt(summary, &both),
        (WIDTH, bottom + 42.0),
        body,
    ))
}

fn caption(select: &str, all: bool) -> String {
    format!(
        "{select} on validation (across) against that on test (up) of {}. The order is what counts: marks \
         that rise from left to right say that validation foretold which settings do well. Values need not \
         be equal, for the two parts have other users and other times.",
        if all {
            "all trials, the chosen ones ringed"
        } else {
            "the chosen trial of each variant"
        }
    )
}

fn alt(summary: &Summary, both: &[(&TrialRow, f64, f64)]) -> String {
    let chosen = both.iter().filter(|(trial, ..)| trial.chosen);
    let chosen = chosen.map(|(trial, validation, test)| {
        let name = one_line(&trial.variant);
        format!("{name} {} and {}", value(*validation), value(*test))
    });
    let mut text = format!(
        "{} on validation and on test: {}.",
        summary.overview.select,
        listed(chosen, 8)
    );
    if let Some(correlation) = summary.selection.rank_correlation {
        let _ = write!(
            text,
            " Spearman's rank correlation over {} is {:.2}.",
            counted(correlation.trials, "trial"),
            correlation.spearman
        );
    }
    text
}
