//! What a record says beyond its definition so that its trial can be run again: the program, the
//! instructions it computed with, where paths start, and the seeds that were used.

use std::collections::BTreeMap;
use std::path::Path;

use musicrec_api::derive_seed;
use serde::{Deserialize, Serialize};

use super::Key;
use crate::experiment::{Experiment, Model};

/// See the module. Each part is empty in records of versions that did not write it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Origin {
    /// The commit that the program was built from, and whether its sources were changed since.
    pub(crate) commit: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// The class of instruction sets that sums of products were computed with.
    pub(crate) instructions: String,
    /// The absolute folder that relative paths of the source start from.
    pub(crate) base: String,
    /// The seeds that were used, by what for.
    pub(crate) seeds: BTreeMap<String, u64>,
}

impl Origin {
    /// That of a trial that runs now.
    pub(crate) fn new(experiment: &Experiment, key: &Key, model: &Model) -> Self {
        let seed = experiment.seed;
        let seeds = [
            ("source", derive_seed(seed, "source")),
            ("split", derive_seed(seed, "split")),
            ("fit", derive_seed(seed, &key.seed_name("fit", model))),
        ];
        Self {
            commit: env!("MUSICREC_COMMIT").to_owned(),
            rustc: env!("MUSICREC_RUSTC").to_owned(),
            instructions: instructions(),
            base: absolute(&experiment.base),
            seeds: seeds.map(|(name, seed)| (name.to_owned(), seed)).into(),
        }
    }
}

/// A folder as it is called from everywhere on this machine.
fn absolute(base: &Path) -> String {
    let base = if base.as_os_str().is_empty() {
        Path::new(".")
    } else {
        base
    };
    // Without links, for the same folder should have one name; a folder that is gone has none.
    let full = base.canonicalize().or_else(|_| std::path::absolute(base));
    full.map_or_else(|_| base.display().to_string(), |p| p.display().to_string())
}

/// The class of instruction sets by which numbers may differ from machine to machine: the kernel
/// that the library of matrix products (matrixmultiply 0.3) chooses at run time.
pub(crate) fn instructions() -> String {
    let kernel = kernel();
    format!("{}{kernel}", std::env::consts::ARCH)
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn kernel() -> &'static str {
    if std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2") {
        "+avx2+fma"
    } else if std::arch::is_x86_feature_detected!("avx") {
        "+avx"
    } else {
        "+sse2"
    }
}

#[cfg(target_arch = "aarch64")]
fn kernel() -> &'static str {
    if std::arch::is_aarch64_feature_detected!("neon") {
        "+neon"
    } else {
        ""
    }
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn kernel() -> &'static str {
    ""
}
