//! How settings are searched for: `[search]`, and what became of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::counted;

/// `[search]` as it is written. Without it every point of a grid is a trial.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Search {
    /// Draws so many settings of each row of the leaderboard instead of trying all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) random: Option<Random>,
    /// Stops trials early that are not among the best of their row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) halving: Option<Halving>,
    /// Ends a fit that is measured on its way once it does not become better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) early_stopping: Option<EarlyStopping>,
}

/// `[search.random]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Random {
    /// How many settings of each row that can vary are tried; all of them where there are fewer.
    pub(crate) trials: NonZeroUsize,
    /// What the draws derive from; the experiment's seed if not given.
    pub(crate) seed: Option<u64>,
}

/// `[search.halving]`: successive halving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Halving {
    /// Of what trials get little at first.
    pub(crate) resource: Resource,
    /// How many times fewer trials are run, and how many times as far, on each next rung; above 1.
    #[schemars(extend("exclusiveMinimum" = 1))]
    pub(crate) reduction: f64,
    /// How far trials are run on the first rung: steps, or a share of the users below 1. If not given,
    /// such that at least `reduction` trials of a row are run to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub(crate) least: Option<f64>,
}

impl Default for Halving {
    fn default() -> Self {
        Self {
            resource: Resource::Steps,
            reduction: 3.0,
            least: None,
        }
    }
}

/// `[search.early_stopping]`: a fit over a grid of steps ends once the deciding metric has stopped becoming better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EarlyStopping {
    /// After how many points of the grid in a row without a better value a fit ends; at least 1.
    pub(crate) patience: NonZeroUsize,
    /// By how much a value must be above the best before it to be better; at least 0.
    #[schemars(range(min = 0))]
    pub(crate) min_gain: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            patience: NonZeroUsize::new(2).expect("not zero"),
            min_gain: 0.0,
        }
    }
}

/// What trials get more of from rung to rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resource {
    /// Steps that the model learns in, such as the iterations of `als`.
    Steps,
    /// A share of the users, drawn by the experiment's seed.
    Users,
}

/// How the trials of an experiment came about, as `experiment.json` keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Searched {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) random: Option<RandomSearch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) halving: Option<Halving>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early_stopping: Option<EarlyStopping>,
}

/// A random search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct RandomSearch {
    /// How many settings were asked for, of each row that can vary.
    pub(crate) trials: usize,
    pub(crate) seed: u64,
    /// What was drawn of each model header.
    pub(crate) models: Vec<DrawnModel>,
}

/// What was drawn of a model header, its weightings and cleaners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct DrawnModel {
    /// Its label.
    pub(crate) model: String,
    /// How many settings each of its rows has.
    pub(crate) trials: usize,
    /// How many there are to draw from; absent where there is no end of them.
    pub(crate) settings: Option<u64>,
    /// What is allowed for each number that varies, by path: `model.als.factors`.
    pub(crate) axes: BTreeMap<String, Declared>,
}

impl RandomSearch {
    /// What it is, in words.
    pub(crate) fn what(&self) -> String {
        format!(
            "random search: {} of each row that can vary, drawn with seed {}",
            counted(self.trials, "setting"),
            self.seed
        )
    }

    /// What each model was drawn from, in words; without those that have nothing to draw.
    pub(crate) fn spaces(&self) -> Vec<String> {
        let varied = self.models.iter().filter(|drawn| drawn.settings != Some(1));
        let words = varied.map(|drawn| match drawn.settings {
            None => format!(
                "{}: {} of any number of settings",
                drawn.model, drawn.trials
            ),
            Some(all) if all == drawn.trials as u64 => {
                format!("{}: all {all} settings there are", drawn.model)
            }
            Some(all) => format!("{}: {} of {all} settings", drawn.model, drawn.trials),
        });
        words.collect()
    }

    /// What was drawn of a model.
    pub(crate) fn of(&self, model: &str) -> Option<&DrawnModel> {
        self.models.iter().find(|drawn| drawn.model == model)
    }
}

impl Searched {
    /// What is not as the protocol has it, in words.
    pub(crate) fn changes(&self) -> Vec<String> {
        let random = self.random.iter().map(|random| {
            format!(
                "not every setting was tried, {} (search.random)",
                random.what()
            )
        });
        let halving = self.halving.iter().map(|halving| {
            let over = match halving.resource {
                Resource::Steps => "the steps that models learn in",
                Resource::Users => "the users",
            };
            format!(
                "not every trial was run to its end, successive halving by {} over {over} (search.halving)",
                halving.reduction
            )
        });
        let early = self.early_stopping.iter().map(|rule| {
            format!(
                "not every fit was run to its end, early stopping after {} without a better one \
                 (search.early_stopping)",
                counted(rule.patience.get(), "value")
            )
        });
        random.chain(halving).chain(early).collect()
    }
}

