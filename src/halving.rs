//! Successive halving: many trials are run a little, the best of them further, the last to the end.
//!
//! Jamieson and Talwalkar, AISTATS 2016; the form with a factor other than 2 and a smallest resource is
//! the inner loop of Hyperband: Li et al., JMLR 18 (2018). Each row of the leaderboard is halved by
//! itself, so that a model that starts slowly is not thrown out by another.
//!
//! A trial on a rung is an ordinary trial with fewer steps (or a share of the users), and has an ordinary
//! record. Here is only what runs how far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::{Halving, Model, Resource};
use crate::text::{counted, percent};

/// Powers that should be whole numbers are a little beside them.
const NEARLY: f64 = 1e-9;

/// A `reduction` of almost 1 makes any number of rungs; after so many nothing is left to tell apart.
const MOST_RUNGS: f64 = 100.0;

/// How far trials are run, and how many of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Rung {
    /// Steps, or a share of the users.
    pub(crate) resource: f64,
    /// How many trials are run so far at most; the others are stopped before.
    pub(crate) trials: usize,
}

/// How a row of the leaderboard is halved, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Halved {
    pub(crate) resource: Resource,
    /// What steps are called: `iterations`; `users` for shares of them.
    pub(crate) unit: String,
    pub(crate) reduction: f64,
    /// From the first to the last, which is the whole.
    pub(crate) rungs: Vec<Rung>,
    /// Trials that were stopped early, by their place among all of the experiment.
    pub(crate) stopped: BTreeMap<usize, Stopped>,
    /// The ids of the records of those that failed on a rung, by index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failed: BTreeMap<usize, String>,
}

/// A trial that was stopped early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Stopped {
    /// After which rung, from 0.
    pub(crate) rung: usize,
    /// How far it was run.
    pub(crate) after: f64,
    /// How far it would have been run.
    pub(crate) of: f64,
    /// What it had reached on validation by the deciding metric.
    pub(crate) value: f64,
}

/// A trial on a rung: its place among all of the experiment, how far it goes in the end, and its value
/// there; none if it failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) trial: usize,
    pub(crate) full: f64,
    pub(crate) value: Option<f64>,
}

