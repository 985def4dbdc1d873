//! Units in processes of their own, so that a crash, a fit without an end or one that eats all memory
//! costs its own trials and nothing else.
//!
//! A worker is this program again with the same arguments (`cli/worker.rs`). It prepares the data as the
//! sweep did, and then runs the units that it is asked for by the same code (`serve`). It stores the
//! records by itself; the sweep only schedules, claims, watches (`child`) and tells.

mod child;
mod death;
mod messages;
mod placed;
mod serve;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use musicrec_api::Error;

use self::child::{Undone, Worker};
use self::death::{ATTEMPTS, Death};
use self::messages::{Answer, Ask, UnitAsk};
use super::memory;
use super::meter::Meter;
use super::unit::Job;
use super::units::Unit;
use super::{Event, Listener, Sweep};
use crate::exit::Failure;
use crate::panics::Broken;
use crate::records::{FitEvent, Outcome, Record};
use crate::stages::unless_cancelled;

pub(super) use self::messages::Recommendations;
pub(crate) use self::placed::{PREPARE, REPORT};
pub(crate) use self::serve::{serve, serve_part, stopped};

/// How workers are made, and what they may take.
#[derive(Debug, Clone)]
pub(crate) struct Isolation {
    /// The arguments that make this program a worker of this sweep.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) limits: Limits,
}

/// What a unit may take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Wall time.
    pub(crate) time: Option<Duration>,
    /// Bytes that its process may hold, the log included.
    pub(crate) memory: Option<u64>,
}

/// Workers that are ready and wait.
#[derive(Debug, Default)]
pub(super) struct Workers(Mutex<Vec<Worker>>);

impl Workers {
    fn take(&self) -> Option<Worker> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have ended one that waits.
        idle.retain_mut(Worker::lives);
        idle.pop()
    }

    fn put_back(&self, worker: Worker) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(worker);
    }

    /// Ends those that wait.
    pub(super) fn dismiss(&self) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.clear();
    }
}

/// What a worker was asked for and did not do.
struct Lost {
    death: Death,
    /// What it said last.
    stderr: Option<String>,
    /// The most bytes that it was seen to hold.
    peak: u64,
    /// Whether another attempt could end otherwise.
    again: bool,
}

impl Lost {
    /// What happened, and how much it held.
    fn words(&self) -> String {
        match self.peak {
            0 => self.death.what(),
            peak => format!(
                "{} (it held {:.2} GB at most)",
                self.death.what(),
                peak as f64 / 1e9
            ),
        }
    }
}

