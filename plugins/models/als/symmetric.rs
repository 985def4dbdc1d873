//! Small symmetric systems: their matrices summed up from rows, and solved.
//!
//! Of a matrix only the upper triangle counts, row by row, in tiles of [`TILE`] × [`TILE`]; what is below it in the
//! tiles on the diagonal is written but never read. It is as wide as its stride, a multiple of [`TILE`].

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use crate::kernel::{Kernel, MOST_PARTS};
use crate::real::{LANES, Real};

/// Rows and columns of a tile: as many sums as fit into the registers.
pub(super) const TILE: usize = LANES;

/// Adds `Σ weight · z zᵀ` to a matrix, z being the `stride` numbers of `from` that begin where each term says.
#[inline(always)]
pub(super) fn add_products<K: Kernel, T: Real>(
    kernel: K,
    matrix: &mut [T],
    stride: usize,
    from: &[T],
    terms: &[(usize, T)],
) {
    for (block, rows) in matrix.chunks_exact_mut(TILE * stride).enumerate() {
        for left in (block * TILE..stride).step_by(TILE) {
            add_tile(kernel, rows, stride, [block * TILE, left], from, terms);
        }
    }
}

/// The same for one tile of a matrix, whose place is `[top, left]`; `rows` are its own from `top` on.
#[inline(always)]
fn add_tile<K: Kernel, T: Real>(
    kernel: K,
    rows: &mut [T],
    stride: usize,
    [top, left]: [usize; 2],
    from: &[T],
    terms: &[(usize, T)],
) {
    let per_part = TILE / K::parts::<T>();
    for part in 0..K::parts::<T>() {
        let left = left + part * per_part;
        if K::MANY_REGISTERS {
            add_strip::<K, T, 16>(kernel, rows, stride, [top, left], from, terms);
        } else {
            let (upper, lower) = rows.split_at_mut(TILE / 2 * stride);
            add_strip::<K, T, 8>(kernel, upper, stride, [top, left], from, terms);
            add_strip::<K, T, 8>(kernel, lower, stride, [top + 8, left], from, terms);
        }
    }
}

/// The same for so many rows and as many columns as fit into a register: the sums stay in registers.
#[inline(always)]
fn add_strip<K: Kernel, T: Real, const ROWS: usize>(
    kernel: K,
    rows: &mut [T],
    stride: usize,
    [top, left]: [usize; 2],
    from: &[T],
    terms: &[(usize, T)],
) {
    let lanes = LANES / K::parts::<T>();
    let mut sums = load::<K, T, ROWS>(kernel, rows, stride, left);
    for &(start, weight) in terms {
        let z = &from[start..][..stride];
        let across = K::registers(&z[left..left + lanes])[0];
        let across = kernel.multiply(kernel.splat(weight), across);
        let down: &[T; ROWS] = z[top..top + ROWS].try_into().expect("as many as cut");
        for row in 0..ROWS {
            sums[row] = kernel.fuse(kernel.splat(down[row]), across, sums[row]);
        }
    }
    store::<K, T, ROWS>(rows, stride, left, sums);
}

/// A register of each of some rows, from a column on.
#[inline(always)]
fn load<K: Kernel, T: Real, const ROWS: usize>(
    kernel: K,
    rows: &[T],
    stride: usize,
    left: usize,
) -> [K::Vector<T>; ROWS] {
    let lanes = LANES / K::parts::<T>();
    let mut strip = [kernel.splat(T::zero()); ROWS];
    for (row, register) in strip.iter_mut().enumerate() {
        let at = row * stride + left;
        *register = K::registers(&rows[at..at + lanes])[0];
    }
    strip
}

/// The way back.
#[inline(always)]
fn store<K: Kernel, T: Real, const ROWS: usize>(
    rows: &mut [T],
    stride: usize,
    left: usize,
    strip: [K::Vector<T>; ROWS],
) {
    let lanes = LANES / K::parts::<T>();
    for (row, register) in strip.into_iter().enumerate() {
        let at = row * stride + left;
        K::registers_mut(&mut rows[at..at + lanes])[0] = register;
    }
}

/// Calls `put(i, j, product)` for the inner products of `size` rows of `width` numbers with each other, at least for all
/// i ≤ j.
#[inline(always)]
pub(super) fn inner_products<K: Kernel, T: Real>(
    kernel: K,
    rows: &[T],
    width: usize,
    size: usize,
    mut put: impl FnMut(usize, usize, T),
) {
    const DOWN: usize = 4;
    const ACROSS: usize = 2;
    let row = |at: usize| &rows[at.min(size - 1) * width..][..width];
    let parts = K::parts::<T>();
    for top in (0..size).step_by(DOWN) {
        let down = [0, 1, 2, 3].map(|at| K::registers(row(top + at)));
        for left in (top..size).step_by(ACROSS) {
            let across = [0, 1].map(|at| K::registers(row(left + at)));
            let mut sums = [[[kernel.splat(T::zero()); MOST_PARTS]; ACROSS]; DOWN];
            for start in (0..width / LANES * parts).step_by(parts) {
                for part in 0..parts {
                    for i in 0..DOWN {
                        for j in 0..ACROSS {
                            sums[i][j][part] = kernel.fuse(
                                down[i][start + part],
                                across[j][start + part],
                                sums[i][j][part],
                            );
                        }
                    }
                }
            }
            for (i, sums) in sums.into_iter().enumerate() {
                for (j, sums) in sums.into_iter().enumerate() {
                    if top + i < size && left + j < size {
                        put(top + i, left + j, kernel.sum_parts(sums));
                    }
                }
            }
        }
    }
}

