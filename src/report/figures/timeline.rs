//! Which part of the experiment has which time: events by time, part on part.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use super::{Figure, Size};
use crate::report::charts::{Legend, Node, SMALL, Scale, fit, line, short, strokes, up, width};
use crate::report::summary::Summary;
use crate::report::text::{count, time};
use crate::sweep::{CleanedLog, Timeline};
use crate::text::one_line;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 12.0;
const PLOT: f64 = 170.0;

/// The height of a line of names of cuts.
const NAMES: f64 = 17.0;

const DAY: i64 = 86_400;

/// One an alternative of the cleaners, if its log has times.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let cleanings = summary.overview.cleanings.iter().enumerate();
    cleanings
        .filter_map(|(at, log)| figure(&format!("timeline-{at}"), log, log.timeline.as_ref()?))
        .collect()
}

fn figure(id: &str, log: &CleanedLog, timeline: &Timeline) -> Option<Figure> {
    let bins = timeline.parts.iter().map(|p| p.events.len()).max()?;
    let ends = (
        timeline.from,
        timeline
            .from
            .checked_add(timeline.step.checked_mul(bins as i64)?)?,
    );
    let unit = unit(timeline.step);
    let across = Scale::exactly((ends.0 as f64, ends.1 as f64), (LEFT, RIGHT));
    let mut legend = Legend::default();
    for part in &timeline.parts {
        let swatch = Node::rect(&class(&part.part), (0.0, -6.0), (18.0, 12.0));
        legend.add(swatch, words(&part.part));
    }
    let (legend, height) = legend.draw((LEFT, 0.0), WIDTH - LEFT);
    let names_top = height + 10.0;
    let (names, lines) = cuts(timeline, &across, names_top);
    let rows = lines.iter().map(|(_, row)| row + 1).max().unwrap_or(0);
    let top = names_top + NAMES * rows as f64 + 20.0;
    let bottom = top + PLOT;
    let sums: Vec<u64> = (0..bins).map(|at| sum(timeline, at)).collect();
    let scale = Scale::from_zero(sums.iter().map(|n| *n as f64), (bottom, top));

    let mut body = vec![
        legend,
        up(&scale, LEFT, RIGHT, &format!("events per {unit}")),
    ];
    body.extend(columns(timeline, &across, &scale));
    for (x, row) in lines {
        let from = names_top + NAMES * row as f64;
        // Seen on columns of every color.
        for class in ["under", "cut"] {
            body.push(Node::path(class, line([(x, from), (x, bottom)])));
        }
    }
    body.extend(names);
    body.extend(dates(ends, &across, bottom));
    let mut hits = Node::group("bins");
    for (at, _) in sums.iter().enumerate().filter(|(_, n)| **n > 0) {
        let from = timeline.from + timeline.step * at as i64;
        let a = across.at(from as f64);
        let b = across.at((from + timeline.step) as f64);
        let hit = Node::rect("hit", (a, top), (b - a, PLOT));
        hits.push(hit.tip(tip(timeline, at, from)));
    }
    body.push(hits);
    Some(Figure::new(
        (id, Size::Wide),
        log.labeled(&format!("Events per {unit} and part")),
        caption(timeline, unit),
        alt(timeline, unit),
        (WIDTH, bottom + 26.0),
        body,
    ))
}

fn sum(timeline: &Timeline, bin: usize) -> u64 {
    let of_parts = timeline.parts.iter().filter_map(|p| p.events.get(bin));
    of_parts.sum()
}

/// A bin in words.
fn unit(step: i64) -> &'static str {
    match step {
        ..DAY => "hour",
        DAY => "day",
        604_800 => "week",
        2_592_000 => "30 days",
        _ => "column",
    }
}

fn class(part: &str) -> String {
    format!(
        "part {}",
        match part {
            "fit" => "fit",
            "validation" => "validation",
            "test" => "test",
            _ => "unused",
        }
    )
}

fn words(part: &str) -> &'static str {
    match part {
        "fit" => "learned from",
        "validation" => "validation",
        "test" => "test",
        _ => "not used",
    }
}

