//! The log itself says which part a row belongs to.

use musicrec_api::{
    CheckContext, Error, Events, Fold, Log, Problem, Result, Splitter, View, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parts::{Parts, check_events};

/// A column of the log names the part of each row: for published splits and cuts made elsewhere.
///
/// Labels are compared exactly; let the cleaner `map_labels` unify spellings first. A row without a
/// label, or with one that no part lists, is a fault: to leave rows out of all parts, drop them with
/// `keep_rows`. Without any row of validation there is no validation part, which will do where there
/// is nothing to choose.
///
/// How the column was made is not known here, so the report treats the cut as one that may use the
/// future.
///
/// ```toml
/// [splitter.given]
/// column = "part"
/// train = ["train"]
/// validation = ["validation", "valid"]
/// test = ["test"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The column of the log that holds the labels. Default `part`.
    pub column: String,
    /// Labels of rows to learn from. Default `["train"]`.
    #[schemars(length(min = 1))]
    pub train: Vec<String>,
    /// Labels of rows for choosing settings. Default `["validation", "valid"]`.
    pub validation: Vec<String>,
    /// Labels of rows for the final score. Default `["test"]`.
    #[schemars(length(min = 1))]
    pub test: Vec<String>,
}

impl Default for Given {
    fn default() -> Self {
        let labels = |labels: &[&str]| labels.iter().map(|&l| l.to_owned()).collect();
        Self {
            column: "part".to_owned(),
            train: labels(&["train"]),
            validation: labels(&["validation", "valid"]),
            test: labels(&["test"]),
        }
    }
}

/// What to do where the log has no such column.
const REMEDY: &str = "set `splitter.given.column`, or read the parts from separate files with \
                      `source.csv.files = { train = \"…\", test = \"…\" }`";

#[derive(Debug, Clone, Copy)]
enum Part {
    Train,
    Validation,
    Test,
}

impl Given {
    fn part(&self, label: &str) -> Option<Part> {
        let lists = |labels: &[String]| labels.iter().any(|l| l == label);
        if lists(&self.train) {
            Some(Part::Train)
        } else if lists(&self.validation) {
            Some(Part::Validation)
        } else if lists(&self.test) {
            Some(Part::Test)
        } else {
            None
        }
    }

    fn labels(&self) -> impl Iterator<Item = &String> {
        self.train.iter().chain(&self.validation).chain(&self.test)
    }

    /// A label in two lists would go to one of them in silence.
    fn contradictions(&self) -> Vec<Problem> {
        let message = "`train` and `test` need at least one label each";
        let mut problems: Vec<Problem> = [("train", &self.train), ("test", &self.test)]
            .into_iter()
            .filter(|(_, labels)| labels.is_empty())
            .map(|(part, _)| Problem::at(part, message))
            .collect();
        let parts = [
            ("train", &self.train),
            ("validation", &self.validation),
            ("test", &self.test),
        ];
        let mut earlier: Vec<&str> = Vec::new();
        for (part, labels) in parts {
            for (at, label) in labels.iter().enumerate() {
                if earlier.contains(&label.as_str()) {
                    let message = format!("the label `{label}` is listed twice");
                    let problem = Problem::at(format!("{part}.{at}"), message);
                    problems.push(problem.remedy("a label belongs to one part"));
                }
                earlier.push(label);
            }
        }
        problems
    }

    fn unknown(&self, log: &Log, row: usize, label: &str) -> Error {
        let number = log.number(row);
        let column = &self.column;
        let known: Vec<&str> = self.labels().map(String::as_str).collect();
        let known = known.join(", ");
        Error::data(if label.trim().is_empty() {
            format!(
                "given: row {number} has no label in column `{column}`; label it with one of {known}, \
                 or drop such rows with the cleaner `drop_missing`"
            )
        } else {
            format!(
                "given: row {number}, column `{column}`: no part lists the label `{label}`, only \
                 {known}; add it to `train`, `validation` or `test`, or drop such rows with the \
                 cleaner `keep_rows`"
            )
        })
    }
}

#[typetag::serde(name = "given")]
impl Splitter for Given {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        if let Some(problem) = self.contradictions().first() {
            return Err(problem.error("given: "));
        }
        check_events("given", events)?;
        let Some(log) = &events.log else {
            return Err(Error::definition(
                "given: these events have no log behind them, so no column can name their parts",
            ));
        };
        let cells = log
            .view(&self.column)
            .map_err(|e| Error::definition(format!("splitter given: {e}; {REMEDY}")))?;
        // Each distinct text is looked up once.
        let of_value: Vec<Option<Part>> = match cells {
            View::Text(text) => text.values().iter().map(|v| self.part(v)).collect(),
            View::Number(_) | View::Time(_) => Vec::new(),
        };
        let mut parts = Parts::default();
        for (event, row) in (0..).zip(&events.row) {
            let row = row as usize;
            let part = match cells {
                _ if cells.is_missing(row) => None,
                View::Text(text) => of_value[text.code(row) as usize],
                View::Number(_) | View::Time(_) => self.part(&cells.show(row)),
            };
            match part {
                Some(Part::Train) => parts.train.push(event),
                Some(Part::Validation) => parts.validation.push(event),
                Some(Part::Test) => parts.test.push(event),
                None => return Err(self.unknown(log, row, &cells.show(row))),
            }
        }
        parts.folds("given", false, |part| {
            let labels = if part == "test" {
                &self.test
            } else {
                &self.train
            };
            format!(
                "no row of column `{}` has the label {}; correct the labels of `{part}`",
                self.column,
                labels.join(" or ")
            )
        })
    }

    fn uses_the_future(&self) -> bool {
        true
    }

    fn makes_validation(&self) -> Option<bool> {
        self.validation.is_empty().then_some(false)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context
            .missing_column("column", &self.column)
            .map(|missing| {
                let known = missing.remedy.clone().unwrap_or_default();
                missing.remedy(format!("{known}; {REMEDY}"))
            });
        column.into_iter().chain(self.contradictions()).collect()
    }
}

