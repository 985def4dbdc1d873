//! How far a sweep is that an engine runs.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::plan::Plan;
use super::submissions;
use super::usage::Measured;
use crate::exit::Failure;
use crate::records::Store;
use crate::sweep::placed::Fate;
use crate::sweep::steps::Step;
use crate::sweep::{Overview, Sweep};

/// How far it is.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) folder: String,
    /// Whether everything is done.
    pub(crate) finished: bool,
    pub(crate) steps: Vec<StepStatus>,
    pub(crate) submissions: Vec<SubmissionStatus>,
    /// Trials that came to something else than their record.
    pub(crate) conflicts: usize,
    /// Seconds that the step at work will still take, by what its units cost and what those took that are done.
    pub(crate) seconds_left: Option<f64>,
}

/// A step. Its numbers are trials, but for the steps that have none.
#[derive(Debug, Serialize)]
pub(crate) struct StepStatus {
    pub(crate) name: String,
    /// The number of its first unit, and how many it may have.
    pub(crate) first_unit: u32,
    pub(crate) units: u32,
    /// Whether the step before it is over, so that its trials are known.
    pub(crate) known: bool,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Trials that their fit ended before.
    pub(crate) unreached: usize,
    /// Trials without an end, running or not; units where nothing is known.
    pub(crate) open: usize,
}

/// A submission and what its engine says.
#[derive(Debug, Serialize)]
pub(crate) struct SubmissionStatus {
    pub(crate) number: u32,
    pub(crate) time: String,
    pub(crate) engine: String,
    /// Units that run and wait; nothing if the engine cannot tell.
    pub(crate) running: Option<usize>,
    pub(crate) waiting: Option<usize>,
    /// Whether anything may still come of it.
    pub(crate) lives: bool,
    pub(crate) says: Vec<String>,
    /// Why the engine did not take it, if it did not.
    pub(crate) refused: Option<String>,
    /// What the engine has measured of its units, where it measures.
    pub(crate) usage: Option<Measured>,
}

/// Looks at a store, under its full path, and asks the engines; nothing is written.
pub(crate) fn status(store: &Store, cancel: &AtomicBool) -> Result<Status, Failure> {
    let plan = Plan::read(store)?;
    let experiment = plan.experiment()?;
    let options = plan.options(store, 1);
    let mut sweep = Sweep::unread(&experiment, &options, cancel, &plan.data)?;
    let mut steps = Vec::new();
    for width in &plan.steps {
        let states = sweep.states(width.step)?;
        let known = states.is_some();
        let fates = states.iter().flatten().flat_map(|state| &state.trials);
        let count = |fate| fates.clone().filter(|(_, own)| *own == fate).count();
        // Who is chosen is open again where a trial of the step before is run again; what is there stays there.
        let there = if known {
            (0, 0)
        } else {
            there(sweep.overview(), width.step, store)
        };
        steps.push(StepStatus {
            name: width.name(),
            first_unit: width.first,
            units: width.units,
            known,
            done: count(Fate::Done) + there.0,
            failed: count(Fate::Failed) + there.1,
            unreached: count(Fate::Unreached),
            open: if known {
                count(Fate::Open)
            } else {
                width.units as usize
            },
        });
    }
    let mut of_engines = Vec::new();
    for submission in submissions::all(store)? {
        let (look, mut says) = match submission.ask() {
            Ok(look) => (Some(look.clone()), look.says),
            Err(Failure::Engine(text)) => (None, vec![text]),
            Err(failure) => return Err(failure),
        };
        let usage = match submission.measured() {
            Ok(usage) => usage,
            // What they used is nobody's trouble now.
            Err(Failure::Engine(text)) => {
                says.push(format!("what units used is not known: {text}"));
                None
            }
            Err(failure) => return Err(failure),
        };
        let told = look.as_ref().filter(|look| !look.unknown);
        of_engines.push(SubmissionStatus {
            number: submission.number,
            time: submission.time.clone(),
            engine: submission.engine(),
            running: told.map(|look| look.running),
            waiting: told.map(|look| look.waiting),
            lives: look.as_ref().is_none_or(musicrec_api::Look::lives),
            says,
            refused: submission.refused.clone(),
            usage,
        });
    }
    let running: usize = of_engines.iter().filter_map(|s| s.running).sum();
    let at_work = steps.iter().position(|step| step.open > 0 && step.known);
    let at_work = at_work.filter(|_| running > 0);
    let left = at_work
        .map(|at| sweep.left(plan.steps[at].step))
        .transpose()?;
    let seconds_left = left.flatten().map(|left| left.at_once(running));
    Ok(Status {
        folder: store.folder().display().to_string(),
        finished: sweep.is_reported(),
        seconds_left,
        steps,
        submissions: of_engines,
        conflicts: store.conflicts()?.len(),
    })
}

/// Trials of a step that have a record and that failed, whoever will be chosen.
fn there(overview: &Overview, step: Step, store: &Store) -> (usize, usize) {
    if step != Step::Test {
        return (0, 0);
    }
    let (records, failed) = store.listed();
    let trials = overview.variants.iter().flat_map(|variant| &variant.trials);
    let ids: BTreeSet<&String> = trials.flat_map(|trial| &trial.test).collect();
    let among = |listed: &BTreeSet<String>| ids.iter().filter(|id| listed.contains(**id)).count();
    (among(&records), among(&failed))
}
