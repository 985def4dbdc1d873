//! Who and what is known at a moment that parts the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Interactions, Pairs};

/// Where the log is cut: so many hundredths of the rows are before.
const HUNDREDTHS: [usize; 6] = [50, 60, 70, 80, 90, 95];

/// A log cut in two by time, as `global_time` does: what is at the cut or after it is later, so that
/// equal times are on one side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cut {
    /// The share of rows before the cut that was asked for.
    pub(crate) at: f64,
    /// The time of the cut, seconds since 1970.
    pub(crate) time: i64,
    /// Rows before it.
    pub(crate) rows_before: u64,
    /// Rows after it.
    pub(crate) rows_after: u64,
    /// Rows after it whose user has no row before it, as a share of the rows after it.
    pub(crate) cold_users: f64,
    /// Rows after it whose item has no row before it, as a share of the rows after it.
    pub(crate) cold_items: f64,
    /// Rows after it whose user or item has no row before it, as a share of the rows after it.
    pub(crate) cold: f64,
    /// Rows after it of an item that the user has had before it, as a share of the rows after it.
    pub(crate) repeats: f64,
    /// Pairs of user and item that turn up only after it: what is to be foretold.
    pub(crate) new_pairs: u64,
    /// Those of them whose user or item has no row before it, as a share.
    pub(crate) cold_pairs: f64,
    /// Users with a row after it.
    pub(crate) users_after: u64,
    /// Those of them that have a row before it too, as a share.
    pub(crate) users_with_history: f64,
}

/// The log cut in several places; those that leave nothing before are left out.
pub(super) fn cuts(log: &Interactions, pairs: &Pairs) -> Vec<Cut> {
    if log.times.is_empty() {
        return Vec::new();
    }
    let mut times = log.times.clone();
    times.sort_unstable();
    let rows = times.len();
    let mut cuts: Vec<Cut> = HUNDREDTHS
        .iter()
        .map(|&part| {
            let time = times[rows * part / 100];
            let before = times.partition_point(|&t| t < time);
            Cut {
                at: part as f64 / 100.0,
                time,
                rows_before: before as u64,
                rows_after: (rows - before) as u64,
                ..Cut::default()
            }
        })
        .filter(|cut| cut.rows_before > 0)
        .collect();
    drop(times);
    let seen = Seen::of(log, pairs);
    for cut in &mut cuts {
        seen.count(log, pairs, cut);
    }
    cuts
}

/// When users and items are first and last seen.
struct Seen {
    users: Vec<(i64, i64)>,
    items: Vec<i64>,
}

impl Seen {
    fn of(log: &Interactions, pairs: &Pairs) -> Self {
        let mut seen = Self {
            users: vec![(i64::MAX, i64::MIN); pairs.users()],
            items: vec![i64::MAX; pairs.users_of_item.len()],
        };
        for ((&user, &item), &time) in log.users.iter().zip(&log.items).zip(&log.times) {
            let user = &mut seen.users[user as usize];
            *user = (user.0.min(time), user.1.max(time));
            let item = &mut seen.items[item as usize];
            *item = time.min(*item);
        }
        seen
    }

    /// All of a pair's rows are after the cut if the first is, all of a user's rows if the first is:
    /// so pairs tell of rows.
    fn count(&self, log: &Interactions, pairs: &Pairs, cut: &mut Cut) {
        let (mut cold_users, mut cold_items, mut cold) = (0u64, 0u64, 0u64);
        let (mut new_rows, mut cold_pairs) = (0u64, 0u64);
        let (mut users, mut with_history) = (0u64, 0u64);
        for (user, &(first, last)) in self.users.iter().enumerate() {
            if last < cut.time {
                continue;
            }
            users += 1;
            with_history += u64::from(first < cut.time);
            let range = pairs.starts[user]..pairs.starts[user + 1];
            for at in range {
                if log.times[pairs.first[at] as usize] < cut.time {
                    continue;
                }
                let rows = u64::from(pairs.counts[at]);
                let user_is = first >= cut.time;
                let item_is = self.items[pairs.items[at] as usize] >= cut.time;
                cut.new_pairs += 1;
                new_rows += rows;
                cold_users += rows * u64::from(user_is);
                cold_items += rows * u64::from(item_is);
                cold += rows * u64::from(user_is || item_is);
                cold_pairs += u64::from(user_is || item_is);
            }
        }
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        cut.cold_users = share(cold_users, cut.rows_after);
        cut.cold_items = share(cold_items, cut.rows_after);
        cut.cold = share(cold, cut.rows_after);
        cut.repeats = share(cut.rows_after - new_rows, cut.rows_after);
        cut.cold_pairs = share(cold_pairs, cut.new_pairs);
        cut.users_after = users;
        cut.users_with_history = share(with_history, users);
    }
}
