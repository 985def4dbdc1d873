//! The sweep's own process.

use musicrec_api::{Engine, Launcher, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runs everything in the process of the sweep, on this machine. What runs at once is said on the command
/// line (`--threads`, `--jobs`, `--memory`, `--isolate`).
///
/// ```toml
/// [launcher.local]
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Local {}

#[typetag::serde(name = "local")]
impl Launcher for Local {
    fn engine(&self) -> Option<&dyn Engine> {
        None
    }
}

register!(Launcher, Local, "local", revision = 1);
