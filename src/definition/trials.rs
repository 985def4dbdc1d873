//! From models, weightings and cleanings to trials: all combinations, or what random search draws.

use std::collections::HashSet;

use musicrec_api::Kind;

use super::axes::{self, Listing, Space};
use super::checks::{self, Checks};
use super::drawn::{Ask, Found};
use super::fault::{Fault, Faults};
use super::models::{self, Header};
use super::tree::{Node, Place};
use super::{plugins, search, typed};
use crate::experiment::{
    Cleaning, Compared, Model, RandomSearch, Setting, Variant, Weighting, combine, rows,
};

/// What the rest of a definition says of its trials.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) search: search::Asked,
    /// The experiment's seed.
    pub(super) seed: u64,
    pub(super) compare: Vec<Compared>,
    pub(super) add_popularity: bool,
}

/// What weightings there may be.
#[derive(Debug)]
pub(super) struct Weightings {
    space: Space,
    /// Whether their axes are faultless.
    whole: bool,
    /// All of them; none where they are drawn.
    listed: Vec<Weighting>,
    drawn: bool,
}

/// All trials of a definition.
#[derive(Debug)]
pub(super) struct Trials {
    pub(super) models: Vec<Model>,
    pub(super) weightings: Vec<Weighting>,
    pub(super) variants: Vec<Variant>,
    pub(super) settings: Vec<Setting>,
    /// What was drawn, if it was.
    pub(super) random: Option<RandomSearch>,
    /// Whether all models are known.
    pub(super) understood: bool,
}

impl Weightings {
    pub(super) fn read(node: &Node, asked: &Asked, checks: &Checks, faults: &mut Faults) -> Self {
        let before = faults.errors();
        let space = plugins::place(node, Kind::Weighting, faults);
        let whole = faults.errors() == before;
        let random = asked.search.search.random.is_some();
        let compared = asked.compare.contains(&Compared::Weighting);
        let why = if random { Listing::Rows } else { Listing::Grid };
        let drawn = random && !compared;
        let listed = if drawn {
            Vec::new()
        } else {
            listed(&space, whole, why, checks, faults)
        };
        Self {
            space,
            whole,
            listed,
            drawn,
        }
    }

    /// How many there are; drawn ones, and those of an interval that is a fault, are several.
    pub(super) fn alternatives(&self) -> usize {
        if self.drawn || self.space.size().is_none() {
            return 2;
        }
        self.listed.len()
    }
}

/// All concrete weightings, each once. `whole`: their axes are faultless.
fn listed(
    space: &Space,
    whole: bool,
    why: Listing,
    checks: &Checks,
    faults: &mut Faults,
) -> Vec<Weighting> {
    let before = faults.errors();
    let nodes = space.all(why, faults);
    // Without the values of a broken axis a check would complain of what is only missing.
    let whole = whole && faults.errors() == before;
    let mut seen = HashSet::new();
    let mut weightings = Vec::new();
    for node in nodes {
        if whole {
            checks.weighting(&node, faults);
        }
        let Some(plugin) = typed::of_axis(&node, faults) else {
            continue;
        };
        let weighting = Weighting::new(plugin, node);
        if seen.insert(weighting.resolved.to_string()) {
            weightings.push(weighting);
        } else {
            let place = checks::place_of(&weighting.written, "");
            faults.push(
                Fault::at(place, "this weighting stands in the axis already")
                    .help("it is tried once")
                    .warning(),
            );
        }
    }
    weightings
}

/// All trials. `understood`: whether every header names a model and has faultless axes.
#[expect(clippy::too_many_arguments, reason = "all of it is of one definition")]
pub(super) fn trials(
    asked: &Asked,
    mut headers: Vec<Header>,
    mut understood: bool,
    weightings: Weightings,
    cleanings: &[Cleaning],
    checks: &Checks,
    start: &Place,
    faults: &mut Faults,
) -> Trials {
    let before = faults.errors();
    let compare = &asked.compare;
    let Some((random, budget)) = asked.search.random(faults) else {
        let mut models = models::all(&headers, checks, faults);
        understood &= faults.errors() == before;
        let weightings = weightings.listed;
        let count = models.len() * weightings.len() * cleanings.len();
        axes::too_many(count, start, faults);
        // Where a model is not known, it may be this one.
        if asked.add_popularity && understood {
            models.extend(Model::popularity(&models));
        }
        let (variants, settings) = combine(&models, &weightings, cleanings, compare);
        return Trials {
            models,
            weightings,
            variants,
            settings,
            random: None,
            understood,
        };
    };
    let before = faults.errors();
    let ask = Ask {
        budget,
        seed: random.seed.unwrap_or(asked.seed),
        place: &asked.search.trials,
        weighting: &weightings.space,
        whole: weightings.whole,
        cleanings,
        compare,
        checks,
    };
    let mut found = Found::new(&ask, weightings.listed, faults);
    for header in &headers {
        found.draw(&ask, header, faults);
    }
    understood &= faults.errors() == before;
    if asked.add_popularity
        && understood
        && let Some(popularity) = Model::popularity(&found.models)
    {
        headers.push(Header::added(&popularity, start));
        found.draw(&ask, &headers[headers.len() - 1], faults);
    }
    ask.check(&found, faults);
    let random = Some(found.search(&ask));
    let (variants, settings) = rows(
        &found.models,
        &found.weightings,
        cleanings,
        compare,
        &found.picks,
    );
    Trials {
        models: found.models,
        weightings: found.weightings,
        variants,
        settings,
        random,
        understood,
    }
}
