//! Matrix factorization of implicit feedback by alternating least squares.

mod basis;
mod change;
mod conjugate_gradients;
mod cost;
mod equations;
mod exact;
mod gram;
mod half_step;
mod lanes;
mod loss;
mod symmetric;
#[cfg(test)]
mod tests;
mod why;

use std::num::NonZeroUsize;

use musicrec_api::{
    Cost, Error, FitContext, InteractionMatrix, Model, NonNegative, Reasons, Recommender, Result,
    Scores, Shape, Steps, Tensors, Train, Users, derive_seed, register, rng,
};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::{Rng, RngExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::real::Real;
use crate::train::{by_item, ensure_interactions, reserve, save_factors, saved_factors};
use half_step::{HalfStep, Unsolvable};
use why::Histories;

/// Alternating least squares on implicit feedback: each user and each item becomes a vector of
/// `factors` numbers, and the score is the inner product of the two.
///
/// Formula: minimize over all users u and items i, heard or not,
///
/// `Σ c(u,i) (p(u,i) − x_u·y_i)² + Σ_u λ_u |x_u|² + Σ_i λ_i |y_i|²`
///
/// where `p = 1` for items heard and 0 for the rest, the confidence is `c = 1 + alpha · r(u,i)` with r
/// from the weighting (so 1 where nothing was heard), and `λ_u = λ_i = regularization`, or with
/// `scale_regularization_by_counts` `λ_u = regularization · n_u` and `λ_i = regularization · n_i`, n
/// being the number of items of the user or of users of the item. An iteration solves for all users,
/// then for all items. Who has no interaction of weight above 0 gets zeros. Users who are held out
/// whole are solved for exactly by the same equations from what is given of them, the items held fast.
///
/// The first factors are drawn uniformly from [0, 0.01), as the package `implicit` draws them: small,
/// so that they do not weigh against the data in the first half iteration.
/// Mind that `implicit` takes its data for the confidence itself: give it `1 + alpha · r` and
/// `alpha = 1` to have the same model.
///
/// Source: Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008;
/// conjugate gradients: Takács, Pilászy, Tikk, "Applications of the Conjugate Gradient Method for
/// Implicit Feedback Collaborative Filtering", 2011; scaled regularization: Zhou et al., "Large-scale
/// Parallel Collaborative Filtering for the Netflix Prize", AAIM 2008.
///
/// ```toml
/// [model.als]
/// factors = 64
/// regularization = 0.01
/// alpha = 10
/// iterations = 15
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Als {
    /// Length of the vectors of users and items; at least 1, default 64.
    pub factors: NonZeroUsize,
    /// λ, what long vectors cost; at least 0, default 0.01. With 0 the equations may have no unique
    /// solution, which is an error.
    pub regularization: NonNegative,
    /// How much confidence a unit of interaction strength adds to the 1 that every cell has; at least
    /// 0, default 10. The paper used 40 for shares of a show watched; larger strengths want less.
    pub alpha: NonNegative,
    /// How often users and items are solved for; at least 1, default 15.
    pub iterations: NonZeroUsize,
    /// The fit ends once an iteration lowers the loss by less than this share of it, such as 0.001, and `iterations` is the
    /// most it takes; at least 0, default 0: all iterations. Records list the loss after each.
    pub tolerance: NonNegative,
    /// How the equations of a row are solved. Default `conjugate_gradients`.
    pub solver: Solver,
    /// Steps a row of the solver `conjugate_gradients`, which starts from the row's last factors and is
    /// preconditioned, so few are enough; at least 1, default 3. The solver `exact` has no use for it.
    pub cg_steps: NonZeroUsize,
    /// Whether λ is multiplied by the number of interactions of the user or item; default false.
    /// Then values near 0.001 to 0.1 act about as 0.1 to 10 do without.
    pub scale_regularization_by_counts: bool,
}

/// How the least-squares equations of one user or item are solved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Solver {
    /// Directly, by factorizing each row's matrix: factors × factors, or as many rows and columns as it has cells where
    /// that is less. In f32, or in f64 where some confidence is above 1000. Two to four times slower.
    Exact,
    /// Approximately, by a few steps of conjugate gradients from the last iteration's factors, in
    /// coordinates in which `YᵀY + λI` (Y being the factors of the other side) is the unit matrix.
    #[default]
    ConjugateGradients,
}

