//! What the times of a log are: how fine, and whether they tell of listening or of entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Interactions;

/// What times tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reading {
    /// There are none.
    #[default]
    None,
    /// Whole hours or days: nothing is known of what happened within.
    Coarse,
    /// When something was entered: a user's rows follow one another faster than music plays.
    Entry,
    /// When something happened.
    Events,
}

/// The times of a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Clock {
    /// What they tell.
    pub(crate) reading: Reading,
    /// Seconds of the finest step: 1, 60, 3600 or 86,400; 0 without times.
    pub(crate) step: u32,
    /// Half of the users have, within an hour, half of their rows so many seconds after the one before
    /// or sooner; none if hardly anybody has rows so near.
    pub(crate) usual_gap: Option<f64>,
}

/// Gaps that are longer than this are pauses, in seconds.
const PAUSE: i64 = 3600;
/// No song is played so often in so few seconds: who usually has a row sooner than this enters rows.
const ENTRY: f64 = 20.0;

impl Clock {
    /// Of a log and the rows of each user in the order of time.
    pub(super) fn of<'a>(log: &Interactions, users: impl Iterator<Item = &'a [u32]>) -> Self {
        if log.times.is_empty() {
            return Self::default();
        }
        let step = step(&log.times);
        if step >= 3600 {
            return Self {
                reading: Reading::Coarse,
                step,
                usual_gap: None,
            };
        }
        let mut gaps: Vec<i64> = Vec::new();
        let mut of_users: Vec<i64> = Vec::new();
        for rows in users {
            gaps.clear();
            gaps.extend(rows.windows(2).filter_map(|two| {
                let [a, b] = [two[0] as usize, two[1] as usize];
                let gap = log.times[b] - log.times[a];
                (gap <= PAUSE && log.items[a] != log.items[b]).then_some(gap)
            }));
            if gaps.len() >= 5 {
                let middle = gaps.len() / 2;
                of_users.push(*gaps.select_nth_unstable(middle).1);
            }
        }
        let usual_gap = (of_users.len() >= 10).then(|| {
            let middle = of_users.len() / 2;
            *of_users.select_nth_unstable(middle).1 as f64
        });
        // Within a step nothing is known: two rows of a minute may be a minute apart.
        let soonest = usual_gap.map_or(f64::INFINITY, |gap| gap + f64::from(step - 1));
        let reading = if soonest < ENTRY {
            Reading::Entry
        } else {
            Reading::Events
        };
        Self {
            reading,
            step,
            usual_gap,
        }
    }
}

/// The coarsest step that 99 of 100 times are a multiple of, from some hour or minute on.
fn step(times: &[i64]) -> u32 {
    for step in [86_400, 3600, 60] {
        // Days may begin at another hour than in UTC: what most times have left over is the beginning.
        let mut rests: Vec<i64> = times
            .iter()
            .step_by(times.len().div_ceil(9999))
            .map(|t| t.rem_euclid(step))
            .collect();
        rests.sort_unstable();
        let most = rests
            .chunk_by(|a, b| a == b)
            .map(<[i64]>::len)
            .max()
            .unwrap_or(0);
        if rests.len() >= 20 && most * 100 >= rests.len() * 99 {
            return step as u32;
        }
    }
    1
}
