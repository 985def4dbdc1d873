//! A sweep as it is seen from outside: who works in a folder, how far they are, what came of it so far.
//! Only looks: writes nothing, and takes no lock that a sweep would have to do without.
//!
//! While a sweep writes, anything may be half there. What cannot be read now counts as not there yet.

mod census;
mod fits;
mod left;
mod lines;
mod placed;
mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use musicrec_api::Role;
use serde::Deserialize;

use crate::cluster;
use crate::exit::Failure;
use crate::records::{Record, Store, Tail, Worker};
use crate::report::Summary;
use crate::sweep::{Overview, PlanTrial};
pub(crate) use lines::{block, changes};
pub(crate) use view::{State, View};

/// How much later than the file a sweep may seem to have joined and yet have written it: clocks of file
/// systems tick more slowly than the system's.
const SLACK_SECONDS: f64 = 0.1;

/// How often engines are asked.
const ASK: Duration = Duration::from_secs(5);

/// Looks at a folder again and again.
#[derive(Debug)]
pub(crate) struct Watcher {
    store: Store,
    fits_tail: Tail,
    fits: fits::Fits,
    trials_tail: Tail,
    /// The log of trials in the order of their end.
    trials: Vec<Record>,
    plan: Option<Plan>,
    placed: placed::Placed,
    /// What engines said, and when.
    submitted: Option<(Instant, Vec<Worker>)>,
}

/// What `experiment.json` says, as long as the file stays the same.
#[derive(Debug)]
struct Plan {
    overview: Overview,
    /// When the file was written, and its length.
    written: SystemTime,
    length: u64,
    /// What each trial of the plan is called, by the ids of its records: variant and settings. Of equal
    /// trials the first.
    names: BTreeMap<String, (String, String)>,
}

/// What of `report.json` says how the sweep ended.
#[derive(Deserialize)]
struct Drawn {
    verdict: String,
    identity: String,
    date: String,
    finished: bool,
}

impl Watcher {
    pub(crate) fn new(folder: &Path) -> Self {
        let store = Store::new(folder.to_owned());
        Self {
            fits_tail: store.fits_tail(),
            fits: fits::Fits::default(),
            trials_tail: store.trials_tail(),
            trials: Vec::new(),
            plan: None,
            placed: placed::Placed::default(),
            submitted: None,
            store,
        }
    }

    /// What there is to see now.
    ///
    /// # Errors
    /// Where nobody works, if the folder holds no sweep, or what it holds cannot be read.
    pub(crate) fn look(&mut self) -> Result<View, Failure> {
        // First who is there: who has left has written all there is.
        let mut workers = self.store.working();
        workers.extend(self.submitted());
        let plan = self.read_plan();
        if self
            .plan
            .as_ref()
            .is_some_and(|plan| plan.overview.finished)
        {
            // What an engine still has then finds nothing to do.
            workers.retain(|worker| worker.pid != 0);
        }
        let now = Timestamp::now();
        let read = match (plan, workers.is_empty()) {
            (Ok(there), _) => there,
            (Err(_), false) => false,
            (Err(failure), true) => return Err(failure),
        };
        if workers.iter().any(Worker::is_elsewhere) {
            self.placed.look(&self.store);
        }
        self.read_logs();
        let folder = self.store.folder().display().to_string();
        let Some(plan) = self.plan.as_ref().filter(|_| read) else {
            if workers.is_empty() {
                return Err(self.nothing());
            }
            return Ok(View::of_nothing(folder, workers, State::Preparing));
        };
        let state = state(plan, &workers);
        let mut view = View::of_nothing(folder, workers, state);
        let placed = self.placed.at_work();
        view.fill(&self.store, plan, &self.fits, &placed, &self.trials, now);
        if state == State::Ended {
            view.verdict = Some(self.verdict(&plan.overview)?);
        }
        Ok(view)
    }

