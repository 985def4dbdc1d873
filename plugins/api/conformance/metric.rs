//! What a metric promises.

use super::logs::{Draws, events};
use super::promises::Promises;
use crate::{
    BoundMetric, ChanceView, Events, MISSING, Measure, MeasureLists, Metric, MetricContext, Nature,
    UserView,
};

/// Lists drawn for each user.
const DRAWS: u32 = 3000;
/// Standard errors that the mean of the draws may be away from what is said of chance.
const ERRORS: f64 = 4.0;

/// A user: how many items there are, which of them were heard, and the gains of the targets among
/// the others and beyond.
struct User {
    items: u32,
    /// So many items from the first on could not be listed.
    masked: Vec<u32>,
    reachable: Vec<f64>,
    targets: Vec<f64>,
}

impl User {
    fn new(items: u32, masked: u32, reachable: &[f64], beyond: &[f64]) -> Self {
        let mut targets = [reachable, beyond].concat();
        targets.sort_by(|a, b| b.total_cmp(a));
        Self {
            items,
            masked: (0..masked).collect(),
            reachable: reachable.to_vec(),
            targets,
        }
    }

    fn gains(&self, list: &[u32]) -> Vec<f64> {
        list.iter().map(|&item| self.gain(item)).collect()
    }

    fn view<'a>(&'a self, list: &'a [u32], gains: &'a [f64]) -> UserView<'a> {
        UserView::new(list, gains, &self.targets).with_masked(&self.masked)
    }

    fn value(&self, measure: &dyn Measure, list: &[u32]) -> f64 {
        measure.user(&self.view(list, &self.gains(list)))
    }

    /// The value where it is not told which items are listed.
    fn blind(&self, measure: &dyn Measure, list: &[u32]) -> f64 {
        let nobody = vec![MISSING; list.len()];
        measure.user(&self.view(&nobody, &self.gains(list)))
    }

    /// The targets are the last items, so that the order of numbers is no good list.
    fn gain(&self, item: u32) -> f64 {
        let target = (item as usize + self.reachable.len()).checked_sub(self.items as usize);
        target.map_or(0.0, |at| self.reachable[at])
    }

    /// What could be listed.
    fn candidates(&self) -> Vec<u32> {
        (self.masked.len() as u32..self.items).collect()
    }

    /// All targets that can be listed and nothing else, the greatest gain first.
    fn perfect(&self) -> Vec<u32> {
        let mut items = self.candidates();
        items.retain(|&item| self.gain(item) > 0.0);
        items.sort_by(|&a, &b| self.gain(b).total_cmp(&self.gain(a)));
        items
    }

    fn described(&self) -> String {
        let masked = match self.masked.len() {
            0 => String::new(),
            n => format!(", {n} of the items masked"),
        };
        format!(
            "a user with {} targets, {} of them among {} candidates{masked}",
            self.targets.len(),
            self.reachable.len(),
            self.items as usize - self.masked.len(),
        )
    }
}

/// The kit's log, but for all items from number `items` on.
fn fit(items: u32) -> Events {
    let all = events();
    let chosen = (0..all.len() as u32).filter(|&e| all.item[e as usize] < items);
    all.select(&chosen.collect::<Vec<_>>()).compact().0
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
    let Some(nature) = promises.calm("telling its nature", || metric.nature()) else {
        return true;
    };
    let users = [
        User::new(40, 0, &[1.0], &[]),
        User::new(40, 30, &[1.0; 7], &[1.0; 2]),
        User::new(40, 39, &[], &[2.0]),
        User::new(12, 0, &[3.0, 1.0, 2.0], &[2.5]),
        User::new(2, 0, &[1.0], &[]),
        User::new(5, 0, &[1.0; 5], &[]),
        User::new(9, 0, &[], &[1.0]),
        User::new(0, 0, &[], &[1.0; 3]),
    ];
    for items in [40, 12, 2, 5, 9, 0] {
        let same: Vec<&User> = users.iter().filter(|u| u.items == items).collect();
        let events = fit(items);
        let bound = promises.calm("being bound", || {
            metric.bind(&MetricContext::new(items as usize, &events))
        });
        let measure = match bound {
            None => continue,
            Some(Err(error)) => {
                promises.that(false, || format!("it cannot be bound: {error}"));
                continue;
            }
            Some(Ok(BoundMetric::OverLists(measure))) => {
                promises.that(nature.over_lists, || {
                    "`bind` gives OverLists, but its nature does not say so".to_owned()
                });
                over_lists(&*measure, &same, (depth, nature), promises);
                continue;
            }
            Some(Ok(BoundMetric::PerUser(measure))) => measure,
        };
        promises.that(!nature.over_lists, || {
            "its nature says that it is over all lists, but `bind` gives PerUser".to_owned()
        });
        for user in same {
            let doing = format!("measuring {}", user.described());
            let tried = promises.calm(&doing, || Tried::of(user, &*measure, (depth, nature)));
            let Some(tried) = tried else { continue };
            tried.check(user, (depth, nature), promises);
        }
    }
    true
}

