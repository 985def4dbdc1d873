//! When the events of the cleaned log happened, and which part of the split they are in.

use musicrec_api::{Events, Fold, MISSING_TIME, Role};
use serde::{Deserialize, Serialize};

/// Events of the cleaned log by time and part. Where the split is not by time, the parts lie over one
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// Where the first bin begins, in seconds since 1970.
    pub(crate) from: i64,
    /// Seconds a bin.
    pub(crate) step: i64,
    /// Those that have events, in this order: `fit`, `validation`, `test`, `unused`.
    pub(crate) parts: Vec<TimelinePart>,
    /// Where parts begin, if the split is by time.
    pub(crate) cuts: Vec<Cut>,
}

/// The events of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimelinePart {
    /// `fit`: learned from, and in no later part. `validation` and `test`: foretold, in whatever period.
    /// `unused`: in no part.
    pub(crate) part: String,
    /// How many there are in each bin.
    pub(crate) events: Vec<u64>,
}

/// Where a part begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cut {
    /// The time of its first event.
    pub(crate) time: i64,
    /// `validation`, `test`, or `test period 2 of 4`.
    pub(crate) what: String,
}

/// The parts in the order of their numbers.
const PARTS: [&str; 4] = ["fit", "validation", "test", "unused"];

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const MONTH: i64 = 30 * DAY;

/// More bins than this are too narrow to see.
const MOST_BINS: i64 = 120;

/// 1970 began on a Thursday: the first Monday.
const MONDAY: i64 = 4 * DAY;

/// Counts the events by time and part. `in_time`: whether the split is by time. `None` without times.
pub(super) fn timeline(events: &Events, folds: &[Fold], in_time: bool) -> Option<Timeline> {
    let known = || events.time.iter().copied().filter(|&t| t != MISSING_TIME);
    let (first, last) = (known().min()?, known().max()?);
    let (from, step) = bins(first, last);
    let bin = |time: i64| ((time - from) / step) as usize;
    let mut counts = vec![vec![0; bin(last) + 1]; PARTS.len()];
    let part = parts(events, folds);
    for (&time, &part) in events.time.iter().zip(&part) {
        if time != MISSING_TIME {
            counts[part as usize][bin(time)] += 1;
        }
    }
    let parts = PARTS.iter().zip(counts).map(|(part, events)| TimelinePart {
        part: (*part).to_owned(),
        events,
    });
    Some(Timeline {
        from,
        step,
        parts: parts.filter(|p| p.events.iter().any(|&n| n > 0)).collect(),
        cuts: if in_time {
            cuts(events, folds)
        } else {
            Vec::new()
        },
    })
}

/// Where the first bin begins and how wide all are.
fn bins(first: i64, last: i64) -> (i64, i64) {
    let span = last - first;
    let step = [HOUR, DAY, WEEK, MONTH]
        .into_iter()
        .find(|step| span / step < MOST_BINS)
        .unwrap_or_else(|| (span / MONTH / MOST_BINS + 1) * MONTH);
    let start = if step == WEEK { MONDAY } else { 0 };
    (start + (first - start).div_euclid(step) * step, step)
}

/// For each event the number of its part. What several folds hold counts as what is later: `test`
/// before `validation` before `fit`.
fn parts(events: &Events, folds: &[Fold]) -> Vec<u8> {
    let mut part = vec![3; events.len()];
    let mut mark = |rows: &[u32], number: u8| {
        for &row in rows {
            part[row as usize] = number;
        }
    };
    for fold in folds {
        mark(&fold.fit, 0);
        mark(&fold.given, 0);
    }
    for (role, number) in [(Role::Validation, 1), (Role::Test, 2)] {
        for fold in folds.iter().filter(|fold| fold.role == role) {
            mark(&fold.targets, number);
        }
    }
    part
}

/// Where what each fold foretells begins.
fn cuts(events: &Events, folds: &[Fold]) -> Vec<Cut> {
    let of_role = |role| folds.iter().filter(move |f: &&Fold| f.role == role);
    let named = [Role::Validation, Role::Test].into_iter().flat_map(|role| {
        let all = of_role(role).count();
        (1..).zip(of_role(role)).map(move |(period, fold)| {
            let what = match all {
                1 => role.name().to_owned(),
                all => format!("{} period {period} of {all}", role.name()),
            };
            (what, fold)
        })
    });
    let times = named.filter_map(|(what, fold)| {
        let times = fold.targets.iter().map(|&row| events.time[row as usize]);
        let time = times.filter(|&t| t != MISSING_TIME).min()?;
        Some(Cut { time, what })
    });
    let mut cuts: Vec<Cut> = times.collect();
    cuts.sort_by_key(|cut| cut.time);
    cuts
}
