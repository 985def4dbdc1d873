//! The built-in models: one file a plugin.

mod aligned;
mod als;
mod artist_top;
mod bpr;
mod counts;
mod ease;
mod features;
mod item_knn;
mod kernel;
mod markov;
mod neighbors;
mod p3_alpha;
mod personal_top;
mod popularity;
mod products;
mod pure_svd;
mod random;
mod real;
mod recency_knn;
mod recent_popularity;
mod rp3_beta;
mod segment_popularity;
mod similarity;
mod slim;
mod times;
mod train;
mod trending;
mod user_knn;

pub use als::{Als, Solver};
pub use artist_top::ArtistTop;
pub use bpr::Bpr;
pub use ease::{Ease, Precision};
pub use features::FeatureWeighting;
pub use item_knn::ItemKnn;
pub use markov::Markov;
pub use p3_alpha::P3Alpha;
pub use personal_top::{PersonalBy, PersonalTop};
pub use popularity::{Popularity, PopularityBy};
pub use pure_svd::PureSvd;
pub use random::Random;
pub use recency_knn::RecencyKnn;
pub use recent_popularity::RecentPopularity;
pub use rp3_beta::Rp3Beta;
pub use segment_popularity::{Among, SegmentPopularity};
pub use similarity::Similarity;
pub use slim::Slim;
pub use trending::{Growth, Trending};
pub use user_knn::UserKnn;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_model_keeps_its_promises() {
        conformance::every(Kind::Model);
    }
}
