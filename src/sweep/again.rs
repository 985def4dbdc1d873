//! Trials that were run before, run once more beside their folder: what `rerun` and `verify` do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::cleaned::{Cleaned, of_source};
use super::meter::{Meter, Peaks};
use super::run::pool;
use super::trains::Trains;
use super::unit::Job;
use super::units::Unit;
use super::{Options, Sweep, overview};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::panics;
use crate::records::{Key, Record, Store};
use crate::stages::prepare::fingerprint;
use crate::stages::unless_cancelled;

/// Runs trials with the keys that they had: the key at a place is that of the experiment's trial
/// there. Their records are given to `each` with that place as they end; nothing is stored but their
/// attachments, in the folder of the options.
///
/// # Errors
/// If the data is not that of the keys, or what would stop a sweep.
pub(crate) fn again(
    experiment: &Experiment,
    keys: &[&Key],
    options: &Options,
    cancel: &AtomicBool,
    each: &(dyn Fn(usize, &Record) -> Result<(), Failure> + Sync),
) -> Result<(), Failure> {
    let fingerprint = same_data(experiment, keys)?;
    let mut cleaned = Cleaned::all(experiment, &fingerprint, options, cancel)?;
    unless_cancelled(cancel)?;
    Cleaned::restrict(experiment, &mut cleaned)?;
    Cleaned::audit(experiment, &mut cleaned)?;
    let overview = overview::make(experiment, options, &fingerprint, &cleaned);
    let store = Store::new(options.out.clone());
    let opening = Sweep::opening_of(experiment, options, cancel, store, fingerprint);
    let mut sweep = opening.with(cleaned, Trains::default(), overview, false);
    for share in keys.iter().filter_map(|key| key.users_share) {
        sweep.sample(share)?;
    }
    sweep.store.create()?;
    sweep.all_of(keys, each)
}

/// The fingerprint of the data, if it is that of all keys.
pub(super) fn same_data(experiment: &Experiment, keys: &[&Key]) -> Result<String, Failure> {
    let fingerprint = fingerprint(experiment).map_err(|error| of_source(experiment, error))?;
    if let Some(key) = keys.iter().find(|key| key.data != fingerprint) {
        return Err(Failure::Data(format!(
            "the data is not what the trial {} was run on: its content was {}, and is {fingerprint}; \
             --source names the file if it lies elsewhere now",
            key.id(),
            key.data
        )));
    }
    Ok(fingerprint)
}

impl Sweep<'_> {
    fn all_of(
        &self,
        keys: &[&Key],
        each: &(dyn Fn(usize, &Record) -> Result<(), Failure> + Sync),
    ) -> Result<(), Failure> {
        let trials = self.experiment.trials();
        let workers = self.options.threads.min(keys.len()).max(1);
        let threads = (self.options.threads / workers).max(1);
        let peaks = Peaks::new(workers);
        panics::keep();
        let next = AtomicUsize::new(0);
        let stop = Mutex::new(None);
        std::thread::scope(|scope| -> Result<(), Failure> {
            for worker in 0..workers {
                let pool = pool(threads, worker)?;
                let job = Job {
                    meter: Meter::new(&pool, peaks.clone(), worker),
                    threads,
                    jobs: workers,
                    attempt: 1,
                };
                let (trials, next, stop) = (&trials, &next, &stop);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(key) = keys.get(at) else { break };
                        // Each by itself, also where the sweep had one fit for several.
                        let unit = Unit::alone((*key).clone(), trials[at]);
                        let each = |record: &Record| each(at, record);
                        let done = pool.install(|| self.run_unit(&unit, &job, None, &each));
                        if let Err(failure) = done {
                            next.store(keys.len(), Ordering::Relaxed);
                            let mut stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
                            stop.get_or_insert(failure);
                        }
                    }
                });
            }
            Ok(())
        })?;
        let stopped = stop.into_inner().unwrap_or_else(PoisonError::into_inner);
        stopped.map_or(Ok(()), Err)
    }
}
