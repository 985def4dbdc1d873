//! Matrix factorization that learns to rank what was heard above what was not.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::iter::repeat_with;
use std::num::NonZeroUsize;

use musicrec_api::arithmetic::exp;
use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, NonNegative, Positive, Recommender, Result, Scores,
    Shape, Steps, Tensors, Train, Users, derive_seed, register, rng,
};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use pulp::Arch;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::products::cells;
use crate::train::{ensure_interactions, reserve, save_factors, saved_factors};

/// Bayesian personalized ranking: each user and each item becomes a vector, and learned is which of two items, one
/// heard and one not, has the higher score.
///
/// Formula: `score(u, i) = x_u·y_i + b_i`. In an iteration as many triples are drawn as there are interactions: an
/// interaction (u, i) and an item j, each uniformly; where u heard j nothing is learned. With
/// `g = 1 / (1 + exp(score(u, i) − score(u, j)))` a step of stochastic gradient ascent is
///
/// `x_u += η (g (y_i − y_j) − λ x_u)`, `y_i += η (g x_u − λ y_i)`, `y_j += η (−g x_u − λ y_j)`,
/// `b_i += η (g − λ b_i)`, `b_j += η (−g − λ b_j)`
///
/// with η the `learning_rate` and λ the `regularization`; the strength of interactions is not looked at. Steps are
/// taken one after the other, by a single thread, so that the result depends on the seed alone; other trials use
/// the other threads. The first factors are drawn uniformly between −½ and ½, divided by `factors`.
///
/// A grid that finds a good setting on most data: `factors.grid = [32, 64, 128]`,
/// `regularization.grid = [0.001, 0.01, 0.1]`, `learning_rate.grid = [0.02, 0.05, 0.1]`,
/// `iterations.grid = [25, 50, 100, 200]` (which is one fit, measured on the way).
///
/// Source: Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit
/// Feedback", UAI 2009.
///
/// ```toml
/// [model.bpr]
/// factors = 64
/// regularization = 0.01
/// learning_rate = 0.05
/// iterations = 100
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bpr {
    /// Length of the vectors of users and items; at least 1, default 64.
    pub factors: NonZeroUsize,
    /// λ, what large numbers cost; at least 0, default 0.01.
    pub regularization: NonNegative,
    /// η, how far a step goes; above 0, default 0.05.
    pub learning_rate: Positive,
    /// How often as many triples are drawn as there are interactions; at least 1, default 100.
    pub iterations: NonZeroUsize,
}

impl Default for Bpr {
    fn default() -> Self {
        let count = |n| NonZeroUsize::new(n).expect("not zero");
        Self {
            factors: count(64),
            regularization: NonNegative::new(0.01).expect("not negative"),
            learning_rate: Positive::new(0.05).expect("above 0"),
            iterations: count(100),
        }
    }
}

/// Triples that are drawn before their steps are gone: what is drawn depends on no step, and a step need not wait for
/// a search whose end the processor guessed wrong.
const AHEAD: usize = 1024;

