//! What models of all kinds ask of the fit part.

use std::sync::Arc;

use musicrec_api::{Error, FitContext, InteractionMatrix, Result, Train};

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
