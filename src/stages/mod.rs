//! The way of the data, one file a stage: prepare (source and cleaners), fold (split, targets, masks),
//! common (what all alternatives of the cleaners ask), rank, bound (metrics that are asked), measure, chance.

use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) mod bound;
pub(crate) mod chance;
pub(crate) mod common;
pub(crate) mod fold;
pub(crate) mod measure;
pub(crate) mod prepare;
pub(crate) mod rank;

/// Stops a stage between two steps of it once the user asked to.
pub(crate) fn unless_cancelled(cancel: &AtomicBool) -> musicrec_api::Result<()> {
    if cancel.load(Ordering::Relaxed) {
        return Err(musicrec_api::Error::Cancelled);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;
