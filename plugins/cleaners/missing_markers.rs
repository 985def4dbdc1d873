//! Cells that say in words that they hold nothing.

use std::borrow::Cow;

use musicrec_api::{
    CheckContext, Cleaner, Fate, Ledger, Log, Problem, Reach, Result, View, register,
};
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{lower, missing_columns, text};

/// Makes cells missing that hold a marker such as `null` instead of a value.
///
/// `NA` is a marker by default, and also the country code of Namibia: leave it out of `markers`, or
/// the country out of `columns`, where Namibians listen.
///
/// ```toml
/// [[cleaners]]
/// missing_markers = { columns = ["device", "genre"], markers = ["", "NA", "null"] }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MissingMarkers {
    /// The columns to look at. Default: all that are text at this point.
    pub columns: Vec<String>,
    /// What stands for a missing value, compared without spaces around it; `""` is a blank cell.
    /// Default: `""`, `NA`, `N/A`, `NaN`, `null`, `none`.
    pub markers: Vec<String>,
    /// Whether `Null` and `NULL` are `null` too. Default true.
    pub ignore_case: bool,
}

impl Default for MissingMarkers {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            markers: ["", "NA", "N/A", "NaN", "null", "none"]
                .map(str::to_owned)
                .to_vec(),
            ignore_case: true,
        }
    }
}

#[typetag::serde(name = "missing_markers")]
impl Cleaner for MissingMarkers {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let markers = self.markers.iter().map(|m| self.fold(m).into_owned());
        let markers: FxHashSet<String> = markers.collect();
        let columns = if self.columns.is_empty() {
            let columns = part.names().zip(part.views());
            let texts = columns.filter(|(_, cells)| matches!(cells, View::Text(_)));
            texts.map(|(name, _)| name.to_owned()).collect()
        } else {
            self.columns.clone()
        };
        for column in &columns {
            text(part, column, "missing_markers")?;
            part.rewrite(column, ledger, |value| {
                let value = self.fold(value);
                if !markers.contains(&*value) {
                    Fate::Keep
                } else if value.is_empty() {
                    Fate::Missing("blank")
                } else {
                    Fate::Missing("missing marker")
                }
            })?;
        }
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        missing_columns(context, "columns", &self.columns)
    }
}

register!(Cleaner, MissingMarkers, "missing_markers", revision = 1);

impl MissingMarkers {
    /// A cell as it is compared with the markers.
    fn fold<'a>(&self, cell: &'a str) -> Cow<'a, str> {
        if self.ignore_case {
            lower(cell.trim())
        } else {
            Cow::Borrowed(cell.trim())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MissingMarkers;
    use crate::cells::tests::{books, check, log, places, shown};
    use musicrec_api::{Cells, Cleaner, Ledger};

    #[test]
    fn markers_and_blanks_become_missing() {
        let rows = ["a|NA", "b| null ", "c|", "d|NAM", "e|na", "f|~"];
        let mut log = log("user|item", &rows);
        let mut ledger = Ledger::default();
        MissingMarkers::default()
            .clean(&mut log, &mut ledger)
            .unwrap();
        assert_eq!(shown(&log, "item"), ["~", "~", "~", "NAM", "~", "~"]);
        let expected = [("item", "blank", 1), ("item", "missing marker", 3)];
        assert_eq!(books(ledger.changes()), expected);
    }

    #[test]
    fn markers_columns_and_case_can_be_chosen() {
        let cleaner = MissingMarkers {
            columns: vec!["item".into()],
            markers: vec!["?".into(), "NA".into()],
            ignore_case: false,
        };
        let mut log = log("user|item", &["?|?", "NA|na", "| "]);
        cleaner.clean(&mut log, &mut Ledger::default()).unwrap();
        assert_eq!(shown(&log, "item"), ["~", "na", " "]);
        assert_eq!(shown(&log, "user"), ["?", "NA", ""]);
    }

    #[test]
    fn it_must_come_before_parsing() {
        let mut log = log("user|item", &["a|1"]);
        *log.column_mut("item").unwrap() = Cells::Number(vec![1.0]);
        MissingMarkers::default()
            .clean(&mut log, &mut Ledger::default())
            .unwrap();
        let cleaner = MissingMarkers {
            columns: vec!["item".into()],
            ..MissingMarkers::default()
        };
        let error = cleaner.clean(&mut log, &mut Ledger::default()).unwrap_err();
        assert!(
            error.to_string().contains("put `missing_markers` before"),
            "{error}"
        );
    }

    #[test]
    fn every_column_that_is_not_there_is_told_before_the_run() {
        let problems = check(r#"{"missing_markers": {"columns": ["usr", "item", "genre"]}}"#);
        assert_eq!(
            places(&problems),
            [("columns.0", "user"), ("columns.2", "")]
        );
        assert_eq!(problems[0].message, "the log has no column `usr`");
        assert!(check(r#"{"missing_markers": {}}"#).is_empty());
    }
}
