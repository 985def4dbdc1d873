//! How good a ranked list is.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::{CheckContext, Problem};

/// What a metric computes, spelled out: equal names mean different things in different tools, so
/// values are only comparable where all of this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a metric may know of the whole evaluation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MetricContext {
    /// How many items could have been recommended.
    pub candidates: usize,
}

impl MetricContext {
    /// A context with that many candidates.
    pub fn new(candidates: usize) -> Self {
        Self { candidates }
    }
}

/// One user's list and what it is measured against.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct UserView<'a> {
    /// Items, best first; may be shorter than the metric's depth, or longer.
    pub list: &'a [u32],
    /// The gain of each listed item: above 0 for a target, 0 for a miss.
    pub gains: &'a [f64],
    /// The gains of all the user's targets, descending, those that no model could name included.
    /// Never empty: users without targets are not measured.
    pub targets: &'a [f64],
}

impl<'a> UserView<'a> {
    /// A view of a list, the gains of its items, and the gains of all targets in descending order.
    pub fn new(list: &'a [u32], gains: &'a [f64], targets: &'a [f64]) -> Self {
        Self {
            list,
            gains,
            targets,
        }
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

    /// The metric ready for one evaluation.
    fn bind(&self, context: &MetricContext) -> Box<dyn Measure>;

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}

/// A metric bound to an evaluation. It sees one user at a time; the lab aggregates.
pub trait Measure: Send + Sync {
    /// One user's value.
    fn user(&self, view: &UserView) -> f64;

    /// The exact expectation of one user's value under a random ranking of the candidates, if a
    /// closed form is known; otherwise the lab estimates it by drawing.
    fn chance(&self, view: &ChanceView) -> Option<f64>;
}
