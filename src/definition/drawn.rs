//! Random search: so many settings of each model header, drawn with its weightings and cleaners.
//!
//! What is drawn at an axis depends on the seed, the header's name, the axis' path and the number of
//! the draw alone: another model or another axis changes nothing of it, and a larger budget begins with
//! the settings of a smaller one. What was drawn before is not drawn again; and where there are no more
//! settings than the budget, all of them are taken, in the order of a grid. Rows of the leaderboard of
//! one model (compared weightings or cleaners) have the same draws.

use std::collections::{BTreeMap, HashMap, HashSet};

use musicrec_api::derive_seed;

use super::axes::{self, Drawn, Space};
use super::checks::Checks;
use super::fault::{Fault, Faults};
use super::models::{Header, Twins};
use super::search::LOWER;
use super::tree::{Node, Place};
use super::typed;
use crate::experiment::{Cleaning, Compared, DrawnModel, Model, Pick, RandomSearch, Weighting};

/// After so many draws in a row that brought nothing new, the rest is taken in the order of a grid.
const MOST_REPEATS: usize = 1_000;

/// As many settings are looked through for the rest.
const MOST_POINTS: u64 = 1_000_000;

/// What is drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// Settings of each row that can vary.
    pub(super) budget: usize,
    pub(super) seed: u64,
    /// Where the budget is written.
    pub(super) place: &'a Place,
    pub(super) weighting: &'a Space,
    /// Whether its axes are faultless.
    pub(super) whole: bool,
    pub(super) cleanings: &'a [Cleaning],
    pub(super) compare: &'a [Compared],
    pub(super) checks: &'a Checks,
}

/// What was drawn.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) models: Vec<Model>,
    pub(super) weightings: Vec<Weighting>,
    pub(super) picks: Vec<Pick>,
    pub(super) of_models: Vec<DrawnModel>,
    /// Weightings by how they are written and by what they come to.
    known: HashMap<String, Option<usize>>,
    resolved: HashMap<String, usize>,
    twins: Twins,
}

/// A setting of a header. Without a weighting or cleaning where these are rows, or where the model does
/// not read strength.
type Setting = (usize, Option<usize>, Option<usize>);

impl Found {
    /// Begins with the weightings that are rows, or with none.
    pub(super) fn new(ask: &Ask, listed: Vec<Weighting>, faults: &mut Faults) -> Self {
        let mut found = Self {
            weightings: listed,
            ..Self::default()
        };
        // A model that reads no strength needs one all the same: one that does not depend on draws.
        if found.weightings.is_empty()
            && let Some(first) = ask.weighting.nth(0)
        {
            found.weighting(ask, &first, &Drawn::new(), faults);
        }
        found
    }

    /// As it is recorded.
    pub(super) fn search(&self, ask: &Ask) -> RandomSearch {
        RandomSearch {
            trials: ask.budget,
            seed: ask.seed,
            models: self.of_models.clone(),
        }
    }

    /// Draws the settings of a header.
    pub(super) fn draw(&mut self, ask: &Ask, header: &Header, faults: &mut Faults) {
        let mut models = Models {
            header,
            first: self.models.len(),
            all: Vec::new(),
            known: HashMap::new(),
            resolved: HashMap::new(),
        };
        let (settings, size) = match self.listed(ask, &mut models, faults) {
            Some(all) => {
                let size = all.len() as u64;
                (all, Some(size))
            }
            None => self.drawn(ask, &mut models, faults),
        };
        self.twins.warn(header, &models.all, faults);
        let reads = models.all.iter().any(|model| model.plugin.reads_weights());
        let mut axes = BTreeMap::new();
        header.space.declared("model", &mut axes);
        if reads && !ask.compares(Compared::Weighting) {
            ask.weighting.declared("weighting", &mut axes);
        }
        axes.retain(|_, declared| declared.varies());
        self.of_models.push(DrawnModel {
            model: header.label.clone(),
            trials: settings.len(),
            settings: size,
            axes,
        });
        self.models.append(&mut models.all);
        for (model, weighting, cleaning) in settings {
            let listed =
                ask.compares(Compared::Weighting) && self.models[model].plugin.reads_weights();
            let weightings = match weighting {
                None if listed => 0..self.weightings.len(),
                one => one.unwrap_or(0)..one.unwrap_or(0) + 1,
            };
            for weighting in weightings {
                let cleanings = match cleaning {
                    None => 0..ask.cleanings.len(),
                    Some(one) => one..one + 1,
                };
                self.picks.extend(cleanings.map(|cleaning| Pick {
                    model,
                    weighting,
                    cleaning,
                }));
            }
        }
    }

