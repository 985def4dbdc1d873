//! Activity that no listener has: what was played faster than it can be heard, without sleep, by the
//! clock, or by the same hands under two names.
//!
//! Limits are both absolute, so that a lively log is no crime, and relative to the users of the log
//! where it may be that all of them are lively.

mod alerts;
mod bulk;
mod clock;
mod copies;
#[cfg(test)]
mod tests;
mod user;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pairs::by_user;
use super::{Interactions, Pairs};
pub(crate) use bulk::Bulk;
pub(crate) use clock::{Clock, Reading};
pub(crate) use copies::Copies;
use user::{Limits, Traces};

/// Users kept of each kind of suspicion; the rest is counted.
const KEPT: usize = 100;

/// What makes a user suspicious.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// More listened to within 24 hours than there is time in them.
    MoreThanADay,
    /// More rows in an hour than can be played.
    TooFast,
    /// More rows in 24 hours than can be played.
    TooManyADay,
    /// Never asleep.
    NoPause,
    /// The same seconds between rows again and again.
    Regular,
    /// One item in nearly all rows.
    SingleItem,
    /// Many items in the same second.
    SameSecond,
}

impl Kind {
    /// In a few words, for tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MoreThanADay => "more heard within a day than there is time",
            Self::TooFast => "too many rows within an hour",
            Self::TooManyADay => "too many rows within a day",
            Self::NoPause => "no pause",
            Self::Regular => "rows as by clockwork",
            Self::SingleItem => "one item again and again",
            Self::SameSecond => "many rows in one second",
        }
    }
}

/// A user that is suspicious.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Suspect {
    /// The user's id.
    pub(crate) user: String,
    /// All rows of the user.
    pub(crate) rows: u64,
    /// What gave it away: as [`Suspicion::unit`] says.
    pub(crate) figure: f64,
    /// A row that shows it, counted from 1 without the header.
    pub(crate) row: u64,
}

/// Users that are suspicious in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Suspicion {
    /// In which way.
    pub(crate) kind: Kind,
    /// What a figure counts.
    pub(crate) unit: String,
    /// From what figure on a user is suspicious.
    pub(crate) limit: f64,
    /// How many users are.
    pub(crate) users: u64,
    /// All rows of these.
    pub(crate) rows: u64,
    /// The users with most rows first, a hundred at most.
    pub(crate) suspects: Vec<Suspect>,
}

/// What of a log's activity no listener has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Activity {
    /// Rows looked at.
    pub(crate) rows: u64,
    /// What its times tell.
    pub(crate) clock: Clock,
    /// Suspicious users, by kind; kinds without any are left out.
    pub(crate) suspicions: Vec<Suspicion>,
    /// Users who are nearly or wholly the same.
    pub(crate) copies: Copies,
    /// Moments at which much of the log was written at once.
    pub(crate) bulk: Vec<Bulk>,
}

/// Looks for activity that no listener has.
pub(crate) fn activity(log: &Interactions, pairs: &Pairs) -> Activity {
    let (offsets, mut order) = by_user(log);
    if !log.times.is_empty() {
        for bounds in offsets.windows(2) {
            order[bounds[0]..bounds[1]].sort_unstable_by_key(|&row| (log.times[row as usize], row));
        }
    }
    let rows_of = |user: usize| &order[offsets[user]..offsets[user + 1]];
    let clock = Clock::of(log, (0..pairs.users()).map(rows_of));
    let traces: Vec<Traces> = (0..pairs.users())
        .map(|user| Traces::of(log, rows_of(user), pairs, user, &clock))
        .collect();
    let limits = Limits::of(&traces);
    let mut suspicions = Vec::new();
    for (kind, unit, limit) in limits.all() {
        let mut suspects: Vec<(usize, f64, u32)> = traces
            .iter()
            .enumerate()
            .filter_map(|(user, traces)| {
                let (figure, row) = traces.figure(kind)?;
                (figure >= limit).then_some((user, figure, row))
            })
            .collect();
        if suspects.is_empty() {
            continue;
        }
        let rows_of = |user: usize| u64::from(pairs.rows_of_user[user]);
        suspects.sort_by_key(|&(user, ..)| (std::cmp::Reverse(rows_of(user)), user));
        suspicions.push(Suspicion {
            kind,
            unit: unit.to_owned(),
            limit,
            users: suspects.len() as u64,
            rows: suspects.iter().map(|&(user, ..)| rows_of(user)).sum(),
            suspects: suspects
                .iter()
                .take(KEPT)
                .map(|&(user, figure, row)| Suspect {
                    user: log.user_ids[user].to_owned(),
                    rows: rows_of(user),
                    figure,
                    row: log.rows[row as usize],
                })
                .collect(),
        });
    }
    Activity {
        rows: log.len() as u64,
        bulk: bulk::bulk(log, &clock),
        copies: Copies::of(log, pairs, &clock),
        suspicions,
        clock,
    }
}
