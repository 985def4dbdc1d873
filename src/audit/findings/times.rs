//! What is wrong with times.

use super::super::alert::{Alert, Notes, Severity, example, listed};
use super::super::column::Column;
use super::super::times::Format;
use super::{GAP, TimeFigures};

/// What is wrong with the times of a log of `rows` rows.
pub(in crate::audit) fn of_times(figures: &TimeFigures, column: &Column, rows: u64) -> Vec<Alert> {
    let mut notes = Notes::new(&figures.column, rows);
    written(figures, column, &mut notes);
    placed(figures, column, &mut notes);
    zones(figures, &mut notes);
    let (with, span) = figures.days;
    if let Some((first, days)) = figures.gaps.first()
        && with * 10 >= span * 7
    {
        let what = format!(
            "{} runs of {GAP} days or more without a row, the longest {days} days from {first}",
            figures.gaps.len()
        );
        // It is found in no row.
        notes.alerts.push(
            Alert::new(format!("{}.gap", notes.column), Severity::Note, (0, rows), what)
                .column(notes.column)
                .effect("rows of those days may be lost; a window of validation or test that holds the gap is smaller than it looks")
                .remedy("ask where the rows of those days are"),
        );
    }
    notes.alerts
}

/// How they are written.
fn written(figures: &TimeFigures, column: &Column, notes: &mut Notes) {
    let invalid = column.times.invalid(5);
    notes.add(
        ("invalid", Severity::Error),
        figures.invalid_rows,
        format!(
            "cells that are no time: {}",
            listed(invalid.iter().map(|v| (v.text, v.rows)))
        ),
        [
            "a row without a time is on no side of a split by time",
            "make them missing and drop their rows; none of them can be repaired unless you know a format that the \
             audit does not",
        ],
        invalid.iter().map(|v| example(v.first, v.text)),
    );
    let used = used(figures);
    notes.add(
        ("formats", Severity::Warning),
        used.iter().skip(1).map(|f| f.rows).sum(),
        format!(
            "times in {} formats: {}",
            used.len(),
            listed(used.iter().map(|f| (f.directives.as_str(), f.rows)))
        ),
        [
            "a reader that knows one of them loses the others",
            "list all of them, in this order",
        ],
        used.iter().map(|f| example(f.first_row, &f.directives)),
    );
    let [either, day_first, month_first] = figures.day_or_month;
    if (day_first == 0) == (month_first == 0) {
        notes.add(
            ("day_or_month", Severity::Error),
            either,
            format!(
                "times whose day and month could be told either way; {day_first} rows say that the day comes first, \
                 {month_first} that the month does"
            ),
            [
                "months that are taken for days put rows up to a year from where they belong",
                "find out which it is and give that format alone",
            ],
            [],
        );
    }
}

/// Where they lie.
fn placed(figures: &TimeFigures, column: &Column, notes: &mut Notes) {
    let future = column.times.future_example.iter();
    notes.add(
        ("future", Severity::Error),
        figures.future,
        "times in the future",
        [
            "they become the test part: a model is asked for what has not happened",
            "drop their rows",
        ],
        future.map(|(value, row)| example(*row, value)),
    );
    if figures.old() {
        let first = figures.range.as_ref().map_or("", |range| range[0].as_str());
        notes.add(
            ("prehistory", Severity::Warning),
            figures.prehistory,
            "times before 1998, where nearly all others are later",
            [
                "they stretch the log over decades: a split by a share of time, or a decay, goes astray",
                "drop their rows",
            ],
            column.times.first.iter().map(|(_, row)| example(*row, first)),
        );
    }
}

/// What they leave open.
fn zones(figures: &TimeFigures, notes: &mut Notes) {
    let used = used(figures);
    let zoned: u64 = used
        .iter()
        .filter(|f| tells_zone(&f.directives))
        .map(|f| f.rows)
        .sum();
    // Of days that are whole there is one midnight in 86,400 seconds.
    if figures.rows > 100 && figures.midnight as f64 > 0.5 * figures.rows as f64 {
        notes.add(
            ("days_only", Severity::Note),
            figures.midnight,
            "times that are days: midnight exactly",
            [
                "what happened within a day has no order: next-item models and `leave_last` guess it",
                "nothing, if there is nothing finer",
            ],
            [],
        );
    } else if zoned == 0 {
        let (begin, share) = night(&figures.hours);
        notes.add(
            ("zone", Severity::Note),
            figures.rows,
            format!(
                "times that do not tell their zone; read as UTC, the quietest six hours begin at {begin}:00 with {} of \
                 the rows",
                crate::text::percent(share)
            ),
            [
                "order and splits are right if all are of one zone; days and hours are shifted if it is not UTC",
                "set `zone` of `parse_timestamps` if you know it",
            ],
            [],
        );
    }
    if zoned > 0 {
        notes.add(
            ("mixed_zones", Severity::Warning),
            figures.rows - zoned,
            "times without a zone beside others that tell it",
            [
                "those without may be hours off, and land on the wrong side of a cut",
                "find out the zone of those without, and set `zone` of `parse_timestamps`",
            ],
            [],
        );
    }
}

/// The formats that rows have.
fn used(figures: &TimeFigures) -> Vec<&Format> {
    figures.formats.iter().filter(|f| f.rows > 0).collect()
}

fn tells_zone(format: &str) -> bool {
    matches!(format, "unix" | "unix_ms" | "rfc3339") || format.contains("%z")
}

/// The first hour of the six quietest in a row, and their share of the rows.
fn night(hours: &[u64]) -> (usize, f64) {
    let all: u64 = hours.iter().sum();
    let of = |begin: usize| (0..6).map(|hour| hours[(begin + hour) % 24]).sum::<u64>();
    let begin = (0..24).min_by_key(|&begin| of(begin)).unwrap_or(0);
    (begin, of(begin) as f64 / all.max(1) as f64)
}
