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

use musicrec_api::{FitContext, Result};
use ndarray::Array2;
use rayon::prelude::*;

use super::update::{Product, Slivers, Where, pack};
use crate::aligned::Aligned;
use crate::products::{Half, mirror};
use crate::real::Real;

/// Rows of a block: enough for fast products, and so few that the inverse of a block is little work.
pub(super) const BLOCK: usize = 256;
/// Rows of the blocks that a block on the diagonal is made of.
const SMALL: usize = 32;

/// Rows that are turned into columns together.
const TOGETHER: usize = 8;

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
    let mut sweeps = Sweeps::new(size, BLOCK.min(size));
    for first in (0..size).step_by(BLOCK) {
        context.check_cancelled()?;
        let inverse = |block: &Array2<T>| {
            // Blocks on the diagonal are inverted in double precision whatever the matrix.
            let mut wide = block.mapv(Real::wide);
            sweep_all(&mut wide, SMALL, by_elements)?;
            Ok(wide.mapv(T::narrow))
        };
        if let Err(not_positive) = sweeps.sweep(matrix, first..size.min(first + BLOCK), inverse) {
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
    inverse: impl Fn(&Array2<T>) -> Swept<T>,
) -> std::result::Result<(), NotPositive> {
    let size = matrix.nrows();
    let mut sweeps = Sweeps::new(size, block.min(size));
    for first in (0..size).step_by(block) {
        sweeps.sweep(matrix, first..size.min(first + block), &inverse)?;
    }
    mirror(
        matrix.as_slice_mut().expect("standard layout"),
        size,
        Half::Lower,
    );
    Ok(())
}

/// Sweeps blocks, with room for what that needs beside the matrix.
struct Sweeps<T> {
    slivers: Slivers,
    /// `A(·,K)` in high and in wide slivers; later `−A(·,K) D` in high ones. The rows of K are zeros.
    left: Aligned<T>,
    right: Aligned<T>,
    /// D in wide slivers.
    inverse: Aligned<T>,
    /// `A(·,K) D`, row by row.
    scaled: Aligned<T>,
}

impl<T: Real> Sweeps<T> {
    /// For a matrix of `size` rows and blocks of up to `block`.
    fn new(size: usize, block: usize) -> Self {
        let slivers = Slivers::of::<T>();
        let room = |rows: usize, per: usize| Aligned::zeros(rows.next_multiple_of(per) * block);
        Self {
            slivers,
            left: room(size, slivers.high),
            right: room(size, slivers.wide),
            inverse: room(block, slivers.wide),
            scaled: room(size, 1),
        }
    }

    /// Sweeps one block; `inverse` gives minus the inverse of the block on the diagonal, whole.
    fn sweep(
        &mut self,
        matrix: &mut Array2<T>,
        here: Range<usize>,
        inverse: impl FnOnce(&Array2<T>) -> Swept<T>,
    ) -> std::result::Result<(), NotPositive> {
        let (size, depth, slivers) = (matrix.nrows(), here.len(), self.slivers);
        let block = Array2::from_shape_fn((depth, depth), |(row, column)| {
            matrix[(here.start + row.max(column), here.start + row.min(column))]
        });
        let negative = inverse(&block)?;
        let matrix = matrix.as_slice_mut().expect("standard layout");

        // With the rows of K as zeros the products leave rows and columns of K as they are.
        let columns = |rows: Range<usize>, sliver: &mut [T], per: usize| {
            if rows.end <= here.start {
                // Of rows before K the columns are rows of the lower half.
                for (row, sliver) in here.clone().zip(sliver.chunks_exact_mut(per)) {
                    sliver[..rows.len()].copy_from_slice(&matrix[row * size..][rows.clone()]);
                }
                return;
            }
            if rows.start >= here.end {
                let values = &matrix[rows.start * size + here.start..];
                transpose(values, [rows.len(), depth, size], sliver, per, |x| x);
                return;
            }
            for (at, row) in rows.enumerate().filter(|(_, row)| !here.contains(row)) {
                for (k, sliver) in here.clone().zip(sliver.chunks_exact_mut(per)) {
                    sliver[at] = matrix[k.max(row) * size + k.min(row)];
                }
            }
        };
        pack(
            self.left.as_mut_slice(),
            size,
            slivers.high,
            depth,
            |rows, sliver| {
                columns(rows, sliver, slivers.high);
            },
        );
        pack(
            self.right.as_mut_slice(),
            size,
            slivers.wide,
            depth,
            |rows, sliver| {
                columns(rows, sliver, slivers.wide);
            },
        );
        let minus = |x| T::zero() - x;
        let negative = negative.as_slice().expect("standard layout");
        pack(
            self.inverse.as_mut_slice(),
            depth,
            slivers.wide,
            depth,
            |columns, sliver| {
                let rows = negative.chunks_exact(depth);
                for (to, row) in sliver.chunks_exact_mut(slivers.wide).zip(rows) {
                    for (to, &x) in to.iter_mut().zip(&row[columns.clone()]) {
                        *to = minus(x);
                    }
                }
            },
        );
        let scaled = &mut self.scaled.as_mut_slice()[..size * depth];
        scaled.fill(T::zero());
        let product = Product {
            left: self.left.as_slice(),
            right: self.inverse.as_slice(),
            depth,
            of: Where::Everywhere,
            without: 0..0,
        };
        slivers.add(&product, scaled, depth);
        let scaled = &*scaled;
        pack(
            self.left.as_mut_slice(),
            size,
            slivers.high,
            depth,
            |of, sliver| {
                let values = &scaled[of.start * depth..];
                transpose(
                    values,
                    [of.len(), depth, depth],
                    sliver,
                    slivers.high,
                    minus,
                );
            },
        );
        let product = Product {
            left: self.left.as_slice(),
            right: self.right.as_slice(),
            depth,
            of: Where::Lower,
            without: here.clone(),
        };
        slivers.add(&product, matrix, size);

        put_back(matrix, size, &here, scaled, negative);
        Ok(())
    }
}

/// Puts the rows and columns of K into the lower half: `A(·,K) D` and, on the diagonal, `−D`.
fn put_back<T: Real>(
    matrix: &mut [T],
    size: usize,
    here: &Range<usize>,
    scaled: &[T],
    negative: &[T],
) {
    let depth = here.len();
    let (before, rest) = matrix.split_at_mut(here.end * size);
    let rows = before[here.start * size..].par_chunks_mut(TOGETHER * size);
    rows.enumerate().for_each(|(at, rows)| {
        let first = at * TOGETHER;
        let count = rows.len() / size;
        for (column, scaled) in (0..here.start).zip(scaled.chunks_exact(depth)) {
            for (row, &x) in scaled[first..first + count].iter().enumerate() {
                rows[row * size + column] = x;
            }
        }
        let own = negative[first * depth..].chunks_exact(depth);
        for (row, own) in rows.chunks_exact_mut(size).zip(own) {
            row[here.clone()].copy_from_slice(own);
        }
    });
    let rows = rest.par_chunks_exact_mut(size);
    let scaled = scaled[here.end * depth..].par_chunks_exact(depth);
    rows.zip(scaled)
        .for_each(|(out, scaled)| out[here.clone()].copy_from_slice(scaled));
}

/// Fills a sliver of `per` with `rows` rows of `depth` numbers that begin each `stride`.
fn transpose<T: Real>(
    values: &[T],
    [rows, depth, stride]: [usize; 3],
    sliver: &mut [T],
    per: usize,
    of: impl Fn(T) -> T,
) {
    let mut first = 0;
    // Several at once, so that what is written is beside each other.
    while first + TOGETHER <= rows {
        let from: [&[T]; TOGETHER] =
            std::array::from_fn(|at| &values[(first + at) * stride..][..depth]);
        for (k, to) in (0..depth).zip(sliver.chunks_exact_mut(per)) {
            for (to, from) in to[first..first + TOGETHER].iter_mut().zip(from) {
                *to = of(from[k]);
            }
        }
        first += TOGETHER;
    }
    for row in first..rows {
        let from = &values[row * stride..][..depth];
        for (to, &x) in sliver.chunks_exact_mut(per).zip(from) {
            to[row] = of(x);
        }
    }
}

/// Minus the inverse of a small matrix, element by element.
fn by_elements(block: &Array2<f64>) -> Swept<f64> {
    let mut matrix = block.clone();
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
