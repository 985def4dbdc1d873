//! The records of trials: the truth that resuming and reports rest on.

pub(crate) mod looks;
mod origin;
mod store;

use std::collections::BTreeMap;

use musicrec_api::{Role, arithmetic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::experiment::{Experiment, Trial, revisions};

pub(crate) use origin::{Origin, instructions};
pub(crate) use store::{Store, temporary};

/// Raised when the lab itself (not a plugin) computes something else from the same definition.
/// Part of every trial's id.
pub(crate) const LAB_REVISION: u32 = 1;

/// The version of the record's form.
pub(crate) const SCHEMA: u32 = 3;

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
        match &self.result.outcome {
            Outcome::Done { metrics, .. } => metrics.get(label).copied(),
            Outcome::Failed { .. } => None,
        }
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
    /// it is, so that neither the order of trials nor their names matter.
    pub(crate) fn seed_name(&self, stage: &str) -> String {
        json!([
            stage,
            self.role,
            self.definition["weighting"],
            self.definition["model"],
            self.repeat
        ])
        .to_string()
    }
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
        /// Each period by itself where there are several: then a user's value is the mean over the
        /// periods that ask them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        periods: Vec<PeriodResult>,
        /// Attachments by what they hold: `per_user` and `lists`.
        attachments: BTreeMap<String, String>,
    },
    /// It failed; other trials went on.
    Failed {
        /// Why.
        message: String,
    },
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
    /// Wall seconds of fitting.
    pub(crate) fit_seconds: f64,
    /// Wall seconds of ranking and measuring.
    pub(crate) rank_seconds: f64,
    /// Threads it ran on.
    pub(crate) threads: usize,
    /// The lab's version.
    pub(crate) version: String,
    /// Operating system, processor architecture and model.
    pub(crate) machine: String,
    /// The source with its paths, which `result.definition` leaves out.
    pub(crate) source: Value,
    /// What else is needed to run the trial again; not in records of earlier versions.
    #[serde(flatten)]
    pub(crate) origin: Origin,
}

impl Run {
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
