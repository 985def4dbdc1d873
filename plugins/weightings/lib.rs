//! The built-in weightings: one file a plugin.
//!
//! Some read the events (`binary`, `plays`, `event_strength`, `listen_seconds`), the others reshape
//! what another weighting gives and name it in their field `of`.

mod amounts;
mod binary;
mod bm25;
mod corpus;
mod event_strength;
mod listen_seconds;
mod log;
mod nested;
mod plays;
mod recency;
mod tf_idf;

pub use binary::Binary;
pub use bm25::Bm25;
pub use corpus::Documents;
pub use event_strength::EventStrength;
pub use listen_seconds::ListenSeconds;
pub use log::Log;
pub use plays::Plays;
pub use recency::Recency;
pub use tf_idf::TfIdf;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_weighting_keeps_its_promises() {
        conformance::every(Kind::Weighting);
    }
}
