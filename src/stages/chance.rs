//! The floor and the ceiling of a fold: what random rankings reach, exactly and drawn, and the
//! highest value that the fold permits. Users without a past get the list in every random ranking that
//! they get from every model.
//!
//! Random lists obey `[rules]`. What nobody or a user is not shown is no candidate, so closed forms hold. With
//! `at_most` a random list comes of a random order of all candidates as a model's does of its ranking: there
//! is no closed form, and what is drawn stands for it. The highest value is then that of the best targets that fit on
//! a list together. With several columns it is the least of those by each of them alone, which no list exceeds.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use musicrec_api::{ChanceView, Result, UserView, derive_seed, rng};
use rayon::prelude::*;

use super::ask::of_cold_users;
use super::bound::{Bound, bind};
use super::fold::FoldData;
use super::measure::{Blind, Listed, gain};
use super::random_lists::{Order, Others, places};
use super::rank::Lists;
use super::rules::{Cap, Quota};
use crate::compare::mean_sd;
use crate::experiment::{Metrics, Ties};

/// What random rankings reach on a fold, by metric. Means count each user by the vote that the fold
/// gives them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chance {
    /// The exact expectation where the metric's closed form is known and the draws agree with it, else
    /// the mean of the draws.
    pub(crate) expected: Vec<f64>,
    /// Whether the expectation is exact.
    pub(crate) exact: Vec<bool>,
    /// What a metric says the expectation is, where the draws show that it is not.
    pub(crate) refuted: Vec<Option<f64>>,
    /// For each metric the means of the drawn rankings, in the order drawn.
    pub(crate) null: Vec<Vec<f64>>,
    /// The expected number of users with a hit.
    pub(crate) users_hit: f64,
    /// For each user asked the probability of a hit, which the number above is the sum of.
    pub(crate) hit: Vec<f64>,
    /// The best value that any ranking could reach, of metrics of hits of which higher is better.
    pub(crate) ceiling: Vec<Option<f64>>,
    /// Users with a hit under that ranking.
    pub(crate) ceiling_users_hit: usize,
}

