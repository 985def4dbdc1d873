//! The last days of a log.

use musicrec_api::{Error, Events, Fold, Positive, Result, Splitter, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SECONDS_A_DAY: f64 = 86_400.0;

/// Asks for the last days of the log: what a model trained a week ago would have recommended since.
///
/// Formula: with T the time of the last event, test is what happened later than `test_days` before T,
/// validation what happened in the `validation_days` before that, and train the rest. The log must
/// have times.
///
/// ```toml
/// [splitter.my_plugin]
/// validation_days = 7
/// test_days = 7
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MyPlugin {
    /// Days before the test part for choosing settings, above 0. Default 7.
    pub validation_days: Positive,
    /// Last days of the log, for the final score, above 0. Default 7.
    pub test_days: Positive,
}

impl Default for MyPlugin {
    fn default() -> Self {
        let week = Positive::new(7.0).expect("7 is above 0");
        Self {
            validation_days: week,
            test_days: week,
        }
    }
}

#[typetag::serde(name = "my_plugin")]
impl Splitter for MyPlugin {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        let Some((first, last)) = events.period() else {
            return Err(Error::definition(
                "my_plugin: the log has no events with times; name its column of times with `time` \
                 in the source, or use the splitter `random`",
            ));
        };
        let test_days = self.test_days.get();
        let later_days = test_days + self.validation_days.get();
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for (event, time) in (0..).zip(&events.time) {
            let days_before_end = (last - time) as f64 / SECONDS_A_DAY;
            let part = if days_before_end < test_days {
                2
            } else if days_before_end < later_days {
                1
            } else {
                0
            };
            parts[part].push(event);
        }
        for (part, name) in parts.iter().zip(["train", "validation", "test"]) {
            if part.is_empty() {
                let days = (last - first) as f64 / SECONDS_A_DAY;
                return Err(Error::data(format!(
                    "my_plugin: no event is left for {name}: the log spans {days:.1} days, of \
                     which {later_days} are for validation and test; change `validation_days` or \
                     `test_days`"
                )));
            }
        }
        let [train, validation, test] = parts;
        Ok(Fold::of_parts(train, validation, test))
    }

    /// Nobody learns from what is later than what is asked for.
    fn uses_the_future(&self) -> bool {
        false
    }

    fn makes_validation(&self) -> Option<bool> {
        Some(true)
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Splitter, MyPlugin, "my_plugin", revision = 1);

#[cfg(test)]
mod tests {
    use super::MyPlugin;
    use musicrec_api::{Events, Splitter, conformance};

    #[test]
    fn the_last_week_is_the_test_and_the_week_before_is_validation() {
        let mut events = Events::from_pairs([("u", "a"), ("u", "b"), ("v", "a"), ("v", "b")]);
        let day = 86_400;
        events.time = vec![30 * day, 0, 20 * day, 24 * day].into();
        let folds = MyPlugin::default().split(&events, 0).expect("three parts");
        assert_eq!((&folds[0].fit, &folds[0].targets), (&vec![1], &vec![2]));
        assert_eq!((&folds[1].fit, &folds[1].targets), (&vec![1, 2], &vec![0, 3]));
        events.time = vec![0; 4].into();
        let error = MyPlugin::default().split(&events, 0).expect_err("one day");
        assert!(error.to_string().contains("spans 0.0 days"), "{error}");
    }

    #[test]
    fn it_keeps_the_promises_of_a_splitter() {
        conformance::splitter("my_plugin");
    }
}
