//! The worker's side: units are run as they are asked for, by the code that runs them without workers.

use std::collections::HashMap;
use std::io::{BufRead as _, stdin, stdout};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};

use musicrec_api::Role;

use super::messages::{Answer, Ask, Recommendations, UnitAsk, say};
use crate::exit::Failure;
use crate::experiment::{Experiment, Trial};
use crate::panics;
use crate::records::{Key, Put, Record};
use crate::sweep::meter::{Meter, Peaks};
use crate::sweep::run::pool;
use crate::sweep::unit::Job;
use crate::sweep::units::{Unit, units};
use crate::sweep::{Options, Sweep};

/// What a worker keeps from one unit to the next.
struct Worker<'s, 'a> {
    sweep: &'s Sweep<'a>,
    trials: Vec<Trial<'a>>,
    /// Which of them a record is of, and which of its seeds.
    places: HashMap<Role, HashMap<String, (usize, usize)>>,
    pool: Option<(usize, rayon::ThreadPool)>,
    /// The units whose matrices are kept: those of the present role.
    reserved: Vec<Unit<'a>>,
}

/// Does what the sweep that started this process asks for, until that sweep closes the line or is no
/// more; then the process ends at once.
pub(crate) fn serve(experiment: &Experiment, options: &Options) -> Result<(), Failure> {
    let asks = asked();
    let cancel = AtomicBool::new(false);
    panics::keep();
    let sweep = Sweep::prepare(experiment, options, &cancel)?;
    let _assistance = sweep.store.assist()?;
    let mut worker = Worker {
        sweep: &sweep,
        trials: experiment.trials(),
        places: HashMap::new(),
        pool: None,
        reserved: Vec::new(),
    };
    answer(&Answer::Ready {
        fingerprint: sweep.fingerprint.clone(),
    })?;
    for ask in asks {
        match ask {
            Ask::Unit(ask) => {
                worker.run(&ask)?;
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

impl<'a> Worker<'_, 'a> {
    fn run(&mut self, ask: &UnitAsk) -> Result<(), Failure> {
        let unit = self.unit(ask)?;
        self.reserve(&unit);
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
        let store = &self.sweep.store;
        let done = |record: &Record| {
            let conflict = match store.put(record)? {
                Put::Conflict(path) => Some(path),
                Put::Stored | Put::WasThere => None,
            };
            let record = Box::new(record.clone());
            answer(&Answer::Trial { record, conflict })
        };
        let bytes = Some(ask.estimated_bytes);
        let ended = pool.install(|| self.sweep.run_unit(&unit, &job, bytes, &done));
        self.pool = Some((ask.threads, pool));
        ended
    }

    /// What several units learn from is made once, and forgotten when those of another part come.
    fn reserve(&mut self, unit: &Unit<'a>) {
        if self
            .reserved
            .iter()
            .any(|other| other.role() != unit.role())
        {
            for other in self.reserved.drain(..) {
                self.sweep.reserve(&other, false);
            }
        }
        self.sweep.reserve(unit, true);
        self.reserved.push(unit.clone());
    }

    /// The trial that a record is of.
    fn trial(&mut self, role: Role, id: &str) -> Result<(Key, Trial<'a>), Failure> {
        let (sweep, trials) = (self.sweep, &self.trials);
        let keys = |trial| Key::all(sweep.experiment, trial, role, &sweep.fingerprint);
        let places = self.places.entry(role).or_insert_with(|| {
            let all = trials.iter().enumerate();
            let ids = all.flat_map(|(at, trial)| {
                let repeats = keys(trial).into_iter().enumerate();
                repeats.map(move |(repeat, key)| (key.id(), (at, repeat)))
            });
            ids.collect()
        });
        let &(at, repeat) = places.get(id).ok_or_else(|| {
            Failure::Changed(
                "the definition has changed since the sweep began; run the same command again to see \
                 what changed"
                    .to_owned(),
            )
        })?;
        let key = keys(&trials[at]).swap_remove(repeat);
        Ok((key, trials[at]))
    }

    fn unit(&mut self, ask: &UnitAsk) -> Result<Unit<'a>, Failure> {
        let ids = ask.trials.iter();
        let trials = ids.map(|id| self.trial(ask.role, id));
        let mut units = units(trials.collect::<Result<_, _>>()?);
        assert_eq!(units.len(), 1, "one fit is asked for");
        Ok(units.remove(0))
    }

    fn recommend(
        &mut self,
        id: &str,
        count: usize,
    ) -> Result<Result<Recommendations, String>, Failure> {
        let (key, trial) = self.trial(Role::Test, id)?;
        self.sweep.recommend_here(&trial, &key, count)
    }
}
