//! The built-in weightings: one file a plugin.

mod binary;

pub use binary::Binary;
