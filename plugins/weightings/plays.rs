//! How often an item was played.

use musicrec_api::arithmetic::ln_1p;
use musicrec_api::{Events, Positive, Result, Tensors, Weigh, Weighting, register, rescale_cells};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amounts::amounts;

/// How often a user played an item.
///
/// Formula: `w(u, i) = sum over events of min(plays, cap)`, or `ln(1 + that sum)` with `log = true`.
/// An event whose plays are missing counts as one play; so does every event of a log without a
/// column of plays. The cap applies to each event, not to the sum. A negative number of plays is a
/// fault; the cleaner `limit_range` mends it.
///
/// ```toml
/// [weighting.plays]
/// cap = 100
/// log = true
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plays {
    /// The most plays one event may count, above 0. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "plays"))]
    pub cap: Option<Positive>,
    /// Whether a cell is the logarithm `ln(1 + plays)`. Default false.
    pub log: bool,
}

#[typetag::serde(name = "plays")]
impl Weighting for Plays {
    fn fit(&self, _: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }

    fn load(&self, _: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weigh for Plays {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        let mut weights = amounts(events, &events.plays, 1.0, |roles| roles.plays.as_ref())?;
        if let Some(cap) = self.cap {
            for weight in &mut weights {
                *weight = weight.min(cap.get());
            }
        }
        if self.log {
            weights = rescale_cells(events, weights, |_, _, plays| ln_1p(plays));
        }
        Ok(weights)
    }

    /// It learns nothing.
    fn save(&self) -> Option<Tensors<'_>> {
        Some(Tensors::default())
    }
}

register!(Weighting, Plays, "plays", revision = 1);

#[cfg(test)]
mod tests {
    use super::Plays;
    use crate::nested::tests::{assert_near, cells, parse, plays, weigh};
    use musicrec_api::{Events, Weighting};

    #[test]
    fn plays_are_capped_by_event_summed_by_cell_and_missing_ones_count_once() {
        let events = plays(&[
            ("u", "a", 3.0),
            ("u", "a", 250.0),
            ("u", "b", f32::NAN),
            ("v", "a", 0.0),
        ]);
        assert_eq!(weigh(&Plays::default(), &events), [3.0, 250.0, 1.0, 0.0]);
        let capped = parse(r#"{"plays": {"cap": 10}}"#);
        assert_eq!(cells(&*capped, &events), [13.0, 1.0, 0.0]);
        let log = parse(r#"{"plays": {"cap": 10, "log": true}}"#);
        assert_near(&cells(&*log, &events), &[14f64.ln(), 2f64.ln(), 0.0]);
    }

    #[test]
    fn a_log_without_plays_counts_events() {
        let events = Events::from_pairs([("u", "a"), ("u", "a"), ("u", "b")]);
        assert_eq!(cells(&Plays::default(), &events), [2.0, 1.0]);
    }

    #[test]
    fn impossible_plays_are_a_fault_with_their_place_and_remedy() {
        for bad in [-1.0, f32::INFINITY] {
            let events = plays(&[("u", "a", 1.0), ("u", "b", bad)]);
            let fitted = Plays::default().fit(&events).unwrap();
            let error = fitted.weigh(&events).unwrap_err().to_string();
            assert!(
                error.contains("event 2") && error.contains("limit_range"),
                "{error}"
            );
        }
    }
}
