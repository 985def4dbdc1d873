//! What an earlier sweep of the same name left: whether it is the same, what became of the definition,
//! the data and the code since, and whether going on needs a word.

use std::collections::{BTreeMap, BTreeSet};

use musicrec_api::arithmetic;
use serde_json::{Value, json};

use super::rows::plan;
use super::{Options, Overview, PlanTrial};
use crate::exit::Failure;
use crate::experiment::{Experiment, resolved};
use crate::records::{LAB_REVISION, SCHEMA, Store, hex};
use crate::settings::{flatten, trial_name};
use crate::text::counted;

/// Names that a message lists before it only counts.
const NAMES: usize = 8;

/// What differs from the sweep that a folder holds.
#[derive(Debug, Default)]
struct Changes {
    /// What all trials share: `key: before -> now`.
    shared: Vec<String>,
    /// The same of how trials are compared and found.
    rules: Vec<String>,
    /// Trials with a record that the definition no longer has.
    lost: Vec<String>,
    /// Trials that it did not have.
    new: Vec<String>,
    /// When the earlier sweep began.
    date: String,
}

/// All that a finished folder depends on, this program included. Where it is the same, there is nothing
/// to do.
pub(crate) fn identity(experiment: &Experiment, fingerprint: &str) -> String {
    let trials = experiment.trials().into_iter().map(|trial| {
        json!([
            experiment.variant(&trial),
            trial.model.resolved,
            trial.model.files,
            trial.weighting.resolved,
            experiment.cleanings[trial.cleaning].label,
        ])
    });
    let trials: Vec<Value> = trials.collect();
    let all = json!([
        experiment.name,
        experiment.shared(),
        resolved(&experiment.evaluation),
        resolved(&experiment.recommendations),
        resolved(&experiment.search),
        experiment.only,
        trials,
        fingerprint,
        revisions(experiment),
        arithmetic::portable(),
        SCHEMA,
        env!("CARGO_PKG_VERSION"),
        env!("MUSICREC_COMMIT"),
    ]);
    hex(&all.to_string())
}

/// What of a definition changes no trial: how they are compared, how they were found, what is exported.
pub(super) fn rules(experiment: &Experiment) -> Value {
    let mut evaluation = resolved(&experiment.evaluation);
    let of_trials = experiment.shared()["evaluation"].clone();
    if let (Some(all), Some(of_trials)) = (evaluation.as_object_mut(), of_trials.as_object()) {
        all.retain(|key, _| !of_trials.contains_key(key));
    }
    json!({
        "evaluation": evaluation,
        "recommendations": experiment.recommendations,
        "search": experiment.search,
    })
}

/// The revisions of all code that the trials of an experiment rest on.
pub(super) fn revisions(experiment: &Experiment) -> BTreeMap<String, u64> {
    let trials = experiment.trials();
    let mut all = experiment.shared();
    all["model"] = trials.iter().map(|t| t.model.resolved.clone()).collect();
    let weightings = trials.iter().map(|t| t.weighting.resolved.clone());
    all["weighting"] = weightings.collect();
    let of_plugins = crate::experiment::revisions(&all);
    let of_plugins = of_plugins.as_object().into_iter().flatten();
    of_plugins
        .filter_map(|(name, own)| Some((name.clone(), own.as_u64()?)))
        .chain([("lab".to_owned(), u64::from(LAB_REVISION))])
        .collect()
}