    /// What engines have of it. They are services that others use too, so they are not asked at every look.
    fn submitted(&mut self) -> Vec<Worker> {
        let recent = |(asked, _): &&(Instant, Vec<Worker>)| asked.elapsed() < ASK;
        if let Some((_, known)) = self.submitted.as_ref().filter(recent) {
            return known.clone();
        }
        let now = cluster::at_work(&self.store);
        self.submitted = Some((Instant::now(), now.clone()));
        now
    }

    /// Whether there is a folder to look at.
    pub(crate) fn is_there(&self) -> bool {
        self.store.path(Overview::FILE).is_file() || !self.store.working().is_empty()
    }

    fn nothing(&self) -> Failure {
        let folder = self.store.folder();
        if folder.exists() {
            return self.store.no_sweep(Overview::FILE);
        }
        Failure::Data(format!(
            "there is no folder {}; a sweep makes it once it has read and cleaned the log: --wait waits \
             for that",
            folder.display()
        ))
    }

    /// Reads the plan if it changed; whether there is one.
    fn read_plan(&mut self) -> Result<bool, Failure> {
        let path = self.store.path(Overview::FILE);
        let about = std::fs::metadata(&path);
        let Some((written, length)) = about
            .ok()
            .and_then(|about| Some((about.modified().ok()?, about.len())))
        else {
            self.plan = None;
            return Ok(false);
        };
        let known = self.plan.as_ref();
        if known.is_some_and(|plan| (plan.written, plan.length) == (written, length)) {
            return Ok(true);
        }
        // The cache of records goes with the plan: the folder may be another one now.
        self.store = Store::new(self.store.folder().to_owned());
        let overview: Option<Overview> = self.store.read(Overview::FILE)?;
        self.plan = overview.map(|overview| Plan {
            names: names(&overview),
            overview,
            written,
            length,
        });
        Ok(self.plan.is_some())
    }

    fn read_logs(&mut self) {
        let fits = self.fits_tail.news();
        if fits.anew {
            self.fits = fits::Fits::default();
        }
        self.fits.extend(fits.lines);
        let trials = self.trials_tail.news();
        if trials.anew {
            self.trials.clear();
        }
        self.trials.extend(trials.lines);
    }

    /// As the report has it, if that was drawn; a sweep that is killed in between has none.
    fn verdict(&self, overview: &Overview) -> Result<String, Failure> {
        let drawn: Option<Drawn> = self.store.read("report.json").ok().flatten();
        let is_of_this = |drawn: &Drawn| {
            drawn.finished && drawn.identity == overview.identity && drawn.date == overview.date
        };
        match drawn.filter(is_of_this) {
            Some(drawn) => Ok(drawn.verdict),
            None => Ok(Summary::read(&self.store)?.verdict),
        }
    }
}

fn state(plan: &Plan, workers: &[Worker]) -> State {
    let finished = plan.overview.finished;
    if workers.is_empty() {
        return if finished {
            State::Ended
        } else {
            State::Interrupted
        };
    }
    // Who came after the file was written is still reading the log, and may be about something else.
    let written = Timestamp::try_from(plan.written).unwrap_or(Timestamp::MAX);
    let wrote = |worker: &Worker| {
        let since = worker.since.parse::<Timestamp>();
        since.is_ok_and(|since| seconds(since, written) > -SLACK_SECONDS)
    };
    match (workers.iter().any(wrote), finished) {
        (false, _) => State::Preparing,
        (true, true) => State::Finishing,
        (true, false) => State::Running,
    }
}

/// Seconds from one moment to another.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn names(overview: &Overview) -> BTreeMap<String, (String, String)> {
    let mut names = BTreeMap::new();
    for variant in &overview.variants {
        for trial in &variant.trials {
            for id in trial.ids() {
                let name = || (variant.name.clone(), trial.settings.clone());
                names.entry(id.to_owned()).or_insert_with(name);
            }
        }
    }
    names
}

/// The ids of a trial's records on a part.
fn ids(trial: &PlanTrial, role: Role) -> &[String] {
    match role {
        Role::Validation => &trial.validation,
        Role::Test => &trial.test,
    }
}
