//! The same list for everybody: what most people hear.

use musicrec_api::{
    Cost, FitContext, InteractionMatrix, Model, Recommender, Result, Scores, Shape, Tensors, Train,
    Users, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counts::{amount, of_items};

/// The most popular items first, the same for every user. The baseline that a personal model must
/// beat.
///
/// Formula, by the parameter `by`:
/// - `users`: `score(i)` = number of distinct users with any event with item i, weight 0 included;
/// - `plays`: `score(i)` = sum of the play counts of the events with item i, where a missing count is 1;
/// - `weight`: `score(i) = Σ_u r(u, i)`, the column sums of the interaction matrix, so the weighting decides.
///
/// ```toml
/// [model.popularity]
/// by = "users"
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Popularity {
    /// What is counted. Default `users`.
    pub by: PopularityBy,
}

/// What makes an item popular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum PopularityBy {
    /// Distinct users with any event with the item.
    #[default]
    Users,
    /// The sum of play counts; a missing count is one play.
    Plays,
    /// The summed strength that the weighting gave.
    Weight,
}

#[typetag::serde(name = "popularity")]
impl Model for Popularity {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        let scores = match self.by {
            PopularityBy::Users => of_items(train, self.by),
            PopularityBy::Plays => plays(train),
            PopularityBy::Weight => column_sums(train),
        };
        Ok(Box::new(Popular { scores }))
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        Popular::load(saved, interactions.cols())
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn reads_weights(&self) -> bool {
        self.by == PopularityBy::Weight
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        // Several events of a cell are more than this knows of, but few beside what a sort takes.
        let cells = shape.cells as f64;
        let (operations, pairs) = match self.by {
            PopularityBy::Users => (cells * cells.max(2.0).log2(), 8.0 * cells),
            PopularityBy::Plays | PopularityBy::Weight => (cells, 0.0),
        };
        Some(Cost {
            operations,
            bytes: pairs + 8.0 * shape.items as f64,
        })
    }
}

register!(Model, Popularity, "popularity", revision = 1);

fn plays(train: &Train) -> Vec<f64> {
    let mut scores = vec![0.0; train.n_items()];
    for (event, &item) in (0..).zip(&train.events.item) {
        scores[item as usize] += amount(train, PopularityBy::Plays, event);
    }
    scores
}

fn column_sums(train: &Train) -> Vec<f64> {
    let mut scores = vec![0.0; train.n_items()];
    for (&weight, (_, item)) in &train.interactions {
        scores[item as usize] += f64::from(weight);
    }
    scores
}

/// Scores that are the same for everybody, also for people it has not learned from.
pub(crate) struct Popular {
    pub(crate) scores: Vec<f64>,
}

impl Popular {
    /// What was saved, for so many items.
    pub(crate) fn load(mut saved: Tensors, items: usize) -> Result<Box<dyn Recommender>> {
        let scores = saved.take_list("scores", items)?;
        Ok(Box::new(Self { scores }))
    }
}

impl Recommender for Popular {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.scores))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert("scores", vec![self.scores.len()], &self.scores[..]);
        Some(saved)
    }

    /// What is popular is so for people it has not learned from, too.
    fn fold_in(&self, _: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Popular {
            scores: self.scores.clone(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::{Popularity, PopularityBy};
    use musicrec_api::{Cost, Events, FitContext, Model, Scores, Shape, Train, Users};

    /// Item a: two events of u (one without a play count); b: u and v; c: v, with weight 0.
    fn scores(by: PopularityBy, with_plays: bool) -> Vec<f64> {
        let mut events =
            Events::from_pairs([("u", "a"), ("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")]);
        if with_plays {
            events.plays = vec![7.0, f32::NAN, 2.0, 0.0, 3.0].into();
        }
        let train = Train::new(events, &[2.5, 1.0, 0.25, 0.5, 0.0]);
        let model = Popularity { by };
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let Scores::Everybody(scores) = fitted.scores(&Users::new(&[0])).unwrap() else {
            panic!("popularity is the same for everybody");
        };
        scores.to_vec()
    }

    #[test]
    fn users_are_counted_once_an_item_and_weight_does_not_matter() {
        assert_eq!(scores(PopularityBy::Users, true), [1.0, 2.0, 1.0]);
    }

    #[test]
    fn a_missing_play_count_is_one_play() {
        assert_eq!(scores(PopularityBy::Plays, true), [8.0, 2.0, 3.0]);
        assert_eq!(scores(PopularityBy::Plays, false), [2.0, 2.0, 1.0]);
    }

    #[test]
    fn weight_sums_the_columns_of_the_matrix() {
        assert_eq!(scores(PopularityBy::Weight, true), [3.5, 0.75, 0.0]);
    }

    #[test]
    fn whoever_it_has_not_learned_from_gets_the_same() {
        let train = Train::new(
            Events::from_pairs([("u", "a"), ("v", "b"), ("w", "b")]),
            &[1.0; 3],
        );
        let model = Popularity::default();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let given = Train::new(Events::from_pairs([("x", "a"), ("x", "b")]), &[1.0; 2]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        let Scores::Everybody(scores) = folded.scores(&Users::new(&[0])).unwrap() else {
            panic!("popularity is the same for everybody");
        };
        assert_eq!(scores, [1.0, 2.0]);
    }

    #[test]
    fn the_definition_names_what_is_counted() {
        let parse = serde_json::from_str::<Box<dyn Model>>;
        let model = parse(r#"{"popularity": {"by": "plays"}}"#).unwrap();
        assert!(!model.is_stochastic());
        let error = parse(r#"{"popularity": {"by": "play"}}"#).unwrap_err();
        assert!(error.to_string().contains("`plays`"), "{error}");
    }

    #[test]
    fn counting_users_sorts_the_pairs_and_the_rest_is_one_pass() {
        let shape = Shape::new(4, 3, 8);
        let cost = |by| Popularity { by }.cost(&shape).unwrap();
        let cost_of = |operations, bytes| Cost { operations, bytes };
        assert_eq!(cost(PopularityBy::Users), cost_of(24.0, 88.0));
        assert_eq!(cost(PopularityBy::Plays), cost_of(8.0, 24.0));
        assert_eq!(cost(PopularityBy::Weight), cost_of(8.0, 24.0));
        let nothing = Popularity::default().cost(&Shape::new(0, 0, 0)).unwrap();
        assert_eq!(nothing, cost_of(0.0, 0.0));
    }
}
