//! The coordinates in which the equations of rows are solved: there they are well conditioned, and conjugate
//! gradients converge in few steps.
//!
//! A row's equations are `(P + Σ w y yᵀ) x = b` with `P = YᵀY + λI`, and only the sum over its cells differs from
//! row to row. With `P = L Lᵀ`, `z = L⁻¹ y` and `v = Lᵀ x` they become `(I + Σ w z zᵀ) v = Σ (1 + w) z`: a step
//! needs no product with a factors × factors matrix any more, and directions that P knows already are solved
//! before the first step. Where λ is `λ n` of each row, `P = Q (Λ + λ n I) Qᵀ` is diagonal in the eigenvectors of `YᵀY`
//! for all of them, and the diagonal is the preconditioner.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayRef2};
use pulp::Arch;
use rayon::prelude::*;

use super::change::Change;
use super::symmetric::{NoPivot, factorize};
use crate::aligned::Aligned;
use crate::kernel::{self, Kernel, Work};
use crate::real::{LANES, Real};

/// Rows of the fixed side that a thread takes at once.
const TOGETHER: usize = 512;

/// One side in such coordinates, and the way there and back for the other one.
pub(super) struct Basis<T> {
    /// Numbers a row: `factors` rounded up to whole registers, zeros behind.
    pub(super) width: usize,
    /// The fixed side's z, row by row.
    pub(super) fixed: Aligned<T>,
    /// What P is on the diagonal, without what regularization by counts adds.
    pub(super) diagonal: Vec<T>,
    /// From x to v, factors to width.
    into: Change<T>,
    /// From v to x.
    from: Change<T>,
}

impl<T: Real> Basis<T> {
    /// That of `fixed`, whose Gram matrix is `gram`, with a regularization that all rows have in common.
    pub(super) fn whitened(
        fixed: &ArrayRef2<T>,
        gram: &ArrayRef2<f64>,
        regularization: f64,
    ) -> Result<Self, NoPivot> {
        let lower = kernel::run(
            Arch::new(),
            Cholesky {
                of: gram,
                added: regularization,
            },
        )?;
        let inverse = inverse(&lower);
        let ones = vec![1.0; gram.nrows()];
        Ok(Self::new(fixed, &lower, &inverse, &inverse.t(), &ones))
    }

    /// That of `fixed` for rows that each have a regularization of their own.
    pub(super) fn eigenvectors(fixed: &ArrayRef2<T>, gram: &Array2<f64>) -> Self {
        let factors = gram.nrows();
        let matrix = DMatrix::from_fn(factors, factors, |row, column| gram[(row, column)]);
        let eigen = SymmetricEigen::new(matrix);
        let vectors = &eigen.eigenvectors;
        let vectors = Array2::from_shape_fn((factors, factors), |at| vectors[at]);
        // Rounding may leave a zero below zero.
        let values: Vec<f64> = eigen.eigenvalues.iter().map(|v| v.max(0.0)).collect();
        Self::new(fixed, &vectors, &vectors.t(), &vectors, &values)
    }

    fn new(
        fixed: &ArrayRef2<T>,
        into: &ArrayRef2<f64>,
        from: &ArrayRef2<f64>,
        to: &ArrayRef2<f64>,
        diagonal: &[f64],
    ) -> Self {
        let factors = fixed.ncols();
        let width = factors.next_multiple_of(LANES);
        let to = Change::new(to, factors, width);
        let mut rotated = Aligned::zeros(fixed.nrows() * width);
        let rows = fixed.as_slice().expect("factors are in standard layout");
        let arch = Arch::new();
        rows.par_chunks(TOGETHER * factors)
            .zip(rotated.as_mut_slice().par_chunks_mut(TOGETHER * width))
            .for_each(|(rows, out)| to.apply(arch, rows, out));
        let mut diagonal: Vec<T> = diagonal.iter().map(|&d| T::narrow(d)).collect();
        diagonal.resize(width, T::one());
        Self {
            width,
            fixed: rotated,
            diagonal,
            into: Change::new(into, factors, width),
            from: Change::new(from, width, factors),
        }
    }

    /// The coordinates of rows, one after the other.
    pub(super) fn enter(&self, arch: Arch, rows: &[T], out: &mut [T]) {
        self.into.apply(arch, rows, out);
    }

    /// The rows of coordinates.
    pub(super) fn leave(&self, arch: Arch, coordinates: &[T], out: &mut [T]) {
        self.from.apply(arch, coordinates, out);
    }
}

/// L with `L Lᵀ` equal to a symmetric matrix and something added on its diagonal.
struct Cholesky<'a> {
    of: &'a ArrayRef2<f64>,
    added: f64,
}

impl Work for Cholesky<'_> {
    type Output = Result<Array2<f64>, NoPivot>;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> Result<Array2<f64>, NoPivot> {
        let size = self.of.nrows();
        let stride = size.next_multiple_of(LANES);
        let mut matrix = Aligned::zeros(stride * stride);
        let matrix = matrix.as_mut_slice();
        for ((row, column), &value) in self.of.indexed_iter() {
            let added = if row == column { self.added } else { 0.0 };
            matrix[row * stride + column] = value + added;
        }
        let mut inverse = vec![0.0; size];
        factorize(kernel, matrix, stride, size, &mut inverse, &mut Vec::new())?;
        Ok(Array2::from_shape_fn((size, size), |(row, column)| {
            if column <= row {
                matrix[column * stride + row] * inverse[column].sqrt()
            } else {
                0.0
            }
        }))
    }
}

/// The inverse of the lower triangle of `l`, itself lower triangular.
fn inverse(l: &Array2<f64>) -> Array2<f64> {
    let n = l.nrows();
    let mut inverse = Array2::<f64>::zeros((n, n));
    for row in 0..n {
        let (above, mut below) = inverse.view_mut().split_at(ndarray::Axis(0), row);
        let mut this = below.row_mut(0);
        for column in 0..row {
            this.scaled_add(-l[(row, column)], &above.row(column));
        }
        this[row] = 1.0;
        this /= l[(row, row)];
    }
    inverse
}
