//! The built-in models: one file a plugin.

mod als;
mod popularity;
mod random;

pub use als::{Als, Solver};
pub use popularity::{Popularity, PopularityBy};
pub use random::Random;
