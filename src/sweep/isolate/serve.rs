//! The worker's side: units are run as they are asked for, by the code that runs them without workers.

use std::collections::HashMap;
use std::io::{BufRead as _, stdin, stdout};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};

use musicrec_api::Role;

use super::messages::{Answer, Ask, Recommendations, UnitAsk, say};
use super::placed::MOMENT;
use crate::exit::Failure;
use crate::experiment::{Experiment, Model, Trial};
use crate::panics;
use crate::records::{Outcome, Put, Record};
use crate::sweep::apart::prepare_part;
use crate::sweep::meter::{Meter, Peaks};
use crate::sweep::run::pool;
use crate::sweep::steps::Step;
use crate::sweep::unit::Job;
use crate::sweep::units::{unit_of, units};
use crate::sweep::{Options, Sweep};

/// What a worker keeps from one unit to the next.
struct Worker<'a> {
    sweep: Sweep<'a>,
    trials: Vec<Trial<'a>>,
    pool: Option<(usize, rayon::ThreadPool)>,
    /// What was asked for so far of the present role: on a rung of halving all users and a share of
    /// them may take turns.
    parts: Vec<Part>,
}

/// The trials of a part, to be found again.
struct Part {
    role: Role,
    /// The share of the users.
    users: Option<f64>,
    /// Which trial a record is of, and which of its seeds.
    of_record: HashMap<String, (usize, usize)>,
    /// Which trial a unit is of, for how many steps so ever.
    of_unit: HashMap<String, (usize, usize)>,
}

/// Does what the sweep that started this process asks for, until that sweep closes the line or is no
/// more; then the process ends at once.
pub(crate) fn serve(experiment: &Experiment, options: &Options) -> Result<(), Failure> {
    let asks = asked();
    let cancel = AtomicBool::new(false);
    panics::keep();
    let sweep = Sweep::prepare(experiment, options, &cancel)?;
    let _assistance = sweep.store.assist()?;
    answer(&Answer::Ready {
        fingerprint: sweep.fingerprint.clone(),
    })?;
    let mut worker = Worker {
        sweep,
        trials: experiment.trials(),
        pool: None,
        parts: Vec::new(),
    };
    for ask in asks {
        match ask {
            Ask::Unit(ask) => {
                worker.run(&ask)?;
                answer(&Answer::Over)?;
            }
            Ask::Prepare => {
                worker.sweep.keep_prepared()?;
                answer(&Answer::Over)?;
            }
            Ask::Report { planned } => {
                worker.sweep.conclude(&planned)?;
                answer(&Answer::Over)?;
            }
            Ask::Recommend { trial, count } => {
                let made = worker.recommend(&trial, count)?;
                answer(&Answer::Recommended(made))?;
            }
        }
    }
    Ok(())
}

/// The same for a part of the log, over some data, that is to be prepared: no more than that is read.
pub(crate) fn serve_part(
    experiment: &Experiment,
    options: &Options,
    data: &str,
    (step, at): (Step, usize),
) -> Result<(), Failure> {
    let asks = asked();
    panics::keep();
    answer(&Answer::Ready {
        fingerprint: data.to_owned(),
    })?;
    for _ in asks {
        prepare_part(experiment, options, data, (step, at))?;
        answer(&Answer::Over)?;
    }
    Ok(())
}

/// Tells the sweep why this worker gives up.
pub(crate) fn stopped(failure: Failure) {
    // Who is not there any more need not know.
    let _ = answer(&Answer::Stopped(failure));
}

/// What is asked. A thread of its own listens, so that a worker whose sweep was killed ends also in the
/// middle of a fit.
fn asked() -> Receiver<Ask> {
    let (ask, asks) = channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if let Ok(asked) = serde_json::from_str(&line) {
                let _ = ask.send(asked);
            }
        }
        std::process::exit(0);
    });
    asks
}

fn answer(answer: &Answer) -> Result<(), Failure> {
    say(&mut stdout().lock(), answer).map_err(|e| Failure::output("to the sweep", &e))
}

