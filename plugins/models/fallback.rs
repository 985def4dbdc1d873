//! Another model for those of whom little is known.

use std::num::NonZeroUsize;
use std::path::Path;

use musicrec_api::{
    CheckContext, Cost, Error, FitContext, InteractionMatrix, Model, Problem, Reasons, Recommender,
    Result, RowScorer, Scores, Shape, Tensors, Train, Users, register,
};
use ndarray::{Array2, ArrayViewMut2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nested::{self, Fitted, Of};

/// Answers listeners of whom little is known by another model.
///
/// Formula: whoever has at least `least` items with an interaction gets the scores of the first model; all others
/// those of the last. People who are held out whole are answered by the same rule, where of more than two models the first
/// counts that can fold them in (those between serve for nothing else); the last must.
///
/// Users without any past are not asked; `[evaluation] cold_users = "popularity"` asks them too. A grid:
/// `least.grid = [1, 2, 5, 10, 20]`.
///
/// ```toml
/// [model.fallback]
/// of = [{ als = { factors = 64 } }, { popularity = {} }]
/// least = 5
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fallback {
    /// The models, at least two, the best first. Default `als` and `popularity`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Of,
    /// How many items a listener must have an interaction with to be answered by the first model; at least 1, default 5.
    pub least: NonZeroUsize,
}

impl Default for Fallback {
    fn default() -> Self {
        Self {
            of: vec![
                Box::new(crate::Als::default()),
                Box::new(crate::Popularity::default()),
            ],
            least: NonZeroUsize::new(5).expect("not zero"),
        }
    }
}

#[typetag::serde(name = "fallback")]
impl Model for Fallback {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let models = nested::fit(&self.of, train, context)?;
        Ok(Box::new(Falling {
            models: models.into_iter().map(Some).collect(),
            least: self.least.get(),
            histories: train.interactions.clone(),
        }))
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let models = nested::load(&self.of, saved, &interactions)?;
        Ok(Box::new(Falling {
            models: models.into_iter().map(Some).collect(),
            least: self.least.get(),
            histories: interactions,
        }))
    }

    fn unsaved(&self) -> Option<String> {
        nested::unsaved(&self.of)
    }

    fn is_stochastic(&self) -> bool {
        nested::is_stochastic(&self.of)
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        nested::cost(&self.of, shape)
    }

    fn fingerprint(&self, base: &Path) -> Result<Option<String>> {
        nested::fingerprint(&self.of, base)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        nested::check(&self.of, context)
    }
}

register!(Model, Fallback, "fallback", revision = 1);

/// What the models learned; none where one cannot answer.
struct Falling<'a> {
    models: Vec<Option<Fitted<'a>>>,
    least: usize,
    histories: InteractionMatrix,
}

impl Falling<'_> {
    /// The model that answers a user.
    fn of(&self, user: u32) -> usize {
        let heard = self.histories.indptr().outer_inds_sz(user as usize).len();
        let known = heard >= self.least;
        let last = self.models.len() - 1;
        let can = |at: &usize| self.models[*at].is_some() && (known || *at == last);
        (0..=last).find(can).unwrap_or(last)
    }
}

