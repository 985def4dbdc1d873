//! How good a ranked list is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{CheckContext, Events, Problem, Result};

/// What a metric computes, spelled out: equal names mean different things in different tools, so
/// values are only comparable where all of this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Identity {
    /// The short name, with its depth and whatever else tells settings apart: `ndcg@3`.
    pub label: String,
    /// The formula of one user's value.
    pub formula: String,
    /// Which users enter the mean.
    pub averaged_over: String,
    /// Whose definition it is.
    pub source: String,
}

/// What kind of number a metric is: how it may be read, and what the lab may do with it.
///
/// The default is a value of each user, higher is better, that depends on hits alone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[non_exhaustive]
pub struct Nature {
    /// Which of two values is the better one.
    pub better: Better,
    /// Whether it looks at which items are listed, not only at which places are hits.
    pub reads_items: bool,
    /// Whether each user's value is 0 or 1, so that the mean is a proportion.
    pub proportion: bool,
    /// Whether it is one number for all lists together, without a value of each user.
    pub over_lists: bool,
}

impl Nature {
    /// The same, but for which of two values is the better one.
    #[must_use]
    pub fn better(self, better: Better) -> Self {
        Self { better, ..self }
    }

    /// The same of a metric that looks at which items are listed.
    #[must_use]
    pub fn reads_items(self) -> Self {
        Self {
            reads_items: true,
            ..self
        }
    }

    /// The same of a metric whose value is 0 or 1 for each user.
    #[must_use]
    pub fn proportion(self) -> Self {
        Self {
            proportion: true,
            ..self
        }
    }

    /// The same of a metric that is one number for all lists: its `bind` gives
    /// [`BoundMetric::OverLists`].
    #[must_use]
    pub fn over_lists(self) -> Self {
        Self {
            over_lists: true,
            ..self
        }
    }

    /// Whether it is a quality of each user's list that is the higher, the better: what trials can be
    /// chosen by.
    pub fn can_choose(self) -> bool {
        self.better == Better::Higher && !self.over_lists
    }

    /// Whether the best list is known: that of all targets, the greatest gain first.
    pub fn has_ceiling(self) -> bool {
        self.can_choose() && !self.reads_items
    }
}

/// Which of two values of a metric is the better one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher one.
    #[default]
    Higher,
    /// The lower one.
    Lower,
    /// Neither: it describes lists and does not judge them.
    Neither,
}

/// What a metric may know of the whole evaluation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MetricContext<'a> {
    /// How many items could have been recommended.
    pub candidates: usize,
    /// What models learned from. The numbers in lists point into its table of items; all of them are candidates but
    /// those that are hidden.
    pub fit: &'a Events,
    /// Items of the fit part that nobody is shown whatever the model, ascending.
    pub hidden: &'a [u32],
}

impl<'a> MetricContext<'a> {
    /// A context with that many candidates and what models learned from.
    pub fn new(candidates: usize, fit: &'a Events) -> Self {
        Self {
            candidates,
            fit,
            hidden: &[],
        }
    }

    /// The same, where these items, ascending, are shown to nobody. They are not among the candidates.
    #[must_use]
    pub fn with_hidden(self, hidden: &'a [u32]) -> Self {
        Self { hidden, ..self }
    }
}

/// One user's list and what it is measured against.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct UserView<'a> {
    /// Items, best first; may be shorter than the metric's depth, or longer. Only a metric whose
    /// nature says that it reads items may look at which they are: others are given lists of
    /// [`MISSING`](crate::MISSING) where only hits are known.
    pub list: &'a [u32],
    /// The gain of each listed item: above 0 for a target, 0 for a miss.
    pub gains: &'a [f64],
    /// The gains of all the user's targets, descending, those that no model could name included.
    /// Never empty: users without targets are not measured.
    pub targets: &'a [f64],
    /// Items that could not be listed to this user although others may be shown them: they were heard before, or are
    /// avoided; ascending. What nobody is shown is in [`MetricContext::hidden`].
    pub masked: &'a [u32],
}

