//! The records of trials: the truth that resuming and reports rest on.

pub(crate) mod looks;
mod origin;
mod placed;
mod store;

use std::collections::BTreeMap;

use musicrec_api::{Note, Role, arithmetic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::experiment::{Experiment, Model, Rules, Trial, revisions};

pub(crate) use origin::{Origin, instructions};
pub(crate) use placed::{Placed, host};
#[cfg(test)]
pub(crate) use store::samples;
pub(crate) use store::{
    Attempt, Begun, Claim, Conflict, End, Fit, FitEvent, Presence, Put, Store, Tail, Worker,
    temporary, temporary_beside,
};

/// Raised when the lab itself (not a plugin) computes something else from the same definition.
/// Part of every trial's id.
pub(crate) const LAB_REVISION: u32 = 3;

/// The version of the record's form.
pub(crate) const SCHEMA: u32 = 4;

/// One trial on one fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) schema: u32,
    /// See [`Key`].
    pub(crate) id: String,
    /// The same for the same id, bit for bit.
    pub(crate) result: TrialResult,
    /// How it was computed; never compared.
    pub(crate) run: Run,
}

impl Record {
    /// The value of a metric, if the trial is done.
    pub(crate) fn metric(&self, label: &str) -> Option<f64> {
        self.result.outcome.metric(label)
    }
}

/// What a trial is and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrialResult {
    #[serde(flatten)]
    pub(crate) key: Key,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl TrialResult {
    /// Whether two results are the same bit for bit, as they are written.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let text = |result| serde_json::to_string(result).expect("a result is plain data");
        text(self) == text(other)
    }
}

/// All that a trial's result depends on. Its hash is the trial's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The fold it was scored on.
    pub(crate) role: Role,
    /// The content of the source.
    pub(crate) data: String,
    /// The whole resolved definition of the trial, but for paths of files.
    pub(crate) definition: Value,
    /// The revisions of the plugins in it and of the lab.
    pub(crate) revisions: Value,
    /// Which of the seeds of a stochastic model, from 0.
    pub(crate) repeat: usize,
    /// The share of the users that was learned from and asked, where halving gave it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) users_share: Option<f64>,
    /// `portable` if computed so that all machines give the same bits; such results are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arithmetic: Option<String>,
}

/// See [`Key::arithmetic`].
const PORTABLE: &str = "portable";

impl Key {
    pub(crate) fn new(
        experiment: &Experiment,
        trial: &Trial,
        role: Role,
        data: &str,
        repeat: usize,
    ) -> Self {
        let definition = experiment.resolved(trial);
        let mut revisions = revisions(&definition);
        revisions["lab"] = LAB_REVISION.into();
        Self {
            role,
            data: data.to_owned(),
            definition,
            revisions,
            repeat,
            users_share: None,
            arithmetic: arithmetic::portable().then(|| PORTABLE.to_owned()),
        }
    }

    /// Whether its numbers are the same on all machines.
    pub(crate) fn is_portable(&self) -> bool {
        self.arithmetic.as_deref() == Some(PORTABLE)
    }

    /// A trial on a fold with each of its seeds.
    pub(crate) fn all(experiment: &Experiment, trial: &Trial, role: Role, data: &str) -> Vec<Self> {
        let first = Self::new(experiment, trial, role, data, 0);
        let repeats = experiment.evaluation.repeats(&*trial.model.plugin, role);
        (0..repeats)
            .map(|repeat| Self {
                repeat,
                ..first.clone()
            })
            .collect()
    }

    /// The trial's id: the first 16 hexadecimal digits of a SHA-256 of the key as JSON.
    pub(crate) fn id(&self) -> String {
        let text = serde_json::to_string(self).expect("a key is plain data");
        hex(&text)[..16].to_owned()
    }

    /// What the trial's own seed derives from: what is fitted, on which fold, and which of its seeds
    /// it is, so that neither the order of trials nor their names matter. For how many steps a model
    /// learns is left out: a longer fit goes the way of a shorter one.
    pub(crate) fn seed_name(&self, stage: &str, model: &Model) -> String {
        json!([
            stage,
            self.role,
            self.definition["weighting"],
            model.fitted_as,
            self.repeat
        ])
        .to_string()
    }
}

/// The present moment, UTC, always with as many digits, so that later is greater as a text too.
pub(crate) fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// SHA-256 of a text in hexadecimal digits.
pub(crate) fn hex(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("writing to a string");
        out
    })
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was fitted, ranked and measured.
    Done {
        /// The mean over users, by metric.
        metrics: BTreeMap<String, f64>,
        /// Users in each mean.
        users: usize,
        /// Users with a target in their list.
        users_hit: usize,
        /// Users whose last place was decided by item id, the scores being equal.
        users_tied: usize,
        /// Users whose lists have fewer items than places, though more are left for them: of models that do
        /// not score everything.
        #[serde(default, skip_serializing_if = "is_none_of_them")]
        users_short: usize,
        /// Each period by itself where there are several: then a user's value is the mean over the
        /// periods that ask them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        periods: Vec<PeriodResult>,
        /// What the model minimizes after each step of its fit, a list a period; nothing of models that do not tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        losses: Vec<Vec<f64>>,
        /// Attachments by what they hold: `per_user` and `lists`.
        attachments: BTreeMap<String, String>,
    },
    /// It failed; other trials went on.
    Failed {
        /// Why.
        message: String,
    },
}

