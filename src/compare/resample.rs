//! Sums of per-user values under many sets of random weights: what bootstrap and randomization share.
//!
//! All columns of a table get the same weights, so what is drawn costs the same for one column as for
//! thirty, and differences of columns are paired. The sums are products of two matrices, a block of
//! replicates by all users, and the blocks are shared among the threads. Each replicate has its own
//! seed and the blocks do not depend on the threads, so neither does the result.

use musicrec_api::arithmetic::general_mat_mul;
use musicrec_api::derive_seed;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Numbers a block of weights may hold: 32 MB a thread.
const BLOCK: usize = 1 << 22;

/// Draws the weights of one replicate: `weights[slots[user]]` is the place of a user's weight.
pub(super) trait Weigh: Sync {
    fn weigh(&self, seed: u64, slots: &[u32], weights: &mut [f64]);
}

/// For each block of replicates in order, what `take` makes of its weighted sums (replicates ×
/// columns).
pub(super) fn blocks<T: Send>(
    values: &Array2<f64>,
    replicates: usize,
    seed: u64,
    weigh: &impl Weigh,
    take: impl Fn(ArrayView2<f64>) -> T + Sync,
) -> Vec<T> {
    let (slots, values) = compact(values);
    let (rows, columns) = values.dim();
    let block = (BLOCK / (rows + 1)).clamp(4, 64) & !3;
    let starts: Vec<usize> = (0..replicates).step_by(block).collect();
    let buffers = || {
        (
            Array2::zeros((block, rows + 1)),
            Array2::zeros((block, columns)),
        )
    };
    starts
        .into_par_iter()
        .map_init(buffers, |(weights, sums), start| {
            let count = block.min(replicates - start);
            weights.fill(0.0);
            for (at, mut weights) in weights.axis_iter_mut(Axis(0)).take(count).enumerate() {
                let seed = derive_seed(seed, &(start + at).to_string());
                let weights = weights.as_slice_mut().expect("rows are contiguous");
                weigh.weigh(seed, &slots, weights);
            }
            // All of the block, for a product's last bits may depend on its shape.
            let used = weights.slice_axis(Axis(1), Slice::from(..rows));
            general_mat_mul(1.0, &used, &values, 0.0, sums);
            take(sums.slice_axis(Axis(0), Slice::from(..count)))
        })
        .collect()
}

/// The rows that are not zero throughout, and where each user's row went. Users without any value,
/// most of them where lists are short, share the place behind the last row: they add nothing.
fn compact(values: &Array2<f64>) -> (Vec<u32>, Array2<f64>) {
    let mut kept = Vec::new();
    let slots = values.outer_iter().enumerate().map(|(user, row)| {
        if row.iter().all(|v| *v == 0.0) {
            return u32::MAX;
        }
        kept.push(user);
        kept.len() as u32 - 1
    });
    let mut slots: Vec<u32> = slots.collect();
    let last = kept.len() as u32;
    for slot in slots.iter_mut().filter(|s| **s == u32::MAX) {
        *slot = last;
    }
    (slots, values.select(Axis(0), &kept))
}
