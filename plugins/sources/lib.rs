//! The built-in sources: one file a plugin.

mod csv;
pub mod synthetic;

pub use csv::{BadRows, Csv, Delimiter, Files};
pub use synthetic::Synthetic;

#[cfg(test)]
mod tests {
    use musicrec_api::conformance;

    #[test]
    fn synthetic_keeps_the_promises_of_a_source() {
        conformance::source("synthetic");
    }
}