impl Outcome {
    /// The value of a metric, if the trial is done.
    pub(crate) fn metric(&self, label: &str) -> Option<f64> {
        match self {
            Self::Done { metrics, .. } => metrics.get(label).copied(),
            Self::Failed { .. } => None,
        }
    }
}

/// What a trial reached in one of several periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeriodResult {
    /// Its number, from 1.
    pub(crate) period: usize,
    /// First and last time of what is foretold, in seconds since 1970; absent without times.
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    /// Users asked.
    pub(crate) users: usize,
    /// Users with a target in their list.
    pub(crate) users_hit: usize,
    /// The mean over the users asked, by metric.
    pub(crate) metrics: BTreeMap<String, f64>,
}

/// How and where a trial was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The variant that it was first run for. Variants are names: others may have the same trial.
    pub(crate) variant: String,
    /// When it began, UTC.
    pub(crate) started: String,
    /// When it ended, UTC.
    #[serde(default)]
    pub(crate) ended: String,
    /// What it took.
    pub(crate) stages: Stages,
    /// Bytes that it was expected to take while it ran, the cleaned log and the folds not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) estimated_bytes: Option<u64>,
    /// Whether its lists were those of an earlier run, kept in the cache: then `fit` and `rank` are what
    /// these took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) kept: bool,
    /// What was fitted: trials with the same here are points on the way of one fit.
    pub(crate) unit: String,
    /// Threads it ran on.
    pub(crate) threads: usize,
    /// Where an engine ran it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) placed: Option<Placed>,
    /// How many units could run at once beside it, itself included.
    pub(crate) jobs: usize,
    /// The lab's version.
    pub(crate) version: String,
    /// Operating system, processor architecture and model.
    pub(crate) machine: String,
    /// The source with its paths, which `result.definition` leaves out.
    pub(crate) source: Value,
    /// `[rules]` with their paths and ids, if there are any: `result.definition` has hashes of the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Rules>,
    /// What else is needed to run the trial again; not in records of earlier versions.
    #[serde(flatten)]
    pub(crate) origin: Origin,
    /// Where in the program it failed, if it broke off in a panic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backtrace: Option<String>,
    /// In which attempt it ended so. There are several only with `--isolate`, after a crash.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub(crate) attempts: u32,
    /// The last lines that the process of its fit said, if that ended before the fit did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stderr: Option<String>,
    /// The most bytes that its process was seen to hold, if that ended before the fit did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_bytes: Option<u64>,
    /// What the model had to say besides its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<Note>,
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none_of_them(users: &usize) -> bool {
    *users == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_once(attempts: &u32) -> bool {
    *attempts == 1
}

/// What the stages of a trial took, over all periods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stages {
    /// Making the matrix; next to nothing where another trial had made it.
    pub(crate) weigh: Spent,
    /// Fitting, from the start to the state that was measured.
    pub(crate) fit: Spent,
    pub(crate) rank: Spent,
    pub(crate) measure: Spent,
}

/// What a stage took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// Wall seconds.
    pub(crate) seconds: f64,
    /// Processor seconds of the trial's threads, where the system tells.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory that the whole process held meanwhile, in bytes, where the system tells.
    pub(crate) peak_bytes: Option<u64>,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        // What was not spent at all says nothing of what the system tells.
        let first = *self == Self::default();
        self.seconds += more.seconds;
        self.cpu_seconds = match (self.cpu_seconds, more.cpu_seconds) {
            (None, more) if first => more,
            (some, more) => some.zip(more).map(|(some, more)| some + more),
        };
        self.peak_bytes = self.peak_bytes.max(more.peak_bytes);
    }
}

impl Run {
    /// Wall seconds of fitting.
    pub(crate) fn fit_seconds(&self) -> f64 {
        self.stages.fit.seconds
    }

    /// Wall seconds of ranking and measuring.
    pub(crate) fn rank_seconds(&self) -> f64 {
        self.stages.rank.seconds + self.stages.measure.seconds
    }

    /// Seconds of fitting on one thread, roughly where the system does not tell.
    pub(crate) fn fit_work(&self) -> f64 {
        let fit = &self.stages.fit;
        fit.cpu_seconds.unwrap_or(fit.seconds * self.threads as f64)
    }

    /// The same of ranking and measuring.
    pub(crate) fn rank_work(&self) -> f64 {
        let (rank, measure) = (&self.stages.rank, &self.stages.measure);
        let cpu = rank.cpu_seconds.zip(measure.cpu_seconds);
        cpu.map_or(self.rank_seconds() * self.threads as f64, |(r, m)| r + m)
    }

    /// The machine this runs on.
    pub(crate) fn machine() -> String {
        let model = std::fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| {
                let line = text.lines().find(|l| l.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            });
        format!(
            "{} {}{}",
            std::env::consts::OS,
            std::env::consts::ARCH,
            model.map_or(String::new(), |m| format!(", {m}"))
        )
    }
}
