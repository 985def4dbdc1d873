//! Units of work: the trials of one part that are points on the way of one fit. A grid over the
//! parameter that counts a model's steps (`iterations`) is one unit.

use std::collections::HashMap;

use musicrec_api::Role;
use serde_json::json;

use crate::experiment::Trial;
use crate::records::{Fit, Key, hex};

/// Trials that one fit serves.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    /// Hash of what is fitted and where; the same in every process.
    pub(super) id: String,
    /// The fewest steps first.
    pub(super) members: Vec<Member<'a>>,
}

/// A trial of a unit.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) key: Key,
    pub(super) trial: Trial<'a>,
    /// After how many steps it is measured; 0 if the model does not learn in steps.
    pub(super) steps: usize,
}

impl<'a> Unit<'a> {
    /// One trial by itself.
    pub(super) fn alone(key: Key, trial: Trial<'a>) -> Self {
        let id = unit_of(&key, &trial);
        let members = vec![member(key, trial)];
        Self { id, members }
    }

    /// The trial that is fitted: the last on the way.
    pub(super) fn fitted(&self) -> &Trial<'a> {
        &self.members.last().expect("a unit has a member").trial
    }

    /// Its fit, which begins now.
    pub(super) fn fit(&self) -> Fit {
        let members = self.members.iter();
        let ids = members.clone().map(|member| member.key.id()).collect();
        let steps = members.map(|member| member.steps);
        let steps = steps.filter(|steps| *steps > 0).collect();
        Fit::begin(&self.id, self.role(), ids, steps)
    }

    pub(super) fn role(&self) -> Role {
        self.members[0].key.role
    }
}

fn member(key: Key, trial: Trial) -> Member {
    let steps = trial.model.plugin.steps().map_or(0, |steps| steps.count);
    Member { key, trial, steps }
}

/// The id of the unit that a trial belongs to.
pub(super) fn unit_of(key: &Key, trial: &Trial) -> String {
    let mut definition = key.definition.clone();
    definition["model"] = trial.model.fitted_as.clone();
    let all = json!([
        key.role,
        key.data,
        definition,
        key.revisions,
        key.repeat,
        key.users_share,
        key.arithmetic
    ]);
    hex(&all.to_string())[..16].to_owned()
}

/// Sorts distinct trials into units, in the order of the first of each.
pub(super) fn units(trials: Vec<(Key, Trial)>) -> Vec<Unit> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut units: Vec<Unit> = Vec::new();
    for (key, trial) in trials {
        let id = unit_of(&key, &trial);
        let member = member(key, trial);
        if let Some(&at) = places.get(&id) {
            units[at].members.push(member);
        } else {
            places.insert(id.clone(), units.len());
            let members = vec![member];
            units.push(Unit { id, members });
        }
    }
    for unit in &mut units {
        unit.members.sort_by_key(|member| member.steps);
    }
    units
}
