//! What a user's rows look like.

use super::super::{Interactions, Pairs};
use super::{Clock, Kind, Reading};

/// Seconds of a day and of an hour.
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;
/// Plays that are counted as heard take at least so many seconds: what streaming services pay for.
const PLAY: f64 = 30.0;
/// A row of more plays does not tell of a day.
const MANY: f32 = 100.0;
/// Seconds that may be listened to in a day before it is too many: a day and a half hour.
const LISTENED: f64 = 88_200.0;
/// A row every thirty seconds for an hour; a row every 86 seconds for a day.
const AN_HOUR: f64 = 120.0;
const A_DAY: f64 = 1000.0;
/// So many times what half of the users have in their busiest hour or day is far from usual.
const FAR: f64 = 4.0;
/// A gap of so many seconds is a pause in which one may sleep.
const SLEEP: i64 = 3 * HOUR;
/// Hours without such a gap that nobody keeps up.
const AWAKE: f64 = 48.0;
/// Rows that a user has at least before one item or one gap says anything.
const ENOUGH: usize = 50;
/// The share of one item in a user's rows, and of one gap among the gaps, that no listener has.
const ONE_ITEM: f64 = 0.8;
const ONE_GAP: f64 = 0.5;
/// Different items in one second.
const AT_ONCE: f64 = 10.0;

/// The largest figures of a user, each with a row that shows it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traces {
    /// Seconds listened to within 24 hours, or plays times the least a play takes.
    listened: (f64, u32),
    /// Rows within an hour.
    hour: (f64, u32),
    /// Rows within 24 hours.
    day: (f64, u32),
    /// Hours without a pause in which one may sleep.
    awake: (f64, u32),
    /// Share of the most frequent gap.
    gap: (f64, u32),
    /// Share of the most frequent item.
    item: (f64, u32),
    /// Different items in one second.
    at_once: (f64, u32),
}

impl Traces {
    /// Of a user's rows in the order of time.
    pub(super) fn of(
        log: &Interactions,
        rows: &[u32],
        pairs: &Pairs,
        user: usize,
        clock: &Clock,
    ) -> Self {
        let mut traces = Self::default();
        let own = pairs.starts[user]..pairs.starts[user + 1];
        if rows.len() >= ENOUGH {
            let most = own
                .clone()
                .max_by_key(|&at| (pairs.counts[at], std::cmp::Reverse(at)));
            if let Some(most) = most {
                traces.item = (
                    f64::from(pairs.counts[most]) / rows.len() as f64,
                    pairs.first[most],
                );
            }
        }
        if clock.reading == Reading::Events && !rows.is_empty() {
            traces.listened = listened(log, rows);
            let heard: Vec<u32> = heard(log, rows);
            traces.hour = busiest(log, &heard, HOUR);
            traces.day = busiest(log, &heard, DAY);
            traces.awake = longest_run(log, rows);
            if clock.step == 1 {
                traces.gap = usual_gap(log, rows);
                traces.at_once = at_once(log, rows);
            }
        }
        traces
    }

    /// The figure of a kind and a row that shows it; `None` if there is nothing to show.
    pub(super) fn figure(&self, kind: Kind) -> Option<(f64, u32)> {
        let (figure, row) = match kind {
            Kind::MoreThanADay => (self.listened.0 / 3600.0, self.listened.1),
            Kind::TooFast => (self.hour.0, self.hour.1),
            Kind::TooManyADay => (self.day.0, self.day.1),
            Kind::NoPause => self.awake,
            Kind::Regular => self.gap,
            Kind::SingleItem => self.item,
            Kind::SameSecond => self.at_once,
        };
        (figure > 0.0).then_some((figure, row))
    }
}

/// From what figure on a user is suspicious.
pub(super) struct Limits {
    hour: f64,
    day: f64,
}