    /// Every setting of a header, if there are no more than the budget.
    fn listed(
        &mut self,
        ask: &Ask,
        models: &mut Models,
        faults: &mut Faults,
    ) -> Option<Vec<Setting>> {
        let budget = ask.budget as u64;
        models.header.space.size().filter(|size| *size <= budget)?;
        let mut own: Vec<usize> = Vec::new();
        for node in models.header.space.points() {
            let at = models.get(&node, &Drawn::new(), ask.checks, faults);
            own.extend(at.filter(|at| !own.contains(at)));
        }
        let reading = own.iter().filter(|at| models.reads(**at)).count() as u64;
        let each = if reading == 0 {
            Some(1)
        } else {
            ask.weightings()
        };
        let all = each.map(|each| reading.saturating_mul(each) + (own.len() as u64 - reading));
        let all = all.map(|all| all.saturating_mul(ask.cleanings_drawn() as u64));
        if all.is_none_or(|all| all > budget) {
            // None of these models may be drawn again.
            models.forget();
            return None;
        }
        let weightings: Vec<Option<usize>> = if ask.compares(Compared::Weighting) || reading == 0 {
            vec![None]
        } else {
            let mut all: Vec<Option<usize>> = Vec::new();
            for node in ask.weighting.points() {
                let at = self.weighting(ask, &node, &Drawn::new(), faults);
                all.extend(at.map(Some).filter(|at| !all.contains(at)));
            }
            all
        };
        let mut settings = Vec::new();
        for model in own {
            let read = if models.reads(model) {
                &weightings[..]
            } else {
                &[None]
            };
            for weighting in read {
                settings.extend(ask.cleaning_choices().map(|c| (model, *weighting, c)));
            }
        }
        Some(settings)
    }

    /// As many settings as the budget has, or as can be found; and how many there are.
    fn drawn(
        &mut self,
        ask: &Ask,
        models: &mut Models,
        faults: &mut Faults,
    ) -> (Vec<Setting>, Option<u64>) {
        let mut settings: Vec<Setting> = Vec::new();
        let mut seen = HashSet::new();
        let (mut repeats, mut faulty) = (0, 0);
        for attempt in 0_u64.. {
            if settings.len() + faulty >= ask.budget || repeats >= MOST_REPEATS {
                break;
            }
            match self.attempt(ask, models, attempt, faults) {
                None => faulty += 1,
                Some(setting) if seen.insert(setting) => {
                    settings.push(setting);
                    repeats = 0;
                }
                Some(_) => repeats += 1,
            }
        }
        let reads = models.all.iter().any(|model| model.plugin.reads_weights());
        let of_models = models.header.space.size();
        let of_weightings = if reads { ask.weightings() } else { Some(1) };
        let of_cleanings = ask.cleanings_drawn() as u64;
        let size = of_models.and_then(|m| Some(m.saturating_mul(of_weightings?)));
        let size = size.map(|size| size.saturating_mul(of_cleanings));
        if let (Some(points), Some(of_weightings)) = (size, of_weightings)
            && repeats >= MOST_REPEATS
        {
            for point in 0..points.min(MOST_POINTS) {
                if settings.len() >= ask.budget {
                    break;
                }
                let cleaning = (point % of_cleanings) as usize;
                let rest = point / of_cleanings;
                let model = models.header.space.nth(rest / of_weightings);
                let weighting = ask.weighting.nth(rest % of_weightings);
                let (Some(model), Some(weighting)) = (model, weighting) else {
                    continue;
                };
                let nothing = Drawn::new();
                let drawn = [(model, nothing.clone()), (weighting, nothing)];
                let setting = self.setting(ask, models, &drawn, cleaning, faults);
                settings.extend(setting.filter(|setting| seen.insert(*setting)));
            }
        }
        (settings, size)
    }

    /// The setting of a draw; `None` where it is faulty.
    fn attempt(
        &mut self,
        ask: &Ask,
        models: &mut Models,
        attempt: u64,
        faults: &mut Faults,
    ) -> Option<Setting> {
        let name = &models.header.seed_name;
        let pick = |path: &str| {
            // The first 53 bits: as many as a number from 0 to below 1 has.
            let bits = derive_seed(ask.seed, &format!("search {name}: {path}: {attempt}")) >> 11;
            bits as f64 / (1_u64 << 53) as f64
        };
        let (mut of_model, mut of_weighting) = (Drawn::new(), Drawn::new());
        let model = models.header.space.draw("model", &pick, &mut of_model)?;
        let weighting = ask.weighting.draw("weighting", &pick, &mut of_weighting)?;
        let cleaning = (pick("cleaners") * ask.cleanings.len() as f64) as usize;
        let drawn = [(model, of_model), (weighting, of_weighting)];
        self.setting(ask, models, &drawn, cleaning, faults)
    }

