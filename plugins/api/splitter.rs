//! Which events a model may learn from, and which it is asked to foretell.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{CheckContext, Events, Problem, Result};

/// What a fold is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Choosing settings.
    Validation,
    /// The final score, once per chosen variant.
    Test,
}

impl Role {
    /// The name in records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// One question to all models: learn from `fit`, foretell `targets`. Events are given by their
/// indices.
///
/// Several folds of one role are periods, in the order of time: each is a question of its own, and a
/// user's value is the mean over the periods that ask them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fold {
    /// What it is for.
    pub role: Role,
    /// Events that may be learned from, ascending.
    pub fit: Vec<u32>,
    /// The history of users whom the fit part does not hold, ascending: a model is told of it when it
    /// is asked, but learns nothing from it. Empty where nobody is held out whole.
    pub given: Vec<u32>,
    /// Events to foretell, ascending.
    pub targets: Vec<u32>,
}

impl Fold {
    /// A fold of the given parts, which it sorts. Nobody is held out whole.
    pub fn new(role: Role, mut fit: Vec<u32>, mut targets: Vec<u32>) -> Self {
        fit.sort_unstable();
        targets.sort_unstable();
        Self {
            role,
            fit,
            given: Vec::new(),
            targets,
        }
    }

    /// The same with the history of users who are held out whole, which it sorts.
    #[must_use]
    pub fn with_given(self, mut given: Vec<u32>) -> Self {
        given.sort_unstable();
        Self { given, ..self }
    }

    /// The folds of a log cut in two or three parts: validation is foretold from train, test from
    /// train and validation together. `validation` is empty where there is none.
    pub fn of_parts(train: Vec<u32>, validation: Vec<u32>, test: Vec<u32>) -> Vec<Self> {
        let mut folds = Vec::new();
        let mut fit = train.clone();
        if !validation.is_empty() {
            fit.extend(&validation);
            folds.push(Self::new(Role::Validation, train, validation));
        }
        folds.push(Self::new(Role::Test, fit, test));
        folds
    }
}

/// Cuts events into folds.
#[typetag::serde]
pub trait Splitter: Debug + Send + Sync {
    /// At least one fold of role [`Role::Test`], and some of [`Role::Validation`] or none. What else
    /// holds for them is said by [`fold_faults`](crate::fold_faults), which the lab asks before it
    /// uses them.
    ///
    /// # Errors
    /// If a part would be empty, or the events lack what the cut needs (times, a column): the
    /// message says which part, why, and what to change.
    fn split(&self, events: &Events, seed: u64) -> Result<Vec<Fold>>;

    /// Whether a model may learn from events that are later than a user's targets (a random cut,
    /// leave-last): the report then says so.
    fn uses_the_future(&self) -> bool;

    /// Whether it makes a validation part, as far as its parameters tell; `None` where only the
    /// data can.
    fn makes_validation(&self) -> Option<bool> {
        None
    }

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}
