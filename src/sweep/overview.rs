//! What a sweep knows besides its records: the data, the plan, the floor. Kept as
//! `experiment.json`, so that a report needs nothing but the folder.

use std::collections::{BTreeMap, BTreeSet};

use musicrec_api::{Events, Identity, Nature, Role, Roles};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Options;
use super::cleaned::Cleaned;
use super::joined::Joined;
use super::provenance::Provenance;
use super::ranges::{Edge, Parameter, Range};
use super::resume::{identity, revisions, rules};
use super::rows::plan;
use super::timeline::Timeline;
use crate::compare::{Correction, detectable, mean_sd, quantile};
use crate::early_stopping::Early;
use crate::exit::Failure;
use crate::experiment::{Experiment, ReportSettings, Searched};
use crate::halving::Halved;
use crate::records::{SCHEMA, Store, hex};
use crate::stages::audit::Check;
use crate::stages::chance::Chance;
use crate::stages::fold::{Part, Summary};
use crate::stages::hashes;
use crate::stages::prepare::Step;
use crate::text::csv_text;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Overview {
    pub(crate) schema: u32,
    pub(crate) name: String,
    /// The definition's file.
    pub(crate) definition: String,
    /// The command that ran.
    pub(crate) command: String,
    /// When, UTC.
    pub(crate) date: String,
    pub(crate) provenance: Provenance,
    /// Whether everything that the definition asks for has been done.
    #[serde(default)]
    pub(crate) finished: bool,
    /// The ids of all records that were needed for it, those of the rungs of halving included.
    #[serde(default)]
    pub(crate) ran: BTreeSet<String>,
    /// Hash of all that it depends on: definition, data, code.
    #[serde(default)]
    pub(crate) identity: String,
    /// The revisions of all code that the trials rest on.
    #[serde(default)]
    pub(crate) revisions: BTreeMap<String, u64>,
    /// What all trials share.
    pub(crate) shared: Value,
    /// How trials are compared and were found, and what is exported.
    #[serde(default)]
    pub(crate) rules: Value,
    /// The content of the source.
    pub(crate) fingerprint: String,
    /// Hash of what is asked on test: every user with every target.
    pub(crate) test_part: String,
    /// The log under each alternative of the cleaners; often there is one.
    pub(crate) cleanings: Vec<CleanedLog>,
    /// Whether models may learn from events later than a user's targets.
    pub(crate) uses_the_future: bool,
    pub(crate) metrics: Vec<Measured>,
    /// The label of the deciding metric.
    pub(crate) select: String,
    /// The variant that others are compared with.
    pub(crate) baseline: Option<String>,
    /// Rules of the protocol that the definition changes.
    pub(crate) changes: Vec<String>,
    /// How trials came about, if not every point of a grid is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) search: Option<Searched>,
    /// The conditions of `--only`, if only a part of the definition ran.
    pub(crate) only: Vec<String>,
    pub(crate) resamples: usize,
    /// The least difference in the deciding metric that is worth having.
    pub(crate) min_effect: f64,
    /// How p-values are adjusted for the number of comparisons.
    pub(crate) correction: Correction,
    /// Whether every trial was to be scored on test.
    pub(crate) exhibit_test: bool,
    /// The checks of the comparison as a whole; those of each fold stand with it.
    #[serde(default)]
    pub(crate) checks: Vec<Check>,
    pub(crate) variants: Vec<PlanVariant>,
    pub(crate) recommended: Option<Recommended>,
    /// How the report is drawn.
    #[serde(default)]
    pub(crate) report: ReportSettings,
    /// The attachment with what the report tells of some users; none in folders of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) examples_attachment: Option<String>,
    /// Why there are no recommendations, if making them failed.
    pub(crate) recommendations_failed: Option<String>,
    /// The experiments that this is made of, if it is of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) joined: Option<Joined>,
}

/// The log as one alternative of the cleaners leaves it, and what it asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct CleanedLog {
    /// What tells it from the other alternatives; empty if it is the only one.
    pub(crate) label: String,
    /// Which column plays which part.
    pub(crate) columns: Roles,
    /// Events of the cleaned log by kind, the most frequent first.
    pub(crate) kinds: Vec<(String, u64)>,
    /// The cleaned log.
    pub(crate) log: Part,
    /// Hash of its events.
    #[serde(default)]
    pub(crate) hash: String,
    /// Its events by time and part; absent without times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeline: Option<Timeline>,
    pub(crate) funnel: Vec<Step>,
    pub(crate) folds: Vec<Summary>,
    /// Chance and ceiling on the test part.
    pub(crate) floor: Option<Floor>,
}

