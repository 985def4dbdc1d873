//! What is looked at once the data is read and before anything runs.

use musicrec_api::{Error, Role};

use super::cleaned::{Cleaned, naming};
use super::trains::Trains;
use crate::exit::Failure;
use crate::experiment::{Experiment, Trial, Weighting};

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
    trains: &Trains,
) -> Result<(), Failure> {
    let trials = experiment.trials();
    for (at, of) in cleaned.iter().enumerate() {
        let fold = &of.folds[0];
        let fit = &fold.fit;
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
            // Kept for the trials.
            let shared = trains.get(at, weighting, fold);
            match shared.get().expect("made when fetched") {
                Ok(_) => {}
                // That of its trials alone.
                Err(error) if matches!(**error, Error::Model(_)) => {}
                Err(error) => return Err(naming(label, Failure::of(error))),
            }
        }
    }
    Ok(())
}