    /// A setting of a concrete model, a weighting that it may read, and a cleaning.
    fn setting(
        &mut self,
        ask: &Ask,
        models: &mut Models,
        [(model, of_model), (weighting, of_weighting)]: &[(Node, Drawn); 2],
        cleaning: usize,
        faults: &mut Faults,
    ) -> Option<Setting> {
        let model = models.get(model, of_model, ask.checks, faults)?;
        let weighting = if models.reads(model) && !ask.compares(Compared::Weighting) {
            Some(self.weighting(ask, weighting, of_weighting, faults)?)
        } else {
            None
        };
        let cleaning = (!ask.compares(Compared::Cleaners)).then_some(cleaning);
        Some((model, weighting, cleaning))
    }

    /// The place of a weighting among those used.
    fn weighting(
        &mut self,
        ask: &Ask,
        node: &Node,
        drawn: &Drawn,
        faults: &mut Faults,
    ) -> Option<usize> {
        let text = node.plain().to_string();
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        let mut own = Faults::new(faults.most_trials);
        if ask.whole {
            ask.checks.weighting(node, &mut own);
        }
        let plugin = typed::of_axis(node, &mut own);
        book(own, drawn, faults);
        let at = plugin.map(|plugin| {
            let weighting = Weighting::new(plugin, node.clone());
            let resolved = weighting.resolved.to_string();
            *self.resolved.entry(resolved).or_insert_with(|| {
                self.weightings.push(weighting);
                self.weightings.len() - 1
            })
        });
        self.known.insert(text, at);
        at
    }
}

impl Ask<'_> {
    fn compares(&self, what: Compared) -> bool {
        self.compare.contains(&what)
    }

    /// How many weightings there are to draw from.
    fn weightings(&self) -> Option<u64> {
        if self.compares(Compared::Weighting) {
            return Some(1);
        }
        self.weighting.size()
    }

    /// How many cleanings there are to draw from.
    fn cleanings_drawn(&self) -> usize {
        if self.compares(Compared::Cleaners) {
            return 1;
        }
        self.cleanings.len()
    }

    fn cleaning_choices(&self) -> impl Iterator<Item = Option<usize>> {
        let compared = self.compares(Compared::Cleaners);
        (0..self.cleanings_drawn()).map(move |at| (!compared).then_some(at))
    }

    /// Refuses more trials than a sweep takes, and warns of a search that has nothing to draw.
    pub(super) fn check(&self, found: &Found, faults: &mut Faults) {
        axes::too_many_of(found.picks.len(), LOWER, self.place, faults);
        let varies = found.of_models.iter().any(|drawn| drawn.trials > 1);
        if !varies && faults.errors() == 0 {
            faults.push(
                Fault::at(self.place.clone(), "there is nothing to draw")
                    .help("no model, weighting or entry of cleaners has an axis")
                    .warning(),
            );
        }
    }
}

/// The concrete models of a header, each once.
struct Models<'a> {
    header: &'a Header,
    /// How many models there were before.
    first: usize,
    all: Vec<Model>,
    /// By how they are written and by what they come to.
    known: HashMap<String, Option<usize>>,
    resolved: HashMap<String, usize>,
}

impl Models<'_> {
    /// The place of a model among all of the experiment.
    fn get(
        &mut self,
        node: &Node,
        drawn: &Drawn,
        checks: &Checks,
        faults: &mut Faults,
    ) -> Option<usize> {
        let text = node.plain().to_string();
        if let Some(known) = self.known.get(&text) {
            return *known;
        }
        let mut own = Faults::new(faults.most_trials);
        let model = self.header.model(node, self.header.whole, checks, &mut own);
        book(own, drawn, faults);
        let at = model.map(|model| {
            let resolved = model.resolved.to_string();
            *self.resolved.entry(resolved).or_insert_with(|| {
                self.all.push(model);
                self.first + self.all.len() - 1
            })
        });
        self.known.insert(text, at);
        at
    }

    fn reads(&self, at: usize) -> bool {
        self.all[at - self.first].plugin.reads_weights()
    }

    fn forget(&mut self) {
        self.all.clear();
        self.known.clear();
        self.resolved.clear();
    }
}

/// Books what is wrong with a drawn setting, with what was drawn.
fn book(own: Faults, drawn: &Drawn, faults: &mut Faults) {
    let values: Vec<(String, Place, String)> = drawn
        .iter()
        .map(|(path, node)| {
            let name = path.rsplit('.').next().unwrap_or(path);
            let name = name.split('#').next().unwrap_or(name);
            (
                name.to_owned(),
                node.place.clone(),
                node.plain().to_string(),
            )
        })
        .collect();
    faults.extend(own.into_all().map(|fault| fault.drawn(&values)));
}
