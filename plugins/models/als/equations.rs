//! What the equations of a row are made of.

/// `(D + Σ w z zᵀ) v = Σ (1 + w) z` in the coordinates of a [`Basis`](super::basis::Basis), with `w = alpha · r`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Equations<'a, T> {
    /// The fixed side, `diagonal.len()` numbers a row.
    pub(super) fixed: &'a [T],
    /// Which rows of it the cells are about.
    pub(super) columns: &'a [u32],
    /// r of each.
    pub(super) strengths: &'a [f32],
    pub(super) alpha: f64,
    /// D without `added`.
    pub(super) diagonal: &'a [T],
    /// What regularization by counts adds to each number on the diagonal.
    pub(super) added: T,
}
