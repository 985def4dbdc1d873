//! Models learn; what they return scores; the lab ranks.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{
    CheckContext, Error, Events, FitContext, Problem, ReadyLists, Result, Series, Steps, Tensors,
};

/// Users × items, row-major sparse, without explicit zeros: a missing cell is "not heard", and a
/// stored 0 would mean something else to every library.
pub type InteractionMatrix = sprs::CsMatI<f32, u32, usize>;

/// What a model learns from: one fold's fit part. Its users and items are those that occur there,
/// numbered from 0 in the order of their ids. Also what it is told of people it has not learned from
/// (see [`Recommender::fold_in`]), whose items are those of the fit part.
#[derive(Debug)]
#[non_exhaustive]
pub struct Train {
    /// Strength by user (rows) and item (columns), as the weighting made it.
    pub interactions: InteractionMatrix,
    /// The events behind it, in the same numbering; all of them, weight 0 included.
    pub events: Arc<Events>,
    /// Strength by event, as the weighting made it: what the cells are sums of, for models that ask
    /// when it was.
    pub weights: Series<f32>,
}

impl Train {
    /// The fit part `events` (with compact tables) and one weight for each event: summed by cell,
    /// cells of weight 0 left out.
    pub fn new(events: impl Into<Arc<Events>>, weights: &[f64]) -> Self {
        let events: Arc<Events> = events.into();
        let order = events.by_pair();
        let pair = |event: u32| (events.user[event as usize], events.item[event as usize]);
        let mut indptr = vec![0usize; events.users.len() + 1];
        let (mut indices, mut data) = (Vec::new(), Vec::new());
        for cell in order.chunk_by(|a, b| pair(*a) == pair(*b)) {
            // Always taken in the order of events.
            let weights = cell.iter().map(|&event| weights[event as usize]);
            let sum = weights.reduce(|sum, weight| sum + weight).unwrap_or(0.0);
            if sum > 0.0 {
                let (user, item) = pair(cell[0]);
                indptr[user as usize + 1] += 1;
                indices.push(item);
                data.push(sum as f32);
            }
        }
        for row in 1..indptr.len() {
            indptr[row] += indptr[row - 1];
        }
        let shape = (events.users.len(), events.items.len());
        let interactions = InteractionMatrix::new(shape, indptr, indices, data);
        Self {
            interactions,
            weights: weights.iter().map(|&weight| weight as f32).collect(),
            events,
        }
    }

    /// How many users.
    pub fn n_users(&self) -> usize {
        self.interactions.rows()
    }

    /// How many items.
    pub fn n_items(&self) -> usize {
        self.interactions.cols()
    }
}

/// The size of what a model is to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// How many users.
    pub users: usize,
    /// How many items.
    pub items: usize,
    /// How many user-item pairs with an interaction.
    pub cells: usize,
}

impl Shape {
    /// The shape given.
    pub fn new(users: usize, items: usize, cells: usize) -> Self {
        Self {
            users,
            items,
            cells,
        }
    }
}

/// What a fit takes, roughly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Multiplications with an addition.
    pub operations: f64,
    /// Bytes held at once, the interactions themselves not counted.
    pub bytes: f64,
}

/// Learns to score items for users.
#[typetag::serde]
pub trait Model: Debug + Send + Sync {
    /// Learns from `train`. The same train and seed give the same result bit for bit, for any
    /// number of threads.
    ///
    /// # Errors
    /// If it diverges or the data cannot serve it; the trial fails with the message.
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>>;

    /// Whether another seed gives another result.
    fn is_stochastic(&self) -> bool;

    /// Whether the strength of interactions matters to it. If not, it is one trial whatever the
    /// weightings of the experiment.
    fn reads_weights(&self) -> bool {
        true
    }

    /// Which parameter counts the steps it learns in, if it learns in steps and every state on the
    /// way is what a fit with so many steps ends with, bit for bit. Then trials that differ in that
    /// parameter alone are one fit, measured on the way: [`fit`](Self::fit) asks
    /// [`FitContext::wants`] after each step and gives its state to [`FitContext::checkpoint`].
    ///
    /// `None`, unless the model says otherwise. What depends on how many steps there will be (a
    /// learning rate that falls to 0 with the last) does not learn in steps in this sense.
    fn steps(&self) -> Option<Steps> {
        None
    }

    /// What a fit on a matrix of this shape takes, for plans; `None` if the model cannot tell.
    fn cost(&self, shape: &Shape) -> Option<Cost> {
        let _ = shape;
        None
    }

    /// Where most bytes of its [`cost`](Self::cost) come from, as a sentence without its full stop: `41,000 × 41,000
    /// numbers of 4 bytes are 6.7 GB`. Said to whoever is told that they are too many. `None` unless the model says
    /// otherwise.
    fn bytes_in_words(&self, shape: &Shape) -> Option<String> {
        let _ = shape;
        None
    }

    /// What [`fit`](Self::fit) returned, made again of what its [`save`](Recommender::save) gave: with the same
    /// scores bit for bit, also of people who are folded in. `interactions` is the matrix that was learned from,
    /// [`Train::interactions`]; it is kept with every model, so `save` need not give it.
    ///
    /// # Errors
    /// If `saved` is not what `save` of this model gives for a matrix of this shape, whatever it is; and always,
    /// unless the model says otherwise.
    fn load(
        &self,
        saved: Tensors,
        interactions: InteractionMatrix,
    ) -> Result<Box<dyn Recommender>> {
        let _ = (saved, interactions);
        let name = self.typetag_name();
        Err(Error::model(format!("the model `{name}` cannot be loaded")))
    }

