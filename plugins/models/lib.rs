//! The built-in models: one file a plugin.

mod aligned;
mod als;
mod answer;
mod bpr;
mod ease;
mod features;
mod files;
mod item_knn;
mod kernel;
mod lists;
mod neighbors;
mod p3_alpha;
mod popularity;
mod process;
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
pub use answer::Unknown;
pub use bpr::Bpr;
pub use ease::{Ease, Precision};
pub use features::FeatureWeighting;
pub use item_knn::ItemKnn;
pub use lists::Lists;
pub use p3_alpha::P3Alpha;
pub use popularity::{Popularity, PopularityBy};
pub use process::Process;
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
    use musicrec_api::{Kind, conformance, registrations};

    /// These need the files of their examples, and a Python: see `tests/conformance.rs` of the lab.
    const WITH_FILES: [&str; 2] = ["lists", "process"];

    #[test]
    fn every_model_keeps_its_promises() {
        let all = registrations()
            .into_iter()
            .map(|plugin| (plugin.kind, plugin.name));
        for (kind, name) in all.filter(|(_, name)| !WITH_FILES.contains(name)) {
            conformance::check(kind, name);
        }
        let models = registrations()
            .into_iter()
            .filter(|r| r.kind == Kind::Model);
        assert!(models.count() > WITH_FILES.len());
    }
}