impl Recommender for Falling<'_> {
    fn scores(&self, users: &Users) -> Result<Scores<'_>> {
        for (at, model) in self.models.iter().enumerate() {
            let own: Vec<u32> = users
                .indices
                .iter()
                .copied()
                .filter(|&u| self.of(u) == at)
                .collect();
            if let Some(model) = model
                && !own.is_empty()
                && let Scores::Lists(_) = model.scores(&Users::new(&own))?
            {
                return Err(Error::model(
                    "fallback needs a score of every item, but one of its models gives lists; give all listeners \
                     a list, or blend it by rank",
                ));
            }
        }
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        let folded = self.models.iter().map(|model| match model {
            Some(model) => model.fold_in(given),
            None => Ok(None),
        });
        let models: Vec<Option<Fitted>> = folded.collect::<Result<_>>()?;
        if models.last().is_none_or(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(Box::new(Falling {
            models,
            least: self.least,
            histories: given.interactions.clone(),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let models: Option<Vec<&Fitted>> = self.models.iter().map(Option::as_ref).collect();
        nested::save(models?)
    }

    /// As the model that answers the user says it.
    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        match &self.models[self.of(user)] {
            Some(model) => model.why(user, items),
            None => Ok(None),
        }
    }
}

impl RowScorer for Falling<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        for (at, model) in self.models.iter().enumerate() {
            let places: Vec<usize> = (0..users.len())
                .filter(|&place| self.of(users[place]) == at)
                .collect();
            let (Some(model), false) = (model, places.is_empty()) else {
                continue;
            };
            let own: Vec<u32> = places.iter().map(|&place| users[place]).collect();
            let mut rows = Array2::zeros((own.len(), out.ncols()));
            model.fill(&own, rows.view_mut());
            for (row, place) in rows.rows().into_iter().zip(places) {
                out.row_mut(place).assign(&row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, FitContext, Model, Recommender, Result, Scores, Train, Users};
    use ndarray::Array2;
    use serde_json::{Value, json};

    use super::{Fallback, Falling};
    use crate::nested::Fitted;

    /// Scores everything by one number; folds people in or not.
    struct Constant(Vec<f64>, bool);

    impl Recommender for Constant {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Everybody(&self.0))
        }

        fn fold_in(&self, _: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
            Ok(self
                .1
                .then(|| Box::new(Self(self.0.clone(), true)) as Box<dyn Recommender>))
        }
    }

    /// u heard two items, v one.
    fn falling(models: &[(f64, bool)]) -> Falling<'static> {
        let events = Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b")]);
        let own = models.iter().map(|(score, folds)| {
            Some(Fitted::Own(
                Box::new(Constant(vec![*score; 2], *folds)) as Box<dyn Recommender>
            ))
        });
        Falling {
            models: own.collect(),
            least: 2,
            histories: Train::new(events, &[1.0; 3]).interactions,
        }
    }

    fn rows(recommender: &dyn Recommender, users: &[u32]) -> Vec<f32> {
        let Scores::Rows(scorer) = recommender.scores(&Users::new(users)).unwrap() else {
            panic!("it scores rows");
        };
        let mut out = Array2::from_elem((users.len(), 2), f32::NAN);
        scorer.score(users, out.view_mut());
        assert!(out.rows().into_iter().all(|row| row[0] == row[1]));
        out.column(0).to_vec()
    }

    #[test]
    fn who_heard_enough_gets_the_first_and_others_the_last() {
        let fitted = falling(&[(1.0, true), (2.0, true), (3.0, true)]);
        assert_eq!(rows(&fitted, &[0, 1]), [1.0, 3.0]);
        assert_eq!(rows(&fitted, &[1]), [3.0]);
    }

    #[test]
    fn people_are_folded_in_by_the_first_that_can() {
        let given = Events::from_pairs([("x", "a"), ("x", "b"), ("y", "b")]);
        let given = Train::new(given, &[1.0; 3]);
        let fitted = falling(&[(1.0, false), (2.0, true), (3.0, true)]);
        let folded = fitted.fold_in(&given).unwrap().unwrap();
        assert_eq!(rows(&*folded, &[0, 1]), [2.0, 3.0]);
        let none = falling(&[(1.0, true), (2.0, false)]);
        assert!(none.fold_in(&given).unwrap().is_none());
    }

    #[test]
    fn reasons_are_those_of_the_model_that_answers() {
        let events = Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b"), ("w", "a")]);
        let train = Train::new(events, &[1.0; 4]);
        let model: Fallback = serde_json::from_value(json!({
            "of": [{"item_knn": {}}, {"popularity": {}}],
            "least": 2,
        }))
        .unwrap();
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let saved = fitted.save().unwrap().into_owned();
        assert!(saved.iter().any(|(name, _)| name == "of.0.weights.values"));
        let loaded = model.load(saved, train.interactions.clone()).unwrap();
        for recommender in [fitted, loaded] {
            let reasons = recommender.why(0, &[0]).unwrap().unwrap();
            assert_eq!(reasons[0][0].0, 1);
            assert_eq!(recommender.why(1, &[0]).unwrap(), None);
        }
    }

    #[test]
    fn what_cannot_be_saved_inside_cannot_be_saved() {
        let of = |inner: Value| -> Option<String> {
            let model: Fallback =
                serde_json::from_value(json!({"of": [inner, {"popularity": {}}]})).unwrap();
            model.unsaved()
        };
        assert_eq!(of(json!({"als": {}})), None);
        let inner = json!({"lists": {"test": "x.csv"}});
        let nested = json!({"blend": {"of": [{"als": {}}, inner.clone()]}});
        for model in [inner, nested] {
            let why = of(model).unwrap();
            assert!(why.contains("`lists`: it has learned nothing"), "{why}");
        }
    }

    #[test]
    fn its_models_are_fitted() {
        let events =
            Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b"), ("v", "c"), ("w", "b")]);
        let train = Train::new(events, &[1.0; 5]);
        let model = Fallback {
            least: std::num::NonZeroUsize::new(2).unwrap(),
            ..Fallback::default()
        };
        let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
        let Scores::Rows(scorer) = fitted.scores(&Users::new(&[2])).unwrap() else {
            panic!("it scores rows");
        };
        let mut out = Array2::zeros((1, 3));
        scorer.score(&[2], out.view_mut());
        // Popularity: a 1, b 3, c 1.
        assert_eq!(out.row(0).to_vec(), [1.0, 3.0, 1.0]);
    }
}
