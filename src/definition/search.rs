//! `[search]`: how trials are found, if not every point of a grid is one.

use super::axes;
use super::fault::{Fault, Faults};
use super::plain;
use super::tree::{Entry, Node, Place, Value};
use crate::experiment::{Random, Search};

/// What a definition asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) search: Search,
    /// Where the number of trials is written.
    pub(super) trials: Place,
}

/// How to have fewer trials.
pub(super) const LOWER: &str = "lower `trials`";

/// What stands in for a number of trials that is missing or faulty, to look for more faults.
const FEW: i64 = 10;

/// Reads `[search]`; without it the definition is a grid.
pub(super) fn search(entry: Option<Entry>, start: &Place, faults: &mut Faults) -> Asked {
    let Some(mut entry) = entry else {
        return Asked {
            search: Search::default(),
            trials: start.clone(),
        };
    };
    let mut place = entry.place.clone();
    let example = "for example [search.random] with trials = 50; without `search` grids are tried in full";
    match &entry.node.value {
        Value::Table(entries) if !entries.is_empty() => {}
        value => {
            let message = if matches!(value, Value::Table(_)) {
                "`search` names no search"
            } else {
                "`search` is a table of searches"
            };
            faults.push(Fault::at(entry.node.place.clone(), message).help(example));
            // Its axes are no further faults.
            entry.node = Node::single("random", place.clone(), Node::empty(place.clone()));
            place = check_trials(&mut entry.node, &mut Faults::new(0)).unwrap_or(place);
        }
    }
    place = check_trials(&mut entry.node, faults).unwrap_or(place);
    let random = entry.node.get("random").is_some();
    Asked {
        search: plain::<Search>(&entry, faults).unwrap_or_else(|| Search {
            random: random.then(|| Random {
                trials: std::num::NonZeroUsize::new(FEW as usize).expect("not zero"),
                seed: None,
            }),
            ..Search::default()
        }),
        trials: place,
    }
}

/// Where the number of trials is written. One that is missing or none is a fault, and is mended so that
/// the rest can be looked at.
fn check_trials(search: &mut Node, faults: &mut Faults) -> Option<Place> {
    let random = entry_of(search, "random")?;
    let Value::Table(entries) = &mut random.node.value else {
        return None;
    };
    let few = |place: &Place| Node {
        place: place.clone(),
        value: Value::Scalar(toml::Value::Integer(FEW)),
    };
    match entries.iter_mut().find(|e| e.key == "trials") {
        Some(trials) => {
            let place = trials.node.place.clone();
            if let Value::Scalar(toml::Value::Integer(..=0)) = trials.node.value {
                faults.push(
                    Fault::at(place.clone(), "`trials` is a whole number of at least 1")
                        .help("as many settings are tried of each row of the leaderboard that can vary"),
                );
                trials.node = few(&place);
            }
            Some(place)
        }
        None => {
            let place = random.place.clone();
            faults.push(
                Fault::at(place.clone(), "`trials` is missing: how many settings to try")
                    .help("add trials = 50: as many of each row of the leaderboard that can vary"),
            );
            entries.push(Entry {
                key: "trials".into(),
                place: place.clone(),
                node: few(&place),
            });
            Some(place)
        }
    }
}

/// The entry of a table, to change it.
pub(super) fn entry_of<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Entry> {
    match &mut node.value {
        Value::Table(entries) => entries.iter_mut().find(|e| e.key == key),
        _ => None,
    }
}

impl Asked {
    /// The random search and how many trials of a row it may have; `None` without one. More than a sweep
    /// takes are a fault.
    pub(super) fn random(&self, faults: &mut Faults) -> Option<(&Random, usize)> {
        let random = self.search.random.as_ref()?;
        let trials = random.trials.get();
        let many = axes::too_many_of(trials, LOWER, &self.trials, faults);
        Some((random, if many { FEW as usize } else { trials }))
    }
}
