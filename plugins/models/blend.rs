//! Several models, each of which has a say.

use std::num::NonZeroUsize;
use std::path::Path;

use musicrec_api::{
    CheckContext, Cost, Error, FitContext, InteractionMatrix, Model, Problem, Recommender, Result,
    RowScorer, Scores, Shape, Tensors, Train, Users, register,
};
use ndarray::{Array2, ArrayViewMut1, ArrayViewMut2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nested::{self, Fitted, Of};

/// Several models, whose scores or places count together.
///
/// Formula, for models m with weights w:
/// - `by = "rank"` (reciprocal rank fusion): `score(u, i) = Σ_m w_m / (offset + place_m(u, i))`. The place of an item
///   is 1 plus the number of items that m puts above it and u has not heard; places beyond `depth` count nothing.
///   What is heard pushes nothing down but has the place where it would stand, for definitions that keep it.
/// - `by = "score"`: `score(u, i) = Σ_m w_m (s_m(u, i) - mean_m(u)) / sd_m(u)` with mean and standard deviation over
///   all items; a model that scores all items alike counts nothing.
///
/// Among equal scores of a model the smaller id is above. Models of ready lists (`process`, `lists`) count by rank; what
/// they do not list has no place. Models that do not depend on the seed are fitted once for all
/// blends of the same train, so a grid over `weights` takes their ranking only. A grid over weights is one over lists:
/// `weights.grid = [[0.5, 0.5], [0.7, 0.3], [0.9, 0.1]]`; parameters of the models inside may be axes as well. People are
/// folded in if all models do it.
///
/// Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
/// SIGIR 2009, with its offset of 60; sums of standardized scores: Renda, Straccia, "Web Metasearch: Rank vs. Score Based
/// Rank Aggregation Methods", SAC 2003.
///
/// ```toml
/// [model.blend]
/// of = [{ als = { factors = 64 } }, { item_knn = { neighbors = 100 } }]
/// weights = [0.7, 0.3]
/// by = "rank"
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Blend {
    /// The models, at least two. Default `als` and `item_knn`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Of,
    /// What each model counts, one number each, at least 0 and not all 0; default empty, which counts all alike.
    pub weights: Vec<f64>,
    /// What is added up. Default `rank`.
    pub by: BlendBy,
    /// What is added to each place, with `by = "rank"`; at least 0. Default 60.
    pub offset: f64,
    /// How many places count, with `by = "rank"`; at least 1. Default 1,000.
    pub depth: NonZeroUsize,
}

/// What of several models is added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum BlendBy {
    /// Reciprocals of places.
    #[default]
    Rank,
    /// Standardized scores.
    Score,
}

impl Default for Blend {
    fn default() -> Self {
        Self {
            of: vec![
                Box::new(crate::Als::default()),
                Box::new(crate::ItemKnn::default()),
            ],
            weights: Vec::new(),
            by: BlendBy::default(),
            offset: 60.0,
            depth: NonZeroUsize::new(1000).expect("not zero"),
        }
    }
}

#[typetag::serde(name = "blend")]
impl Model for Blend {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        let models = nested::fit(&self.of, train, context)?;
        Ok(Box::new(Blended {
            models,
            rule: self.rule(),
            histories: train.interactions.clone(),
        }))
    }

    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(Blended {
            models: nested::load(&self.of, saved, &interactions)?,
            rule: self.rule(),
            histories: interactions,
        }))
    }

    fn unsaved(&self) -> Option<String> {
        nested::unsaved(&self.of)
    }

    fn is_stochastic(&self) -> bool {
        nested::is_stochastic(&self.of)
    }

    fn reads_weights(&self) -> bool {
        nested::reads_weights(&self.of)
    }

    fn cost(&self, shape: &Shape) -> Option<Cost> {
        nested::cost(&self.of, shape)
    }

    fn fingerprint(&self, base: &Path) -> Result<Option<String>> {
        nested::fingerprint(&self.of, base)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems = nested::check(&self.of, context);
        let (models, weights) = (self.of.len(), self.weights.len());
        if weights > 0 && weights != models {
            problems.push(Problem::at(
                "weights",
                format!("{weights} weights for {models} models"),
            ));
        }
        let valid = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        if let Some(at) = self.weights.iter().position(|weight| !valid(weight)) {
            problems.push(Problem::at(
                format!("weights.{at}"),
                format!(
                    "{} is no weight: a finite number of at least 0",
                    self.weights[at]
                ),
            ));
        } else if weights > 0 && self.weights.iter().all(|weight| *weight == 0.0) {
            problems.push(Problem::at("weights", "all weights are 0"));
        }
        if !(self.offset.is_finite() && self.offset >= 0.0) {
            problems.push(Problem::at(
                "offset",
                format!(
                    "`offset` is {}, expected a number of at least 0",
                    self.offset
                ),
            ));
        }
        problems
    }
}

