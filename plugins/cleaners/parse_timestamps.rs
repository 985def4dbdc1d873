//! Times in the formats of a log.

mod format;

use musicrec_api::{
    Cells, CheckContext, Cleaner, Error, Ledger, Log, MISSING_TIME, Problem, Reach, Result,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{columns_or, missing_columns};
use crate::parsing::{Invalid, Parsed, Parser};
pub use format::{TimeFormat, Zone, shape};

/// Turns columns of text into times.
///
/// The formats are tried in order, the first that fits counts. A time that does not exist
/// (`2025-13-40`, 31 September, minute 61) is invalid, never shifted to one that does; a date alone
/// means its midnight. Fractions of a second are cut off. Blank cells become missing, whatever
/// `invalid` says.
///
/// A time that does not tell its offset is one of `zone`. Where clocks are set back, an hour happens
/// twice: the first of the two is meant. Where they are set forward, an hour does not exist: a time
/// in it is invalid.
///
/// ```toml
/// [[cleaners]]
/// parse_timestamps = { formats = ["%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "unix"], zone = "Europe/Berlin", invalid = "missing" }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParseTimestamps {
    /// The columns to parse. Default: that of the time.
    pub columns: Vec<String>,
    /// The formats, tried in order: the directives of `strptime` (`%Y` year, `%m` month, `%d` day,
    /// `%H` hour, `%M` minute, `%S` second, `%.f` fraction with its point, `%b` month's name, `%z`
    /// offset, …), or a word: `unix` (seconds since 1970, UTC), `unix_ms` (milliseconds),
    /// `rfc3339` (`2025-11-10T22:57:00Z`). Default: `%Y-%m-%d %H:%M:%S`.
    #[schemars(length(min = 1))]
    pub formats: Vec<TimeFormat>,
    /// The IANA name of the zone of times that do not tell their offset, for example
    /// `Europe/Berlin`. Default `UTC`.
    pub zone: Zone,
    /// What to do with cells that fit no format or are no time. Default `error`, so that a second
    /// format in the log is noticed; `missing` once you have seen what they are.
    pub invalid: Invalid,
}

impl Default for ParseTimestamps {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            formats: vec![TimeFormat::default()],
            zone: Zone::default(),
            invalid: Invalid::Error,
        }
    }
}

#[typetag::serde(name = "parse_timestamps")]
impl Cleaner for ParseTimestamps {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        if let Some(problem) = self.no_format() {
            return Err(problem.error(""));
        }
        let columns = columns_or(&self.columns, &[part.roles().time.as_ref()]);
        if columns.is_empty() {
            return Err(Error::definition(
                "`parse_timestamps` has nothing to do: the log has no column of times; name it with \
                 the `time` of the source, name the `columns` of `parse_timestamps`, or remove it",
            ));
        }
        for column in &columns {
            // A source may give times already.
            if matches!(part.column(column)?, Cells::Time(_)) {
                continue;
            }
            Parser {
                cleaner: "parse_timestamps",
                column,
                absent: MISSING_TIME,
                fill: None,
                invalid: self.invalid,
                remedy: "add their format to the `formats` of `parse_timestamps`, or set its \
                         `invalid` to \"missing\" or \"drop\"",
                wrap: Cells::Time,
            }
            .run(part, ledger, |cell| self.parse(cell))?;
        }
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems = missing_columns(context, "columns", &self.columns);
        problems.extend(self.no_format());
        problems
    }
}

register!(Cleaner, ParseTimestamps, "parse_timestamps", revision = 1);

impl ParseTimestamps {
    /// The time that a cell says, in seconds since 1970, UTC; `None` if it is blank or no time.
    pub fn time(&self, cell: &str) -> Option<i64> {
        match self.parse(cell) {
            Parsed::Plain(time) | Parsed::Mended(time, _) => Some(time),
            Parsed::Blank | Parsed::Invalid(_) => None,
        }
    }

    fn no_format(&self) -> Option<Problem> {
        let problem = Problem::at("formats", "`parse_timestamps` has no format to try")
            .remedy("leave `formats` out, or list some");
        self.formats.is_empty().then_some(problem)
    }

    fn parse(&self, cell: &str) -> Parsed<i64> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Parsed::Blank;
        }
        let mut reason = None;
        for format in &self.formats {
            match format.parse(cell, &self.zone) {
                Ok(seconds) => return Parsed::Plain(seconds),
                Err(why) => reason = reason.or(why),
            }
        }
        Parsed::Invalid(reason.unwrap_or("no format fits"))
    }
}

#[cfg(test)]
mod tests {
    use super::ParseTimestamps;
    use crate::cells::tests::{books, check, log, places, shown};
    use musicrec_api::{Cleaner, Ledger, Log, Result};

