//! `--only model=als`: the part of an experiment to run.

use std::collections::BTreeSet;

use super::fault::{COMMAND_LINE, Fault, Faults, Sources};
use super::tree::Place;
use crate::experiment::{Experiment, Trial, row};
use crate::settings::{flatten, nesting};

/// Keeps the trials that every condition holds for; conditions on one key are alternatives.
pub(super) fn keep(
    experiment: &mut Experiment,
    conditions: &[String],
    sources: &mut Sources,
    faults: &mut Faults,
) {
    let facts = facts(experiment);
    let mut wanted: Vec<(String, Vec<String>)> = Vec::new();
    for condition in conditions {
        let source = sources.add(format!("{COMMAND_LINE} --only"), condition);
        let place = |start, end| Place::new(source, &(start..end));
        let Some((key, value)) = condition.split_once('=') else {
            faults.push(
                Fault::at(place(0, condition.len()), "`--only` takes key=value")
                    .help("for example --only model=als, --only model.als.factors=32"),
            );
            continue;
        };
        let (key_end, value_start) = (key.len(), key.len() + 1);
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        if !facts.iter().any(|(known, _)| known == key) {
            let mut keys: Vec<&str> = facts.iter().map(|(key, _)| key.as_str()).collect();
            keys.dedup();
            faults.push(
                Fault::at(place(0, key_end), format!("no trial has `{key}`"))
                    .suggest(key, keys)
                    .help(
                        "keys are model, weighting, cleaners, and parameters such as \
                         model.als.factors",
                    ),
            );
            continue;
        }
        let values = facts.iter().filter(|(known, _)| known == key);
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        if !values.iter().any(|known| same(known, value)) {
            faults.push(
                Fault::at(
                    place(value_start, condition.len()),
                    format!("no trial has {key} = {value}"),
                )
                .suggest(value, values.iter().copied())
                .help(format!("there are: {}", values.join(", "))),
            );
            continue;
        }
        match wanted.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) => values.push(value.to_owned()),
            None => wanted.push((key.to_owned(), vec![value.to_owned()])),
        }
    }
    let kept: Vec<bool> = experiment
        .trials()
        .iter()
        .map(|trial| {
            let facts = of_trial(experiment, trial);
            wanted.iter().all(|(key, values)| {
                // What does not read strength is the same under every weighting.
                if key.starts_with("weighting") && !trial.model.plugin.reads_weights() {
                    return true;
                }
                let own = facts.iter().filter(|(known, _)| known == key);
                own.into_iter()
                    .any(|(_, value)| values.iter().any(|wanted| same(value, wanted)))
            })
        })
        .collect();
    if !kept.contains(&true) {
        faults.push(Fault::nowhere(
            "no trial fits all of the `--only` conditions together",
        ));
        return;
    }
    experiment.retain(&kept);
    experiment.only = conditions.to_vec();
    let named = [
        (
            "baseline",
            &experiment.evaluation.baseline,
            "nothing is compared with it",
        ),
        (
            "variant",
            &experiment.recommendations.variant,
            "no recommendations are made",
        ),
    ];
    for (key, name, consequence) in named {
        if let Some(name) = name
            && row(&experiment.variants, name).is_none()
        {
            faults.push(
                Fault::nowhere(format!(
                    "`{key}` names `{name}`, which `--only` leaves out: {consequence}"
                ))
                .warning(),
            );
        }
    }
}

/// What any trial can be called by, each pair once.
fn facts(experiment: &Experiment) -> BTreeSet<(String, String)> {
    let trials = experiment.trials();
    trials
        .iter()
        .flat_map(|trial| of_trial(experiment, trial))
        .collect()
}

/// What a trial can be called by: names, and parameters as `model.als.factors` and `factors`.
fn of_trial(experiment: &Experiment, trial: &Trial) -> Vec<(String, String)> {
    let fact = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut facts = vec![
        fact("model", &trial.model.label),
        fact("model", &nesting(&trial.model.resolved)),
        fact("weighting", &nesting(&trial.weighting.resolved)),
        fact("weighting", plugin_name(&trial.weighting.resolved)),
        fact("cleaners", &experiment.cleanings[trial.cleaning].label),
    ];
    let plugins = [
        ("model", &trial.model.resolved),
        ("weighting", &trial.weighting.resolved),
    ];
    for (kind, resolved) in plugins {
        for (path, value) in flatten(resolved) {
            if let Some((_, parameter)) = path.split_once('.') {
                facts.push((format!("{kind}.{path}"), value.clone()));
                // As plans and reports name it.
                facts.push((format!("{kind}.{parameter}"), value.clone()));
                if kind == "model" {
                    facts.push((parameter.to_owned(), value));
                }
            }
        }
    }
    facts
}

/// The name of a plugin without what it nests.
fn plugin_name(resolved: &serde_json::Value) -> &str {
    let name = resolved.as_object().and_then(|m| m.keys().next());
    name.map_or("", String::as_str)
}

/// Numbers by value, all else by letters.
fn same(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