impl CleanedLog {
    /// A text with the label of the alternative, if it has one.
    pub(crate) fn labeled(&self, text: &str) -> String {
        match self.label.as_str() {
            "" => text.to_owned(),
            label => format!("{text} {label}"),
        }
    }
}

/// A metric and how deep it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Measured {
    #[serde(flatten)]
    pub(crate) identity: Identity,
    #[serde(flatten)]
    pub(crate) nature: Nature,
    /// How many places of a list count.
    pub(crate) depth: usize,
}

/// A row of the leaderboard and its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct PlanVariant {
    pub(crate) name: String,
    /// Whether the lab added it, to compare with.
    pub(crate) added: bool,
    /// What is tried of each parameter that is varied.
    pub(crate) ranges: Vec<Range>,
    /// Whether its model has numbers that could be tuned.
    pub(crate) tunable: bool,
    /// How far its trials are run, if not all are run to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) halving: Option<Halved>,
    /// Where its fits end early, if they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early: Option<Early>,
    pub(crate) trials: Vec<PlanTrial>,
}

impl PlanVariant {
    /// Whether a trial was not run to its end: it was stopped, or failed on the way.
    pub(crate) fn ended(&self, trial: usize) -> bool {
        self.stopped(trial) || self.failed_on_a_rung(trial).is_some()
    }

    /// Whether a trial was stopped, or not reached, because it was not good enough.
    pub(crate) fn stopped(&self, trial: usize) -> bool {
        let halved = self.halving.as_ref();
        let early = self.early.as_ref();
        halved.is_some_and(|halved| halved.stopped.contains_key(&trial))
            || early.is_some_and(|early| early.stopped.contains_key(&trial))
    }

    /// What became of a trial that was stopped, in words, and its value of the deciding metric, or the best of its fit.
    pub(crate) fn stopped_words(&self, trial: usize) -> Option<(String, f64)> {
        if let Some(halved) = &self.halving
            && let Some(stopped) = halved.stopped.get(&trial)
        {
            return Some((halved.stopped_words(stopped), stopped.value));
        }
        let early = self.early.as_ref()?;
        let unreached = early.stopped.get(&trial)?;
        Some((early.stopped_words(unreached), unreached.best))
    }

    /// The id of the record of a trial that failed on a rung of halving.
    pub(crate) fn failed_on_a_rung(&self, trial: usize) -> Option<&String> {
        self.halving.as_ref()?.failed.get(&trial)
    }
}

/// A trial of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct PlanTrial {
    /// Its place among all trials of the experiment.
    pub(crate) index: usize,
    /// The place of its alternative of the cleaners among all.
    pub(crate) cleaning: usize,
    /// What distinguishes it from the other trials of its variant: `factors=32, alpha=10`.
    pub(crate) settings: String,
    /// The values of what is varied in the variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<Parameter>,
    /// Which of its parameters have the lowest or highest value that the variant tries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) edges: Vec<Edge>,
    /// The ids of its records on validation, one a seed; none where there is no such part.
    pub(crate) validation: Vec<String>,
    /// The ids of its records on test, one a seed; only the chosen trial of a variant gets them.
    pub(crate) test: Vec<String>,
}

impl PlanTrial {
    /// The ids of its records.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.validation.iter().chain(&self.test);
        ids.map(String::as_str)
    }
}

/// What random rankings reach on the test part, and the best that any could.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Floor {
    /// How many complete random rankings were drawn.
    pub(crate) rankings: usize,
    pub(crate) metrics: BTreeMap<String, FloorMetric>,
    /// The expected number of users with a hit.
    pub(crate) users_hit: f64,
    /// The number of users with a hit that the best ranking reaches.
    pub(crate) ceiling_users_hit: usize,
    /// Attachment with the drawn values: a line a ranking, ascending within each metric.
    pub(crate) null: String,
}

/// One metric of [`Floor`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct FloorMetric {
    /// The expectation under a random ranking.
    pub(crate) expected: f64,
    /// Whether it is exact or the mean of the draws.
    pub(crate) exact: bool,
    /// What the metric says the expectation is, where the draws show that it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refuted: Option<f64>,
    /// 2.5 % of random rankings are below.
    pub(crate) low: f64,
    /// 2.5 % of random rankings are above.
    pub(crate) high: f64,
    /// Standard deviation of random rankings.
    pub(crate) sd: f64,
    /// The least value that this data could show to be above chance, with a power of 80 % at a
    /// one-sided level of 5 %: expectation + 2.49 standard deviations.
    pub(crate) detectable: f64,
    /// The highest value that the split permits; of metrics of hits of which higher is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ceiling: Option<f64>,
}

