//! Another weighting, fading with age.

use musicrec_api::arithmetic::exp2;
use musicrec_api::{
    CheckContext, Error, Events, Positive, Problem, Result, Tensors, Weigh, Weighting, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nested;

const SECONDS_A_DAY: f64 = 86_400.0;

/// Another weighting whose events fade with age: exponential decay.
///
/// Formula: `w(event) = s * 0.5 ^ (age / half_life_days)`, where `s` is the weight of the event by
/// the inner weighting and `age` the days from the event to the latest event of the fit part, which is
/// the present as far as a model may know it. Events later than that (those of a later part) have
/// age 0. A cell is the sum over its events, each faded by its own age; where the inner weighting is one
/// of cells (`log`, `bm25`, `tf_idf`), its weight is first shared among the events in proportion to what
/// they had before. The log must have times.
///
/// ```toml
/// [weighting.recency]
/// of.event_strength = { like = 3 }
/// half_life_days = 30
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recency {
    /// The weighting that fades. Default `event_strength`.
    #[schemars(schema_with = "nested::schema")]
    pub of: Box<dyn Weighting>,
    /// Days after which an event counts half, above 0. Default 30.
    #[schemars(extend("x-unit" = "days"))]
    pub half_life_days: Positive,
}

impl Default for Recency {
    fn default() -> Self {
        Self {
            of: nested::default_of(),
            half_life_days: Positive::new(30.0).expect("30 is above 0"),
        }
    }
}

/// What to use on a log without times.
const WITHOUT: &str = "another weighting";

fn check_times(events: &Events) -> Result<()> {
    if events.time.is_empty() && !events.is_empty() {
        return Err(
            Error::definition("recency: the log has no times").with_remedy(format!(
                "name its column of times with `time` in the source, or use {WITHOUT}"
            )),
        );
    }
    Ok(())
}

#[typetag::serde(name = "recency")]
impl Weighting for Recency {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        check_times(events)?;
        Ok(Box::new(Fitted {
            of: self.of.fit(events)?,
            now: events.period().map_or(i64::MIN, |(_, last)| last),
            half_life_days: self.half_life_days.get(),
        }))
    }

    fn load(&self, mut saved: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Fitted {
            of: self.of.load(saved.take_nested("of"))?,
            now: saved.take_integer("now")?.cast_signed(),
            half_life_days: self.half_life_days.get(),
        }))
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        context.missing_times("", WITHOUT).into_iter().collect()
    }
}

#[derive(Debug)]
struct Fitted {
    of: Box<dyn Weigh>,
    now: i64,
    half_life_days: f64,
}

impl Weigh for Fitted {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        check_times(events)?;
        let mut weights = self.of.weigh(events)?;
        for (weight, time) in weights.iter_mut().zip(&events.time) {
            // Saturating: without a fit part there is no present, and nothing is older than it.
            let age = self.now.saturating_sub(time).max(0) as f64 / SECONDS_A_DAY;
            *weight *= exp2(-age / self.half_life_days);
        }
        Ok(weights)
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.nest("of", self.of.save()?);
        saved.insert("now", vec![1], vec![self.now.cast_unsigned()]);
        Some(saved)
    }
}

register!(Weighting, Recency, "recency", revision = 1);

#[cfg(test)]
mod tests {
    use super::Recency;
    use crate::nested::tests::{assert_near, cells, parse, plays};
    use musicrec_api::{Weighting, cell_weights};

    const DAY: i64 = 86_400;

    #[test]
    fn each_event_fades_by_its_own_age() {
        let mut events = plays(&[("u", "a", 8.0), ("u", "a", 4.0), ("u", "b", 1.0)]);
        events.time = vec![0, 30 * DAY, 60 * DAY].into();
        let recency = parse(r#"{"recency": {"of": {"plays": {}}}}"#);
        assert_near(&cells(&*recency, &events), &[2.0 + 2.0, 1.0]);
        let quick = parse(r#"{"recency": {"of": {"plays": {}}, "half_life_days": 15}}"#);
        assert_near(&cells(&*quick, &events), &[0.5 + 1.0, 1.0]);
    }

    #[test]
    fn the_present_is_that_of_the_fit_part() {
        let mut events = plays(&[("u", "a", 1.0), ("u", "b", 1.0), ("u", "c", 1.0)]);
        events.time = vec![0, 30 * DAY, 90 * DAY].into();
        let fitted = Recency::default().fit(&events.select(&[0, 1])).unwrap();
        let weights = fitted.weigh(&events).unwrap();
        assert_near(&cell_weights(&events, &weights).1, &[0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_log_without_times_is_a_fault() {
        let error = Recency::default()
            .fit(&plays(&[("u", "a", 1.0)]))
            .unwrap_err();
        assert!(error.to_string().contains("has no times"), "{error}");
    }
}
