//! Solving the equations of one row approximately, without ever forming their matrix, in the coordinates
//! of [`Basis`](super::basis::Basis).

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use pulp::Arch;

use super::equations::Equations;
use crate::kernel::{self, Kernel, Work};
use crate::real::Real;

/// Vectors of one thread, used anew for each row.
pub(super) struct Scratch<T> {
    residual: Vec<T>,
    preconditioned: Vec<T>,
    direction: Vec<T>,
    image: Vec<T>,
    diagonal: Vec<T>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(width: usize) -> Self {
        let zeros = || vec![T::zero(); width];
        Self {
            residual: zeros(),
            preconditioned: zeros(),
            direction: zeros(),
            image: zeros(),
            diagonal: zeros(),
        }
    }
}

/// Improves `v` by at most `steps` steps towards the solution, with the widest instructions that this machine
/// has, and returns what the row adds to the loss then.
///
/// Machines that multiply and add in one step all get the same bits; portably nothing is fused, so that all
/// others do too.
pub(super) fn improve<T: Real>(
    arch: Arch,
    equations: Equations<'_, T>,
    v: &mut [T],
    steps: usize,
    scratch: &mut Scratch<T>,
) -> f64 {
    let work = Improve {
        equations,
        v,
        steps,
        scratch,
    };
    kernel::run(arch, work)
}

struct Improve<'a, T> {
    equations: Equations<'a, T>,
    v: &'a mut [T],
    steps: usize,
    scratch: &'a mut Scratch<T>,
}

impl<T: Real> Work for Improve<'_, T> {
    type Output = f64;

    /// With a width that the compiler knows, sums over cells stay in registers.
    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> f64 {
        match self.v.len() {
            16 => self.of_width::<16>(kernel),
            32 => self.of_width::<32>(kernel),
            48 => self.of_width::<48>(kernel),
            64 => self.of_width::<64>(kernel),
            96 => self.of_width::<96>(kernel),
            128 => self.of_width::<128>(kernel),
            _ => self.of_width::<0>(kernel),
        }
    }
}

impl<T: Real> Improve<'_, T> {
    #[inline(always)]
    fn of_width<const WIDTH: usize>(self, kernel: impl Kernel) -> f64 {
        let Self {
            equations,
            v,
            steps,
            scratch,
        } = self;
        let Scratch {
            residual,
            preconditioned,
            direction,
            image,
            diagonal,
        } = scratch;
        // Σ (1 + w), and the same of the products: bᵀv.
        let (mut total, mut explained) = (T::zero(), T::zero());
        for (d, &own) in diagonal.iter_mut().zip(equations.diagonal) {
            *d = own + equations.added;
        }
        // The residual at the start: b − A v.
        for ((r, &d), &v) in residual.iter_mut().zip(&*diagonal).zip(&*v) {
            *r = T::zero() - d * v;
        }
        equations.add::<WIDTH, _>(kernel, v, residual, |w, product| {
            let confidence = T::one() + w;
            total = total + confidence;
            explained = kernel.fused(confidence, product, explained);
            kernel.fused(T::zero() - w, product, confidence)
        });
        // The loss is Σ (1 + w) − 2 bᵀv + vᵀAv, and Av = b − r.
        let mut loss = total.wide() - explained.wide() - kernel.dot(residual, v).wide();
        precondition(residual, diagonal, preconditioned);
        direction.copy_from_slice(preconditioned);
        let mut size = kernel.dot(residual, preconditioned).wide();
        // A residual below its own rounding is noise: to follow it leads away, without bound where some
        // confidence is in the millions. In the norm of D⁻¹ no z is longer than 1.
        let noise = (T::EPSILON * total.wide()).powi(2);
        for step in 1..=steps {
            for ((q, &d), &p) in image.iter_mut().zip(&*diagonal).zip(&*direction) {
                *q = d * p;
            }
            equations.add::<WIDTH, _>(kernel, direction, image, |w, product| w * product);
            let curvature = kernel.dot(direction, image).wide();
            // A NaN must go on and be found in the result, so it may not satisfy this.
            if size <= noise || curvature <= 0.0 {
                break;
            }
            let along = T::narrow(size / curvature);
            kernel.add_scaled(v, along, direction);
            // What a step of this length takes from it.
            loss -= size * size / curvature;
            if step == steps {
                break;
            }
            kernel.add_scaled(residual, T::zero() - along, image);
            precondition(residual, diagonal, preconditioned);
            let next = kernel.dot(residual, preconditioned).wide();
            let carry = T::narrow(next / size);
            for (p, &s) in direction.iter_mut().zip(&*preconditioned) {
                *p = kernel.fused(carry, *p, s);
            }
            size = next;
        }
        loss
    }
}

