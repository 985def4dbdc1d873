//! `musicrec-lab audit`: what is wrong with a log, what it would do to a recommender, and what mends it.

mod alert;
mod interactions;

pub(crate) use alert::{Alert, Example, Severity};
pub(crate) use interactions::Interactions;
