//! What most of a sweep's time goes into, piece by piece: ALS, ranking, measuring, the bootstrap.
//!
//! ```sh
//! cargo bench --bench kernels                    # all, on synthetic data of the size of MovieLens-1M
//! cargo bench --bench kernels -- rank            # those with "rank" in their name
//! cargo bench --bench kernels -- --test          # each once on tiny data: do they still work?
//! ```
//!
//! On one thread, and on all where that is said. Nothing is asserted of the times.

mod als;
mod data;
mod evaluation;
mod statistics;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    kernels,
    als::half_steps,
    evaluation::rank,
    evaluation::measure,
    statistics::bootstraps
);
criterion_main!(kernels);