/// Draws `rankings` complete random rankings and computes floor and ceiling.
///
/// Once `cancel` is set the draws end at once and mean nothing.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn chance(
    metrics: &Metrics,
    fold: &FoldData,
    rankings: usize,
    seed: u64,
    cancel: &AtomicBool,
) -> Result<Chance> {
    let measures = bind(metrics, fold)?;
    let depth = metrics.depth().min(fold.summary.candidates);
    let caps = fold.limits.caps.as_slice();
    // Whether a list may hold an item is known of a real one only.
    let reads_items = !caps.is_empty() || measures.iter().any(|m| m.nature.reads_items);
    let shown = shown(fold);
    let others = |at: usize| {
        let (targets, masked) = (fold.reachable.get(at), fold.heard.get(at));
        reads_items.then(|| Others::new(targets, masked, shown.as_deref()))
    };
    let mut users: Vec<User> = (0..fold.asked.len())
        .map(|at| User::new(fold, at, depth, others(at), &measures))
        .collect::<Result<_>>()?;
    if let Some((lists, cold)) = of_cold_users(fold, (depth, fold.ties == Ties::Expected))? {
        for (at, &user) in cold.iter().enumerate() {
            users[user].answer = Some(Answer::new(fold, user, (&lists, at), depth, &measures)?);
        }
    }
    let n: f64 = fold.votes.iter().sum();
    let hits: Vec<AtomicU32> = users.iter().map(|_| AtomicU32::new(0)).collect();
    let draws: Vec<Vec<f64>> = (0..rankings)
        .into_par_iter()
        .map(|ranking| {
            if cancel.load(Ordering::Relaxed) {
                return Ok(vec![0.0; measures.len()]);
            }
            let seed = derive_seed(seed, &ranking.to_string());
            draw(&users, (depth, caps), &measures, (n, &hits), seed)
        })
        .collect::<Result<_>>()?;
    let null: Vec<Vec<f64>> = (0..measures.len())
        .map(|metric| draws.iter().map(|d| d[metric]).collect())
        .collect();
    // Sums over votes of the best values, and the most that one drawn list adds to the mean of all.
    let mut ceiling = vec![0.0; measures.len()];
    let mut step = vec![0.0_f64; measures.len()];
    for (at, user) in users.iter().enumerate() {
        let best = best(fold.reachable.get(at), caps, depth);
        for (metric, measure) in measures.iter().enumerate() {
            if measure.nature.has_ceiling() {
                let values = best.iter().map(|best| user.measure(measure, best));
                let values: Vec<f64> = values.collect::<Result<_>>()?;
                let best = values.into_iter().fold(f64::INFINITY, f64::min);
                ceiling[metric] += user.vote * best;
                if user.answer.is_some() {
                    continue;
                }
                let reach = user.vote * (best - user.missed[metric]).abs() / (n * rankings as f64);
                step[metric] = step[metric].max(reach);
            }
        }
    }
    let mut expected = Vec::with_capacity(measures.len());
    let mut exact = Vec::with_capacity(measures.len());
    let mut refuted = Vec::with_capacity(measures.len());
    for (metric, (measure, null)) in measures.iter().zip(&null).enumerate() {
        let closed: Option<Vec<f64>> = if measure.nature.has_ceiling() && caps.is_empty() {
            let of_users = users.iter().map(|user| {
                Ok(user
                    .expected(metric, measure)?
                    .map(|value| user.vote * value))
            });
            of_users.collect::<Result<_>>()?
        } else {
            None
        };
        let closed = closed.map(|of_users| of_users.iter().sum::<f64>() / n);
        let (drawn, sd) = mean_sd(null);
        let error = sd / (rankings as f64).sqrt();
        let agreed = closed.filter(|closed| agrees(*closed, drawn, error, step[metric]));
        expected.push(agreed.unwrap_or(drawn));
        exact.push(agreed.is_some());
        refuted.push(closed.filter(|_| agreed.is_none()));
    }
    let drawn = hits.into_iter().map(AtomicU32::into_inner);
    let hit = users
        .iter()
        .zip(drawn)
        .map(|(user, hits)| match user.answer {
            None if !caps.is_empty() => f64::from(hits) / rankings as f64,
            _ => user.hit_probability(depth),
        });
    let hit: Vec<f64> = hit.collect();
    let ceiling = measures.iter().zip(&ceiling);
    let ceiling = ceiling.map(|(measure, sum)| measure.nature.has_ceiling().then_some(sum / n));
    Ok(Chance {
        expected,
        exact,
        refuted,
        null,
        users_hit: hit.iter().sum(),
        hit,
        ceiling: ceiling.collect(),
        ceiling_users_hit: users.iter().filter(|u| !u.gains.is_empty()).count(),
    })
}

/// The items that are shown at all, where not all are.
fn shown(fold: &FoldData) -> Option<Vec<u32>> {
    let limits = &fold.limits;
    let all = 0..fold.fit.items.len() as u32;
    (!limits.hidden.is_empty()).then(|| all.filter(|item| limits.shows(*item)).collect())
}

/// The gains of the best list that targets make: by each column alone of which a list holds few items of a value,
/// where there are such. The better of two targets is the better choice, whatever else is chosen.
fn best(targets: &[(u32, f64)], caps: &[Cap], depth: usize) -> Vec<Vec<f64>> {
    let mut sorted = targets.to_vec();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let gains = |targets: &mut dyn Iterator<Item = &(u32, f64)>| {
        targets.take(depth).map(|target| target.1).collect()
    };
    if caps.is_empty() {
        return vec![gains(&mut sorted.iter())];
    }
    let by = caps.iter().map(|cap| {
        let mut quota = Quota::new(std::slice::from_ref(cap));
        gains(&mut sorted.iter().filter(|(item, _)| quota.take(*item)))
    });
    by.collect()
}