impl<'a> Worker<'a> {
    fn run(&mut self, ask: &UnitAsk) -> Result<(), Failure> {
        let at = self.part(ask.role, ask.users)?;
        let part = &self.parts[at];
        let found: Vec<(Trial, usize, Option<Model>)> = ask
            .trials
            .iter()
            .map(|(id, steps)| self.found(part, &ask.unit, id, *steps))
            .collect::<Result<_, _>>()?;
        let trials = found.iter().map(|(trial, repeat, model)| {
            let mut trial = *trial;
            trial.model = model.as_ref().unwrap_or(trial.model);
            let mut keys = self.sweep.keys(ask.role, &[trial]);
            let (mut key, trial) = keys.swap_remove(*repeat);
            key.users_share = ask.users;
            (key, trial)
        });
        let units = units(trials.collect());
        let [unit] = &units[..] else {
            return Err(changed());
        };
        if unit.id != ask.unit {
            return Err(changed());
        }
        let pool = match self.pool.take() {
            Some((threads, pool)) if threads == ask.threads => pool,
            _ => pool(ask.threads, 0)?,
        };
        let job = Job {
            meter: Meter::new(&pool, Peaks::new(1), 0),
            threads: ask.threads,
            jobs: ask.jobs,
            attempt: ask.attempt,
        };
        let (store, placed) = (&self.sweep.store, self.sweep.options.placed.is_some());
        let done = |record: &Record| {
            if placed && let Outcome::Failed { .. } = record.result.outcome {
                // An engine that wants the place back ends what a fit has started, which is no fault of the
                // trial: then this process ends in a moment too, by its own signal.
                std::thread::sleep(MOMENT);
            }
            let conflict = match store.put(record)? {
                Put::Conflict(path) => Some(path),
                Put::Stored | Put::WasThere => None,
            };
            let record = Box::new(record.clone());
            answer(&Answer::Trial { record, conflict })
        };
        let bytes = Some(ask.estimated_bytes);
        let ended = pool.install(|| match self.sweep.kept(unit) {
            Some(lists) => self.sweep.measure_kept(unit, lists, &job, &done),
            None => self.sweep.run_unit(unit, &job, bytes, &done),
        });
        self.pool = Some((ask.threads, pool));
        ended
    }

    /// Makes a part ready. What several units of a role learn from is made once, and forgotten when
    /// those of another come.
    fn part(&mut self, role: Role, users: Option<f64>) -> Result<usize, Failure> {
        let known = |part: &Part| part.role == role && part.users == users;
        if let Some(at) = self.parts.iter().position(known) {
            return Ok(at);
        }
        if self.parts.iter().any(|part| part.role != role) {
            self.parts.clear();
            self.sweep.trains.forget();
            self.sweep.samples.clear();
        }
        if let Some(share) = users {
            self.sweep.sample(share)?;
        }
        let mut part = Part {
            role,
            users,
            of_record: HashMap::new(),
            of_unit: HashMap::new(),
        };
        for (at, trial) in self.trials.iter().enumerate() {
            let keys = self.sweep.keys(role, &[*trial]).into_iter().enumerate();
            for (repeat, (mut key, _)) in keys {
                key.users_share = users;
                part.of_unit
                    .entry(unit_of(&key, trial))
                    .or_insert((at, repeat));
                part.of_record.entry(key.id()).or_insert((at, repeat));
            }
        }
        self.parts.push(part);
        Ok(self.parts.len() - 1)
    }

    /// The trial of the part that a record is of, which of its seeds, and the model if that is one of
    /// fewer steps than any trial has, as successive halving begins with.
    fn found(
        &self,
        part: &Part,
        unit: &str,
        id: &str,
        steps: usize,
    ) -> Result<(Trial<'a>, usize, Option<Model>), Failure> {
        if let Some(&(at, repeat)) = part.of_record.get(id) {
            return Ok((self.trials[at], repeat, None));
        }
        let &(at, repeat) = part.of_unit.get(unit).ok_or_else(changed)?;
        let trial = self.trials[at];
        Ok((trial, repeat, Some(trial.model.after(steps))))
    }

    fn recommend(
        &mut self,
        id: &str,
        count: usize,
    ) -> Result<Result<Recommendations, String>, Failure> {
        let part = self.part(Role::Test, None)?;
        let &(at, repeat) = self.parts[part].of_record.get(id).ok_or_else(changed)?;
        let mut keys = self.sweep.keys(Role::Test, &[self.trials[at]]);
        let (key, trial) = keys.swap_remove(repeat);
        self.sweep.recommend_here(&trial, &key, count)
    }
}

/// The sweep knows what this worker does not.
fn changed() -> Failure {
    Failure::Changed(
        "the definition or a file that it includes has changed since the sweep began; run the same \
         command again to see what changed"
            .to_owned(),
    )
}
