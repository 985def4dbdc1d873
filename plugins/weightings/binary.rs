//! Every event counts the same, a cell counts once.

use musicrec_api::{Events, Result, Tensors, Weigh, Weighting, register, rescale_cells};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Heard or not: a cell weighs 1, however often and however the item was heard.
///
/// Formula: `w(u, i) = 1` if user u has any event with item i.
///
/// ```toml
/// weighting = "binary"
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Binary {}

#[typetag::serde(name = "binary")]
impl Weighting for Binary {
    fn fit(&self, _: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }

    fn load(&self, _: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weigh for Binary {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        Ok(rescale_cells(events, vec![1.0; events.len()], |_, _, _| {
            1.0
        }))
    }

    /// It learns nothing.
    fn save(&self) -> Option<Tensors<'_>> {
        Some(Tensors::default())
    }
}

register!(Weighting, Binary, "binary", revision = 1);

#[cfg(test)]
mod tests {
    use super::Binary;
    use musicrec_api::{Events, Weighting, cell_weights};

    #[test]
    fn a_cell_weighs_one_however_often_it_was_heard() {
        let events = Events::from_pairs([("u", "a"), ("u", "a"), ("u", "b")]);
        let weights = Binary {}.fit(&events).unwrap().weigh(&events).unwrap();
        assert_eq!(cell_weights(&events, &weights).1, [1.0, 1.0]);
    }
}
