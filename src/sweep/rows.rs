//! The plan of a sweep: the rows of the leaderboard, their trials, what these are called, and the ids of
//! their records.

use musicrec_api::Role;
use serde_json::Value;

use super::ranges::{Parameter, Range, parameters as values, ranges};
use super::{PlanTrial, PlanVariant};
use crate::early_stopping::Early;
use crate::experiment::{Experiment, Trial};
use crate::halving::Halved;
use crate::records::Key;
use crate::settings::{among_namesakes, named, nesting, parameters, varying};

/// The rows of the leaderboard with their trials. `validated`: there is a validation part.
pub(super) fn plan(
    experiment: &Experiment,
    fingerprint: &str,
    validated: bool,
) -> Vec<PlanVariant> {
    let trials = experiment.trials();
    experiment
        .variants
        .iter()
        .enumerate()
        .map(|(at, variant)| {
            let own: Vec<Trial> = trials.iter().filter(|t| t.variant == at).copied().collect();
            let ids = |trial: &Trial, role| -> Vec<String> {
                let keys = Key::all(experiment, trial, role, fingerprint);
                keys.iter().map(Key::id).collect()
            };
            let random = experiment.search.as_ref().and_then(|s| s.random.as_ref());
            let drawn = random.and_then(|random| random.of(&variant.model));
            let (ranges, edges) = ranges(&own, drawn);
            PlanVariant {
                name: variant.name.clone(),
                tunable: own.iter().any(tunable),
                halving: experiment
                    .search
                    .as_ref()
                    .and_then(|search| search.halving.as_ref())
                    .and_then(|halving| Halved::plan(halving, own.iter().map(|t| t.model))),
                early: experiment
                    .search
                    .as_ref()
                    .and_then(|search| search.early_stopping.as_ref())
                    .and_then(|rule| Early::plan(rule, own.iter().map(|t| t.model))),
                added: variant.added,
                trials: own
                    .iter()
                    .zip(settings(experiment, &own))
                    .zip(edges)
                    .zip(varied(experiment, &own, &ranges))
                    .map(|(((trial, settings), edges), parameters)| PlanTrial {
                        index: trial.index,
                        cleaning: trial.cleaning,
                        settings,
                        parameters,
                        edges,
                        validation: if validated {
                            ids(trial, Role::Validation)
                        } else {
                            Vec::new()
                        },
                        test: ids(trial, Role::Test),
                    })
                    .collect(),
                ranges,
            }
        })
        .collect()
}

/// For each trial the values of what is varied: by the ranges in their order, then which weighting and
/// which cleaners, where there are several.
fn varied(experiment: &Experiment, trials: &[Trial], ranges: &[Range]) -> Vec<Vec<Parameter>> {
    let names: Vec<&str> = {
        let mut names: Vec<&str> = ranges.iter().map(|r| r.parameter.as_str()).collect();
        names.dedup();
        names
    };
    let weighting = |trial: &Trial| nesting(&trial.weighting.resolved);
    let cleaners = |trial: &Trial| experiment.cleanings[trial.cleaning].label.clone();
    let several = |of: &dyn Fn(&Trial) -> String| {
        let first = trials.first().map(of);
        trials.iter().any(|trial| Some(of(trial)) != first)
    };
    let (weightings, cleanings) = (several(&weighting), several(&cleaners));
    let of_trial = |trial: &Trial| {
        let mut own: Vec<Parameter> = Vec::new();
        let values = values(trial);
        for name in &names {
            // A trial has one weighting, so it has each name once.
            let known = values.iter().find(|((_, parameter), _)| parameter == name);
            own.extend(known.map(|((_, name), value)| Parameter {
                name: name.clone(),
                value: value.clone(),
            }));
        }
        let named = [
            ("weighting", weightings.then(|| weighting(trial))),
            ("cleaners", cleanings.then(|| cleaners(trial))),
        ];
        own.extend(named.into_iter().filter_map(|(name, value)| {
            Some(Parameter {
                name: name.to_owned(),
                value: value?.into(),
            })
        }));
        own
    };
    trials.iter().map(of_trial).collect()
}

/// Whether a trial's model has a number among its parameters.
fn tunable(trial: &Trial) -> bool {
    let parameters = trial.model.resolved.as_object().into_iter().flatten();
    parameters
        .filter_map(|(_, own)| own.as_object())
        .any(|own| own.values().any(Value::is_number))
}

/// For each trial only what differs between them: parameters of the model, which weighting, and
/// parameters of that among trials of the same one, which cleaning.
fn settings(experiment: &Experiment, trials: &[Trial]) -> Vec<String> {
    let models: Vec<_> = trials
        .iter()
        .map(|t| parameters(&t.model.resolved))
        .collect();
    let keys = varying(models.iter());
    let weightings: Vec<&Value> = trials.iter().map(|t| &t.weighting.resolved).collect();
    let names: Vec<String> = weightings.iter().map(|w| nesting(w)).collect();
    let of_weighting = among_namesakes(&weightings, "weighting.");
    let several_weightings = names.iter().any(|name| *name != names[0]);
    let several_cleanings = trials.iter().any(|t| t.cleaning != trials[0].cleaning);
    trials
        .iter()
        .enumerate()
        .map(|(at, trial)| {
            let mut shown = named(&models[at], &keys, "");
            if several_weightings {
                shown.push(format!("weighting={}", names[at]));
            }
            shown.extend(of_weighting[at].iter().cloned());
            if several_cleanings {
                shown.push(experiment.cleanings[trial.cleaning].label.clone());
            }
            shown.join(", ")
        })
        .collect()
}
