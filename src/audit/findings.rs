//! What is wrong with single columns: missing cells, numbers, times.

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Example, Severity};
use super::column::{Column, Kind, Seen};
use super::ids::examples;
use super::numbers::NumberFigures;
use super::plan::namibia;
use super::reading::Pass;
use super::times::{DAY, Format};

/// Values that a column shows.
const TOP: usize = 8;
/// Nobody logged listening before 1998.
const DAWN: i64 = 10_227;
/// Days without any row are a gap if there are so many, and the log has rows on most days.
const GAP: i64 = 3;

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct ColumnFigures {
    /// Its name in the header.
    pub(crate) name: String,
    /// What it is read as: `id`, `event`, `time`, `number`, `text`.
    pub(crate) kind: String,
    /// The part it plays for the lab (`user`, `item`, …); empty if none.
    pub(crate) part: String,
    /// Rows by the form of their cell: `integer`, `decimal`, `time`, `text`.
    pub(crate) forms: Vec<(String, u64)>,
    /// Rows without a value: blank, absent, or a marker such as `null`.
    pub(crate) missing: u64,
    /// Of these, rows by marker; a blank cell is the empty text.
    pub(crate) markers: Vec<(String, u64)>,
    /// Distinct cells as they stand.
    pub(crate) distinct: u64,
    /// Whether that is exact; else within some percent.
    pub(crate) exact: bool,
    /// Rows with spaces before or behind the value.
    pub(crate) padded: u64,
    /// Characters of the longest cell.
    pub(crate) longest: usize,
    /// The most frequent cells with their rows.
    pub(crate) top: Vec<(String, u64)>,
    /// How its numbers lie, if it has any and is no id.
    pub(crate) numbers: Option<NumberFigures>,
}

/// The column of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct TimeFigures {
    /// The column.
    pub(crate) column: String,
    /// The formats, most rows first.
    pub(crate) formats: Vec<Format>,
    /// Rows with a time.
    pub(crate) rows: u64,
    /// Cells that are no time, with their rows, most rows first; blank ones are not among them.
    pub(crate) invalid: Vec<(String, u64)>,
    /// Rows with such cells.
    pub(crate) invalid_rows: u64,
    /// Rows without anything in the cell.
    pub(crate) blank: u64,
    /// First and last time, `2025-09-01T00:08:44Z`.
    pub(crate) range: Option<[String; 2]>,
    /// Rows in the future (more than a day after the audit), and before 1998.
    pub(crate) future: u64,
    /// See `future`.
    pub(crate) prehistory: u64,
    /// Rows at midnight exactly.
    pub(crate) midnight: u64,
    /// Rows by hour of the day, UTC.
    pub(crate) hours: Vec<u64>,
    /// Days with rows, and days from the first to the last.
    pub(crate) days: (u64, u64),
    /// Runs of days without a row: first day, and how many; the longest first.
    pub(crate) gaps: Vec<(String, u64)>,
    /// Rows by week: the Monday, and rows. At most 500 weeks before the last one.
    pub(crate) weeks: Vec<(String, u64)>,
    /// Rows whose day and month can be told apart only by guessing, and those that say which comes first.
    pub(crate) day_or_month: [u64; 3],
}

/// A day as `2025-11-10`.
fn day(day: i64) -> String {
    let text = musicrec_api::time_text(day.saturating_mul(DAY));
    text.split('T').next().unwrap_or_default().to_owned()
}

