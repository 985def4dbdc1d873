//! What the audit says of the comparison as a whole, and of an alternative of the cleaners in short.

use serde_json::json;

use super::CleanedLog;
use crate::experiment::{Experiment, Heard, POPULARITY};
use crate::stages::audit::{Check, State};

/// The checks that hold for all folds.
pub(super) fn of_comparison(experiment: &Experiment) -> Vec<Check> {
    vec![baselines(experiment), lists(experiment)]
}

/// Does every comparison have its floor (P6)?
fn baselines(experiment: &Experiment) -> Check {
    let mut variants = experiment.variants.iter();
    let popular = variants.find(|v| v.plugin == POPULARITY);
    let counts = json!({ "variants": experiment.variants.len() });
    let (state, says) = match popular {
        Some(v) => (
            State::Ok,
            format!(
                "random rankings, popularity{} and the best possible ranking are in the comparison",
                if v.added {
                    format!(" (`{}`, added by the lab)", v.name)
                } else {
                    String::new()
                }
            ),
        ),
        None => (
            State::Note,
            format!(
                "popularity is not in the comparison{}, so nothing shows that a model does more than \
                 name what most people hear",
                if experiment.only.is_empty() {
                    ""
                } else {
                    " (--only leaves it out)"
                }
            ),
        ),
    };
    Check::new("baselines", state, counts, says)
}

/// What `stages/rank.rs` sees to (P18).
fn lists(experiment: &Experiment) -> Check {
    let says = format!(
        "models give scores and the lab makes the lists: of the candidates only, none of them twice{}{}; \
         a score that is not a finite number or stands for no candidate fails the trial",
        match experiment.evaluation.heard {
            Heard::Mask => ", none that the user heard before",
            Heard::Keep => "",
        },
        if experiment.rules.is_empty() {
            ""
        } else {
            ", and none that breaks [rules], whatever the model; random lists obey them too"
        }
    );
    Check::new("lists", State::Ok, json!({}), says)
}

impl CleanedLog {
    /// One finding a check: that of the last part where it is not in order, else that of the last part.
    pub(crate) fn audit(&self) -> Vec<&Check> {
        let mut checks: Vec<&Check> = Vec::new();
        for check in self.folds.iter().flat_map(|f| &f.audit) {
            match checks.iter_mut().find(|c| c.name == check.name) {
                Some(known) if check.state >= known.state => *known = check,
                Some(_) => {}
                None => checks.push(check),
            }
        }
        checks
    }
}