/// A pivot vanished: the matrix is singular, or not a matrix of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoPivot;

/// Overwrites the first `size` rows of a matrix A by those W of `A = Wᵀ D⁻¹ W`, W upper triangular with D its
/// diagonal, and writes 1 / D to `inverse`. Without square roots a pivot waits for less than in Cholesky's way.
#[inline(always)]
pub(super) fn factorize<K: Kernel, T: Real>(
    kernel: K,
    matrix: &mut [T],
    stride: usize,
    size: usize,
    inverse: &mut [T],
    terms: &mut Vec<(usize, T)>,
) -> Result<(), NoPivot> {
    for start in (0..size).step_by(TILE) {
        let height = TILE.min(size - start);
        let (done, rest) = matrix.split_at_mut(start * stride);
        let rows = &mut rest[..TILE * stride];
        terms.clear();
        terms.extend((0..start).map(|row| (row * stride, T::zero() - inverse[row])));
        let mut least = [T::zero(); TILE];
        for (row, least) in least.iter_mut().enumerate() {
            *least = rows[row * stride + start + row] * vanishing(size);
        }
        for left in (start..stride).step_by(TILE) {
            add_tile(kernel, rows, stride, [start, left], done, terms);
            if left == start {
                factorize_tile(kernel, rows, stride, start, height, &least, inverse)?;
            } else {
                eliminate(kernel, rows, stride, [start, left], inverse);
            }
        }
    }
    Ok(())
}

/// What rounding alone leaves of a pivot that should be zero, as a share of what it was.
fn vanishing<T: Real>(size: usize) -> T {
    T::narrow(size as f64 * T::EPSILON)
}

/// The tile on the diagonal, whose upper left corner is row 0 of `rows` in column `start`.
#[inline(always)]
fn factorize_tile<K: Kernel, T: Real>(
    kernel: K,
    rows: &mut [T],
    stride: usize,
    start: usize,
    height: usize,
    least: &[T; TILE],
    inverse: &mut [T],
) -> Result<(), NoPivot> {
    for row in 0..height {
        let (above, below) = rows.split_at_mut((row + 1) * stride);
        let this: &[T; TILE] = above[row * stride + start..][..TILE]
            .try_into()
            .expect("as many as cut");
        let pivot = this[row];
        // Written so that NaN fails too.
        if !(pivot.wide() > least[row].wide() && pivot.wide().is_finite()) {
            return Err(NoPivot);
        }
        let inverse_pivot = T::one() / pivot;
        inverse[start + row] = inverse_pivot;
        for (other, below) in (row + 1..height).zip(below.chunks_exact_mut(stride)) {
            let scale = kernel.splat(T::zero() - this[other] * inverse_pivot);
            let below = K::registers_mut(&mut below[start..start + TILE]);
            for (below, &this) in below.iter_mut().zip(K::registers(this)) {
                *below = kernel.fuse(scale, this, *below);
            }
        }
    }
    Ok(())
}

/// A tile to the right of one on the diagonal that is factorized, and whole because there is something to its right.
#[inline(always)]
fn eliminate<K: Kernel, T: Real>(
    kernel: K,
    rows: &mut [T],
    stride: usize,
    [start, left]: [usize; 2],
    inverse: &[T],
) {
    let parts = K::parts::<T>();
    let lanes = LANES / parts;
    for part in 0..parts {
        let left = left + part * lanes;
        let mut tile = load::<K, T, TILE>(kernel, rows, stride, left);
        for row in 0..TILE {
            let factors = &rows[row * stride + start..][..TILE];
            let scaled = kernel.splat(T::zero() - inverse[start + row]);
            let scaled = kernel.multiply(scaled, tile[row]);
            for other in row + 1..TILE {
                tile[other] = kernel.fuse(kernel.splat(factors[other]), scaled, tile[other]);
            }
        }
        store::<K, T, TILE>(rows, stride, left, tile);
    }
}

/// Overwrites `b`, which is as long as the stride, by the solution of `Wᵀ D⁻¹ W x = b`; what `b` has beyond `size` must
/// be zero.
#[inline(always)]
pub(super) fn substitute<K: Kernel, T: Real>(
    kernel: K,
    matrix: &[T],
    stride: usize,
    size: usize,
    inverse: &[T],
    b: &mut [T],
) {
    for start in (0..size).step_by(TILE) {
        let height = TILE.min(size - start);
        let (these, later) = b[start..].split_at_mut(TILE);
        for row in 0..height {
            let of_row = &matrix[(start + row) * stride + start..];
            let scale = T::zero() - these[row] * inverse[start + row];
            for other in row + 1..height {
                these[other] = kernel.fused(scale, of_row[other], these[other]);
            }
            kernel.add_scaled(later, scale, &of_row[TILE..][..later.len()]);
        }
    }
    for start in (0..size).step_by(TILE).rev() {
        let height = TILE.min(size - start);
        let (these, later) = b[start..].split_at_mut(TILE);
        for row in 0..height {
            let of_row = &matrix[(start + row) * stride + start + TILE..][..later.len()];
            these[row] = these[row] - kernel.dot(of_row, later);
        }
        for row in (0..height).rev() {
            these[row] = these[row] * inverse[start + row];
            for other in 0..row {
                let factor = matrix[(start + other) * stride + start + row];
                these[other] = kernel.fused(T::zero() - factor, these[row], these[other]);
            }
        }
    }
}