impl<'a> UserView<'a> {
    /// A view of a list, the gains of its items, and the gains of all targets in descending order;
    /// nothing is masked.
    pub fn new(list: &'a [u32], gains: &'a [f64], targets: &'a [f64]) -> Self {
        Self {
            list,
            gains,
            targets,
            masked: &[],
        }
    }

    /// The same list where these items, ascending, could not be listed.
    #[must_use]
    pub fn with_masked(self, masked: &'a [u32]) -> Self {
        Self { masked, ..self }
    }
}

/// What a user's random list is drawn from.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ChanceView<'a> {
    /// Items that could be listed.
    pub candidates: usize,
    /// The gains of the targets that are among them, in any order.
    pub reachable: &'a [f64],
    /// The gains of all targets, descending, as in [`UserView::targets`].
    pub targets: &'a [f64],
}

impl<'a> ChanceView<'a> {
    /// A view of the candidates and targets of one user.
    pub fn new(candidates: usize, reachable: &'a [f64], targets: &'a [f64]) -> Self {
        Self {
            candidates,
            reachable,
            targets,
        }
    }
}

/// Judges ranked lists.
#[typetag::serde]
pub trait Metric: Debug + Send + Sync {
    /// How deep a list it looks at.
    fn depth(&self) -> usize;

    /// What it computes.
    fn identity(&self) -> Identity;

    /// What kind of number it is. By default a value of each user that depends on hits alone, and
    /// higher is better.
    fn nature(&self) -> Nature {
        Nature::default()
    }

    /// The metric ready for one evaluation.
    ///
    /// # Errors
    /// If it needs what the evaluation does not have, such as a column of the log.
    fn bind(&self, context: &MetricContext) -> Result<BoundMetric>;

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}

/// A metric bound to an evaluation.
pub enum BoundMetric {
    /// It sees one user at a time; the lab aggregates, and knows how sure the mean is.
    PerUser(Box<dyn Measure>),
    /// It sees all lists at once: no interval and no test can be had of it.
    OverLists(Box<dyn MeasureLists>),
}

impl BoundMetric {
    /// One that sees one user at a time.
    pub fn per_user(measure: impl Measure + 'static) -> Self {
        Self::PerUser(Box::new(measure))
    }

    /// One that sees all lists at once.
    pub fn over_lists(measure: impl MeasureLists + 'static) -> Self {
        Self::OverLists(Box::new(measure))
    }

    /// The value over some users: the mean of theirs, or that of all their lists.
    pub fn value(&self, users: &[UserView]) -> f64 {
        match self {
            Self::PerUser(measure) => {
                let sum: f64 = users.iter().map(|view| measure.user(view)).sum();
                sum / users.len() as f64
            }
            Self::OverLists(measure) => measure.value(users),
        }
    }

    /// The exact expectation of one user's value under a random ranking, where it is known.
    pub fn chance(&self, view: &ChanceView) -> Option<f64> {
        match self {
            Self::PerUser(measure) => measure.chance(view),
            Self::OverLists(_) => None,
        }
    }
}

impl std::fmt::Debug for BoundMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PerUser(_) => "PerUser",
            Self::OverLists(_) => "OverLists",
        })
    }
}

/// A metric of one user's list, bound to an evaluation.
pub trait Measure: Send + Sync {
    /// One user's value.
    fn user(&self, view: &UserView) -> f64;

    /// The exact expectation of one user's value under a random ranking of the candidates, if a
    /// closed form is known; otherwise the lab estimates it by drawing. Only asked of metrics of hits
    /// of which higher values are better.
    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let _ = view;
        None
    }
}

/// A metric of all lists together, bound to an evaluation.
pub trait MeasureLists: Send + Sync {
    /// The value for all users, who are at least one, in the order of their ids.
    fn value(&self, users: &[UserView]) -> f64;
}
