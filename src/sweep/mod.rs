//! A sweep: prepare once, run every trial on validation, choose, score the chosen ones on test,
//! fit the best on everything and recommend.

mod audit;
mod checks;
mod cleaned;
mod overview;
mod provenance;
mod ranges;
mod recommend;
mod trains;
mod trial;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use musicrec_api::{Role, derive_seed};

use crate::exit::Failure;
use crate::experiment::{Experiment, Trial};
use crate::records::{Key, Presence, Put, Record, Run, Store};
use crate::stages::periods::chance;
use crate::stages::prepare::fingerprint;
use crate::stages::unless_cancelled;
use checks::{check_budget, check_weightings, refuse_another};
use cleaned::{Cleaned, of_source};
pub(crate) use overview::{
    CleanedLog, Floor, FloorMetric, Overview, PlanTrial, PlanVariant, Recommended, choose,
};
pub(crate) use ranges::{Edge, End, Range};
use trains::Trains;

/// What the command line says about how to run.
#[derive(Debug)]
pub(crate) struct Options {
    /// The folder that holds a folder for each experiment.
    pub(crate) out: PathBuf,
    /// Set an earlier sweep of the same name aside.
    pub(crate) fresh: bool,
    /// Threads in all.
    pub(crate) threads: usize,
    /// The command line, for the report.
    pub(crate) command: String,
}

/// What happens while trials run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// Trials of a fold begin.
    Begin {
        role: Role,
        /// How many different ones there are; one of several seeds counts as many.
        trials: usize,
        /// Whether there is such.
        seeds: bool,
        /// How many of them have a record already.
        known: usize,
        /// How many more the definition names that are equal to one of them.
        equal: usize,
    },
    /// A trial ended.
    Trial(&'a Record),
    /// It came to something else than the record that was there, and was kept aside.
    Conflict(&'a Record, &'a Path),
    /// The trials of the fold are through.
    End,
    /// So many random rankings are being drawn.
    Drawing(usize),
    /// The recommendations are being made.
    Recommending,
}

/// Who is told what happens.
pub(crate) type Listener<'a> = dyn Fn(Event) + Sync + 'a;

/// An experiment whose data is read, cleaned and split.
#[derive(Debug)]
pub(crate) struct Sweep<'a> {
    experiment: &'a Experiment,
    options: &'a Options,
    cancel: &'a AtomicBool,
    store: Store,
    /// That this process works in the folder.
    presence: Option<Presence>,
    fingerprint: String,
    /// One for each alternative of the cleaners.
    cleaned: Vec<Cleaned>,
    overview: Overview,
    /// When reading began.
    begun: Instant,
}

impl<'a> Sweep<'a> {
    /// Reads, cleans and splits, and opens the report folder. Nothing is fitted yet.
    pub(crate) fn open(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let mut sweep = Self::prepare(experiment, options, cancel)?;
        if options.fresh {
            sweep.store.set_aside()?;
        }
        let here = sweep.store.join(&options.command)?;
        sweep.keep_question(&here)?;
        sweep.presence = Some(here);
        Ok(sweep)
    }

    /// From now on the folder is about this experiment, unless another sweep came first. Where nothing
    /// has ended and nobody works there is nothing to mix with.
    fn keep_question(&self, here: &Presence) -> Result<(), Failure> {
        let store = &self.store;
        store.exclusively(|| {
            if !store.is_empty()? || !store.alone(here)? {
                refuse_another(self.experiment, &self.fingerprint, store)?;
                if store.path(Overview::FILE).exists() {
                    return Ok(());
                }
            }
            store.keep_json(Overview::FILE, &self.overview)
        })
    }

    /// What there is to know of the folder: who else works there, what was repaired.
    pub(crate) fn sayings(&self) -> &[String] {
        self.presence.as_ref().map_or(&[], |here| &here.says)
    }

    /// The same without a trace: nothing is made or changed in the report folder, which need not be
    /// there. Such a sweep cannot run.
    pub(crate) fn prepare(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let begun = Instant::now();
        let fingerprint = fingerprint(experiment).map_err(|error| of_source(experiment, error))?;
        let store = Store::new(options.out.join(&experiment.name));
        // Before the log is read, which may take long.
        if !options.fresh && !store.is_empty()? {
            refuse_another(experiment, &fingerprint, &store)?;
        }
        let mut cleaned = Cleaned::all(experiment, cancel)?;
        unless_cancelled(cancel)?;
        check_budget(experiment, &cleaned)?;
        Cleaned::restrict(experiment, &mut cleaned)?;
        Cleaned::audit(experiment, &mut cleaned)?;
        check_weightings(experiment, &cleaned)?;
        let overview = overview::make(experiment, options, &fingerprint, &cleaned);
        Ok(Self {
            experiment,
            options,
            cancel,
            store,
            presence: None,
            fingerprint,
            cleaned,
            overview,
            begun,
        })
    }

    /// The report folder.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What is known of data and plan.
    pub(crate) fn overview(&self) -> &Overview {
        &self.overview
    }

    /// How each trial of the plan that need not run again was computed, by the id of its record.
    pub(crate) fn known(&self) -> Result<BTreeMap<String, Run>, Failure> {
        let mut known = BTreeMap::new();
        // What will be set aside does not count.
        let ids = (!self.options.fresh).then(|| self.overview.ids());
        for id in ids.into_iter().flatten() {
            if let Some(record) = self.store.whole_record(id)? {
                known.insert(id.to_owned(), record.run);
            }
        }
        Ok(known)
    }