register!(Splitter, Given, "given", revision = 1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Given;
    use crate::parts::tests::{check, parse, parts};
    use musicrec_api::{Cells, Column, Events, Log, Roles, Splitter, Text};

    /// Events with the labels given; rows are numbered 11, 12, …
    fn log(labels: Cells) -> Events {
        let n = labels.len();
        let column = |name: &str, cells: Cells| Column {
            name: name.to_owned(),
            cells,
        };
        let same = || Cells::Text(vec![Some("x"); n].into_iter().collect());
        let columns = vec![
            column("user", same()),
            column("item", same()),
            column("part", labels),
        ];
        let roles = Roles {
            user: "user".into(),
            item: "item".into(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let numbers = (11..11 + n as u64).collect();
        Events::from_log(Arc::new(Log::new(columns, numbers, roles))).unwrap()
    }

    fn text(labels: &[&str]) -> Events {
        let text: Text = labels
            .iter()
            .map(|&l| (l != "missing").then_some(l))
            .collect();
        log(Cells::Text(text))
    }

    #[test]
    fn labels_name_the_parts() {
        let events = text(&["test", "train", "valid", "train", "validation"]);
        let (train, validation, test) = parts(&Given::default().split(&events, 7).unwrap());
        assert_eq!((train, validation), (vec![1, 3], vec![2, 4]));
        assert_eq!(test, [0]);
        let events = text(&["test", "train"]);
        assert_eq!(Given::default().split(&events, 7).unwrap().len(), 1);
    }

    #[test]
    fn rows_behind_the_events_count_and_numbers_can_be_labels() {
        let events = log(Cells::Number(vec![0.0, 1.0, 0.0, 1.0])).select(&[3, 2]);
        let splitter = parse(r#"{"given": {"train": ["0"], "test": ["1"]}}"#);
        let (train, _, test) = parts(&splitter.split(&events, 7).unwrap());
        assert_eq!((train, test), (vec![1], vec![0]));
    }

    #[test]
    fn what_cannot_be_cut_is_a_fault_with_its_place() {
        let fault = |json: &str, events: &Events| {
            let splitter = parse(&format!(r#"{{"given": {json}}}"#));
            splitter.split(events, 7).unwrap_err().to_string()
        };
        let expect = |error: &str, wanted: &str| assert!(error.contains(wanted), "{error}");
        let error = fault("{}", &text(&["train", "Test"]));
        expect(
            &error,
            "row 12, column `part`: no part lists the label `Test`",
        );
        for label in ["missing", " "] {
            let error = fault("{}", &text(&["train", label, "test"]));
            expect(&error, "row 12 has no label");
        }
        let error = fault("{}", &text(&["train", "valid"]));
        expect(
            &error,
            "the test part would be empty: no row of column `part` has",
        );
        let error = fault("{}", &text(&["valid", "test"]));
        expect(&error, "the train part would be empty");
        let events = text(&["train", "test"]);
        let error = fault(r#"{"column": "parts"}"#, &events);
        expect(&error, "did you mean `part`?");
        let error = fault(r#"{"validation": ["test"]}"#, &events);
        expect(&error, "`test` is listed twice");
        expect(&fault(r#"{"test": []}"#, &events), "at least one label");
        let error = fault("{}", &Events::from_pairs([("u", "a")]));
        expect(&error, "no log behind them");
    }

    #[test]
    fn every_contradiction_is_told_before_the_run() {
        let problems = check(
            r#"{"given": {"column": "parts", "train": ["a", "b", "a"], "validation": ["b"],
                "test": []}}"#,
        );
        let places: Vec<&str> = problems.iter().map(|p| p.parameter.as_str()).collect();
        assert_eq!(places, ["column", "test", "train.2", "validation.0"]);
        assert_eq!(problems[0].suggestion.as_deref(), Some("part"));
        let remedy = problems[0].remedy.as_deref().unwrap();
        assert!(
            remedy.starts_with("it has user, item, part; set `splitter.given.column`"),
            "{remedy}"
        );
        assert_eq!(problems[2].message, "the label `a` is listed twice");
        assert!(check(r#"{"given": {}}"#).is_empty());
    }
}
