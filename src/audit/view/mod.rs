//! A log as a recommender sees it: how much there is of each user and item, and who is known when.

mod alerts;
mod core;
mod cuts;
mod shape;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Interactions, Pairs};
pub(crate) use core::Core;
pub(crate) use cuts::Cut;
pub(crate) use shape::{Group, Quantiles, Tail, Weeks};

/// A log as a recommender sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RecommenderView {
    /// Rows with a user and an item.
    pub(crate) rows: u64,
    /// Users with a row.
    pub(crate) users: u64,
    /// Items with a row.
    pub(crate) items: u64,
    /// Different pairs of user and item.
    pub(crate) pairs: u64,
    /// Pairs over users × items.
    pub(crate) density: f64,
    /// Rows of a user.
    pub(crate) rows_per_user: Quantiles,
    /// Different items of a user.
    pub(crate) items_per_user: Quantiles,
    /// Rows of an item.
    pub(crate) rows_per_item: Quantiles,
    /// Different users of an item.
    pub(crate) users_per_item: Quantiles,
    /// How the rows are spread over the items.
    pub(crate) tail: Tail,
    /// Users by how many rows they have.
    pub(crate) activity: Vec<Group>,
    /// What a split by time would find; empty without times.
    pub(crate) cuts: Vec<Cut>,
    /// What is left if users and items with few pairs are dropped.
    pub(crate) cores: Vec<Core>,
    /// The time that is covered; none without times.
    pub(crate) weeks: Option<Weeks>,
}

/// Looks at a log as a recommender does.
pub(crate) fn view(log: &Interactions, pairs: &Pairs) -> RecommenderView {
    let (users, items) = (pairs.active_users(), pairs.active_items());
    let items_of: Vec<u32> = pairs
        .starts
        .windows(2)
        .map(|w| (w[1] - w[0]) as u32)
        .collect();
    let cells = users as f64 * items as f64;
    RecommenderView {
        rows: log.len() as u64,
        users: users as u64,
        items: items as u64,
        pairs: pairs.len() as u64,
        density: if cells == 0.0 {
            0.0
        } else {
            pairs.len() as f64 / cells
        },
        rows_per_user: Quantiles::of(&pairs.rows_of_user),
        items_per_user: Quantiles::of(&items_of),
        rows_per_item: Quantiles::of(&pairs.rows_of_item),
        users_per_item: Quantiles::of(&pairs.users_of_item),
        tail: Tail::of(pairs),
        activity: shape::by_activity(&pairs.rows_of_user),
        cuts: cuts::cuts(log, pairs),
        cores: core::cores(pairs),
        weeks: Weeks::of(&log.times),
    }
}
