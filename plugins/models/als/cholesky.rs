//! Solving a symmetric positive definite system in place.

use musicrec_api::arithmetic::general_mat_mul;
use ndarray::{Array2, ArrayViewMut2, Axis};

use super::real::{add_scaled, dot};

/// Columns that are factorized before what they change in later columns is computed by one matrix
/// product.
const BLOCK: usize = 32;

/// A pivot vanished: the matrix is singular, or not a matrix of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoPivot;

/// Overwrites the lower triangle of `a` by L with `L Lᵀ = a`; the upper one is neither read nor
/// meaningful afterwards.
pub(super) fn factorize(a: &mut Array2<f64>) -> Result<(), NoPivot> {
    let n = a.nrows();
    // What rounding alone leaves of a pivot that should be zero.
    let vanishing = n as f64 * f64::EPSILON;
    let least: Vec<f64> = a.diag().iter().map(|d| d * vanishing).collect();
    for start in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - start);
        // The square on the diagonal and all below it; to its left what is factorized already.
        let (_, below) = a.view_mut().split_at(Axis(0), start);
        let (done, rest) = below.split_at(Axis(1), start);
        let (mut panel, _) = rest.split_at(Axis(1), width);
        if start > 0 {
            let (top, _) = done.view().split_at(Axis(0), width);
            general_mat_mul(-1.0, &done, &top.t(), 1.0, &mut panel);
        }
        factorize_panel(panel, &least[start..start + width])?;
    }
    Ok(())
}

/// The square block on top of the panel, and the rows below it.
fn factorize_panel(mut panel: ArrayViewMut2<f64>, least: &[f64]) -> Result<(), NoPivot> {
    let width = panel.ncols();
    let mut inverse = [0.0; BLOCK];
    for row in 0..panel.nrows() {
        let (above, mut below) = panel.view_mut().split_at(Axis(0), row);
        let mut this = below.row_mut(0);
        let this = this.as_slice_mut().expect("rows are contiguous");
        for column in 0..width.min(row) {
            let other = above.row(column);
            let other = other.as_slice().expect("rows are contiguous");
            let rest = this[column] - dot(&this[..column], &other[..column]);
            this[column] = rest * inverse[column];
        }
        if row < width {
            let pivot = this[row] - dot(&this[..row], &this[..row]);
            // Written so that NaN fails too.
            if !(pivot > least[row] && pivot.is_finite()) {
                return Err(NoPivot);
            }
            this[row] = pivot.sqrt();
            inverse[row] = 1.0 / this[row];
        }
    }
    Ok(())
}

/// Overwrites `b` by the solution of `L Lᵀ x = b`.
pub(super) fn substitute(l: &Array2<f64>, b: &mut [f64]) {
    let row = |i: usize| {
        let row = l.row(i).to_slice();
        row.expect("rows are contiguous")
    };
    for i in 0..b.len() {
        b[i] = (b[i] - dot(&row(i)[..i], &b[..i])) / row(i)[i];
    }
    for i in (0..b.len()).rev() {
        b[i] /= row(i)[i];
        let x = b[i];
        add_scaled(&mut b[..i], -x, &row(i)[..i]);
    }
}

#[cfg(test)]
mod tests {
    use super::{NoPivot, factorize, substitute};
    use ndarray::{Array1, Array2, array};

    #[test]
    fn a_system_solved_by_hand() {
        let mut a = array![[4.0, 9.0], [2.0, 3.0]]; // the 9 is in the upper triangle: not read
        factorize(&mut a).unwrap();
        assert_eq!((a[(0, 0)], a[(1, 0)]), (2.0, 1.0));
        assert!((a[(1, 1)] - 2f64.sqrt()).abs() < 1e-15);
        let mut b = [8.0, 7.0];
        substitute(&a, &mut b);
        assert!((b[0] - 1.25).abs() < 1e-15 && (b[1] - 1.5).abs() < 1e-15);
    }

    #[test]
    fn systems_of_all_sizes_around_the_block_give_back_their_solution() {
        for n in [1, 2, 7, 31, 32, 33, 64, 65, 100] {
            let m = Array2::from_shape_fn((n, n), |(i, j)| ((i * 31 + j * 17) % 23) as f64 / 23.0);
            let a = m.dot(&m.t()) + Array2::<f64>::eye(n);
            let x = Array1::from_shape_fn(n, |i| i as f64 - 3.5);
            let mut b = a.dot(&x).to_vec();
            let mut l = a.clone();
            factorize(&mut l).unwrap();
            substitute(&l, &mut b);
            for (found, wanted) in b.iter().zip(&x) {
                assert!((found - wanted).abs() < 1e-8, "n = {n}: {found} {wanted}");
            }
        }
    }

    #[test]
    fn singular_indefinite_and_nan_are_refused() {
        let y = Array2::from_shape_fn((40, 3), |(i, j)| (i * j) as f64 + 0.3);
        assert_eq!(factorize(&mut y.dot(&y.t())), Err(NoPivot));
        assert_eq!(factorize(&mut array![[0.0]]), Err(NoPivot));
        assert_eq!(factorize(&mut array![[1.0, 2.0], [2.0, 1.0]]), Err(NoPivot));
        assert_eq!(factorize(&mut array![[f64::NAN]]), Err(NoPivot));
        assert_eq!(factorize(&mut array![[f64::INFINITY]]), Err(NoPivot));
    }
}
