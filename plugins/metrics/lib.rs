//! The built-in metrics: one file a plugin.
//!
//! All three are binary (an item is a target or it is not) and macro-averaged: the lab takes the mean
//! of one value a user. Definitions and golden cases are those of `trec_eval`.

#[cfg(test)]
mod golden;
mod ndcg;
mod precision;
mod ranks;
mod recall;

pub use ndcg::Ndcg;
pub use precision::Precision;
pub use recall::Recall;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_metric_keeps_its_promises() {
        conformance::every(Kind::Metric);
    }
}
