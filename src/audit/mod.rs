//! `musicrec-lab audit`: what is wrong with a log, what it would do to a recommender, and what mends it.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "used by the command, which is being written")
)]
mod activity;
#[expect(dead_code, reason = "used by the command, which is being written")]
mod alert;
#[expect(dead_code, reason = "used by the command, which is being written")]
mod interactions;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "used by the command, which is being written")
)]
mod pairs;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "used by the command, which is being written")
)]
mod signal;
#[cfg(test)]
mod testing;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "used by the command, which is being written")
)]
mod view;

pub(crate) use alert::{Alert, Example, Severity};
pub(crate) use interactions::Interactions;
pub(crate) use pairs::Pairs;