/// A path a part: one column on the other.
fn columns(timeline: &Timeline, across: &Scale, scale: &Scale) -> Vec<Node> {
    let bins = timeline.parts.iter().map(|p| p.events.len()).max();
    let mut below = vec![0u64; bins.unwrap_or(0)];
    let mut paths = Vec::new();
    for part in &timeline.parts {
        let mut d = String::new();
        for (at, (events, below)) in part.events.iter().zip(&mut below).enumerate() {
            if *events == 0 {
                continue;
            }
            let from = timeline.from + timeline.step * at as i64;
            let a = across.at(from as f64);
            let b = across.at((from + timeline.step) as f64);
            // A gap between columns where there is room for one.
            let b = if b - a > 4.0 { b - 1.0 } else { b };
            let (low, high) = (scale.at(*below as f64), scale.at((*below + events) as f64));
            let _ = write!(
                d,
                "M{} {}V{}H{}V{}z",
                short(a),
                short(low),
                short(high),
                short(b),
                short(low)
            );
            *below += events;
        }
        paths.push(Node::path(&class(&part.part), d));
    }
    paths
}

/// Names of cuts beside their lines, and for each line its place and the row that it begins in: no line
/// goes through a name, so names that have no room side by side stand one above the other.
fn cuts(timeline: &Timeline, across: &Scale, top: f64) -> (Vec<Node>, Vec<(f64, usize)>) {
    let mut named: Vec<(f64, String, String)> = Vec::new();
    for cut in &timeline.cuts {
        let what = one_line(&cut.what);
        let day = date(cut.time, "%Y-%m-%d");
        let text = format!("{} from {day}", fit(&what, SMALL, 220.0));
        let said = format!("{what}: from {}", time(Some(cut.time)));
        named.push((across.at(cut.time as f64), text, said));
    }
    // All at the right of their lines if they have room there, else all at the left of them: the
    // lines of those that stand higher then are outside of the names of those that stand lower.
    let at_right = named
        .iter()
        .all(|(x, text, _)| x + width(text, SMALL) + 6.0 <= WIDTH);
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !at_right {
        named.reverse();
    }
    // How far the rows so far reach, away from where the first name stands.
    let mut reach: Vec<f64> = Vec::new();
    let (mut nodes, mut lines) = (Vec::new(), Vec::new());
    for (x, text, said) in named {
        let wide = width(&text, SMALL) + 8.0;
        let (sign, class) = if at_right {
            (1.0, "note halo")
        } else {
            (-1.0, "note end halo")
        };
        let taken = reach.iter().rposition(|end| sign * (end - x) > 0.0);
        let row = taken.map_or(0, |taken| taken + 1);
        reach.truncate(row);
        reach.push(x + sign * wide);
        lines.push((x, row));
        let y = top + NAMES * row as f64 + 11.0;
        // At the very left there is no room at the left.
        let at = (x + 5.0 * sign).max(if at_right { 0.0 } else { wide - 4.0 });
        nodes.push(Node::text(class, (at, y), &text).tip(said));
    }
    (nodes, lines)
}

fn date(seconds: i64, form: &str) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s"), |t| t.strftime(form).to_string())
}

