//! The number types that factors are kept in, and sums over them.

use ndarray::LinalgScalar;

/// f32 in use; f64 for tests against exact references.
pub(super) trait Real: LinalgScalar + Send + Sync {
    /// The distance from 1 to the next number.
    const EPSILON: f64;

    fn wide(self) -> f64;
    fn narrow(value: f64) -> Self;
}

impl Real for f32 {
    const EPSILON: f64 = Self::EPSILON as f64;

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn narrow(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    const EPSILON: f64 = Self::EPSILON;

    fn wide(self) -> f64 {
        self
    }

    fn narrow(value: f64) -> Self {
        value
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
