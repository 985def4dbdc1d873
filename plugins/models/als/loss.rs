//! What ALS minimizes.

use musicrec_api::InteractionMatrix;
use ndarray::ArrayView2;

use super::Als;
use super::gram::gram;
use crate::real::Real;

/// `Σ c (p − x·y)² + Σ λ_u |x_u|² + Σ λ_i |y_i|²` over all users and items, in f64.
///
/// The cells without interaction have c = 1 and p = 0, so all cells together would give
/// `Σ (x·y)² = trace(XᵀX YᵀY)`, and the stored ones are put right one by one.
pub(super) fn loss<T: Real>(
    als: &Als,
    cells: &InteractionMatrix,
    users: &ArrayView2<T>,
    items: &ArrayView2<T>,
) -> f64 {
    let alpha = als.alpha.get();
    let mut total = (gram(users) * gram(items)).sum();
    let mut of_user = vec![0; users.nrows()];
    let mut of_item = vec![0; items.nrows()];
    for (&r, (user, item)) in cells {
        let (user, item) = (user as usize, item as usize);
        of_user[user] += 1;
        of_item[item] += 1;
        let pairs = users.row(user).into_iter().zip(items.row(item));
        let score: f64 = pairs.map(|(x, y)| x.wide() * y.wide()).sum();
        let confidence = 1.0 + alpha * f64::from(r);
        total += confidence * (1.0 - score).powi(2) - score.powi(2);
    }
    for (side, counts) in [(users, of_user), (items, of_item)] {
        for (row, count) in side.rows().into_iter().zip(counts) {
            let length: f64 = row.iter().map(|x| x.wide().powi(2)).sum();
            total += als.regularization_of(count) * length;
        }
    }
    total
}