fn tip(timeline: &Timeline, bin: usize, from: i64) -> String {
    let form = if timeline.step < DAY {
        "%Y-%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    let parts = timeline.parts.iter().filter_map(|part| {
        let events = part.events.get(bin).filter(|n| **n > 0)?;
        Some(format!("{} {}", words(&part.part), count(*events)))
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!("{} from {}: {parts}", unit(timeline.step), date(from, form))
}

/// Steps of the axis: years, months, days or hours.
fn steps() -> Vec<(Span, &'static str)> {
    let mut steps = Vec::new();
    for hours in [1, 3, 6, 12] {
        steps.push((Span::new().hours(hours), "%m-%d %H:%M"));
    }
    for days in [1, 2, 7, 14] {
        steps.push((Span::new().days(days), "%Y-%m-%d"));
    }
    for months in [1, 2, 3, 6] {
        steps.push((Span::new().months(months), "%b %Y"));
    }
    for years in [1, 2, 5, 10, 20, 50, 100] {
        steps.push((Span::new().years(years), "%Y"));
    }
    steps
}

/// Round dates below the plot: the finest that have room.
fn dates((from, until): (i64, i64), across: &Scale, bottom: f64) -> Vec<Node> {
    let utc = |seconds| {
        let time = Timestamp::from_second(seconds).ok()?;
        Some(time.to_zoned(TimeZone::UTC))
    };
    let Some(first) = utc(from) else {
        return Vec::new();
    };
    for (span, form) in steps() {
        let Some(marks) = marks(&first, until, span) else {
            continue;
        };
        let texts = marks.iter().map(|mark| {
            let x = across.at(mark.timestamp().as_second() as f64);
            (x, mark.strftime(form).to_string())
        });
        let texts: Vec<(f64, String)> = texts.collect();
        let room = |pair: &[(f64, String)]| {
            let wide = 0.5 * (width(&pair[0].1, SMALL) + width(&pair[1].1, SMALL));
            pair[1].0 - pair[0].0 >= wide + 14.0
        };
        if texts.windows(2).all(room) {
            return written(&texts, bottom);
        }
    }
    Vec::new()
}

fn written(texts: &[(f64, String)], bottom: f64) -> Vec<Node> {
    let d = strokes(
        texts
            .iter()
            .map(|(x, _)| [(*x, bottom), (*x, bottom + 5.0)]),
    );
    let mut nodes = vec![Node::path("tie", d)];
    for (x, text) in texts {
        let half = 0.5 * width(text, SMALL);
        let x = x.clamp(half, WIDTH - half);
        nodes.push(Node::text("tick middle", (x, bottom + 18.0), text));
    }
    nodes
}

/// All multiples of a step from a time until another; `None` if they are far too many.
fn marks(first: &Zoned, until: i64, span: Span) -> Option<Vec<Zoned>> {
    let midnight = first.start_of_day().ok()?;
    let date = midnight.date();
    let start = if span.get_years() > 0 {
        let year = date.year() - date.year().rem_euclid(span.get_years());
        jiff::civil::Date::new(year, 1, 1).ok()?
    } else if span.get_months() > 0 {
        date.first_of_year()
    } else {
        date
    };
    let mut at = start.to_zoned(TimeZone::UTC).ok()?;
    let mut marks = Vec::new();
    for _ in 0..400 {
        if at.timestamp().as_second() > until {
            return Some(marks);
        }
        if at.timestamp() >= first.timestamp() {
            marks.push(at.clone());
        }
        at = at.checked_add(span).ok()?;
    }
    None
}

fn caption(timeline: &Timeline, unit: &str) -> String {
    let cuts = if timeline.cuts.is_empty() {
        "The split is not by time, so the parts lie over one another.".to_owned()
    } else {
        format!(
            "Upright lines are where a part begins: models are asked about it and learn from what was before. \
             The column of a {unit} that a line crosses holds both: what was before below, the rest on top."
        )
    };
    format!(
        "Events of the cleaned log per {unit}, colored by the part of the experiment that they are in \
         (UTC). {cuts}"
    )
}

fn alt(timeline: &Timeline, unit: &str) -> String {
    let parts = timeline.parts.iter().map(|part| {
        let events: u64 = part.events.iter().sum();
        format!("{} {}", words(&part.part), count(events))
    });
    let cuts = timeline.cuts.iter();
    let cuts = cuts.map(|cut| format!("{} begins {}", one_line(&cut.what), time(Some(cut.time))));
    let mut text = format!(
        "Events per {unit} from {}: {}.",
        date(timeline.from, "%Y-%m-%d"),
        parts.collect::<Vec<_>>().join(", ")
    );
    let cuts = super::variants::listed(cuts, 12);
    if !cuts.is_empty() {
        let _ = write!(text, " {cuts}.");
    }
    text
}
