//! What there is to see of a sweep at one moment; `watch --format json` writes it as it is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use musicrec_api::Role;
use serde::Serialize;
use serde_json::Value;

use super::census::{Census, Listed};
use super::fits::{Fits, Span};
use super::left::Ahead;
use super::placed::AtWork;
use super::{Plan, ids};
use crate::compare::mean_sd;
use crate::experiment::Resource;
use crate::halving::Halved;
use crate::records::{Outcome, Record, Store, Worker};
use crate::settings::parameters;
use crate::sweep::{Overview, PlanVariant};
use crate::text::percent;

/// How many of the last trials are shown.
const LAST: usize = 5;

/// Raised when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// See the module.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct View {
    pub(crate) schema: u32,
    pub(crate) folder: String,
    /// Of the experiment; nothing as long as that is not known.
    pub(crate) name: Option<String>,
    pub(crate) state: State,
    /// The processes that work there, the first to come first.
    pub(crate) workers: Vec<Worker>,
    /// The part whose trials run; nothing before the first and after the last.
    pub(crate) part: Option<Role>,
    /// The rung of successive halving, where there is one.
    pub(crate) rung: Option<Rung>,
    pub(crate) parts: Vec<Counts>,
    /// Seconds until the part is through; nothing as long as nothing tells.
    pub(crate) seconds_left: Option<f64>,
    /// The variants that are not in that, for none of their fits has ended yet.
    pub(crate) seconds_unknown: BTreeSet<String>,
    /// The deciding metric.
    pub(crate) metric: Option<String>,
    pub(crate) best: Option<Best>,
    /// Fits that run now, the first to begin first.
    pub(crate) running: Vec<Running>,
    /// The last trials that were done, the latest first.
    pub(crate) finished: Vec<Done>,
    pub(crate) failures: Vec<Failed>,
    /// Why there are no recommendations, if making them failed.
    pub(crate) recommendations_failed: Option<String>,
    /// How many trials failed.
    pub(crate) failed: usize,
    /// When the sweep that the folder holds had read its log, UTC.
    pub(crate) date: Option<String>,
    /// The command that it began with.
    pub(crate) command: Option<String>,
    /// When the last trial ended, UTC.
    pub(crate) last: Option<String>,
    /// How it ended, in words.
    pub(crate) verdict: Option<String>,
}

/// What a folder is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// A sweep is there and reads the log; what else is said is of an earlier one.
    Preparing,
    /// Trials run, or what is between them.
    Running,
    /// All is done but the report.
    Finishing,
    /// Nobody is there, and all is done.
    Ended,
    /// Nobody is there, and not all is done.
    Interrupted,
}

/// A rung of successive halving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rung {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) of: usize,
    /// How many trials of which variant go how far.
    pub(crate) what: String,
}

/// How far a part is. One trial with several seeds counts as many; equal ones count once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) part: Role,
    pub(crate) trials: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// By successive halving.
    pub(crate) stopped: usize,
    pub(crate) running: usize,
    pub(crate) to_do: usize,
}

/// The best so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Best {
    pub(crate) part: Role,
    pub(crate) variant: String,
    pub(crate) settings: String,
    pub(crate) value: f64,
}

/// A fit that runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Running {
    pub(crate) part: Role,
    pub(crate) variant: String,
    /// Of the first trial that it serves.
    pub(crate) settings: String,
    /// How many it serves.
    pub(crate) trials: usize,
    /// Since when.
    pub(crate) seconds: f64,
    pub(crate) pid: u32,
    /// Where, if an engine placed it.
    pub(crate) node: Option<String>,
}

/// A trial that is done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Done {
    pub(crate) part: Role,
    pub(crate) variant: String,
    pub(crate) settings: String,
    /// By the deciding metric.
    pub(crate) value: Option<f64>,
    /// Fitting, ranking and measuring.
    pub(crate) seconds: f64,
    pub(crate) ended: String,
}

/// A trial that failed and has not been done since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failed {
    pub(crate) id: String,
    pub(crate) part: Role,
    pub(crate) variant: String,
    pub(crate) settings: String,
    pub(crate) message: String,
}

impl View {
    /// Before anything is known.
    pub(super) fn of_nothing(folder: String, workers: Vec<Worker>, state: State) -> Self {
        Self {
            schema: SCHEMA,
            folder,
            name: None,
            state,
            workers,
            part: None,
            rung: None,
            parts: Vec::new(),
            seconds_left: None,
            seconds_unknown: BTreeSet::new(),
            metric: None,
            best: None,
            running: Vec::new(),
            finished: Vec::new(),
            failures: Vec::new(),
            recommendations_failed: None,
            failed: 0,
            date: None,
            command: None,
            last: None,
            verdict: None,
        }
    }

