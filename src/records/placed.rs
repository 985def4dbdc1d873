//! Where an engine ran something.

use serde::{Deserialize, Serialize};

/// A place on a cluster, as the engine's script tells it by environment variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Placed {
    /// The node: `MUSICREC_NODE`, else the machine's name.
    pub(crate) node: String,
    /// What the engine calls the job: `MUSICREC_JOB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
    /// The file that has what was printed there: `MUSICREC_OUTPUT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
}

impl Placed {
    /// Where this process runs.
    pub(crate) fn here() -> Self {
        let of = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            node: of("MUSICREC_NODE").unwrap_or_else(host),
            job: of("MUSICREC_JOB"),
            output: of("MUSICREC_OUTPUT"),
        }
    }

    /// In words: `n1, job 12_3`.
    pub(crate) fn words(&self) -> String {
        match &self.job {
            Some(job) => format!("{}, job {job}", self.node),
            None => self.node.clone(),
        }
    }
}

/// The name of this machine.
pub(crate) fn host() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of = |name| std::env::var(name).ok();
    let name = kernel
        .or_else(|| of("HOSTNAME"))
        .or_else(|| of("COMPUTERNAME"));
    name.map_or_else(|| "this machine".to_owned(), |name| name.trim().to_owned())
}
