//! Paired comparison of variants: the same users, two values each.

use musicrec_api::rng;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::Rng as _;
use rayon::prelude::*;
use serde::Serialize;

use super::interval::symmetric;
use super::resample::{Weigh, blocks};
use super::{INFORMATIVE, LEVEL, ROUNDING, apart, detectable, mean_sd, normal};

/// How many random sign flips a p-value rests on at least; with many pairs 100 a pair, so that the
/// smallest p survives any adjustment for their number.
const FLIPS: usize = 10_000;

/// Where so many users differ, a few more or fewer by luck no longer decide.
const RARE: f64 = 1_000.0;

/// Multiply-adds that the flips of all pairs may cost (some seconds on two cores): 10,000 flips of
/// 500,000 users and ten variants. Beyond it the paired t-test answers, which then agrees.
const AFFORDABLE: usize = 50_000_000_000;

/// A paired difference of means over users.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct Difference {
    /// Mean of the one less mean of the other.
    pub(crate) value: f64,
    /// Ends of the symmetric 95 % bootstrap interval over users; none unless `informative`.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// The difference by the mean of the other; none if that is 0.
    pub(crate) relative: Option<f64>,
    /// Cohen's dz: the mean difference by its standard deviation over users; none if that is 0.
    pub(crate) dz: Option<f64>,
    /// Users who do better, equally well and worse.
    pub(crate) wins: usize,
    pub(crate) ties: usize,
    pub(crate) losses: usize,
    /// How many users differ with one seed of each, on average over the seeds: with one seed, wins
    /// and losses together, with several fewer.
    pub(crate) differing: f64,
    /// Whether these are enough for an interval and a p-value to mean anything.
    pub(crate) informative: bool,
    /// Two-sided p-value; none unless `informative`.
    pub(crate) p: Option<f64>,
    /// That, adjusted for all questions of its family.
    pub(crate) p_adjusted: Option<f64>,
    /// Which test it is from.
    pub(crate) method: Method,
    /// The smallest difference that could have been shown, see [`Difference::in_family`]; none unless
    /// `informative`.
    pub(crate) detectable: Option<f64>,
    /// Standard error of the difference over users.
    #[serde(skip)]
    error: f64,
}

/// The test that a p-value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Paired randomization (sign flips).
    Randomization,
    /// Paired t, where there are too many users and variants for flips.
    T,
    /// None: too few users differ.
    None,
}

impl Difference {
    /// The same within a family of questions: with its adjusted p-value, and with the smallest
    /// difference that could have been shown with a power of 80 % at the level of the correction's
    /// first step (5 % by the size of the family, two-sided), for that is the level it would have had
    /// to meet if nothing else differed.
    pub(crate) fn in_family(mut self, p_adjusted: Option<f64>, family: usize) -> Self {
        let level = LEVEL / 2.0 / family.max(1) as f64;
        self.p_adjusted = p_adjusted;
        self.detectable = self.informative.then(|| detectable(level) * self.error);
        self
    }

    /// Whether it is shown not to be 0.
    pub(crate) fn is_shown(&self) -> bool {
        self.p_adjusted.is_some_and(|p| p < LEVEL)
    }

    /// Whether it is shown to be above 0.
    pub(crate) fn is_gain(&self) -> bool {
        self.is_shown() && self.value > 0.0
    }

    /// Whether it is shown to be below 0.
    pub(crate) fn is_loss(&self) -> bool {
        self.is_shown() && self.value < 0.0
    }

    /// The other way round, in words of the other's mean.
    pub(crate) fn reversed(mut self, base: f64) -> Self {
        self.value = -self.value;
        (self.low, self.high) = (self.high.map(|h| -h), self.low.map(|l| -l));
        self.relative = relative(self.value, base);
        self.dz = self.dz.map(|d| -d);
        (self.wins, self.losses) = (self.losses, self.wins);
        self
    }
}

#[cfg(test)]
impl Difference {
    /// A difference that `differing` users show, with its interval and adjusted p-value.
    pub(crate) fn example(value: f64, half: f64, differing: usize, p_adjusted: f64) -> Self {
        let informative = differing >= INFORMATIVE;
        let known = |v: f64| informative.then_some(v);
        Self {
            value,
            low: known(value - half),
            high: known(value + half),
            relative: Some(value / 0.04),
            dz: Some(0.1),
            wins: differing,
            ties: 100 - differing,
            losses: 0,
            differing: differing as f64,
            informative,
            p: known(p_adjusted),
            p_adjusted: known(p_adjusted),
            method: Method::Randomization,
            detectable: known(1.4 * half),
            error: half / 2.0,
        }
    }
}

