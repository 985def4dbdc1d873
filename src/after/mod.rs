//! What one does with a finished report folder: run its trials again, verify it, compare it with
//! another.

mod again;
pub(crate) mod diff;
mod equal;
mod sample;
mod whole;

pub(crate) use again::{alike, experiment, name_of_part, refused};
pub(crate) use equal::{Differing, differing};
pub(crate) use sample::sample;
pub(crate) use whole::check;