    /// Why what it learns cannot be saved, as a clause (`its lists are what a command answered`): said before
    /// anything is fitted. `None`, unless the model says otherwise: then [`Recommender::save`] tells, after the fit.
    fn unsaved(&self) -> Option<String> {
        None
    }

    /// Names the content of the files that it reads or runs, relative ones from `base`: a text that
    /// changes whenever they do, and that does not hang on where they lie. It is part of every trial's
    /// id, for a result of other files is another result. `None`, unless the model says otherwise: it
    /// reads none.
    ///
    /// # Errors
    /// If a file cannot be read: the message names it.
    fn fingerprint(&self, base: &Path) -> Result<Option<String>> {
        let _ = base;
        Ok(None)
    }

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}

/// Who is asked: indices of users of the fit part, or of those who were folded in.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Users<'a> {
    /// Ascending indices into the users of what was learned from or folded in.
    pub indices: &'a [u32],
}

impl<'a> Users<'a> {
    /// The users given.
    pub fn new(indices: &'a [u32]) -> Self {
        Self { indices }
    }
}

/// A fitted model.
pub trait Recommender: Send + Sync {
    /// Scores of all items of the fit part for the users asked; higher is better. It neither ranks
    /// nor masks what was heard.
    fn scores(&self, users: &Users) -> Result<Scores<'_>>;

    /// The same for people it has not learned from: their history is `given`, whose rows are these
    /// people and whose columns are the items of the fit part (events with other items are left out),
    /// strengths as the weighting that was fitted on the fit part has them. What it returns is asked
    /// with indices of these rows. Nothing may be learned from one person for another: a row of
    /// scores depends on the fit and on the same row of `given` (or the same id) alone.
    ///
    /// `None`, unless the model says otherwise: it cannot answer for people it has not learned from,
    /// and trials on splits that hold users out whole fail, with a message that says so.
    ///
    /// # Errors
    /// If it could answer, but not for these histories: the message says why.
    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        let _ = given;
        Ok(None)
    }

    /// What it takes to make it again by [`Model::load`], without what that is given anyway. Give it only if
    /// `load` is there too.
    ///
    /// `None`, unless the model says otherwise: it cannot be saved.
    fn save(&self) -> Option<Tensors<'_>> {
        None
    }

    /// Why some items have the score that they have for a user: for each of `items` those items of the user's
    /// history that contributed, and how much, the largest contribution first, equal ones by item. All
    /// contributions together are the score (as far as rounding goes, and where a user's side of the model is what
    /// the history gives, as it is for people who are folded in), or the score less what whoever has no history has:
    /// popularity that scores are mixed with is nobody's contribution.
    ///
    /// `None`, unless the model says otherwise: its scores are no sums over the items of a history, those of this
    /// user are not, or it does not hold that history (a model that was loaded may where one that was just fitted does
    /// not).
    ///
    /// # Errors
    /// If it could tell, but not in numbers that are finite.
    fn why(&self, user: u32, items: &[u32]) -> Result<Option<Vec<Reasons>>> {
        let _ = (user, items);
        Ok(None)
    }
}

/// Items of a history and what they contributed to a score.
pub type Reasons = Vec<(u32, f64)>;

/// Scores in the shape that the model has them, so that the lab can rank in the fastest exact way.
pub enum Scores<'a> {
    /// One score an item, the same for everybody.
    Everybody(&'a [f64]),
    /// The score of user `u` (an index of the fit part) and item `i` is the inner product of their rows.
    Factors {
        /// Users × factors.
        users: ArrayView2<'a, f32>,
        /// Items × factors.
        items: ArrayView2<'a, f32>,
    },
    /// Rows computed a batch of users at a time.
    Rows(&'a dyn RowScorer),
    /// Lists that are ready, for models that recommend some items and have no score for the rest.
    Lists(&'a ReadyLists),
}

/// Scores whole rows for a batch of users.
pub trait RowScorer: Sync {
    /// Fills one row of `out` (users × items) for each of `users`. A user's row must not depend on
    /// which others are in the batch.
    fn score(&self, users: &[u32], out: ArrayViewMut2<f32>);
}

#[cfg(test)]
mod tests {
    use super::Train;
    use crate::Events;

    #[test]
    fn cells_are_summed_and_zeros_are_not_stored() {
        let events = Events::from_pairs([("u", "a"), ("v", "b"), ("u", "a"), ("v", "a")]);
        let train = Train::new(events, &[1.0, 2.0, 0.5, 0.0]);
        let cells: Vec<_> = train
            .interactions
            .iter()
            .map(|(weight, (user, item))| (user, item, *weight))
            .collect();
        assert_eq!(cells, [(0, 0, 1.5), (1, 1, 2.0)]);
        assert_eq!((train.n_users(), train.n_items()), (2, 2));
        assert_eq!(train.weights.to_vec(), [1.0, 2.0, 0.5, 0.0]);
    }
}