/// How the numbers of an interval are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    /// Each as likely as the others.
    Uniform,
    /// Each order of magnitude as likely as the others.
    LogUniform,
}

impl Scale {
    /// The key of its axis.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::LogUniform => "log_uniform",
        }
    }

    /// The scale of an axis.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let all = [Self::Uniform, Self::LogUniform];
        all.into_iter().find(|scale| scale.key() == key)
    }

    /// How a range of the same scale says it.
    pub(crate) fn of_range(self) -> &'static str {
        match self {
            Self::Uniform => "",
            Self::LogUniform => "scale = \"log10\", ",
        }
    }
}

/// What a definition allows for a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Declared {
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// How it is drawn, if all of it is one interval; else values are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scale: Option<Scale>,
}

/// A value this close to an end of its interval, as a share of the interval's length, stands at the
/// edge: the best of some twenty draws of something that grows beyond the end most probably does.
const EDGE: f64 = 0.1;

impl Declared {
    /// One number.
    pub(crate) fn number(number: f64) -> Self {
        Self {
            lowest: number,
            highest: number,
            scale: None,
        }
    }

    /// Adds to what is allowed at a path.
    pub(crate) fn add(all: &mut BTreeMap<String, Self>, path: &str, more: Self) {
        match all.get_mut(path) {
            Some(known) => {
                let same = *known == more;
                known.lowest = known.lowest.min(more.lowest);
                known.highest = known.highest.max(more.highest);
                known.scale = known.scale.filter(|_| same);
            }
            None => {
                all.insert(path.to_owned(), more);
            }
        }
    }

    /// Whether there is anything to choose.
    pub(crate) fn varies(&self) -> bool {
        self.lowest < self.highest
    }

    /// Whether a value stands at the lower and at the upper end: of an interval within a tenth of it,
    /// else exactly there.
    pub(crate) fn at_ends(&self, value: f64) -> (bool, bool) {
        let share = match self.scale {
            None => return (value <= self.lowest, value >= self.highest),
            Some(Scale::Uniform) => (value - self.lowest) / (self.highest - self.lowest),
            Some(Scale::LogUniform) => {
                (value / self.lowest).ln() / (self.highest / self.lowest).ln()
            }
        };
        (share <= EDGE, share >= 1.0 - EDGE)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Declared, DrawnModel, RandomSearch, Scale};

    #[test]
    fn the_edge_of_an_interval_is_near_its_ends_and_not_the_extreme_draw() {
        let of = |lowest, highest, scale| Declared {
            lowest,
            highest,
            scale,
        };
        let log = of(1e-4, 1.0, Some(Scale::LogUniform));
        assert_eq!(log.at_ends(0.0002), (true, false));
        assert_eq!(log.at_ends(0.1), (false, false));
        assert_eq!(log.at_ends(0.5), (false, true));
        let even = of(0.0, 1.0, Some(Scale::Uniform));
        assert_eq!(even.at_ends(0.5), (false, false));
        assert_eq!(even.at_ends(0.91), (false, true));
        let listed = of(8.0, 128.0, None);
        assert_eq!(listed.at_ends(120.0), (false, false));
        assert_eq!(listed.at_ends(128.0), (false, true));
    }

    #[test]
    fn what_was_drawn_is_said_in_words() {
        let of = |model: &str, trials, settings| DrawnModel {
            model: model.into(),
            trials,
            settings,
            axes: BTreeMap::new(),
        };
        let search = RandomSearch {
            trials: 20,
            seed: 7,
            models: vec![
                of("popularity", 1, Some(1)),
                of("als", 20, None),
                of("knn", 20, Some(120)),
                of("slim", 12, Some(12)),
            ],
        };
        assert_eq!(
            search.what(),
            "random search: 20 settings of each row that can vary, drawn with seed 7"
        );
        let spaces = [
            "als: 20 of any number of settings",
            "knn: 20 of 120 settings",
            "slim: all 12 settings there are",
        ];
        assert_eq!(search.spaces(), spaces);
    }

    #[test]
    fn an_interval_with_values_beside_it_is_a_list() {
        let mut all = BTreeMap::new();
        let interval = Declared {
            lowest: 16.0,
            highest: 32.0,
            scale: Some(Scale::Uniform),
        };
        Declared::add(&mut all, "x", interval.clone());
        Declared::add(&mut all, "x", interval.clone());
        assert_eq!(all["x"], interval);
        Declared::add(&mut all, "x", Declared::number(8.0));
        assert_eq!((all["x"].lowest, all["x"].scale), (8.0, None));
    }
}
