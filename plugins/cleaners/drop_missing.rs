//! Rows that lack what they cannot do without.

use musicrec_api::{CheckContext, Cleaner, Ledger, Log, Problem, Reach, Result, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{columns_or, drop_rows, missing, missing_columns};

/// Drops rows with a missing or blank cell in any of some columns.
///
/// A row is counted once, under the first column of the list that lacks its cell.
///
/// ```toml
/// [[cleaners]]
/// drop_missing = { columns = ["user_id", "song_id", "timestamp"] }
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DropMissing {
    /// The columns that must not be missing. Default: those of user, item and, if the log has
    /// one, time.
    pub columns: Vec<String>,
}

#[typetag::serde(name = "drop_missing")]
impl Cleaner for DropMissing {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let roles = part.roles();
        let needed = [Some(&roles.user), Some(&roles.item), roles.time.as_ref()];
        let columns = columns_or(&self.columns, &needed);
        let mut fates = vec![0; part.rows()];
        for (fate, column) in (1..).zip(&columns) {
            let missing = missing(part.view(column)?);
            for (row, _) in missing
                .into_iter()
                .enumerate()
                .filter(|(_, missing)| *missing)
            {
                if fates[row] == 0 {
                    fates[row] = fate;
                }
            }
        }
        let reasons: Vec<_> = columns.iter().map(|c| (c.as_str(), "missing")).collect();
        drop_rows(part, ledger, &fates, &reasons);
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        missing_columns(context, "columns", &self.columns)
    }
}

register!(Cleaner, DropMissing, "drop_missing", revision = 1);

#[cfg(test)]
mod tests {
    use super::DropMissing;
    use crate::cells::tests::{books, check, log, places, sample, shown};
    use musicrec_api::{Cleaner, Ledger};

    #[test]
    fn a_row_is_dropped_once_under_the_first_column_it_lacks() {
        let rows = ["a|x|1", "~|~|2", "b| |3", "c|y|~", "d|z|"];
        let mut by_role = log("user|item|time", &rows);
        let mut ledger = Ledger::default();
        DropMissing::default()
            .clean(&mut by_role, &mut ledger)
            .unwrap();
        assert_eq!(shown(&by_role, "user"), ["a"]);
        assert_eq!(
            books(ledger.drops()),
            [
                ("item", "missing", 1),
                ("time", "missing", 2),
                ("user", "missing", 1)
            ]
        );
        let of_time = ledger.drops().filter(|a| a.column == "time");
        assert_eq!(sample(of_time, "missing"), (4, "c, y, ", None));

        let cleaner = DropMissing {
            columns: vec!["item".into()],
        };
        let mut by_name = log("user|item|time", &rows);
        cleaner.clean(&mut by_name, &mut Ledger::default()).unwrap();
        assert_eq!(by_name.numbers(), [1, 4, 5]);
    }

    #[test]
    fn every_column_that_is_not_there_is_told_before_the_run() {
        let problems = check(r#"{"drop_missing": {"columns": ["usr", "item", "genre"]}}"#);
        assert_eq!(
            places(&problems),
            [("columns.0", "user"), ("columns.2", "")]
        );
        assert_eq!(problems[0].message, "the log has no column `usr`");
        assert!(check(r#"{"drop_missing": {}}"#).is_empty());
    }
}