#[typetag::serde(name = "bpr")]
impl Model for Bpr {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let interactions = &train.interactions;
        ensure_interactions(train, "bpr")?;
        // Who each interaction is of.
        let whose: Vec<u32> = interactions
            .outer_iterator()
            .enumerate()
            .flat_map(|(user, row)| std::iter::repeat_n(user as u32, row.nnz()))
            .collect();
        let (mut users, mut items) = self.start(train, context.seed)?;
        let mut triples = rng(derive_seed(context.seed, "bpr triples"));
        let (count, arch) = (whose.len(), Arch::new());
        let mut drawn = Vec::with_capacity(AHEAD);
        for iteration in 1..=self.iterations.get() {
            for first in (0..count).step_by(AHEAD) {
                context.check_cancelled()?;
                drawn.clear();
                for _ in first..count.min(first + AHEAD) {
                    let at = triples.random_range(0..count);
                    let (user, heard) = (whose[at] as usize, interactions.indices()[at] as usize);
                    let other = triples.random_range(0..train.n_items());
                    let (known, _) = cells(interactions, user);
                    if known.binary_search(&(other as u32)).is_err() {
                        drawn.push([user, heard, other]);
                    }
                }
                // Nothing is fused, so wider instructions change no bit.
                arch.dispatch(
                    #[inline(always)]
                    || {
                        for &[user, heard, other] in &drawn {
                            self.step(&mut users, &mut items, user, (heard, other));
                        }
                    },
                );
            }
            if iteration < self.iterations.get() && context.wants(iteration) {
                let state = Learned {
                    users: users.view().into(),
                    items: items.view().into(),
                };
                context.checkpoint(iteration, &state)?;
            }
        }
        Ok(Box::new(Learned {
            users: users.into(),
            items: items.into(),
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let [users, items] = saved_factors(&mut saved, &interactions)?;
        Ok(Box::new(Learned {
            users: users.into(),
            items: items.into(),
        }))
    }

    fn steps(&self) -> Option<Steps> {
        Some(Steps::new("iterations", self.iterations.get()))
    }

    fn is_stochastic(&self) -> bool {
        true
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let factors = self.factors.get() as f64 + 1.0;
        let cells = shape.cells as f64;
        // Three vectors are read and written; to find them takes as long as some sixty operations.
        Some(Cost {
            operations: self.iterations.get() as f64 * cells * (2.0 * factors + 60.0),
            bytes: 4.0 * (shape.users + shape.items) as f64 * factors + 4.0 * cells,
        })
    }
}

register!(Model, Bpr, "bpr", revision = 1);

impl Bpr {
    /// Factors, and behind them 1 for a user and the bias of an item.
    fn start(&self, train: &Train, seed: u64) -> Result<(Array2<f32>, Array2<f32>)> {
        let factors = self.factors.get();
        let draw = |rows, last: f32, name| {
            let mut rng = rng(derive_seed(seed, name));
            let length = factors.saturating_add(1);
            let mut values = reserve("bpr", rows, length)?;
            for _ in 0..rows {
                let drawn = || (rng.random::<f32>() - 0.5) / factors as f32;
                values.extend(repeat_with(drawn).take(factors));
                values.push(last);
            }
            Ok(Array2::from_shape_vec((rows, length), values).expect("as many as reserved"))
        };
        Ok((
            draw(train.n_users(), 1.0, "bpr user factors")?,
            draw(train.n_items(), 0.0, "bpr item factors")?,
        ))
    }

    #[inline(always)]
    fn step(
        &self,
        users: &mut Array2<f32>,
        items: &mut Array2<f32>,
        user: usize,
        (heard, other): (usize, usize),
    ) {
        let width = users.ncols();
        let user = &mut row_mut(users, user)[..width];
        let items = items.as_slice_mut().expect("standard layout");
        let [heard, other] = items
            .get_disjoint_mut([
                heard * width..(heard + 1) * width,
                other * width..(other + 1) * width,
            ])
            .expect("an item that was heard and one that was not");
        let apart = difference(user, heard, other);
        let pull = (1.0 / (1.0 + exp(f64::from(apart)))) as f32;
        let rate = self.learning_rate.get() as f32;
        let keep = self.regularization.get() as f32;
        // The bias is the last number; its counterpart, 1, stays.
        let factors = width - 1;
        for ((x, a), b) in user[..factors].iter_mut().zip(&mut *heard).zip(&mut *other) {
            let (was, liked, not) = (*x, *a, *b);
            *x += rate * (pull * (liked - not) - keep * was);
            *a += rate * (pull * was - keep * liked);
            *b += rate * (-pull * was - keep * not);
        }
        heard[factors] += rate * (pull - keep * heard[factors]);
        other[factors] += rate * (-pull - keep * other[factors]);
    }
}

#[inline(always)]
fn row_mut(matrix: &mut Array2<f32>, row: usize) -> &mut [f32] {
    let width = matrix.ncols();
    let values = matrix.as_slice_mut().expect("standard layout");
    &mut values[row * width..(row + 1) * width]
}

/// `x·(y − z)`, in eight sums of a fixed order, which the compiler may compute side by side.
#[inline(always)]
fn difference(x: &[f32], y: &[f32], z: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (y, y_rest) = y.as_chunks::<LANES>();
    let (z, z_rest) = z.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for ((x, y), z) in x.iter().zip(y).zip(z) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * (y[lane] - z[lane]);
        }
    }
    let rest = x_rest.iter().zip(y_rest).zip(z_rest);
    let rest: f32 = rest.map(|((x, y), z)| x * (y - z)).sum();
    rest + sums.iter().sum::<f32>()
}