register!(Model, Blend, "blend", revision = 1);

impl Blend {
    fn rule(&self) -> Rule {
        let weights = if self.weights.is_empty() {
            vec![1.0; self.of.len()]
        } else {
            self.weights.clone()
        };
        Rule {
            weights,
            by: self.by,
            offset: self.offset,
            depth: self.depth.get(),
        }
    }
}

/// How scores of several models become one.
#[derive(Debug, Clone)]
struct Rule {
    weights: Vec<f64>,
    by: BlendBy,
    offset: f64,
    depth: usize,
}

/// What several models learned.
struct Blended<'a> {
    models: Vec<Fitted<'a>>,
    rule: Rule,
    histories: InteractionMatrix,
}

impl Recommender for Blended<'_> {
    fn scores(&self, users: &Users) -> Result<Scores<'_>> {
        // What a model cannot do, it says before anything is scored.
        for model in &self.models {
            let lists = matches!(model.scores(users)?, Scores::Lists(_));
            if lists && self.rule.by == BlendBy::Score {
                return Err(Error::model(
                    "a blend of scores needs a score of every item, but one of its models gives lists: take by = \"rank\"",
                ));
            }
        }
        Ok(Scores::Rows(self))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        let mut models = Vec::with_capacity(self.models.len());
        for model in &self.models {
            match model.fold_in(given)? {
                Some(folded) => models.push(folded),
                None => return Ok(None),
            }
        }
        Ok(Some(Box::new(Blended {
            models,
            rule: self.rule.clone(),
            histories: given.interactions.clone(),
        })))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        nested::save(&self.models)
    }
}

impl RowScorer for Blended<'_> {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        let mut sums = Array2::<f64>::zeros(out.dim());
        let mut rows = Array2::<f32>::zeros(out.dim());
        let mut order = Vec::new();
        for (model, &weight) in self.models.iter().zip(&self.rule.weights) {
            model.fill(users, rows.view_mut());
            let of_users = users.iter().zip(rows.rows()).zip(sums.rows_mut());
            for ((&user, row), sums) in of_users {
                let row = row.to_slice().expect("rows of a new array are contiguous");
                let number = |score: &f32| score.is_finite() || *score == nested::UNLISTED;
                if !row.iter().all(number) {
                    // Whoever ranks refuses it and names the user.
                    let mut sums = sums;
                    sums.fill(f64::NAN);
                    continue;
                }
                match self.rule.by {
                    BlendBy::Rank => {
                        let heard = self.histories.indptr().outer_inds_sz(user as usize);
                        let heard = &self.histories.indices()[heard];
                        self.rule.add_places(weight, row, heard, &mut order, sums);
                    }
                    BlendBy::Score => add_standardized(weight, row, sums),
                }
            }
        }
        out.zip_mut_with(&sums, |out, sum| *out = *sum as f32);
    }
}

impl Rule {
    /// Adds what the places of a model count. `heard` are the items of the history, ascending.
    fn add_places(
        &self,
        weight: f64,
        row: &[f32],
        heard: &[u32],
        order: &mut Vec<u32>,
        mut sums: ArrayViewMut1<f64>,
    ) {
        let above = |a: &u32, b: &u32| row[*b as usize].total_cmp(&row[*a as usize]).then(a.cmp(b));
        order.clear();
        order.extend((0..row.len() as u32).filter(|item| row[*item as usize] != nested::UNLISTED));
        // No more can have a place that counts.
        let most = self.depth.saturating_add(heard.len());
        if most < order.len() {
            order.select_nth_unstable_by(most, above);
            order.truncate(most);
        }
        order.sort_unstable_by(above);
        let mut place = 1;
        for &item in &*order {
            if place > self.depth {
                break;
            }
            sums[item as usize] += weight / (self.offset + place as f64);
            place += usize::from(heard.binary_search(&item).is_err());
        }
    }
}

/// Adds scores less their mean, in standard deviations.
fn add_standardized(weight: f64, row: &[f32], mut sums: ArrayViewMut1<f64>) {
    let count = row.len() as f64;
    let mean = row.iter().map(|score| f64::from(*score)).sum::<f64>() / count;
    let squares = row.iter().map(|score| (f64::from(*score) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    if deviation > 0.0 {
        for (sum, score) in sums.iter_mut().zip(row) {
            *sum += weight * (f64::from(*score) - mean) / deviation;
        }
    }
}

#[cfg(test)]
mod tests;