/// Whether a closed form agrees with the mean of what was drawn, whose standard error is given.
///
/// Where hits are rare, the draws may hold none, and their standard error is 0 although the
/// expectation is not: 20 expected hits are all missed once in 500 million sweeps, so 20
/// steps more are allowed.
fn agrees(closed: f64, drawn: f64, error: f64, step: f64) -> bool {
    let rounding = 1e-12 + 1e-9 * closed.abs().max(drawn.abs());
    (closed - drawn).abs() <= 6.0 * error + 20.0 * step + rounding
}

/// A user as a random ranking sees them: so many items to draw from, of which some are targets.
struct User<'a> {
    name: &'a str,
    /// What the user counts in means.
    vote: f64,
    candidates: usize,
    /// How many places a list of this user has.
    places: usize,
    /// Gains of the targets that can be drawn.
    gains: Vec<f64>,
    targets: &'a [f64],
    masked: &'a [u32],
    /// Which items can be drawn, where some metric reads them: those targets first.
    others: Option<Others<'a>>,
    /// The values of a list without a hit, which most random lists are, by metrics of hits.
    missed: Vec<f64>,
    /// The list of a user without a past, where nothing is random.
    answer: Option<Answer>,
}

/// The list that a user gets whatever the model.
struct Answer {
    items: Vec<u32>,
    gains: Vec<f64>,
    /// What it is worth by metric; 0 where a metric gives users no values.
    values: Vec<f64>,
    hit: bool,
}

impl Answer {
    /// The list at a place of some lists, which is that of a user asked.
    fn new(
        fold: &FoldData,
        user: usize,
        (lists, at): (&Lists, usize),
        depth: usize,
        measures: &[Bound],
    ) -> Result<Self> {
        let ranked = lists.ranked.get(at);
        let targets = fold.reachable.get(user);
        let items: Vec<u32> = ranked.iter().map(|(item, _)| *item).collect();
        let gains: Vec<f64> = items.iter().map(|&item| gain(targets, item)).collect();
        let listed = Listed {
            fold,
            user,
            ranked,
            cut: lists.cut.as_ref().map(|cut| &cut[at]),
            items: &items,
            gains: &gains,
        };
        let mut blind = Blind::default();
        let value = |measure: &Bound| {
            if measure.nature.over_lists {
                Ok(0.0)
            } else {
                measure.guarded(|| listed.value(measure, &mut blind))
            }
        };
        Ok(Self {
            values: measures.iter().map(value).collect::<Result<_>>()?,
            hit: listed.hit(depth),
            items,
            gains,
        })
    }
}

impl<'a> User<'a> {
    fn new(
        fold: &'a FoldData,
        at: usize,
        depth: usize,
        others: Option<Others<'a>>,
        measures: &[Bound],
    ) -> Result<Self> {
        let masked = fold.heard.get(at);
        let reachable = fold.reachable.get(at);
        let candidates = fold.summary.candidates - masked.len();
        let longest = fold.limits.caps.iter().map(|cap| cap.longest(masked));
        let mut user = Self {
            name: fold.name_of(at),
            vote: fold.votes[at],
            candidates,
            places: longest.fold(depth.min(candidates), usize::min),
            gains: reachable.iter().map(|t| t.1).collect(),
            targets: fold.targets.get(at),
            masked,
            others,
            missed: Vec::new(),
            answer: None,
        };
        let nothing = vec![0.0; user.places];
        let missed = measures.iter().map(|m| {
            if of_hits(m) {
                user.measure(m, &nothing)
            } else {
                Ok(0.0)
            }
        });
        user.missed = missed.collect::<Result<_>>()?;
        Ok(user)
    }

    /// The value of a list with the given gains; which items they are does not matter to a metric
    /// of hits.
    fn measure(&self, measure: &Bound, gains: &[f64]) -> Result<f64> {
        let items = vec![musicrec_api::MISSING; gains.len()];
        measure.user(&self.view(&items, gains), || self.name)
    }

