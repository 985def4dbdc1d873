//! A sweep: prepare once, run every trial on validation, choose, score the chosen ones on test,
//! fit the best on everything and recommend.

mod overview;
mod recommend;
mod trial;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use musicrec_api::{Role, derive_seed};
use serde_json::Value;

use crate::exit::Failure;
use crate::experiment::{Experiment, Trial, Weighting};
use crate::records::{Key, Record, SCHEMA, Store};
use crate::settings::flatten;
use crate::stages::chance::chance;
use crate::stages::fold::{FoldData, Part, ready};
use crate::stages::prepare::{Prepared, fingerprint, prepare};
use crate::stages::unless_cancelled;
pub(crate) use overview::{Floor, FloorMetric, Overview, PlanVariant, Recommended, choose};
use trial::Trains;

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
    /// Trials of a fold begin: how many there are, and how many have a record already.
    Begin {
        role: Role,
        trials: usize,
        known: usize,
    },
    /// A trial ended.
    Trial(&'a Record),
    /// The trials of the fold are through.
    End,
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
    fingerprint: String,
    prepared: Prepared,
    folds: Vec<FoldData>,
    overview: Overview,
}

impl<'a> Sweep<'a> {
    /// Reads, cleans and splits, and opens the report folder. Nothing is fitted yet.
    pub(crate) fn open(
        experiment: &'a Experiment,
        options: &'a Options,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let fingerprint = fingerprint(experiment)?;
        let store = Store::new(options.out.join(&experiment.name));
        if !options.fresh {
            refuse_another(experiment, &fingerprint, &store)?;
        }
        let prepared = prepare(experiment, cancel)?;
        let folds = split(experiment, &prepared)?;
        unless_cancelled(cancel)?;
        check_budget(experiment, &folds)?;
        check_weightings(experiment, &folds[0])?;
        if options.fresh {
            store.set_aside()?;
        }
        store.create()?;
        let overview = overview::make(
            experiment,
            options,
            &fingerprint,
            &prepared,
            Part::of(&prepared.events),
            folds.iter().map(|f| f.summary.clone()).collect(),
        );
        Ok(Self {
            experiment,
            options,
            cancel,
            store,
            fingerprint,
            prepared,
            folds,
            overview,
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

    /// Runs all trials and returns how many failed. What is not a trial runs on the global pool.
    pub(crate) fn run(&mut self, listener: &Listener) -> Result<usize, Failure> {
        let evaluation = &self.experiment.evaluation;
        let rankings = evaluation.null_rankings.get();
        let seed = derive_seed(self.experiment.seed, "null");
        let floor = chance(
            &evaluation.metrics,
            self.test(),
            rankings,
            seed,
            self.cancel,
        );
        unless_cancelled(self.cancel)?;
        self.overview.floor = Some(Floor::keep(&self.overview.metrics, &floor, &self.store)?);
        self.store.write_json(Overview::FILE, &self.overview)?;

        let trials = self.experiment.trials();
        if let Some(fold) = self.fold(Role::Validation) {
            self.run_trials(fold, &trials, listener)?;
        }
        let chosen: Vec<Trial> = self
            .overview
            .variants
            .iter()
            .filter_map(|variant| choose(&self.overview, variant, &self.store).transpose())
            .map(|chosen| chosen.map(|c| trials[c.index]))
            .collect::<Result<_, _>>()?;
        self.run_trials(self.test(), &chosen, listener)?;
        self.recommend(&trials, listener)?;
        self.failures()
    }

    fn fold(&self, role: Role) -> Option<&FoldData> {
        self.folds.iter().find(|f| f.summary.role == role)
    }

    fn test(&self) -> &FoldData {
        self.fold(Role::Test).expect("every split has a test part")
    }

    /// Runs the trials of a fold that have no record. With more trials than threads each runs on a
    /// thread of its own, which wastes none of them; a few large ones share the threads.
    fn run_trials(
        &self,
        fold: &FoldData,
        trials: &[Trial],
        listener: &Listener,
    ) -> Result<(), Failure> {
        let role = fold.summary.role;
        let mut missing: Vec<(Key, Trial)> = Vec::new();
        for trial in trials {
            let key = Key::new(self.experiment, trial, role, &self.fingerprint);
            if self.store.whole_record(&key.id())?.is_none() {
                missing.push((key, *trial));
            }
        }
        listener(Event::Begin {
            role,
            trials: trials.len(),
            known: trials.len() - missing.len(),
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
                            .install(|| self.run_one(fold, key, trial, trains, threads))
                            .and_then(|record| {
                                self.store.put(&record)?;
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
                trials.len() - missing.len() + self.stored(&missing)?,
                trials.len(),
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
        for trial in self.overview.variants.iter().flat_map(|v| &v.trials) {
            for id in trial.validation.iter().chain([&trial.test]) {
                count += usize::from(self.store.failed(id)?.is_some());
            }
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

/// A report folder that holds a sweep over other data, cleaning, splits or rules is not mixed with
/// this one. Other models or weightings are fine: their records stand side by side.
fn refuse_another(
    experiment: &Experiment,
    fingerprint: &str,
    store: &Store,
) -> Result<(), Failure> {
    let Some(earlier) = store.read::<Value>(Overview::FILE)? else {
        return Ok(());
    };
    if earlier["schema"] != SCHEMA {
        return Err(Failure::Changed(format!(
            "{} was written in another form (schema {}, this is {SCHEMA}); use --fresh to set it \
             aside",
            store.path(Overview::FILE).display(),
            earlier["schema"]
        )));
    }
    let mut now = experiment.shared();
    now["data"] = fingerprint.into();
    let mut before = earlier["shared"].clone();
    before["data"] = earlier["fingerprint"].clone();
    let before: BTreeMap<String, String> = flatten(&before).into_iter().collect();
    let now: BTreeMap<String, String> = flatten(&now).into_iter().collect();
    let absent = "(absent)".to_owned();
    let mut changes: Vec<String> = before
        .keys()
        .chain(now.keys())
        .map(|key| {
            (
                key,
                before.get(key).unwrap_or(&absent),
                now.get(key).unwrap_or(&absent),
            )
        })
        .filter(|(_, before, now)| before != now)
        .map(|(key, before, now)| format!("  {key}: {before} -> {now}"))
        .collect();
    changes.sort();
    changes.dedup();
    if changes.is_empty() {
        return Ok(());
    }
    Err(Failure::Changed(format!(
        "{} holds a sweep of the same name over something else:\n{}\n\
         Use --fresh to set it aside (it is renamed, not deleted), or give this experiment another \
         name.",
        store.folder().display(),
        changes.join("\n")
    )))
}

fn split(experiment: &Experiment, prepared: &Prepared) -> Result<Vec<FoldData>, Failure> {
    let events = &prepared.events;
    let seed = derive_seed(experiment.seed, "split");
    let folds = experiment.splitter.split(events, seed).map_err(|error| {
        let failure = Failure::from(error);
        match failure {
            Failure::Definition(text) if !experiment.splitter_given => Failure::Definition(
                format!("{text} (the definition names no splitter, so global_time is used)"),
            ),
            failure => failure,
        }
    })?;
    let validation = folds.iter().find(|f| f.role == Role::Validation);
    let validation = validation.map(|f| f.targets.as_slice());
    folds
        .iter()
        .map(|fold| {
            ready(
                fold,
                validation,
                events,
                &experiment.cleanings[0].cleaners,
                &experiment.evaluation,
            )
            .map_err(Failure::from)
        })
        .collect()
}

/// Settings are chosen on validation, never on test.
fn check_budget(experiment: &Experiment, folds: &[FoldData]) -> Result<(), Failure> {
    if folds.iter().any(|f| f.summary.role == Role::Validation) {
        return Ok(());
    }
    match experiment.needs_validation() {
        Some(reason) => Err(Failure::Definition(format!(
            "{}; {}",
            reason.message, reason.remedy
        ))),
        None => Ok(()),
    }
}

/// A weighting that asks for what the log does not have is a fault of the definition, not of trials.
fn check_weightings(experiment: &Experiment, fold: &FoldData) -> Result<(), Failure> {
    let trials = experiment.trials();
    let used = |w: &&Weighting| trials.iter().any(|t| std::ptr::eq(t.weighting, *w));
    for weighting in experiment.weightings.iter().filter(used) {
        let fitted = weighting.plugin.fit(&fold.fit);
        if let Err(error) = fitted.and_then(|w| w.weigh(&fold.fit)) {
            return Err(error.into());
        }
    }
    Ok(())
}
