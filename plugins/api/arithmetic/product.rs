//! The matrix product: `ndarray`'s, or plain Rust in a fixed order.
//!
//! Portably, each entry is one running sum over the common dimension from its first index to its
//! last, and then `alpha · sum + beta · c`. Blocks and tiles change where the sum is kept, never its
//! order, so the result has the bits of three nested loops. Entries of a row are independent of each
//! other, which lets the compiler use vector instructions.

use ndarray::{ArrayRef2, LinalgScalar, linalg};

use super::portable;

/// Indices of the common dimension whose products are summed before a block of sums is put away.
const DEPTH: usize = 256;
/// Columns of the result that are worked on together: a block of the right matrix fits in the cache.
const WIDTH: usize = 512;
/// Rows of a tile.
const ROWS: usize = 4;

/// `c = alpha · a · b + beta · c`; with `beta` 0 whatever `c` held is forgotten.
///
/// # Panics
/// If the shapes do not fit.
pub fn general_mat_mul<T: LinalgScalar>(
    alpha: T,
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    beta: T,
    c: &mut ArrayRef2<T>,
) {
    if portable() {
        // A tile's sums fit in the registers that every processor of its kind has.
        if size_of::<T>() <= 4 {
            in_order::<T, 8>(alpha, a, b, beta, c);
        } else {
            in_order::<T, 4>(alpha, a, b, beta, c);
        }
    } else {
        linalg::general_mat_mul(alpha, a, b, beta, c);
    }
}

/// The product in a fixed order, with tiles of so many columns.
fn in_order<T: LinalgScalar, const COLUMNS: usize>(
    alpha: T,
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    beta: T,
    c: &mut ArrayRef2<T>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!(k, b.nrows(), "columns of a and rows of b");
    assert_eq!((m, n), c.dim(), "shape of the result");
    let tiles = m.div_ceil(ROWS);
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    // Sums of the blocks of the common dimension before, where there are several.
    let nothing = [[T::zero(); COLUMNS]; ROWS];
    let mut sums = Vec::new();
    for left in (0..n).step_by(WIDTH) {
        let width = WIDTH.min(n - left);
        let across = width.div_ceil(COLUMNS);
        sums.clear();
        sums.resize(tiles * across, nothing);
        for first in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - first);
            pack::<T, COLUMNS>(&mut columns, width, depth, |at, p| {
                b[(first + p, left + at)]
            });
            pack::<T, ROWS>(&mut rows, m, depth, |at, p| a[(at, first + p)]);
            for (rows, sums) in rows.chunks_exact(depth).zip(sums.chunks_exact_mut(across)) {
                for (columns, sums) in columns.chunks_exact(depth).zip(sums) {
                    *sums = tile(rows, columns, *sums);
                }
            }
        }
        for (at, tile) in sums.iter().enumerate() {
            let (top, start) = ((at / across) * ROWS, left + (at % across) * COLUMNS);
            for (row, sums) in (top..m).zip(tile) {
                for (column, &sum) in (start..left + width).zip(sums) {
                    let entry = &mut c[(row, column)];
                    let scaled = alpha * sum;
                    *entry = if beta.is_zero() {
                        scaled
                    } else {
                        scaled + beta * *entry
                    };
                }
            }
        }
    }
}

/// Copies slivers of `N` rows (or columns), index by index of the common dimension, so that a tile
/// reads both sides from front to back; what a sliver lacks is 0.
fn pack<T: LinalgScalar, const N: usize>(
    packed: &mut Vec<[T; N]>,
    count: usize,
    depth: usize,
    value: impl Fn(usize, usize) -> T,
) {
    packed.clear();
    for start in (0..count).step_by(N) {
        let filled = N.min(count - start);
        packed.extend((0..depth).map(|p| {
            std::array::from_fn(|at| {
                if at < filled {
                    value(start + at, p)
                } else {
                    T::zero()
                }
            })
        }));
    }
}

