//! The floor and the ceiling of a fold: what random rankings reach, exactly and drawn, and the
//! highest value that the fold permits.

use std::sync::atomic::{AtomicBool, Ordering};

use musicrec_api::{ChanceView, Result, UserView, derive_seed, rng};
use rand::RngExt as _;
use rayon::prelude::*;

use super::bound::{Bound, bind};
use super::fold::FoldData;
use crate::compare::mean_sd;
use crate::experiment::Metrics;

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
    /// The best value that any ranking could reach.
    pub(crate) ceiling: Vec<f64>,
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
    let users: Vec<User> = (0..fold.asked.len())
        .map(|at| User::new(fold, at, depth, &measures))
        .collect::<Result<_>>()?;
    let n: f64 = fold.votes.iter().sum();
    let draws: Vec<Vec<f64>> = (0..rankings)
        .into_par_iter()
        .map(|ranking| {
            if cancel.load(Ordering::Relaxed) {
                return Ok(vec![0.0; measures.len()]);
            }
            let seed = derive_seed(seed, &ranking.to_string());
            let sums = draw(&users, depth, &measures, seed)?;
            Ok(sums.iter().map(|sum| sum / n).collect())
        })
        .collect::<Result<_>>()?;
    let null: Vec<Vec<f64>> = (0..measures.len())
        .map(|metric| draws.iter().map(|d| d[metric]).collect())
        .collect();
    let mut ceiling = vec![0.0; measures.len()];
    // The most that one drawn list adds to the mean of all.
    let mut step = vec![0.0_f64; measures.len()];
    for user in &users {
        let mut best = user.gains.clone();
        best.sort_by(|a, b| b.total_cmp(a));
        best.truncate(depth);
        for (metric, measure) in measures.iter().enumerate() {
            let best = user.measure(measure, &best)?;
            ceiling[metric] += user.vote * best;
            let reach = user.vote * (best - user.missed[metric]).abs() / (n * rankings as f64);
            step[metric] = step[metric].max(reach);
        }
    }
    let mut expected = Vec::with_capacity(measures.len());
    let mut exact = Vec::with_capacity(measures.len());
    let mut refuted = Vec::with_capacity(measures.len());
    for (metric, (measure, null)) in measures.iter().zip(&null).enumerate() {
        let closed: Option<Vec<f64>> = users
            .iter()
            .map(|user| Ok(user.expected(measure)?.map(|value| user.vote * value)))
            .collect::<Result<_>>()?;
        let closed = closed.map(|of_users| of_users.iter().sum::<f64>() / n);
        let (drawn, sd) = mean_sd(null);
        let error = sd / (rankings as f64).sqrt();
        let agreed = closed.filter(|closed| agrees(*closed, drawn, error, step[metric]));
        expected.push(agreed.unwrap_or(drawn));
        exact.push(agreed.is_some());
        refuted.push(closed.filter(|_| agreed.is_none()));
    }
    let hit: Vec<f64> = users.iter().map(|u| u.hit_probability(depth)).collect();
    Ok(Chance {
        expected,
        exact,
        refuted,
        null,
        users_hit: hit.iter().sum(),
        hit,
        ceiling: ceiling.iter().map(|sum| sum / n).collect(),
        ceiling_users_hit: users.iter().filter(|u| !u.gains.is_empty()).count(),
    })
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
    /// Gains of the targets that can be drawn.
    gains: Vec<f64>,
    targets: &'a [f64],
    /// The values of a list without a hit, which most random lists are.
    missed: Vec<f64>,
}

impl<'a> User<'a> {
    fn new(fold: &'a FoldData, at: usize, depth: usize, measures: &[Bound]) -> Result<Self> {
        let mut user = Self {
            name: fold.name_of(at),
            vote: fold.votes[at],
            candidates: fold.summary.candidates - fold.heard.get(at).len(),
            gains: fold.reachable.get(at).iter().map(|t| t.1).collect(),
            targets: fold.targets.get(at),
            missed: Vec::new(),
        };
        let nothing = vec![0.0; depth.min(user.candidates)];
        user.missed = measures
            .iter()
            .map(|m| user.measure(m, &nothing))
            .collect::<Result<_>>()?;
        Ok(user)
    }

    /// The value of a list with the given gains; which items they are does not matter to a metric
    /// of hits.
    fn measure(&self, measure: &Bound, gains: &[f64]) -> Result<f64> {
        let items = vec![musicrec_api::MISSING; gains.len()];
        let view = UserView::new(&items, gains, self.targets);
        measure.user(&view, || self.name)
    }

    fn expected(&self, measure: &Bound) -> Result<Option<f64>> {
        let view = ChanceView::new(self.candidates, &self.gains, self.targets);
        measure.chance(&view, || self.name)
    }

    /// The probability that a random list of `depth` holds a target: hypergeometric.
    fn hit_probability(&self, depth: usize) -> f64 {
        let misses = self.candidates - self.gains.len();
        let none: f64 = (0..depth.min(self.candidates))
            .map(|place| misses.saturating_sub(place) as f64 / (self.candidates - place) as f64)
            .product();
        1.0 - none
    }
}

/// The sums over votes of one complete random ranking: for each user the first places of a random order.
fn draw(users: &[User], depth: usize, measures: &[Bound], seed: u64) -> Result<Vec<f64>> {
    let mut random = rng(seed);
    let mut sums = vec![0.0; measures.len()];
    let mut drawn: Vec<usize> = Vec::with_capacity(depth);
    let mut gains: Vec<f64> = Vec::with_capacity(depth);
    for user in users {
        drawn.clear();
        gains.clear();
        let mut hit = false;
        for _ in 0..depth.min(user.candidates) {
            // Lists are short, so drawing again on a repeat is cheaper than a shuffle. A list as
            // long as the catalogue still ends: every number is met sooner or later.
            let item = loop {
                let item = random.random_range(0..user.candidates);
                if !drawn.contains(&item) {
                    break item;
                }
            };
            drawn.push(item);
            let gain = user.gains.get(item).copied().unwrap_or(0.0);
            hit |= gain > 0.0;
            gains.push(gain);
        }
        for (at, measure) in measures.iter().enumerate() {
            let value = if hit {
                user.measure(measure, &gains)?
            } else {
                user.missed[at]
            };
            sums[at] += user.vote * value;
        }
    }
    Ok(sums)
}