/// Whose recommendations were exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Recommended {
    /// Hash of all they depend on.
    pub(crate) id: String,
    /// SHA-256 of `recommendations.csv`.
    pub(crate) content: String,
    pub(crate) variant: String,
    pub(crate) settings: String,
    pub(crate) users: usize,
    pub(crate) count: usize,
}

impl Recommended {
    /// The file of the recommendations.
    pub(crate) const LISTS: &'static str = "recommendations.csv";

    /// Whether the lists are in the store as they were written.
    pub(crate) fn is_in(&self, store: &Store) -> bool {
        let there = std::fs::read_to_string(store.path(Self::LISTS));
        there.is_ok_and(|text| hex(&text) == self.content)
    }
}

impl Overview {
    /// Its file in the store.
    pub(crate) const FILE: &'static str = "experiment.json";

    /// Reads it from a report folder.
    pub(crate) fn read(store: &Store) -> Result<Self, Failure> {
        let missing = || store.no_sweep(Self::FILE);
        if store.folder().is_file() {
            return Err(missing());
        }
        store.read(Self::FILE)?.ok_or_else(|| {
            let path = store.path(Self::FILE);
            if path.exists() {
                return Failure::Data(format!(
                    "{} was cut short, as by a crash of the machine; the same sweep makes it anew",
                    path.display()
                ));
            }
            missing()
        })
    }

    /// Whether there is a validation part, which then every alternative of the cleaners has.
    pub(crate) fn validated(&self) -> bool {
        let folds = self.cleanings.iter().flat_map(|c| &c.folds);
        folds.clone().any(|f| f.role == Role::Validation)
    }

    /// Chance and ceiling of the deciding metric under an alternative of the cleaners.
    pub(crate) fn floor(&self, cleaning: usize) -> Option<&FloorMetric> {
        let floor = self.cleanings.get(cleaning)?.floor.as_ref()?;
        floor.metrics.get(&self.select)
    }

    /// The ids of all records that the plan may lead to, each once.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        let trials = self.variants.iter().flat_map(|v| &v.trials);
        trials.flat_map(PlanTrial::ids).collect()
    }

    /// Whether each user's value of a metric is 0 or 1, so that its mean is a share of users.
    pub(crate) fn proportion(&self, label: &str) -> bool {
        let mut metrics = self.metrics.iter();
        metrics.any(|m| m.identity.label == label && m.nature.proportion)
    }

    /// The metrics' labels.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.metrics
            .iter()
            .map(|m| m.identity.label.clone())
            .collect()
    }
}

/// The overview before anything has run.
pub(super) fn make(
    experiment: &Experiment,
    options: &Options,
    fingerprint: &str,
    cleaned: &[Cleaned],
) -> Overview {
    let evaluation = &experiment.evaluation;
    let labels = experiment.cleanings.iter().map(|c| &c.label);
    let cleanings: Vec<CleanedLog> = labels
        .zip(cleaned)
        .map(
            |(
                label,
                Cleaned {
                    prepared,
                    folds,
                    timeline,
                    ..
                },
            )| CleanedLog {
                label: label.clone(),
                columns: prepared.columns.clone(),
                kinds: kinds(&prepared.events),
                log: Part::of(&prepared.events),
                hash: hashes::of_log(&prepared.events),
                timeline: timeline.clone(),
                funnel: prepared.funnel.clone(),
                folds: folds.iter().map(|f| f.summary.clone()).collect(),
                floor: None,
            },
        )
        .collect();
    let metrics = evaluation.metrics.0.iter().map(|metric| Measured {
        identity: metric.identity(),
        nature: metric.nature(),
        depth: metric.depth(),
    });
    let mut overview = Overview {
        schema: SCHEMA,
        name: experiment.name.clone(),
        definition: experiment.path.display().to_string(),
        command: options.command.clone(),
        date: format!("{:.0}", jiff::Timestamp::now()),
        provenance: Provenance::new(options.threads),
        finished: false,
        ran: BTreeSet::new(),
        identity: identity(experiment, fingerprint),
        revisions: revisions(experiment),
        shared: experiment.shared(),
        rules: rules(experiment),
        fingerprint: fingerprint.to_owned(),
        test_part: test_part(cleaned),
        cleanings,
        uses_the_future: experiment.splitter.uses_the_future(),
        metrics: metrics.collect(),
        select: evaluation.select(),
        baseline: evaluation.baseline(&experiment.variants).map(str::to_owned),
        changes: changes(experiment),
        search: experiment.search.clone(),
        only: experiment.only.clone(),
        resamples: evaluation.resamples.get(),
        min_effect: evaluation.min_effect,
        correction: evaluation.correction,
        exhibit_test: evaluation.exhibit_test,
        checks: super::audit::of_comparison(experiment),
        variants: Vec::new(),
        recommended: None,
        report: experiment.report.seen_from_here(&experiment.base),
        examples_attachment: None,
        recommendations_failed: None,
        joined: None,
    };
    overview.variants = plan(experiment, fingerprint, overview.validated());
    overview
}

