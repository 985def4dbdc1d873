//! What was planted, exactly: the account that goes with a log.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Synthetic;
use super::row::COLUMNS;
use super::tally::Tally;

/// The truth about a synthetic log, counted while it was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// What made the log: always `synthetic`.
    pub generator: &'static str,
    /// Revision of the generator; another one makes another log of the same parameters.
    pub revision: u32,
    /// What it was asked for.
    pub parameters: Synthetic,
    /// The seed it used.
    pub seed: u64,
    /// Rows without the header, copies included.
    pub rows: u64,
    /// The columns in their order.
    pub columns: [&'static str; 13],
    /// Every kind of defect with its number of rows, in the terms of an audit.
    pub defects: Vec<Defect>,
    /// What an honest cleaning drops, step by step.
    pub funnel: Vec<Step>,
    /// What it leaves.
    pub clean: Clean,
    /// Rows by event and label.
    pub event_type_clusters: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// First and last valid timestamp; `None` if there is none.
    pub timestamp_range_valid: Option<[String; 2]>,
}

impl Truth {
    /// The number of rows with a defect; `None` if no such defect is known.
    pub fn rows_with(&self, id: &str) -> Option<u64> {
        self.defects.iter().find(|d| d.id == id).map(|d| d.rows)
    }
}

/// One kind of defect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Defect {
    /// Its name, `column.kind`.
    pub id: String,
    /// The column it is in.
    pub column: &'static str,
    /// When a row counts.
    pub rule: &'static str,
    /// Rows that have it.
    pub rows: u64,
    /// The same in percent of all rows.
    pub pct: f64,
    /// What to do about it: `repair`, `drop`, or `info` for nothing.
    pub severity: &'static str,
    /// The same rows by kind, where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, u64>,
}

/// One step of honest cleaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it drops.
    pub step: &'static str,
    /// How many rows it drops.
    pub dropped: u64,
    /// How many rows are left.
    pub left: u64,
}

/// What honest cleaning leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clean {
    /// Rows.
    pub rows: u64,
    /// Different users.
    pub users: u64,
    /// Different songs.
    pub songs: u64,
}

impl Tally {
    /// The account; `time` writes a number of seconds since the start of the log.
    pub(super) fn truth(
        self,
        parameters: &Synthetic,
        seed: u64,
        time: impl Fn(u32) -> String,
    ) -> Truth {
        let conflicting: u64 = self.conflicts.iter().sum();
        let duplicates = self.exact + self.respelled + conflicting;
        let mut left = self.rows;
        let funnel: Vec<Step> = [
            ("user is a placeholder", self.funnel[0]),
            ("song is a placeholder", self.funnel[1]),
            ("timestamp is no time", self.funnel[2]),
            ("same user, song, event and timestamp", duplicates),
        ]
        .into_iter()
        .map(|(step, dropped)| {
            left -= dropped;
            Step {
                step,
                dropped,
                left,
            }
        })
        .collect();
        Truth {
            generator: "synthetic",
            revision: super::REVISION,
            parameters: parameters.clone(),
            seed,
            rows: self.rows,
            columns: COLUMNS,
            clean: Clean {
                rows: left,
                users: self.users.surviving(),
                songs: self.songs.surviving(),
            },
            event_type_clusters: self.clusters(),
            timestamp_range_valid: (self.first <= self.last)
                .then(|| [time(self.first), time(self.last)]),
            defects: self.defects(),
            funnel,
        }
    }
}
