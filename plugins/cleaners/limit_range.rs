//! Numbers that cannot be.

use musicrec_api::{
    Cells, CheckContext, Cleaner, Error, Ledger, Log, MISSING_TIME, Problem, Reach, Result, Sample,
    register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::drop_rows;

/// Deals with numbers outside a range: negative seconds, a day of listening in one row.
///
/// The column must hold numbers by then: put `parse_numbers` before.
/// Missing cells stay missing. Limits of a column of times are in seconds since 1970, UTC.
///
/// ```toml
/// [[cleaners]]
/// limit_range = { column = "listen_seconds", min = 0, max = 3600 }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitRange {
    /// The column of numbers or times.
    pub column: String,
    /// The least number allowed. Default: no limit.
    #[serde(default)]
    pub min: Option<f64>,
    /// The greatest number allowed. Default: no limit.
    #[serde(default)]
    pub max: Option<f64>,
    /// What to do with a number outside. Default `missing`.
    #[serde(default)]
    pub action: Action,
}

/// What becomes of a number outside the range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The cell becomes missing.
    #[default]
    Missing,
    /// It becomes the limit.
    Clip,
    /// The row is dropped.
    Drop,
}

#[typetag::serde(name = "limit_range")]
impl Cleaner for LimitRange {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let column = &self.column;
        let (min, max) = self.limits()?;
        let values: Vec<f64> = match part.column(column)? {
            Cells::Number(numbers) => numbers.clone(),
            // Seconds since 1970 are far below 2^53.
            Cells::Time(times) => times
                .iter()
                .map(|&t| {
                    if t == MISSING_TIME {
                        f64::NAN
                    } else {
                        t as f64
                    }
                })
                .collect(),
            Cells::Text(_) => {
                return Err(Error::definition(format!(
                    "`limit_range` needs numbers, but column `{column}` is text; put \
                     `parse_numbers = {{ columns = [\"{column}\"] }}` before it"
                )));
            }
        };
        let fates: Vec<u16> = values
            .iter()
            .map(|value| u16::from(*value < min) + 2 * u16::from(*value > max))
            .collect();
        let reasons = [format!("below {min}"), format!("above {max}")];
        if self.action == Action::Drop {
            let reasons = [
                (column.as_str(), &*reasons[0]),
                (column.as_str(), &*reasons[1]),
            ];
            drop_rows(part, ledger, &fates, &reasons);
            return Ok(());
        }
        let limits = [min, max];
        for (row, &fate) in fates.iter().enumerate().filter(|(_, fate)| **fate > 0) {
            let side = usize::from(fate) - 1;
            let clip = (self.action == Action::Clip).then_some(limits[side]);
            let number = part.number(row);
            let cells = part.column_mut(column)?;
            let before = cells.show(row).into_owned();
            match cells {
                Cells::Number(numbers) => numbers[row] = clip.unwrap_or(f64::NAN),
                Cells::Time(times) => times[row] = clip.map_or(MISSING_TIME, |limit| limit as i64),
                Cells::Text(_) => unreachable!("text was refused above"),
            }
            let sample = Sample {
                row: number,
                before,
                after: clip.map(|_| cells.show(row).into_owned()),
            };
            ledger.changed(column, &reasons[side], 1, Some(sample));
        }
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context.missing_column("column", &self.column);
        column.into_iter().chain(self.impossible()).collect()
    }
}

register!(Cleaner, LimitRange, "limit_range", revision = 1);

impl LimitRange {
    fn limits(&self) -> Result<(f64, f64)> {
        if let Some(problem) = self.impossible().first() {
            return Err(problem.error(&format!("`limit_range` of column `{}`: ", self.column)));
        }
        Ok((
            self.min.unwrap_or(f64::NEG_INFINITY),
            self.max.unwrap_or(f64::INFINITY),
        ))
    }

