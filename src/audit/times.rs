//! In which formats times are written, what is no time, and how times lie.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use musicrec_cleaners::{TimeFormat, Zone};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::values::{Seen, Value, Values, hash};

/// Formats that are tried, in this order among those that fit a shape.
const FORMATS: &[&str] = &[
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "rfc3339",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%y %H:%M:%S",
    "%m/%d/%y %H:%M:%S",
    "%d/%m/%y %H:%M",
    "%m/%d/%y %H:%M",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d.%m.%y %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%d.%m.%y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %b %Y, %H:%M",
    "%b %d, %Y %H:%M:%S",
    "%b %d, %Y",
    "%d %b %Y",
    "%a %b %d %H:%M:%S %z %Y",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
    "unix",
    "unix_ms",
];
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// From this time on, seconds since 1970, times are in the future: midnight after tomorrow, for clocks and
/// zones differ. Whole days, so that a definition says the same all day.
pub(super) fn future(now: i64) -> i64 {
    (now.div_euclid(DAY) + 2) * DAY
}

/// The same, ready to read.
static READY: LazyLock<Vec<TimeFormat>> = LazyLock::new(|| {
    let ready = |text: &&str| TimeFormat::new(text).expect("a known format");
    FORMATS.iter().map(ready).collect()
});

/// Reads times of any of the formats, and remembers which shape of text has which.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The formats that texts of a shape may have.
    shapes: FxHashMap<String, Vec<usize>>,
    zone: Zone,
    shape: String,
    /// Whether a text that fits both ways has its month first.
    month_first: bool,
}

/// What a text is as a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// A time in the format of that place in [`FORMATS`], and the month-first or day-first
    /// twin if it fits too.
    Time(i64, usize, Option<usize>),
    /// It has the shape of a format, but there is no such time.
    Impossible(usize),
    /// It has the shape of none.
    Other,
}

impl Clock {
    /// Reads a text without spaces around it.
    pub(super) fn read(&mut self, text: &str) -> Read {
        shape(text, &mut self.shape);
        if !self.shapes.contains_key(&self.shape) {
            let fitting = fitting(&self.shape);
            self.shapes.insert(self.shape.clone(), fitting);
        }
        let mut impossible = None;
        for &place in &self.shapes[&self.shape] {
            match READY[place].parse(text, &self.zone) {
                Ok(time) => return self.or_twin(text, time, place),
                Err(Some(_)) => impossible = impossible.or(Some(place)),
                Err(None) => {}
            }
        }
        impossible.map_or(Read::Other, Read::Impossible)
    }

    /// A time that was read with the day first, or with the month first if that is preferred and fits.
    fn or_twin(&self, text: &str, time: i64, place: usize) -> Read {
        let twin = twin(FORMATS[place]).and_then(|twin| {
            let time = READY[twin].parse(text, &self.zone).ok()?;
            Some((twin, time))
        });
        match twin {
            Some((twin, time)) if self.month_first => Read::Time(time, twin, Some(place)),
            Some((twin, _)) => Read::Time(time, place, Some(twin)),
            None => Read::Time(time, place, None),
        }
    }
}

/// The twin of a format, which has day and month the other way round.
fn twin(format: &str) -> Option<usize> {
    let other = if let Some(rest) = format.strip_prefix("%d/%m/") {
        format!("%m/%d/{rest}")
    } else {
        format!("%d/%m/{}", format.strip_prefix("%m/%d/")?)
    };
    FORMATS.iter().position(|format| *format == other)
}

/// A text with each digit as `0`, each run of letters as `a`, and at most four digits or five in a row
/// told apart: years are four digits and Unix times nine or more.
fn shape(text: &str, shape: &mut String) {
    shape.clear();
    for c in text.chars().take(40) {
        match c {
            c if c.is_ascii_digit() => shape.push('0'),
            c if c.is_alphabetic() => {
                if !shape.ends_with('a') {
                    shape.push('a');
                }
            }
            c => shape.push(c),
        }
    }
}

