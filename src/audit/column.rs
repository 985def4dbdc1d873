//! What a column's cells are like, as they come: one look at each distinct value of a chunk.

use std::collections::BTreeMap;

use super::numbers::{NumberTally, with_comma};
use super::times::TimeTally;
use super::values::{Seen, Values, hash};

/// Texts that stand for a missing cell, besides blank ones; compared without case.
const MARKERS: &[&str] = &[
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nan",
    "null",
    "none",
    "nil",
    "nill",
    "\\n",
    "-",
    "--",
    "?",
    "undefined",
    "missing",
    "(null)",
    "[null]",
    "(blank)",
    "not available",
    "not set",
    "(not set)",
];

/// Whether a text stands for a missing cell.
pub(super) fn is_marker(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 13
        && MARKERS
            .iter()
            .any(|marker| marker.eq_ignore_ascii_case(text))
}

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The user or the item.
    Id,
    /// What happened.
    Event,
    Time,
    Number,
    /// Labels, names, anything.
    Text,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Event => "event",
            Self::Time => "time",
            Self::Number => "number",
            Self::Text => "text",
        }
    }
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether ids that differ in case are different.
    pub(super) case: bool,
    /// Cells that the source calls missing.
    pub(super) absent: Seen,
    /// Cells of nothing but spaces, if any.
    pub(super) blank: Seen,
    /// Markers of missing cells by their spelling.
    pub(super) markers: BTreeMap<String, Seen>,
    pub(super) padded: Seen,
    pub(super) upper: Seen,
    /// Cells with control characters, NUL and marks of byte order included.
    pub(super) control: Seen,
    /// Cells that may be of a broken encoding: U+FFFD, or `Ã`, which UTF-8 read as Latin-1 is full of.
    pub(super) garbled: Seen,
    pub(super) longest: usize,
    /// By the form of their text: integer, decimal, time, text.
    pub(super) forms: BTreeMap<&'static str, u64>,
    pub(super) values: Values,
    pub(super) numbers: NumberTally,
    pub(super) times: TimeTally,
    /// Cells that are no number in a column of numbers.
    pub(super) no_number: Values,
}

/// What a value means to questions about rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meaning {
    /// Of the text as it stands.
    pub(super) exact: u64,
    /// Of what it means: equal for spellings of one thing; 0 for missing cells.
    pub(super) alike: u64,
    /// The number, or NaN.
    pub(super) number: f64,
    /// The time, if it is one.
    pub(super) time: Option<i64>,
    /// The place among the column's values, if there was room.
    pub(super) place: Option<u32>,
}

impl Column {
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            case: false,
            absent: Seen::default(),
            blank: Seen::default(),
            markers: BTreeMap::new(),
            padded: Seen::default(),
            upper: Seen::default(),
            control: Seen::default(),
            garbled: Seen::default(),
            longest: 0,
            forms: BTreeMap::new(),
            values: Values::default(),
            numbers: NumberTally::default(),
            times: TimeTally::default(),
            no_number: Values::default(),
        }
    }

    /// Takes note of `rows` rows with a text, the first of which is `first`.
    pub(super) fn add(&mut self, text: &str, rows: u64, first: u64, now: i64) -> Meaning {
        let exact = hash(text);
        let mut meaning = Meaning {
            exact,
            alike: 0,
            number: f64::NAN,
            time: None,
            place: self.values.add(text, exact, rows, first),
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.blank.add(rows, first);
            return meaning;
        }
        self.written(text, trimmed, rows, first);
        let marker = is_marker(trimmed);
        if marker {
            let seen = self.markers.entry(trimmed.to_owned()).or_default();
            seen.add(rows, first);
        }
        meaning.alike = match self.kind {
            Kind::Time => {
                meaning.time = self.times.add(trimmed, rows, first, now);
                // What is no time means nothing but itself.
                let itself = if marker { 0 } else { exact };
                meaning
                    .time
                    .map_or(itself, |time| time.cast_unsigned() | 1 << 63)
            }
            Kind::Number => {
                if let Some(number) = self.numbers.add(text, rows, first) {
                    meaning.number = number;
                } else if !marker {
                    self.no_number.add(text, exact, rows, first);
                }
                if meaning.number.is_nan() {
                    0
                } else {
                    meaning.number.to_bits() | 1
                }
            }
            Kind::Id => hash(&normal_id(trimmed, self.case)),
            Kind::Text if marker => 0,
            Kind::Event | Kind::Text => hash(&musicrec_cleaners::fold(trimmed)),
        };
        let form = match self.kind {
            Kind::Time if meaning.time.is_some() => "time",
            _ => form(trimmed),
        };
        *self.forms.entry(form).or_default() += rows;
        meaning
    }

    /// How a cell is written.
    fn written(&mut self, text: &str, trimmed: &str, rows: u64, first: u64) {
        if trimmed.len() < text.len() {
            self.padded.add(rows, first);
        }
        if trimmed.chars().any(char::is_uppercase) {
            self.upper.add(rows, first);
        }
        if trimmed.chars().any(|c| c.is_control() || c == '\u{feff}') {
            self.control.add(rows, first);
        }
        if !trimmed.is_ascii() && (trimmed.contains('\u{fffd}') || trimmed.contains('Ã')) {
            self.garbled.add(rows, first);
        }
        self.longest = self.longest.max(text.chars().count());
    }

    /// Rows whose cell is missing: absent, blank, or a marker.
    pub(super) fn missing(&self) -> u64 {
        let marked: u64 = self.markers.values().map(|seen| seen.rows).sum();
        self.absent.rows + self.blank.rows + marked
    }
}

/// An id without spaces around it, and in lower case unless case tells ids apart.
pub(super) fn normal_id(trimmed: &str, case: bool) -> std::borrow::Cow<'_, str> {
    if case || !trimmed.chars().any(char::is_uppercase) {
        trimmed.into()
    } else {
        trimmed.to_lowercase().into()
    }
}

/// The form of a text that is not missing.
fn form(trimmed: &str) -> &'static str {
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        "integer"
    } else if musicrec_cleaners::read_number(trimmed).is_some_and(|(_, mended)| mended.is_none()) {
        "decimal"
    } else {
        "text"
    }
}

/// What a column that plays no part is, by the values of the first chunk with their rows.
pub(super) fn guess_kind<'a>(values: impl Iterator<Item = (&'a str, u64)>) -> Kind {
    let (mut rows, mut numbers, mut times) = (0u64, 0u64, 0u64);
    let mut clock = super::times::Clock::default();
    for (text, uses) in values {
        let trimmed = text.trim();
        if trimmed.is_empty() || is_marker(trimmed) {
            continue;
        }
        rows += uses;
        // Seconds since 1970 are numbers too.
        if matches!(clock.read(trimmed), super::times::Read::Time(..)) {
            times += uses;
        } else if musicrec_cleaners::read_number(trimmed).is_some() || with_comma(trimmed).is_some()
        {
            numbers += uses;
        }
    }
    let most = |part: u64| rows > 0 && part as f64 >= 0.9 * rows as f64;
    if most(times) {
        Kind::Time
    } else if most(numbers + times) {
        Kind::Number
    } else {
        Kind::Text
    }
}

/// Whether ids seem to be told apart by case: many that mix both within themselves, as the ids of Spotify
/// and names do.
pub(super) fn guess_case<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let (mut all, mut mixed) = (0u64, 0u64);
    for id in ids {
        all += 1;
        let upper = id.chars().any(char::is_uppercase);
        mixed += u64::from(upper && id.chars().any(char::is_lowercase));
    }
    all > 0 && mixed as f64 > 0.2 * all as f64
}