/// Goes on with the sums of a tile.
#[inline]
fn tile<T: LinalgScalar, const COLUMNS: usize>(
    rows: &[[T; ROWS]],
    columns: &[[T; COLUMNS]],
    mut sums: [[T; COLUMNS]; ROWS],
) -> [[T; COLUMNS]; ROWS] {
    for (a, b) in rows.iter().zip(columns) {
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                sums[row][column] = sums[row][column] + a[row] * b[column];
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis, LinalgScalar, Slice, linalg};

    use super::in_order;

    /// Three nested loops.
    fn naive<T: LinalgScalar>(alpha: T, a: &Array2<T>, b: &Array2<T>, beta: T, c: &mut Array2<T>) {
        for ((row, column), entry) in c.indexed_iter_mut() {
            let mut sum = T::zero();
            for p in 0..a.ncols() {
                sum = sum + a[(row, p)] * b[(p, column)];
            }
            *entry = if beta.is_zero() {
                alpha * sum
            } else {
                alpha * sum + beta * *entry
            };
        }
    }

    fn matrix(rows: usize, columns: usize, salt: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            ((i * 7919 + j * 104_729 + salt * 31) % 1009) as f64 / 337.0 - 1.5
        })
    }

    #[test]
    fn every_shape_has_the_bits_of_three_loops() {
        for (m, k, n) in [
            (1, 1, 1),
            (3, 5, 2),
            (4, 256, 4),
            (5, 257, 9),
            (64, 700, 33),
            (7, 3, 1030),
            (2, 0, 3),
            (0, 4, 4),
        ] {
            for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-1.0, 1.0), (0.3, -0.7)] {
                let (a, b, c) = (matrix(m, k, 1), matrix(k, n, 2), matrix(m, n, 3));
                let (mut wanted, mut found) = (c.clone(), c.clone());
                naive(alpha, &a, &b, beta, &mut wanted);
                in_order::<f64, 4>(alpha, &a, &b, beta, &mut found);
                let bits = |m: &Array2<f64>| m.mapv(f64::to_bits);
                assert_eq!(bits(&wanted), bits(&found), "{m} {k} {n} {alpha} {beta}");
                // The shape of tiles and the layout of matrices change nothing.
                let mut wide = c.t().to_owned();
                let (a_t, b_t) = (a.t().to_owned(), b.t().to_owned());
                in_order::<f64, 8>(
                    alpha,
                    &a_t.t(),
                    &b_t.t(),
                    beta,
                    &mut wide.view_mut().reversed_axes(),
                );
                assert_eq!(bits(&wanted), bits(&wide.t().to_owned()));
                let (a, b) = (a.mapv(|v| v as f32), b.mapv(|v| v as f32));
                let mut wanted = c.mapv(|v| v as f32);
                let mut found = wanted.clone();
                naive(alpha as f32, &a, &b, beta as f32, &mut wanted);
                in_order::<f32, 8>(alpha as f32, &a, &b, beta as f32, &mut found);
                assert_eq!(wanted.mapv(f32::to_bits), found.mapv(f32::to_bits));
            }
        }
    }

    #[test]
    fn a_part_of_a_matrix_is_written_and_what_it_held_forgotten() {
        let (a, b) = (matrix(5, 6, 1), matrix(6, 7, 2));
        let mut whole = Array2::from_elem((9, 20), f64::NAN);
        let mut rows = whole.slice_axis_mut(Axis(0), Slice::from(2..7));
        let mut part = rows.slice_axis_mut(Axis(1), Slice::from(3..10));
        in_order::<f64, 4>(1.0, &a, &b, 0.0, &mut part);
        let part = part.to_owned();
        assert_eq!(whole.iter().filter(|v| v.is_nan()).count(), 9 * 20 - 5 * 7);
        let mut other = Array2::zeros((5, 7));
        linalg::general_mat_mul(1.0, &a, &b, 0.0, &mut other);
        for (found, wanted) in part.iter().zip(&other) {
            assert!((found - wanted).abs() < 1e-12);
        }
    }
}
