//! Some of the rows, by what a column holds.

use musicrec_api::{
    Cells, CheckContext, Cleaner, Ledger, Log, MISSING, Problem, Reach, Result, register,
};
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::drop_rows;

/// Keeps the rows that hold certain values in a column, or those that do not.
///
/// Values are compared as they are at this point: put it behind the cleaners that normalize them.
/// A missing cell counts as `""`. Ranges of numbers are the work of
/// `limit_range` with `action = "drop"`.
///
/// ```toml
/// [[cleaners]]
/// keep_rows = { column = "country", values = ["DE", "FR"] }
///
/// [[cleaners]]
/// keep_rows = { column = "event_type", not_values = ["share"] }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepRows {
    /// The column to look at.
    pub column: String,
    /// The values whose rows stay. Either this or `not_values` must be given.
    #[serde(default)]
    pub values: Vec<String>,
    /// The values whose rows are dropped.
    #[serde(default)]
    pub not_values: Vec<String>,
}

#[typetag::serde(name = "keep_rows")]
impl Cleaner for KeepRows {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        if let Some(problem) = self.not_one_list() {
            return Err(problem.error(""));
        }
        let wanted = !self.values.is_empty();
        let listed: FxHashSet<&str> = [&self.values, &self.not_values]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let fate = |value: &str| u16::from(listed.contains(value) != wanted);
        let cells = part.column(&self.column)?;
        let fates: Vec<u16> = match cells {
            Cells::Text(text) => {
                let of_value: Vec<u16> = text.values.iter().map(fate).collect();
                let of_missing = fate("");
                let of_row = |&code: &u32| match code {
                    MISSING => of_missing,
                    code => of_value[code as usize],
                };
                text.codes.iter().map(of_row).collect()
            }
            cells => (0..cells.len()).map(|row| fate(&cells.show(row))).collect(),
        };
        let what = if wanted {
            "not a value to keep"
        } else {
            "a value to drop"
        };
        drop_rows(part, ledger, &fates, &[(&self.column, what)]);
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context.missing_column("column", &self.column);
        column.into_iter().chain(self.not_one_list()).collect()
    }
}

register!(Cleaner, KeepRows, "keep_rows", revision = 1);

impl KeepRows {
    fn not_one_list(&self) -> Option<Problem> {
        let (parameter, how) = match (self.values.is_empty(), self.not_values.is_empty()) {
            (true, true) => ("", "neither"),
            (false, false) => ("not_values", "both"),
            _ => return None,
        };
        let message = format!(
            "`keep_rows` of column `{}` needs values in either `values` or `not_values`, not {how}",
            self.column
        );
        Some(Problem::at(parameter, message))
    }
}

#[cfg(test)]
mod tests {
    use super::KeepRows;
    use crate::cells::tests::{books, check, log, places, sample, shown};
    use musicrec_api::{Cells, Cleaner, Ledger, Log, Result};

    fn run(mut log: Log, values: &[&str], not_values: &[&str]) -> Result<(Log, Ledger)> {
        let cleaner = KeepRows {
            column: "item".into(),
            values: values.iter().map(|&v| v.to_owned()).collect(),
            not_values: not_values.iter().map(|&v| v.to_owned()).collect(),
        };
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    #[test]
    fn rows_stay_by_value() {
        let rows = || log("user|item", &["a|x", "b|y", "c|~", "d|X"]);
        let (log, ledger) = run(rows(), &["x", ""], &[]).unwrap();
        assert_eq!(shown(&log, "user"), ["a", "c"]);
        assert_eq!(books(ledger.drops()), [("item", "not a value to keep", 2)]);
        let first = sample(ledger.drops(), "not a value to keep");
        assert_eq!(first, (2, "y", None));
        let (log, _) = run(rows(), &[], &["x", ""]).unwrap();
        assert_eq!(shown(&log, "user"), ["b", "d"]);
    }

    #[test]
    fn numbers_are_compared_as_they_are_shown() {
        let mut numbers = log("user|item", &["a|1", "b|2"]);
        *numbers.column_mut("item").unwrap() = Cells::Number(vec![1.0, 2.0]);
        assert_eq!(shown(&run(numbers, &["1"], &[]).unwrap().0, "user"), ["a"]);
    }

    #[test]
    fn exactly_one_list_must_be_given() {
        let rows = || log("user|item", &["a|x"]);
        let error = run(rows(), &[], &[]).unwrap_err().to_string();
        assert!(error.contains("not neither"), "{error}");
        assert!(run(rows(), &["x"], &["y"]).is_err());
    }

    #[test]
    fn what_is_wrong_is_told_before_the_run() {
        let problems = check(r#"{"keep_rows": {"column": "items"}}"#);
        assert_eq!(places(&problems), [("column", "item"), ("", "")]);
        assert!(problems[1].message.ends_with("not neither"));
        let json = r#"{"keep_rows": {"column": "item", "values": ["a"], "not_values": ["b"]}}"#;
        let problems = check(json);
        assert_eq!(places(&problems), [("not_values", "")]);
        assert!(problems[0].message.ends_with("not both"));
        assert!(check(r#"{"keep_rows": {"column": "item", "values": ["a"]}}"#).is_empty());
    }
}