impl Limits {
    pub(super) fn of(traces: &[Traces]) -> Self {
        let far = |of: fn(&Traces) -> f64| {
            let mut all: Vec<f64> = traces
                .iter()
                .map(of)
                .filter(|&figure| figure > 0.0)
                .collect();
            if all.is_empty() {
                return 0.0;
            }
            let middle = all.len() / 2;
            FAR * *all.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        Self {
            hour: AN_HOUR.max(far(|t| t.hour.0)),
            day: A_DAY.max(far(|t| t.day.0)),
        }
    }

    /// All kinds, with what a figure counts and the limit.
    pub(super) fn all(&self) -> [(Kind, &'static str, f64); 7] {
        [
            (
                Kind::MoreThanADay,
                "hours listened to within 24 hours",
                LISTENED / 3600.0,
            ),
            (Kind::TooFast, "rows within an hour", self.hour),
            (Kind::TooManyADay, "rows within 24 hours", self.day),
            (Kind::NoPause, "hours without a pause of three hours", AWAKE),
            (
                Kind::Regular,
                "share of gaps that last the same number of seconds",
                ONE_GAP,
            ),
            (
                Kind::SingleItem,
                "share of rows with the same item",
                ONE_ITEM,
            ),
            (Kind::SameSecond, "different items in one second", AT_ONCE),
        ]
    }
}

/// The rows in which something was played, if the log tells; else all.
fn heard(log: &Interactions, rows: &[u32]) -> Vec<u32> {
    let play = log.kinds.iter().position(|kind| kind == "play");
    match play.filter(|_| !log.events.is_empty()) {
        Some(play) => {
            let is = |&&row: &&u32| usize::from(log.events[row as usize]) == play;
            rows.iter().filter(is).copied().collect()
        }
        None => rows.to_vec(),
    }
}

/// The most seconds listened to in rows within 24 hours, and the row that begins them.
///
/// A row's seconds are those that the log gives, else its plays times the least that a play takes (a
/// row that says neither counts for nothing). Rows that begin within less than a day may end after
/// it: the last row counts for nothing.
fn listened(log: &Interactions, rows: &[u32]) -> (f64, u32) {
    if log.seconds.is_empty() && log.plays.is_empty() {
        return (0.0, 0);
    }
    // In milliseconds, so that what is added can be taken off again without a rest.
    let of = |row: u32| {
        let seconds = log
            .seconds
            .get(row as usize)
            .copied()
            .filter(|s| s.is_finite());
        // Hundreds of plays are those of weeks, whatever time stands beside them.
        let plays = log
            .plays
            .get(row as usize)
            .copied()
            .filter(|&plays| plays <= MANY);
        let least = seconds.map_or_else(|| plays.map_or(0.0, |p| PLAY * f64::from(p)), f64::from);
        (least.clamp(0.0, 1e12) * 1000.0) as u64
    };
    let (mut begin, mut sum, mut most) = (0, 0, (0, rows[0]));
    for &row in rows {
        while log.times[row as usize] - log.times[rows[begin] as usize] >= DAY {
            sum -= of(rows[begin]);
            begin += 1;
        }
        if sum > most.0 {
            most = (sum, rows[begin]);
        }
        sum += of(row);
    }
    (most.0 as f64 / 1000.0, most.1)
}

/// The most rows within so many seconds, and the first of them.
fn busiest(log: &Interactions, rows: &[u32], within: i64) -> (f64, u32) {
    let (mut begin, mut most) = (0, (0.0, 0));
    for (end, &row) in rows.iter().enumerate() {
        while log.times[row as usize] - log.times[rows[begin] as usize] >= within {
            begin += 1;
        }
        let count = (end + 1 - begin) as f64;
        if count > most.0 {
            most = (count, rows[begin]);
        }
    }
    most
}

/// The most hours without a gap in which one may sleep, and the row that begins them.
fn longest_run(log: &Interactions, rows: &[u32]) -> (f64, u32) {
    let (mut begin, mut most) = (rows[0], (0.0, rows[0]));
    for two in rows.windows(2) {
        let time = |row: u32| log.times[row as usize];
        if time(two[1]) - time(two[0]) >= SLEEP {
            begin = two[1];
        }
        let hours = (time(two[1]) - time(begin)) as f64 / HOUR as f64;
        if hours > most.0 {
            most = (hours, begin);
        }
    }
    most
}

/// The share of the most frequent gap, and the first row behind such a gap.
///
/// Gaps between two plays of the same item are left out, for they last as long as the item.
fn usual_gap(log: &Interactions, rows: &[u32]) -> (f64, u32) {
    let mut gaps: Vec<(i64, u32)> = rows
        .windows(2)
        .map(|two| [two[0] as usize, two[1] as usize])
        .filter(|&[a, b]| log.items[a] != log.items[b])
        .map(|[a, b]| (log.times[b] - log.times[a], b as u32))
        .filter(|&(gap, _)| gap > 0)
        .collect();
    if gaps.len() < ENOUGH {
        return (0.0, 0);
    }
    gaps.sort_unstable();
    let all = gaps.len() as f64;
    let mut most = (0.0, 0);
    for same in gaps.chunk_by(|a, b| a.0 == b.0) {
        let share = same.len() as f64 / all;
        if share > most.0 {
            most = (share, same[0].1);
        }
    }
    most
}

/// The most different items in one second, and the first of the rows.
fn at_once(log: &Interactions, rows: &[u32]) -> (f64, u32) {
    let mut most = (0.0, 0);
    for same in rows.chunk_by(|&a, &b| log.times[a as usize] == log.times[b as usize]) {
        if same.len() < 2 {
            continue;
        }
        let mut items: Vec<u32> = same.iter().map(|&row| log.items[row as usize]).collect();
        items.sort_unstable();
        items.dedup();
        if items.len() as f64 > most.0 {
            most = (items.len() as f64, same[0]);
        }
    }
    most
}
