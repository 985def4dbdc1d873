//! `[search]`: how trials are found, if not every point of a grid is one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::axes;
use super::fault::{Fault, Faults};
use super::tree::{Entry, Node, Place, Value};
use super::typed::lenient;
use crate::experiment::{
    EarlyStopping, Halving, Model, Random, RandomSearch, Resource, Search, Searched, Setting,
    Variant,
};
use crate::halving::{Halved, full};

/// What a definition asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) search: Search,
    /// Where the number of trials is written.
    pub(super) trials: Place,
    /// Where halving is asked for.
    halving: Place,
    /// Where early stopping is asked for.
    early_stopping: Place,
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
            halving: start.clone(),
            early_stopping: start.clone(),
        };
    };
    let mut place = entry.place.clone();
    let example =
        "for example [search.random] with trials = 50; without `search` grids are tried in full";
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
    let asked = entry.node.get("halving");
    let halving = asked.map_or_else(|| place.clone(), |e| e.place.clone());
    let early = entry.node.get("early_stopping");
    let early_stopping = early.map_or_else(|| place.clone(), |e| e.place.clone());
    // Whatever is wrong with one key, the others are looked at.
    let search = if axes::none(&entry.node, faults) {
        lenient::<Search>(&entry.node, false, faults)
    } else {
        None
    };
    let mut search = search.unwrap_or_else(|| Search {
        random: random.then(|| Random {
            trials: std::num::NonZeroUsize::new(FEW as usize).expect("not zero"),
            seed: None,
        }),
        ..Search::default()
    });
    if let (Some(written), Some(asked)) = (asked, &search.halving)
        && !check_halving(&written.node, asked, faults)
    {
        search.halving = None;
    }
    if let (Some(written), Some(asked)) = (early, &search.early_stopping)
        && !check_early_stopping(&written.node, asked, faults)
    {
        search.early_stopping = None;
    }
    Asked {
        search,
        trials: place,
        halving,
        early_stopping,
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
    if let Some(trials) = entries.iter_mut().find(|e| e.key == "trials") {
        let place = trials.node.place.clone();
        if let Value::Scalar(toml::Value::Integer(..=0)) = trials.node.value {
            faults.push(
                Fault::at(place.clone(), "`trials` is a whole number of at least 1").help(
                    "as many settings are tried of each row of the leaderboard that can vary",
                ),
            );
            trials.node = few(&place);
        }
        return Some(place);
    }
    let place = random.place.clone();
    faults.push(
        Fault::at(
            place.clone(),
            "`trials` is missing: how many settings to try",
        )
        .help("add trials = 50: as many of each row of the leaderboard that can vary"),
    );
    entries.push(Entry {
        key: "trials".into(),
        place: place.clone(),
        node: few(&place),
    });
    Some(place)
}

/// What types do not say of the numbers of halving; whether there is nothing wrong with them.
fn check_halving(written: &Node, halving: &Halving, faults: &mut Faults) -> bool {
    let before = faults.errors();
    let place = |key| written.get(key).map(|e| e.node.place.clone());
    let reduction = halving.reduction;
    if let Some(place) = place("reduction").filter(|_| !(reduction.is_finite() && reduction > 1.0))
    {
        let message = format!("`reduction` is {reduction}, expected a number above 1");
        faults.push(Fault::at(place, message).help(
            "with 3, each next rung has a third of the trials and runs them three times as far",
        ));
    }
    if let Some((place, least)) = place("least").zip(halving.least) {
        let (fit, expected) = match halving.resource {
            Resource::Steps => (
                least.is_finite() && least >= 1.0 && least.fract() == 0.0,
                "a whole number of steps of at least 1",
            ),
            Resource::Users => (
                least > 0.0 && least < 1.0,
                "a share of the users between 0 and 1, both excluded",
            ),
        };
        if !fit {
            let message = format!("`least` is {least}, expected {expected}");
            faults.push(Fault::at(place, message));
        }
    }
    faults.errors() == before
}

