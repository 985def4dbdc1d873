//! Solving the equations of one row approximately, without ever forming their matrix.

use super::real::{Real, add_scaled, dot};

/// The matrix `gram + regularization·I + Σ w y yᵀ` of a row, by its parts.
pub(super) struct Operator<'a, T> {
    /// factors × factors, row by row.
    pub gram: &'a [T],
    pub regularization: T,
    /// The weight and the other side's factors of each cell.
    pub cells: &'a [(T, &'a [T])],
}

impl<T: Real> Operator<'_, T> {
    fn apply(&self, p: &[T], out: &mut [T]) {
        for ((out, row), &p_i) in out.iter_mut().zip(self.gram.chunks_exact(p.len())).zip(p) {
            *out = dot(row, p) + self.regularization * p_i;
        }
        for &(weight, y) in self.cells {
            add_scaled(out, weight * dot(y, p), y);
        }
    }
}

/// Vectors of one thread, used anew for each row.
pub(super) struct Scratch<T> {
    residual: Vec<T>,
    direction: Vec<T>,
    image: Vec<T>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(factors: usize) -> Self {
        Self {
            residual: vec![T::zero(); factors],
            direction: vec![T::zero(); factors],
            image: vec![T::zero(); factors],
        }
    }
}

/// Improves `x` by at most `steps` steps towards the solution of `operator · x = b`.
pub(super) fn improve<T: Real>(
    operator: &Operator<T>,
    b: &[T],
    x: &mut [T],
    steps: usize,
    scratch: &mut Scratch<T>,
) {
    let Scratch {
        residual,
        direction,
        image,
    } = scratch;
    operator.apply(x, image);
    for ((r, &b), &ax) in residual.iter_mut().zip(b).zip(&*image) {
        *r = b - ax;
    }
    direction.copy_from_slice(residual);
    let mut size = dot(residual, residual).wide();
    // A residual below the rounding of b is noise: to follow it leads away, without bound where some
    // confidence is in the millions.
    let noise = T::EPSILON.powi(2) * dot(b, b).wide();
    for _ in 0..steps {
        operator.apply(direction, image);
        let curvature = dot(direction, image).wide();
        // A NaN must go on and be found in the result, so it may not satisfy this.
        if size <= noise || curvature <= 0.0 {
            break;
        }
        let step = T::narrow(size / curvature);
        add_scaled(x, step, direction);
        add_scaled(residual, T::zero() - step, image);
        let next = dot(residual, residual).wide();
        let carry = T::narrow(next / size);
        for (d, &r) in direction.iter_mut().zip(&*residual) {
            *d = r + carry * *d;
        }
        size = next;
    }
}
