//! What a sweep and its workers say to each other: a JSON object a line.

use std::io::{self, Write};
use std::path::PathBuf;

use musicrec_api::Role;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::records::Record;

/// What a worker is asked to do, on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Run a unit.
    Unit(UnitAsk),
    /// Keep what all trials rest on, with what random rankings reach: the first step on a cluster.
    Prepare,
    /// Make the recommendations and the report of records that are all there: the last step on a cluster.
    Report {
        /// When the sweep was planned, UTC.
        planned: String,
    },
    /// Make the recommendations.
    Recommend {
        /// The record on test of what recommends.
        trial: String,
        /// Items for each user.
        count: usize,
    },
}

/// A unit as a worker finds it again: it knows the same trials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UnitAsk {
    /// Its id.
    pub(super) unit: String,
    pub(super) role: Role,
    /// The share of the users that it is given, if not all.
    pub(super) users: Option<f64>,
    /// The id of each record that is wanted, and after how many steps; one fit serves them all.
    pub(super) trials: Vec<(String, usize)>,
    /// What the fit is expected to hold, for the records.
    pub(super) estimated_bytes: u64,
    pub(super) threads: usize,
    pub(super) jobs: usize,
    /// How often it has been tried, this time included.
    pub(super) attempt: u32,
}

/// What a worker says, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The data is read, cleaned and split.
    Ready {
        /// What was read, which may have changed since the sweep read it.
        fingerprint: String,
    },
    /// A record was stored.
    Trial {
        record: Box<Record>,
        /// Where it was kept if it came to something else than one that was there.
        conflict: Option<PathBuf>,
    },
    /// The unit, or the step, is done.
    Over,
    /// The recommendations are written, or why there are none.
    Recommended(Result<Recommendations, String>),
    /// What stops the whole sweep.
    Stopped(Failure),
}

/// What came of recommending.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sweep) struct Recommendations {
    /// The hash of the file.
    pub(in crate::sweep) content: String,
    pub(in crate::sweep) users: usize,
}

/// Says something on a line of its own. It begins with a line end because a plugin may have printed
/// half a line to the same place.
pub(super) fn say(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(what).expect("plain data");
    to.write_all(format!("\n{text}\n").as_bytes())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::{Answer, say};

    #[test]
    fn an_answer_is_found_after_half_a_line_of_a_plugin() {
        let mut out = b"fitting".to_vec();
        say(&mut out, &Answer::Over).unwrap();
        let text = String::from_utf8(out).unwrap();
        let said = |line: &str| serde_json::from_str::<Answer>(line).is_ok();
        let lines: Vec<bool> = text.lines().map(said).collect();
        assert_eq!(lines, [false, true]);
    }
}
