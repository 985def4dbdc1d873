//! A sweep: prepare once, run every trial on validation, choose, score the chosen ones on test,
//! fit the best on everything and recommend.

mod again;
mod apart;
mod audit;
mod checks;
mod cleaned;
mod early;
pub(crate) mod estimate;
pub(crate) mod everything;
mod examples;
mod isolate;
mod joined;
mod left;
pub(crate) mod memory;
mod meter;
mod opening;
mod outcome;
pub(crate) mod outlook;
mod overview;
pub(crate) mod placed;
mod provenance;
mod ranges;
mod recommend;
mod resume;
mod rows;
mod run;
mod schedule;
mod search;
pub(crate) mod steps;
mod timeline;
mod trains;
mod unit;
pub(crate) mod units;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use musicrec_api::Role;

use crate::cache::{Cache, chance::floor};
use crate::exit::{Failure, Failures};
use crate::experiment::{Experiment, Trial};
use crate::records::{Placed, Presence, Record, Run, Store};
use crate::report::{self, Summary};
use crate::stages::prepare::apart::Apart;
use crate::stages::unless_cancelled;
pub(crate) use again::again;
use cleaned::Cleaned;
pub(crate) use cleaned::blame;
pub(crate) use examples::{Heard, KeptExamples};
use isolate::Workers;
pub(crate) use isolate::{Isolation, Limits, PREPARE, REPORT, serve, serve_part, stopped};
pub(crate) use joined::{Joined, JoinedPart};
pub(crate) use opening::{begin_folder, data_of};
pub(crate) use overview::{
    CleanedLog, Floor, FloorMetric, Overview, PlanTrial, PlanVariant, Recommended, choose,
};
use provenance::Begun;
pub(crate) use provenance::Provenance;
pub(crate) use ranges::{Edge, End, Parameter, Range};
pub(crate) use resume::identity;
use search::Sample;
pub(crate) use timeline::Timeline;
use trains::Trains;

/// What the command line says about how to run.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Options {
    /// The folder that holds a folder for each experiment.
    pub(crate) out: PathBuf,
    /// Set an earlier sweep of the same name aside.
    pub(crate) fresh: bool,
    /// Go on in the folder of a sweep over something else; what still matches is not run again.
    pub(crate) keep: bool,
    /// Try again what failed before.
    pub(crate) retry_failed: bool,
    /// Stop at the first trial that fails.
    pub(crate) fail_fast: bool,
    /// Threads in all.
    pub(crate) threads: usize,
    /// Units that run at once; chosen by what they take if nobody says.
    pub(crate) jobs: Option<usize>,
    /// Bytes that the process may hold; most of what is free if nobody says.
    pub(crate) memory: Option<u64>,
    /// Fit in processes of their own.
    pub(crate) isolate: Option<Isolation>,
    /// The command line, for the report.
    pub(crate) command: String,
    /// Where stages are kept that cost more to compute than to read.
    pub(crate) cache: Cache,
    /// Where an engine has placed this process, if one has.
    pub(crate) placed: Option<Placed>,
    /// What the data was when the sweep was planned, if its preparation was work of its own: then the log
    /// is taken as that left it, and the source is not looked at.
    pub(crate) prepared: Option<String>,
    /// How many units prepare the log, if not one alone.
    pub(crate) apart: Option<Apart>,
}

impl Options {
    /// What holds if nobody says otherwise.
    pub(crate) fn new(out: PathBuf, threads: usize) -> Self {
        Self {
            out,
            fresh: false,
            keep: false,
            retry_failed: false,
            fail_fast: false,
            threads,
            jobs: None,
            memory: None,
            isolate: None,
            command: String::new(),
            cache: Cache::off(),
            placed: None,
            prepared: None,
            apart: None,
        }
    }
}

