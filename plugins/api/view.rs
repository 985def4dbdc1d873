//! Looking at the cells of a column, however the log holds them.

use std::borrow::Cow;

use crate::cells::{Cells, MISSING, MISSING_TIME, time_text};
use crate::texts::Texts;

/// The cells of a column to look at, without a copy of them: a whole log holds them in fewer bytes
/// than [`Cells`] do. A view is a reference, and as cheap to hand on.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// Text, as in [`Cells::Text`].
    Text(TextView<'a>),
    /// Numbers; NaN is missing.
    Number(NumbersView<'a>),
    /// Times in seconds since 1970, UTC; [`MISSING_TIME`] is missing.
    Time(TimesView<'a>),
}

impl<'a> View<'a> {
    /// The view of cells.
    pub fn of(cells: &'a Cells) -> Self {
        match cells {
            Cells::Text(text) => {
                Self::Text(TextView::new(CodesView::Four(&text.codes), &text.values))
            }
            Cells::Number(numbers) => Self::Number(NumbersView::plain(numbers)),
            Cells::Time(times) => Self::Time(TimesView::plain(times)),
        }
    }

    /// How many rows.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Text(text) => text.codes.len(),
            Self::Number(numbers) => numbers.len(),
            Self::Time(times) => times.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether the cell of a row is missing.
    #[inline]
    pub fn is_missing(self, row: usize) -> bool {
        match self {
            Self::Text(text) => text.code(row) == MISSING,
            Self::Number(numbers) => numbers.get(row).is_nan(),
            Self::Time(times) => times.get(row) == MISSING_TIME,
        }
    }

    /// The cell as text for samples and messages; empty if missing.
    pub fn show(self, row: usize) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.get(row).unwrap_or("")),
            Self::Number(numbers) => match numbers.get(row) {
                number if number.is_nan() => Cow::Borrowed(""),
                number => Cow::Owned(number.to_string()),
            },
            Self::Time(times) => Cow::Owned(time_text(times.get(row))),
        }
    }

    /// A number that is equal for equal cells of this column, missing ones included.
    #[inline]
    pub fn bits(self, row: usize) -> u64 {
        match self {
            Self::Text(text) => u64::from(text.code(row)),
            Self::Number(numbers) => match numbers.get(row) {
                // All NaN are missing, and -0 is 0.
                number if number.is_nan() => f64::NAN.to_bits(),
                number => (number + 0.0).to_bits(),
            },
            Self::Time(times) => times.get(row).cast_unsigned(),
        }
    }
}

/// Dictionary-coded text.
#[derive(Debug, Clone, Copy)]
pub struct TextView<'a> {
    codes: CodesView<'a>,
    values: &'a Texts,
}

impl<'a> TextView<'a> {
    pub(crate) fn new(codes: CodesView<'a>, values: &'a Texts) -> Self {
        Self { codes, values }
    }

    /// The code of a row: a place in [`TextView::values`], or [`MISSING`].
    #[inline]
    pub fn code(self, row: usize) -> u32 {
        self.codes.get(row)
    }

    /// The codes of all rows.
    #[inline]
    pub fn codes(self) -> impl Iterator<Item = u32> + 'a {
        self.codes.iter()
    }

    /// The values, each once; some may be unused after rows were dropped.
    #[inline]
    pub fn values(self) -> &'a Texts {
        self.values
    }

    /// The text of a row, `None` if missing.
    #[inline]
    pub fn get(self, row: usize) -> Option<&'a str> {
        let code = self.code(row);
        (code != MISSING).then(|| &self.values[code as usize])
    }
}

/// Numbers, one a row.
#[derive(Debug, Clone, Copy)]
pub struct NumbersView<'a>(Numbers<'a>);

#[derive(Debug, Clone, Copy)]
enum Numbers<'a> {
    Plain(&'a [f64]),
    Coded(CodesView<'a>, &'a [f64]),
}

impl<'a> NumbersView<'a> {
    pub(crate) fn plain(numbers: &'a [f64]) -> Self {
        Self(Numbers::Plain(numbers))
    }

    pub(crate) fn coded(codes: CodesView<'a>, values: &'a [f64]) -> Self {
        Self(Numbers::Coded(codes, values))
    }

    /// How many rows.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Numbers::Plain(numbers) => numbers.len(),
            Numbers::Coded(codes, _) => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The distinct numbers, where they are held as codes.
    pub(crate) fn values(self) -> Option<&'a [f64]> {
        match self.0 {
            Numbers::Plain(_) => None,
            Numbers::Coded(_, values) => Some(values),
        }
    }

    /// The number of a row; NaN if missing.
    #[inline]
    pub fn get(self, row: usize) -> f64 {
        match self.0 {
            Numbers::Plain(numbers) => numbers[row],
            Numbers::Coded(codes, values) => match codes.get(row) {
                MISSING => f64::NAN,
                code => values[code as usize],
            },
        }
    }

    /// The numbers of all rows.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = f64> + 'a {
        (0..self.len()).map(move |row| self.get(row))
    }
}

/// Times, one a row.
#[derive(Debug, Clone, Copy)]
pub struct TimesView<'a>(Times<'a>);

#[derive(Debug, Clone, Copy)]
enum Times<'a> {
    Plain(&'a [i64]),
    Since(i64, &'a [u32]),
}

impl<'a> TimesView<'a> {
    pub(crate) fn plain(times: &'a [i64]) -> Self {
        Self(Times::Plain(times))
    }

    pub(crate) fn since(from: i64, offsets: &'a [u32]) -> Self {
        Self(Times::Since(from, offsets))
    }

    /// How many rows.
    #[inline]
    pub fn len(self) -> usize {
        match self.0 {
            Times::Plain(times) => times.len(),
            Times::Since(_, offsets) => offsets.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The time of a row, [`MISSING_TIME`] if missing.
    #[inline]
    pub fn get(self, row: usize) -> i64 {
        match self.0 {
            Times::Plain(times) => times[row],
            Times::Since(from, offsets) => match offsets[row] {
                MISSING => MISSING_TIME,
                offset => from + i64::from(offset),
            },
        }
    }

    /// The times of all rows.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = i64> + 'a {
        (0..self.len()).map(move |row| self.get(row))
    }
}

/// Codes of one width, whose largest is [`MISSING`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum CodesView<'a> {
    One(&'a [u8]),
    Two(&'a [u16]),
    Four(&'a [u32]),
}

impl<'a> CodesView<'a> {
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::One(codes) => codes.len(),
            Self::Two(codes) => codes.len(),
            Self::Four(codes) => codes.len(),
        }
    }

    #[inline]
    pub(crate) fn get(self, row: usize) -> u32 {
        match self {
            Self::One(codes) => match codes[row] {
                u8::MAX => MISSING,
                code => u32::from(code),
            },
            Self::Two(codes) => match codes[row] {
                u16::MAX => MISSING,
                code => u32::from(code),
            },
            Self::Four(codes) => codes[row],
        }
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        (0..self.len()).map(move |row| self.get(row))
    }
}
