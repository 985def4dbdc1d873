//! Arithmetic whose results may depend on the machine, in one place.
//!
//! A sum of products is rounded otherwise by processors that multiply and add in one step, and
//! logarithms and powers come from the platform's library, which may differ in the last bit. What
//! reaches a record therefore goes through this module: matrix products through [`general_mat_mul`],
//! and functions such as [`ln`] by their name here. Addition, multiplication, division, `sqrt` and
//! `powi(2)` are the same everywhere and need none of it, as long as their order is fixed.
//!
//! Ordinarily these are the fast ones of `ndarray` and of the platform. In the portable mode
//! (`musicrec-lab sweep --portable`) they are plain Rust in a fixed order and the pure Rust functions
//! of `libm`, which give the same bits on every machine.

mod product;

use std::sync::atomic::{AtomicBool, Ordering};

pub use product::general_mat_mul;

static PORTABLE: AtomicBool = AtomicBool::new(false);

/// Whether results are to be the same on every machine. Set once at the start of a program, before
/// anything is computed.
pub fn portable() -> bool {
    PORTABLE.load(Ordering::Relaxed)
}

/// Says for the whole process whether results are to be the same on every machine. What the lab calls
/// before it computes; plugins only ask.
pub fn set_portable(portable: bool) {
    PORTABLE.store(portable, Ordering::Relaxed);
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $std:ident, $libm:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(x: f64) -> f64 {
                if portable() { libm::$libm(x) } else { x.$std() }
            }
        )*
    };
}

functions! {
    /// The natural logarithm.
    ln = ln, log;
    /// `ln(1 + x)`, exact for small x.
    ln_1p = ln_1p, log1p;
    /// The logarithm to base 2.
    log2 = log2, log2;
    /// The logarithm to base 10.
    log10 = log10, log10;
    /// `e` to a power.
    exp = exp, exp;
    /// `e` to a power less 1, exact for small x.
    exp_m1 = exp_m1, expm1;
    /// 2 to a power.
    exp2 = exp2, exp2;
}

/// A number to a power.
pub fn powf(x: f64, power: f64) -> f64 {
    if portable() {
        libm::pow(x, power)
    } else {
        x.powf(power)
    }
}

#[cfg(test)]
mod tests {
    /// The pure Rust functions have the exact values where there are such; elsewhere they are the
    /// platform's but for the last bit.
    #[test]
    fn portable_functions_are_good_ones() {
        assert_eq!(
            (libm::log2(8.0), libm::log2(0.25), libm::log(1.0)),
            (3.0, -2.0, 0.0)
        );
        assert_eq!(
            (libm::exp2(-3.0), libm::exp(0.0), libm::pow(3.0, 2.0)),
            (0.125, 1.0, 9.0)
        );
        assert_eq!(
            (libm::log1p(0.0), libm::expm1(0.0), libm::log10(1000.0)),
            (0.0, 0.0, 3.0)
        );
        let near = |a: f64, b: f64| (a - b).abs() <= 4.0 * f64::EPSILON * b.abs();
        for at in 1..1000 {
            let x = f64::from(at) / 37.0;
            assert!(near(libm::log2(x), x.log2()) || x == 1.0, "log2 {x}");
            assert!(near(libm::log(x), x.ln()), "ln {x}");
            assert!(near(libm::log1p(x), x.ln_1p()), "ln_1p {x}");
            assert!(near(libm::log10(x), x.log10()), "log10 {x}");
            assert!(near(libm::exp(-x), (-x).exp()), "exp {x}");
            assert!(near(libm::exp2(-x), (-x).exp2()), "exp2 {x}");
            assert!(near(libm::expm1(-x), (-x).exp_m1()), "exp_m1 {x}");
            assert!(near(libm::pow(x, -1.3), x.powf(-1.3)), "powf {x}");
        }
    }
}
