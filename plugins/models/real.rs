//! The number types that models calculate with, and their registers.

use ndarray::LinalgScalar;
use pulp::Simd;

/// Parts that the sums of the kernels run in: a whole register of the widest instructions.
pub(crate) const LANES: usize = 16;

/// f32 in most use; f64 where more digits count, and for tests against exact references.
pub(crate) trait Real: LinalgScalar + PartialOrd + Send + Sync {
    /// The distance from 1 to the next number.
    const EPSILON: f64;

    /// A register of these with instructions of a kind.
    type Register<S: Simd>: Copy;

    fn wide(self) -> f64;
    fn narrow(value: f64) -> Self;
    /// `self · a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The square root.
    fn root(self) -> Self;

    // What `Kernel` says of them.
    fn fuse<S: Simd>(
        simd: S,
        a: Self::Register<S>,
        b: Self::Register<S>,
        c: Self::Register<S>,
    ) -> Self::Register<S>;
    fn multiply<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn divide<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn add<S: Simd>(simd: S, a: Self::Register<S>, b: Self::Register<S>) -> Self::Register<S>;
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Register<S>;
    fn sum<S: Simd>(simd: S, lanes: Self::Register<S>) -> Self;
    fn registers<S: Simd>(from: &[Self]) -> &[Self::Register<S>];
    fn registers_mut<S: Simd>(from: &mut [Self]) -> &mut [Self::Register<S>];
}

macro_rules! real {
    (
        $number:ident, $register:ident, $fuse:ident, $multiply:ident, $divide:ident, $add:ident, $splat:ident, $sum:ident,
        $registers:ident, $registers_mut:ident
    ) => {
        impl Real for $number {
            const EPSILON: f64 = Self::EPSILON as f64;

            type Register<S: Simd> = S::$register;

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn narrow(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }

            #[inline(always)]
            fn root(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn fuse<S: Simd>(
                simd: S,
                a: S::$register,
                b: S::$register,
                c: S::$register,
            ) -> S::$register {
                simd.$fuse(a, b, c)
            }

            #[inline(always)]
            fn multiply<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$multiply(a, b)
            }

            #[inline(always)]
            fn divide<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$divide(a, b)
            }

            #[inline(always)]
            fn add<S: Simd>(simd: S, a: S::$register, b: S::$register) -> S::$register {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$register {
                simd.$splat(x)
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, lanes: S::$register) -> Self {
                simd.$sum(lanes)
            }

            #[inline(always)]
            fn registers<S: Simd>(from: &[Self]) -> &[S::$register] {
                S::$registers(from).0
            }

            #[inline(always)]
            fn registers_mut<S: Simd>(from: &mut [Self]) -> &mut [S::$register] {
                S::$registers_mut(from).0
            }
        }
    };
}

real!(
    f32,
    f32s,
    mul_add_f32s,
    mul_f32s,
    div_f32s,
    add_f32s,
    splat_f32s,
    reduce_sum_f32s,
    as_simd_f32s,
    as_mut_simd_f32s
);
real!(
    f64,
    f64s,
    mul_add_f64s,
    mul_f64s,
    div_f64s,
    add_f64s,
    splat_f64s,
    reduce_sum_f64s,
    as_simd_f64s,
    as_mut_simd_f64s
);
