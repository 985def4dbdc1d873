//! Runs the trials of a part: what has a record is known, the rest is sorted into units, and these run on
//! as many threads as end soonest and as fit in memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use musicrec_api::{Error, Role};

use super::estimate::{Speeds, shape, unit_bytes, unit_seconds};
use super::memory::{self, Gate};
use super::meter::{Meter, Peaks};
use super::schedule::{jobs, order};
use super::unit::Job;
use super::units::{Member, Unit, units};
use super::{Begin, Event, Listener, Sweep};
use crate::exit::Failure;
use crate::experiment::Trial;
use crate::panics;
use crate::records::{FitEvent, Key, Outcome, Put, Record};
use crate::stages::fold::Summary;
use crate::stages::unless_cancelled;
use crate::text::counted;

/// How often this process looks whether another is through with a unit.
const WAIT: Duration = Duration::from_millis(100);

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

impl Sweep<'_> {
    /// A key for each seed of each trial.
    pub(super) fn keys<'t>(&self, role: Role, trials: &[Trial<'t>]) -> Vec<(Key, Trial<'t>)> {
        let of = |trial: &Trial<'t>| {
            let keys = Key::all(self.experiment, trial, role, &self.fingerprint);
            let trial = *trial;
            keys.into_iter().map(move |key| (key, trial))
        };
        trials.iter().flat_map(of).collect()
    }

    /// Runs trials of one role that have no record; of equal ones the first.
    pub(super) fn run_trials(
        &mut self,
        named: Vec<(Key, Trial)>,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let Some((first, _)) = named.first() else {
            return Ok(());
        };
        let role = first.role;
        let ids: Vec<String> = named.iter().map(|(key, _)| key.id()).collect();
        self.ran.extend(ids.iter().cloned());
        let census = self.census(named)?;
        let missing = census.missing.len();
        let planned = self.planned(census.missing)?;
        let seconds: Vec<f64> = planned.iter().map(|planned| planned.seconds).collect();
        let count = self.options.jobs.map_or_else(
            || jobs(self.options.threads, &seconds).min(self.most_workers()),
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
                let distinct: BTreeSet<&String> = ids.iter().collect();
                let mut done = 0;
                for id in &distinct {
                    done += usize::from(self.store.record(id)?.is_some());
                }
                Err(Failure::Interrupted(format!(
                    "{done} of the {} {} trials have a record in {}; run the same command again to go \
                     on{}",
                    distinct.len(),
                    role.name(),
                    self.store.folder().display(),
                    if self.options.fresh {
                        " (without --fresh)"
                    } else {
                        ""
                    }
                )))
            }
            ended => ended,
        }
    }

    fn census<'t>(&self, named: Vec<(Key, Trial<'t>)>) -> Result<Census<'t>, Failure> {
        let mut ids = BTreeSet::new();
        let mut census = Census {
            distinct: 0,
            equal: 0,
            seeds: false,
            failed: 0,
            missing: Vec::new(),
        };
        for (key, trial) in named {
            census.seeds |= key.repeat > 0;
            let id = key.id();
            if ids.contains(&id) {
                census.equal += 1;
            } else if self.store.whole_record(&id)?.is_none() {
                if !self.options.retry_failed && self.store.failed(&id)?.is_some() {
                    census.failed += 1;
                } else {
                    census.missing.push((key, trial));
                }
            }
            ids.insert(id);
        }
        census.distinct = ids.len();
        Ok(census)
    }

    fn planned<'t>(&self, missing: Vec<(Key, Trial<'t>)>) -> Result<Vec<Planned<'t>>, Failure> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let speeds = Speeds::learn(&self.overview, &self.experiment.trials(), &self.known()?);
        let planned = units(missing).into_iter().map(|unit| {
            let folds = self.periods_of(&unit).into_iter();
            let folds: Vec<&Summary> = folds.map(|fold| &fold.summary).collect();
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

    /// Runs units in their order.
    fn work(
        &self,
        queue: &[&Planned],
        (jobs, threads): (usize, usize),
        listener: &Listener,
    ) -> Result<(), Failure> {
        for planned in queue {
            self.reserve(&planned.unit, true);
        }
        if let Some(all) = self.options.memory.filter(|all| *all <= memory::resident()) {
            return Err(Failure::Definition(format!(
                "--memory {} is less than the {} that the log and its parts take before any fit begins; \
                 raise it",
                size(all),
                size(memory::resident())
            )));
        }
        let room = self.options.memory.or_else(memory::usable);
        // Each worker holds the log for itself.
        let logs = 1 + self.options.isolate.as_ref().map_or(0, |_| jobs as u64);
        let room = room.map_or(u64::MAX, |all| {
            all.saturating_sub(logs * memory::resident())
        });
        let gate = Gate::new(room);
        let peaks = Peaks::new(jobs);
        let next = AtomicUsize::new(0);
        let stop = Mutex::new(None);
        panics::keep();
        std::thread::scope(|scope| -> Result<(), Failure> {
            for at in 0..jobs {
                let pool = match self.options.isolate {
                    Some(_) => None,
                    None => Some(pool(threads, at)?),
                };
                let meter = |pool| Meter::new(pool, peaks.clone(), at);
                let job = Job {
                    meter: pool.as_ref().map_or_else(Meter::idle, meter),
                    threads,
                    jobs,
                    attempt: 1,
                };
                let (next, stop, gate) = (&next, &stop, &gate);
                scope.spawn(move || {
                    let halt = |failure| {
                        // No further unit begins; those that run end first.
                        next.store(queue.len(), Ordering::Relaxed);
                        let mut stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
                        // Who was broken off because another stopped may be here first.
                        match &*stop {
                            None | Some(Failure::Interrupted(_)) => *stop = Some(failure),
                            Some(_) => {}
                        }
                    };
                    let mut elsewhere = Vec::new();
                    while let Some(&planned) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match self.one(planned, gate, pool.as_ref(), &job, listener) {
                            Ok(true) => {}
                            Ok(false) => elsewhere.push(planned),
                            Err(failure) => halt(failure),
                        }
                    }
                    // What others have begun is theirs, unless they die over it.
                    if !elsewhere.is_empty() {
                        listener(Event::Note(&format!(
                            "waiting for {} that another sweep is at",
                            counted(elsewhere.len(), "fit")
                        )));
                    }
                    while let Some(&planned) = elsewhere.last() {
                        if stop
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .is_some()
                        {
                            break;
                        }
                        match self.one(planned, gate, pool.as_ref(), &job, listener) {
                            Ok(true) => drop(elsewhere.pop()),
                            Ok(false) => std::thread::sleep(WAIT),
                            Err(failure) => {
                                halt(failure);
                                break;
                            }
                        }
                    }
                });
            }
            Ok(())
        })?;
        let stopped = stop.into_inner().unwrap_or_else(PoisonError::into_inner);
        stopped.map_or(Ok(()), Err)
    }

    /// Says which matrices a unit will need, or needs no more.
    fn reserve(&self, unit: &Unit, needs: bool) {
        let trial = unit.fitted();
        for fold in self.periods_of(unit) {
            if needs {
                self.trains.reserve(trial.cleaning, trial.weighting, fold);
            } else {
                self.trains.release(trial.cleaning, trial.weighting, fold);
            }
        }
    }

    /// Where the bytes of a unit come from, if its model can tell: of the period with the most items.
    fn bytes_in_words(&self, unit: &Unit) -> Option<String> {
        let shapes = self.periods_of(unit).into_iter();
        let shapes = shapes.map(|fold| shape(&fold.summary));
        let largest = shapes.max_by_key(|shape| (shape.items, shape.users))?;
        unit.fitted().model.plugin.bytes_in_words(&largest)
    }

    /// Does a unit, unless another process is at it; returns whether it is done now. Then nothing that
    /// it needed is kept for it any more.
    fn one(
        &self,
        planned: &Planned,
        gate: &Gate,
        pool: Option<&rayon::ThreadPool>,
        job: &Job,
        listener: &Listener,
    ) -> Result<bool, Failure> {
        let done = self.claim_and_run(planned, gate, pool, job, listener)?;
        if done {
            self.reserve(&planned.unit, false);
        }
        Ok(done)
    }

    fn claim_and_run(
        &self,
        planned: &Planned,
        gate: &Gate,
        pool: Option<&rayon::ThreadPool>,
        job: &Job,
        listener: &Listener,
    ) -> Result<bool, Failure> {
        unless_cancelled(self.cancel)?;
        let Some(_claim) = self.store.claim(&planned.unit.id)? else {
            return Ok(false);
        };
        let share = planned.seconds / planned.unit.members.len() as f64;
        // Another process may have done it since this one looked.
        let mut unit = planned.unit.clone();
        let mut left = Vec::new();
        for member in unit.members {
            match self.ended_meanwhile(&member.key.id())? {
                Some(record) => listener(Event::Trial(&record, share)),
                None => left.push(member),
            }
        }
        unit.members = left;
        let unreached = self.unreached(&unit)?;
        let reached = |member: &Member| !unreached.contains(&member.key.id());
        unit.members.retain(reached);
        if unit.members.is_empty() {
            return Ok(true);
        }
        let done = |record: &Record| self.keep(record, share, listener);
        // Metrics may crash too, so in isolation nothing is measured here.
        if let Some(pool) = pool
            && let Some(lists) = self.kept(&unit)
        {
            pool.install(|| self.measure_kept(&unit, lists, job, &done))?;
            return Ok(true);
        }
        let Some(_room) = gate.enter(planned.bytes) else {
            let given = self.options.memory.is_some();
            let mut message = too_large(planned.bytes, gate.room(), given);
            if let Some(words) = self.bytes_in_words(&unit) {
                message = format!("{message} ({words})");
            }
            if self.options.isolate.is_some() && job.jobs > 1 {
                message +=
                    "; with --isolate each job holds the log, so fewer of them (--jobs) leave more";
            }
            let refused = Error::model(message).into();
            self.refuse_unit(&unit, job, Some(planned.bytes), &refused, &done)?;
            return Ok(true);
        };
        // Waiting may have taken long.
        unless_cancelled(self.cancel)?;
        match pool {
            Some(pool) => self.fit(&unit, planned, share, pool, job, listener)?,
            None => self.fit_apart(&unit, (planned.bytes, share), job, listener)?,
        }
        Ok(true)
    }

    /// What another process made of a trial since this sweep began.
    pub(super) fn ended_meanwhile(&self, id: &str) -> Result<Option<Record>, Failure> {
        if let Some(record) = self.store.whole_record(id)? {
            return Ok(Some(record));
        }
        let failed = self.store.failed(id)?;
        Ok(failed.filter(|record| record.run.ended > self.began))
    }

    fn fit(
        &self,
        unit: &Unit,
        planned: &Planned,
        share: f64,
        pool: &rayon::ThreadPool,
        job: &Job,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let failed = AtomicBool::new(false);
        let done = |record: &Record| {
            if let Outcome::Failed { .. } = record.result.outcome {
                failed.store(true, Ordering::Relaxed);
            }
            self.keep(record, share, listener)
        };
        let fit = unit.fit();
        let begun = Instant::now();
        self.store.fit_log(&fit)?;
        let ended = pool.install(|| self.run_unit(unit, job, Some(planned.bytes), &done));
        let event = match &ended {
            Ok(()) if !failed.into_inner() => FitEvent::End,
            _ => FitEvent::Failed,
        };
        let logged = self
            .store
            .fit_log(&fit.over(event, begun.elapsed().as_secs_f64()));
        ended.and(logged)
    }

    /// Stores a record and tells of it.
    pub(super) fn keep(
        &self,
        record: &Record,
        share: f64,
        listener: &Listener,
    ) -> Result<(), Failure> {
        if let Put::Conflict(path) = self.store.put(record)? {
            listener(Event::Conflict(record, &path));
        }
        self.tell(record, share, listener)
    }

    /// Tells of a record that is stored.
    pub(super) fn tell(
        &self,
        record: &Record,
        share: f64,
        listener: &Listener,
    ) -> Result<(), Failure> {
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
    }
}

/// Bytes as one says them: `41.2 GB`.
fn size(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

fn too_large(bytes: u64, room: u64, given: bool) -> String {
    format!(
        "not started: by its own estimate the fit needs {}, and {} are left {}; make the model smaller \
         (fewer `factors`, say), or {} and run the same command with --retry-failed",
        size(bytes),
        size(room),
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
pub(super) fn pool(threads: usize, job: usize) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |_| panics::thread_name(job))
        .build()
        .map_err(|e| Failure::Output(format!("cannot start {}: {e}", counted(threads, "thread"))))
}
