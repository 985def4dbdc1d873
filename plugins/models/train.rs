//! What models of all kinds ask of the fit part, and how factors are saved.

use std::sync::Arc;

use musicrec_api::{Error, FitContext, InteractionMatrix, Result, Tensors, Train};
use ndarray::{Array2, ArrayRef2};

use crate::products::transposed;

/// That there is something to learn from.
///
/// # Errors
/// If the fit part holds no interaction: then `model` cannot do without.
pub(crate) fn ensure_interactions(train: &Train, model: &str) -> Result<()> {
    if train.interactions.nnz() > 0 {
        return Ok(());
    }
    Err(Error::model(format!(
        "{model} has nothing to learn from: the fit part holds no interaction of weight above 0; choose \
         another weighting, or a split that leaves more in the fit part"
    )))
}

/// The same interactions with the items in rows: they depend on the data alone, so all fits share them.
pub(crate) fn by_item(train: &Train, context: &FitContext) -> Result<Arc<InteractionMatrix>> {
    context.shared("by_item", || Ok(transposed(&train.interactions)))
}

/// Factors as a saved model has them.
pub(crate) fn save_factors<'a>(
    users: &'a ArrayRef2<f32>,
    items: &'a ArrayRef2<f32>,
) -> Tensors<'a> {
    let mut saved = Tensors::default();
    saved.insert_matrix("users", users);
    saved.insert_matrix("items", items);
    saved
}

/// The factors of users and items that [`save_factors`] gave, of a model that learned from these interactions.
///
/// # Errors
/// If they do not fit these, or each other.
pub(crate) fn saved_factors(
    saved: &mut Tensors,
    interactions: &InteractionMatrix,
) -> Result<[Array2<f32>; 2]> {
    let users = saved.take_matrix("users", interactions.rows())?;
    let items = saved.take_matrix("items", interactions.cols())?;
    if users.ncols() == items.ncols() {
        return Ok([users, items]);
    }
    Err(Error::data(format!(
        "users have {} factors and items {}",
        users.ncols(),
        items.ncols()
    )))
}
