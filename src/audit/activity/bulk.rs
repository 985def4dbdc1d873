//! Moments at which much of a log was written at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Interactions;
use super::{Clock, Reading};

/// A second or a day that has far more rows than others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Bulk {
    /// When it begins, seconds since 1970.
    pub(crate) time: i64,
    /// Seconds that it lasts: 1, or 86,400 for a day.
    pub(crate) seconds: u32,
    /// Its rows.
    pub(crate) rows: u64,
    /// As a share of all rows.
    pub(crate) share: f64,
    /// What half of the seconds or days that have rows have at most.
    pub(crate) usual: u64,
    /// Its first row, counted from 1 without the header.
    pub(crate) row: u64,
}

/// Most moments of each length that are kept.
const KEPT: usize = 5;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Seconds and days with far more rows than others; the fullest first.
pub(super) fn bulk(log: &Interactions, clock: &Clock) -> Vec<Bulk> {
    let mut found = Vec::new();
    if log.times.is_empty() {
        return found;
    }
    let mut times = log.times.clone();
    times.sort_unstable();
    let all = times.len() as u64;
    let mut look = |length: i64, least: u64, far: u64, many: usize| {
        let of = |time: &i64| time.div_euclid(length);
        let counts: Vec<(u64, i64)> = times
            .chunk_by(|a, b| of(a) == of(b))
            .map(|same| (same.len() as u64, of(&same[0]) * length))
            .collect();
        let mut sizes: Vec<u64> = counts.iter().map(|&(rows, _)| rows).collect();
        let middle = sizes.len() / 2;
        let usual = *sizes.select_nth_unstable(middle).1;
        let limit = least.max(far * usual);
        let mut full: Vec<(u64, i64)> = counts
            .into_iter()
            .filter(|&(rows, _)| rows >= limit)
            .collect();
        if sizes.len() < many {
            return;
        }
        full.sort_unstable_by_key(|&(rows, time)| (std::cmp::Reverse(rows), time));
        full.truncate(KEPT);
        found.extend(full.into_iter().map(|(rows, time)| Bulk {
            time,
            seconds: length as u32,
            rows,
            share: rows as f64 / all as f64,
            usual,
            row: first_row(log, time, length),
        }));
    };
    // A hundred rows and two in a thousand of the log in a single second, where a second is known.
    if clock.step == 1 && clock.reading != Reading::Coarse {
        look(1, 100.max(all / 500), 20, 100);
    }
    // A tenth of the log in a day, of thirty or more.
    look(DAY, 100.max(all / 10), 10, 30);
    found
}

/// The first row of the log within a time.
fn first_row(log: &Interactions, time: i64, length: i64) -> u64 {
    let within = |&at: &i64| (time..time + length).contains(&at);
    log.times
        .iter()
        .position(within)
        .map_or(0, |row| log.rows[row])
}
