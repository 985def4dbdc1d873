//! What models learn from and are told: the parts of a fold under a weighting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use musicrec_api::{Error, Events, Result, Train, Weigh};

use crate::experiment::Weighting;
use crate::stages::fold::FoldData;

/// What trials of a role learn from, one a cleaning, period and distinct weighting, made when first
/// needed.
#[derive(Debug, Default)]
pub(super) struct Trains(Mutex<HashMap<(usize, usize, String), Arc<Shared>>>);

/// A result that several trials wait for. Errors are kept as text, for each waiting trial.
type Shared = OnceLock<Result<Weighed, String>>;

impl Trains {
    pub(super) fn get(
        &self,
        cleaning: usize,
        weighting: &Weighting,
        fold: &FoldData,
    ) -> Arc<Shared> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (
                cleaning,
                fold.summary.period,
                weighting.resolved.to_string(),
            );
            Arc::clone(known.entry(key).or_default())
        };
        cell.get_or_init(|| Weighed::of(weighting, fold).map_err(|e| e.to_string()));
        cell
    }
}

/// A fold as a model sees it.
#[derive(Debug)]
pub(super) struct Weighed {
    pub(super) train: Train,
    /// What is told of users who are held out whole.
    pub(super) given: Option<Train>,
}

impl Weighed {
    fn of(weighting: &Weighting, fold: &FoldData) -> Result<Self> {
        let fit = &fold.fit;
        let Some(given) = &fold.given else {
            let train = weigh(weighting, fit)?;
            return Ok(Self { train, given: None });
        };
        let (learned, told) = &given.wide;
        // Fitted on the fit part alone; the wide tables only name whom it will meet.
        let fitted = weighting.plugin.fit(learned)?;
        let train = weights(weighting, &*fitted, learned)?;
        let history = weights(weighting, &*fitted, told)?;
        Ok(Self {
            train: Train::new(fit.clone(), &train),
            given: Some(Train::new(given.history.clone(), &history)),
        })
    }
}

/// The fit part as a model sees it under a weighting.
pub(super) fn weigh(weighting: &Weighting, fit: &Events) -> Result<Train> {
    let fitted = weighting.plugin.fit(fit)?;
    let weights = weights(weighting, &*fitted, fit)?;
    Ok(Train::new(fit.clone(), &weights))
}

fn weights(weighting: &Weighting, fitted: &dyn Weigh, events: &Events) -> Result<Vec<f64>> {
    let weights = fitted.weigh(events)?;
    if let Some(event) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
        return Err(Error::model(format!(
            "the weighting {} gives an event of user {} the weight {}, but weights are finite and at \
             least 0; choose less extreme parameters",
            weighting.resolved,
            events.users.get(events.user[event]),
            weights[event]
        )));
    }
    Ok(weights)
}
