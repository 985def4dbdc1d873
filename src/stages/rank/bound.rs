//! Bounds of inner products: by Cauchy and Schwarz `u · y ≤ |u| |y|`, and in any basis `u · y = (T⁻¹u) · (Tᵀy) ≤
//! |T⁻¹u| |Tᵀy|`. The basis in which users and items have the same second moments, a diagonal one, makes the mean of
//! these bounds the least (the balancing of Moore, IEEE Trans. Automatic Control 26, 1981): of ALS factors a third
//! fewer pairs have to be scored. The moments are those of a sample, for they decide how tight the bounds are and not
//! whether they hold: what rounding and the inverse are off by is measured and added.

use musicrec_api::arithmetic::general_mat_mul;
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

/// Rows that the moments are taken of, at least: those of no more than twice as many are looked at.
const SAMPLE: usize = 1024;
/// Rows that are multiplied by one thread at a time.
const ROWS: usize = 1024;

/// What bounds the inner products of users and items.
pub(super) struct Bounds {
    /// The basis and what of it is off; none where norms as they are do.
    basis: Option<Basis>,
    /// What a user's norm times this is added to each bound: the share of rounding.
    extra: f64,
}

/// A basis, rounded, for factors in rows: items times `items` are `Tᵀy`, users times `users` are `T⁻¹u`.
struct Basis {
    users: Array2<f32>,
    items: Array2<f32>,
    /// By how much of its length in the old basis a row may be longer in the new one than computed.
    user_error: f64,
    item_error: f64,
}

/// What bounds the inner products of a user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Length {
    norm: f64,
    extra: f64,
}

impl Length {
    /// Whether all inner products of the user are 0.
    pub(super) fn is_zero(self) -> bool {
        self.norm == 0.0
    }

    /// No score of an item with at most this norm is larger.
    pub(super) fn bound(self, norm: f64) -> f64 {
        self.norm * norm + self.extra
    }
}

impl Bounds {
    /// With the norm of each item, which [`Length::bound`] asks for; `None` if some score might not be a finite number.
    pub(super) fn of(users: &ArrayRef2<f32>, items: &ArrayRef2<f32>) -> Option<(Self, Vec<f64>)> {
        let factors = items.ncols();
        let mut norms: Vec<f64> = items.rows().into_iter().map(|row| norm(&row)).collect();
        let longest_item = largest(norms.iter().copied())?;
        let longest_user = largest(users.rows().into_iter().map(|row| norm(&row)))?;
        if longest_item * longest_user > f64::from(f32::MAX) / 2.0 {
            return None;
        }
        // What it saves, a tenth of the products at least, against what it takes: the rows in the new basis, and the
        // basis itself, by slow loops.
        let (m, n, k) = (users.nrows() as f64, items.nrows() as f64, factors as f64);
        let worth = 0.1 * m * n > 2.0 * k * (m + n) + 100.0 * k * k;
        // Far from where sums of squares are 0 or infinite.
        let ordinary = |length: f64| (1e-10..1e10).contains(&length);
        let ordinary = ordinary(longest_item) && ordinary(longest_user);
        let basis = (worth && ordinary)
            .then(|| Basis::balanced(users, items))
            .flatten();
        let mut off = 0.0;
        if let Some(basis) = &basis {
            off = basis.off();
            let chunks = norms.par_chunks_mut(ROWS).enumerate();
            chunks.for_each(|(chunk, norms)| {
                let rows = Slice::from(chunk * ROWS..chunk * ROWS + norms.len());
                basis.item_norms(&items.slice_axis(Axis(0), rows), norms);
            });
        }
        // Each of so many additions and multiplications is off by half a unit of the last place at most; the norms are
        // f64.
        let rounding = (factors + 4) as f64 * f64::from(f32::EPSILON);
        let extra = (rounding + off) * longest_item;
        Some((Self { basis, extra }, norms))
    }

    /// What bounds the inner products of users, whose factors are given.
    pub(super) fn lengths(&self, users: &[&[f32]], lengths: &mut [Length]) {
        for (length, user) in lengths.iter_mut().zip(users) {
            let norm = squares(user).sqrt();
            *length = Length {
                norm,
                extra: norm * self.extra,
            };
        }
        if let Some(basis) = &self.basis {
            let factors = basis.users.nrows();
            let rows = Array2::from_shape_fn((users.len(), factors), |(user, at)| users[user][at]);
            let turned = product(&rows.view(), &basis.users);
            for (length, row) in lengths.iter_mut().zip(turned.rows()) {
                length.norm = norm(&row) + basis.user_error * length.norm;
            }
        }
    }
}

