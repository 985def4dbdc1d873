//! The cells of a column: dictionary-coded text, numbers, times.

use std::borrow::Cow;

use crate::packed::compact;
use crate::texts::{KnownTexts, Texts};

/// Code of a missing text cell.
pub const MISSING: u32 = u32::MAX;
/// Value of a missing time cell; missing numbers are NaN.
pub const MISSING_TIME: i64 = i64::MIN;

/// Dictionary-coded text: `values[codes[row]]`, or [`MISSING`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// One code a row.
    pub codes: Vec<u32>,
    /// The values, each once; some may be unused after rows were dropped.
    pub values: Texts,
}

impl Text {
    /// The text of a row, `None` if missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = self.codes[row];
        (code != MISSING).then(|| &self.values[code as usize])
    }
}

impl<S: AsRef<str>> FromIterator<Option<S>> for Text {
    fn from_iter<I: IntoIterator<Item = Option<S>>>(cells: I) -> Self {
        let mut codes = Vec::new();
        let (mut values, mut known) = (Texts::default(), KnownTexts::default());
        for cell in cells {
            codes.push(match cell {
                None => MISSING,
                Some(text) => known.code(&mut values, text.as_ref()),
            });
        }
        Self { codes, values }
    }
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// As read. An empty cell of a file is the empty text until a cleaner calls it missing.
    Text(Text),
    /// Parsed numbers; NaN is missing.
    Number(Vec<f64>),
    /// Parsed times in seconds since 1970, UTC; [`MISSING_TIME`] is missing.
    Time(Vec<i64>),
}

impl Cells {
    /// How many rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.codes.len(),
            Self::Number(numbers) => numbers.len(),
            Self::Time(times) => times.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the cell of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Text(text) => text.codes[row] == MISSING,
            Self::Number(numbers) => numbers[row].is_nan(),
            Self::Time(times) => times[row] == MISSING_TIME,
        }
    }

    /// The cell as text for samples and messages; empty if missing.
    pub fn show(&self, row: usize) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.get(row).unwrap_or("")),
            Self::Number(numbers) if numbers[row].is_nan() => Cow::Borrowed(""),
            Self::Number(numbers) => Cow::Owned(numbers[row].to_string()),
            Self::Time(times) => Cow::Owned(time_text(times[row])),
        }
    }

    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let pick = |row: &u32| *row as usize;
        match self {
            Self::Text(text) => Self::Text(Text {
                codes: rows.iter().map(|r| text.codes[pick(r)]).collect(),
                values: text.values.clone(),
            }),
            Self::Number(v) => Self::Number(rows.iter().map(|r| v[pick(r)]).collect()),
            Self::Time(v) => Self::Time(rows.iter().map(|r| v[pick(r)]).collect()),
        }
    }

    pub(crate) fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::Text(text) => compact(&mut text.codes, keep),
            Self::Number(numbers) => compact(numbers, keep),
            Self::Time(times) => compact(times, keep),
        }
    }
}

/// A time in seconds since 1970 as `2025-11-10T22:57:00Z`; empty if missing.
pub fn time_text(seconds: i64) -> String {
    if seconds == MISSING_TIME {
        return String::new();
    }
    jiff::Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s"), |t| t.to_string())
}
