//! What the cleaners left of the log, step by step.

use std::fmt::Write as _;

use super::variants::listed;
use super::{Figure, Size};
use crate::report::charts::{Legend, Node, SMALL, Scale, TEXT, fit, width};
use crate::report::summary::Summary;
use crate::report::text::{count, left};
use crate::stages::prepare::Step;
use crate::sweep::CleanedLog;
use crate::text::{one_line, percent};

const WIDTH: f64 = 720.0;
const ROW: f64 = 26.0;

/// One an alternative of the cleaners.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let cleanings = summary.overview.cleanings.iter().enumerate();
    cleanings
        .filter_map(|(at, log)| figure(&format!("funnel-{at}"), log))
        .collect()
}

/// Rows before and after a step.
struct Bar {
    name: String,
    before: u64,
    after: u64,
    tip: String,
}

fn bars(funnel: &[Step]) -> Vec<Bar> {
    let bar = |step: &Step| Bar {
        name: one_line(&step.name),
        before: step.rows_in.max(step.rows_out),
        after: step.rows_out,
        tip: tip(step),
    };
    funnel.iter().map(bar).collect()
}

fn tip(step: &Step) -> String {
    let dropped = step.rows_in.saturating_sub(step.rows_out);
    let mut text = format!(
        "{}: {} of {} rows kept",
        one_line(&step.name),
        count(step.rows_out),
        count(step.rows_in)
    );
    if dropped > 0 && step.rows_in > 0 {
        let share = dropped as f64 / step.rows_in as f64;
        let _ = write!(text, ", {} dropped ({})", count(dropped), percent(share));
    }
    let changed: u64 = step.changed.iter().map(|account| account.rows).sum();
    if changed > 0 {
        let _ = write!(text, ", {} cells changed", count(changed));
    }
    if let Some(ids) = &step.ids {
        let (users, items) = ((ids.users_in, ids.users_out), (ids.items_in, ids.items_out));
        for ((before, after), what) in [(users, "users"), (items, "items")] {
            if before > after {
                let _ = write!(text, ", {} {what} fewer", count(before - after));
            }
        }
    }
    text
}

fn figure(id: &str, log: &CleanedLog) -> Option<Figure> {
    let bars = bars(&log.funnel);
    let (first, last) = (bars.first()?, bars.last()?);
    let names = bars.iter().map(|b| width(&b.name, TEXT));
    let left = names.fold(60.0, f64::max).min(220.0) + 14.0;
    let numbers: Vec<String> = bars.iter().map(number).collect();
    let widest = numbers.iter().map(|n| width(n, SMALL));
    let right = WIDTH - widest.fold(0.0, f64::max) - 16.0;
    let scale = Scale::from_zero(bars.iter().map(|b| b.before as f64), (left, right));
    let mut legend = Legend::default();
    let swatch = |class: &str| Node::rect(class, (0.0, -6.0), (18.0, 12.0));
    legend.add(swatch("kept"), "rows kept");
    legend.add(swatch("dropped"), "dropped by the step");
    let (legend, height) = legend.draw((left, 0.0), WIDTH - left);
    let top = height + 6.0;
    let mut body = vec![legend];
    for (at, (bar, number)) in bars.iter().zip(&numbers).enumerate() {
        let y = top + ROW * at as f64;
        let (kept, before) = (scale.at(bar.after as f64), scale.at(bar.before as f64));
        let mut group = Node::group("step").tip(bar.tip.clone());
        group.push(Node::rect("hit", (0.0, y), (WIDTH, ROW)));
        let name = fit(&bar.name, TEXT, left - 14.0);
        group.push(Node::text("name end", (left - 8.0, y + 17.5), &name));
        group.push(Node::rect(
            "kept",
            (left, y + 4.0),
            (kept - left, ROW - 8.0),
        ));
        if bar.before > bar.after {
            // What is there is seen, however little it is.
            let wide = (before - kept - 1.5).max(1.0);
            group.push(Node::rect(
                "dropped",
                (kept + 0.8, y + 4.8),
                (wide, ROW - 9.6),
            ));
        }
        body.push(group.with(Node::text("number", (right + 14.0, y + 17.0), number)));
    }
    let bottom = top + ROW * bars.len() as f64;
    let steps = bars.iter().filter(|b| b.before > b.after);
    let steps = steps.map(|b| format!("{} drops {}", b.name, count(b.before - b.after)));
    let steps = listed(steps, 12);
    let start = first.before.max(1) as f64;
    Some(Figure::new(
        (id, Size::Wide),
        log.labeled("What cleaning left of the log"),
        "Rows of the log after each step, in the order in which the steps ran; the hollow part is what \
         a step dropped. Steps that only change cells drop nothing."
            .to_owned(),
        format!(
            "{} of {} rows are left ({}){}.",
            count(last.after),
            count(first.before),
            percent(last.after as f64 / start),
            if steps.is_empty() {
                ": nothing is dropped".to_owned()
            } else {
                format!(": {}", one_line(&steps))
            }
        ),
        (WIDTH, bottom + 6.0),
        body,
    ))
}

/// `5,080 (−54)`.
fn number(bar: &Bar) -> String {
    left(bar.before, bar.after)
}
