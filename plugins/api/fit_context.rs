//! What a fit is told besides its data.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;

use crate::steps::Watch;
use crate::{
    Asked, Checkpoints, Error, Losses, Note, Notes, Recommender, Result, SharedParts, derive_seed,
};

/// Factors to start from instead of random ones: for golden cases and warm starts.
#[derive(Debug, Clone)]
pub struct StartingFactors {
    /// Users × factors.
    pub users: Array2<f32>,
    /// Items × factors.
    pub items: Array2<f32>,
}

/// What a fit is told besides its data. Parallel code runs on the current rayon pool.
#[derive(Debug)]
#[non_exhaustive]
pub struct FitContext<'a> {
    /// The only source of randomness a model may use.
    pub seed: u64,
    /// Where to start, for models that start somewhere.
    pub start: Option<&'a StartingFactors>,
    /// Whom the recommender will be asked about; `None` where that is not known, and anybody may be.
    pub asked: Option<&'a Asked<'a>>,
    /// Relative paths of the definition are relative to this folder.
    pub base: &'a Path,
    cancelled: Option<&'a AtomicBool>,
    checkpoints: Option<&'a (dyn Watch + 'a)>,
    losses: Option<&'a Losses>,
    notes: Option<&'a Notes>,
    shared: Option<&'a SharedParts>,
}

impl<'a> FitContext<'a> {
    /// A context with the seed given.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            start: None,
            asked: None,
            base: Path::new(""),
            cancelled: None,
            checkpoints: None,
            losses: None,
            notes: None,
            shared: None,
        }
    }

    /// The same, starting from given factors.
    #[must_use]
    pub fn with_start(self, start: &'a StartingFactors) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    /// The same, knowing whom the recommender will be asked about.
    #[must_use]
    pub fn with_asked(self, asked: &'a Asked<'a>) -> Self {
        Self {
            asked: Some(asked),
            ..self
        }
    }

    /// The same, with relative paths starting at `base`.
    #[must_use]
    pub fn with_base(self, base: &'a Path) -> Self {
        Self { base, ..self }
    }

    /// The same, keeping what the fit says.
    #[must_use]
    pub fn with_notes(self, notes: &'a Notes) -> Self {
        Self {
            notes: Some(notes),
            ..self
        }
    }

    /// The same, stopping once the flag is set.
    #[must_use]
    pub fn with_cancel(self, flag: &'a AtomicBool) -> Self {
        Self {
            cancelled: Some(flag),
            ..self
        }
    }

    /// The same, measured on the way at the steps that `checkpoints` names; only for a model that
    /// has [`steps`](crate::Model::steps), with steps below their count.
    #[must_use]
    pub fn with_checkpoints<'c: 'a>(self, checkpoints: &'a Checkpoints<'c>) -> Self {
        Self {
            checkpoints: Some(checkpoints),
            ..self
        }
    }

    /// The same, noting what the model minimizes after each of its steps.
    #[must_use]
    pub fn with_losses(self, losses: &'a Losses) -> Self {
        Self {
            losses: Some(losses),
            ..self
        }
    }

    /// The same, sharing with other fits on the same [`Train`](crate::Train) what
    /// [`shared`](Self::shared) is asked for.
    #[must_use]
    pub fn with_shared(self, parts: &'a SharedParts) -> Self {
        Self {
            shared: Some(parts),
            ..self
        }
    }

    /// The context for a model inside of another: with a seed of its own, derived from this one's and `name`, and without
    /// start, checkpoints and losses, which are those of the model that is asked for.
    #[must_use]
    pub fn inside(&self, name: &str) -> Self {
        Self {
            seed: derive_seed(self.seed, name),
            start: None,
            checkpoints: None,
            losses: None,
            ..*self
        }
    }

    /// To be called once in a while by long fits.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the user asked to stop.
    pub fn check_cancelled(&self) -> Result<()> {
        match self.cancelled {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }

    /// Whether the state after so many steps is asked for: then make a recommender of it, and give
    /// that to [`checkpoint`](Self::checkpoint). `false` at once where nobody asks, so it may stand
    /// in every loop.
    pub fn wants(&self, step: usize) -> bool {
        self.checkpoints.is_some_and(|c| c.wants(step))
    }

    /// Shows the state after so many steps to whoever asked for it; nothing happens if nobody did.
    /// The recommender may borrow what the fit goes on with. The state after the last step is what
    /// `fit` returns, and nobody asks for it here.
    ///
    /// # Errors
    /// What came of it, [`Error::Cancelled`] for instance: the fit ends with that error. And if
    /// the steps do not ascend.
    pub fn checkpoint(&self, step: usize, state: &dyn Recommender) -> Result<()> {
        self.checkpoints.map_or(Ok(()), |c| c.reached(step, state))
    }

    /// Tells what the model minimizes after so many steps, counted from 1, each step in its turn: the record lists it.
    /// For models to which it comes at no cost worth mentioning.
    ///
    /// # Errors
    /// If the steps do not come one by one, or if the loss is not a finite number.
    pub fn loss(&self, step: usize, loss: f64) -> Result<()> {
        self.losses.map_or(Ok(()), |losses| losses.add(step, loss))
    }

    /// Says something that is to stand in the trial's record, whatever comes of the fit: what a process
    /// wrote to its standard error, say. It is no part of the result.
    pub fn note(&self, what: impl Into<String>, text: impl Into<String>) {
        if let Some(notes) = self.notes {
            notes.add(Note {
                what: what.into(),
                text: text.into(),
            });
        }
    }

    /// What several fits on the same [`Train`](crate::Train) need and none changes: the transposed
    /// matrix, products of items, norms. It is made by `make` if no fit has made it yet; who asks
    /// while another makes it waits for that one. Without a store to share in, it is just made.
    ///
    /// `key` says what it is: the plugin's name, what the part is, and every parameter of the
    /// plugin that the part depends on (`format!("item_knn/norms/{shrink}")`), for fits with other
    /// parameters ask too. It need not say which data: a store serves one train. The seed is no
    /// parameter: what is drawn must not be shared.
    ///
    /// `make` may be parallel, and may ask for other parts, but parts must not need each other in a
    /// circle.
    ///
    /// # Errors
    /// That of `make`, which the next who asks runs again; if the key is that of a part of another
    /// type; if `make` asks for its own key.
    pub fn shared<T: Any + Send + Sync>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        match self.shared {
            Some(parts) => parts.get(key, make),
            None => make().map(Arc::new),
        }
    }
}
