//! The plan of a sweep: the rows of the leaderboard, their trials, what these are called, and the ids of
//! their records.

use musicrec_api::Role;
use serde_json::Value;

use super::ranges::ranges;
use super::{PlanTrial, PlanVariant};
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
                ranges,
                tunable: own.iter().any(tunable),
                halving: experiment
                    .search
                    .as_ref()
                    .and_then(|search| search.halving.as_ref())
                    .and_then(|halving| Halved::plan(halving, own.iter().map(|t| t.model))),
                added: variant.added,
                trials: own
                    .iter()
                    .zip(settings(experiment, &own))
                    .zip(edges)
                    .map(|((trial, settings), edges)| PlanTrial {
                        index: trial.index,
                        cleaning: trial.cleaning,
                        settings,
                        edges,
                        validation: if validated {
                            ids(trial, Role::Validation)
                        } else {
                            Vec::new()
                        },
                        test: ids(trial, Role::Test),
                    })
                    .collect(),
            }
        })
        .collect()
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