impl Halved {
    /// The plan of a row with trials of these models. `None` where there is nothing to halve: too few
    /// trials, or, where steps are the resource, a model that does not learn in steps.
    pub(crate) fn plan<'a>(
        halving: &Halving,
        models: impl Iterator<Item = &'a Model>,
    ) -> Option<Self> {
        let (mut trials, mut full, mut unit) = (0, 0.0, "users");
        for model in models {
            trials += 1;
            full = f64::max(full, self::full(halving, model)?);
            if let (Resource::Steps, Some(steps)) = (halving.resource, model.plugin.steps()) {
                unit = steps.parameter;
            }
        }
        let rungs = rungs(trials, full, halving);
        (rungs.len() > 1).then(|| Self {
            resource: halving.resource,
            unit: unit.to_owned(),
            reduction: halving.reduction,
            rungs,
            stopped: BTreeMap::new(),
            failed: BTreeMap::new(),
        })
    }

    /// How far a trial is run on a rung: no further than it would be in the end.
    pub(crate) fn at(&self, rung: usize, full: f64) -> f64 {
        self.rungs[rung].resource.min(full)
    }

    /// Which trials go on from a rung to the next, in the order given; the others are noted as stopped,
    /// unless they failed or are at their end already.
    pub(crate) fn go_on(&mut self, rung: usize, contenders: &[Contender]) -> Vec<usize> {
        let values: Vec<Option<f64>> = contenders.iter().map(|c| c.value).collect();
        let keep = self.rungs.get(rung + 1).map_or(0, |next| next.trials);
        let stay = survivors(&values, keep);
        for (at, contender) in contenders.iter().enumerate() {
            let after = self.at(rung, contender.full);
            if let Some(value) = contender.value
                && !stay.contains(&at)
                && after < contender.full
            {
                let stopped = Stopped {
                    rung,
                    after,
                    of: contender.full,
                    value,
                };
                self.stopped.insert(contender.trial, stopped);
            }
        }
        stay.into_iter().map(|at| contenders[at].trial).collect()
    }

    /// A rung in words: `9 trials with 3 iterations`.
    pub(crate) fn rung_words(&self, rung: usize) -> String {
        let Rung { resource, trials } = &self.rungs[rung];
        let far = match self.resource {
            Resource::Steps => format!("{resource} {}", self.unit),
            Resource::Users if *resource >= 1.0 => "all users".to_owned(),
            Resource::Users => format!("{} of the users", percent(*resource)),
        };
        format!("{} with {far}", counted(*trials, "trial"))
    }

    /// The plan in words: `20 trials with 2 iterations, 6 with 5, 2 with 15`.
    pub(crate) fn plan_words(&self) -> String {
        let words: Vec<String> = self
            .rungs
            .iter()
            .enumerate()
            .map(|(at, rung)| {
                let trials = if at == 0 {
                    counted(rung.trials, "trial")
                } else {
                    rung.trials.to_string()
                };
                match self.resource {
                    Resource::Steps if at == 0 => {
                        format!("{trials} with {} {}", rung.resource, self.unit)
                    }
                    Resource::Steps => format!("{trials} with {}", rung.resource),
                    Resource::Users if rung.resource >= 1.0 => format!("{trials} with all"),
                    Resource::Users => {
                        let of = if at == 0 { " of the users" } else { "" };
                        format!("{trials} with {}{of}", percent(rung.resource))
                    }
                }
            })
            .collect();
        words.join(", ")
    }

    /// What became of a trial: `stopped after 5 of 15 iterations`.
    pub(crate) fn stopped_words(&self, stopped: &Stopped) -> String {
        match self.resource {
            Resource::Steps => {
                format!(
                    "stopped after {} of {} {}",
                    stopped.after, stopped.of, self.unit
                )
            }
            Resource::Users => format!("stopped after {} of the users", percent(stopped.after)),
        }
    }

    /// What became of a row of so many trials; `None` where all ran to their end.
    pub(crate) fn row_words(&self, trials: usize) -> Option<String> {
        let of_rung = |rung: usize| self.stopped.values().filter(|s| s.rung == rung).count();
        let words: Vec<String> = (0..self.rungs.len())
            .filter(|rung| of_rung(*rung) > 0)
            .map(|rung| {
                let resource = self.rungs[rung].resource;
                let far = match self.resource {
                    Resource::Steps => format!("{resource} {}", self.unit),
                    Resource::Users => format!("{} of the users", percent(resource)),
                };
                format!("{} after {far}", of_rung(rung))
            })
            .collect();
        (!words.is_empty()).then(|| {
            format!(
                "{} of {} stopped early: {}",
                self.stopped.len(),
                counted(trials, "trial"),
                words.join(", ")
            )
        })
    }
}

/// How far a trial of a model goes in the end; `None` for one that does not learn in steps.
pub(crate) fn full(halving: &Halving, model: &Model) -> Option<f64> {
    match halving.resource {
        Resource::Steps => Some(model.plugin.steps()?.count as f64),
        Resource::Users => Some(1.0),
    }
}

/// The rungs of so many trials, of which the last is run to `full`. On each next rung are `reduction`
/// times fewer trials, run `reduction` times as far. There are as many rungs as fit between `least` and
/// `full`, as long as one trial is left; without `least` as many as leave at least `reduction` trials, so
/// that the last choice is one among several that were run in full.
pub(crate) fn rungs(trials: usize, full: f64, halving: &Halving) -> Vec<Rung> {
    let times = halving.reduction;
    let by_trials = powers(trials as f64, times);
    let mut reductions = match halving.least {
        Some(least) => powers(full / least, times).min(by_trials),
        None => by_trials.saturating_sub(1),
    };
    if halving.resource == Resource::Steps {
        // No less than one step.
        reductions = reductions.min(powers(full, times));
    }
    let mut rungs: Vec<Rung> = (0..=reductions)
        .map(|rung| {
            let resource = full * times.powf(f64::from(rung) - f64::from(reductions));
            let trials = trials as f64 * times.powf(-f64::from(rung));
            Rung {
                resource: match halving.resource {
                    Resource::Steps => resource.round(),
                    Resource::Users => resource,
                },
                trials: (trials + NEARLY).floor() as usize,
            }
        })
        .collect();
    // Where steps are few, two rungs may be one.
    rungs.dedup_by(|next, rung| next.resource <= rung.resource);
    rungs
}

/// How often a number can be divided by another and is 1 or more.
fn powers(number: f64, by: f64) -> u32 {
    let times = (number.ln() / by.ln() + NEARLY).floor();
    if times > 0.0 {
        times.min(MOST_RUNGS) as u32
    } else {
        0
    }
}

