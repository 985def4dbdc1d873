//! The built-in models: one file a plugin.

mod als;
mod popularity;
mod random;

pub use als::{Als, Solver};
pub use popularity::{Popularity, PopularityBy};
pub use random::Random;

#[cfg(test)]
mod tests {
    use musicrec_api::{Kind, conformance};

    #[test]
    fn every_model_keeps_its_promises() {
        conformance::every(Kind::Model);
    }
}
