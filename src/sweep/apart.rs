//! Preparation by several units: which parts of the log there are, which are done, and doing one.

use std::sync::atomic::AtomicBool;

use musicrec_api::Error;

use super::cleaned::blame;
use super::placed::{Fate, UnitState};
use super::steps::Step;
use super::{Options, Sweep};
use crate::cache::parts::{Part, Parts};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::stages::prepare::apart::{Apart, clean, divide};

/// The alternative of the cleaners and the part that a unit of a step is about.
fn part_of(apart: Apart, step: Step, at: usize) -> (usize, Part) {
    match step {
        Step::Divide => (at / apart.pieces, Part::Piece(at % apart.pieces)),
        _ => (at / apart.groups, Part::Group(at % apart.groups)),
    }
}

/// What the attempts at a unit of a step are called.
pub(super) fn name(step: Step, at: usize) -> String {
    match step {
        Step::Divide => format!("divide.{at}"),
        _ => format!("clean.{at}"),
    }
}

/// Prepares a part.
pub(super) fn prepare_part(
    experiment: &Experiment,
    options: &Options,
    data: &str,
    (step, at): (Step, usize),
) -> Result<(), Failure> {
    let apart = options.apart.expect("there is such a step only then");
    let (alternative, part) = part_of(apart, step, at);
    let cleaning = &experiment.cleanings[alternative];
    let cleaners = &cleaning.cleaners[..];
    let parts = Parts::of(experiment, cleaners, data, &options.cache)
        .ok_or_else(|| Error::data("this program cannot tell which build it is"))?;
    let room = options.cache.room(options.memory);
    // Who wants the place back ends the process.
    let never = AtomicBool::new(false);
    let done = match part {
        Part::Piece(piece) => {
            let of = (piece, apart.groups);
            divide(experiment, cleaners, of, (&parts, &room), &never)
        }
        Part::Group(group) => clean(cleaners, (group, apart), (&parts, &room), &never),
        Part::Divided { .. } => unreachable!("it is kept with its piece"),
    };
    done.map_err(|failed| blame(experiment, cleaning, failed))
}

impl Sweep<'_> {
    /// What the attempts at all parts are called.
    pub(crate) fn parts(&self) -> Vec<String> {
        let steps = [Step::Divide, Step::Clean];
        let states = steps.iter().flat_map(|step| self.states_of_parts(*step));
        states.map(|state| state.id).collect()
    }

    /// What the units of a step that prepares parts stand at. Once the log is prepared nobody needs them.
    pub(super) fn states_of_parts(&self, step: Step) -> Vec<UnitState> {
        let Some(apart) = self.options.apart else {
            return Vec::new();
        };
        let (experiment, prepared) = (self.experiment, self.is_prepared());
        let of_each = match step {
            Step::Divide => apart.pieces,
            _ => apart.groups,
        };
        let parts: Vec<Option<Parts>> = experiment
            .cleanings
            .iter()
            .map(|cleaning| {
                let (cleaners, data) = (&cleaning.cleaners[..], &self.fingerprint);
                Parts::of(experiment, cleaners, data, &self.options.cache)
            })
            .collect();
        let state = |at: usize| {
            let (alternative, part) = part_of(apart, step, at);
            let kept = || {
                parts[alternative]
                    .as_ref()
                    .is_some_and(|parts| parts.has(part))
            };
            let fate = if prepared || kept() {
                Fate::Done
            } else {
                Fate::Open
            };
            let id = name(step, at);
            UnitState {
                trials: vec![(id.clone(), fate)],
                id,
            }
        };
        (0..of_each * experiment.cleanings.len())
            .map(state)
            .collect()
    }
}