/// What types do not say of the numbers of early stopping; whether there is nothing wrong with them.
fn check_early_stopping(written: &Node, rule: &EarlyStopping, faults: &mut Faults) -> bool {
    let gain = rule.min_gain;
    if gain.is_finite() && gain >= 0.0 {
        return true;
    }
    let place = written.get("min_gain").map(|e| e.node.place.clone());
    let message = format!("`min_gain` is {gain}, expected a number of at least 0");
    faults.push(
        Fault::at(place.unwrap_or_else(|| written.place.clone()), message).help(
            "with 0.001, a value counts as better if it is more than that above the best before it",
        ),
    );
    false
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

    /// The search as it is recorded, with what was drawn; `None` for a grid.
    pub(super) fn became(&self, random: Option<RandomSearch>) -> Option<Searched> {
        let halving = self.search.halving.clone();
        let early_stopping = self.search.early_stopping.clone();
        let searched = Searched {
            random,
            halving,
            early_stopping,
        };
        Some(searched).filter(|searched| *searched != Searched::default())
    }

    /// Whether there are fits that could end early, and what contradicts that they do.
    fn check_fits(
        &self,
        settings: &[Setting],
        models: &[Model],
        exhibit_test: bool,
        faults: &mut Faults,
    ) {
        if self.search.early_stopping.is_none() {
            return;
        }
        let fault = |message: &str| Fault::at(self.early_stopping.clone(), message);
        if self.search.halving.is_some() {
            faults.push(
                fault("halving stops fits by rules of its own")
                    .help("leave `halving` or `early_stopping` out"),
            );
        }
        if exhibit_test {
            faults.push(
                fault("early stopping leaves out trials that `exhibit_test = true` would score on test")
                    .help("leave one of the two out"),
            );
        }
        // By what is fitted: the steps that each row has of it.
        let mut fits: BTreeMap<String, BTreeMap<usize, BTreeSet<usize>>> = BTreeMap::new();
        for setting in settings {
            if let Some(steps) = models[setting.model].plugin.steps() {
                let model = &models[setting.model].fitted_as;
                let fit = format!("{model} {} {}", setting.weighting, setting.cleaning);
                let of_fit = fits.entry(fit).or_default();
                let of_row = of_fit.entry(setting.variant).or_default();
                of_row.insert(steps.count);
            }
        }
        let rows = || fits.values().map(BTreeMap::values);
        if rows().any(|mut rows| {
            rows.next()
                .is_some_and(|first| rows.any(|row| row != first))
        }) {
            faults.push(
                fault("two rows of the leaderboard share a fit and have different steps of it, so where it ends for one \
                 it would end for both")
                    .help("make them one row, or leave `early_stopping` out"),
            );
        }
        let several = rows().any(|mut rows| rows.any(|steps| steps.len() > 1));
        if !several && faults.errors() == 0 {
            faults.push(
                fault("there is no fit that could end early")
                    .help(
                        "a fit is measured on its way where trials differ in their steps alone, for example by \
                         iterations.grid = [2, 4, 8, 16, 32] of `als`",
                    )
                    .warning(),
            );
        }
    }

    /// What the search can make of the rows, and what contradicts it.
    pub(super) fn check_rows(
        &self,
        variants: &[Variant],
        settings: &[Setting],
        models: &[Model],
        exhibit_test: bool,
        faults: &mut Faults,
    ) {
        self.check_fits(settings, models, exhibit_test, faults);
        let Some(halving) = &self.search.halving else {
            return;
        };
        let fault = |message: String| Fault::at(self.halving.clone(), message);
        if exhibit_test {
            faults.push(
                fault("halving stops trials that `exhibit_test = true` would score on test".into())
                    .help("leave one of the two out"),
            );
        }
        let mut halved = false;
        let mut said = HashSet::new();
        for (at, variant) in variants.iter().enumerate() {
            let own = settings.iter().filter(|s| s.variant == at);
            let own: Vec<&Model> = own.map(|s| &models[s.model]).collect();
            halved |= Halved::plan(halving, own.iter().copied()).is_some();
            let stepless = own.iter().any(|model| full(halving, model).is_none());
            if own.len() > 1 && stepless && said.insert(&variant.model) {
                faults.push(
                    fault(format!(
                        "`{}` does not learn in steps: its trials are all run to the end",
                        variant.model
                    ))
                    .help("resource = \"users\" halves any model")
                    .warning(),
                );
            }
        }
        if !halved && faults.errors() == 0 {
            faults.push(
                fault("there is nothing to halve".into())
                    .help(
                        "no row of the leaderboard has enough trials, or enough steps above `least`; more \
                         trials, a smaller `reduction` or a smaller `least` make rungs",
                    )
                    .warning(),
            );
        }
    }
}