impl Sweep<'_> {
    /// Runs a unit in a worker. `expected` is the bytes of the unit and the seconds of each trial.
    pub(super) fn fit_apart(
        &self,
        unit: &Unit,
        expected: (u64, f64),
        job: &Job,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let (bytes, share) = expected;
        let mut left = unit.clone();
        let mut attempt = 0;
        loop {
            if let Some(broken) = self.given_up(&unit.id)? {
                let expected = (bytes, share, attempt);
                return self.refuse_apart(&left, &broken, expected, job, listener);
            }
            let told = Mutex::new(BTreeSet::new());
            let tell = |record: &Record| {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.insert(record.id.clone());
                self.tell(record, share, listener)
            };
            let once = |attempt| self.attempt(&left, bytes, job, attempt, listener, &tell);
            let Err(lost) = self.attempted(&unit.id, &mut attempt, once)? else {
                return Ok(());
            };
            // What it stored before it died is stored.
            let mut open = Vec::new();
            for member in std::mem::take(&mut left.members) {
                let id = member.key.id();
                let known = told.lock().unwrap_or_else(PoisonError::into_inner);
                let known = known.contains(&id);
                match self.ended_meanwhile(&id)? {
                    Some(_) if known => {}
                    Some(record) => self.tell(&record, share, listener)?,
                    None => open.push(member),
                }
            }
            left.members = open;
            if left.members.is_empty() {
                return Ok(());
            }
            if attempt >= ATTEMPTS || !lost.again {
                let broken = Broken {
                    error: Error::model(lost.death.message(attempt)),
                    backtrace: None,
                    stderr: lost.stderr,
                    held: Some(lost.peak).filter(|peak| *peak > 0),
                };
                let expected = (bytes, share, attempt);
                return self.refuse_apart(&left, &broken, expected, job, listener);
            }
            listener(Event::Note(&format!(
                "{}: {}; it is tried again ({} of {ATTEMPTS})",
                self.experiment.variant(left.fitted()),
                lost.death.what(),
                attempt + 1
            )));
            unless_cancelled(self.cancel)?;
        }
    }

    /// Closes what is left of a unit as failed.
    fn refuse_apart(
        &self,
        left: &Unit,
        broken: &Broken,
        (bytes, share, attempt): (u64, f64, u32),
        job: &Job,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let job = Job {
            meter: Meter::idle(),
            attempt,
            ..*job
        };
        let done = |record: &Record| self.keep(record, share, listener);
        self.refuse_unit(left, &job, Some(bytes), broken, &done)
    }

    /// Has a worker run what is left of a unit; what came between, if it did not get through.
    fn attempt(
        &self,
        unit: &Unit,
        bytes: u64,
        job: &Job,
        attempt: u32,
        listener: &Listener,
        tell: &dyn Fn(&Record) -> Result<(), Failure>,
    ) -> Result<Result<(), Lost>, Failure> {
        let mut worker = self.worker(self.stop())?;
        let mut fit = unit.fit();
        fit.pid = worker.pid();
        let begun = Instant::now();
        self.store.fit_log(&fit)?;
        worker.ask(&Ask::Unit(UnitAsk {
            unit: unit.id.clone(),
            role: unit.role(),
            users: unit.members[0].key.users_share,
            trials: unit
                .members
                .iter()
                .map(|member| (member.key.id(), member.steps))
                .collect(),
            estimated_bytes: bytes,
            threads: job.threads,
            jobs: job.jobs,
            attempt,
        }));
        let mut failed = false;
        let ended = worker.attend(self.limits(), self.stop(), |answer| match answer {
            Answer::Trial { record, conflict } => {
                failed |= matches!(record.result.outcome, Outcome::Failed { .. });
                if let Some(path) = conflict {
                    listener(Event::Conflict(&record, &path));
                }
                tell(&record).map(|()| None)
            }
            Answer::Over => Ok(Some(())),
            _ => Ok(None),
        });
        let event = match &ended {
            Ok(()) if !failed => FitEvent::End,
            _ => FitEvent::Failed,
        };
        self.store
            .fit_log(&fit.over(event, begun.elapsed().as_secs_f64()))?;
        match ended {
            Ok(()) => {
                self.workers.put_back(worker);
                Ok(Ok(()))
            }
            Err(undone) => lost(&worker, undone).map(Err),
        }
    }

    /// How many workers may be, so that their copies of the log leave half of the memory for fits.
    pub(super) fn most_workers(&self) -> usize {
        let all = self.options.memory.or_else(memory::usable);
        let (Some(_), Some(all)) = (&self.options.isolate, all) else {
            return usize::MAX;
        };
        let copies = all / 2 / memory::resident().max(1);
        // One of them is the sweep's own.
        (copies as usize).saturating_sub(1).max(1)
    }

    /// Has a worker make the recommendations. An error says why there are none.
    pub(super) fn recommend_apart(
        &self,
        trial: &str,
        count: usize,
        listener: &Listener,
    ) -> Result<Result<Recommendations, String>, Failure> {
        for attempt in 1.. {
            let mut worker = self.worker(self.cancel)?;
            worker.ask(&Ask::Recommend {
                trial: trial.to_owned(),
                count,
            });
            let ended = worker.attend(self.limits(), self.cancel, |answer| match answer {
                Answer::Recommended(made) => Ok(Some(made)),
                _ => Ok(None),
            });
            let lost = match ended {
                Ok(made) => return Ok(made),
                Err(undone) => lost(&worker, undone)?,
            };
            if attempt >= ATTEMPTS || !lost.again {
                return Ok(Err(lost.death.message(attempt)));
            }
            listener(Event::Note(&format!(
                "recommendations: {}; they are tried again ({} of {ATTEMPTS})",
                lost.death.what(),
                attempt + 1
            )));
        }
        unreachable!("there is a last attempt")
    }

    fn limits(&self) -> &Limits {
        let isolation = self.options.isolate.as_ref();
        &isolation.expect("only then are there workers").limits
    }

    /// A worker that is ready: one that waits, or a new one.
    fn worker(&self, stop: &AtomicBool) -> Result<Worker, Failure> {
        if let Some(worker) = self.workers.take() {
            return Ok(worker);
        }
        let isolation = self.options.isolate.as_ref();
        let Isolation { arguments, limits } = isolation.expect("only then are there workers");
        let mut attempt = 1;
        let (worker, fingerprint) = loop {
            let mut worker = Worker::start(arguments)?;
            let ready = worker.attend(&Limits::default(), stop, |answer| match answer {
                Answer::Ready { fingerprint } => Ok(Some(fingerprint)),
                _ => Ok(None),
            });
            match ready {
                Ok(fingerprint) => break (worker, fingerprint),
                Err(Undone::Stopped(failure)) => return Err(failure),
                // What prepared the sweep was no better off: it may have been an accident.
                Err(Undone::Died(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(Undone::Died(death)) => return Err(never_ready(&worker, &death)),
            }
        };
        if fingerprint != self.fingerprint {
            return Err(Failure::Changed(
                "the data has changed since the sweep began to read it; what has a record was made of \
                 the data as it was: put that back, or run the same command again to see what changed"
                    .to_owned(),
            ));
        }
        if let (Some(limit), Some(held)) = (limits.memory, worker.resident())
            && held > limit
        {
            return Err(Failure::Definition(format!(
                "--memory-per-job allows {:.2} GB, but the log alone, read, cleaned and split, takes \
                 {:.2} GB in each worker; raise it",
                limit as f64 / 1e9,
                held as f64 / 1e9
            )));
        }
        Ok(worker)
    }
}

fn lost(worker: &Worker, undone: Undone) -> Result<Lost, Failure> {
    match undone {
        Undone::Stopped(failure) => Err(failure),
        Undone::Died(death) => Ok(Lost {
            stderr: worker.last_lines(),
            again: death.worth_another(worker.asked == 1),
            peak: worker.peak,
            death,
        }),
    }
}

fn never_ready(worker: &Worker, death: &Death) -> Failure {
    let said = worker.last_lines();
    Failure::Output(format!(
        "a worker process could not be made ready in {ATTEMPTS} attempts: while it read, cleaned and split \
         the log {}{}; each job holds the log for itself, so if it was want of memory, run fewer at once \
         (--jobs 1)",
        death.what().replace("the process that ran the fit", "it"),
        said.map_or(String::new(), |said| format!(", after saying: {said}")),
    ))
}