    fn view<'l>(&'l self, items: &'l [u32], gains: &'l [f64]) -> UserView<'l> {
        UserView::new(items, gains, self.targets).with_masked(self.masked)
    }

    fn expected(&self, metric: usize, measure: &Bound) -> Result<Option<f64>> {
        if let Some(answer) = &self.answer {
            return Ok(Some(answer.values[metric]));
        }
        let view = ChanceView::new(self.candidates, &self.gains, self.targets);
        measure.chance(&view, || self.name)
    }

    /// The probability that a random list of `depth` holds a target: hypergeometric.
    fn hit_probability(&self, depth: usize) -> f64 {
        if let Some(answer) = &self.answer {
            return f64::from(answer.hit);
        }
        let misses = self.candidates - self.gains.len();
        let none: f64 = (0..depth.min(self.candidates))
            .map(|place| misses.saturating_sub(place) as f64 / (self.candidates - place) as f64)
            .product();
        1.0 - none
    }
}

/// Whether a metric gives each user a value that depends on hits alone.
fn of_hits(measure: &Bound) -> bool {
    !measure.nature.over_lists && !measure.nature.reads_items
}

/// The values of one complete random ranking: for each user the first places of a random order.
/// Whose list has a hit is counted.
fn draw(
    users: &[User],
    (depth, caps): (usize, &[Cap]),
    measures: &[Bound],
    (votes, hits): (f64, &[AtomicU32]),
    seed: u64,
) -> Result<Vec<f64>> {
    let mut random = rng(seed);
    let mut values = vec![0.0; measures.len()];
    // Metrics over lists need all of them at once.
    let keep = measures.iter().any(|m| m.nature.over_lists);
    let mut drawn: Vec<usize> = Vec::with_capacity(depth);
    let (mut all_items, mut all_gains) = (Vec::new(), Vec::new());
    let mut ends = Vec::with_capacity(users.len());
    let mut quota = Quota::new(caps);
    for (user, hits) in users.iter().zip(hits) {
        if !keep {
            all_items.clear();
            all_gains.clear();
        }
        let start = all_gains.len();
        if let Some(answer) = &user.answer {
            all_items.extend(&answer.items);
            all_gains.extend(&answer.gains);
            ends.push(all_gains.len());
            for (value, own) in values.iter_mut().zip(&answer.values) {
                *value += user.vote * own;
            }
            continue;
        }
        match &user.others {
            Some(others) if !caps.is_empty() => {
                quota.clear();
                drawn.clear();
                let mut order = Order::new(user.candidates);
                while drawn.len() < user.places
                    && let Some(number) = order.next(&mut random)
                {
                    if quota.take(others.item(number)) {
                        drawn.push(number);
                    }
                }
            }
            _ => places(&mut random, user.candidates, depth, &mut drawn),
        }
        let gain = |&item: &usize| user.gains.get(item).copied().unwrap_or(0.0);
        all_gains.extend(drawn.iter().map(gain));
        match &user.others {
            Some(others) => all_items.extend(drawn.iter().map(|&item| others.item(item))),
            None => all_items.resize(all_gains.len(), musicrec_api::MISSING),
        }
        ends.push(all_gains.len());
        let (items, gains) = (&all_items[start..], &all_gains[start..]);
        let hit = gains.iter().any(|gain| *gain > 0.0);
        hits.fetch_add(u32::from(hit), Ordering::Relaxed);
        for (at, measure) in measures.iter().enumerate() {
            if measure.nature.over_lists {
                continue;
            }
            let value = if of_hits(measure) && !hit && gains.len() == user.places {
                user.missed[at]
            } else {
                measure.user(&user.view(items, gains), || user.name)?
            };
            values[at] += user.vote * value;
        }
    }
    for value in &mut values {
        *value /= votes;
    }
    if keep {
        let mut start = 0;
        let views = users.iter().zip(ends).map(|(user, end)| {
            let list = start..end;
            start = end;
            user.view(&all_items[list.clone()], &all_gains[list])
        });
        let views: Vec<UserView> = views.collect();
        for (at, measure) in measures.iter().enumerate() {
            if measure.nature.over_lists {
                values[at] = measure.over_lists(&views)?;
            }
        }
    }
    Ok(values)
}
