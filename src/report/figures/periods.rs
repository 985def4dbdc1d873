//! Several test periods one by one, and the mean over them.

use super::variants::{entry, key, listed};
use super::{Figure, Size};
use crate::compare::mean_sd;
use crate::report::charts::{Legend, Node, SMALL, Scale, color, line, mark, up, width};
use crate::report::periods::InPeriod;
use crate::report::summary::Summary;
use crate::report::text::{count, value};
use crate::text::one_line;

const WIDTH: f64 = 720.0;
const PLOT: f64 = 230.0;

/// The room of the column of means.
const MEANS: f64 = 90.0;

/// A variant's position, its name, and its value in each period.
type Course<'s> = (usize, &'s str, Vec<(&'s InPeriod, f64)>);

/// See the module; absent where there is one period.
pub(super) fn draw(summary: &Summary) -> Option<Figure> {
    let select = &summary.overview.select;
    let rows = summary.leaderboard.iter().enumerate();
    let rows: Vec<Course> = rows
        .map(|(at, row)| {
            let periods = row.periods.iter();
            let values = periods.filter_map(|p| Some((p, *p.metrics.get(select)?)));
            (at, row.variant.as_str(), values.collect())
        })
        .filter(|(.., values): &Course| values.len() > 1)
        .collect();
    let longest = rows.iter().max_by_key(|(.., values)| values.len())?;
    let periods: Vec<&InPeriod> = longest.2.iter().map(|(p, _)| *p).collect();

    let mut legend = Legend::default();
    for (at, name, _) in &rows {
        entry(&mut legend, Some(*at), name);
    }
    let (legend, height) = legend.draw((6.0, 0.0), WIDTH - 12.0);
    let top = height + 32.0;
    let bottom = top + PLOT;
    let all = rows.iter().flat_map(|(.., v)| v.iter().map(|(_, v)| *v));
    let scale = Scale::linear(all, (bottom, top));
    let ticks = scale.ticks(7);
    let widest = ticks.iter().map(|(_, text)| width(text, SMALL));
    let left = widest.fold(0.0, f64::max) + 14.0;
    let last = WIDTH - MEANS;
    let across = Scale::exactly((0.5, periods.len() as f64 + 0.5), (left, last));
    let mut body = vec![
        legend,
        up(&scale, left, WIDTH, &format!("{select} on test")),
    ];
    body.extend(below(&periods, &across, bottom));
    let middle = 0.5 * (last + WIDTH);
    body.push(Node::path("tie", line([(last, top - 8.0), (last, bottom)])));
    body.push(Node::text("name middle", (middle, bottom + 18.0), "mean"));
    for (at, name, values) in &rows {
        let place = |(p, v): &(&InPeriod, f64)| (across.at(p.period as f64), scale.at(*v));
        let mean = mean(values);
        let name = one_line(name);
        let path = Node::path("line", line(values.iter().map(place)));
        let mut group = Node::group(&color(Some(*at))).key(key(*at)).with(path);
        for of_period in values {
            let tip = format!(
                "{name}, period {}: {select} {}, {} users",
                of_period.0.period,
                value(of_period.1),
                count(of_period.0.users)
            );
            group.push(mark(Some(*at), place(of_period), 5.0, "").tip(tip));
        }
        let tip = format!("{name}, mean over the periods: {}", value(mean));
        // Beside one another, in the order of the leaderboard.
        let shift = 60.0 * ((*at as f64 + 0.5) / summary.leaderboard.len() as f64 - 0.5);
        group.push(mark(Some(*at), (middle + shift, scale.at(mean)), 6.0, "").tip(tip));
        body.push(group);
    }
    let each = rows.iter().map(|(_, name, values)| {
        let each = values.iter().map(|(_, v)| value(*v));
        format!(
            "{} {} (mean {})",
            one_line(name),
            each.collect::<Vec<_>>().join(", "),
            value(mean(values))
        )
    });
    Some(Figure::new(
        ("periods", Size::Wide),
        format!("{select} by test period"),
        format!(
            "{select} of each variant in each of {} test periods, earliest first, each the mean over the \
             users asked in it; at the right the mean over the periods, in which every period counts alike. \
             Lines that cross say that which variant is better depends on when one asks.",
            periods.len()
        ),
        format!(
            "{select} in {} test periods: {}.",
            periods.len(),
            listed(each, 8)
        ),
        (WIDTH, bottom + 42.0),
        body,
    ))
}

fn mean(values: &[(&InPeriod, f64)]) -> f64 {
    let values: Vec<f64> = values.iter().map(|(_, v)| *v).collect();
    mean_sd(&values).0
}

/// Number and first day of each period, as many as have room.
fn below(periods: &[&InPeriod], across: &Scale, bottom: f64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for period in periods {
        let x = across.at(period.period as f64);
        let name = format!("period {}", period.period);
        let day = period
            .from
            .and_then(|s| jiff::Timestamp::from_second(s).ok());
        let day = day.map(|t| t.strftime("from %Y-%m-%d").to_string());
        let day = day.unwrap_or_default();
        let half = 0.5 * width(&name, SMALL).max(width(&day, SMALL));
        if x - half < end {
            continue;
        }
        end = x + half + 8.0;
        nodes.push(Node::text("name middle", (x, bottom + 18.0), &name));
        nodes.push(Node::text("note middle", (x, bottom + 34.0), &day));
    }
    nodes
}
