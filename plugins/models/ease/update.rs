//! `C ← C + A Bᵀ` for narrow A and B, which is nearly all that inverting does.
//!
//! Both are laid out in slivers first, once for all of C: some rows beside each other, column by column. A tile of C,
//! a sliver of A high and one of B wide, is summed up in registers and added to C at the end. Each sum runs from the
//! first column to the last, so neither the size of tiles nor the number of threads changes a bit.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::marker::PhantomData;
use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use crate::kernel::{self, Kernel, Work};
use crate::real::{LANES, Real};

/// Rows of C that are worked on together: whole slivers of any height, which the cache holds beside one of B.
const ROWS: usize = 240;
/// The widest sliver of B.
const WIDEST: usize = 2 * LANES;

/// The products of which an update consists are added to these entries of C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// All.
    Everywhere,
    /// Those on the diagonal and below it; what is above may be changed too.
    Lower,
}

/// Sizes of slivers with the instructions of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slivers {
    arch: Arch,
    /// Rows of one of A.
    pub(super) high: usize,
    /// Rows of one of B.
    pub(super) wide: usize,
}

/// What is added: the product of A, in high slivers, and the transposed B, in wide ones.
#[derive(Debug)]
pub(super) struct Product<'a, T> {
    pub(super) left: &'a [T],
    pub(super) right: &'a [T],
    /// Columns of both.
    pub(super) depth: usize,
    pub(super) of: Where,
    /// Rows and columns of C that are left out, because A and B hold zeros for them.
    pub(super) without: Range<usize>,
}

impl Slivers {
    pub(super) fn of<T: Real>() -> Self {
        let arch = Arch::new();
        let (high, wide) = kernel::run(arch, Sizes::<T>(PhantomData));
        Self { arch, high, wide }
    }

    /// Adds a product to a matrix of so many columns.
    pub(super) fn add<T: Real>(self, product: &Product<T>, matrix: &mut [T], columns: usize) {
        let strips = matrix.par_chunks_mut(ROWS * columns).enumerate();
        // Those at the end have the most to do.
        strips.rev().for_each(|(strip, rows)| {
            let work = Strip {
                product,
                top: strip * ROWS,
                columns,
                rows,
            };
            kernel::run(self.arch, work);
        });
    }
}

/// Lays out `rows` rows of `depth` numbers in slivers of `per`: `fill` is given the rows of each, which it writes into
/// zeros, the first numbers of all rows, then the second ones, and so on.
pub(super) fn pack<T: Real>(
    packed: &mut [T],
    rows: usize,
    per: usize,
    depth: usize,
    fill: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    let packed = &mut packed[..rows.next_multiple_of(per) * depth];
    packed.fill(T::zero());
    let slivers = packed.par_chunks_exact_mut(per * depth).enumerate();
    slivers.for_each(|(at, sliver)| fill(at * per..rows.min((at + 1) * per), sliver));
}

struct Sizes<T>(PhantomData<T>);

impl<T: Real> Work for Sizes<T> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<K: Kernel>(self, _: K) -> (usize, usize) {
        let lanes = LANES / K::parts::<T>();
        if K::MANY_REGISTERS {
            (8, 2 * lanes)
        } else if lanes < LANES {
            (6, 2 * lanes)
        } else {
            (2, lanes)
        }
    }
}

/// Some rows of C.
struct Strip<'a, T> {
    product: &'a Product<'a, T>,
    /// The first of them.
    top: usize,
    columns: usize,
    rows: &'a mut [T],
}

impl<T: Real> Work for Strip<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) {
        // As [`Sizes`] has it.
        if K::MANY_REGISTERS {
            self.add::<K, 8, 2>(kernel);
        } else if LANES / K::parts::<T>() < LANES {
            self.add::<K, 6, 2>(kernel);
        } else {
            self.add::<K, 2, 1>(kernel);
        }
    }
}

impl<T: Real> Strip<'_, T> {
    #[inline(always)]
    fn add<K: Kernel, const HIGH: usize, const REGISTERS: usize>(self, kernel: K) {
        let wide = REGISTERS * LANES / K::parts::<T>();
        let Product {
            left,
            right,
            depth,
            of,
            without,
        } = self.product;
        let bottom = self.top + self.rows.len() / self.columns;
        let last = match of {
            Where::Everywhere => self.columns,
            Where::Lower => bottom,
        };
        let across = right.chunks_exact(wide * depth);
        for (first, right) in (0..last).step_by(wide).zip(across) {
            if without.contains(&first) {
                continue;
            }
            let width = wide.min(self.columns - first);
            let down = left[self.top * depth..].chunks_exact(HIGH * depth);
            for (top, left) in (self.top..bottom).step_by(HIGH).zip(down) {
                let end = bottom.min(top + HIGH);
                let above = *of == Where::Lower && end <= first;
                if above || (without.contains(&top) && without.contains(&(end - 1))) {
                    continue;
                }
                // Asked for now, the numbers that the sums are added to are there when they are needed.
                let mut early = T::zero();
                for row in self.rows[(top - self.top) * self.columns..]
                    .chunks(self.columns)
                    .take(end - top)
                {
                    early = early + (row[first] + row[first + width - 1]);
                }
                std::hint::black_box(early);
                let sums = tile::<K, T, HIGH, REGISTERS>(kernel, left, right);
                for (row, sums) in (top - self.top..end - self.top).zip(sums) {
                    let out = &mut self.rows[row * self.columns + first..][..width];
                    if width == wide {
                        for (out, sum) in K::registers_mut(out).iter_mut().zip(sums) {
                            *out = kernel.add(*out, sum);
                        }
                        continue;
                    }
                    let mut numbers = [T::zero(); WIDEST];
                    K::registers_mut(&mut numbers)[..REGISTERS].copy_from_slice(&sums);
                    for (out, &sum) in out.iter_mut().zip(&numbers) {
                        *out = *out + sum;
                    }
                }
            }
        }
    }
}

