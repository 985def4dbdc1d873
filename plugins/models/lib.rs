//! The built-in models: one file a plugin.

mod aligned;
mod als;
mod blend;
mod bpr;
mod ease;
mod fallback;
mod features;
mod item_knn;
mod kernel;
mod neighbors;
mod nested;
mod p3_alpha;
mod popularity;
mod products;
mod pure_svd;
mod random;
mod real;
mod rp3_beta;
mod similarity;
mod slim;
mod train;
mod user_knn;

pub use als::{Als, Solver};
pub use blend::{Blend, BlendBy};
pub use bpr::Bpr;
pub use ease::{Ease, Precision};
pub use fallback::Fallback;
pub use features::FeatureWeighting;
pub use item_knn::ItemKnn;
pub use p3_alpha::P3Alpha;
pub use popularity::{Popularity, PopularityBy};
pub use pure_svd::PureSvd;
pub use random::Random;
pub use rp3_beta::Rp3Beta;
pub use similarity::Similarity;
pub use slim::Slim;
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
