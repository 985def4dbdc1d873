//! What a metric promises.

use super::logs::Draws;
use super::promises::Promises;
use crate::{ChanceView, Measure, Metric, MetricContext, UserView};

/// Lists drawn for each user.
const DRAWS: u32 = 3000;
/// Standard errors that the mean of the draws may be away from what is said of chance.
const ERRORS: f64 = 4.0;

/// A user: how many items could be listed, and the gains of the targets among them and beyond.
struct User {
    candidates: usize,
    reachable: Vec<f64>,
    targets: Vec<f64>,
}

impl User {
    fn new(candidates: usize, reachable: &[f64], beyond: &[f64]) -> Self {
        let mut targets = [reachable, beyond].concat();
        targets.sort_by(|a, b| b.total_cmp(a));
        Self {
            candidates,
            reachable: reachable.to_vec(),
            targets,
        }
    }

    fn value(&self, measure: &dyn Measure, list: &[u32]) -> f64 {
        let gains: Vec<f64> = list.iter().map(|&item| self.gain(item)).collect();
        measure.user(&UserView::new(list, &gains, &self.targets))
    }

    /// The targets are the last items, so that the order of numbers is no good list.
    fn gain(&self, item: u32) -> f64 {
        let misses = self.candidates - self.reachable.len();
        let target = (item as usize).checked_sub(misses);
        target.map_or(0.0, |at| self.reachable[at])
    }

    fn items(&self) -> Vec<u32> {
        (0..self.candidates as u32).collect()
    }

    /// A list with the targets first, the greatest gain first of all.
    fn perfect(&self) -> Vec<u32> {
        let mut items = self.items();
        items.sort_by(|&a, &b| self.gain(b).total_cmp(&self.gain(a)));
        items
    }

    fn described(&self) -> String {
        format!(
            "a user with {} targets, {} of them among {} candidates",
            self.targets.len(),
            self.reachable.len(),
            self.candidates
        )
    }
}

/// Whether it could be tried at all.
pub(super) fn behavior(metric: &dyn Metric, promises: &mut Promises) -> bool {
    let Some(depth) = promises.calm("telling its depth", || metric.depth()) else {
        return true;
    };
    promises.that(depth >= 1, || {
        "its depth is 0: it looks at no list".to_owned()
    });
    identity(metric, promises);
    let users = [
        User::new(40, &[1.0], &[]),
        User::new(40, &[1.0; 7], &[1.0; 2]),
        User::new(12, &[3.0, 1.0, 2.0], &[2.5]),
        User::new(2, &[1.0], &[]),
        User::new(5, &[1.0; 5], &[]),
        User::new(9, &[], &[1.0]),
        User::new(0, &[], &[1.0; 3]),
    ];
    for user in &users {
        let bound = promises.calm("being bound", || {
            metric.bind(&MetricContext::new(user.candidates))
        });
        let Some(measure) = bound else { continue };
        let doing = format!("measuring {}", user.described());
        let tried = promises.calm(&doing, || Tried::of(user, &*measure, depth));
        let Some(tried) = tried else { continue };
        tried.check(user, depth, promises);
    }
    true
}

fn identity(metric: &dyn Metric, promises: &mut Promises) {
    let Some(identity) = promises.calm("telling what it computes", || metric.identity()) else {
        return;
    };
    let name = metric.typetag_name();
    promises.that(identity.label.starts_with(name), || {
        format!(
            "its label `{}` does not begin with its name; `{name}@{}` is the custom",
            identity.label,
            metric.depth()
        )
    });
    for (what, text) in [
        ("formula", &identity.formula),
        ("averaged_over", &identity.averaged_over),
        ("source", &identity.source),
    ] {
        promises.that(!text.trim().is_empty(), || {
            format!("its identity has no `{what}`, which tells metrics of one name apart")
        });
    }
}

/// What was seen of one user.
struct Tried {
    empty: f64,
    perfect: f64,
    /// The best of the lists drawn.
    best: f64,
    /// Whether all values were finite.
    finite: bool,
    /// Whether a list measured twice has one value.
    steady: bool,
    /// Whether a list has the value of its first `depth` items.
    cut: bool,
    mean: f64,
    standard_error: f64,
    chance: Option<f64>,
}

impl Tried {
    fn of(user: &User, measure: &dyn Measure, depth: usize) -> Self {
        let mut tried = Self {
            empty: user.value(measure, &[]),
            perfect: user.value(measure, &user.perfect()),
            best: f64::NEG_INFINITY,
            finite: true,
            steady: true,
            cut: true,
            mean: 0.0,
            standard_error: 0.0,
            chance: measure.chance(&ChanceView::new(
                user.candidates,
                &user.reachable,
                &user.targets,
            )),
        };
        let mut draws = Draws::new("lists");
        let mut items = user.items();
        let (mut sum, mut squares) = (0.0, 0.0);
        for draw in 0..DRAWS {
            draws.shuffle(&mut items);
            let list = &items[..depth.min(items.len())];
            let value = user.value(measure, list);
            if draw < 50 {
                tried.steady &= user.value(measure, list).to_bits() == value.to_bits();
                tried.cut &= user.value(measure, &items).to_bits() == value.to_bits();
                // Lists that end early are lists too.
                let short = user.value(measure, &list[..list.len() / 2]);
                tried.finite &= short.is_finite();
                tried.best = tried.best.max(short);
            }
            tried.finite &= value.is_finite();
            tried.best = tried.best.max(value);
            sum += value;
            squares += value * value;
        }
        let n = f64::from(DRAWS);
        tried.mean = sum / n;
        let variance = (squares / n - tried.mean * tried.mean).max(0.0);
        tried.standard_error = (variance / n).sqrt();
        tried.finite &= tried.empty.is_finite() && tried.perfect.is_finite();
        tried
    }

    fn check(&self, user: &User, depth: usize, promises: &mut Promises) {
        let user = user.described();
        promises.that(self.finite, || {
            format!("for {user}: a list has a value that is not finite; an empty list has one too")
        });
        promises.that(self.steady, || {
            format!("for {user}: the same list has different values")
        });
        promises.that(self.cut, || {
            format!("for {user}: its value depends on items below its depth of {depth}")
        });
        let best = self.best.max(self.empty);
        promises.that(self.perfect >= best - 1e-12, || {
            format!(
                "for {user}: a list of all targets, best first, has {}, another list {best}: higher \
                 must be better",
                self.perfect
            )
        });
        if let Some(chance) = self.chance {
            // Values that hardly vary leave nothing but rounding.
            let allowed = ERRORS * self.standard_error + 1e-9;
            promises.that((chance - self.mean).abs() <= allowed, || {
                format!(
                    "for {user}: `chance` says {chance}, but {DRAWS} lists drawn by lot have a mean \
                     of {} ± {}; return None if there is no exact formula",
                    self.mean, self.standard_error
                )
            });
        }
    }
}
