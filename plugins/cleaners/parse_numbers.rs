//! Numbers as people and programs write them.

use musicrec_api::{
    Cells, CheckContext, Cleaner, Error, Ledger, Log, Problem, Reach, Result, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{columns_or, missing_columns};
use crate::parsing::{Invalid, Parsed, Parser};

const WORDS: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// Turns columns of text into numbers.
///
/// A number is written `12`, `-3.5` or `1e3`, spaces around it do not matter. Strict otherwise:
/// `1,000`, `0x1F`, `inf` and `nan` are not numbers. Blank cells become missing, whatever `invalid`
/// says.
///
/// ```toml
/// [[cleaners]]
/// parse_numbers = { columns = ["play_count", "listen_seconds"] }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParseNumbers {
    /// The columns to parse. Default: those of plays and of seconds, as far as the log has them.
    pub columns: Vec<String>,
    /// Whether the English words `zero` to `twenty` are numbers. Default true.
    pub words: bool,
    /// Whether a comma separates decimals: `121,5`. Default false: such a cell is not a number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub decimal_comma: bool,
    /// The number for blank and missing cells. Default: they are missing.
    pub blank: Option<f64>,
    /// What to do with cells that are not a number. Default `error`.
    pub invalid: Invalid,
}

impl Default for ParseNumbers {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            words: true,
            decimal_comma: false,
            blank: None,
            invalid: Invalid::Error,
        }
    }
}

#[typetag::serde(name = "parse_numbers")]
impl Cleaner for ParseNumbers {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        if let Some(problem) = self.impossible_blank() {
            return Err(problem.error("`parse_numbers`: "));
        }
        let roles = part.roles();
        let columns = columns_or(
            &self.columns,
            &[roles.plays.as_ref(), roles.seconds.as_ref()],
        );
        if columns.is_empty() {
            return Err(Error::definition(
                "`parse_numbers` has nothing to do: the log has no column of plays or seconds; name \
                 its `columns`, or remove it",
            ));
        }
        for column in &columns {
            // A source may give numbers already.
            if matches!(part.column(column)?, Cells::Number(_)) {
                continue;
            }
            Parser {
                cleaner: "parse_numbers",
                column,
                absent: f64::NAN,
                fill: self.blank,
                invalid: self.invalid,
                remedy: "map them with `map_labels` or `missing_markers` before, or set the \
                         `invalid` of `parse_numbers` to \"missing\" or \"drop\"",
                wrap: Cells::Number,
            }
            .run(part, ledger, |cell| self.parse(cell))?;
        }
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems = missing_columns(context, "columns", &self.columns);
        problems.extend(self.impossible_blank());
        problems
    }
}

register!(Cleaner, ParseNumbers, "parse_numbers", revision = 1);

impl ParseNumbers {
    /// The number that a cell says, spaces around it aside; `None` if it is blank or no number.
    pub fn number(&self, cell: &str) -> Option<f64> {
        match self.parse(cell) {
            Parsed::Plain(number) | Parsed::Mended(number, _) => Some(number),
            Parsed::Blank | Parsed::Invalid(_) => None,
        }
    }

    fn impossible_blank(&self) -> Option<Problem> {
        let problem = Problem::at("blank", "`blank` must be a finite number")
            .remedy("leave it out to have blank cells missing");
        self.blank
            .is_some_and(|fill| !fill.is_finite())
            .then_some(problem)
    }

    fn parse(&self, cell: &str) -> Parsed<f64> {
        let trimmed = cell.trim();
        if trimmed.is_empty() {
            return Parsed::Blank;
        }
        let commas = trimmed.bytes().filter(|b| *b == b',').count();
        if self.decimal_comma && commas == 1 && !trimmed.contains('.') {
            return number(&trimmed.replace(',', "."))
                .map_or(Parsed::Invalid("not a number"), |number| {
                    Parsed::Mended(number, "decimal comma")
                });
        }
        match number(trimmed) {
            Some(number) if trimmed.len() == cell.len() => Parsed::Plain(number),
            Some(number) => Parsed::Mended(number, "padded"),
            None if self.words => WORDS
                .iter()
                .position(|word| word.eq_ignore_ascii_case(trimmed))
                .map_or(Parsed::Invalid("not a number"), |number| {
                    Parsed::Mended(number as f64, "word")
                }),
            None => Parsed::Invalid("not a number"),
        }
    }
}

/// The number that a cell means, as [`ParseNumbers`] reads it, and what had to be repaired for it:
/// `padded` or `word`. `None` for blank cells and for what is no number.
pub fn read_number(cell: &str) -> Option<(f64, Option<&'static str>)> {
    match ParseNumbers::default().parse(cell) {
        Parsed::Plain(number) => Some((number, None)),
        Parsed::Mended(number, what) => Some((number, Some(what))),
        Parsed::Blank | Parsed::Invalid(_) => None,
    }
}