impl<T: Real> Equations<'_, T> {
    /// Adds `coefficient(w, z · p) · z` of each cell. `WIDTH` is the number of factors, or 0 if the compiler does not
    /// know it.
    #[inline(always)]
    fn add<const WIDTH: usize, K: Kernel>(
        &self,
        kernel: K,
        p: &[T],
        out: &mut [T],
        mut coefficient: impl FnMut(T, T) -> T,
    ) {
        let cells = self.columns.iter().zip(self.strengths);
        let alpha = T::narrow(self.alpha);
        if WIDTH == 0 {
            let width = p.len();
            for (&column, &r) in cells {
                let z = &self.fixed[column as usize * width..][..width];
                let product = kernel.dot(z, p);
                let scale = coefficient(alpha * T::narrow(f64::from(r)), product);
                kernel.add_scaled(out, scale, z);
            }
            return;
        }
        let p: &[T; WIDTH] = p.try_into().expect("as wide as was asked");
        let mut sum: [T; WIDTH] = (&*out).try_into().expect("as wide as was asked");
        for (&column, &r) in cells {
            let z = &self.fixed[column as usize * WIDTH..][..WIDTH];
            let z: &[T; WIDTH] = z.try_into().expect("as wide as was cut");
            let product = kernel.dot(z, p);
            let scale = coefficient(alpha * T::narrow(f64::from(r)), product);
            kernel.add_scaled(&mut sum, scale, z);
        }
        out.copy_from_slice(&sum);
    }
}

#[inline(always)]
fn precondition<T: Real>(residual: &[T], diagonal: &[T], out: &mut [T]) {
    for ((s, &r), &d) in out.iter_mut().zip(residual).zip(diagonal) {
        *s = r / d;
    }
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::{Equations, Improve, Real, Scratch, improve};
    use crate::kernel::{Plain, Work as _};

    fn number(at: usize) -> f64 {
        ((at * 7919) % 1000) as f64 / 500.0 - 1.0
    }

    /// What a row comes to with the instructions of this machine and without any.
    fn both<T: Real>(width: usize, steps: usize) -> [Vec<f64>; 2] {
        let fixed: Vec<T> = (0..40 * width).map(|at| T::narrow(number(at))).collect();
        let columns: Vec<u32> = (0..25).map(|at| at * 7 % 40).collect();
        let strengths: Vec<f32> = (0..25).map(|at| 1.0 + at as f32 % 5.0).collect();
        let diagonal: Vec<T> = (0..width)
            .map(|at| T::narrow(5.0 + (at % 3) as f64))
            .collect();
        let equations = Equations {
            fixed: &fixed,
            columns: &columns,
            strengths: &strengths,
            alpha: 0.7,
            diagonal: &diagonal,
            added: T::narrow(0.5),
        };
        let start: Vec<T> = (0..width).map(|at| T::narrow(number(at + 3))).collect();
        let mut scratch = Scratch::new(width);
        let mut fast = start.clone();
        improve(Arch::new(), equations, &mut fast, steps, &mut scratch);
        let mut plain = start;
        Improve {
            equations,
            v: &mut plain,
            steps,
            scratch: &mut scratch,
        }
        .run(Plain);
        [fast, plain].map(|v| v.into_iter().map(Real::wide).collect())
    }

    #[test]
    fn instructions_change_nothing_but_the_last_digits() {
        for width in [16, 32, 48, 64, 80, 96, 128, 144] {
            for steps in [1, 3, 8] {
                let [fast, plain] = both::<f64>(width, steps);
                for (a, b) in fast.iter().zip(&plain) {
                    assert!((a - b).abs() < 1e-10, "{width}, {steps}: {a} {b}");
                }
                // Near the solution the steps themselves are the noise of f32.
                if steps > 3 {
                    continue;
                }
                let [fast, plain] = both::<f32>(width, steps);
                for (a, b) in fast.iter().zip(&plain) {
                    assert!((a - b).abs() < 1e-4, "{width}, {steps}: {a} {b}");
                }
            }
        }
    }
}
