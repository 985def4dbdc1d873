//! How long an item was listened to.

use musicrec_api::{
    Error, Events, NonNegative, Positive, Result, Tensors, Weigh, Weighting, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amounts::amounts;

/// How long a user listened to an item.
///
/// Formula: `w(u, i) = sum over events of min(seconds, cap) / unit`. With the default unit a cell is
/// the minutes listened. An event whose seconds are missing counts as `missing` seconds, by default
/// as none. The log must have a column of seconds; negative seconds are a fault, which the cleaner
/// `limit_range` mends.
///
/// ```toml
/// [weighting.listen_seconds]
/// cap = 600        # a player left running says no more than ten minutes do
/// unit = 60
/// missing = 30
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSeconds {
    /// The most seconds one event may count, above 0. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-unit" = "seconds"))]
    pub cap: Option<Positive>,
    /// Seconds that make a strength of 1, above 0. Default 60.
    #[schemars(extend("x-unit" = "seconds"))]
    pub unit: Positive,
    /// Seconds of an event whose number is missing, at least 0. Default 0.
    #[schemars(extend("x-unit" = "seconds"))]
    pub missing: NonNegative,
}

impl Default for ListenSeconds {
    fn default() -> Self {
        Self {
            cap: None,
            unit: Positive::new(60.0).expect("60 is above 0"),
            missing: NonNegative::new(0.0).expect("0 is allowed"),
        }
    }
}

#[typetag::serde(name = "listen_seconds")]
impl Weighting for ListenSeconds {
    fn fit(&self, _: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }

    fn load(&self, _: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weigh for ListenSeconds {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        if events.seconds.is_empty() && !events.is_empty() {
            return Err(Error::definition(
                "listen_seconds: the log has no column of seconds listened; name one with `seconds` \
                 in the source, or use another weighting, for example `plays`",
            ));
        }
        let missing = self.missing.get();
        let mut weights = amounts(events, &events.seconds, missing, |roles| {
            roles.seconds.as_ref()
        })?;
        let cap = self.cap.map_or(f64::INFINITY, Positive::get);
        for weight in &mut weights {
            *weight = weight.min(cap) / self.unit.get();
        }
        Ok(weights)
    }

    /// It learns nothing.
    fn save(&self) -> Option<Tensors<'_>> {
        Some(Tensors::default())
    }
}

register!(Weighting, ListenSeconds, "listen_seconds", revision = 1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::ListenSeconds;
    use crate::nested::tests::{cells, parse, weigh};
    use musicrec_api::{Cells, Column, Events, Log, Roles, Text, Weighting};

    #[test]
    fn seconds_are_capped_by_event_and_counted_in_units() {
        let mut events = Events::from_pairs([("u", "a"), ("u", "a"), ("u", "b"), ("v", "a")]);
        events.seconds = vec![30.0, 19_909.0, f32::NAN, 0.0].into();
        assert_eq!(
            weigh(&ListenSeconds::default(), &events),
            [0.5, 19_909.0 / 60.0, 0.0, 0.0]
        );
        let weighting = parse(r#"{"listen_seconds": {"cap": 600, "unit": 30, "missing": 15}}"#);
        assert_eq!(cells(&*weighting, &events), [21.0, 0.5, 0.0]);
    }

    #[test]
    fn a_log_without_seconds_and_negative_ones_are_faults() {
        let fault = |events: &Events| {
            let fitted = ListenSeconds::default().fit(events).unwrap();
            fitted.weigh(events).unwrap_err().to_string()
        };
        let error = fault(&Events::from_pairs([("u", "a")]));
        assert!(error.contains("no column of seconds"), "{error}");

        let column = |name: &str, cells: [&str; 2]| Column {
            name: name.to_owned(),
            cells: Cells::Text(cells.into_iter().map(Some).collect::<Text>()),
        };
        let roles = Roles {
            user: "u".into(),
            item: "i".into(),
            time: None,
            event: None,
            plays: None,
            seconds: Some("heard".into()),
        };
        let columns = vec![
            column("u", ["x", "y"]),
            column("i", ["a", "a"]),
            column("heard", ["7", "-118"]),
        ];
        let log = Log::new(columns, vec![3, 8], roles);
        let error = fault(&Events::from_log(Arc::new(log)).unwrap());
        assert!(
            error.contains("row 8, column `heard`: -118") && error.contains("limit_range"),
            "{error}"
        );
    }
}