/// The inner products of the rows of a sliver of A with those of one of B.
#[inline(always)]
fn tile<K: Kernel, T: Real, const HIGH: usize, const REGISTERS: usize>(
    kernel: K,
    left: &[T],
    right: &[T],
) -> [[K::Vector<T>; REGISTERS]; HIGH] {
    let mut sums = [[kernel.splat(T::zero()); REGISTERS]; HIGH];
    let (left, _) = left.as_chunks::<HIGH>();
    let (right, _) = K::registers(right).as_chunks::<REGISTERS>();
    for (down, across) in left.iter().zip(right) {
        for row in 0..HIGH {
            let down = kernel.splat(down[row]);
            for register in 0..REGISTERS {
                sums[row][register] = kernel.fuse(down, across[register], sums[row][register]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;
    use std::ops::Range;

    use pulp::Arch;

    use super::{Product, Sizes, Strip, Where, pack};
    use crate::kernel::{self, Plain, Work};
    use crate::real::Real;

    /// Somebody who chooses instructions.
    trait Runs: Copy {
        fn run<W: Work>(self, work: W) -> W::Output;
    }

    impl Runs for Arch {
        fn run<W: Work>(self, work: W) -> W::Output {
            kernel::run(self, work)
        }
    }

    impl Runs for Plain {
        fn run<W: Work>(self, work: W) -> W::Output {
            work.run(self)
        }
    }

    #[cfg(target_arch = "x86_64")]
    impl Runs for pulp::x86::V3 {
        fn run<W: Work>(self, work: W) -> W::Output {
            pulp::WithSimd::with_simd(kernel::Chosen(work), self)
        }
    }

    fn number(row: usize, column: usize) -> f64 {
        ((row * 5 + column * 3) % 17) as f64 - 8.0
    }

    /// Whole numbers, so that every order has the same sums.
    fn is_the_product<T: Real, R: Runs>(runs: R, size: usize, without: &Range<usize>, of: Where) {
        const DEPTH: usize = 5;
        let (high, wide) = runs.run(Sizes::<T>(PhantomData));
        let value = |row: usize, column: usize| {
            if without.contains(&row) {
                return 0.0;
            }
            number(row, column)
        };
        let packed = |per: usize| {
            let mut packed = vec![T::zero(); size.next_multiple_of(per) * DEPTH];
            pack(&mut packed, size, per, DEPTH, |rows, sliver| {
                for (at, row) in rows.enumerate() {
                    for (column, out) in sliver.chunks_exact_mut(per).enumerate() {
                        out[at] = T::narrow(value(row, column));
                    }
                }
            });
            packed
        };
        let mut rows = vec![T::one(); size * size];
        let (left, right) = (packed(high), packed(wide));
        let product = Product {
            left: &left,
            right: &right,
            depth: DEPTH,
            of,
            without: without.clone(),
        };
        runs.run(Strip {
            product: &product,
            top: 0,
            columns: size,
            rows: &mut rows,
        });
        for (at, found) in rows.iter().enumerate() {
            let (row, column) = (at / size, at % size);
            if of == Where::Lower && column > row {
                continue;
            }
            let sum: f64 = (0..DEPTH).map(|k| value(row, k) * value(column, k)).sum();
            assert_eq!(found.wide(), 1.0 + sum, "{size} {row} {column}");
        }
    }

    fn holds<R: Runs>(runs: R) {
        for (size, without) in [(1, 0..0), (70, 0..0), (70, 32..64), (101, 96..101)] {
            for of in [Where::Everywhere, Where::Lower] {
                is_the_product::<f32, R>(runs, size, &without, of);
                is_the_product::<f64, R>(runs, size, &without, of);
            }
        }
    }

    /// With the instructions of this machine, those of older ones and those that all have.
    #[test]
    fn all_instructions_give_the_product() {
        holds(Arch::new());
        holds(Plain);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            holds(simd);
        }
    }
}
