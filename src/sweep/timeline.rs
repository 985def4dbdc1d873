//! When the events of the cleaned log happened, and which part of the split they are in.

use musicrec_api::{Events, Fold, MISSING_TIME, Role};
use serde::{Deserialize, Serialize};

/// Events of the cleaned log by time and part. Where the split is not by time, the parts lie over one
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct TimelinePart {
    /// `fit`: learned from, and in no later part. `validation` and `test`: foretold, in whatever period.
    /// `unused`: in no part.
    pub(crate) part: String,
    /// How many there are in each bin.
    pub(crate) events: Vec<u64>,
}

/// Where a part begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    let known = || events.time.iter().filter(|&t| t != MISSING_TIME);
    let (first, last) = (known().min()?, known().max()?);
    let (from, step) = bins(first, last);
    let bin = |time: i64| ((time - from) / step) as usize;
    let mut counts = vec![vec![0; bin(last) + 1]; PARTS.len()];
    let part = parts(events, folds);
    for (time, &part) in events.time.iter().zip(&part) {
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
        let times = fold.targets.iter().map(|&row| events.time.at(row as usize));
        let time = times.filter(|&t| t != MISSING_TIME).min()?;
        Some(Cut { time, what })
    });
    let mut cuts: Vec<Cut> = times.collect();
    cuts.sort_by_key(|cut| cut.time);
    cuts
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Fold, Role};

    use super::{DAY, HOUR, MONTH, WEEK, bins, timeline};

    /// One event at each time, of one user with one item.
    fn log(times: &[i64]) -> Events {
        let mut events = Events::from_pairs(times.iter().map(|_| ("u", "a")));
        events.time = times.to_vec().into();
        events
    }

    #[test]
    fn bins_are_as_narrow_as_can_be_seen() {
        for (span, step) in [
            (0, HOUR),
            (119 * HOUR, HOUR),
            (120 * HOUR, DAY),
            (119 * DAY, DAY),
            (120 * DAY, WEEK),
            (119 * WEEK, WEEK),
            (120 * WEEK, MONTH),
            (119 * MONTH, MONTH),
            (120 * MONTH, 2 * MONTH),
            (10_000 * MONTH, 84 * MONTH),
        ] {
            let first = 1_700_000_000;
            let (from, width) = bins(first, first + span);
            assert_eq!(width, step, "{span}");
            assert!(from <= first && first < from + width);
            assert!((first + span - from) / width <= 120, "{span}");
        }
        // Weeks begin on Monday: 1970-01-05, and 1969-12-29.
        assert_eq!(bins(4 * DAY, 400 * DAY).0, 4 * DAY);
        assert_eq!(bins(-DAY, 400 * DAY).0, -3 * DAY);
        // The first and the last year that there are.
        bins(-377_705_116_800, 253_402_300_799);
    }

    #[test]
    fn each_event_is_in_one_part_and_later_parts_come_first() {
        let events = log(&[0, HOUR, 2 * HOUR, 2 * HOUR + 1, 4 * HOUR, 5 * HOUR]);
        let validation = Fold::new(Role::Validation, vec![0], vec![1]);
        let first = Fold::new(Role::Test, vec![0, 1], vec![2, 3]);
        let second = Fold::new(Role::Test, vec![0, 1, 2, 3], vec![4]);
        let folds = [validation, first, second];
        let seen = timeline(&events, &folds, true).unwrap();
        assert_eq!((seen.from, seen.step), (0, HOUR));
        let parts: Vec<(&str, &[u64])> = seen
            .parts
            .iter()
            .map(|part| (part.part.as_str(), part.events.as_slice()))
            .collect();
        assert_eq!(
            parts,
            [
                ("fit", &[1, 0, 0, 0, 0, 0][..]),
                ("validation", &[0, 1, 0, 0, 0, 0]),
                ("test", &[0, 0, 2, 0, 1, 0]),
                ("unused", &[0, 0, 0, 0, 0, 1]),
            ]
        );
        let cuts: Vec<(i64, &str)> = seen
            .cuts
            .iter()
            .map(|cut| (cut.time, cut.what.as_str()))
            .collect();
        assert_eq!(
            cuts,
            [
                (HOUR, "validation"),
                (2 * HOUR, "test period 1 of 2"),
                (4 * HOUR, "test period 2 of 2"),
            ]
        );
        assert!(timeline(&events, &folds, false).unwrap().cuts.is_empty());
        let mut timeless = events;
        timeless.time = musicrec_api::Series::default();
        assert_eq!(timeline(&timeless, &folds, true), None);
    }
}
