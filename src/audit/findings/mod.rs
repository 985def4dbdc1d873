//! What is wrong with single columns: missing cells, numbers, times.

mod cells;
mod times;

use serde::{Deserialize, Serialize};

use super::alert::{Alert, Severity};
use super::column::Kind;
use super::numbers::NumberFigures;
use super::reading::Pass;
use super::times::{DAY, Format, future};
pub(super) use cells::{constant, of_column};
pub(super) use times::of_times;

/// Values that a column shows.
const TOP: usize = 8;
/// Nobody logged listening before 1998.
pub(super) const DAWN: i64 = 10_227;
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

impl TimeFigures {
    /// Whether rows before 1998 are stray ones; a log of which much is that old is an old log.
    pub(super) fn old(&self) -> bool {
        self.prehistory > 0 && self.prehistory * 20 < self.rows
    }

    /// The first and the last time that may be one of listening.
    pub(super) fn span(&self, now: i64) -> (i64, i64) {
        let first = if self.old() { DAWN * DAY } else { i64::MIN };
        let last = if self.future > 0 {
            future(now) - 1
        } else {
            i64::MAX
        };
        (first, last)
    }
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

/// A column of ratings in a log without plays: what it says is not used.
pub(super) fn rating(pass: &Pass, rows: u64) -> Option<Alert> {
    let named = |name: &str| {
        matches!(
            super::roles::plain(name).as_str(),
            "rating" | "ratings" | "stars" | "score"
        )
    };
    let column = pass
        .columns
        .iter()
        .find(|c| c.kind == Kind::Number && named(&c.name))?;
    if pass.parts.plays.is_some() {
        return None;
    }
    Some(
        Alert::new(format!("{}.rating", column.name), Severity::Note, (rows, rows), "numbers that look like ratings, which play no part")
            .column(&column.name)
            .effect("a low rating counts as much as a high one: the lab learns from what happened, not from what was thought of it")
            .remedy("keep the good ones (`parse_numbers` for the column, then `limit_range` with `min` and `action = \"drop\"`), or give them as `plays` of the source"),
    )
}
