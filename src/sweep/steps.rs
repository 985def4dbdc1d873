//! The steps of a sweep where an engine runs it: prepare, the trials of each rung on validation, those that
//! are scored on test, report; and how many units each may have. `placed.rs` runs them.

use std::collections::BTreeSet;

use musicrec_api::Role;
use serde::{Deserialize, Serialize};

use super::PlanVariant;
use super::rows::plan;
use super::search::rungs;
use super::units::units;
use crate::experiment::{Experiment, Trial};
use crate::records::Key;
use crate::stages::prepare::apart::Apart;

/// The folder of the store that has what the first step keeps.
pub(crate) const PREPARED: &str = "prepared";

/// A step. Each begins when the one before it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Where preparation is work of several units: reads a piece of the source for one alternative of the cleaners, and
    /// divides its rows by users.
    Divide,
    /// Cleans the rows of a group of users.
    Clean,
    /// Reads, cleans and keeps the log, or puts it together, and draws random rankings: one unit.
    Prepare,
    /// The trials of a rung, from 0, on validation.
    Validation(usize),
    /// The trials that are scored on test.
    Test,
    /// Recommendations and report: one unit.
    Report,
}

/// A step and how many units it may have. The number is that of the first rung exactly, and of the others
/// the most that there can be: who is chosen is not known before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Width {
    pub(crate) step: Step,
    /// The number of its first unit among all of the sweep.
    pub(crate) first: u32,
    pub(crate) units: u32,
}

impl Width {
    /// What people call the step.
    pub(crate) fn name(&self) -> String {
        match self.step {
            Step::Divide => "divide".to_owned(),
            Step::Clean => "clean".to_owned(),
            Step::Prepare => "prepare".to_owned(),
            Step::Validation(0) => "validation".to_owned(),
            Step::Validation(rung) => format!("validation rung {}", rung + 1),
            Step::Test => "test".to_owned(),
            Step::Report => "report".to_owned(),
        }
    }
}

/// The steps of an experiment over some data, which may be prepared by several units.
pub(crate) fn widths(experiment: &Experiment, data: &str, apart: Option<Apart>) -> Vec<Width> {
    let trials = experiment.trials();
    let keys = |trial: &Trial, role| Key::all(experiment, trial, role, data);
    let validated = experiment.splitter.makes_validation() != Some(false);
    let rows = plan(experiment, data, validated);
    let mut counts = Vec::new();
    if let Some(apart) = apart {
        let alternatives = experiment.cleanings.len();
        counts.push((Step::Divide, alternatives * apart.pieces));
        counts.push((Step::Clean, alternatives * apart.groups));
    }
    counts.push((Step::Prepare, 1));
    let seeds = |row: &PlanVariant, role| -> usize {
        let trials = row.trials.iter().map(|trial| &trials[trial.index]);
        trials
            .map(|trial| keys(trial, role).len())
            .max()
            .unwrap_or(0)
    };
    match rungs(&rows) {
        _ if !validated => {}
        None => {
            let all = trials.iter().flat_map(|trial| {
                let keys = keys(trial, Role::Validation).into_iter();
                keys.map(|key| (key, *trial))
            });
            counts.push((Step::Validation(0), units(distinct(all)).len()));
        }
        Some(most) => {
            for rung in 0..most {
                let of_row = |row: &PlanVariant| {
                    let trials = match &row.halving {
                        Some(halved) => halved.rungs.get(rung).map_or(0, |rung| rung.trials),
                        None if rung == 0 => row.trials.len(),
                        None => 0,
                    };
                    trials.min(row.trials.len()) * seeds(row, Role::Validation)
                };
                counts.push((Step::Validation(rung), rows.iter().map(of_row).sum()));
            }
        }
    }
    let tested = |row: &PlanVariant| {
        let trials = if experiment.evaluation.exhibit_test || !validated {
            row.trials.len()
        } else {
            1
        };
        trials * seeds(row, Role::Test)
    };
    counts.push((Step::Test, rows.iter().map(tested).sum()));
    counts.push((Step::Report, 1));
    let mut first = 0;
    let widths = counts.into_iter().map(|(step, units)| {
        let width = Width {
            step,
            first,
            units: units as u32,
        };
        first += width.units;
        width
    });
    widths.collect()
}

/// The first of each trial.
pub(super) fn distinct<'t>(all: impl Iterator<Item = (Key, Trial<'t>)>) -> Vec<(Key, Trial<'t>)> {
    let mut known = BTreeSet::new();
    all.filter(|(key, _)| known.insert(key.id())).collect()
}