pub(super) fn column(pass: &Pass, at: usize) -> ColumnFigures {
    let column = &pass.columns[at];
    let parts = pass.parts;
    let part = [
        (Some(parts.user), "user"),
        (Some(parts.item), "item"),
        (parts.time, "time"),
        (parts.event, "event"),
        (parts.plays, "plays"),
        (parts.seconds, "seconds"),
    ];
    let part = part.iter().find(|(place, _)| *place == Some(at));
    let (distinct, exact) = column.values.distinct();
    let mut markers: Vec<(String, u64)> = column
        .markers
        .iter()
        .map(|(m, seen)| (m.clone(), seen.rows))
        .collect();
    let blank = column.blank.rows + column.absent.rows;
    if blank > 0 {
        markers.insert(0, (String::new(), blank));
    }
    ColumnFigures {
        name: column.name.clone(),
        kind: column.kind.name().to_owned(),
        part: part.map_or("", |(_, part)| part).to_owned(),
        forms: column
            .forms
            .iter()
            .map(|(form, rows)| ((*form).to_owned(), *rows))
            .collect(),
        missing: column.missing(),
        markers,
        distinct,
        exact,
        padded: column.padded.rows,
        longest: column.longest,
        top: column
            .values
            .top(TOP)
            .iter()
            .map(|v| (v.text.chars().take(60).collect(), v.rows))
            .collect(),
        numbers: if column.kind == Kind::Number {
            column.numbers.figures()
        } else {
            None
        },
    }
}

pub(super) fn time(pass: &Pass) -> Option<TimeFigures> {
    let column = &pass.columns[pass.parts.time?];
    let times = &column.times;
    let days: Vec<(i64, u64)> = times.days.iter().map(|(&day, &rows)| (day, rows)).collect();
    let mut gaps: Vec<(i64, i64)> = days
        .windows(2)
        .map(|pair| (pair[0].0 + 1, pair[1].0 - pair[0].0 - 1))
        .filter(|(_, days)| *days >= GAP)
        .collect();
    gaps.sort_by_key(|(first, days)| (std::cmp::Reverse(*days), *first));
    let mut weeks: std::collections::BTreeMap<i64, u64> = std::collections::BTreeMap::new();
    for (day, rows) in &days {
        // The first day of 1970 was a Thursday.
        *weeks.entry((day + 3).div_euclid(7)).or_default() += rows;
    }
    let weeks: Vec<(i64, u64)> = weeks.into_iter().collect();
    let recent = weeks.len().saturating_sub(500);
    let span = days
        .first()
        .zip(days.last())
        .map_or(0, |(first, last)| last.0 - first.0 + 1);
    Some(TimeFigures {
        column: column.name.clone(),
        formats: times.formats(),
        rows: times.rows,
        invalid: times
            .invalid(TOP)
            .iter()
            .map(|v| (v.text.to_owned(), v.rows))
            .collect(),
        invalid_rows: times.invalid.iter().map(|v| v.rows).sum(),
        blank: column.blank.rows + column.absent.rows,
        range: times
            .first
            .zip(times.last)
            .map(|(first, last)| [first.0, last.0].map(musicrec_api::time_text)),
        future: times.future,
        prehistory: times.days.range(..DAWN).map(|(_, rows)| rows).sum(),
        midnight: times.midnight,
        hours: times.hours.to_vec(),
        days: (days.len() as u64, span.cast_unsigned()),
        gaps: gaps
            .into_iter()
            .take(10)
            .map(|(first, days)| (day(first), days.cast_unsigned()))
            .collect(),
        weeks: weeks[recent..]
            .iter()
            .map(|&(week, rows)| (day(week * 7 - 3), rows))
            .collect(),
        day_or_month: [times.either, times.day_first, times.month_first],
    })
}

/// The row that shows something seen.
fn seen(seen: Seen, what: &str) -> [Example; 1] {
    [Example {
        row: seen.first,
        value: what.to_owned(),
    }]
}