    /// Whether there is nothing more to wait for.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended | State::Interrupted)
    }

    /// Takes in what the folder holds.
    pub(super) fn fill(
        &mut self,
        store: &Store,
        plan: &Plan,
        fits: &Fits,
        placed: &AtWork,
        trials: &[Record],
        now: Timestamp,
    ) {
        let overview = &plan.overview;
        self.name = Some(overview.name.clone());
        self.metric = Some(overview.select.clone());
        self.date = Some(overview.date.clone());
        self.command = Some(overview.command.clone());
        let mine = fits.of(&self.workers, placed);
        let running: Vec<&Span> = mine.iter().filter(|s| s.over.is_none()).copied().collect();
        let (records, failed) = store.listed();
        let at_work = running.iter().flat_map(|span| span.trials.iter().cloned());
        let listed = Listed {
            records,
            failed,
            running: at_work.collect(),
        };
        let mut parts = Vec::new();
        if overview.validated() {
            let census = Census::of_validation(overview, &listed);
            parts.push((Role::Validation, census));
        }
        parts.push((Role::Test, Census::of_test(overview, &listed, store)));
        let open = |census: &Census| census.running + census.to_do.len() > 0;
        if self.state == State::Running {
            let running = running.last().map(|span| span.role);
            let next = || parts.iter().find(|(_, c)| open(c)).map(|(role, _)| *role);
            self.part = running.or_else(next);
        }
        let validating = self.part == Some(Role::Validation);
        self.rung = validating.then(|| rung(overview)).flatten();
        if let Some((role, census)) = parts.iter().find(|(role, _)| Some(*role) == self.part)
            && self.rung.is_none()
        {
            let named = |id: &str| Some(plan.names.get(id)?.0.as_str());
            let ahead = Ahead {
                role: *role,
                to_do: census.to_do.iter().filter_map(|id| named(id)).collect(),
                fits: &fits.all,
                mine,
                now,
            };
            let left = ahead.left(named);
            self.seconds_left = left.seconds;
            self.seconds_unknown = left.unknown;
        }
        let known: Vec<&Record> = trials.iter().filter(|r| is_of(r, overview)).collect();
        self.best = best(overview, &listed, store).or_else(|| on_a_rung(plan, &known));
        let run = |span: &&Span| run(plan, span, placed.get(&span.unit), now);
        self.running = running.iter().map(run).collect();
        let done = known.iter().rev();
        let done = done.filter_map(|record| ended(plan, record)).take(LAST);
        self.finished = done.collect();
        self.last = known.last().map(|record| record.run.ended.clone());
        self.recommendations_failed
            .clone_from(&overview.recommendations_failed);
        let failed = parts.iter().flat_map(|(_, census)| &census.failed);
        self.failed = failed.clone().count();
        self.failures = failed.filter_map(|id| failure(plan, store, id)).collect();
        let of = |(role, census): &(Role, Census)| Counts {
            part: *role,
            trials: census.trials,
            done: census.done,
            failed: census.failed.len(),
            stopped: census.stopped,
            running: census.running,
            to_do: census.to_do.len(),
        };
        self.parts = parts.iter().map(of).collect();
    }
}

/// Whether a record is about what the sweep asks; others may lie beside.
fn is_of(record: &Record, overview: &Overview) -> bool {
    let key = &record.result.key;
    let same = |part: &&str| key.definition[*part] == overview.shared[*part];
    key.data == overview.fingerprint && ["seed", "splitter", "evaluation"].iter().all(same)
}

/// Variant and settings of a trial by the plan; those of a rung are not in it.
fn called(plan: &Plan, record: &Record) -> (String, String) {
    if let Some((variant, settings)) = plan.names.get(&record.id) {
        return (variant.clone(), settings.clone());
    }
    let name = &record.run.variant;
    let variant = plan.overview.variants.iter().find(|v| v.name == *name);
    let settings = variant.map_or(String::new(), |variant| rung_settings(variant, record));
    (name.clone(), settings)
}

/// What distinguishes a trial on a rung, with how far it goes there.
fn rung_settings(variant: &PlanVariant, record: &Record) -> String {
    let definition = &record.result.key.definition;
    let model = parameters(&definition["model"]);
    let weighting = parameters(&definition["weighting"]);
    let halved = variant.halving.as_ref();
    let value = |parameter: &str| match parameter.strip_prefix("weighting.") {
        Some(own) => weighting.get(own).cloned(),
        None => model.get(parameter).cloned(),
    };
    let ranges = variant.ranges.iter();
    let ranges = ranges.filter(|r| halved.is_none_or(|halved| r.parameter != halved.unit));
    let mut words: Vec<String> = ranges
        .filter_map(|r| Some(format!("{}={}", r.parameter, value(&r.parameter)?)))
        .collect();
    match halved {
        Some(Halved {
            resource: Resource::Steps,
            unit,
            ..
        }) => {
            words.extend(value(unit).map(|steps| format!("after {steps} {unit}")));
        }
        Some(_) => {
            let share = record.result.key.users_share;
            words.extend(share.map(|share| format!("with {} of the users", percent(share))));
        }
        None => {}
    }
    words.join(", ")
}

