//! How many trials of a part are done, failed, stopped, running, to do.

use std::collections::BTreeSet;

use musicrec_api::Role;

use super::ids;
use crate::records::Store;
use crate::sweep::{Overview, PlanVariant, choose};

/// What lies in the folder at one moment, by id.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) records: BTreeSet<String>,
    pub(super) failed: BTreeSet<String>,
    /// What a fit is at now.
    pub(super) running: BTreeSet<String>,
}

/// Trials of a part by what became of them. One of several seeds counts as many; equal ones count once.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) trials: usize,
    pub(super) done: usize,
    pub(super) failed: Vec<String>,
    pub(super) stopped: usize,
    pub(super) running: usize,
    pub(super) to_do: Vec<String>,
}

impl Census {
    pub(super) fn of_validation(overview: &Overview, listed: &Listed) -> Self {
        let mut census = Self::default();
        let mut counted = BTreeSet::new();
        for variant in &overview.variants {
            for trial in &variant.trials {
                let stopped = variant.stopped(trial.index);
                for id in &trial.validation {
                    if counted.insert(id) {
                        census.count(id, stopped, listed);
                    }
                }
                // It failed on a rung, and its own record is never made.
                let on_a_rung = variant.failed_on_a_rung(trial.index);
                if let Some(id) = on_a_rung.filter(|id| counted.insert(id)) {
                    census
                        .to_do
                        .retain(|to_do| !trial.validation.contains(to_do));
                    census.failed.push(id.clone());
                }
            }
        }
        census.trials = census.sum();
        census
    }

    /// On test only what was chosen runs, or everything if that is asked for.
    pub(super) fn of_test(overview: &Overview, listed: &Listed, store: &Store) -> Self {
        let mut census = Self::default();
        let mut counted = BTreeSet::new();
        for variant in &overview.variants {
            let ids = if overview.exhibit_test {
                variant.trials.iter().flat_map(|t| &t.test).collect()
            } else if through(variant, listed) {
                let chosen = choose(overview, variant, store).ok().flatten();
                let chosen = chosen.map(|chosen| &variant.trials[chosen.of_variant].test);
                chosen.into_iter().flatten().collect()
            } else {
                // Which trial it will be is open; how many records it gets is not.
                let some = variant.trials.first().map_or(&[][..], |trial| &trial.test);
                census.to_do.extend(some.iter().cloned());
                Vec::new()
            };
            for id in ids {
                if counted.insert(id) {
                    census.count(id, false, listed);
                }
            }
        }
        census.to_do.sort_unstable();
        census.to_do.dedup();
        census.trials = census.sum();
        census
    }

    fn count(&mut self, id: &String, stopped: bool, listed: &Listed) {
        if stopped {
            self.stopped += 1;
        } else if listed.records.contains(id) {
            self.done += 1;
        } else if listed.running.contains(id) {
            // One that failed before is tried again.
            self.running += 1;
        } else if listed.failed.contains(id) {
            self.failed.push(id.clone());
        } else {
            self.to_do.push(id.clone());
        }
    }

    fn sum(&self) -> usize {
        self.done + self.failed.len() + self.stopped + self.running + self.to_do.len()
    }
}

/// Whether nothing of a variant is left to run on validation.
fn through(variant: &PlanVariant, listed: &Listed) -> bool {
    let all = variant.trials.iter();
    let all = all.filter(|trial| !variant.ended(trial.index));
    let mut all = all.flat_map(|trial| ids(trial, Role::Validation));
    all.all(|id| {
        !listed.running.contains(id) && (listed.records.contains(id) || listed.failed.contains(id))
    })
}
