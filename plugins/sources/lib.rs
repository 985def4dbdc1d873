//! The built-in sources: one file a plugin.

mod csv;
pub mod synthetic;

pub use csv::{BadRows, Csv, Delimiter, Files};
pub use synthetic::Synthetic;