    /// Runs all trials and returns how many failed. What is not a trial runs on the global pool.
    pub(crate) fn run(&mut self, listener: &Listener) -> Result<usize, Failure> {
        listener(Event::Drawing(
            self.experiment.evaluation.null_rankings.get(),
        ));
        self.floors()?;
        let trials = self.experiment.trials();
        if self.overview.validated() {
            self.run_trials(Role::Validation, &trials, listener)?;
        }
        let mut chosen = Vec::new();
        for variant in &self.overview.variants {
            if self.overview.exhibit_test {
                chosen.extend(variant.trials.iter().map(|trial| trials[trial.index]));
            } else if let Some(choice) = choose(&self.overview, variant, &self.store)? {
                chosen.push(trials[choice.index]);
            }
        }
        self.run_trials(Role::Test, &chosen, listener)?;
        self.recommend(&trials, listener)?;
        self.overview.provenance.ended(self.begun);
        self.store.keep_json(Overview::FILE, &self.overview)?;
        self.failures()
    }

    /// What random rankings reach on test under each alternative of the cleaners, whose masks and
    /// candidates differ. All draw from one seed, so equal ones come to the same.
    fn floors(&mut self) -> Result<(), Failure> {
        let evaluation = &self.experiment.evaluation;
        let rankings = evaluation.null_rankings.get();
        let seed = derive_seed(self.experiment.seed, "null");
        for at in 0..self.cleaned.len() {
            let test = self.cleaned[at].periods(Role::Test);
            // Nothing has run yet, and no trial would fare better with such a metric.
            let floor = chance(&evaluation.metrics, &test, rankings, seed, self.cancel)
                .map_err(|error| Failure::Definition(error.to_string()))?;
            unless_cancelled(self.cancel)?;
            let floor = Floor::keep(&self.overview.labels(), &floor, &self.store)?;
            self.overview.cleanings[at].floor = Some(floor);
        }
        self.store.keep_json(Overview::FILE, &self.overview)
    }

    /// Runs the trials of a role that have no record; of equal ones the first. With more trials than
    /// threads each runs on a thread of its own, which wastes none of them; a few large ones share
    /// the threads.
    fn run_trials(&self, role: Role, trials: &[Trial], listener: &Listener) -> Result<(), Failure> {
        let mut distinct = BTreeSet::new();
        let mut missing: Vec<(Key, Trial)> = Vec::new();
        let (mut named, mut seeds) = (0, false);
        for trial in trials {
            for key in Key::all(self.experiment, trial, role, &self.fingerprint) {
                seeds |= key.repeat > 0;
                let id = key.id();
                if self.store.whole_record(&id)?.is_none() && !distinct.contains(&id) {
                    missing.push((key, *trial));
                }
                distinct.insert(id);
                named += 1;
            }
        }
        let count = distinct.len();
        listener(Event::Begin {
            role,
            trials: count,
            seeds,
            known: count - missing.len(),
            equal: named - count,
        });
        let workers = self.options.threads.min(missing.len()).max(1);
        let threads = (self.options.threads / workers).max(1);
        let trains = Trains::default();
        let next = AtomicUsize::new(0);
        let stop = Mutex::new(None);
        std::thread::scope(|scope| -> Result<(), Failure> {
            for _ in 0..workers {
                let pool = pool(threads)?;
                let (missing, trains, next, stop) = (&missing, &trains, &next, &stop);
                scope.spawn(move || {
                    while let Some((key, trial)) = missing.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let done = pool
                            .install(|| self.run_one(key, trial, trains, threads))
                            .and_then(|record| {
                                if let Put::Conflict(path) = self.store.put(&record)? {
                                    listener(Event::Conflict(&record, &path));
                                }
                                listener(Event::Trial(&record));
                                Ok(())
                            });
                        if let Err(failure) = done {
                            // No further trial begins; those that run end first.
                            next.store(missing.len(), Ordering::Relaxed);
                            let mut stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
                            stop.get_or_insert(failure);
                        }
                    }
                });
            }
            Ok(())
        })?;
        listener(Event::End);
        let stopped = stop.into_inner().unwrap_or_else(PoisonError::into_inner);
        match stopped {
            None => Ok(()),
            Some(Failure::Interrupted(_)) => Err(Failure::Interrupted(format!(
                "{} of the {} {} trials have a record in {}; run the same command again to go on",
                count - missing.len() + self.stored(&missing)?,
                count,
                role.name(),
                self.store.folder().display()
            ))),
            Some(failure) => Err(failure),
        }
    }

    fn stored(&self, keys: &[(Key, Trial)]) -> Result<usize, Failure> {
        let mut count = 0;
        for (key, _) in keys {
            count += usize::from(self.store.record(&key.id())?.is_some());
        }
        Ok(count)
    }

    /// Trials of the plan whose last run failed, and the recommendations if those did.
    fn failures(&self) -> Result<usize, Failure> {
        let mut count = usize::from(self.overview.recommendations_failed.is_some());
        for id in self.overview.ids() {
            count += usize::from(self.store.failed(id)?.is_some());
        }
        Ok(count)
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Failure::Output(format!("cannot start {threads} threads: {e}")))
}

#[cfg(test)]
mod faulty_splits;
#[cfg(test)]
mod tests;