/// A plain number. Rust reads `inf` and `nan` too, and what is too large as infinite.
pub(crate) fn number(text: &str) -> Option<f64> {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(plain) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::ParseNumbers;
    use crate::cells::tests::{books, check, log, places, sample, shown};
    use crate::parsing::Invalid;
    use musicrec_api::{Cleaner, Ledger, Log, Result};

    fn run(cleaner: &ParseNumbers, cells: &[&str]) -> Result<(Log, Ledger)> {
        let rows: Vec<String> = cells.iter().map(|c| format!("u|i|{c}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut log = log("user|item|plays", &rows);
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    #[test]
    fn padded_numbers_words_and_blanks_are_told_apart() {
        let cells = ["1", " 3", "2 ", "Ten", " one ", "", " ", "~", "-2.5", "1e3"];
        let (log, ledger) = run(&ParseNumbers::default(), &cells).unwrap();
        let expected = ["1", "3", "2", "10", "1", "~", "~", "~", "-2.5", "1000"];
        assert_eq!(shown(&log, "plays"), expected);
        let expected = [
            ("plays", "blank", 2),
            ("plays", "padded", 2),
            ("plays", "word", 2),
        ];
        assert_eq!(books(ledger.changes()), expected);
        let first = sample(ledger.changes(), "padded");
        assert_eq!(first, (2, " 3", Some("3")));
        let alone = ["Ten", " 3", "", "many"].map(|cell| ParseNumbers::default().number(cell));
        assert_eq!(alone, [Some(10.0), Some(3.0), None, None]);
    }

    #[test]
    fn a_comma_may_separate_decimals() {
        let cleaner = ParseNumbers {
            decimal_comma: true,
            invalid: Invalid::Missing,
            ..ParseNumbers::default()
        };
        let (log, ledger) = run(&cleaner, &["121,5", "3", "2.5", "1,000,5", "1.000,5"]).unwrap();
        assert_eq!(shown(&log, "plays"), ["121.5", "3", "2.5", "~", "~"]);
        let expected = [("plays", "decimal comma", 1), ("plays", "not a number", 2)];
        assert_eq!(books(ledger.changes()), expected);
    }

    #[test]
    fn blanks_can_be_filled() {
        let cleaner = ParseNumbers {
            blank: Some(1.0),
            ..ParseNumbers::default()
        };
        let (log, ledger) = run(&cleaner, &["2", "", "~", "~"]).unwrap();
        assert_eq!(shown(&log, "plays"), ["2", "1", "1", "1"]);
        let expected = [("plays", "blank", 1), ("plays", "missing, filled in", 2)];
        assert_eq!(books(ledger.changes()), expected);
    }

    #[test]
    fn what_is_no_number_is_an_error_missing_or_dropped() {
        for bad in [
            "inf", "NaN", "0x1F", "1,000", "1_000", "1e999", "many", "1 2", "--1", ".",
        ] {
            let error = run(&ParseNumbers::default(), &["1", bad, bad]).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(&format!("row 2, column `plays`: `{bad}`")),
                "{text}"
            );
            assert!(text.contains("2 rows have such cells"), "{text}");
        }
        let missing = ParseNumbers {
            invalid: Invalid::Missing,
            words: false,
            ..ParseNumbers::default()
        };
        let (log, ledger) = run(&missing, &["1", "one"]).unwrap();
        assert_eq!(shown(&log, "plays"), ["1", "~"]);
        assert_eq!(books(ledger.changes()), [("plays", "not a number", 1)]);
        let drop = ParseNumbers {
            invalid: Invalid::Drop,
            ..ParseNumbers::default()
        };
        let (log, ledger) = run(&drop, &["1", "many", "", "3"]).unwrap();
        assert_eq!(shown(&log, "plays"), ["1", "~", "3"]);
        assert_eq!(log.numbers(), [1, 3, 4]);
        assert_eq!(books(ledger.drops()), [("plays", "not a number", 1)]);
        let first = sample(ledger.drops(), "not a number");
        assert_eq!(first, (2, "many", None));
    }

    #[test]
    fn what_is_wrong_is_told_before_the_run() {
        let problems = check(r#"{"parse_numbers": {"columns": ["plays", "itm"]}}"#);
        assert_eq!(places(&problems), [("columns.1", "item")]);
        let cleaner = ParseNumbers {
            blank: Some(f64::INFINITY),
            ..ParseNumbers::default()
        };
        let problem = cleaner.impossible_blank().unwrap();
        assert_eq!(places(&[problem]), [("blank", "")]);
        let error = run(&cleaner, &["1"]).unwrap_err().to_string();
        assert!(
            error.contains("`blank` must be a finite number; leave it out"),
            "{error}"
        );
        assert!(check(r#"{"parse_numbers": {"blank": 1}}"#).is_empty());
    }
}