/// What happens while trials run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// What is known of data and plan, where that is found out on the way.
    Planned(&'a Overview),
    /// Trials of a fold begin.
    Begin(Begin),
    /// A trial ended, and what of [`Begin::seconds`] was its.
    Trial(&'a Record, f64),
    /// It came to something else than the record that was there, and was kept aside.
    Conflict(&'a Record, &'a Path),
    /// The trials of the fold are through.
    End,
    /// Something to know.
    Note(&'a str),
    /// Something to know even if one wants to know little: who else is here, what was repaired.
    Alarm(&'a str),
    /// A rung of halving begins: in words, and what its trials are called, by the ids of their records:
    /// variant and settings.
    Rung(&'a str, &'a [(String, String, String)]),
    /// So many random rankings are being drawn.
    Drawing(usize),
    /// The recommendations are being made.
    Recommending,
}

/// The trials of a fold that begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begin {
    pub(crate) role: Role,
    /// How many different ones there are; one of several seeds counts as many.
    pub(crate) trials: usize,
    /// Whether there is such.
    pub(crate) seeds: bool,
    /// How many of them have a record already.
    pub(crate) known: usize,
    /// How many failed before and are not tried again.
    pub(crate) failed: usize,
    /// How many more the definition names that are equal to one of them.
    pub(crate) equal: usize,
    /// In how many fits the rest is done.
    pub(crate) fits: usize,
    /// How many of these run at once.
    pub(crate) jobs: usize,
    /// Threads of each.
    pub(crate) threads: usize,
    /// Seconds on one thread that they are expected to take.
    pub(crate) seconds: f64,
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
    /// Shares of the users that the trials of a rung are given.
    samples: Vec<Sample>,
    /// What each fit on validation is measured at, where fits may end early.
    points: OnceLock<early::Points>,
    /// The ids of all records that were needed so far.
    ran: BTreeSet<String>,
    /// What trials learn from.
    trains: Trains,
    overview: Overview,
    /// Whether it is the sweep that the folder holds, with nothing left to do; then no data was read.
    unchanged: bool,
    /// Set when what runs is of no use any more.
    abort: AtomicBool,
    /// Processes that fit, where these do.
    workers: Workers,
    /// When reading began.
    begun: Begun,
    /// The same, UTC.
    began: String,
}

impl Sweep<'_> {
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

    /// Whether there is nothing to do, for all is done.
    pub(crate) fn finished(&self) -> bool {
        self.unchanged
    }

    /// Runs all trials and returns what failed. What is not a trial runs on the global pool.
    pub(crate) fn run(&mut self, listener: &Listener) -> Result<Failures, Failure> {
        if self.unchanged {
            return self.failures();
        }
        listener(Event::Drawing(
            self.experiment.evaluation.null_rankings.get(),
        ));
        self.floors()?;
        let trials = self.experiment.trials();
        if self.overview.validated() {
            self.validate(listener)?;
        }
        let keys = self.keys(Role::Test, &self.to_test(&trials)?);
        self.run_trials(keys, listener)?;
        self.recommend(&trials, listener)?;
        self.keep_examples()?;
        self.workers.dismiss();
        self.overview.provenance.ended(self.begun);
        self.overview.finished = true;
        self.overview.ran = std::mem::take(&mut self.ran);
        self.store.keep_json(Overview::FILE, &self.overview)?;
        self.failures()
    }

    /// The trials that are scored on test, by what validation says.
    fn to_test<'t>(&self, trials: &[Trial<'t>]) -> Result<Vec<Trial<'t>>, Failure> {
        let mut chosen = Vec::new();
        for variant in &self.overview.variants {
            if self.overview.exhibit_test {
                chosen.extend(variant.trials.iter().map(|trial| trials[trial.index]));
            } else if let Some(choice) = choose(&self.overview, variant, &self.store)? {
                chosen.push(trials[choice.index]);
            }
        }
        Ok(chosen)
    }

    /// What random rankings reach on test under each alternative of the cleaners, whose masks and
    /// candidates differ. All draw from one seed, so equal ones come to the same.
    fn floors(&mut self) -> Result<(), Failure> {
        let (experiment, cache) = (self.experiment, &self.options.cache);
        for at in 0..self.cleaned.len() {
            let test = self.cleaned[at].periods(Role::Test);
            // Nothing has run yet, and no trial would fare better with such a metric.
            let floor = floor(experiment, at, &self.fingerprint, &test, cache, self.cancel)
                .map_err(|error| Failure::Definition(error.to_string()))?;
            unless_cancelled(self.cancel)?;
            let floor = Floor::keep(&self.overview.labels(), &floor, &self.store)?;
            self.overview.cleanings[at].floor = Some(floor);
        }
        self.store.keep_json(Overview::FILE, &self.overview)
    }

    /// Draws the report. Another sweep in the folder, which has another plan, waits as long, so that what
    /// is drawn is this one.
    pub(crate) fn report(&self) -> Result<Summary, Failure> {
        self.store.exclusively(|| {
            self.store.keep_json(Overview::FILE, &self.overview)?;
            report::write(&self.store, None, &[])
        })
    }

    /// How many trials of the plan failed when they were last run, and whether the recommendations did.
    fn failures(&self) -> Result<Failures, Failure> {
        let mut trials = 0;
        // Those of rungs are not in the plan.
        let ids = self.overview.ids().into_iter();
        let ids: BTreeSet<&str> = ids
            .chain(self.overview.ran.iter().map(String::as_str))
            .collect();
        for id in ids {
            trials += usize::from(self.store.failed(id)?.is_some());
        }
        let recommendations = self.overview.recommendations_failed.is_some();
        Ok(Failures {
            trials,
            recommendations,
        })
    }
}

#[cfg(test)]
mod faulty_splits;
#[cfg(test)]
pub(crate) mod tests;
