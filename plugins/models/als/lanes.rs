//! Solving [`LANES`] small symmetric systems at once, one in each lane of the registers.
//!
//! In a system by itself each pivot waits for the one before; here sixteen systems wait together.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use crate::kernel::Kernel;
#[cfg(doc)]
use crate::real::LANES;
use crate::real::Real;

/// Overwrites `right` by the solutions of systems whose matrices have the upper triangle given, `size` × `size` × [`LANES`]
/// and `size` × [`LANES`] numbers. The matrices are lost. They must be positive definite by more than rounding; others
/// give numbers without meaning.
#[inline(always)]
pub(super) fn solve<K: Kernel, T: Real>(kernel: K, matrix: &mut [T], size: usize, right: &mut [T]) {
    let parts = K::parts::<T>();
    let matrix = K::registers_mut(matrix);
    let right = K::registers_mut(right);
    let stride = size * parts;
    let minus = kernel.splat(T::zero() - T::one());
    for part in 0..parts {
        // Rows of W with A = Wᵀ D⁻¹ W; W keeps its rows, and its diagonal becomes −1 / D.
        for row in 0..size {
            let (above, below) = matrix.split_at_mut((row + 1) * stride);
            let this = &mut above[row * stride..];
            let on_diagonal = &mut this[row * parts + part];
            *on_diagonal = kernel.divide(minus, *on_diagonal);
            let inverse = *on_diagonal;
            let of_this = right[row * parts + part];
            for (other, below) in (row + 1..size).zip(below.chunks_exact_mut(stride)) {
                let scale = kernel.multiply(inverse, this[other * parts + part]);
                let at = other * parts + part;
                right[at] = kernel.fuse(scale, of_this, right[at]);
                let these = this[at..].iter().step_by(parts);
                for (below, &this) in below[at..].iter_mut().step_by(parts).zip(these) {
                    *below = kernel.fuse(scale, this, *below);
                }
            }
        }
        for row in (0..size).rev() {
            let this = matrix[row * stride + row * parts + part];
            // −x
            let negative = kernel.multiply(this, right[row * parts + part]);
            right[row * parts + part] = kernel.multiply(minus, negative);
            for other in 0..row {
                let factor = matrix[other * stride + row * parts + part];
                let at = other * parts + part;
                right[at] = kernel.fuse(factor, negative, right[at]);
            }
        }
    }
}
