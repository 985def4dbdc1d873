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

use musicrec_api::arithmetic::general_mat_mul;
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayRef2, ArrayViewMut2};
use pulp::Arch;

use super::aligned::Aligned;
use super::kernel::{self, Kernel, Work};
use super::real::{LANES, Real};
use super::symmetric::{NoPivot, factorize};

/// One side in such coordinates, and the way there and back for the other one.
pub(super) struct Basis<T> {
    /// Numbers a row: `factors` rounded up to whole registers, zeros behind.
    pub(super) width: usize,
    /// The fixed side's z, row by row.
    pub(super) fixed: Aligned<T>,
    /// What P is on the diagonal, without what regularization by counts adds.
    pub(super) diagonal: Vec<T>,
    /// factors × width: `v = x · into`.
    into: Array2<T>,
    /// width × factors: `x = v · from`.
    from: Array2<T>,
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
        let padded = |shape, of: &ArrayRef2<f64>| {
            Array2::from_shape_fn(shape, |at| of.get(at).map_or(T::zero(), |&x| T::narrow(x)))
        };
        let to = padded((factors, width), to);
        let mut rotated = Aligned::zeros(fixed.nrows() * width);
        let shape = (fixed.nrows(), width);
        let mut view = ArrayViewMut2::from_shape(shape, rotated.as_mut_slice()).expect("its shape");
        general_mat_mul(T::one(), fixed, &to, T::zero(), &mut view);
        let mut diagonal: Vec<T> = diagonal.iter().map(|&d| T::narrow(d)).collect();
        diagonal.resize(width, T::one());
        Self {
            width,
            fixed: rotated,
            diagonal,
            into: padded((factors, width), into),
            from: padded((width, factors), from),
        }
    }

    /// The coordinates of rows.
    pub(super) fn enter(&self, rows: &ArrayRef2<T>, out: &mut ArrayRef2<T>) {
        general_mat_mul(T::one(), rows, &self.into, T::zero(), out);
    }

    /// The rows of coordinates.
    pub(super) fn leave(&self, coordinates: &ArrayRef2<T>, out: &mut ArrayRef2<T>) {
        general_mat_mul(T::one(), coordinates, &self.from, T::zero(), out);
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
    fn run(self, kernel: impl Kernel) -> Result<Array2<f64>, NoPivot> {
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