/// What is wrong with the cells of a column.
pub(super) fn of_column(column: &Column, rows: u64) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let name = &column.name;
    let missing = column.missing();
    // Missing ids are placeholders, told with these.
    if missing > 0 && column.kind != Kind::Id {
        let mut by: Vec<String> = column
            .markers
            .iter()
            .map(|(marker, seen)| format!("`{marker}` ({})", seen.rows))
            .collect();
        if column.blank.rows + column.absent.rows > 0 {
            by.insert(
                0,
                format!("blank ({})", column.blank.rows + column.absent.rows),
            );
        }
        let mut firsts: Vec<(u64, String)> = column
            .markers
            .iter()
            .map(|(marker, seen)| (seen.first, marker.clone()))
            .collect();
        for blank in [column.blank, column.absent] {
            if blank.rows > 0 {
                firsts.push((blank.first, String::new()));
            }
        }
        firsts.sort();
        let doubt = if namibia(column) {
            "; `NA` is also the code of Namibia: decide, do not guess"
        } else {
            ""
        };
        alerts.push(
            Alert::new(format!("{name}.missing"), if column.kind == Kind::Time { Severity::Error } else { Severity::Warning }, (missing, rows), format!("cells without a value: {}{doubt}", by.join(", ")))
                .column(name)
                .effect(match column.kind {
                    Kind::Time => "a row without a time is on no side of a split by time",
                    Kind::Number => "a row without its number counts as the weighting's default",
                    _ => "a marker that is read as a value becomes a value of its own, the largest of all perhaps",
                })
                .examples(firsts.into_iter().map(|(row, value)| Example { row, value }))
                .remedy("make them missing; fill in what other rows of the same item tell, if you must"),
        );
    }
    if column.control.rows > 0 {
        alerts.push(
            Alert::new(
                format!("{name}.control"),
                Severity::Warning,
                (column.control.rows, rows),
                "cells with control characters or marks of byte order inside",
            )
            .column(name)
            .effect("what looks equal is not")
            .examples(seen(column.control, "the first such cell"))
            .remedy("mend the export that wrote them"),
        );
    }
    if column.garbled.rows > 0 {
        alerts.push(
            Alert::new(
                format!("{name}.garbled"),
                Severity::Note,
                (column.garbled.rows, rows),
                "cells that may have gone through a wrong encoding (`Ã`, U+FFFD)",
            )
            .column(name)
            .effect("one name in two encodings is two things")
            .examples(seen(column.garbled, "the first such cell"))
            .remedy("export as UTF-8 again"),
        );
    }
    if column.kind == Kind::Number {
        alerts.extend(numbers(column, rows));
    } else if column.kind == Kind::Text && column.padded.rows > 0 {
        alerts.push(
            Alert::new(
                format!("{name}.padded"),
                Severity::Warning,
                (column.padded.rows, rows),
                "cells with spaces before or behind",
            )
            .column(name)
            .effect("one value with and without spaces is two")
            .examples(examples(column, |text| {
                text.trim().len() < text.len() && !text.trim().is_empty()
            }))
            .remedy("trim them with `normalize_ids` or map them with `map_labels`"),
        );
    }
    let (distinct, exact) = column.values.distinct();
    if exact && distinct == 1 && rows > 20 {
        alerts.push(
            Alert::new(
                format!("{name}.constant"),
                Severity::Note,
                (rows, rows),
                "the same cell in every row",
            )
            .column(name)
            .effect("it tells nothing")
            .remedy("nothing"),
        );
    }
    alerts
}

