//! Engines that have no launcher of their own.

use std::fmt::Write as _;

use musicrec_api::{Engine, Job, Launcher, Look, Result, Work, ranges, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::quoted;

/// Submits nothing: writes the plan into the store and prints the commands, for whatever runs them (a
/// Kubernetes indexed job, PBS, `HyperQueue`, `xargs`, or you).
///
/// The contract: `musicrec-lab unit STORE --index N` runs unit N and ends with 0 once all of its trials
/// have a record, of success or of failure. It ends with 75 while the step before it is not over, so an
/// engine may simply run it again later. Run it as often and on as many machines at once as you like: a
/// unit that is done does nothing, and the first record of a trial stays. SIGTERM gives a unit back.
///
/// ```toml
/// [launcher.manual]
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Manual {}

#[typetag::serde(name = "manual")]
impl Launcher for Manual {
    fn engine(&self) -> Option<&dyn Engine> {
        Some(self)
    }
}

impl Engine for Manual {
    fn draft(&self, work: &Work) -> Result<String> {
        let command: Vec<String> = work.command().iter().map(|word| quoted(word)).collect();
        let mut out = String::new();
        for (at, step) in work.steps.iter().enumerate() {
            let when = if at == 0 {
                ""
            } else {
                ", once all before are over"
            };
            let _ = writeln!(
                out,
                "# {}: units {}{when}\n{} N",
                step.name,
                ranges(&step.units),
                command.join(" ")
            );
        }
        Ok(out)
    }

    fn submit(&self, work: &Work, taken: &mut dyn FnMut(Job) -> Result<()>) -> Result<()> {
        for (at, step) in work.steps.iter().enumerate() {
            taken(Job {
                id: step.name.clone(),
                step: at,
                units: step.units.clone(),
            })?;
        }
        Ok(())
    }

    fn look(&self, _: &[Job]) -> Result<Look> {
        Ok(Look {
            unknown: true,
            ..Look::default()
        })
    }

    fn cancel(&self, _: &[Job]) -> Result<()> {
        Ok(())
    }
}

register!(Launcher, Manual, "manual", revision = 1);
