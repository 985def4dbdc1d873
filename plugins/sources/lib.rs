//! The built-in sources: one file a plugin.

mod common;
mod csv;
mod json_lines;
mod parquet;
pub mod synthetic;

pub use common::parameters::{BadRows, Named};
pub use csv::{Csv, Delimiter};
pub use json_lines::JsonLines;
pub use parquet::Parquet;
pub use synthetic::Synthetic;

#[cfg(test)]
mod tests {
    use musicrec_api::conformance;

    #[test]
    fn synthetic_keeps_the_promises_of_a_source() {
        conformance::source("synthetic");
    }
}
