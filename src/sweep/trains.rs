//! What models learn from and are told: the parts of a fold under a weighting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use musicrec_api::{Error, Events, Result, Role, SharedParts, Train, Weigh};

use crate::experiment::Weighting;
use crate::stages::fold::{FoldData, Summary};

/// What trials learn from, one a role, cleaning, period and distinct weighting, made when first
/// needed and dropped when nothing that is planned needs it any more.
#[derive(Debug, Default)]
pub(super) struct Trains(Mutex<HashMap<Place, Entry>>);

/// Role, cleaning, period, hash of the fold, weighting.
type Place = (Role, usize, usize, String, String);

#[derive(Debug, Default)]
struct Entry {
    cell: Arc<Shared>,
    /// How many units still need it.
    needed: usize,
}

/// A result that several trials wait for.
pub(super) type Shared = OnceLock<Result<Weighed, Arc<Error>>>;

impl Trains {
    /// Says that a unit will need it.
    pub(super) fn reserve(&self, cleaning: usize, weighting: &Weighting, fold: &FoldData) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(place(cleaning, weighting, fold))
            .or_default()
            .needed += 1;
    }

    /// Says that a unit has ended that needed it.
    pub(super) fn release(&self, cleaning: usize, weighting: &Weighting, fold: &FoldData) {
        let place = place(cleaning, weighting, fold);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(&place) {
            entry.needed = entry.needed.saturating_sub(1);
            if entry.needed == 0 {
                known.remove(&place);
            }
        }
    }

    /// Drops all that was made.
    pub(super) fn forget(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Waits for it if another makes it.
    pub(super) fn get(
        &self,
        cleaning: usize,
        weighting: &Weighting,
        fold: &FoldData,
    ) -> Arc<Shared> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = known.entry(place(cleaning, weighting, fold)).or_default();
            Arc::clone(&entry.cell)
        };
        cell.get_or_init(|| Weighed::of(weighting, fold).map_err(Arc::new));
        cell
    }
}

fn place(cleaning: usize, weighting: &Weighting, fold: &FoldData) -> Place {
    let Summary {
        role, period, hash, ..
    } = &fold.summary;
    let weighting = weighting.resolved.to_string();
    (*role, cleaning, *period, hash.clone(), weighting)
}

/// A fold as a model sees it.
#[derive(Debug)]
pub(super) struct Weighed {
    pub(super) train: Train,
    /// What is told of users who are held out whole.
    pub(super) given: Option<Train>,
    /// What several models need of it.
    pub(super) parts: SharedParts,
}

impl Weighed {
    fn of(weighting: &Weighting, fold: &FoldData) -> Result<Self> {
        let fit = &fold.fit;
        let Some(given) = &fold.given else {
            let train = weigh(weighting, fit)?;
            return Ok(Self {
                train,
                given: None,
                parts: SharedParts::default(),
            });
        };
        let (learned, told) = &given.wide;
        // Fitted on the fit part alone; the wide tables only name whom it will meet.
        let fitted = weighting.plugin.fit(learned)?;
        let train = weights(weighting, &*fitted, learned)?;
        let history = weights(weighting, &*fitted, told)?;
        Ok(Self {
            train: Train::new(Arc::clone(fit), &train),
            given: Some(Train::new(given.history.clone(), &history)),
            parts: SharedParts::default(),
        })
    }
}

/// The fit part as a model sees it under a weighting.
fn weigh(weighting: &Weighting, fit: &Arc<Events>) -> Result<Train> {
    let fitted = weighting.plugin.fit(fit)?;
    let weights = weights(weighting, &*fitted, fit)?;
    Ok(Train::new(Arc::clone(fit), &weights))
}

pub(super) fn weights(
    weighting: &Weighting,
    fitted: &dyn Weigh,
    events: &Events,
) -> Result<Vec<f64>> {
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
