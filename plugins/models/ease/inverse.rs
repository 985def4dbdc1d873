//! The inverse of a symmetric positive definite matrix, in place.
//!
//! By sweeping blocks (Beaton 1964, Dempster 1969): with the block K of rows and columns, `D = A(K,K)⁻¹`,
//!
//! `A(i,j) ← A(i,j) − A(i,K) D A(K,j)`, `A(i,K) ← A(i,K) D`, `A(K,K) ← −D`,
//!
//! which after all blocks leaves `−A⁻¹`. That are as many operations as Cholesky's factorization and the inverse made
//! of it, `n³ / 2` multiplications, but nearly all of them in products of large matrices of one shape, and nothing
//! has to be kept beside the matrix but two columns of blocks. Blocks on the diagonal are those that Cholesky would
//! factorize, so without pivoting it is as stable.

use std::ops::Range;

use musicrec_api::arithmetic::general_mat_mul;
use musicrec_api::{FitContext, Result};
use ndarray::{Array2, ArrayRef2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

use crate::products::{Half, mirror, rows_of};
use crate::real::Real;

/// Rows of a block: enough for fast products, and so few that the inverse of a block is little work.
pub(super) const BLOCK: usize = 256;
/// Rows of the blocks that a block on the diagonal is made of.
const SMALL: usize = 32;
/// Rows of the matrix that are worked on together.
const ROWS: usize = 256;
/// Columns of a block on the diagonal that are worked on together: half of them are for nothing.
const NARROW: usize = 64;

/// The matrix, or what rounding left of it, is not positive definite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotPositive;

/// Puts `−A⁻¹` in the place of A, of which only the lower half is read.
///
/// # Errors
/// The outer one if it was cancelled.
pub(super) fn invert<T: Real>(
    matrix: &mut Array2<T>,
    context: &FitContext,
) -> Result<std::result::Result<(), NotPositive>> {
    let size = matrix.nrows();
    for first in (0..size).step_by(BLOCK) {
        context.check_cancelled()?;
        let inverse = |block: &ArrayView2<T>| {
            // Blocks on the diagonal are inverted in double precision whatever the matrix.
            let mut wide = block.mapv(Real::wide);
            sweep_all(&mut wide, SMALL, by_elements)?;
            Ok(wide.mapv(T::narrow))
        };
        if let Err(not_positive) = sweep(matrix, first, BLOCK, inverse) {
            return Ok(Err(not_positive));
        }
    }
    mirror(
        matrix.as_slice_mut().expect("standard layout"),
        size,
        Half::Lower,
    );
    Ok(Ok(()))
}

type Swept<T> = std::result::Result<Array2<T>, NotPositive>;

fn sweep_all<T: Real>(
    matrix: &mut Array2<T>,
    block: usize,
    inverse: impl Fn(&ArrayView2<T>) -> Swept<T>,
) -> std::result::Result<(), NotPositive> {
    let size = matrix.nrows();
    for first in (0..size).step_by(block) {
        sweep(matrix, first, block, &inverse)?;
    }
    mirror(
        matrix.as_slice_mut().expect("standard layout"),
        size,
        Half::Lower,
    );
    Ok(())
}

/// Sweeps one block; `inverse` gives minus the inverse of the block on the diagonal, whole.
fn sweep<T: Real>(
    matrix: &mut Array2<T>,
    first: usize,
    block: usize,
    inverse: impl FnOnce(&ArrayView2<T>) -> Swept<T>,
) -> std::result::Result<(), NotPositive> {
    let size = matrix.nrows();
    let last = size.min(first + block);
    let here = first..last;
    // A(·,K) whole, of which the rows before K are columns of the lower half.
    let mut columns = Array2::zeros((size, here.len()));
    part_mut(&mut columns, 0..first, 0..here.len())
        .assign(&part(matrix, here.clone(), 0..first).t());
    part_mut(&mut columns, first..size, 0..here.len()).assign(&part(
        matrix,
        first..size,
        here.clone(),
    ));
    for row in 0..here.len() {
        for column in row + 1..here.len() {
            columns[(first + row, column)] = columns[(first + column, row)];
        }
    }
    let negative = inverse(&part(&columns, here.clone(), 0..here.len()))?;
    // With the rows of K as zeros the product leaves rows and columns of K as they are.
    part_mut(&mut columns, here.clone(), 0..here.len()).fill(T::zero());
    let minus = T::zero() - T::one();
    let mut scaled = Array2::zeros(columns.dim());
    rows_in_parallel(&mut scaled, |row, mut scaled| {
        let columns = part(&columns, row..row + scaled.nrows(), 0..here.len());
        general_mat_mul(minus, &columns, &negative, T::zero(), &mut scaled);
    });
    rows_in_parallel(matrix, |row, mut rows| {
        let end = row + rows.nrows();
        let mut update = |from: usize, to: Range<usize>| {
            general_mat_mul(
                minus,
                &part(&scaled, from..end, 0..here.len()),
                &part(&columns, to.clone(), 0..here.len()).t(),
                T::one(),
                &mut part_mut(&mut rows, from - row..end - row, to),
            );
        };
        // All before the block on the diagonal, and what of that is not above the diagonal.
        update(row, 0..row);
        for first in (row..end).step_by(NARROW) {
            update(first, first..end.min(first + NARROW));
        }
    });
    part_mut(matrix, here.clone(), 0..first).assign(&part(&scaled, 0..first, 0..here.len()).t());
    part_mut(matrix, last..size, here.clone()).assign(&part(&scaled, last..size, 0..here.len()));
    part_mut(matrix, here.clone(), here).assign(&negative);
    Ok(())
}

fn part<T>(matrix: &ArrayRef2<T>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, T> {
    let mut rows = matrix.slice_axis(Axis(0), Slice::from(rows));
    rows.slice_axis_inplace(Axis(1), Slice::from(columns));
    rows
}

fn part_mut<T>(
    matrix: &mut ArrayRef2<T>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> ArrayViewMut2<'_, T> {
    let mut rows = matrix.slice_axis_mut(Axis(0), Slice::from(rows));
    rows.slice_axis_inplace(Axis(1), Slice::from(columns));
    rows
}

/// Calls `work` with blocks of rows and the first row of each; how many there are does not depend on threads.
fn rows_in_parallel<T: Real>(
    matrix: &mut Array2<T>,
    work: impl Fn(usize, ArrayViewMut2<T>) + Sync,
) {
    let columns = matrix.ncols();
    let values = matrix.as_slice_mut().expect("standard layout");
    // Those at the end have the most to do.
    let blocks = values.par_chunks_mut(ROWS * columns).enumerate().rev();
    blocks.for_each(|(block, rows)| work(block * ROWS, rows_of(rows, columns)));
}

/// Minus the inverse of a small matrix, element by element.
fn by_elements(block: &ArrayView2<f64>) -> Swept<f64> {
    let mut matrix = block.to_owned();
    let size = matrix.nrows();
    for pivot in 0..size {
        let value = matrix[(pivot, pivot)];
        if !(value > 0.0 && value.is_finite()) {
            return Err(NotPositive);
        }
        let column = matrix.column(pivot).to_owned();
        for row in (0..size).filter(|&row| row != pivot) {
            let factor = column[row] / value;
            for other in 0..size {
                matrix[(row, other)] -= factor * column[other];
            }
        }
        for other in 0..size {
            let scaled = column[other] / value;
            matrix[(other, pivot)] = scaled;
            matrix[(pivot, other)] = scaled;
        }
        matrix[(pivot, pivot)] = -1.0 / value;
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use super::{NotPositive, invert};
    use crate::real::Real;
    use musicrec_api::FitContext;
    use ndarray::{Array2, array};

    /// `Σ (row + 1)(column + 1) / 100 + 1 on the diagonal`, with a few waves.
    fn positive<T: Real>(size: usize) -> Array2<T> {
        let wave = Array2::from_shape_fn((size, 7), |(row, column)| {
            ((row * (column + 3)) as f64 * 0.37).sin()
        });
        let mut matrix = wave.dot(&wave.t());
        matrix.diag_mut().mapv_inplace(|d| d + 1.0);
        matrix.mapv(T::narrow)
    }

    fn error<T: Real>(size: usize) -> f64 {
        let matrix = positive::<T>(size);
        let mut negative = matrix.clone();
        // What stands above the diagonal is not looked at.
        for row in 0..size {
            for column in row + 1..size {
                negative[(row, column)] = T::narrow(f64::NAN);
            }
        }
        invert(&mut negative, &FitContext::new(0)).unwrap().unwrap();
        let product = matrix.mapv(Real::wide).dot(&negative.mapv(Real::wide));
        let unit = Array2::<f64>::eye(size);
        (product + unit)
            .iter()
            .fold(0.0, |worst, d| worst.max(d.abs()))
    }

    /// One block on the diagonal, several, and ends that are no whole blocks.
    #[test]
    fn a_matrix_times_its_inverse_is_the_unit_matrix() {
        for size in [1, 2, 31, 33, 256, 300, 700] {
            assert!(error::<f64>(size) < 1e-11, "{size}: {}", error::<f64>(size));
            assert!(error::<f32>(size) < 1e-3, "{size}: {}", error::<f32>(size));
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused() {
        let mut matrix = array![[1.0, 2.0], [2.0, 1.0]];
        assert_eq!(
            invert(&mut matrix, &FitContext::new(0)).unwrap(),
            Err(NotPositive)
        );
        let mut matrix = array![[f64::NAN]];
        assert_eq!(
            invert(&mut matrix, &FitContext::new(0)).unwrap(),
            Err(NotPositive)
        );
    }
}