/// The places of the best values, so many of them, in their order; of equal ones the first. What failed
/// has no value and is out.
pub(crate) fn survivors(values: &[Option<f64>], keep: usize) -> Vec<usize> {
    let mut valued: Vec<(usize, f64)> = values
        .iter()
        .enumerate()
        .filter_map(|(at, value)| Some((at, (*value).filter(|v| v.is_finite())?)))
        .collect();
    valued.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    let mut stay: Vec<usize> = valued.into_iter().take(keep).map(|(at, _)| at).collect();
    stay.sort_unstable();
    stay
}

#[cfg(test)]
mod tests {
    use super::{Contender, Halved, Stopped, rungs, survivors};
    use crate::experiment::{Halving, Model, Resource};

    fn by(reduction: f64, least: Option<f64>) -> Halving {
        Halving {
            resource: Resource::Steps,
            reduction,
            least,
        }
    }

    fn planned(trials: usize, full: f64, halving: &Halving) -> Vec<(f64, usize)> {
        let rungs = rungs(trials, full, halving);
        rungs.iter().map(|r| (r.resource, r.trials)).collect()
    }

    #[test]
    fn rungs_are_those_of_the_brackets_of_hyperband() {
        // Li et al. 2018, Table 1: R = 81, eta = 3; a bracket is one successive halving.
        let of = |trials, least| planned(trials, 81.0, &by(3.0, Some(least)));
        assert_eq!(
            of(81, 1.0),
            [(1.0, 81), (3.0, 27), (9.0, 9), (27.0, 3), (81.0, 1)]
        );
        assert_eq!(of(34, 3.0), [(3.0, 34), (9.0, 11), (27.0, 3), (81.0, 1)]);
        assert_eq!(of(15, 9.0), [(9.0, 15), (27.0, 5), (81.0, 1)]);
        assert_eq!(of(8, 27.0), [(27.0, 8), (81.0, 2)]);
        assert_eq!(of(5, 81.0), [(81.0, 5)]);
        // The same with R = 8 and eta = 2, as the package mlr3hyperband lists it.
        let of = |trials, least| planned(trials, 8.0, &by(2.0, Some(least)));
        assert_eq!(of(8, 1.0), [(1.0, 8), (2.0, 4), (4.0, 2), (8.0, 1)]);
        assert_eq!(of(6, 2.0), [(2.0, 6), (4.0, 3), (8.0, 1)]);
        assert_eq!(of(4, 4.0), [(4.0, 4), (8.0, 2)]);
    }

    #[test]
    fn halving_proper_goes_on_until_one_is_left() {
        // Jamieson and Talwalkar 2016, Figure 1: the better half stays, log2(n) times.
        let counts: Vec<usize> = rungs(20, 64.0, &by(2.0, Some(1.0)))
            .iter()
            .map(|rung| rung.trials)
            .collect();
        assert_eq!(counts, [20, 10, 5, 2, 1]);
    }

    #[test]
    fn by_default_several_are_run_to_the_end() {
        assert_eq!(
            planned(50, 15.0, &by(3.0, None)),
            [(2.0, 50), (5.0, 16), (15.0, 5)]
        );
        assert_eq!(planned(20, 15.0, &by(3.0, None)), [(5.0, 20), (15.0, 6)]);
        // Too few to halve.
        assert_eq!(planned(8, 15.0, &by(3.0, None)), [(15.0, 8)]);
        assert_eq!(planned(1, 15.0, &by(3.0, Some(1.0))), [(15.0, 1)]);
        let users = Halving {
            resource: Resource::Users,
            reduction: 4.0,
            least: None,
        };
        assert_eq!(
            planned(64, 1.0, &users),
            [(0.0625, 64), (0.25, 16), (1.0, 4)]
        );
    }

    #[test]
    fn there_is_no_rung_without_a_step_and_none_twice() {
        assert_eq!(
            planned(1000, 2.0, &by(2.0, None)),
            [(1.0, 1000), (2.0, 500)]
        );
        assert_eq!(planned(1000, 1.0, &by(2.0, None)), [(1.0, 1000)]);
        // 3 / 1.3 / 1.3 and 3 / 1.3 both come to 2.
        assert_eq!(
            planned(100, 3.0, &by(1.3, None)),
            [(1.0, 100), (2.0, 59), (3.0, 35)]
        );
    }

