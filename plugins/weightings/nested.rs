//! What the weightings that reshape another one share.

use musicrec_api::Weighting;
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::EventStrength;

/// The weighting to reshape where a definition names none.
pub(crate) fn default_of() -> Box<dyn Weighting> {
    Box::new(EventStrength::default())
}

/// The schema of a place for one plugin: a name, or one name with its parameters.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "object"],
        "minProperties": 1,
        "maxProperties": 1,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use musicrec_api::{Events, Weighting, cell_weights};

    /// Plays by (user, item), one event each.
    pub(crate) fn plays(cells: &[(&str, &str, f32)]) -> Events {
        let mut events = Events::from_pairs(cells.iter().map(|c| (c.0, c.1)));
        events.plays = cells.iter().map(|c| c.2).collect();
        events
    }

    /// Events of given kinds and plays, all of one user and item.
    pub(crate) fn kinds(cells: &[(&str, f32)]) -> Events {
        let mut events = plays(&vec![("u", "a", 0.0); cells.len()]);
        let mut names: Vec<String> = cells.iter().map(|c| c.0.to_owned()).collect();
        names.sort();
        names.dedup();
        events.kind = cells
            .iter()
            .map(|c| names.binary_search(&c.0.to_owned()).unwrap() as u32)
            .collect();
        events.plays = cells.iter().map(|c| c.1).collect();
        events.kinds = Arc::new(names);
        events
    }

    /// The weights of `events` by a weighting fitted on them.
    pub(crate) fn weigh(weighting: &dyn Weighting, events: &Events) -> Vec<f64> {
        weighting.fit(events).unwrap().weigh(events).unwrap()
    }

    /// Cell weights, by first appearance.
    pub(crate) fn cells(weighting: &dyn Weighting, events: &Events) -> Vec<f64> {
        cell_weights(events, &weigh(weighting, events)).1
    }

    /// A weighting as a definition writes it.
    pub(crate) fn parse(json: &str) -> Box<dyn Weighting> {
        serde_json::from_str(json).unwrap()
    }

    pub(crate) fn assert_near(values: &[f64], expected: &[f64]) {
        assert_eq!(values.len(), expected.len());
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{value}, {expected}");
        }
    }
}
