//! Arithmetic on whole registers, written once for all instructions and both number types.
//!
//! A result depends on the order of its sums and on whether products are rounded before they are added, and on
//! nothing else: not on how wide the registers are, and not on the number of threads.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use pulp::{Arch, Simd, WithSimd};

use musicrec_api::arithmetic::portable;

use crate::real::{LANES, Real};

/// How products are added up.
pub(crate) trait Kernel: Copy {
    /// A register.
    type Vector<T: Real>: Copy;
    /// Whether sixteen sums fit into the registers beside what is added to them, not just eight.
    const MANY_REGISTERS: bool;

    /// `a · b + c`.
    fn fused<T: Real>(self, a: T, b: T, c: T) -> T;
    /// The same for each lane.
    fn fuse<T: Real>(
        self,
        a: Self::Vector<T>,
        b: Self::Vector<T>,
        c: Self::Vector<T>,
    ) -> Self::Vector<T>;
    /// `a · b` for each lane.
    fn multiply<T: Real>(self, a: Self::Vector<T>, b: Self::Vector<T>) -> Self::Vector<T>;
    /// `a / b` for each lane.
    fn divide<T: Real>(self, a: Self::Vector<T>, b: Self::Vector<T>) -> Self::Vector<T>;
    /// `a + b` for each lane.
    fn add<T: Real>(self, a: Self::Vector<T>, b: Self::Vector<T>) -> Self::Vector<T>;
    /// A number in all lanes.
    fn splat<T: Real>(self, x: T) -> Self::Vector<T>;
    /// The lanes added up: the upper half to the lower one until there is one left.
    fn sum<T: Real>(self, lanes: Self::Vector<T>) -> T;
    /// Whole registers of numbers; a power of two of them is [`LANES`] long, and what is over is left out.
    fn registers<T: Real>(from: &[T]) -> &[Self::Vector<T>];
    /// The same, to write to.
    fn registers_mut<T: Real>(from: &mut [T]) -> &mut [Self::Vector<T>];

    /// Registers that hold [`LANES`] numbers.
    fn parts<T: Real>() -> usize {
        LANES * size_of::<T>() / size_of::<Self::Vector<T>>()
    }

    /// The inner product of vectors whose length is a multiple of [`LANES`]. Each lane has a sum of its own, and the
    /// upper half of the sums is added to the lower one until there is one left.
    #[inline(always)]
    fn dot<T: Real>(self, a: &[T], b: &[T]) -> T {
        let parts = Self::parts::<T>();
        let (a, b) = (Self::registers(a), Self::registers(b));
        let mut sums = [self.splat(T::zero()); MOST_PARTS];
        for (a, b) in a.chunks_exact(parts).zip(b.chunks_exact(parts)) {
            for at in 0..parts {
                sums[at] = self.fuse(a[at], b[at], sums[at]);
            }
        }
        self.sum_parts(sums)
    }

    /// What [`Kernel::dot`] does at its end.
    #[inline(always)]
    fn sum_parts<T: Real>(self, mut sums: [Self::Vector<T>; MOST_PARTS]) -> T {
        let mut half = Self::parts::<T>() / 2;
        while half > 0 {
            for at in 0..half {
                sums[at] = self.add(sums[at], sums[at + half]);
            }
            half /= 2;
        }
        self.sum(sums[0])
    }

    /// `y += scale · x`.
    #[inline(always)]
    fn add_scaled<T: Real>(self, y: &mut [T], scale: T, x: &[T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = self.fused(scale, x, *y);
        }
    }
}

/// The most registers that [`LANES`] numbers take: f64 in registers of two.
pub(crate) const MOST_PARTS: usize = 8;

/// Rounded once a step, by instructions of this kind.
#[derive(Clone, Copy)]
pub(crate) struct Fused<S>(S);

impl<S: Simd> Kernel for Fused<S> {
    type Vector<T: Real> = T::Register<S>;
    const MANY_REGISTERS: bool = S::REGISTER_COUNT >= 32;

    #[inline(always)]
    fn fused<T: Real>(self, a: T, b: T, c: T) -> T {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn fuse<T: Real>(
        self,
        a: T::Register<S>,
        b: T::Register<S>,
        c: T::Register<S>,
    ) -> T::Register<S> {
        T::fuse(self.0, a, b, c)
    }

    #[inline(always)]
    fn multiply<T: Real>(self, a: T::Register<S>, b: T::Register<S>) -> T::Register<S> {
        T::multiply(self.0, a, b)
    }

    #[inline(always)]
    fn divide<T: Real>(self, a: T::Register<S>, b: T::Register<S>) -> T::Register<S> {
        T::divide(self.0, a, b)
    }

    #[inline(always)]
    fn add<T: Real>(self, a: T::Register<S>, b: T::Register<S>) -> T::Register<S> {
        <T as Real>::add(self.0, a, b)
    }

    #[inline(always)]
    fn splat<T: Real>(self, x: T) -> T::Register<S> {
        T::splat(self.0, x)
    }

    #[inline(always)]
    fn sum<T: Real>(self, lanes: T::Register<S>) -> T {
        T::sum(self.0, lanes)
    }

    #[inline(always)]
    fn registers<T: Real>(from: &[T]) -> &[T::Register<S>] {
        T::registers::<S>(from)
    }

    #[inline(always)]
    fn registers_mut<T: Real>(from: &mut [T]) -> &mut [T::Register<S>] {
        T::registers_mut::<S>(from)
    }
}

/// Rounded twice a step, which every machine can; the compiler finds the registers that all of a kind have.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Kernel for Plain {
    type Vector<T: Real> = [T; LANES];
    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn fused<T: Real>(self, a: T, b: T, c: T) -> T {
        a * b + c
    }

    #[inline(always)]
    fn fuse<T: Real>(self, a: [T; LANES], b: [T; LANES], c: [T; LANES]) -> [T; LANES] {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    fn multiply<T: Real>(self, a: [T; LANES], b: [T; LANES]) -> [T; LANES] {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn divide<T: Real>(self, a: [T; LANES], b: [T; LANES]) -> [T; LANES] {
        std::array::from_fn(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    fn add<T: Real>(self, a: [T; LANES], b: [T; LANES]) -> [T; LANES] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn splat<T: Real>(self, x: T) -> [T; LANES] {
        [x; LANES]
    }

    #[inline(always)]
    fn sum<T: Real>(self, mut lanes: [T; LANES]) -> T {
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                lanes[lane] = lanes[lane] + lanes[lane + half];
            }
            half /= 2;
        }
        lanes[0]
    }

    #[inline(always)]
    fn registers<T: Real>(from: &[T]) -> &[[T; LANES]] {
        from.as_chunks().0
    }

    #[inline(always)]
    fn registers_mut<T: Real>(from: &mut [T]) -> &mut [[T; LANES]] {
        from.as_chunks_mut().0
    }
}

/// Work that is written for any kernel.
pub(crate) trait Work {
    /// What comes of it.
    type Output;
    /// Does it; must be inlined, and all that it calls.
    fn run<K: Kernel>(self, kernel: K) -> Self::Output;
}

/// Does the work with the widest instructions that this machine has, and portably with those that all have.
pub(crate) fn run<W: Work>(arch: Arch, work: W) -> W::Output {
    arch.dispatch(Chosen(work))
}

pub(crate) struct Chosen<W>(pub(crate) W);

impl<W: Work> WithSimd for Chosen<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> W::Output {
        // Without an instruction for it, multiplying and adding in one step would be a slow function.
        if S::IS_SCALAR || portable() {
            self.0.run(Plain)
        } else {
            self.0.run(Fused(simd))
        }
    }
}
