//! Changes of coordinates: products of many rows with a small matrix, half of which is often zero.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::ops::Range;

use ndarray::ArrayRef2;
use pulp::Arch;

use crate::aligned::Aligned;
use crate::kernel::{self, Kernel, Work};
use crate::real::{LANES, Real};

/// A matrix that rows are multiplied by.
pub(super) struct Change<T> {
    /// Row by row, each as long as `width`, zeros behind.
    values: Aligned<T>,
    width: usize,
    /// Numbers a row has before and after.
    from: usize,
    to: usize,
    /// For each [`LANES`] columns, the rows that are not zero in all of them.
    filled: Vec<Range<usize>>,
}

impl<T: Real> Change<T> {
    /// By `matrix`, with zeros around it, from rows of so many numbers to rows of so many.
    pub(super) fn new(matrix: &ArrayRef2<f64>, from: usize, to: usize) -> Self {
        let width = to.next_multiple_of(LANES);
        let mut values = Aligned::zeros(from * width);
        let mut filled = vec![0..0; width / LANES];
        for ((row, column), &value) in matrix.indexed_iter() {
            values.as_mut_slice()[row * width + column] = T::narrow(value);
            if value != 0.0 {
                let filled: &mut Range<usize> = &mut filled[column / LANES];
                let first = if filled.end == 0 { row } else { filled.start };
                *filled = first..row + 1;
            }
        }
        Self {
            values,
            width,
            from,
            to,
            filled,
        }
    }

    /// Writes the products of `rows`, one after the other, to `out`.
    pub(super) fn apply(&self, arch: Arch, rows: &[T], out: &mut [T]) {
        assert_eq!(rows.len() / self.from, out.len() / self.to);
        let change = self;
        kernel::run(arch, Apply { change, rows, out });
    }
}

struct Apply<'a, T> {
    change: &'a Change<T>,
    rows: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> Work for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) {
        if K::MANY_REGISTERS {
            self.by::<16>(kernel);
        } else {
            self.by::<8>(kernel);
        }
    }
}

impl<T: Real> Apply<'_, T> {
    /// So many rows at once, by as many columns as fit into a register: the sums stay in registers.
    #[inline(always)]
    fn by<const ROWS: usize>(self, kernel: impl Kernel) {
        let Change {
            from, to, width, ..
        } = *self.change;
        let rows = self.rows.chunks(ROWS * from);
        for (rows, out) in rows.zip(self.out.chunks_mut(ROWS * to)) {
            let count = rows.len() / from;
            // Where rows are missing the last one stands in.
            let mut starts = [0; ROWS];
            for (at, start) in starts.iter_mut().enumerate() {
                *start = at.min(count - 1) * from;
            }
            for (block, filled) in self.change.filled.iter().enumerate() {
                let left = block * LANES;
                let values = &self.change.values.as_slice()[..from * width];
                let mut products = [[T::zero(); LANES]; ROWS];
                strips(
                    kernel,
                    values,
                    [width, left],
                    filled.clone(),
                    rows,
                    &starts,
                    &mut products,
                );
                let here = LANES.min(to - left);
                for (out, product) in out.chunks_exact_mut(to).zip(&products) {
                    out[left..left + here].copy_from_slice(&product[..here]);
                }
            }
        }
    }
}

/// The products of some rows with [`LANES`] columns of a matrix, from `left` on.
#[inline(always)]
fn strips<K: Kernel, T: Real, const ROWS: usize>(
    kernel: K,
    values: &[T],
    [width, left]: [usize; 2],
    filled: Range<usize>,
    rows: &[T],
    starts: &[usize; ROWS],
    products: &mut [[T; LANES]; ROWS],
) {
    let parts = K::parts::<T>();
    let lanes = LANES / parts;
    for part in 0..parts {
        let left = left + part * lanes;
        let mut sums = [kernel.splat(T::zero()); ROWS];
        for inner in filled.clone() {
            let at = inner * width + left;
            let across = K::registers(&values[at..at + lanes])[0];
            for row in 0..ROWS {
                let factor = kernel.splat(rows[starts[row] + inner]);
                sums[row] = kernel.fuse(factor, across, sums[row]);
            }
        }
        for (product, sum) in products.iter_mut().zip(sums) {
            K::registers_mut(product)[part] = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView2};
    use pulp::Arch;

    use super::{Apply, Change};
    use crate::kernel::{Plain, Work as _};

    /// Whole, lower and upper triangular matrices, and all numbers of rows around those done at once.
    #[test]
    fn it_is_the_product_of_plain_loops() {
        let number = |at: usize| ((at * 7919 + 5) % 1009) as f64 / 500.0 - 1.0;
        for (from, to) in [(1, 1), (5, 16), (19, 32), (32, 19), (48, 48)] {
            let (r, c) = (from.min(19), to.min(19));
            for zero in [|_, _| false, |i, j| j > i, |i, j| j < i] as [fn(usize, usize) -> bool; 3]
            {
                let matrix =
                    Array2::from_shape_fn(
                        (r, c),
                        |(i, j)| {
                            if zero(i, j) { 0.0 } else { number(i * c + j) }
                        },
                    );
                let change = Change::<f64>::new(&matrix, from, to);
                for count in [1, 2, 15, 16, 17, 40] {
                    let rows: Vec<f64> = (0..count * from).map(number).collect();
                    let wanted = ArrayView2::from_shape((count, from), &rows).unwrap();
                    let wanted = wanted.split_at(ndarray::Axis(1), r).0.dot(&matrix);
                    let mut fast = vec![f64::NAN; count * to];
                    let mut plain = fast.clone();
                    change.apply(Arch::new(), &rows, &mut fast);
                    let (change, rows, out) = (&change, &rows, &mut plain);
                    Apply { change, rows, out }.run(Plain);
                    for (at, (fast, plain)) in fast.iter().zip(&plain).enumerate() {
                        let wanted = wanted.get((at / to, at % to)).unwrap_or(&0.0);
                        assert!((fast - wanted).abs() < 1e-12 && (plain - wanted).abs() < 1e-12);
                    }
                }
            }
        }
    }
}
