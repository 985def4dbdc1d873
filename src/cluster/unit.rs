//! One unit on some node: a small parent that finds out what the unit is, starts the process that fits,
//! watches it, and gives the unit back when the engine wants the place.

use std::sync::atomic::AtomicBool;

use super::plan::Plan;
use crate::exit::Failure;
use crate::records::Store;
use crate::sweep::steps::Step;
use crate::sweep::{self, Event, Listener, Sweep, data_of};

/// Runs the unit of a number, of a store under its full path. `threads` are those of this place.
pub(crate) fn run(
    store: &Store,
    number: u32,
    threads: usize,
    cancel: &AtomicBool,
    listener: &Listener,
) -> Result<(), Failure> {
    let plan = Plan::read(store)?;
    let Some((step, at)) = plan.step_of(number) else {
        return Err(Failure::Definition(format!(
            "there is no unit {number}: this sweep has {}, from 0",
            plan.units()
        )));
    };
    let experiment = plan.experiment()?;
    let mut options = plan.options(store, threads);
    options.isolate = Some(plan.isolation(store, step, at));
    let mut sweep = Sweep::unread(&experiment, &options, cancel, &plan.data)?;
    let _assistance = sweep.store().assist()?;
    let conflicts = AtomicBool::new(false);
    let tell = |event: Event| {
        if let Event::Conflict(..) = event {
            conflicts.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        listener(event);
    };
    match sweep.run_placed(step, at, &plan.planned, &tell) {
        Ok(true) if conflicts.into_inner() => Err(Failure::Conflict(
            "a trial came to something else than its record: both are kept, see conflicts/ in the store"
                .to_owned(),
        )),
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NotYet(format!(
            "unit {number} is of a step that has not begun: some trials of the step before have no record \
             yet; run it again later"
        ))),
        Err(Failure::Interrupted(_)) => Err(Failure::Interrupted(format!(
            "unit {number} is given back; whoever runs it next begins it anew"
        ))),
        Err(failure) => Err(failure),
    }
}

/// Is the process that fits, for the parent that started it. `anew`: it reads the source, which is the work
/// of the first step; `part`: it prepares a part of the log.
pub(crate) fn serve_unit(
    store: &Store,
    threads: usize,
    anew: bool,
    part: Option<(Step, usize)>,
) -> Result<(), Failure> {
    let plan = Plan::read(store)?;
    let mut options = plan.options(store, threads);
    if let Some((step, at)) = part {
        let experiment = match step {
            Step::Divide => plan.experiment_with_log()?,
            _ => plan.experiment()?,
        };
        return sweep::serve_part(&experiment, &options, &plan.data, (step, at));
    }
    if !anew {
        return sweep::serve(&plan.experiment()?, &options);
    }
    let experiment = plan.experiment_with_log()?;
    if data_of(&experiment)? != plan.data {
        return Err(Failure::Changed(
            "the data has changed since the sweep was planned; put it back as it was, or run the same command \
             again to see what changed"
                .to_owned(),
        ));
    }
    options.prepared = None;
    sweep::serve(&experiment, &options)
}
