//! Formats and zones, checked when the definition is read.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The format that most logs have.
const COMMON: &str = "%Y-%m-%d %H:%M:%S";
const IMPOSSIBLE: &str = "impossible date";
const SKIPPED: &str = "skipped when the clocks were set forward";

/// A time format: `strptime` directives, or one of the words `unix`, `unix_ms` and `rfc3339`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeFormat {
    text: String,
    /// The shape of a text in this format; see [`shape`].
    shape: String,
}

impl TimeFormat {
    /// The format of that text, or what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let example = match text {
            "unix" => "1".to_owned(),
            "unix_ms" => "10".to_owned(),
            "rfc3339" => "2021-11-23T14:35:56Z".to_owned(),
            _ => example(text)?,
        };
        Ok(Self {
            text: text.to_owned(),
            shape: shape(&example),
        })
    }

    /// The time in seconds since 1970, UTC; or why there is none, unless it is that the format
    /// does not fit.
    pub fn parse(&self, cell: &str, zone: &Zone) -> Result<i64, Option<&'static str>> {
        match self.text.as_str() {
            "unix" => {
                let whole = cell.split_once('.').map_or(cell, |(whole, fraction)| {
                    let digits = fraction.bytes().all(|b| b.is_ascii_digit());
                    if digits { whole } else { "" }
                });
                let seconds = integer(whole).ok_or(None)?;
                // Rounded down, before 1970 too.
                let fraction = cell[whole.len()..]
                    .bytes()
                    .any(|b| b.is_ascii_digit() && b != b'0');
                in_range(seconds - i64::from(fraction && cell.starts_with('-')))
            }
            "unix_ms" => in_range(integer(cell).ok_or(None)?.div_euclid(1000)),
            "rfc3339" => match cell.parse::<Timestamp>() {
                Ok(time) if !leap(cell, || time.to_string()) => Ok(floor(time)),
                _ => Err(self.why_not(cell)),
            },
            format => {
                if format == COMMON
                    && let Some(time) = common(cell)
                {
                    return zone.at(time);
                }
                let Ok(time) = BrokenDownTime::parse(format, cell) else {
                    return Err(self.why_not(cell));
                };
                if time.second() == Some(59)
                    && leap(cell, || time.to_string(format).unwrap_or_default())
                {
                    return Err(Some(IMPOSSIBLE));
                }
                if time.offset().is_some() || time.timestamp().is_some() {
                    return time.to_timestamp().map(floor).map_err(|_| Some(IMPOSSIBLE));
                }
                let time = time.to_datetime().map_err(|_| Some(IMPOSSIBLE))?;
                zone.at(time)
            }
        }
    }

    /// A text of the right shape that is not a time is an impossible one.
    fn why_not(&self, cell: &str) -> Option<&'static str> {
        (shape(cell) == self.shape).then_some(IMPOSSIBLE)
    }
}

/// A time that is written in [`COMMON`] with all its zeros, which is read in a fraction of the time that
/// a format takes in general. `None` for all else, impossible times included.
fn common(cell: &str) -> Option<DateTime> {
    let bytes: &[u8; 19] = cell.as_bytes().try_into().ok()?;
    let between = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if between.iter().any(|&(at, byte)| bytes[at] != byte) {
        return None;
    }
    let two = |at: usize| {
        let digit = |at: usize| Some(bytes[at].wrapping_sub(b'0')).filter(|digit| *digit < 10);
        Some((digit(at)? * 10 + digit(at + 1)?).cast_signed())
    };
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    let (month, day) = (two(5)?, two(8)?);
    DateTime::new(year, month, day, two(11)?, two(14)?, two(17)?, 0).ok()
}