/// The formats that texts of a shape may have.
fn fitting(shape: &str) -> Vec<usize> {
    let digits = |text: &str| text.bytes().take_while(|b| *b == b'0').count();
    let leading = digits(shape.trim_start_matches('-'));
    let whole = shape.trim_start_matches('-');
    let (head, fraction) = whole.split_once('.').unwrap_or((whole, ""));
    let number = digits(head) == head.len() && digits(fraction) == fraction.len();
    // A year of two digits would be one of the first century.
    let years = shape.contains("0000");
    let fits = |format: &str| match format {
        // From 1973 to 2286, so that counts and ids are no times.
        "unix" => number && (9..=10).contains(&leading),
        "unix_ms" => number && fraction.is_empty() && (12..=13).contains(&leading),
        "%Y%m%d%H%M%S" => number && whole.len() == 14,
        "%Y%m%d" => number && whole.len() == 8,
        "rfc3339" => leading == 4 && whole.contains('a'),
        format if format.starts_with("%Y") => !number && leading == 4,
        format if format.starts_with("%b") || format.starts_with("%a") => {
            years && whole.starts_with('a')
        }
        format => !number && (1..=2).contains(&leading) && years == format.contains("%Y"),
    };
    let all = FORMATS.iter().enumerate();
    all.filter(|(_, format)| fits(format))
        .map(|(place, _)| place)
        .collect()
}

/// What a column's times are like, as they come.
#[derive(Debug, Default)]
pub(super) struct TimeTally {
    pub(super) clock: Clock,
    /// Rows and the first of them by format.
    formats: BTreeMap<usize, Seen>,
    /// Rows that a month-first reading fits as well, and rows that only one of the two fits.
    pub(super) either: u64,
    pub(super) day_first: u64,
    pub(super) month_first: u64,
    /// Texts that are no time, by what they are.
    pub(super) invalid: Values,
    impossible: BTreeMap<usize, u64>,
    pub(super) rows: u64,
    pub(super) midnight: u64,
    pub(super) first: Option<(i64, u64)>,
    pub(super) last: Option<(i64, u64)>,
    pub(super) days: BTreeMap<i64, u64>,
    pub(super) hours: [u64; 24],
    pub(super) future: u64,
    pub(super) future_example: Option<(String, u64)>,
}

impl TimeTally {
    /// Takes note of `rows` rows with a text, the first of which is `first`, and gives its time.
    pub(super) fn add(&mut self, text: &str, rows: u64, first: u64, now: i64) -> Option<i64> {
        let (time, place) = match self.clock.read(text) {
            Read::Time(time, place, twin) => {
                self.twins(place, twin, rows);
                (time, place)
            }
            Read::Impossible(place) => {
                *self.impossible.entry(place).or_default() += rows;
                self.invalid.add(text, hash(text), rows, first);
                return None;
            }
            Read::Other => {
                self.invalid.add(text, hash(text), rows, first);
                return None;
            }
        };
        self.formats.entry(place).or_default().add(rows, first);
        self.rows += rows;
        let within = time.rem_euclid(DAY);
        if within == 0 {
            self.midnight += rows;
        }
        self.hours[(within / 3600) as usize] += rows;
        *self.days.entry(time.div_euclid(DAY)).or_default() += rows;
        if self.first.is_none_or(|(least, _)| time < least) {
            self.first = Some((time, first));
        }
        if self.last.is_none_or(|(most, _)| time > most) {
            self.last = Some((time, first));
        }
        if time >= future(now) {
            self.future += rows;
            self.future_example
                .get_or_insert_with(|| (text.to_owned(), first));
        }
        Some(time)
    }

    fn twins(&mut self, place: usize, twin: Option<usize>, rows: u64) {
        let format = FORMATS[place];
        let count = match twin {
            Some(_) => &mut self.either,
            None if format.starts_with("%d/%m/") => &mut self.day_first,
            None if format.starts_with("%m/%d/") => &mut self.month_first,
            None => return,
        };
        *count += rows;
    }

    /// Looks at some of the texts to come, to know whether day or month comes first.
    pub(super) fn prepare<'a>(&mut self, texts: impl Iterator<Item = (&'a str, u64)>) {
        let (mut days, mut months) = (0, 0);
        for (text, rows) in texts {
            if let Read::Time(_, place, None) = self.clock.read(text.trim()) {
                let format = FORMATS[place];
                days += if format.starts_with("%d/%m/") {
                    rows
                } else {
                    0
                };
                months += if format.starts_with("%m/%d/") {
                    rows
                } else {
                    0
                };
            }
        }
        self.clock.month_first = months > days;
    }

    /// The formats with their rows and the first of them, most rows first.
    pub(super) fn formats(&self) -> Vec<Format> {
        let places: BTreeSet<usize> = self
            .formats
            .keys()
            .chain(self.impossible.keys())
            .copied()
            .collect();
        let of = |place| {
            let seen = self.formats.get(&place).copied().unwrap_or_default();
            Format {
                directives: FORMATS[place].to_owned(),
                rows: seen.rows,
                first_row: seen.first,
                impossible: self.impossible.get(&place).copied().unwrap_or(0),
            }
        };
        let mut all: Vec<Format> = places.into_iter().map(of).collect();
        all.sort_by_key(|format| std::cmp::Reverse(format.rows));
        all
    }

    /// What is no time, most rows first.
    pub(super) fn invalid(&self, most: usize) -> Vec<Value<'_>> {
        self.invalid.top(most)
    }
}

