//! How rows are spread over users, items and weeks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Pairs;
use super::super::signal::{gini, top};

/// Quantiles of counts, those of 0 left out; the smallest count that so many are at or below.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Quantiles {
    /// The mean.
    pub(crate) mean: f64,
    /// The smallest.
    pub(crate) least: u32,
    /// A quarter is at or below.
    pub(crate) quarter: u32,
    /// Half is at or below.
    pub(crate) median: u32,
    /// Three quarters are at or below.
    pub(crate) three_quarters: u32,
    /// Nine tenths are at or below.
    pub(crate) nine_tenths: u32,
    /// 99 of a hundred are at or below.
    pub(crate) hundredth: u32,
    /// The largest.
    pub(crate) most: u32,
}

impl Quantiles {
    pub(super) fn of(counts: &[u32]) -> Self {
        let mut counts: Vec<u32> = counts.iter().copied().filter(|&count| count > 0).collect();
        counts.sort_unstable();
        let [Some(&least), Some(&most)] = [counts.first(), counts.last()] else {
            return Self::default();
        };
        let n = counts.len();
        let at = |hundredths: usize| counts[(n * hundredths).div_ceil(100) - 1];
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        Self {
            mean: sum as f64 / n as f64,
            least,
            quarter: at(25),
            median: at(50),
            three_quarters: at(75),
            nine_tenths: at(90),
            hundredth: at(99),
            most,
        }
    }
}

/// How the rows are spread over the items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Tail {
    /// Items with a single user, as a share of items.
    pub(crate) one_user: f64,
    /// Items with fewer than five users, as a share of items.
    pub(crate) below_five_users: f64,
    /// Items with fewer than ten users, as a share of items.
    pub(crate) below_ten_users: f64,
    /// Share of rows that the hundredth of items with most rows has.
    pub(crate) top_hundredth: f64,
    /// Share of rows that the tenth of items with most rows has.
    pub(crate) top_tenth: f64,
    /// Share of rows that the fifth of items with most rows has.
    pub(crate) top_fifth: f64,
    /// Gini coefficient of the rows of items: 0 if all have as many, near 1 if few have all.
    pub(crate) gini: f64,
}

impl Tail {
    pub(super) fn of(pairs: &Pairs) -> Self {
        let some = |counts: &[u32]| {
            counts
                .iter()
                .copied()
                .filter(|&c| c > 0)
                .collect::<Vec<_>>()
        };
        let (users, mut rows) = (some(&pairs.users_of_item), some(&pairs.rows_of_item));
        if users.is_empty() {
            return Self::default();
        }
        let below = |n: u32| users.iter().filter(|&&c| c < n).count() as f64 / users.len() as f64;
        rows.sort_unstable_by(|a, b| b.cmp(a));
        let rows = || rows.iter().map(|&count| f64::from(count));
        Self {
            one_user: below(2),
            below_five_users: below(5),
            below_ten_users: below(10),
            top_hundredth: top(rows(), 0.01),
            top_tenth: top(rows(), 0.1),
            top_fifth: top(rows(), 0.2),
            gini: gini(rows()),
        }
    }
}

/// Users with so many rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Group {
    /// From so many rows.
    pub(crate) from: u32,
    /// To so many rows, included; none for no limit.
    pub(crate) to: Option<u32>,
    /// Users.
    pub(crate) users: u64,
    /// As a share of users.
    pub(crate) share_of_users: f64,
    /// Their rows.
    pub(crate) rows: u64,
    /// As a share of rows.
    pub(crate) share_of_rows: f64,
}

/// Users by how many rows they have: 1, 2 to 4, 5 to 9, 10 to 49, more.
pub(super) fn by_activity(rows_of_user: &[u32]) -> Vec<Group> {
    const FROM: [u32; 5] = [1, 2, 5, 10, 50];
    let mut groups: Vec<Group> = FROM
        .iter()
        .enumerate()
        .map(|(at, &from)| Group {
            from,
            to: FROM.get(at + 1).map(|next| next - 1),
            ..Group::default()
        })
        .collect();
    for &rows in rows_of_user.iter().filter(|&&rows| rows > 0) {
        let group = &mut groups[FROM.partition_point(|&from| from <= rows) - 1];
        group.users += 1;
        group.rows += u64::from(rows);
    }
    let sum = |of: fn(&Group) -> u64| groups.iter().map(of).sum::<u64>().max(1) as f64;
    let (users, rows) = (sum(|g| g.users), sum(|g| g.rows));
    for group in &mut groups {
        group.share_of_users = group.users as f64 / users;
        group.share_of_rows = group.rows as f64 / rows;
    }
    groups
}

/// The time that a log covers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Weeks {
    /// The first time, seconds since 1970.
    pub(crate) first: i64,
    /// The last time, seconds since 1970.
    pub(crate) last: i64,
    /// Days from the first to the last, both counted.
    pub(crate) days: u64,
    /// Days on which there is a row (UTC); none if there are too many to count.
    pub(crate) days_with_rows: Option<u64>,
    /// Weeks that a number below stands for: 1, or more if there are many weeks.
    pub(crate) width: u64,
    /// The Monday (UTC) of the first, seconds since 1970.
    pub(crate) monday: i64,
    /// Rows, week by week.
    pub(crate) rows: Vec<u64>,
}

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Most numbers in a chart.
const BARS: i64 = 160;
/// Most days that are counted one by one: a thousand years.
const DAYS: usize = 366_000;

impl Weeks {
    /// `None` without times.
    pub(super) fn of(times: &[i64]) -> Option<Self> {
        let (&first, &last) = (times.iter().min()?, times.iter().max()?);
        let day = |time: i64| time.div_euclid(DAY);
        // The first of January 1970 was a Thursday.
        let week = |time: i64| (day(time) + 3).div_euclid(7);
        let days = day(last).abs_diff(day(first)) + 1;
        let weeks = week(last) - week(first) + 1;
        let width = (weeks + BARS - 1) / BARS;
        let mut rows = vec![0; ((weeks + width - 1) / width) as usize];
        let mut seen = vec![false; usize::try_from(days).unwrap_or(usize::MAX).min(DAYS)];
        for &time in times {
            rows[((week(time) - week(first)) / width) as usize] += 1;
            if let Some(seen) = seen.get_mut((day(time) - day(first)) as usize) {
                *seen = true;
            }
        }
        let counted = seen.len() as u64 == days;
        Some(Self {
            first,
            last,
            days,
            days_with_rows: counted.then(|| seen.iter().filter(|&&seen| seen).count() as u64),
            width: width as u64,
            monday: (week(first) * 7 - 3) * DAY,
            rows,
        })
    }
}
