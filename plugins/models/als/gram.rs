//! The products of all factors of a side with each other.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use ndarray::{Array2, ArrayView2, Axis};
use pulp::Arch;
use rayon::prelude::*;

use super::symmetric::{TILE, add_products};
use crate::aligned::Aligned;
use crate::kernel::{self, Kernel, Work};
use crate::real::Real;

/// Rows whose products are summed tile by tile before the next: few enough to stay in the cache.
const PANEL: usize = 64;

/// The rows of the Gram matrix are cut in at most so many parts, which are then summed in order:
/// how many depends on the data alone, never on the number of threads.
pub(super) const PARTS: usize = 16;

/// `YᵀY` in f64.
pub(super) fn gram<T: Real>(y: &ArrayView2<T>) -> Array2<f64> {
    let factors = y.ncols();
    let width = factors.next_multiple_of(TILE);
    let part = y.nrows().div_ceil(PARTS).max(8 * PANEL);
    let parts: Vec<ArrayView2<T>> = y.axis_chunks_iter(Axis(0), part).collect();
    let arch = Arch::new();
    let parts: Vec<Aligned<f64>> = parts
        .into_par_iter()
        .map(|part| {
            let mut sum = Aligned::zeros(width * width);
            kernel::run(
                arch,
                Gram {
                    part,
                    sum: sum.as_mut_slice(),
                },
            );
            sum
        })
        .collect();
    let mut total = Array2::zeros((factors, factors));
    for part in parts {
        for ((row, column), total) in total.indexed_iter_mut() {
            // Of the parts only the upper triangle counts.
            *total += part.as_slice()[row.min(column) * width + row.max(column)];
        }
    }
    total
}

/// Adds the products of rows to `sum`, whose upper triangle counts.
struct Gram<'a, T> {
    part: ArrayView2<'a, T>,
    sum: &'a mut [f64],
}

impl<T: Real> Work for Gram<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) {
        let width = self.part.ncols().next_multiple_of(TILE);
        let mut panel = Aligned::zeros(PANEL * width);
        let panel = panel.as_mut_slice();
        let terms: Vec<(usize, f64)> = (0..PANEL).map(|row| (row * width, 1.0)).collect();
        for rows in self.part.axis_chunks_iter(Axis(0), PANEL) {
            for (to, from) in panel.chunks_exact_mut(width).zip(rows.rows()) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from.wide();
                }
            }
            add_products(kernel, self.sum, width, panel, &terms[..rows.nrows()]);
        }
    }
}