/// A format that times are written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Format {
    /// Its directives, as `parse_timestamps` takes them.
    pub(crate) directives: String,
    /// Rows with a time in this format.
    pub(crate) rows: u64,
    /// The first of them, counted from 1 without the header; 0 if there is none.
    pub(crate) first_row: u64,
    /// Rows of this shape that are no time: `2025-13-40`.
    pub(crate) impossible: u64,
}

#[cfg(test)]
mod tests {
    use super::{Clock, FORMATS, Read, TimeTally};

    #[test]
    fn each_format_is_recognized() {
        let mut clock = Clock::default();
        let noon = 1_762_813_620;
        for (text, format) in [
            ("2025-11-10 22:27:00", "%Y-%m-%d %H:%M:%S"),
            ("2025-11-10T22:27:00", "%Y-%m-%dT%H:%M:%S"),
            ("2025-11-10T22:27:00Z", "rfc3339"),
            ("2025-11-10T23:27:00.000+01:00", "rfc3339"),
            ("2025-11-10 22:27:00.250", "%Y-%m-%d %H:%M:%S%.f"),
            ("2025-11-10 22:27", "%Y-%m-%d %H:%M"),
            ("2025/11/10 22:27:00", "%Y/%m/%d %H:%M:%S"),
            ("10/11/2025 22:27:00", "%d/%m/%Y %H:%M:%S"),
            ("10.11.2025 22:27", "%d.%m.%Y %H:%M"),
            ("10 Nov 2025, 22:27", "%d %b %Y, %H:%M"),
            ("20251110222700", "%Y%m%d%H%M%S"),
            ("1762813620", "unix"),
            ("1762813620.5", "unix"),
            ("1762813620000", "unix_ms"),
            ("10/11/2025 10:27 PM", "%d/%m/%Y %I:%M %p"),
            ("Mon Nov 10 22:27:00 +0000 2025", "%a %b %d %H:%M:%S %z %Y"),
        ] {
            let Read::Time(time, place, _) = clock.read(text) else {
                panic!("{text}: {:?}", clock.read(text));
            };
            assert_eq!((FORMATS[place], time), (format, noon), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_from_an_impossible_one() {
        let mut clock = Clock::default();
        for text in ["2025-13-40 99:99:99", "2025/09/31 12:61:00", "31/02/2025"] {
            assert!(matches!(clock.read(text), Read::Impossible(_)), "{text}");
        }
        for text in [
            "not_a_time",
            "17",
            "u10023",
            "",
            "s-999999",
            "12:30",
            "99999",
        ] {
            assert_eq!(clock.read(text), Read::Other, "{text}");
        }
    }

    #[test]
    fn a_month_that_comes_first_is_known_by_the_days_behind_it() {
        let mut tally = TimeTally::default();
        let texts = ["03/04/2023", "12/25/2023", "05/06/2023"];
        tally.prepare(texts.iter().map(|text| (*text, 1)));
        for text in texts {
            tally.add(text, 1, 1, i64::MAX / 2);
        }
        let formats: Vec<_> = tally
            .formats()
            .into_iter()
            .map(|f| (f.directives, f.rows))
            .collect();
        assert_eq!(formats, [("%m/%d/%Y".to_owned(), 3)]);
        assert_eq!(
            (tally.day_first, tally.month_first, tally.either),
            (0, 1, 2)
        );
    }

    #[test]
    fn years_of_two_digits_are_of_this_century() {
        let mut clock = Clock::default();
        let Read::Time(time, place, _) = clock.read("26.09.24") else {
            panic!()
        };
        assert_eq!((FORMATS[place], time), ("%d.%m.%y", 1_727_308_800));
    }

    #[test]
    fn doubts_about_day_and_month_are_counted() {
        let mut tally = TimeTally::default();
        for text in ["25/12/2024", "12/25/2024", "01/02/2024"] {
            tally.add(text, 1, 1, i64::MAX / 2);
        }
        assert_eq!(
            (tally.day_first, tally.month_first, tally.either),
            (1, 1, 1)
        );
    }
}
