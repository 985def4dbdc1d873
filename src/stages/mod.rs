//! The way of the data, one file a stage: prepare (source and cleaners), census (whose rows they are, step by step), fold (split, targets, masks),
//! summary (what is counted of a fold), heardings (what users are not shown), given (users held out whole), common (what all alternatives of the
//! cleaners ask), rules (`[rules]` as a log understands them), audit (is it as promised), rank, ask (who is ranked for how), ties (what equal scores are
//! worth), bound (metrics that are asked), measure, segments, chance, `random_lists`, periods (several folds
//! of one role), hashes.

use std::sync::atomic::{AtomicBool, Ordering};

use musicrec_api::{Error, Result};

pub(crate) mod ask;
pub(crate) mod audit;
pub(crate) mod bound;
pub(crate) mod census;
pub(crate) mod chance;
pub(crate) mod common;
pub(crate) mod fold;
pub(crate) mod given;
pub(crate) mod hashes;
mod heardings;
pub(crate) mod measure;
mod pairs;
pub(crate) mod periods;
pub(crate) mod prepare;
mod random_lists;
pub(crate) mod rank;
pub(crate) mod rules;
pub(crate) mod segments;
mod summary;
pub(crate) mod ties;

/// Why a stage ended, and at whose work, if at that of one plugin.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) by: Option<By>,
}

/// A plugin at work, or what else of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Source,
    /// The cleaner at this place of its list.
    Cleaner(usize),
    Splitter,
    /// A key of `[rules]`.
    Rules(&'static str),
}

impl By {
    /// An error of this one.
    pub(crate) fn failed(self, error: Error) -> Failed {
        let by = Some(self);
        Failed { error, by }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, by: None }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// Stops a stage between two steps of it once the user asked to.
pub(crate) fn unless_cancelled(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) {
        return Err(Error::Cancelled);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;