impl Basis {
    /// The one in which users of length 1 and items have the same second moments; `None` if there is none.
    fn balanced(users: &ArrayRef2<f32>, items: &ArrayRef2<f32>) -> Option<Self> {
        // How long a user is changes the scores and the last place of the list alike.
        let of_users = moments(
            users,
            |length| if length > 0.0 { 1.0 / length } else { 0.0 },
        )?;
        let of_items = moments(items, |_| 1.0)?;
        // A = L Lᵀ and Lᵀ B L = V W Vᵀ give T = L V W^(-1/4).
        let lower = of_users.cholesky()?.unpack();
        let eigen = SymmetricEigen::new(lower.transpose() * of_items * &lower);
        let least = 1e-8 * eigen.eigenvalues.max();
        let scale = eigen
            .eigenvalues
            .map(|value| value.max(least).sqrt().sqrt());
        let inverse = lower
            .clone()
            .solve_lower_triangular(&DMatrix::identity(lower.nrows(), lower.nrows()))?;
        let mut turn = lower * &eigen.eigenvectors;
        let mut back = eigen.eigenvectors.transpose() * inverse;
        for (at, &scale) in scale.iter().enumerate() {
            turn.column_mut(at).unscale_mut(scale);
            back.row_mut(at).scale_mut(scale);
        }
        // As rows are multiplied from the left: yᵀT and uᵀ(T⁻¹)ᵀ.
        let items = Array2::from_shape_fn(turn.shape(), |at| turn[at] as f32);
        let users = Array2::from_shape_fn(back.shape(), |(row, column)| back[(column, row)] as f32);
        let frobenius =
            |matrix: &Array2<f32>| matrix.iter().map(|&x| square(x)).sum::<f64>().sqrt();
        let rounding = (items.nrows() + 4) as f64 * f64::from(f32::EPSILON);
        let (user_error, item_error) = (rounding * frobenius(&users), rounding * frobenius(&items));
        let basis = Self {
            users,
            items,
            user_error,
            item_error,
        };
        basis.off().is_finite().then_some(basis)
    }

    /// By how much of `|u| |y|` products in the new basis may differ from the old ones: the Frobenius norm of
    /// `I - T T⁻¹` of what the two were rounded to.
    fn off(&self) -> f64 {
        let wide = |matrix: &Array2<f32>| matrix.mapv(f64::from);
        let mut product = Array2::eye(self.items.nrows());
        let (items, users) = (wide(&self.items), wide(&self.users));
        general_mat_mul(-1.0, &items, &users.t(), 1.0, &mut product);
        let squares: f64 = product.iter().map(|x| x * x).sum();
        squares.sqrt()
    }

    /// Replaces norms in the old basis by those in the new one.
    fn item_norms(&self, items: &ArrayView2<f32>, norms: &mut [f64]) {
        let turned = product(items, &self.items);
        for (length, row) in norms.iter_mut().zip(turned.rows()) {
            *length = norm(&row) + self.item_error * *length;
        }
    }
}

/// Mean products of the factors of a sample of rows, each scaled by what `scale` makes of its norm, with something on
/// the diagonal so that there is an inverse.
fn moments(rows: &ArrayRef2<f32>, scale: impl Fn(f64) -> f64) -> Option<DMatrix<f64>> {
    let step = (rows.nrows() / SAMPLE).max(1);
    let mut sample = rows.select(
        Axis(0),
        &(0..rows.nrows()).step_by(step).collect::<Vec<_>>(),
    );
    for mut row in sample.rows_mut() {
        let scale = scale(norm(&row)) as f32;
        row *= scale;
    }
    let products = product(&sample.t(), &sample);
    let factors = rows.ncols();
    let mut moments = DMatrix::from_fn(factors, factors, |a, b| f64::from(products[(a, b)]));
    let diagonal = 1e-6 * moments.trace() / factors as f64;
    for at in 0..factors {
        moments[(at, at)] += diagonal;
    }
    (diagonal > 0.0 && diagonal.is_finite()).then_some(moments)
}

fn product(a: &ArrayView2<f32>, b: &ArrayRef2<f32>) -> Array2<f32> {
    let mut product = Array2::zeros((a.nrows(), b.ncols()));
    general_mat_mul(1.0, a, b, 0.0, &mut product);
    product
}

fn square(x: f32) -> f64 {
    f64::from(x) * f64::from(x)
}

fn squares(row: &[f32]) -> f64 {
    // Eight sums, so that nothing waits for the one before.
    let (eights, rest) = row.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, &x) in sums.iter_mut().zip(eight) {
            *sum += square(x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| square(x)).sum::<f64>()
}

fn norm(row: &ArrayRef1<f32>) -> f64 {
    match row.as_slice() {
        Some(row) => squares(row).sqrt(),
        None => row.iter().map(|&x| square(x)).sum::<f64>().sqrt(),
    }
}

/// The largest of norms; `None` if one of them is not finite.
fn largest(mut norms: impl Iterator<Item = f64>) -> Option<f64> {
    norms.try_fold(0.0, |most, norm| {
        norm.is_finite().then(|| f64::max(most, norm))
    })
}