/// A time in the format given, or why there can be none.
fn example(format: &str) -> Result<String, String> {
    let time: Zoned = DateTime::constant(2021, 11, 23, 14, 35, 56, 0)
        .to_zoned(TimeZone::UTC)
        .map_err(|e| e.to_string())?;
    let wrong = |why: String| {
        format!(
            "`{format}` is no time format: {why}; expected strptime directives such as \
             \"%Y-%m-%d %H:%M:%S\", or one of the words `unix`, `unix_ms`, `rfc3339`"
        )
    };
    let text = jiff::fmt::strtime::format(format, &time).map_err(|e| wrong(e.to_string()))?;
    let read = BrokenDownTime::parse(format, &text).map_err(|e| wrong(e.to_string()))?;
    if read.iana_time_zone().is_some() {
        return Err(wrong(
            "names of zones cannot be read, but offsets (%z)".into(),
        ));
    }
    if read.timestamp().is_none() {
        read.to_datetime().map_err(|e| wrong(e.to_string()))?;
    }
    Ok(text)
}

/// A text with each run of digits as `0` and each run of letters as `a`.
pub fn shape(text: &str) -> String {
    let mut shape = String::new();
    for c in text.chars() {
        let c = match c {
            c if c.is_ascii_digit() => '0',
            c if c.is_alphabetic() => 'a',
            c => c,
        };
        if !(matches!(c, '0' | 'a') && shape.ends_with(c)) {
            shape.push(c);
        }
    }
    shape
}

/// Whether a text has a second 60, which jiff reads as 59: unix time has no such second, and
/// nothing is shifted here.
fn leap(cell: &str, written: impl Fn() -> String) -> bool {
    let sixties = |text: &str| text.matches("60").count();
    cell.contains("60") && sixties(cell) > sixties(&written())
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn in_range(seconds: i64) -> Result<i64, Option<&'static str>> {
    Timestamp::from_second(seconds)
        .map(|_| seconds)
        .map_err(|_| Some(IMPOSSIBLE))
}

/// Whole seconds, rounded down before 1970 too.
fn floor(time: Timestamp) -> i64 {
    time.as_nanosecond().div_euclid(1_000_000_000) as i64
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::new(COMMON).expect("a valid format")
    }
}

/// A time zone by its IANA name, from the tables in the program: the same on every machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// The zone of that name, or what is wrong with the name.
    pub fn new(name: &str) -> Result<Self, String> {
        let zones = TimeZoneDatabase::bundled();
        let Ok(zone) = zones.get(name) else {
            let known: Vec<String> = zones.available().map(|n| n.as_str().to_owned()).collect();
            let near = musicrec_api::nearest(name, known.iter().map(String::as_str));
            return Err(format!(
                "`{name}` is no time zone; expected an IANA name such as `UTC` or `Europe/Berlin`{}",
                near.map_or(String::new(), |near| format!(", did you mean `{near}`?"))
            ));
        };
        Ok(Self {
            name: name.to_owned(),
            zone,
        })
    }

    fn at(&self, time: DateTime) -> Result<i64, Option<&'static str>> {
        let offset: Offset = match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } => before,
            AmbiguousOffset::Gap { .. } => return Err(Some(SKIPPED)),
        };
        offset
            .to_timestamp(time)
            .map(floor)
            .map_err(|_| Some(IMPOSSIBLE))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::new("UTC").expect("a known zone")
    }
}

/// Both types are written as their text, which says all.
macro_rules! as_text {
    ($name:ident, $field:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.$field.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.$field)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string"})
            }
        }
    };
}
as_text!(TimeFormat, text);
as_text!(Zone, name);

#[cfg(test)]
mod tests {
    use super::{TimeFormat, Zone};

    #[test]
    fn formats_that_give_no_time_are_refused() {
        for bad in [
            "%H:%M",
            "%Y-%m",
            "%J",
            "%Y-%m-%d %Q",
            "%Y-%m-%d %Z",
            "unix_us",
            "",
        ] {
            let error = TimeFormat::new(bad).unwrap_err();
            assert!(error.contains("is no time format"), "{error}");
        }
        for good in ["%Y-%m-%d", "%d %B %Y %H", "%s", "%FT%T%.f%:z", "unix_ms"] {
            TimeFormat::new(good).unwrap();
        }
    }

    #[test]
    fn zones_are_known_or_refused_with_the_nearest() {
        assert_eq!(format!("{:?}", Zone::default()), "\"UTC\"");
        let error = Zone::new("Europe/Berln").unwrap_err();
        assert!(error.contains("did you mean `Europe/Berlin`"), "{error}");
    }
}
