//! The log of fits: what a sweep spends its time on, and how much of it was done twice.

use musicrec_api::Role;
use serde::{Deserialize, Serialize};

use super::Store;
use super::log::append;
use crate::exit::Failure;
use crate::records::now;

/// A line of `fits.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fit {
    pub(crate) event: FitEvent,
    /// The unit of work: trials that one fit serves.
    pub(crate) unit: String,
    pub(crate) role: Role,
    /// The ids of the trials that it serves.
    pub(crate) trials: Vec<String>,
    /// After how many steps of the fit they are measured, where the model counts steps.
    pub(crate) steps: Vec<usize>,
    /// The process that fits.
    pub(crate) pid: u32,
    /// When, UTC.
    pub(crate) time: String,
    /// Wall seconds since it began, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<f64>,
}

/// What became of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FitEvent {
    Begin,
    End,
    Failed,
}

impl Fit {
    /// A fit that begins now in this process.
    pub(crate) fn begin(unit: &str, role: Role, trials: Vec<String>, steps: Vec<usize>) -> Self {
        Self {
            event: FitEvent::Begin,
            unit: unit.to_owned(),
            role,
            trials,
            steps,
            pid: std::process::id(),
            time: now(),
            seconds: None,
        }
    }

    /// The same fit, over now.
    pub(crate) fn over(&self, event: FitEvent, seconds: f64) -> Self {
        Self {
            event,
            time: now(),
            seconds: Some(seconds),
            ..self.clone()
        }
    }
}

/// The log of fits.
pub(super) const FITS: &str = "fits.jsonl";

impl Store {
    /// Adds a line to the log of fits.
    pub(crate) fn fit_log(&self, fit: &Fit) -> Result<(), Failure> {
        append(&self.path(FITS), fit)
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::Role;

    use super::super::samples::store;
    use super::{Fit, FitEvent};

    #[test]
    fn a_fit_is_two_lines() {
        let (_folder, store) = store();
        let trials = vec!["a".to_owned(), "b".to_owned()];
        let begin = Fit::begin("a-0", Role::Validation, trials, vec![5, 10]);
        let end = begin.over(FitEvent::End, 1.5);
        store.fit_log(&begin).unwrap();
        store.fit_log(&end).unwrap();
        let text = std::fs::read_to_string(store.path("fits.jsonl")).unwrap();
        let lines: Vec<Fit> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, [begin, end]);
        assert!(text.starts_with(
            r#"{"event":"begin","unit":"a-0","role":"validation","trials":["a","b"],"steps":[5,10],"pid":"#
        ));
        assert!(!text.lines().next().unwrap().contains("seconds"));
    }
}