/// Says what changed since the sweep that the folder holds, if it holds one.
///
/// # Errors
/// If results that are there would be no part of this sweep, and nobody said that this is meant.
pub(super) fn compare(
    experiment: &Experiment,
    fingerprint: &str,
    store: &Store,
    options: &Options,
) -> Result<Option<String>, Failure> {
    let Some(earlier) = store.read::<Value>(Overview::FILE)? else {
        return Ok(None);
    };
    if earlier["schema"] != SCHEMA {
        return Err(Failure::Changed(format!(
            "{} was written in another form (schema {}, this is {SCHEMA}); use --fresh to set it \
             aside",
            store.path(Overview::FILE).display(),
            earlier["schema"]
        )));
    }
    let changes = Changes::since(&earlier, experiment, fingerprint, store)?;
    let folder = store.folder().display();
    let of_all = counted(store.known()?.len(), "record");
    // A part that is asked for by name leaves the rest of the whole as it is.
    let lost = !changes.lost.is_empty() && experiment.only.is_empty();
    let other = !changes.shared.is_empty() && !store.known()?.is_empty();
    if (lost || other) && !options.keep {
        return Err(Failure::Changed(format!(
            "{folder} holds a sweep of the same name over something else (since {}):\n{}\n\
             Say what is meant: --fresh sets the folder aside (it is renamed, not deleted) and starts \
             anew; --keep goes on in it, {}; or give this experiment another name.",
            changes.date,
            changes.lines().join("\n"),
            if changes.only_measured() {
                format!(
                    "and none of its {of_all} matches any more, but what has its lists in the cache is \
                     measured without a fit"
                )
            } else if other {
                format!(
                    "and none of its {of_all} matches any more: they stay, but count for nothing"
                )
            } else {
                "runs nothing again that still matches, and leaves the rest out of the report"
                    .to_owned()
            }
        )));
    }
    let lines = changes.lines();
    Ok((!lines.is_empty()).then(|| {
        format!(
            "changed since the sweep of {} that {folder} holds:\n{}",
            changes.date,
            lines.join("\n")
        )
    }))
}

/// Two sweeps at once that differ in what all their trials share would each be in the other's way,
/// whatever the words are.
///
/// # Errors
/// If the folder is about something else.
pub(super) fn refuse_another(
    experiment: &Experiment,
    fingerprint: &str,
    store: &Store,
) -> Result<(), Failure> {
    let Some(earlier) = store.read::<Value>(Overview::FILE)? else {
        return Ok(());
    };
    let changes = Changes::since(&earlier, experiment, fingerprint, store)?;
    if changes.shared.is_empty() {
        return Ok(());
    }
    Err(Failure::Changed(format!(
        "{} in {} on something else:\n{}\nWait until it has ended or stop it; or give this experiment \
         another name, or another place with --out.",
        store.beside()?,
        store.folder().display(),
        changes.lines().join("\n")
    )))
}

