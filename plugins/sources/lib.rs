//! The built-in sources: one file a plugin.

mod csv;

pub use csv::{BadRows, Csv, Delimiter, Files};