    fn run(definition: &str, cells: &[&str]) -> Result<(Log, Ledger)> {
        let cleaner: ParseTimestamps = serde_json::from_str(definition).unwrap();
        let rows: Vec<String> = cells.iter().map(|c| format!("u|i|{c}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut log = log("user|item|time", &rows);
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    fn times(definition: &str, cells: &[&str]) -> Vec<String> {
        shown(&run(definition, cells).unwrap().0, "time")
    }

    #[test]
    fn times_that_do_not_exist_are_invalid_and_told_apart() {
        let cells = [
            "2025-11-10 22:57:00",
            "2025-13-40 99:99:99",
            "2025-09-31 12:00:00",
            "2025-02-29 12:00:00",
            "2025-11-10 22:57:60",
            "2025/09/31 12:61:00",
            "not_a_time",
            "2025-11-10 22:57:00 x",
            "2025-11-10",
            " ",
            "~",
        ];
        let (log, ledger) = run(r#"{"invalid": "missing"}"#, &cells).unwrap();
        let mut expected = vec!["~"; cells.len()];
        expected[0] = "2025-11-10T22:57:00Z";
        assert_eq!(shown(&log, "time"), expected);
        assert_eq!(
            books(ledger.changes()),
            [
                ("time", "blank", 1),
                ("time", "impossible date", 4),
                ("time", "no format fits", 4),
            ]
        );
    }

    #[test]
    fn formats_are_tried_in_order() {
        let formats = r#"{"formats": ["%d/%m/%Y", "%m/%d/%Y", "unix", "rfc3339", "%b %d, %Y %I:%M %p"],
            "invalid": "missing"}"#;
        let cells = [
            "03/04/2025",
            "03/14/2025",
            "1158019200",
            "1158019200.0",
            "-1",
            "2025-11-10T22:57:00.9+02:00",
            "Nov 9, 2025 11:05 PM",
            "14/14/2025",
        ];
        let expected = [
            "2025-04-03T00:00:00Z",
            "2025-03-14T00:00:00Z",
            "2006-09-12T00:00:00Z",
            "2006-09-12T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2025-11-10T20:57:00Z",
            "2025-11-09T23:05:00Z",
            "~",
        ];
        assert_eq!(times(formats, &cells), expected);
        let (_, ledger) = run(formats, &cells).unwrap();
        assert_eq!(books(ledger.changes()), [("time", "impossible date", 1)]);
        let milliseconds = times(r#"{"formats": ["unix_ms"]}"#, &["1158019200999", "-1"]);
        assert_eq!(
            milliseconds,
            ["2006-09-12T00:00:00Z", "1969-12-31T23:59:59Z"]
        );
        // Milliseconds taken for seconds would be the year 38,000.
        let wrong = times(
            r#"{"formats": ["unix"], "invalid": "missing"}"#,
            &["1158019200999", "1e9", "0x10", "12.x"],
        );
        assert_eq!(wrong, ["~"; 4]);
    }

    #[test]
    fn a_zone_holds_for_times_without_offset_and_clock_changes_follow_the_rule() {
        let berlin = r#"{"zone": "Europe/Berlin", "formats": ["%Y-%m-%d %H:%M:%S", "rfc3339"],
            "invalid": "missing"}"#;
        let cells = [
            "2025-01-01 00:00:00",
            "2025-07-01 00:00:00",
            "2025-10-26 02:30:00", // twice: first in summer time
            "2025-03-30 02:30:00", // never
            "2025-07-01T00:00:00Z",
        ];
        let expected = [
            "2024-12-31T23:00:00Z",
            "2025-06-30T22:00:00Z",
            "2025-10-26T00:30:00Z",
            "~",
            "2025-07-01T00:00:00Z",
        ];
        assert_eq!(times(berlin, &cells), expected);
        let (_, ledger) = run(berlin, &cells).unwrap();
        let expected = [("time", "skipped when the clocks were set forward", 1)];
        assert_eq!(books(ledger.changes()), expected);
        let cleaner: ParseTimestamps = serde_json::from_str(berlin).unwrap();
        let alone = [cells[1], cells[3], ""].map(|cell| cleaner.time(cell));
        assert_eq!(alone, [Some(1_751_320_800), None, None]);
    }

    #[test]
    fn invalid_times_are_an_error_or_drop_their_row() {
        let cells = ["2025-11-10 22:57:00", "?", "", "2025-11-11 22:57:00"];
        for definition in ["{}", r#"{"invalid": "error"}"#] {
            let error = run(definition, &cells).unwrap_err().to_string();
            assert!(error.contains("row 2, column `time`: `?`"), "{error}");
        }
        let (log, ledger) = run(r#"{"invalid": "drop"}"#, &cells).unwrap();
        assert_eq!(log.numbers(), [1, 3, 4]);
        assert_eq!(books(ledger.drops()), [("time", "no format fits", 1)]);
    }

    #[test]
    fn a_log_without_times_is_a_fault() {
        let mut log = log("user|item", &["u|i"]);
        let error = ParseTimestamps::default()
            .clean(&mut log, &mut Ledger::default())
            .unwrap_err();
        assert!(error.to_string().contains("no column of times"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_before_the_run() {
        let problems = check(r#"{"parse_timestamps": {"columns": ["times"], "formats": []}}"#);
        assert_eq!(places(&problems), [("columns.0", "time"), ("formats", "")]);
        assert!(problems[1].message.contains("no format to try"));
        assert!(run(r#"{"formats": []}"#, &["x"]).is_err());
        assert!(check(r#"{"parse_timestamps": {}}"#).is_empty());
    }
}
