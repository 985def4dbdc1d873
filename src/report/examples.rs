//! Some users with their history, what they heard next, and what each variant recommends to them.

use serde::Serialize;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Examples {
    /// The metric by which the users are chosen: the deciding one.
    pub(crate) metric: String,
    /// The variant whose gains and losses are shown.
    pub(crate) compared: String,
    /// What it is compared with: another variant, or `chance`.
    pub(crate) with: String,
    /// How the users were chosen, in words.
    pub(crate) rule: String,
    pub(crate) users: Vec<Example>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Example {
    /// Why this one was chosen, in words.
    pub(crate) why: String,
    /// The id, or a number.
    pub(crate) user: String,
    /// How much better `compared` is for this user.
    pub(crate) difference: f64,
    /// How many events models could learn of this user from.
    pub(crate) history_events: usize,
    /// The items of these events, the latest first, at most 12.
    pub(crate) history: Vec<Heard>,
    /// What was to be foretold.
    pub(crate) targets: Vec<String>,
    /// What the rows of the leaderboard recommend, in its order.
    pub(crate) lists: Vec<ExampleList>,
}

/// An item of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Heard {
    /// The id, or a number.
    pub(crate) item: String,
    /// The kind of the last event with it, where the log tells.
    pub(crate) kind: Option<String>,
    /// The time of that, in seconds since 1970, where the log tells.
    pub(crate) time: Option<i64>,
    /// How many events there are with it.
    pub(crate) times: usize,
}

/// What a variant recommends to a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ExampleList {
    pub(crate) variant: String,
    /// What the list is worth, by the metric: the mean over seeds.
    pub(crate) value: f64,
    /// The first items.
    pub(crate) items: Vec<Listed>,
}

/// A recommended item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    /// The id, or a number.
    pub(crate) item: String,
    /// Whether it is a target.
    pub(crate) hit: bool,
}