/// A metric of all lists at once, on lists drawn by lot.
fn over_lists(
    measure: &dyn MeasureLists,
    users: &[&User],
    (depth, nature): (usize, Nature),
    promises: &mut Promises,
) {
    let mut draws = Draws::new("lists");
    let catalog = format!("a catalog of {} items", users[0].items);
    let value = |lists: &[Vec<u32>], blind: bool| {
        let gains: Vec<Vec<f64>> = lists.iter().zip(users).map(|(l, u)| u.gains(l)).collect();
        let items: Vec<Vec<u32>> = if blind {
            lists.iter().map(|l| vec![MISSING; l.len()]).collect()
        } else {
            lists.to_vec()
        };
        let views = users.iter().zip(&items).zip(&gains);
        let views: Vec<UserView> = views.map(|((u, l), g)| u.view(l, g)).collect();
        measure.value(&views)
    };
    for draw in 0..50 {
        let doing = format!("measuring lists of {catalog}");
        let tried = promises.calm(&doing, || {
            let mut whole: Vec<Vec<u32>> = users.iter().map(|u| u.candidates()).collect();
            for list in &mut whole {
                draws.shuffle(list);
            }
            let cut = |at: usize| {
                let lists = whole.iter();
                let lists = lists.map(|l| l[..at.min(l.len())].to_vec());
                lists.collect::<Vec<_>>()
            };
            // Lists that end early, and empty ones, are lists too.
            let short = value(&cut(draw % depth), false);
            let lists = cut(depth);
            let own = value(&lists, false);
            let same = |other: f64| other.to_bits() == own.to_bits();
            (
                own.is_finite() && short.is_finite(),
                same(value(&lists, false)),
                same(value(&whole, false)),
                nature.reads_items || same(value(&lists, true)),
            )
        });
        let Some((finite, steady, cut, blind)) = tried else {
            return;
        };
        promises.that(finite, || {
            format!("for {catalog}: lists have a value that is not finite")
        });
        promises.that(steady, || {
            format!("for {catalog}: the same lists have different values")
        });
        promises.that(cut, || {
            format!("for {catalog}: its value depends on items below its depth of {depth}")
        });
        promises.that(blind, || format!("for {catalog}: {READS}"));
        if !(finite && steady && cut && blind) {
            return;
        }
    }
}

const READS: &str = "its value depends on which items are listed, but its nature does not say that \
                     it reads items";

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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a promise of its own"
)]
struct Tried {
    empty: f64,
    perfect: f64,
    /// The best of the lists drawn.
    best: f64,
    /// Whether all values were 0 or 1.
    binary: bool,
    /// Whether the value is the same where it is not told which items are listed.
    blind: bool,
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
    fn of(user: &User, measure: &dyn Measure, (depth, nature): (usize, Nature)) -> Self {
        let mut tried = Self {
            empty: user.value(measure, &[]),
            perfect: user.value(measure, &user.perfect()),
            best: f64::NEG_INFINITY,
            binary: true,
            blind: true,
            finite: true,
            steady: true,
            cut: true,
            mean: 0.0,
            standard_error: 0.0,
            chance: measure.chance(&ChanceView::new(
                user.items as usize - user.masked.len(),
                &user.reachable,
                &user.targets,
            )),
        };
        let mut draws = Draws::new("lists");
        let mut items = user.candidates();
        let (mut sum, mut squares) = (0.0, 0.0);
        for draw in 0..DRAWS {
            draws.shuffle(&mut items);
            let list = &items[..depth.min(items.len())];
            let value = user.value(measure, list);
            if draw < 50 {
                let same = |other: f64| other.to_bits() == value.to_bits();
                tried.steady &= same(user.value(measure, list));
                tried.cut &= same(user.value(measure, &items));
                tried.blind &= nature.reads_items || same(user.blind(measure, list));
                // Lists that end early are lists too.
                let short = user.value(measure, &list[..list.len() / 2]);
                tried.finite &= short.is_finite();
                tried.best = tried.best.max(short);
            }
            tried.finite &= value.is_finite();
            tried.binary &= value == 0.0 || value == 1.0;
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

    fn check(&self, user: &User, (depth, nature): (usize, Nature), promises: &mut Promises) {
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
        promises.that(self.blind, || format!("for {user}: {READS}"));
        promises.that(!nature.proportion || self.binary, || {
            format!("for {user}: its nature says proportion, but a value is neither 0 nor 1")
        });
        let best = self.best.max(self.empty);
        promises.that(!nature.has_ceiling() || self.perfect >= best - 1e-12, || {
            format!(
                "for {user}: a list of all targets, best first, has {}, another list {best}: higher \
                 must be better, or its `nature` must say what is",
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
