//! Items that are heard by the same people as what the user hears.

use std::sync::Arc;

use musicrec_api::{
    Cost, FitContext, Fraction, InteractionMatrix, Model, Recommender, Result, RowScorer, Scores,
    Shape, Train, Users, register,
};
use ndarray::ArrayViewMut2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Recommends what is heard by the people who hear what the user hears: item co-occurrence.
///
/// Formula: `score(u, i) = Σ_j Σ_v 1 / (n_j · n_i^damping)`, over the items j of user u and the users
/// v who heard both j and i, where `n_i` is the number of users of item i. With `damping = 0` what
/// everybody hears wins; with 1 it counts no more than what few hear. How strong an interaction is
/// does not matter, only that there is one.
///
/// ```toml
/// [model.my_plugin]
/// damping = 0.5
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MyPlugin {
    /// How much popular items are held back, from 0 (not at all) to 1. Default 0.5.
    pub damping: Fraction,
}

impl Default for MyPlugin {
    fn default() -> Self {
        Self {
            damping: Fraction::new(0.5).expect("0.5 is a fraction"),
        }
    }
}

#[typetag::serde(name = "my_plugin")]
impl Model for MyPlugin {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let items_of_user = train.interactions.clone();
        // Made once for all trials that differ in `damping` alone; were it to depend on a parameter,
        // that would belong into the key.
        let users_of_item = context.shared("my_plugin/users_of_item", || {
            Ok(items_of_user.transpose_view().to_csr())
        })?;
        let counts = users_of_item.outer_iterator().map(|users| users.nnz());
        let factors = counts
            .map(|n| (n.max(1) as f64).powf(-self.damping.get()))
            .collect();
        Ok(Box::new(Fitted {
            items_of_user,
            users_of_item,
            factors,
        }))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    /// For `musicrec-lab plan`: what a fit takes, roughly.
    fn cost(&self, shape: &Shape) -> Option<Cost> {
        Some(Cost {
            operations: shape.cells as f64,
            bytes: 16.0 * shape.cells as f64,
        })
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Model, MyPlugin, "my_plugin", revision = 1);

/// What `fit` returns: all that is needed to score.
struct Fitted {
    items_of_user: InteractionMatrix,
    users_of_item: Arc<InteractionMatrix>,
    /// What popularity leaves of an item's score.
    factors: Vec<f64>,
}

impl Recommender for Fitted {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }
}

impl RowScorer for Fitted {
    /// The lab asks for a batch of users at a time and sees to threads, ranking and masking.
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        for (&user, mut row) in users.iter().zip(out.rows_mut()) {
            let mut sums = vec![0.0_f64; row.len()];
            for &heard in heard_by(&self.items_of_user, user) {
                let listeners = heard_by(&self.users_of_item, heard);
                let share = 1.0 / listeners.len() as f64;
                for &listener in listeners {
                    for &item in heard_by(&self.items_of_user, listener) {
                        sums[item as usize] += share;
                    }
                }
            }
            for ((score, sum), factor) in row.iter_mut().zip(sums).zip(&self.factors) {
                *score = (sum * factor) as f32;
            }
        }
    }
}

/// The columns of a row that are not empty.
fn heard_by(matrix: &InteractionMatrix, row: u32) -> &[u32] {
    let range = matrix.indptr().outer_inds_sz(row as usize);
    &matrix.indices()[range]
}

#[cfg(test)]
mod tests {
    use super::MyPlugin;
    use musicrec_api::{
        Events, FitContext, Fraction, Model, Scores, Train, Users, conformance,
    };
    use ndarray::Array2;

    #[test]
    fn what_similar_users_hear_comes_first() {
        // u and v share a; v also hears b. Nobody who hears c hears anything of u.
        let events = Events::from_pairs([("u", "a"), ("v", "a"), ("v", "b"), ("w", "c")]);
        let train = Train::new(events, &[1.0; 4]);
        let model = MyPlugin {
            damping: Fraction::new(0.0).expect("0 is a fraction"),
        };
        let fitted = model.fit(&train, &FitContext::new(0)).expect("a fit");
        let Scores::Rows(rows) = fitted.scores(&Users::new(&[0])).expect("scores") else {
            panic!("it scores row by row");
        };
        let mut out = Array2::zeros((1, 3));
        rows.score(&[0], out.view_mut());
        assert_eq!(out.row(0).to_vec(), [1.0, 0.5, 0.0]);
    }

    #[test]
    fn it_keeps_the_promises_of_a_model() {
        conformance::model("my_plugin");
    }
}
