//! Models that break what they promise of saving and of reasons.

use musicrec_api::{
    Error, FitContext, InteractionMatrix, Kind, Reasons, Recommender, Result, Scores, Tensors,
    Train, Users,
};

use crate::{breaks, breaks_nothing};

/// One score an item, and what it does wrong.
struct Saved {
    scores: Vec<f64>,
    fault: Fault,
    history: Option<InteractionMatrix>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    Scores,
    Empty,
    Unheard,
    Order,
    Sum,
}

impl Recommender for Saved {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.scores))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Saved {
            scores: vec![1.0; given.n_items()],
            fault: self.fault,
            history: Some(given.interactions.clone()),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert("scores", vec![self.scores.len()], &self.scores[..]);
        Some(saved)
    }

    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let Some(history) = &self.history else {
            return Ok(None);
        };
        let heard = history.outer_view(user as usize).unwrap();
        let of_item = |&item: &u32| {
            let score = self.scores[item as usize];
            match (self.fault, heard.indices()) {
                (Fault::Unheard, _) => {
                    let mut all = 0..history.cols() as u32;
                    let unheard = all.find(|item| !heard.indices().contains(item));
                    vec![(unheard.unwrap(), score)]
                }
                (Fault::Order, [one, two, ..]) => vec![(*one, score / 4.0), (*two, score * 0.75)],
                (Fault::Sum, [one, ..]) => vec![(*one, score / 2.0)],
                (_, [one, ..]) => vec![(*one, score)],
                (_, []) => Vec::new(),
            }
        };
        // Without a history there is nothing that could come to the score.
        let known = !heard.indices().is_empty() || self.fault == Fault::Unheard;
        Ok(known.then(|| items.iter().map(of_item).collect()))
    }
}

fn load(mut saved: Tensors, items: usize, fault: Fault) -> Result<Box<dyn Recommender>> {
    let mut scores = match fault {
        Fault::Empty => vec![1.0; items],
        _ => saved.take_list("scores", items)?,
    };
    if fault == Fault::Scores {
        scores[0] += 1.0;
    }
    Ok(Box::new(Saved {
        scores,
        fault,
        history: None,
    }))
}

/// Does not answer for people it has not learned from.
struct Forgetful(Vec<f64>);

impl Recommender for Forgetful {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

macro_rules! saves {
    ($module:ident $name:literal, $example:literal, $fault:ident) => {
        plugin!(Model $module $name, $example, {
            fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
                Ok(Box::new(Saved {
                    scores: vec![1.0; train.n_items()],
                    fault: Fault::$fault,
                    history: None,
                }))
            }
            fn load(
                &self,
                saved: Tensors,
                interactions: InteractionMatrix,
            ) -> Result<Box<dyn Recommender>> {
                load(saved, interactions.cols(), Fault::$fault)
            }
            fn is_stochastic(&self) -> bool {
                false
            }
            fn reads_weights(&self) -> bool {
                false
            }
        });
    };
}

saves!(saves "saves", "[model.saves]", Nothing);
saves!(saves_other_scores "saves_other_scores", "[model.saves_other_scores]", Scores);
saves!(believes_anything "believes_anything", "[model.believes_anything]", Empty);
saves!(invents_reasons "invents_reasons", "[model.invents_reasons]", Unheard);
saves!(mixes_reasons "mixes_reasons", "[model.mixes_reasons]", Order);
saves!(halves_reasons "halves_reasons", "[model.halves_reasons]", Sum);

plugin!(Model saves_in_vain "saves_in_vain", "[model.saves_in_vain]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(Saved {
            scores: vec![1.0; train.n_items()],
            fault: Fault::Nothing,
            history: None,
        }))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model forgets_newcomers "forgets_newcomers", "[model.forgets_newcomers]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(Saved {
            scores: vec![1.0; train.n_items()],
            fault: Fault::Nothing,
            history: None,
        }))
    }
    fn load(
        &self,
        mut saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let scores = saved.take_list("scores", interactions.cols())?;
        Ok(Box::new(Forgetful(scores)))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

#[test]
fn what_models_break_by_saving_is_found() {
    let model = Kind::Model;
    breaks_nothing(model, "saves");
    breaks(
        model,
        "saves_other_scores",
        "saved and loaded it gives other scores",
    );
    breaks(
        model,
        "believes_anything",
        "loading without `scores` is no error",
    );
    breaks(
        model,
        "saves_in_vain",
        "the model `saves_in_vain` cannot be loaded",
    );
    breaks(
        model,
        "forgets_newcomers",
        "gives people who are folded in other scores",
    );
    breaks(model, "invents_reasons", "is a reason, but was not heard");
    breaks(model, "mixes_reasons", "reasons are not ordered");
    breaks(
        model,
        "halves_reasons",
        "contributions are 0.5 in all, the score is 1",
    );
}

#[test]
fn what_cannot_be_loaded_says_so_by_its_name() {
    let model: Box<dyn musicrec_api::Model> =
        serde_json::from_str(r#"{"saves_in_vain": {}}"#).unwrap();
    let error: Error = model
        .load(Tensors::default(), InteractionMatrix::zero((0, 0)))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "the model `saves_in_vain` cannot be loaded"
    );
}