fn numbers(column: &Column, rows: u64) -> Vec<Alert> {
    let name = &column.name;
    let mut alerts = Vec::new();
    let mut add = |kind: &str,
                   severity,
                   count: u64,
                   what: String,
                   effect: &str,
                   examples: Vec<Example>,
                   remedy: &str| {
        if count > 0 {
            alerts.push(
                Alert::new(format!("{name}.{kind}"), severity, (count, rows), what)
                    .column(name)
                    .effect(effect)
                    .examples(examples)
                    .remedy(remedy),
            );
        }
    };
    let words = &column.numbers.words;
    let listed: Vec<String> = words
        .iter()
        .map(|(word, (rows, _))| format!("`{word}` ({rows})"))
        .collect();
    add(
        "word",
        Severity::Warning,
        words.values().map(|(rows, _)| rows).sum(),
        format!("numbers written as words: {}", listed.join(", ")),
        "a reader that wants digits loses the row or reads 0",
        words
            .iter()
            .map(|(word, (_, row))| Example {
                row: *row,
                value: word.clone(),
            })
            .collect(),
        "read them as numbers",
    );
    let texts = column.no_number.top(5);
    let listed: Vec<String> = texts
        .iter()
        .map(|v| format!("`{}` ({})", v.text, v.rows))
        .collect();
    add(
        "no_number",
        Severity::Warning,
        column.no_number.iter().map(|v| v.rows).sum(),
        format!(
            "cells that are no numbers in a column of numbers: {}",
            listed.join(", ")
        ),
        "the row is lost, or its number",
        texts
            .iter()
            .map(|v| Example {
                row: v.first,
                value: v.text.to_owned(),
            })
            .collect(),
        "make them missing",
    );
    // Words with spaces around them are words.
    add(
        "padded",
        Severity::Note,
        column.padded.rows,
        "numbers with spaces before or behind".to_owned(),
        "none: they are read as numbers",
        examples(column, |text| {
            text.trim().len() < text.len() && !text.trim().is_empty()
        }),
        "nothing",
    );
    let Some(figures) = column.numbers.figures() else {
        return alerts;
    };
    if let Some(fence) = figures.fence {
        let next = column.numbers.next_above(fence);
        add(
            "outlier",
            Severity::Warning,
            figures.outliers,
            format!(
                "numbers far out: from {next} to {}, and nothing between {fence} and {next}",
                figures.most
            ),
            "as a weight, one such row outweighs hundreds of others",
            column.numbers.examples(|n| n > fence),
            "make them missing, or cap them in the weighting",
        );
    }
    // A column that is negative as often as not means something by it.
    if figures.negative * 10 < figures.rows {
        add(
            "negative",
            Severity::Warning,
            figures.negative,
            format!("negative numbers, down to {}", figures.least),
            "nobody listens for less than nothing; weightings refuse them",
            column.numbers.examples(|n| n < 0.0),
            "make them missing",
        );
    }
    alerts
}

