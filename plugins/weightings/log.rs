//! A logarithm over another weighting.

use musicrec_api::arithmetic::ln_1p;
use musicrec_api::{Events, Positive, Result, Tensors, Weigh, Weighting, register, rescale_cells};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nested;

/// The logarithm of another weighting: a song heard a thousand times says more than one heard ten
/// times, but not a hundred times more.
///
/// Formula: `w(u, i) = ln(1 + s / scale)`, where `s` is the strength of the cell by the inner
/// weighting. Source: the confidence `1 + alpha * log(1 + r / epsilon)` of Hu, Koren and Volinsky
/// (2008), without its `1 +` and `alpha`, which belong to the model.
///
/// ```toml
/// [weighting.log]
/// of.plays = {}
/// scale = 1
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The weighting to take the logarithm of. Default `event_strength`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Box<dyn Weighting>,
    /// The strength from which the logarithm begins to flatten (epsilon), above 0. Default 1.
    pub scale: Positive,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            of: nested::default_of(),
            scale: Positive::new(1.0).expect("1 is above 0"),
        }
    }
}

#[typetag::serde(name = "log")]
impl Weighting for Log {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Fitted {
            of: self.of.fit(events)?,
            scale: self.scale.get(),
        }))
    }

    fn load(&self, mut saved: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Fitted {
            of: self.of.load(saved.take_nested("of"))?,
            scale: self.scale.get(),
        }))
    }
}

#[derive(Debug)]
struct Fitted {
    of: Box<dyn Weigh>,
    scale: f64,
}

impl Weigh for Fitted {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        let weights = self.of.weigh(events)?;
        Ok(rescale_cells(events, weights, |_, _, strength| {
            ln_1p(strength / self.scale)
        }))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.nest("of", self.of.save()?);
        Some(saved)
    }
}

register!(Weighting, Log, "log", revision = 1);

#[cfg(test)]
mod tests {
    use super::Log;
    use crate::nested::tests::{assert_near, cells, kinds, parse, plays};

    #[test]
    fn a_cell_is_the_logarithm_of_its_sum() {
        let events = plays(&[("u", "a", 3.0), ("u", "b", 0.0), ("u", "a", 4.0)]);
        let log = parse(r#"{"log": {"of": {"plays": {}}, "scale": 2}}"#);
        assert_near(&cells(&*log, &events), &[4.5f64.ln(), 0.0]);
        // Of itself: ln(1 + ln(1 + 7)).
        let twice = parse(r#"{"log": {"of": {"log": {"of": {"plays": {}}}}}}"#);
        assert_near(&cells(&*twice, &events), &[(1.0 + 8f64.ln()).ln(), 0.0]);
    }

    #[test]
    fn the_default_is_of_event_strength() {
        let events = kinds(&[("like", 1.0), ("skip", 1.0)]);
        assert_near(&cells(&Log::default(), &events), &[5f64.ln()]);
    }
}