/// None if there is nothing to relate to.
fn relative(value: f64, base: f64) -> Option<f64> {
    (base != 0.0).then(|| value / base)
}

/// All variants' values on one metric, ready to be compared two by two.
pub(crate) struct Pairs {
    /// For each variant its values, users × seeds.
    seeds: Vec<Array2<f64>>,
    /// Their means over the seeds, users × variants.
    values: Array2<f64>,
    means: Vec<f64>,
    p: Vec<Option<f64>>,
    method: Method,
}

impl Pairs {
    /// Tests every pair of variants, of which each has a table of its own: a row a user, a column a
    /// seed.
    pub(crate) fn new(seeds: Vec<Array2<f64>>, seed: u64) -> Self {
        let users = seeds.first().map_or(0, Array2::nrows);
        let mut values = Array2::zeros((users, seeds.len()));
        for (mut column, seeds) in values.columns_mut().into_iter().zip(&seeds) {
            column.assign(&(seeds.sum_axis(Axis(1)) / seeds.ncols() as f64));
        }
        let means = values.sum_axis(Axis(0)) / users.max(1) as f64;
        let mut pairs = Self {
            seeds,
            values,
            means: means.to_vec(),
            p: Vec::new(),
            method: Method::None,
        };
        let variants = every_pair(pairs.seeds.len());
        let flips = FLIPS.max(100 * variants.len());
        (pairs.p, pairs.method) = match randomization(&pairs.values, &variants, flips, seed) {
            Some(p) => {
                let pairs = &pairs;
                let both = variants.par_iter().zip(p);
                let p = both.map(|(&(a, b), p)| Some(pairs.seed_by_seed(a, b, p, flips, seed)));
                (p.collect(), Method::Randomization)
            }
            None => (pairs.t(), Method::T),
        };
        pairs
    }

    /// The first less the second, given the bootstrap means of both.
    pub(crate) fn difference(&self, a: usize, b: usize, of_a: &[f64], of_b: &[f64]) -> Difference {
        let users = self.values.nrows();
        let differences = self.differences(a, b);
        let count = |holds: fn(&f64) -> bool| differences.iter().filter(|d| holds(d)).count();
        let (wins, losses) = (count(|d| *d > 0.0), count(|d| *d < 0.0));
        let differing = self.differing(a, b);
        let informative = differing >= INFORMATIVE as f64;
        let (value, sd) = mean_sd(&differences);
        let resampled = of_a.iter().zip(of_b).map(|(a, b)| a - b);
        let half = informative.then(|| symmetric(value, resampled, users));
        Difference {
            value,
            low: half.map(|h| value - h),
            high: half.map(|h| value + h),
            relative: relative(value, self.means[b]),
            // All the same but for the last bits is no spread.
            dz: (sd > ROUNDING * value.abs()).then(|| value / sd),
            wins,
            ties: users - wins - losses,
            losses,
            differing,
            informative,
            p: self.p[pair(a.min(b), a.max(b))].filter(|_| informative),
            p_adjusted: None,
            method: if informative {
                self.method
            } else {
                Method::None
            },
            detectable: None,
            error: sd / (users as f64).sqrt(),
        }
    }

    /// The p-value of means over seeds, but no less than the mean of the p-values with one seed at a
    /// time, where the two have unequal numbers of seeds and hits are rare.
    ///
    /// A mean over seeds differs a little for many users, a single run much for few. If those few are
    /// fewer by bad luck, nothing in the data says so, and signs that are flipped find it too
    /// unlikely: on logs without any signal 7 % of such pairs were told apart instead of 5 %. With
    /// one seed at a time both sides are alike.
    fn seed_by_seed(&self, a: usize, b: usize, p: f64, flips: usize, seed: u64) -> f64 {
        let (one, other) = (&self.seeds[a], &self.seeds[b]);
        let unequal = one.ncols() != other.ncols();
        if !unequal || p >= LEVEL || self.differing(a, b) >= RARE {
            return p;
        }
        let Ok(both) = concatenate(Axis(1), &[one.view(), other.view()]) else {
            return p;
        };
        let behind = one.ncols();
        let each: Vec<(usize, usize)> = (0..other.ncols())
            .flat_map(|at| (0..behind).map(move |seed| (seed, behind + at)))
            .collect();
        match randomization(&both, &each, flips, seed) {
            Some(all) => p.max(all.iter().sum::<f64>() / all.len() as f64),
            None => p,
        }
    }

