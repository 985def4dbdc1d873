//! What of a log is left for questions about users and items.

use musicrec_api::Texts;

/// Rows with a real user, a real item and, where the log has times, a real time; duplicates are out.
/// In the order of the log.
///
/// A log that is too large is represented by all rows of some of its users (`one_in`), chosen by a
/// hash of their id, so that what is asked of a user is exact for those it is asked of.
#[derive(Debug, Default)]
pub(crate) struct Interactions {
    /// The user of each row: a place in `user_ids`.
    pub(crate) users: Vec<u32>,
    /// The item of each row: a place in `item_ids`.
    pub(crate) items: Vec<u32>,
    /// Seconds since 1970, UTC, one a row; empty if the log has no times.
    pub(crate) times: Vec<i64>,
    /// How many plays a row stands for, one a row (missing ones are 1); empty if the log does not say.
    pub(crate) plays: Vec<f32>,
    /// Seconds listened, one a row (NaN if missing); empty if the log does not say.
    pub(crate) seconds: Vec<f32>,
    /// What happened, one a row: a place in `kinds`, `u16::MAX` if missing; empty if the log does not say.
    pub(crate) events: Vec<u16>,
    /// Canonical names of what happened: `play`, `skip`, …
    pub(crate) kinds: Vec<String>,
    /// The number of each row in the source, counted from 1 without the header; ascending.
    pub(crate) rows: Vec<u64>,
    /// Ids of users; some may have no row left.
    pub(crate) user_ids: Texts,
    /// Ids of items; some may have no row left.
    pub(crate) item_ids: Texts,
    /// One user in so many is here; 1 for all.
    pub(crate) one_in: u64,
}

impl Interactions {
    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}
