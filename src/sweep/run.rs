//! Runs the trials of a part: what has a record is known, the rest is sorted into units, and these run on
//! as many threads as end soonest and as fit in memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use musicrec_api::Role;

use super::estimate::{Speeds, unit_bytes, unit_seconds};
use super::memory::{self, Gate};
use super::meter::{Meter, Peaks};
use super::schedule::{jobs, order};
use super::unit::Job;
use super::units::{Unit, units};
use super::{Begin, Event, Listener, Sweep};
use crate::exit::Failure;
use crate::experiment::Trial;
use crate::panics;
use crate::records::{Key, Outcome, Record};
use crate::stages::fold::Summary;
use crate::text::counted;

/// A unit and what it is expected to take.
struct Planned<'a> {
    unit: Unit<'a>,
    /// Seconds on one thread.
    seconds: f64,
    bytes: u64,
}

/// What stands of the trials of a part before they run.
struct Census<'a> {
    /// How many different ones there are; one of several seeds counts as many.
    distinct: usize,
    /// How many more are named that are equal to one of them.
    equal: usize,
    /// Whether there are several seeds.
    seeds: bool,
    /// How many failed before and are not tried again.
    failed: usize,
    missing: Vec<(Key, Trial<'a>)>,
}

impl<'a> Sweep<'a> {
    /// Runs the trials of a role that have no record; of equal ones the first.
    pub(super) fn run_trials(
        &self,
        role: Role,
        trials: &[Trial<'a>],
        listener: &Listener,
    ) -> Result<(), Failure> {
        let census = self.census(role, trials)?;
        let missing = census.missing.len();
        let planned = self.planned(census.missing, trials)?;
        let seconds: Vec<f64> = planned.iter().map(|planned| planned.seconds).collect();
        let count = self.options.jobs.map_or_else(
            || jobs(self.options.threads, &seconds),
            |jobs| jobs.min(self.options.threads).min(planned.len()).max(1),
        );
        let threads = (self.options.threads / count).max(1);
        listener(Event::Begin(Begin {
            role,
            trials: census.distinct,
            seeds: census.seeds,
            known: census.distinct - missing - census.failed,
            failed: census.failed,
            equal: census.equal,
            fits: planned.len(),
            jobs: count,
            threads,
            seconds: seconds.iter().sum(),
        }));
        let queue: Vec<&Planned> = order(&seconds).iter().map(|&at| &planned[at]).collect();
        let ended = self.work(&queue, (count, threads), listener);
        listener(Event::End);
        match ended {
            Err(Failure::Interrupted(_)) => {
                let left = self.census(role, trials)?.missing.len();
                Err(Failure::Interrupted(format!(
                    "{} of the {} {} trials have a record in {}; run the same command again to go on",
                    census.distinct - census.failed - left,
                    census.distinct,
                    role.name(),
                    self.store.folder().display()
                )))
            }
            ended => ended,
        }
    }

    fn census(&self, role: Role, trials: &[Trial<'a>]) -> Result<Census<'a>, Failure> {
        let mut ids = BTreeSet::new();
        let mut census = Census {
            distinct: 0,
            equal: 0,
            seeds: false,
            failed: 0,
            missing: Vec::new(),
        };
        for trial in trials {
            for key in Key::all(self.experiment, trial, role, &self.fingerprint) {
                census.seeds |= key.repeat > 0;
                let id = key.id();
                if ids.contains(&id) {
                    census.equal += 1;
                } else if self.store.whole_record(&id)?.is_none() {
                    if !self.options.retry_failed && self.store.failed(&id)?.is_some() {
                        census.failed += 1;
                    } else {
                        census.missing.push((key, *trial));
                    }
                }
                ids.insert(id);
            }
        }
        census.distinct = ids.len();
        Ok(census)
    }

    fn planned(
        &self,
        missing: Vec<(Key, Trial<'a>)>,
        trials: &[Trial<'a>],
    ) -> Result<Vec<Planned<'a>>, Failure> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let all = self.experiment.trials();
        debug_assert!(trials.len() <= all.len());
        let speeds = Speeds::learn(&self.overview, &all, &self.known()?);
        let planned = units(missing).into_iter().map(|unit| {
            let folds = self.folds(&unit);
            // Where nothing tells, all are alike.
            let seconds = unit_seconds(&speeds, &unit, &folds).unwrap_or(1.0);
            let bytes = unit_bytes(&unit, &folds);
            Planned {
                unit,
                seconds,
                bytes,
            }
        });
        Ok(planned.collect())
    }

    fn folds(&self, unit: &Unit) -> Vec<&Summary> {
        let folds = self.cleaned[unit.fitted().cleaning].periods(unit.role());
        folds.into_iter().map(|fold| &fold.summary).collect()
    }

    /// Runs units in their order.
    fn work(
        &self,
        queue: &[&Planned<'a>],
        (jobs, threads): (usize, usize),
        listener: &Listener,
    ) -> Result<(), Failure> {
        for planned in queue {
            self.reserve(&planned.unit, true);
        }
        let room = self.options.memory.or_else(memory::usable);
        let room = room.map_or(u64::MAX, |all| all.saturating_sub(memory::resident()));
        let gate = Gate::new(room);
        let peaks = Peaks::new(jobs);
        let next = AtomicUsize::new(0);
        let stop = Mutex::new(None);
        panics::keep();
        std::thread::scope(|scope| -> Result<(), Failure> {
            for at in 0..jobs {
                let pool = pool(threads, at)?;
                let job = Job {
                    meter: Meter::new(&pool, peaks.clone(), at),
                    threads,
                    jobs,
                };
                let (next, stop, gate) = (&next, &stop, &gate);
                scope.spawn(move || {
                    while let Some(planned) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let done = self
                            .unless_stopped()
                            .and_then(|()| self.one(planned, gate, &pool, &job, listener));
                        self.reserve(&planned.unit, false);
                        if let Err(failure) = done {
                            // No further unit begins; those that run end first.
                            next.store(queue.len(), Ordering::Relaxed);
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

    fn unless_stopped(&self) -> Result<(), Failure> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(musicrec_api::Error::Cancelled.into());
        }
        Ok(())
    }

    /// Says which matrices a unit will need, or needs no more.
    fn reserve(&self, unit: &Unit, needs: bool) {
        let trial = unit.fitted();
        for fold in self.cleaned[trial.cleaning].periods(unit.role()) {
            if needs {
                self.trains.reserve(trial.cleaning, trial.weighting, fold);
            } else {
                self.trains.release(trial.cleaning, trial.weighting, fold);
            }
        }
    }

    fn one(
        &self,
        planned: &Planned<'a>,
        gate: &Gate,
        pool: &rayon::ThreadPool,
        job: &Job,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let unit = &planned.unit;
        let share = planned.seconds / unit.members.len() as f64;
        let done = |record: &Record| {
            self.store.put(record)?;
            listener(Event::Trial(record, share));
            let failed = matches!(record.result.outcome, Outcome::Failed { .. });
            if failed && self.options.fail_fast {
                self.abort.store(true, Ordering::Relaxed);
                return Err(Failure::Stopped(format!(
                    "stopped at the first trial that failed (--fail-fast); the same command with \
                     --retry-failed tries it again and goes on; what has a record stays in {}",
                    self.store.folder().display()
                )));
            }
            Ok(())
        };
        let Some(_room) = gate.enter(planned.bytes) else {
            let message = too_large(planned.bytes, gate.room(), self.options.memory.is_some());
            return self.refuse_unit(unit, job, Some(planned.bytes), &message, &done);
        };
        // Waiting may have taken long.
        self.unless_stopped()?;
        pool.install(|| self.run_unit(unit, job, Some(planned.bytes), &done))
    }
}

fn too_large(bytes: u64, room: u64, given: bool) -> String {
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    format!(
        "not started: by its own estimate the fit needs {}, and {} are left {}; make the model smaller \
         (fewer `factors`, say), or {} and run the same command with --retry-failed",
        gigabytes(bytes),
        gigabytes(room),
        if given {
            "of what --memory allows besides the log"
        } else {
            "of this machine's memory"
        },
        if given {
            "raise --memory"
        } else {
            "set --memory if the estimate is known to be too high"
        },
    )
}

/// The threads of a job.
fn pool(threads: usize, job: usize) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |_| panics::thread_name(job))
        .build()
        .map_err(|e| Failure::Output(format!("cannot start {}: {e}", counted(threads, "thread"))))
}