    /// How many users differ with one seed of each: the mean over all of these.
    ///
    /// Means over seeds differ for many more users, each by a little. That is no more knowledge: a
    /// model whose five seeds hit four users each would differ from one without seeds for twenty and
    /// more, and be called better wherever the other hits none by bad luck.
    fn differing(&self, a: usize, b: usize) -> f64 {
        let mut total = 0;
        for one in self.seeds[a].columns() {
            for other in self.seeds[b].columns() {
                let differ = |(x, y): &(&f64, &f64)| apart(**x, **y) != 0.0;
                total += one.into_iter().zip(other).filter(differ).count();
            }
        }
        total as f64 / (self.seeds[a].ncols() * self.seeds[b].ncols()).max(1) as f64
    }

    /// The mean of a variant over users.
    pub(crate) fn mean(&self, variant: usize) -> f64 {
        self.means[variant]
    }

    fn differences(&self, a: usize, b: usize) -> Vec<f64> {
        let users = self.values.column(a).into_iter().zip(self.values.column(b));
        users.map(|(a, b)| apart(*a, *b)).collect()
    }

    /// The paired t-test of every pair. Student 1908; as good as randomization at the sizes at which
    /// it is used: Urbano, Lima & Hanjalic, SIGIR 2019.
    fn t(&self) -> Vec<Option<f64>> {
        let n = self.values.nrows() as f64;
        let all = every_pair(self.values.ncols());
        let of = |&(a, b): &(usize, usize)| {
            let (mean, sd) = mean_sd(&self.differences(a, b));
            (sd > 0.0).then(|| normal::two_sided_t(mean / (sd / n.sqrt()), n - 1.0))
        };
        all.par_iter().map(of).collect()
    }
}

/// The place of a pair with a < b in the order of [`every_pair`].
fn pair(a: usize, b: usize) -> usize {
    b * (b - 1) / 2 + a
}

/// (0, 1), (0, 2), (1, 2), (0, 3), …
fn every_pair(variants: usize) -> Vec<(usize, usize)> {
    (0..variants)
        .flat_map(|b| (0..b).map(move |a| (a, b)))
        .collect()
}

/// The paired randomization test of every pair of columns: if two variants were alike, each user's two
/// values could as well be swapped. p = (1 + flips that differ at least as much) / (1 + flips).
///
/// Fisher 1935; Smucker, Allan & Carterette, CIKM 2007; for recommenders Ihemelandu & Ekstrand, SIGIR
/// 2023. All pairs share a user's sign, so that the flipped differences of pairs are differences of
/// flipped columns, and one product of matrices answers for all. None if that costs more than is
/// [`AFFORDABLE`].
fn randomization(
    values: &Array2<f64>,
    pairs: &[(usize, usize)],
    flips: usize,
    seed: u64,
) -> Option<Vec<f64>> {
    if pairs.is_empty() {
        return Some(Vec::new());
    }
    // Against the first variant, for users whom all variants treat alike then drop out.
    let first = values.column(0);
    let apart = Array2::from_shape_fn(values.dim(), |(user, column)| {
        apart(values[[user, column]], first[user])
    });
    let differing = apart
        .outer_iter()
        .filter(|row| row.iter().any(|v| *v != 0.0))
        .count();
    if flips.saturating_mul(differing * values.ncols()) > AFFORDABLE {
        return None;
    }
    let sums = apart.sum_axis(Axis(0));
    let sizes = apart.mapv(f64::abs).sum_axis(Axis(0));
    // Sums of the same numbers in another order are equal but for the last bits.
    let least: Vec<f64> = pairs
        .iter()
        .map(|&(a, b)| (sums[a] - sums[b]).abs() - 1e-12 * (sizes[a] + sizes[b]))
        .collect();
    let reached = |flipped: ArrayView2<f64>| -> Vec<u32> {
        let of = |(&(a, b), least): (&(usize, usize), &f64)| {
            let sums = flipped.column(a).into_iter().zip(flipped.column(b));
            sums.filter(|(a, b)| (*a - *b).abs() >= *least).count() as u32
        };
        pairs.iter().zip(&least).map(of).collect()
    };
    let blocks = blocks(&apart, flips, seed, &Signs, reached);
    let count = |at: usize| blocks.iter().map(|b| f64::from(b[at])).sum::<f64>();
    let p = |at| (1.0 + count(at)) / (1.0 + flips as f64);
    Some((0..pairs.len()).map(p).collect())
}

/// A random sign for every user.
struct Signs;

impl Weigh for Signs {
    fn weigh(&self, seed: u64, slots: &[u32], weights: &mut [f64]) {
        let mut random = rng(seed);
        for users in slots.chunks(64) {
            let mut bits = random.next_u64();
            for &slot in users {
                weights[slot as usize] = f64::from_bits(1.0_f64.to_bits() | (bits & 1) << 63);
                bits >>= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