impl Default for Als {
    fn default() -> Self {
        let count = |n| NonZeroUsize::new(n).expect("not zero");
        let number = |x| NonNegative::new(x).expect("not negative");
        Self {
            factors: count(64),
            regularization: number(0.01),
            alpha: number(10.0),
            iterations: count(15),
            tolerance: number(0.0),
            solver: Solver::default(),
            cg_steps: count(3),
            scale_regularization_by_counts: false,
        }
    }
}

#[typetag::serde(name = "als")]
impl Model for Als {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let cells = &train.interactions;
        ensure_interactions(train, "als")?;
        let by_item = by_item(train, context)?;
        let (mut users, mut items) = self.starting_factors(train, context)?;
        let mut before = None;
        self.iterate(
            [cells, &by_item],
            &mut users,
            &mut items,
            |halves, users, items, loss| {
                context.check_cancelled()?;
                let (whole, is_half) = (halves / 2, halves % 2 == 1);
                if is_half || whole == 0 {
                    return Ok(Then::GoOn);
                }
                context.loss(whole, loss)?;
                let ended = self.tolerance.get() > 0.0
                    && before.is_some_and(|before| before - loss < self.tolerance.get() * before);
                before = Some(loss);
                // More iterations would change nothing any more, so this is the state after all later ones.
                let last = if ended { self.iterations.get() } else { whole };
                for step in (whole..=last).filter(|&step| context.wants(step)) {
                    let state = Factors {
                        als: self.clone(),
                        users: users.into(),
                        items: items.into(),
                        histories: None,
                    };
                    context.checkpoint(step, &state)?;
                }
                Ok(if ended { Then::Stop } else { Then::GoOn })
            },
        )?;
        Ok(Box::new(Factors {
            als: self.clone(),
            users: users.into(),
            items: items.into(),
            histories: None,
        }))
    }

    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let [users, items] = saved_factors(&mut saved, &interactions)?;
        Ok(Box::new(Factors {
            als: self.clone(),
            users: users.into(),
            items: items.into(),
            histories: Some(Histories::new(interactions)),
        }))
    }

    fn steps(&self) -> Option<Steps> {
        Some(Steps::new("iterations", self.iterations.get()))
    }

    fn is_stochastic(&self) -> bool {
        true
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        Some(cost::cost(self, shape))
    }
}

register!(Model, Als, "als", revision = 3);

/// How iterations go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Stop,
}

/// What ALS learned: borrowed while it learns, its own at the end.
struct Factors<'a> {
    als: Als,
    users: CowArray<'a, f32, Ix2>,
    items: CowArray<'a, f32, Ix2>,
    /// To say why; nobody asks a sweep.
    histories: Option<Histories>,
}

impl Recommender for Factors<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Factors {
            users: self.users.view(),
            items: self.items.view(),
        })
    }

    /// Half an iteration for these users alone, the items held fast.
    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        // There are no last factors that conjugate gradients could start from.
        let als = Als {
            solver: Solver::Exact,
            ..self.als.clone()
        };
        let factors = self.items.ncols();
        let mut users = reserve("als", given.n_users(), factors)?;
        users.resize(given.n_users() * factors, 0.0);
        let shape = (given.n_users(), factors);
        let mut users = Array2::from_shape_vec(shape, users).expect("as many as reserved");
        HalfStep::new(&als, &given.interactions)
            .solve(&self.items, &mut users)
            .map_err(|reason| {
                self.als.explain(
                    reason,
                    "a user who was held out",
                    "after the last iteration",
                )
            })?;
        Ok(Some(Box::new(FoldedIn {
            als: &self.als,
            users,
            items: self.items.view(),
            histories: Histories::new(given.interactions.clone()),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        Some(save_factors(&self.users, &self.items))
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let histories = self.histories.as_ref();
        let why = histories.map(|own| own.why(&self.als, &self.items.view(), user, items));
        why.transpose()
    }
}

/// Users it has not learned from, solved for.
struct FoldedIn<'a> {
    als: &'a Als,
    users: Array2<f32>,
    items: ArrayView2<'a, f32>,
    histories: Histories,
}

impl Recommender for FoldedIn<'_> {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Factors {
            users: self.users.view(),
            items: self.items.view(),
        })
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        self.histories
            .why(self.als, &self.items, user, items)
            .map(Some)
    }
}

