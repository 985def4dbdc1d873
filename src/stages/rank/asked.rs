//! What is asked of a ranking.

use super::Targets;
use crate::stages::fold::Ragged;
use crate::stages::rules::{Limits, UNLIMITED};

/// What lists are to hold, besides the best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// For each user asked, the items that this one is not shown, ascending; none of them is among those
    /// that nobody is shown.
    pub(crate) heard: &'a Ragged<u32>,
    /// Targets, where it is to be told what the ends of the lists cut off from items of equal score.
    pub(crate) targets: Option<&'a Targets>,
    /// What holds for the lists of all.
    pub(crate) limits: &'a Limits,
}

impl<'a> From<(&'a Ragged<u32>, Option<&'a Targets>)> for Asked<'a> {
    fn from((heard, targets): (&'a Ragged<u32>, Option<&'a Targets>)) -> Self {
        Self {
            heard,
            targets,
            limits: &UNLIMITED,
        }
    }
}

impl<'a> From<&'a Ragged<u32>> for Asked<'a> {
    fn from(heard: &'a Ragged<u32>) -> Self {
        (heard, None).into()
    }
}

impl<'a> From<(&'a Ragged<u32>, &'a Limits)> for Asked<'a> {
    fn from((heard, limits): (&'a Ragged<u32>, &'a Limits)) -> Self {
        Self {
            heard,
            targets: None,
            limits,
        }
    }
}
