//! What models of models have in common.

use std::path::Path;
use std::sync::Arc;

use musicrec_api::{
    CheckContext, Cost, FitContext, InteractionMatrix, Model, Problem, Reasons, Recommender,
    Result, Scores, Shape, Tensors, Train, Users, arithmetic,
};
use ndarray::{ArrayViewMut2, Axis};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The models inside.
pub(crate) type Of = Vec<Box<dyn Model>>;

/// The schema of a list of models.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": ["string", "object"], "minProperties": 1, "maxProperties": 1 },
        "minItems": 2,
    })
}

/// What an item has instead of a score that a model does not recommend.
pub(crate) const UNLISTED: f32 = f32::NEG_INFINITY;

/// A fitted model inside of another.
pub(crate) enum Fitted<'a> {
    /// One that other fits on the same train have too.
    Shared(Arc<Box<dyn Recommender>>),
    /// One of its own.
    Own(Box<dyn Recommender + 'a>),
}

impl Fitted<'_> {
    fn recommender(&self) -> &dyn Recommender {
        match self {
            Self::Shared(shared) => &***shared,
            Self::Own(own) => &**own,
        }
    }

    /// What it scores, in the shape that it has.
    pub(crate) fn scores(&self, users: &Users) -> Result<Scores<'_>> {
        self.recommender().scores(users)
    }

    /// The same for people it has not learned from, if it can.
    pub(crate) fn fold_in(&self, given: &Train) -> Result<Option<Fitted<'_>>> {
        Ok(self.recommender().fold_in(given)?.map(Fitted::Own))
    }

    /// Why items have the scores that they have, if it can tell.
    pub(crate) fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        self.recommender().why(user, items)
    }

    /// Fills one row of `out` (users × items) for each user. What goes wrong was said when scores were asked for; if
    /// it does all the same, a row is no number, which whoever ranks refuses.
    pub(crate) fn fill(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        match self.scores(&Users::new(users)) {
            Ok(Scores::Everybody(scores)) => {
                for mut row in out.rows_mut() {
                    for (out, score) in row.iter_mut().zip(scores) {
                        *out = *score as f32;
                    }
                }
            }
            Ok(Scores::Factors { users: all, items }) => {
                let rows: Vec<usize> = users.iter().map(|&user| user as usize).collect();
                let batch = all.select(Axis(0), &rows);
                arithmetic::general_mat_mul(1.0, &batch, &items.t(), 0.0, &mut out);
            }
            Ok(Scores::Rows(scorer)) => {
                // A scorer may leave out what is 0.
                out.fill(0.0);
                scorer.score(users, out);
            }
            Ok(Scores::Lists(lists)) => {
                out.fill(UNLISTED);
                for (&user, mut row) in users.iter().zip(out.rows_mut()) {
                    match lists.fault(user, row.len()) {
                        None => {
                            for &(item, score) in lists.get(user).into_iter().flatten() {
                                row[item as usize] = score as f32;
                            }
                        }
                        Some(_) => row.fill(f32::NAN),
                    }
                }
            }
            Err(_) => out.fill(f32::NAN),
        }
    }
}

/// Fits all of them, each with a seed of its own. Those that do not depend on it are shared with other fits.
pub(crate) fn fit(of: &Of, train: &Train, context: &FitContext) -> Result<Vec<Fitted<'static>>> {
    let fits = of.iter().enumerate().map(|(at, model)| {
        let inner = context.inside(&inside(at));
        if model.is_stochastic() {
            return Ok(Fitted::Own(model.fit(train, &inner)?));
        }
        let definition =
            serde_json::to_string(model).expect("parameters of plugins are plain data");
        let shared =
            context.shared(&format!("nested/{definition}"), || model.fit(train, &inner))?;
        Ok(Fitted::Shared(shared))
    });
    fits.collect()
}

/// What all of them take to be made again, each under a name of its own; nothing if one cannot be saved.
pub(crate) fn save<'a>(models: impl IntoIterator<Item = &'a Fitted<'a>>) -> Option<Tensors<'a>> {
    let mut saved = Tensors::default();
    for (at, model) in models.into_iter().enumerate() {
        saved.nest(&inside(at), model.recommender().save()?);
    }
    Some(saved)
}

/// What [`save`] gave of these models, which learned from these interactions.
pub(crate) fn load(
    of: &Of,
    mut saved: Tensors,
    interactions: &InteractionMatrix,
) -> Result<Vec<Fitted<'static>>> {
    let models = of.iter().enumerate().map(|(at, model)| {
        let own = saved.take_nested(&inside(at));
        Ok(Fitted::Own(model.load(own, interactions.clone())?))
    });
    models.collect()
}

/// Why they cannot be saved together, if one of them says so.
pub(crate) fn unsaved(of: &Of) -> Option<String> {
    of.iter().find_map(|model| {
        let why = model.unsaved()?;
        Some(format!("of its models `{}`: {why}", model.typetag_name()))
    })
}

/// What a model is called inside of the other: where it stands.
fn inside(at: usize) -> String {
    format!("of.{at}")
}

/// Names the content of the files that any of them reads or runs.
pub(crate) fn fingerprint(of: &Of, base: &Path) -> Result<Option<String>> {
    let prints = of.iter().map(|model| model.fingerprint(base));
    let prints: Vec<Option<String>> = prints.collect::<Result<_>>()?;
    let known: Vec<String> = prints.into_iter().map(Option::unwrap_or_default).collect();
    Ok(known
        .iter()
        .any(|print| !print.is_empty())
        .then(|| known.join("+")))
}

/// Whether another seed gives another result.
pub(crate) fn is_stochastic(of: &Of) -> bool {
    of.iter().any(|model| model.is_stochastic())
}

/// Whether the strength of interactions matters to any of them.
pub(crate) fn reads_weights(of: &Of) -> bool {
    of.iter().any(|model| model.reads_weights())
}

/// What all of them take; all are held at once.
pub(crate) fn cost(of: &Of, shape: &Shape) -> Option<Cost> {
    let mut sum = Cost {
        operations: 0.0,
        bytes: 0.0,
    };
    for model in of {
        let cost = model.cost(shape)?;
        sum.operations += cost.operations;
        sum.bytes += cost.bytes;
    }
    Some(sum)
}

/// What is wrong with their number and their parameters.
pub(crate) fn check(of: &Of, context: &CheckContext) -> Vec<Problem> {
    let mut problems = Vec::new();
    if of.len() < 2 {
        problems.push(
            Problem::at("of", "expected at least two models")
                .remedy("for example of = [\"als\", \"item_knn\"]"),
        );
    }
    for (at, model) in of.iter().enumerate() {
        for mut problem in model.check(context) {
            let name = model.typetag_name();
            problem.parameter = match problem.parameter.as_str() {
                "" => format!("of.{at}.{name}"),
                own => format!("of.{at}.{name}.{own}"),
            };
            problems.push(problem);
        }
    }
    problems
}