    #[test]
    fn the_best_stay_and_of_equals_the_first() {
        let values = [
            Some(0.1),
            None,
            Some(0.3),
            Some(0.2),
            Some(0.2),
            Some(f64::NAN),
        ];
        assert_eq!(survivors(&values, 2), [2, 3]);
        assert_eq!(survivors(&values, 3), [2, 3, 4]);
        assert_eq!(survivors(&values, 9), [0, 2, 3, 4]);
        assert_eq!(survivors(&values, 0), [0; 0]);
    }

    fn als(iterations: &[usize]) -> Vec<Model> {
        let model = |n: &usize| {
            let json = serde_json::json!({ "als": { "iterations": n } });
            Model::new("als".into(), serde_json::from_value(json).unwrap())
        };
        iterations.iter().map(model).collect()
    }

    #[test]
    fn a_row_is_halved_and_says_so() {
        let models = als(&[15; 9]);
        let mut row = Halved::plan(&by(3.0, Some(2.0)), models.iter()).unwrap();
        assert_eq!(row.plan_words(), "9 trials with 5 iterations, 3 with 15");
        assert_eq!(row.row_words(9), None);
        let contenders: Vec<Contender> = (0..9)
            .map(|trial| Contender {
                trial: trial + 40,
                full: 15.0,
                value: (trial != 8).then_some(trial as f64),
            })
            .collect();
        assert_eq!(row.go_on(0, &contenders), [45, 46, 47]);
        // The failed one is no stopped one.
        assert_eq!(
            row.stopped.keys().copied().collect::<Vec<_>>(),
            [40, 41, 42, 43, 44]
        );
        let stopped = row.stopped[&42].clone();
        let expected = Stopped {
            rung: 0,
            after: 5.0,
            of: 15.0,
            value: 2.0,
        };
        assert_eq!(stopped, expected);
        assert_eq!(
            row.stopped_words(&stopped),
            "stopped after 5 of 15 iterations"
        );
        assert_eq!(
            row.row_words(9).as_deref(),
            Some("5 of 9 trials stopped early: 5 after 5 iterations")
        );
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["stopped"]["42"]["rung"], 0);
        assert_eq!(serde_json::from_value::<Halved>(json).unwrap(), row);
    }

    #[test]
    fn what_is_at_its_end_is_not_stopped() {
        let models = als(&[5, 5, 5, 15, 15, 15, 15, 15, 15]);
        let mut row = Halved::plan(&by(3.0, Some(5.0)), models.iter()).unwrap();
        let contenders: Vec<Contender> = models
            .iter()
            .enumerate()
            .map(|(trial, model)| Contender {
                trial,
                full: model.plugin.steps().unwrap().count as f64,
                value: Some(trial as f64),
            })
            .collect();
        assert_eq!(row.at(1, 5.0), 5.0);
        assert_eq!(row.go_on(0, &contenders), [6, 7, 8]);
        assert_eq!(row.stopped.keys().copied().collect::<Vec<_>>(), [3, 4, 5]);
    }

    #[test]
    fn shares_of_users_are_said_in_percent_and_models_without_steps_are_not_halved() {
        let popularity = || {
            let json = serde_json::json!({ "popularity": {} });
            Model::new("p".into(), serde_json::from_value(json).unwrap())
        };
        let models: Vec<Model> = (0..9).map(|_| popularity()).collect();
        assert_eq!(Halved::plan(&by(3.0, None), models.iter()), None);
        let users = Halving {
            resource: Resource::Users,
            ..by(3.0, None)
        };
        let mut row = Halved::plan(&users, models.iter()).unwrap();
        assert_eq!(
            row.plan_words(),
            "9 trials with 33.3 % of the users, 3 with all"
        );
        let contenders: Vec<Contender> = (0..9)
            .map(|trial| Contender {
                trial,
                full: 1.0,
                value: Some(0.0),
            })
            .collect();
        assert_eq!(row.go_on(0, &contenders), [0, 1, 2]);
        let stopped = row.stopped[&3].clone();
        assert_eq!(
            row.stopped_words(&stopped),
            "stopped after 33.3 % of the users"
        );
        assert_eq!(
            row.row_words(9).as_deref(),
            Some("6 of 9 trials stopped early: 6 after 33.3 % of the users")
        );
    }
}