impl Changes {
    fn since(
        earlier: &Value,
        experiment: &Experiment,
        fingerprint: &str,
        store: &Store,
    ) -> Result<Self, Failure> {
        let mut now = experiment.shared();
        now["data"] = fingerprint.into();
        now["code"] = json!(revisions(experiment));
        let mut before = earlier["shared"].clone();
        before["data"] = earlier["fingerprint"].clone();
        before["code"] = earlier["revisions"].clone();
        now["portable"] = arithmetic::portable().into();
        before["portable"] = earlier["provenance"]["portable"].clone();
        // By their labels, where these tell them apart.
        let labels = |metrics: &Value| -> Vec<String> {
            let metrics = metrics.as_array().into_iter().flatten();
            let label = |metric: &Value| Some(metric["label"].as_str()?.to_owned());
            metrics.filter_map(label).collect()
        };
        let measured = (
            labels(&earlier["metrics"]),
            experiment.evaluation.metrics.labels(),
        );
        if measured.0 != measured.1 {
            before["evaluation"]["metrics"] = measured.0.join(", ").into();
            now["evaluation"]["metrics"] = measured.1.join(", ").into();
        }
        // Plugins that only one of the two definitions names are no change of the code.
        let common = |of: &Value, other: &Value| -> Value {
            let own = of["code"].as_object().into_iter().flatten();
            own.filter(|(name, _)| !other["code"][name.as_str()].is_null())
                .map(|(name, revision)| (name.clone(), revision.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        (before["code"], now["code"]) = (common(&before, &now), common(&now, &before));
        let mut changes = Self {
            shared: differences(&before, &now),
            rules: differences(&earlier["rules"], &rules(experiment)),
            date: earlier["date"]
                .as_str()
                .unwrap_or("an unknown time")
                .to_owned(),
            ..Self::default()
        };
        if !changes.shared.is_empty() {
            return Ok(changes);
        }
        let plan: Vec<(String, Vec<String>)> = plan(experiment, fingerprint, true)
            .iter()
            .flat_map(|variant| {
                let named = |trial: &PlanTrial| {
                    let ids = trial.ids().map(str::to_owned).collect();
                    (trial_name(&variant.name, &trial.settings), ids)
                };
                variant.trials.iter().map(named).collect::<Vec<_>>()
            })
            .collect();
        let ids: BTreeSet<&String> = plan.iter().flat_map(|(_, ids)| ids).collect();
        let known = store.known()?;
        let mut before = BTreeSet::new();
        for (name, own) in planned(earlier) {
            let gone = own
                .iter()
                .filter(|id| known.contains(*id) && !ids.contains(id));
            let gone = gone.count();
            if gone > 0 && own.iter().any(|id| ids.contains(id)) {
                // Of fewer seeds.
                changes
                    .lost
                    .push(format!("{name}, {}", counted(gone, "seed")));
            } else if gone > 0 {
                changes.lost.push(name);
            }
            before.extend(own);
        }
        for (name, own) in &plan {
            if !own.iter().any(|id| before.contains(id)) {
                changes.new.push(name.clone());
            }
        }
        Ok(changes)
    }

    /// Whether the same lists are measured by something else.
    fn only_measured(&self) -> bool {
        let measured = ["evaluation.metrics", "evaluation.segments"];
        let of_measuring = |line: &String| measured.iter().any(|key| line.starts_with(key));
        !self.shared.is_empty() && self.shared.iter().all(of_measuring)
    }

    fn lines(&self) -> Vec<String> {
        let all = self.shared.iter().chain(&self.rules);
        let mut lines: Vec<String> = all.map(|line| format!("  {line}")).collect();
        for (what, names) in [("no longer", &self.lost), ("new", &self.new)] {
            if !names.is_empty() {
                let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
                let more = match names.len().saturating_sub(NAMES) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let count = counted(names.len(), "trial");
                lines.push(format!("  {what}: {count}: {}{more}", shown.join("; ")));
            }
        }
        lines
    }
}

/// `key: before -> now` for every value that differs.
fn differences(before: &Value, now: &Value) -> Vec<String> {
    let before: BTreeMap<String, String> = flatten(before).into_iter().collect();
    let now: BTreeMap<String, String> = flatten(now).into_iter().collect();
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let absent = "(absent)".to_owned();
    keys.into_iter()
        .map(|key| {
            (
                key,
                before.get(key).unwrap_or(&absent),
                now.get(key).unwrap_or(&absent),
            )
        })
        .filter(|(_, before, now)| before != now)
        .map(|(key, before, now)| format!("{key}: {before} -> {now}"))
        .collect()
}

/// What the trials of an earlier plan are called, and the ids of their records.
fn planned(overview: &Value) -> Vec<(String, Vec<String>)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for variant in list(&overview["variants"]) {
        let name = variant["name"].as_str().unwrap_or_default();
        for trial in list(&variant["trials"]) {
            let settings = trial["settings"].as_str().unwrap_or_default();
            let ids = list(&trial["validation"])
                .into_iter()
                .chain(list(&trial["test"]));
            let ids = ids.filter_map(|id| Some(id.as_str()?.to_owned()));
            all.push((trial_name(name, settings), ids.collect()));
        }
    }
    all
}

/// The earlier sweep, if it is this one and nothing is left to do.
pub(super) fn finished(
    identity: &str,
    store: &Store,
    options: &Options,
) -> Result<Option<Overview>, Failure> {
    let Some(known) = store.read::<Value>(Overview::FILE)? else {
        return Ok(None);
    };
    if known["finished"] != true || known["identity"] != identity {
        return Ok(None);
    }
    let Some(overview) = store.read::<Overview>(Overview::FILE)? else {
        return Ok(None);
    };
    if overview.ran.is_empty() {
        return Ok(None);
    }
    for id in &overview.ran {
        let failed = !options.retry_failed && store.failed(id)?.is_some();
        if !failed && store.whole_record(id)?.is_none() {
            return Ok(None);
        }
    }
    let examples = overview.examples_attachment.as_ref();
    if examples.is_some_and(|name| store.attachment(name).is_err()) {
        return Ok(None);
    }
    let recommended = match &overview.recommended {
        Some(recommended) => recommended.is_in(store),
        None => !options.retry_failed || overview.recommendations_failed.is_none(),
    };
    Ok(recommended.then_some(overview))
}