impl Als {
    /// What ALS minimizes (the formula above), for judging a fit.
    pub fn loss(
        &self,
        interactions: &InteractionMatrix,
        users: &ArrayView2<f32>,
        items: &ArrayView2<f32>,
    ) -> f64 {
        loss::loss(self, interactions, users, items)
    }

    /// λ of a user or item with `count` interactions.
    fn regularization_of(&self, count: usize) -> f64 {
        if self.scale_regularization_by_counts {
            self.regularization.get() * count as f64
        } else {
            self.regularization.get()
        }
    }

    fn starting_factors(
        &self,
        train: &Train,
        context: &FitContext,
    ) -> Result<(Array2<f32>, Array2<f32>)> {
        let factors = self.factors.get();
        let shapes = [(train.n_users(), factors), (train.n_items(), factors)];
        if let Some(start) = context.start {
            let given = [start.users.dim(), start.items.dim()];
            if given != shapes {
                return Err(Error::model(format!(
                    "als was given starting factors of shapes {given:?} for users and items, but the \
                     fit part and `factors = {factors}` need {shapes:?}"
                )));
            }
            // A copy in standard layout, whatever the layout given.
            let copy = |of: &Array2<f32>| {
                Array2::from_shape_fn(of.dim(), |(row, column)| of[(row, column)])
            };
            return Ok((copy(&start.users), copy(&start.items)));
        }
        // The equations of one row are factors × factors in f64.
        reserve::<f64>("als", factors, factors)?;
        let draw = |(rows, columns), name| -> Result<Array2<f32>> {
            let mut rng = rng(derive_seed(context.seed, name));
            let mut values = reserve("als", rows, columns)?;
            values.extend((0..rows * columns).map(|_| 0.01 * uniform(&mut rng)));
            Ok(Array2::from_shape_vec((rows, columns), values).expect("as many as drawn"))
        };
        Ok((
            draw(shapes[0], "als user factors")?,
            draw(shapes[1], "als item factors")?,
        ))
    }

    /// All iterations, on the interactions by user and by item. `after_half` sees how many halves of
    /// iterations there were, the factors, and the loss (before the first half infinity), before the first and after
    /// each, and may stop it all, as an error does too.
    fn iterate<T: Real>(
        &self,
        [by_user, by_item]: [&InteractionMatrix; 2],
        users: &mut Array2<T>,
        items: &mut Array2<T>,
        mut after_half: impl FnMut(usize, &Array2<T>, &Array2<T>, f64) -> Result<Then>,
    ) -> Result<()> {
        let user_step = HalfStep::new(self, by_user);
        let item_step = HalfStep::new(self, by_item);
        after_half(0, users, items, f64::INFINITY)?;
        for iteration in 1..=self.iterations.get() {
            let when = format!("in iteration {iteration}");
            let explain = |reason, who| self.explain(reason, who, &when);
            let loss = user_step
                .solve(items, users)
                .map_err(|reason| explain(reason, "a user"))?;
            after_half(2 * iteration - 1, users, items, loss)?;
            let loss = item_step
                .solve(users, items)
                .map_err(|reason| explain(reason, "an item"))?;
            if after_half(2 * iteration, users, items, loss)? == Then::Stop {
                break;
            }
        }
        Ok(())
    }

    fn explain(&self, reason: Unsolvable, who: &str, when: &str) -> Error {
        let (regularization, alpha) = (self.regularization.get(), self.alpha.get());
        Error::model(match reason {
            Unsolvable::NotPositiveDefinite => format!(
                "als cannot solve the equations of {who} {when}: they have no unique \
                 solution in double precision; raise `regularization` (now {regularization:?}), lower \
                 `alpha` (now {alpha:?}) or choose fewer `factors` (now {})",
                self.factors
            ),
            Unsolvable::NotFinite => format!(
                "als diverged: the factors of {who} are not finite numbers {when}; \
                 raise `regularization` (now {regularization:?}) or lower `alpha` (now {alpha:?})"
            ),
        })
    }
}

/// Uniform in [0, 1), with the 24 bits that f32 holds.
fn uniform(rng: &mut impl Rng) -> f32 {
    rng.random()
}
