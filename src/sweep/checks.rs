//! What is looked at once the data is read and before anything runs.

use std::collections::BTreeMap;

use musicrec_api::Role;
use serde_json::Value;

use super::Overview;
use super::cleaned::{Cleaned, naming};
use crate::exit::Failure;
use crate::experiment::Experiment;
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
    let without = |of: &Cleaned| of.fold(Role::Validation).is_none();
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
    let all = experiment.trials();
    for (at, variant) in experiment.variants.iter().enumerate() {
        let trials = all.iter().filter(|t| t.variant == at).count();
        if trials > 1 {
            return Err(Failure::Definition(format!(
                "variant `{}` has {trials} trials to choose from, but the splitter `{splitter}` makes \
                 no validation part, and choosing on the test part would flatter the result; give \
                 the splitter a validation part, or each variant one setting",
                variant.name,
            )));
        }
    }
    if experiment.variants.len() > 1 && experiment.recommendations.variant.is_none() {
        return Err(Failure::Definition(format!(
            "{} variants compete, but the splitter `{splitter}` makes no validation part to choose \
             one for recommendations.csv; give it a validation part, or name the one to recommend \
             with: [recommendations] variant = \"{}\"",
            experiment.variants.len(),
            experiment.variants[0].name,
        )));
    }
    Ok(())
}

/// A weighting that asks for what the log does not have is a fault of the definition, not of trials.
pub(super) fn check_weightings(
    experiment: &Experiment,
    cleaned: &[Cleaned],
) -> Result<(), Failure> {
    let trials = experiment.trials();
    for (at, of) in cleaned.iter().enumerate() {
        let fit = &of.folds[0].fit;
        for weighting in &experiment.weightings {
            let uses = |t: &crate::experiment::Trial| {
                t.cleaning == at && std::ptr::eq(t.weighting, weighting)
            };
            if trials.iter().any(uses) {
                let weighed = weighting.plugin.fit(fit).and_then(|w| w.weigh(fit));
                let label = &experiment.cleanings[at].label;
                weighed.map_err(|e| naming(label, e.into()))?;
            }
        }
    }
    Ok(())
}