/// What of the protocol the definition changes, in words.
fn changes(experiment: &Experiment) -> Vec<String> {
    let mut changes = experiment.evaluation.changes();
    changes.extend(experiment.rules.changes());
    changes.extend(experiment.search.iter().flat_map(Searched::changes));
    changes
}

/// Hash of who is asked about what on test. All alternatives of the cleaners ask the same.
fn test_part(cleaned: &[Cleaned]) -> String {
    let folds = cleaned.first().into_iter().flat_map(|c| &c.folds);
    let mut lines = Vec::new();
    for (at, fold) in folds.filter(|f| f.summary.role == Role::Test).enumerate() {
        for (user, targets) in fold.questions() {
            let items = targets.iter().map(|target| fold.items.get(target.item));
            lines.extend(items.map(|item| format!("{at}\t{user}\t{item}\n")));
        }
    }
    // The order of ids depends on which others there are.
    lines.sort_unstable();
    hex(&lines.concat())
}

fn kinds(events: &Events) -> Vec<(String, u64)> {
    let mut of_code = vec![0; events.kinds.len()];
    let mut nameless = 0;
    for kind in &events.kind {
        *of_code.get_mut(kind as usize).unwrap_or(&mut nameless) += 1;
    }
    let named = events.kinds.iter().cloned().zip(of_code);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in named.chain([("(none)".to_owned(), nameless)]) {
        if count > 0 {
            *counts.entry(name).or_insert(0) += count;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The trial that represents a variant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    /// Its place among all trials of the experiment.
    pub(crate) index: usize,
    /// Its place among those of the variant.
    pub(crate) of_variant: usize,
    /// What it reached on validation, by the deciding metric: the mean over its seeds.
    pub(crate) validation: Option<f64>,
}

/// The best trial of a variant on validation (the first of equals), by the mean over its seeds, or its
/// only one where there is no validation part. `None` if all of them failed. What was stopped is not
/// chosen, also where an earlier sweep ran it to the end.
pub(crate) fn choose(
    overview: &Overview,
    variant: &PlanVariant,
    store: &Store,
) -> Result<Option<Chosen>, Failure> {
    let mut best: Option<Chosen> = None;
    let trials = variant.trials.iter().enumerate();
    for (of_variant, trial) in trials.filter(|(_, trial)| !variant.ended(trial.index)) {
        let values = trial.validation.iter().map(|id| {
            let record = store.record(id)?;
            Ok(record.and_then(|r| r.metric(&overview.select)))
        });
        let Some(values) = values.collect::<Result<Option<Vec<f64>>, Failure>>()? else {
            continue;
        };
        let validation = (!values.is_empty()).then(|| mean_sd(&values).0);
        if best.as_ref().is_none_or(|b| validation > b.validation) {
            best = Some(Chosen {
                index: trial.index,
                of_variant,
                validation,
            });
        }
    }
    Ok(best)
}

impl Floor {
    /// Summarizes what was drawn and keeps the draws as an attachment.
    pub(super) fn keep(labels: &[String], chance: &Chance, store: &Store) -> Result<Self, Failure> {
        let rankings = chance.null.first().map_or(0, Vec::len);
        let rows = (0..rankings).map(|row| {
            let values = chance.null.iter().map(|null| null[row].to_string());
            values.collect()
        });
        let header = labels.iter().map(String::as_str);
        let null = store.attach(&csv_text(header, rows), "csv")?;
        let of_metric = |at: usize| {
            let drawn = &chance.null[at];
            let (_, sd) = mean_sd(drawn);
            FloorMetric {
                expected: chance.expected[at],
                exact: chance.exact[at],
                refuted: chance.refuted[at],
                low: quantile(drawn, 0.025),
                high: quantile(drawn, 0.975),
                sd,
                detectable: chance.expected[at] + detectable(0.05) * sd,
                ceiling: chance.ceiling[at],
            }
        };
        Ok(Self {
            rankings,
            metrics: labels
                .iter()
                .enumerate()
                .map(|(at, label)| (label.clone(), of_metric(at)))
                .collect(),
            users_hit: chance.users_hit,
            ceiling_users_hit: chance.ceiling_users_hit,
            null,
        })
    }
}
