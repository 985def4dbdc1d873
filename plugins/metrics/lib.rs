//! The built-in metrics: one file a plugin.
//!
//! What each computes is its `identity`; whose definition of a name is which is told in
//! `plugins/metrics/README.md`. Most give each user a value, of which the lab takes the mean; some are one
//! number for all lists.

mod coverage;
mod dcg;
mod diversity;
mod gains;
mod gini;
#[cfg(test)]
mod golden;
mod hit_rate;
mod map;
mod micro_precision;
mod micro_recall;
mod mrr;
mod ndcg;
mod novelty;
mod popular;
mod popularity_bias;
mod precision;
mod r_precision;
mod ranks;
mod recall;
mod recall_capped;
mod serendipity;

pub use coverage::Coverage;
pub use dcg::Dcg;
pub use diversity::Diversity;
pub use gains::Gain;
pub use gini::Gini;
pub use hit_rate::HitRate;
pub use map::{Map, MapDivisor};
pub use micro_precision::{MicroDivisor, MicroPrecision};
pub use micro_recall::MicroRecall;
pub use mrr::Mrr;
pub use ndcg::{Ideal, Ndcg};
pub use novelty::Novelty;
pub use popularity_bias::PopularityBias;
pub use precision::{Precision, PrecisionDivisor};
pub use r_precision::RPrecision;
pub use ranks::Discount;
pub use recall::Recall;
pub use recall_capped::RecallCapped;
pub use serendipity::Serendipity;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_metric_keeps_its_promises() {
        conformance::every(Kind::Metric);
    }
}
