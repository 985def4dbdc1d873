//! What is looked at once the data is read and before anything runs.

use std::collections::BTreeMap;

use musicrec_api::Role;
use serde_json::Value;

use super::Overview;
use super::cleaned::{Cleaned, naming};
use crate::exit::Failure;
use crate::experiment::{Experiment, Trial, Weighting};
use crate::records::{SCHEMA, Store};
use crate::settings::flatten;

/// A report folder that holds a sweep over other data, cleaning, splits or rules is not mixed with
/// this one. Other models or weightings are fine: their records stand side by side.
pub(super) fn refuse_another(
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

/// Settings are chosen on validation, never on test.
pub(super) fn check_budget(experiment: &Experiment, cleaned: &[Cleaned]) -> Result<(), Failure> {
    let splitter = experiment.splitter.typetag_name();
    let without = |of: &Cleaned| of.periods(Role::Validation).is_empty();
    let Some(none) = cleaned.iter().position(without) else {
        return Ok(());
    };
    if let Some(some) = cleaned.iter().position(|of| !without(of)) {
        let label = |at: usize| &experiment.cleanings[at].label;
        return Err(Failure::Definition(format!(
            "the splitter `{splitter}` makes a validation part with the cleaners of `{}` but none \
             with those of `{}`, so their results could not be compared; leave the rows that it \
             makes validation of in the log",
            label(some),
            label(none),
        )));
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
pub(super) fn check_weightings(
    experiment: &Experiment,
    cleaned: &[Cleaned],
) -> Result<(), Failure> {
    let trials = experiment.trials();
    for (at, of) in cleaned.iter().enumerate() {
        let fit = &of.folds[0].fit;
        let label = &experiment.cleanings[at].label;
        let uses = |weighting: &Weighting| {
            let uses = |t: &Trial| t.cleaning == at && std::ptr::eq(t.weighting, weighting);
            trials.iter().any(uses)
        };
        let used: Vec<&Weighting> = experiment.weightings.iter().filter(|w| uses(w)).collect();
        let failure = experiment
            .written
            .check_weightings(experiment, &used, &fit.kinds);
        if let Some(failure) = failure {
            return Err(naming(label, failure));
        }
        for weighting in used {
            let weighed = weighting.plugin.fit(fit).and_then(|w| w.weigh(fit));
            weighed.map_err(|e| naming(label, e.into()))?;
        }
    }
    Ok(())
}
