//! Seeds come from what is computed, never from time or order.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use sha2::{Digest, Sha256};

/// The seed of a sub-task: a hash of the parent's seed and the sub-task's name. Distinct names give
/// unrelated seeds, and the result does not depend on what else runs.
pub fn derive_seed(parent: u64, name: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(parent.to_le_bytes());
    hash.update(name.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

/// The random number generator of this project, whose stream is fixed for ever for a given seed.
pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[cfg(test)]
mod tests {
    use super::derive_seed;

    #[test]
    fn seeds_differ_by_parent_and_name_and_stay_the_same_for_ever() {
        assert_ne!(derive_seed(1, "fit"), derive_seed(2, "fit"));
        assert_ne!(derive_seed(1, "fit"), derive_seed(1, "rank"));
        assert_eq!(derive_seed(7, "fit"), derive_seed(7, "fit"));
    }
}
