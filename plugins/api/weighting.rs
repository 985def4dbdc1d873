//! How strong an interaction is.
//!
//! A weighting gives each *event* a weight of at least 0; the strength of a user × item cell is the
//! sum over its events. Weightings that think in cells (a logarithm, BM25) scale the events of a cell
//! so that their sum is what they want: then every weighting can be nested in every other.

use std::fmt::Debug;

use crate::{CheckContext, Error, Events, Problem, Result, Tensors};

/// Turns events into interaction strength.
#[typetag::serde]
pub trait Weighting: Debug + Send + Sync {
    /// Learns what it needs (document frequencies, the present moment) from the fit part alone.
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>>;

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    /// A weighting that nests another speaks for itself only; the lab asks the nested one too.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }

    /// What [`fit`](Self::fit) returned, as far as [`Weigh::save`] gave it: it weighs events of people whom it has
    /// not learned from as the fitted one does. Their items have the numbers of the fit part, their users any.
    ///
    /// # Errors
    /// If `saved` is not what is given; and always, unless the weighting says otherwise.
    fn load(&self, saved: Tensors) -> Result<Box<dyn Weigh>> {
        let _ = saved;
        let name = self.typetag_name();
        Err(Error::model(format!(
            "the weighting `{name}` cannot be loaded"
        )))
    }
}

/// A fitted weighting.
pub trait Weigh: Debug + Send + Sync {
    /// One finite weight of at least 0 for each event, of the fit part or of a later one (whose
    /// tables of users and items are the same as those of the events it was fitted on).
    fn weigh(&self, events: &Events) -> Result<Vec<f64>>;

    /// What it takes to weigh events of people it has not learned from, for [`Weighting::load`]: nothing at all
    /// if it learns nothing.
    ///
    /// `None`, unless the weighting says otherwise: then models that were fitted with it can be saved, but answer
    /// for nobody new.
    fn save(&self) -> Option<Tensors<'_>> {
        None
    }
}

/// The cell of each event, numbered by first appearance, and the summed weight of each cell.
pub fn cell_weights(events: &Events, weights: &[f64]) -> (Vec<u32>, Vec<f64>) {
    let order = events.by_pair();
    let pair = |event: u32| (events.user[event as usize], events.item[event as usize]);
    // First for each event the first one of its cell, then the number of the cell.
    let mut of_event = vec![0; events.len()];
    for cell in order.chunk_by(|a, b| pair(*a) == pair(*b)) {
        for &event in cell {
            of_event[event as usize] = cell[0];
        }
    }
    let mut sums: Vec<f64> = Vec::new();
    for (event, weight) in weights.iter().enumerate() {
        let first = of_event[event] as usize;
        if first == event {
            of_event[event] = sums.len() as u32;
            sums.push(0.0);
        } else {
            of_event[event] = of_event[first];
        }
        sums[of_event[event] as usize] += weight;
    }
    (of_event, sums)
}

/// Scales the events of each cell so that a cell of user `u`, item `i` and summed weight `s > 0`
/// gets the weight `f(u, i, s)`.
pub fn rescale_cells(
    events: &Events,
    mut weights: Vec<f64>,
    f: impl Fn(u32, u32, f64) -> f64,
) -> Vec<f64> {
    let (cells, sums) = cell_weights(events, &weights);
    for (e, weight) in weights.iter_mut().enumerate() {
        let sum = sums[cells[e] as usize];
        if sum > 0.0 {
            *weight *= f(events.user[e], events.item[e], sum) / sum;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::{cell_weights, rescale_cells};
    use crate::Events;

    #[test]
    fn a_cell_gets_the_weight_asked_for_shared_by_its_events() {
        let events = Events::from_pairs([("u", "a"), ("u", "b"), ("u", "a")]);
        let weights = rescale_cells(&events, vec![1.0, 2.0, 3.0], |_, _, s| s * 10.0 + 1.0);
        assert_eq!(cell_weights(&events, &weights).1, [41.0, 21.0]);
        assert_eq!(weights[2], 3.0 * weights[0]);
    }

    #[test]
    fn cells_are_numbered_by_first_appearance() {
        let events =
            Events::from_pairs([("v", "b"), ("u", "a"), ("v", "b"), ("u", "b"), ("u", "a")]);
        let (cells, sums) = cell_weights(&events, &[1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(cells, [0, 1, 0, 2, 1]);
        assert_eq!(sums, [5.0, 18.0, 8.0]);
    }
}