    /// What is wrong with the limits.
    fn impossible(&self) -> Vec<Problem> {
        let given = [("min", self.min), ("max", self.max)];
        let infinite = |limit: &f64| !limit.is_finite();
        let no_numbers: Vec<Problem> = given
            .iter()
            .filter(|(_, limit)| limit.as_ref().is_some_and(infinite))
            .map(|(parameter, _)| {
                Problem::at(*parameter, "a limit must be a finite number")
                    .remedy("leave out the one that is none")
            })
            .collect();
        match (self.min, self.max) {
            (None, None) => vec![
                Problem::new("neither `min` nor `max` is given")
                    .remedy("give at least one of them"),
            ],
            (Some(min), Some(max)) if min > max && no_numbers.is_empty() => vec![
                Problem::at(
                    "min",
                    "`min` is greater than `max`, so no number is allowed",
                )
                .remedy("exchange them"),
            ],
            _ => no_numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, LimitRange};
    use crate::cells::tests::{books, check, log, places, sample, shown};
    use musicrec_api::{Cells, Cleaner, Ledger, Log, Result};

    fn run(action: Action, limits: [Option<f64>; 2], cells: Cells) -> Result<(Log, Ledger)> {
        let mut log = log("user|item|plays", &vec!["u|i|1"; cells.len()]);
        *log.column_mut("plays").unwrap() = cells;
        let cleaner = LimitRange {
            column: "plays".into(),
            min: limits[0],
            max: limits[1],
            action,
        };
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    fn numbers() -> Cells {
        Cells::Number(vec![-1.0, 0.0, 5.0, 10.0, 11.0, f64::NAN])
    }

    const LIMITS: [Option<f64>; 2] = [Some(0.0), Some(10.0)];

    #[test]
    fn numbers_outside_become_missing_or_the_limit_or_drop_their_row() {
        let (log, ledger) = run(Action::Missing, LIMITS, numbers()).unwrap();
        assert_eq!(shown(&log, "plays"), ["~", "0", "5", "10", "~", "~"]);
        let expected = [("plays", "above 10", 1), ("plays", "below 0", 1)];
        assert_eq!(books(ledger.changes()), expected);

        let (log, ledger) = run(Action::Clip, LIMITS, numbers()).unwrap();
        assert_eq!(shown(&log, "plays"), ["0", "0", "5", "10", "10", "~"]);
        let first = sample(ledger.changes(), "above 10");
        assert_eq!(first, (5, "11", Some("10")));

        let (log, ledger) = run(Action::Drop, [None, Some(10.0)], numbers()).unwrap();
        assert_eq!(shown(&log, "plays"), ["-1", "0", "5", "10", "~"]);
        assert_eq!(books(ledger.drops()), [("plays", "above 10", 1)]);
    }

    #[test]
    fn times_can_be_limited_too() {
        let cells = Cells::Time(vec![-5, 7, i64::MIN]);
        let (log, _) = run(Action::Missing, LIMITS, cells).unwrap();
        assert_eq!(shown(&log, "plays"), ["~", "1970-01-01T00:00:07Z", "~"]);
    }

    #[test]
    fn text_and_empty_ranges_are_faults() {
        let text = log("user|item|plays", &["u|i|1"])
            .column("plays")
            .unwrap()
            .clone();
        let error = run(Action::Missing, LIMITS, text).unwrap_err().to_string();
        assert!(error.contains("put `parse_numbers = "), "{error}");
        for (limits, word) in [
            ([None, None], "neither"),
            ([Some(2.0), Some(1.0)], "greater"),
            ([Some(f64::NAN), None], "finite"),
        ] {
            let error = run(Action::Missing, limits, numbers())
                .unwrap_err()
                .to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_before_the_run() {
        let problems = check(r#"{"limit_range": {"column": "play", "min": 9, "max": 1}}"#);
        assert_eq!(places(&problems), [("column", "plays"), ("min", "")]);
        assert_eq!(problems[1].remedy.as_deref(), Some("exchange them"));
        let problems = check(r#"{"limit_range": {"column": "plays"}}"#);
        assert_eq!(places(&problems), [("", "")]);
        assert_eq!(problems[0].message, "neither `min` nor `max` is given");
        let cleaner = LimitRange {
            column: "plays".into(),
            min: Some(f64::NAN),
            max: Some(f64::INFINITY),
            action: Action::Clip,
        };
        assert_eq!(places(&cleaner.impossible()), [("min", ""), ("max", "")]);
        assert!(check(r#"{"limit_range": {"column": "plays", "min": 1, "max": 1}}"#).is_empty());
    }
}