/// What is wrong with the times.
pub(super) fn of_times(figures: &TimeFigures, column: &Column, rows: u64) -> Vec<Alert> {
    let name = &figures.column;
    let mut alerts = Vec::new();
    let mut add = |kind: &str,
                   severity,
                   count: u64,
                   what: String,
                   effect: &str,
                   examples: Vec<Example>,
                   remedy: &str| {
        alerts.push(
            Alert::new(format!("{name}.{kind}"), severity, (count, rows), what)
                .column(name)
                .effect(effect)
                .examples(examples)
                .remedy(remedy),
        );
    };
    if figures.invalid_rows > 0 {
        let listed: Vec<String> = figures
            .invalid
            .iter()
            .take(5)
            .map(|(text, rows)| format!("`{text}` ({rows})"))
            .collect();
        let examples = column
            .times
            .invalid(5)
            .iter()
            .map(|v| Example {
                row: v.first,
                value: v.text.to_owned(),
            })
            .collect();
        add(
            "invalid",
            Severity::Error,
            figures.invalid_rows,
            format!("cells that are no time: {}", listed.join(", ")),
            "a row without a time is on no side of a split by time",
            examples,
            "make them missing and drop their rows; none of them can be repaired unless you know a format that the audit does not",
        );
    }
    let used: Vec<&Format> = figures.formats.iter().filter(|f| f.rows > 0).collect();
    if used.len() > 1 {
        let listed: Vec<String> = used
            .iter()
            .map(|f| format!("`{}` ({})", f.format, f.rows))
            .collect();
        add(
            "formats",
            Severity::Warning,
            used[1..].iter().map(|f| f.rows).sum(),
            format!("times in {} formats: {}", used.len(), listed.join(", ")),
            "a reader that knows one of them loses the others",
            used.iter()
                .map(|f| Example {
                    row: f.first_row,
                    value: f.format.clone(),
                })
                .collect(),
            "list all of them, in this order",
        );
    }
    let [either, day_first, month_first] = figures.day_or_month;
    if either > 0 && (day_first == 0) == (month_first == 0) {
        add(
            "day_or_month",
            Severity::Error,
            either,
            format!(
                "times whose day and month could be told either way; {day_first} rows say that the day comes first, {month_first} that the month does"
            ),
            "months that are taken for days put rows up to a year from where they belong",
            Vec::new(),
            "find out which it is and give that format alone",
        );
    }
    if figures.future > 0 {
        let examples = column
            .times
            .future_example
            .iter()
            .map(|(value, row)| Example {
                row: *row,
                value: value.clone(),
            })
            .collect();
        add(
            "future",
            Severity::Error,
            figures.future,
            "times in the future".to_owned(),
            "they become the test part: a model is asked for what has not happened",
            examples,
            "drop them with `limit_range` on the column (limits in seconds since 1970) behind `parse_timestamps`",
        );
    }
    // A log of which much is that old is an old log.
    if figures.prehistory > 0 && figures.prehistory * 20 < figures.rows {
        let examples = column
            .times
            .first
            .iter()
            .map(|(_, row)| Example {
                row: *row,
                value: figures
                    .range
                    .as_ref()
                    .map_or(String::new(), |r| r[0].clone()),
            })
            .collect();
        add(
            "prehistory",
            Severity::Warning,
            figures.prehistory,
            "times before 1998, where nearly all others are later".to_owned(),
            "they stretch the log over decades: a split by a share of time, or a decay, goes astray",
            examples,
            "drop them with `limit_range` on the column (limits in seconds since 1970) behind `parse_timestamps`",
        );
    }
    // Of days that are whole there is one midnight in 86,400 seconds.
    if figures.rows > 100 && figures.midnight as f64 > 0.5 * figures.rows as f64 {
        add(
            "days_only",
            Severity::Note,
            figures.midnight,
            "times that are days: midnight exactly".to_owned(),
            "what happened within a day has no order: next-item models and `leave_last` guess it",
            Vec::new(),
            "nothing, if there is nothing finer",
        );
    } else if figures.rows > 0 && !figures.formats.iter().any(|f| zoned(&f.format)) {
        let (asleep, awake) = night(&figures.hours);
        add(
            "zone",
            Severity::Note,
            figures.rows,
            format!(
                "times that do not tell their zone; read as UTC, the quietest six hours begin at {asleep}:00 with {} of the rows",
                crate::text::percent(awake)
            ),
            "order and splits are right if all are of one zone; days and hours are shifted if it is not UTC",
            Vec::new(),
            "set `zone` of `parse_timestamps` if you know it",
        );
    }
    let zoned_rows: u64 = used
        .iter()
        .filter(|f| zoned(&f.format))
        .map(|f| f.rows)
        .sum();
    if zoned_rows > 0 && zoned_rows < figures.rows {
        add(
            "mixed_zones",
            Severity::Warning,
            figures.rows - zoned_rows,
            "times without a zone beside others that tell it".to_owned(),
            "those without may be hours off, and land on the wrong side of a cut",
            Vec::new(),
            "find out the zone of those without, and set `zone` of `parse_timestamps`",
        );
    }
    let (with, span) = figures.days;
    if let Some((first, days)) = figures.gaps.first()
        && with * 10 >= span * 7
    {
        add(
            "gap",
            Severity::Note,
            0,
            format!(
                "{} runs of {GAP} days or more without a row, the longest {days} days from {first}",
                figures.gaps.len()
            ),
            "rows of those days may be lost; a window of validation or test that holds the gap is smaller than it looks",
            Vec::new(),
            "ask where the rows of those days are",
        );
    }
    alerts
}

fn zoned(format: &str) -> bool {
    matches!(format, "unix" | "unix_ms" | "rfc3339") || format.contains("%z")
}

/// The first hour of the six quietest in a row, and their share of the rows.
fn night(hours: &[u64]) -> (usize, f64) {
    let all: u64 = hours.iter().sum();
    let of = |begin: usize| (0..6).map(|hour| hours[(begin + hour) % 24]).sum::<u64>();
    let begin = (0..24).min_by_key(|&begin| of(begin)).unwrap_or(0);
    (
        begin,
        if all == 0 {
            0.0
        } else {
            of(begin) as f64 / all as f64
        },
    )
}
