//! The number types that factors are kept in, and sums over them.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use ndarray::LinalgScalar;
use pulp::Simd;

/// Parts that the sums of the kernels run in: a whole register of the widest instructions.
pub(super) const LANES: usize = 16;

/// f32 in use; f64 for tests against exact references.
pub(super) trait Real: LinalgScalar + Send + Sync {
    /// The distance from 1 to the next number.
    const EPSILON: f64;

    fn wide(self) -> f64;
    fn narrow(value: f64) -> Self;
    /// `self · a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;

    /// The inner product of vectors whose length is a multiple of [`LANES`], each step rounded once, in
    /// registers of the kind given. Each lane has a sum of its own, and the upper half of the sums is added to
    /// the lower one until there is one left, so that the width of registers changes no bit.
    fn dot<S: Simd>(simd: S, a: &[Self], b: &[Self]) -> Self;
}

/// The body of [`Real::dot`]: the compiler would not find it itself.
macro_rules! dot {
    ($simd:ident, $a:ident, $b:ident, $lanes:ident, $as:ident, $splat:ident, $fused:ident, $add:ident, $reduce:ident) => {{
        let parts = const { LANES / S::$lanes };
        let (a, _) = S::$as($a);
        let (b, _) = S::$as($b);
        let mut sums = [$simd.$splat(0.0); 8];
        for (a, b) in a.chunks_exact(parts).zip(b.chunks_exact(parts)) {
            for at in 0..parts {
                sums[at] = $simd.$fused(a[at], b[at], sums[at]);
            }
        }
        let mut half = parts / 2;
        while half > 0 {
            for at in 0..half {
                sums[at] = $simd.$add(sums[at], sums[at + half]);
            }
            half /= 2;
        }
        $simd.$reduce(sums[0])
    }};
}

impl Real for f32 {
    const EPSILON: f64 = Self::EPSILON as f64;

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
    fn dot<S: Simd>(simd: S, a: &[Self], b: &[Self]) -> Self {
        dot!(
            simd,
            a,
            b,
            F32_LANES,
            as_simd_f32s,
            splat_f32s,
            mul_add_f32s,
            add_f32s,
            reduce_sum_f32s
        )
    }
}

impl Real for f64 {
    const EPSILON: f64 = Self::EPSILON;

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrow(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }

    #[inline(always)]
    fn dot<S: Simd>(simd: S, a: &[Self], b: &[Self]) -> Self {
        dot!(
            simd,
            a,
            b,
            F64_LANES,
            as_simd_f64s,
            splat_f64s,
            mul_add_f64s,
            add_f64s,
            reduce_sum_f64s
        )
    }
}

/// The inner product. Eight running sums in a fixed order: the compiler may not reorder a single
/// one, so it could not use vector instructions for it.
#[inline]
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    const LANES: usize = 8;
    let mut sums = [T::zero(); LANES];
    let (a_whole, b_whole) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_whole.remainder(), b_whole.remainder());
    for (a, b) in a_whole.zip(b_whole) {
        for lane in 0..LANES {
            sums[lane] = sums[lane] + a[lane] * b[lane];
        }
    }
    let mut total = T::zero();
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        total = total + a * b;
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
    total + (((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)))
}

/// `y += scale · x`.
#[inline]
pub(super) fn add_scaled<T: Real>(y: &mut [T], scale: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y + scale * x;
    }
}
