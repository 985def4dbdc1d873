//! Lists drawn by lot.

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, Recommender, Result, RowScorer, Scores, Shape,
    Tensors, Train, Users, derive_seed, register, rng,
};
use ndarray::ArrayViewMut2;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every user gets the items in an order drawn by lot: what a model without any knowledge reaches,
/// and how far luck alone carries.
///
/// Formula: `score(u, i) = −position of i in a random permutation of the items`, drawn anew for each
/// user from the trial's seed and the user's index (the user's id for users who are held out whole).
/// There are no ties, so the order of ids plays no
/// part.
///
/// ```toml
/// model = "random"
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Random {}

#[typetag::serde(name = "random")]
impl Model for Random {
    fn fit(&self, _: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let seed = derive_seed(context.seed, "random permutations");
        Ok(Box::new(Lots { seed }))
    }

    fn load(&self, mut saved: Tensors, _: InteractionMatrix) -> Result<Box<dyn Recommender>> {
        let seed = saved.take_integer("seed")?;
        Ok(Box::new(Lots { seed }))
    }

    fn is_stochastic(&self) -> bool {
        true
    }

    fn reads_weights(&self) -> bool {
        false
    }

    fn cost(&self, _: &Shape) -> Option<Cost> {
        // The lots are drawn when somebody asks.
        Some(Cost {
            operations: 0.0,
            bytes: 0.0,
        })
    }
}

register!(Model, Random, "random", revision = 1);

/// All that is needed to draw any user's order.
struct Lots {
    seed: u64,
}

impl Recommender for Lots {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }

    /// Lots can be drawn for anybody.
    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        let ids = given.events.users.iter();
        let seed = derive_seed(self.seed, "held out");
        Ok(Some(Box::new(HeldOut {
            seeds: ids.map(|id| derive_seed(seed, id)).collect(),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert("seed", vec![1], vec![self.seed]);
        Some(saved)
    }
}

impl RowScorer for Lots {
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>) {
        draw(|user| derive_seed(self.seed, &user.to_string()), users, out);
    }
}

/// The seeds of people it has not learned from: by their ids, for their numbers depend on who else
/// is held out.
struct HeldOut {
    seeds: Vec<u64>,
}

impl Recommender for HeldOut {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }
}

impl RowScorer for HeldOut {
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>) {
        draw(|user| self.seeds[user as usize], users, out);
    }
}

/// Fills each user's row with an order drawn by the user's seed.
fn draw(seed: impl Fn(u32) -> u64, users: &[u32], mut out: ArrayViewMut2<f32>) {
    let mut order: Vec<u32> = Vec::with_capacity(out.ncols());
    for (&user, mut row) in users.iter().zip(out.rows_mut()) {
        let mut rng = rng(seed(user));
        order.clear();
        order.extend(0..row.len() as u32);
        for last in (1..order.len()).rev() {
            // Fisher–Yates. Scaling 32 random bits favors no item by more than n / 2³², and
            // unlike a library's shuffle it can never change under our feet.
            let draw = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
            order.swap(last, draw as usize);
        }
        // Counted down from 0, so that the top of the list is exact in f32 for any number of items.
        for (position, &item) in order.iter().enumerate() {
            row[item as usize] = -(position as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;
    use musicrec_api::{Events, FitContext, Model, Scores, Train, Users};
    use ndarray::Array2;

    fn rows(seed: u64, users: &[u32], items: usize) -> Array2<f32> {
        let train = Train::new(Events::default(), &[]);
        let fitted = Random {}.fit(&train, &FitContext::new(seed)).unwrap();
        let Scores::Rows(scorer) = fitted.scores(&Users::new(users)).unwrap() else {
            panic!("random scores row by row");
        };
        let mut out = Array2::from_elem((users.len(), items), f32::NAN);
        scorer.score(users, out.view_mut());
        out
    }

    #[test]
    fn a_row_is_a_permutation_that_depends_on_seed_and_user_alone() {
        let all = rows(7, &[0, 1, 2, 3], 50);
        for row in all.rows() {
            let mut places: Vec<f32> = row.iter().map(|score| -score).collect();
            places.sort_by(f32::total_cmp);
            assert!(places.iter().zip(0u16..).all(|(&p, at)| p == f32::from(at)));
        }
        assert_eq!(rows(7, &[2], 50).row(0), all.row(2));
        assert_eq!(
            rows(7, &[1, 3], 50).rows().into_iter().collect::<Vec<_>>(),
            [all.row(1), all.row(3)]
        );
        assert_ne!(all.row(0), all.row(1));
        assert_ne!(rows(8, &[0], 50).row(0), all.row(0));
    }

    #[test]
    fn every_item_is_equally_often_on_top() {
        let users: Vec<u32> = (0..8000).collect();
        let scores = rows(1, &users, 8);
        // 1000 expected each; the standard deviation is 29.6.
        for item in 0..8 {
            let tops = scores.column(item).iter().filter(|&&s| s == 0.0).count();
            assert!(tops.abs_diff(1000) < 120, "item {item}: {tops}");
        }
    }

    #[test]
    fn no_items_and_no_users_are_no_trouble() {
        assert_eq!(rows(7, &[], 5).dim(), (0, 5));
        assert_eq!(rows(7, &[3], 0).dim(), (1, 0));
    }
}