/// What was learned: borrowed on the way, its own at the end.
struct Learned<'a> {
    users: CowArray<'a, f32, Ix2>,
    items: CowArray<'a, f32, Ix2>,
}

impl Recommender for Learned<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        let [users, items]: [ArrayView2<f32>; 2] = [self.users.view(), self.items.view()];
        Ok(Scores::Factors { users, items })
    }

    fn save(&self) -> Option<Tensors<'_>> {
        Some(save_factors(&self.users, &self.items))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bpr, difference};
    use musicrec_api::{Events, FitContext, Model, NonNegative, Positive, Scores, Train, Users};
    use ndarray::array;

    #[test]
    fn more_factors_than_fit_in_memory_are_an_error() {
        let train = Train::new(Events::from_pairs([("u", "a"), ("v", "b")]), &[1.0; 2]);
        for factors in [usize::MAX, usize::MAX / 64] {
            let bpr = Bpr {
                factors: std::num::NonZeroUsize::new(factors).unwrap(),
                ..Bpr::default()
            };
            let error = bpr.fit(&train, &FitContext::new(0)).err().unwrap();
            assert!(
                error.to_string().contains("bpr needs a matrix of 2"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_step_is_that_of_the_formula() {
        let bpr = Bpr {
            learning_rate: Positive::new(0.5).unwrap(),
            regularization: NonNegative::new(0.1).unwrap(),
            ..Bpr::default()
        };
        let mut users = array![[9.0, 9.0, 1.0], [1.0, -2.0, 1.0]];
        let mut items = array![[0.5, 0.25, 0.125], [9.0, 9.0, 9.0], [0.5, 1.0, 0.25]];
        bpr.step(&mut users, &mut items, 1, (0, 2));
        // The scores are 0.5 − 0.5 + 0.125 and 0.5 − 2 + 0.25.
        let g = (1.0 / (1.0 + (0.125_f64 + 1.25).exp())) as f32;
        let expected = array![
            [9.0, 9.0, 1.0],
            [
                1.0 + 0.5 * (g * 0.0 - 0.1),
                -2.0 + 0.5 * (g * -0.75 + 0.2),
                1.0
            ]
        ];
        let near = |a: &ndarray::Array2<f32>, b: &ndarray::Array2<f32>| {
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
        };
        assert!(near(&users, &expected), "{users}");
        let expected = array![
            [
                0.5 + 0.5 * (g - 0.05),
                0.25 + 0.5 * (g * -2.0 - 0.025),
                0.125 + 0.5 * (g - 0.0125)
            ],
            [9.0, 9.0, 9.0],
            [
                0.5 + 0.5 * (-g - 0.05),
                1.0 + 0.5 * (g * 2.0 - 0.1),
                0.25 + 0.5 * (-g - 0.025)
            ]
        ];
        assert!(near(&items, &expected), "{items}");
    }

    #[test]
    fn differences_are_those_of_scores_whatever_the_length() {
        for length in [1, 8, 19] {
            let x: Vec<f32> = (0..length).map(|at| at as f32 - 3.0).collect();
            let (y, z) = (vec![2.0; length], vec![1.5; length]);
            assert_eq!(difference(&x, &y, &z), x.iter().sum::<f32>() * 0.5);
        }
    }

    /// Two tastes that have nothing in common, and a hole in each.
    #[test]
    fn what_people_of_the_same_taste_heard_comes_first() {
        let pairs = (0..20).flat_map(|user| {
            (0..10)
                .filter(move |item| item % 2 == user % 2 && item / 2 != user / 4)
                .map(move |item| (user, item))
        });
        let pairs: Vec<_> = pairs
            .map(|(u, i)| (format!("{u:02}"), format!("{i}")))
            .collect();
        let events = Events::from_pairs(pairs.iter().map(|(u, i)| (u.as_str(), i.as_str())));
        let train = Train::new(events, &vec![1.0; pairs.len()]);
        let fitted = Bpr::default().fit(&train, &FitContext::new(3)).unwrap();
        let Scores::Factors { users, items } = fitted.scores(&Users::new(&[])).unwrap() else {
            panic!("these are factors");
        };
        for user in 0..20 {
            let score = |item: usize| users.row(user).dot(&items.row(item));
            let hole = 2 * (user / 4) + user % 2;
            for item in (0..10).filter(|item| item % 2 != user % 2) {
                assert!(score(hole) > score(item), "user {user}, item {item}");
            }
        }
    }
}
