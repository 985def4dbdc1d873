//! What fits take: time from records or from operations that models count, memory from shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Instant;

use musicrec_api::{Cost, Role, Shape};

use super::Overview;
use super::units::Unit;
use crate::experiment::Trial;
use crate::records::Run;
use crate::settings::nesting;
use crate::stages::fold::Summary;

/// Multiplications that a score is taken for in ranking, where no record tells.
const OPERATIONS_A_SCORE: f64 = 4.0;

pub(super) fn shape(fold: &Summary) -> Shape {
    Shape::new(fold.fit.users, fold.fit.items, fold.fit.pairs)
}

/// Bytes of a trial: its matrix, its copy of the events, and what its model holds.
pub(crate) fn memory(trial: &Trial, fold: &Summary) -> f64 {
    // A cell is an index and a weight; an event has user, item, time, kind, plays, seconds and row.
    let matrix = (fold.fit.pairs * 8 + fold.fit.users * 8) as f64;
    let events = (fold.fit.events * 36) as f64;
    let model = trial.model.plugin.cost(&shape(fold));
    matrix + events + model.map_or(0.0, |cost| cost.bytes)
}

/// How fast models were, by name, and how fast this machine is.
#[derive(Debug)]
pub(crate) struct Speeds {
    /// Operations and seconds of fits that have a record; or, without a cost, their number.
    of_model: BTreeMap<String, Measured>,
    /// Seconds of ranking a score, from records.
    a_score: Option<f64>,
    /// Operations a second, of this machine.
    machine: f64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Measured {
    fits: usize,
    operations: f64,
    seconds: f64,
}

impl Speeds {
    pub(crate) fn learn(overview: &Overview, all: &[Trial], known: &BTreeMap<String, Run>) -> Self {
        let mut of_model: BTreeMap<String, Measured> = BTreeMap::new();
        let (mut scores, mut ranking) = (0.0, 0.0);
        let mut counted = BTreeSet::new();
        for plan in overview.variants.iter().flat_map(|v| &v.trials) {
            let folds = &overview.cleanings[plan.cleaning].folds;
            for role in [Role::Validation, Role::Test] {
                let ids = match role {
                    Role::Validation => &plan.validation,
                    Role::Test => &plan.test,
                };
                for (id, run) in ids.iter().filter_map(|id| known.get_key_value(id)) {
                    if !counted.insert(id) {
                        continue;
                    }
                    let model = all[plan.index].model;
                    let measured = of_model.entry(nesting(&model.resolved)).or_default();
                    measured.seconds += run.fit_work();
                    ranking += run.rank_work();
                    for fold in folds.iter().filter(|f| f.role == role) {
                        measured.fits += 1;
                        let cost = model.plugin.cost(&shape(fold));
                        measured.operations += cost.map_or(0.0, |cost| cost.operations);
                        scores += (fold.users * fold.candidates) as f64;
                    }
                }
            }
        }
        Self {
            of_model,
            a_score: (scores > 0.0).then_some(ranking / scores),
            machine: machine_speed(),
        }
    }

    /// Seconds of fitting a trial on one thread; `None` where nothing tells.
    pub(crate) fn fit(&self, trial: &Trial, fold: &Summary) -> Option<f64> {
        let cost: Option<Cost> = trial.model.plugin.cost(&shape(fold));
        let measured = self.of_model.get(&nesting(&trial.model.resolved));
        Some(match (measured, cost) {
            (Some(m), Some(cost)) if m.operations > 0.0 => {
                m.seconds * cost.operations / m.operations
            }
            (Some(m), None) => m.seconds / m.fits as f64,
            (_, Some(cost)) => cost.operations / self.machine,
            (None, None) => return None,
        })
    }

    /// Seconds of ranking and measuring on one thread.
    pub(crate) fn rank(&self, fold: &Summary) -> f64 {
        let score = self.a_score.unwrap_or(OPERATIONS_A_SCORE / self.machine);
        score * (fold.users * fold.candidates) as f64
    }

    /// Seconds of a trial on one thread.
    pub(crate) fn seconds(&self, trial: &Trial, fold: &Summary) -> Option<f64> {
        Some(self.fit(trial, fold)? + self.rank(fold))
    }

    /// Whether records tell how long such a trial takes.
    pub(crate) fn recorded(&self, trial: &Trial) -> bool {
        self.of_model.contains_key(&nesting(&trial.model.resolved))
    }

    pub(crate) fn basis(&self, estimated: bool) -> Vec<String> {
        let mut basis: Vec<String> = self
            .of_model
            .iter()
            .map(|(name, m)| format!("{name}: {} recorded fits of it", m.fits))
            .collect();
        if !estimated {
            return basis;
        }
        basis.push(format!(
            "{}: operations counted by the model, at {:.1} billion multiplications a second, \
             measured just now, if nothing else runs; within a factor of about 3",
            if basis.is_empty() {
                "all models"
            } else {
                "other models"
            },
            self.machine / 1e9
        ));
        basis
    }
}

/// Multiplications with an addition that one thread does in a second, on numbers that are at hand.
fn machine_speed() -> f64 {
    const LENGTH: usize = 4_096;
    const ROUNDS: usize = 2_000;
    let a = vec![1.000_1_f32; LENGTH];
    let b = vec![0.999_9_f32; LENGTH];
    let begun = Instant::now();
    let mut sums = [0.0_f32; 16];
    for _ in 0..ROUNDS {
        for (a, b) in black_box(&a)
            .chunks_exact(16)
            .zip(black_box(&b).chunks_exact(16))
        {
            for lane in 0..16 {
                sums[lane] += a[lane] * b[lane];
            }
        }
    }
    black_box(sums);
    let seconds = begun.elapsed().as_secs_f64().max(1e-9);
    // Models gather what they multiply; about half of this is left of it.
    0.5 * (LENGTH * ROUNDS) as f64 / seconds
}

/// Seconds of a unit on one thread: its longest fit, and ranking for each of its trials.
pub(super) fn unit_seconds(speeds: &Speeds, unit: &Unit, folds: &[&Summary]) -> Option<f64> {
    let trials = unit.members.len() as f64;
    let of = |fold: &&Summary| Some(speeds.fit(unit.fitted(), fold)? + trials * speeds.rank(fold));
    folds.iter().map(of).sum()
}

/// Bytes of a unit while it runs.
pub(super) fn unit_bytes(unit: &Unit, folds: &[&Summary]) -> u64 {
    let of = folds.iter().map(|fold| memory(unit.fitted(), fold));
    of.fold(0.0, f64::max) as u64
}
