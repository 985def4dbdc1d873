//! A sweep beyond its own process: what is planned is written into the store (`plan`), an engine gets the
//! numbers of its units (`launch`), each unit finds its trials by itself and runs under a small parent
//! (`unit`), and whoever wants to know looks at the store (`follow`, `status`).
//!
//! The store of records is the truth. An engine that forgets a job, or runs one twice, does no harm: what
//! has no record is submitted again by the same command, and the first record of a trial stays.

mod follow;
mod launch;
mod plan;
mod status;
mod submissions;
mod unit;
mod usage;

pub(crate) use follow::follow;
pub(crate) use launch::{Launched, draft, launch};
pub(crate) use plan::{Asked, Plan};
pub(crate) use status::{Status, status};
pub(crate) use submissions::{at_work, cancel, last_launcher};
pub(crate) use unit::{run, serve_unit};
pub(crate) use usage::Measured;
