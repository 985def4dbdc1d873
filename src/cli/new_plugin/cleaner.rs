//! Rows that are no music, or no listener.

use musicrec_api::{
    Cells, CheckContext, Cleaner, Ledger, Log, MISSING, Problem, Reach, Result, Sample, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Drops the rows whose cell in a column begins with one of some texts: test accounts, jingles, the
/// plays of one device.
///
/// Cells are compared as they are at this point, upper and lower case apart: put it behind the cleaners
/// that normalize them. Missing cells begin with nothing, so their rows stay.
///
/// ```toml
/// [[cleaners]]
/// my_plugin = { column = "user_id", prefixes = ["test", "bot-"] }
///
/// [[cleaners]]
/// my_plugin = { column = "device", prefixes = ["web"] }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MyPlugin {
    /// The column to look at.
    pub column: String,
    /// The beginnings whose rows are dropped.
    pub prefixes: Vec<String>,
}

#[typetag::serde(name = "my_plugin")]
impl Cleaner for MyPlugin {
    /// It looks at each row by itself, so the lab may give it one piece of a log after the other.
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let cells = part.column(&self.column)?;
        let begins = |text: &str| self.prefixes.iter().any(|p| text.starts_with(p.as_str()));
        let drop: Vec<bool> = match cells {
            Cells::Text(text) => {
                // Each distinct text is looked at once, however many rows have it.
                let of_value: Vec<bool> = text.values.iter().map(begins).collect();
                let of_row = |&code: &u32| code != MISSING && of_value[code as usize];
                text.codes.iter().map(of_row).collect()
            }
            parsed => (0..parsed.len()).map(|row| begins(&parsed.show(row))).collect(),
        };
        // Every row that goes is booked, with its number and its cell as a sample.
        for row in (0..part.rows()).filter(|&row| drop[row]) {
            let sample = Sample {
                row: part.number(row),
                before: part.column(&self.column)?.show(row).into_owned(),
                after: None,
            };
            ledger.dropped(&self.column, "begins with a prefix", 1, Some(sample));
        }
        let keep: Vec<bool> = drop.iter().map(|drop| !drop).collect();
        part.retain(&keep);
        Ok(())
    }

    /// What is wrong with the parameters beyond their types, found before anything runs.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems: Vec<Problem> = context
            .missing_column("column", &self.column)
            .into_iter()
            .collect();
        for (at, prefix) in self.prefixes.iter().enumerate() {
            if prefix.is_empty() {
                let parameter = format!("prefixes.{at}");
                problems.push(Problem::at(parameter, "every cell begins with an empty text"));
            }
        }
        problems
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Cleaner, MyPlugin, "my_plugin", revision = 1);

#[cfg(test)]
mod tests {
    use super::MyPlugin;
    use musicrec_api::{Cells, Cleaner, Column, Ledger, Log, Roles, conformance};

    fn log() -> Log {
        let column = |name: &str, cells: [Option<&str>; 3]| Column {
            name: name.to_owned(),
            cells: Cells::Text(cells.into_iter().collect()),
        };
        let roles = Roles {
            user: "user".to_owned(),
            item: "song".to_owned(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let columns = vec![
            column("user", [Some("anna"), Some("test-7"), None]),
            column("song", [Some("a"), Some("a"), Some("b")]),
        ];
        Log::new(columns, vec![1, 2, 3], roles)
    }

    #[test]
    fn rows_with_the_prefix_go_and_are_booked() {
        let cleaner = MyPlugin {
            column: "user".to_owned(),
            prefixes: vec!["test".to_owned()],
        };
        let (mut log, mut ledger) = (log(), Ledger::default());
        cleaner.clean(&mut log, &mut ledger).expect("there is such a column");
        assert_eq!(log.numbers(), [1, 3]);
        let booked: Vec<u64> = ledger.drops().map(|account| account.rows).collect();
        assert_eq!(booked, [1]);
    }

    #[test]
    fn it_keeps_the_promises_of_a_cleaner() {
        conformance::cleaner("my_plugin");
    }
}
