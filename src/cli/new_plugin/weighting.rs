//! Whether an item was heard long enough to count.

use musicrec_api::{Error, Events, NonNegative, Result, Weigh, Weighting, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts what was listened to for long enough, as charts and royalties do: a play from 30 seconds
/// on.
///
/// Formula: `w(u, i) = Σ over events of 1 if seconds >= min_seconds, else short`. An event whose
/// seconds are missing counts as `missing`. The log must have a column of seconds.
///
/// ```toml
/// [weighting.my_plugin]
/// min_seconds = 30
/// short = 0.1
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MyPlugin {
    /// Seconds from which an event counts in full; at least 0, default 30.
    pub min_seconds: NonNegative,
    /// What a shorter event counts; at least 0, default 0.
    pub short: NonNegative,
    /// What an event counts whose seconds are not known; at least 0, default 1.
    pub missing: NonNegative,
}

impl Default for MyPlugin {
    fn default() -> Self {
        let number = |value| NonNegative::new(value).expect("none is below 0");
        Self {
            min_seconds: number(30.0),
            short: number(0.0),
            missing: number(1.0),
        }
    }
}

#[typetag::serde(name = "my_plugin")]
impl Weighting for MyPlugin {
    /// Given the fit part alone: what is learned here (how frequent something is, which time is the
    /// present) must come from nothing else. This weighting has nothing to learn.
    fn fit(&self, _: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weigh for MyPlugin {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        if events.seconds.is_empty() && !events.is_empty() {
            return Err(Error::definition(
                "my_plugin: the log has no column of seconds listened; name one with `seconds` in \
                 the source, or use another weighting, for example `plays`",
            ));
        }
        let weight = |seconds: f32| {
            if seconds.is_nan() {
                self.missing.get()
            } else if f64::from(seconds) >= self.min_seconds.get() {
                1.0
            } else {
                self.short.get()
            }
        };
        Ok(events.seconds.iter().map(weight).collect())
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Weighting, MyPlugin, "my_plugin", revision = 1);

#[cfg(test)]
mod tests {
    use super::MyPlugin;
    use musicrec_api::{Events, Weighting, conformance};

    #[test]
    fn long_events_count() {
        let mut events = Events::from_pairs([("u", "a"), ("u", "b"), ("v", "a")]);
        events.seconds = vec![29.0, 30.0, f32::NAN].into();
        let fitted = MyPlugin::default().fit(&events).expect("nothing to learn");
        assert_eq!(fitted.weigh(&events).expect("weights"), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn it_keeps_the_promises_of_a_weighting() {
        conformance::weighting("my_plugin");
    }
}