fn ended(plan: &Plan, record: &Record) -> Option<Done> {
    let Outcome::Done { .. } = record.result.outcome else {
        return None;
    };
    let (variant, settings) = called(plan, record);
    Some(Done {
        part: record.result.key.role,
        variant,
        settings,
        value: record.metric(&plan.overview.select),
        seconds: record.run.fit_seconds() + record.run.rank_seconds(),
        ended: record.run.ended.clone(),
    })
}

fn failure(plan: &Plan, store: &Store, id: &str) -> Option<Failed> {
    let record = store.failed(id).ok()??;
    let (variant, settings) = called(plan, &record);
    let Outcome::Failed { message } = record.result.outcome else {
        return None;
    };
    Some(Failed {
        id: id.to_owned(),
        part: record.result.key.role,
        variant,
        settings,
        message,
    })
}

fn run(plan: &Plan, span: &Span, node: Option<&String>, now: Timestamp) -> Running {
    let name = span.trials.iter().find_map(|id| plan.names.get(id));
    let (variant, settings) = name.cloned().unwrap_or_default();
    Running {
        part: span.role,
        variant,
        settings,
        trials: span.trials.len(),
        seconds: span.seconds(now),
        pid: span.pid,
        node: node.cloned(),
    }
}

/// The rung that is at work: after each rung it is written who was stopped there.
fn rung(overview: &Overview) -> Option<Rung> {
    let rows = || {
        let rows = overview.variants.iter();
        rows.filter_map(|row| Some((row, row.halving.as_ref()?)))
    };
    let of = rows().map(|(_, halved)| halved.rungs.len()).max()?;
    let stopped = rows().flat_map(|(_, halved)| halved.stopped.values());
    let number = stopped.map(|stopped| stopped.rung + 2).max();
    let number = number.unwrap_or(1).min(of);
    let what = |(row, halved): (&PlanVariant, &Halved)| {
        let there = number <= halved.rungs.len();
        there.then(|| format!("{}: {}", row.name, halved.rung_words(number - 1)))
    };
    let what: Vec<String> = rows().filter_map(what).collect();
    Some(Rung {
        number,
        of,
        what: what.join("; "),
    })
}

/// The best of the trials that are done with all of their seeds, on validation if there is such a part; of
/// equals the first. What was stopped is not chosen.
fn best(overview: &Overview, listed: &Listed, store: &Store) -> Option<Best> {
    let part = if overview.validated() {
        Role::Validation
    } else {
        Role::Test
    };
    let mut best: Option<Best> = None;
    for variant in &overview.variants {
        let trials = variant.trials.iter();
        for trial in trials.filter(|trial| !variant.ended(trial.index)) {
            let own = ids(trial, part);
            if own.is_empty() || !own.iter().all(|id| listed.records.contains(id)) {
                continue;
            }
            let value = |id: &String| store.record(id).ok()??.metric(&overview.select);
            let Some(values) = own.iter().map(value).collect::<Option<Vec<f64>>>() else {
                continue;
            };
            let value = mean_sd(&values).0;
            if best.as_ref().is_none_or(|known| value > known.value) {
                best = Some(Best {
                    part,
                    variant: variant.name.clone(),
                    settings: trial.settings.clone(),
                    value,
                });
            }
        }
    }
    best
}

/// As long as none is at its end, the best of those that went farthest.
fn on_a_rung(plan: &Plan, known: &[&Record]) -> Option<Best> {
    let overview = &plan.overview;
    let far = |record: &&&Record| {
        let variant = overview.variants.iter();
        let mut variant = variant.filter(|v| v.name == record.run.variant);
        let halved = variant.next()?.halving.as_ref()?;
        match halved.resource {
            Resource::Users => record.result.key.users_share,
            Resource::Steps => {
                let model = parameters(&record.result.key.definition["model"]);
                model.get(&halved.unit)?.parse().ok()
            }
        }
    };
    let valued = known
        .iter()
        .filter(|r| r.result.key.role == Role::Validation);
    let valued = valued.filter_map(|r| Some((far(&r)?, r.metric(&overview.select)?, *r)));
    let valued: Vec<(f64, f64, &Record)> = valued.collect();
    let farthest = valued.iter().map(|(far, ..)| *far).fold(0.0, f64::max);
    let there = valued.iter().filter(|(far, ..)| *far >= farthest);
    let (_, value, record) = there.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let (variant, settings) = called(plan, record);
    Some(Best {
        part: Role::Validation,
        variant,
        settings,
        value: *value,
    })
}

impl View {
    /// The same without what changes from moment to moment although nothing happens.
    pub(crate) fn still(&self) -> Value {
        let mut still = serde_json::to_value(self).expect("plain data");
        still["seconds_left"] = Value::Null;
        for running in still["running"].as_array_mut().into_iter().flatten() {
            running["seconds"] = Value::Null;
        }
        still
    }
}
