//! Numbers and times as reports write them: the same digits in every form.

use std::cmp::Ordering;
use std::fmt::Write as _;

use bytesize::ByteSize;
use musicrec_api::Account;

use super::Summary;
use super::summary::Row;
use crate::compare::{Estimate, INFORMATIVE};
use crate::stages::fold::{self, Part};
use crate::stages::prepare::Step;
use crate::sweep::{CleanedLog, FloorMetric, Overview};

/// The highest value that a split permits, a dash where nobody knows it.
pub(super) fn ceiling(metric: &FloorMetric) -> String {
    metric.ceiling.map_or_else(|| "-".to_owned(), value)
}

/// A metric's value with four digits behind the point.
pub(crate) fn value(value: f64) -> String {
    format!("{value:.4}")
}

/// A difference with its sign.
pub(crate) fn signed(value: f64) -> String {
    format!("{value:+.4}")
}

/// `[0.0100, 0.0150]`; a dash where there is no interval.
pub(super) fn interval(estimate: &Estimate) -> String {
    estimate.ends().map_or_else(|| "-".to_owned(), ends)
}

/// `[0.0100, 0.0150]`.
pub(crate) fn ends((low, high): (f64, f64)) -> String {
    format!("[{low:.4}, {high:.4}]")
}

/// What stands for an interval where there is none, if that is so of a variant.
pub(super) fn few(summary: &Summary) -> Option<String> {
    let select = &summary.overview.select;
    let none = |row: &&Row| row.test.get(select).is_some_and(|e| e.ends().is_none());
    let rows: Vec<String> = summary
        .leaderboard
        .iter()
        .filter(none)
        .map(|r| {
            format!(
                "{} ({} of {} users have a hit)",
                r.variant,
                mean_count(r.users_hit),
                count(r.users)
            )
        })
        .collect();
    (!rows.is_empty()).then(|| {
        format!(
            "no interval, for fewer than {INFORMATIVE} users have anything but the usual value: {}",
            rows.join(", ")
        )
    })
}

/// A probability: three digits, never zero.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 {
        "<0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// Seconds with a sensible number of digits.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 0.001 {
        "<0.001".to_owned()
    } else if seconds < 10.0 {
        format!("{seconds:.3}")
    } else {
        format!("{seconds:.1}")
    }
}

/// A count with thousands separated.
pub(crate) fn count(count: impl TryInto<u64>) -> String {
    let digits = count.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes, in words of thousands: `12.3 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

/// A mean of counts: whole if it is.
pub(super) fn mean_count(mean: f64) -> String {
    if mean.fract() == 0.0 && mean >= 0.0 {
        count(mean as u64)
    } else {
        format!("{mean:.1}")
    }
}

/// The header of users with a hit, who depend on how deep the deepest metric looks.
pub(super) fn users_hit(overview: &Overview) -> String {
    let deepest = overview.metrics.iter().map(|m| m.depth).max();
    format!("users hit@{}", deepest.unwrap_or(0))
}

/// How much the variants of several seeds vary from seed to seed, beside what random rankings do.
pub(super) fn seeds(summary: &Summary) -> Vec<String> {
    let select = &summary.overview.select;
    let rows = summary.leaderboard.iter();
    rows.filter_map(|row| {
        let sd = row.seed_sd.get(select)?;
        let chance = summary.overview.floor(row.cleaning).map(|m| m.sd);
        let beside = chance.filter(|chance| *chance > 0.0);
        let beside =
            beside.map(|chance| format!(", {:.1} times that of random rankings", sd / chance));
        Some(format!(
            "{}: mean of {} seeds; standard deviation over seeds {}{}",
            row.variant,
            row.seeds,
            value(*sd),
            beside.unwrap_or_default()
        ))
    })
    .collect()
}

/// `2025-11-10 22:57` of a time in seconds; `-` without one.
pub(super) fn time(seconds: Option<i64>) -> String {
    seconds.map_or_else(
        || "-".to_owned(),
        |s| {
            jiff::Timestamp::from_second(s).map_or_else(
                |_| format!("{s} s"),
                |t| t.strftime("%Y-%m-%d %H:%M").to_string(),
            )
        },
    )
}

/// Words as the cells of a header or row.
pub(super) fn owned<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// The header of tables of parts.
pub(super) const PART_HEADER: [&str; 7] = [
    "part",
    "from (UTC)",
    "until (UTC)",
    "events",
    "users",
    "items",
    "pairs",
];

/// The cleaned log and the parts of each fold as rows of such a table.
pub(super) fn parts(log: &CleanedLog) -> Vec<Vec<String>> {
    let mut rows = vec![part("cleaned log", &log.log)];
    for fold in &log.folds {
        let name = fold.name();
        rows.push(part(&format!("fit for {name}"), &fold.fit));
        if let Some(given) = &fold.given {
            rows.push(part(&format!("given for {name}"), given));
        }
        rows.push(part(&name, &fold.evaluated));
    }
    rows
}

fn part(name: &str, part: &Part) -> Vec<String> {
    vec![
        name.to_owned(),
        time(part.from),
        time(part.until),
        count(part.events),
        count(part.users),
        count(part.items),
        count(part.pairs),
    ]
}

/// Who is asked in a fold and what was left out.
pub(super) fn fold_line(s: &fold::Summary) -> String {
    let mut line = format!(
        "{}: {} users with {} targets are asked, {} candidates; {} targets already heard removed, \
         {} cold ones",
        s.name(),
        count(s.users),
        count(s.targets),
        count(s.candidates),
        count(s.heard_removed),
        count(s.cold_items),
    );
    if let Some(rules) = &s.rules {
        let _ = write!(
            line,
            "; by [rules] {} items are recommended to nobody, with {} targets removed, and {} more targets are removed \
             as avoided by their user",
            count(rules.hidden_items),
            count(rules.hidden_removed),
            count(rules.avoided_removed),
        );
    }
    if let Some(given) = &s.given {
        let _ = write!(
            line,
            "; {} users are held out whole, of whom {} events are given",
            count(given.users),
            count(given.events)
        );
    }
    if s.cold_users > s.cold_asked {
        let _ = write!(
            line,
            "; {} users without a past are not asked",
            count(s.cold_users - s.cold_asked)
        );
    }
    if s.cold_asked > 0 {
        let _ = write!(
            line,
            "; {} users without a past are answered by popularity",
            count(s.cold_asked)
        );
    }
    if s.lost_targets > 0 {
        let _ = write!(
            line,
            "; {} users and {} targets are left out, for not every alternative of the cleaners asks \
             about them",
            count(s.lost_users),
            count(s.lost_targets)
        );
    }
    for step in &s.cleaned {
        let _ = write!(
            line,
            "; {} kept {} of {} fit rows",
            step.name,
            count(step.rows_out),
            count(step.rows_in)
        );
    }
    line
}

/// The header of tables of cleaning steps.
pub(super) const STEP_HEADER: [&str; 8] = [
    "step",
    "reach",
    "rows in",
    "dropped",
    "rows out",
    "cells changed",
    "users",
    "items",
];

/// A step as a row of such a table.
pub(super) fn step(name: &str, step: &Step) -> Vec<String> {
    let reach = if step.reach.is_empty() {
        "-"
    } else {
        &step.reach
    };
    let changed: u64 = step.changed.iter().map(|a| a.rows).sum();
    let ids = step.ids.as_ref();
    let of = |ids: Option<(u64, u64)>| {
        ids.map_or_else(|| "-".to_owned(), |(before, after)| left(before, after))
    };
    vec![
        name.to_owned(),
        reach.to_owned(),
        count(step.rows_in),
        count(step.rows_in - step.rows_out),
        count(step.rows_out),
        count(changed),
        of(ids.map(|ids| (ids.users_in, ids.users_out))),
        of(ids.map(|ids| (ids.items_in, ids.items_out))),
    ]
}

/// How many a step left, and how many it did not: `220 (−4)`.
pub(super) fn left(before: u64, after: u64) -> String {
    match after.cmp(&before) {
        Ordering::Equal => count(after),
        Ordering::Less => format!("{} (−{})", count(after), count(before - after)),
        Ordering::Greater => format!("{} (+{})", count(after), count(after - before)),
    }
}

/// Which column plays which part, and the events by kind.
pub(super) fn columns(log: &CleanedLog) -> String {
    let roles = &log.columns;
    let column = |name: &Option<String>| name.clone().unwrap_or_else(|| "(none)".to_owned());
    let mut text = format!(
        "columns: user = {}, item = {}, time = {}, event = {}, plays = {}, seconds = {}",
        roles.user,
        roles.item,
        column(&roles.time),
        column(&roles.event),
        column(&roles.plays),
        column(&roles.seconds)
    );
    if !log.kinds.is_empty() {
        let each = log.kinds.iter().take(20);
        let each: Vec<String> = each
            .map(|(kind, n)| {
                let kind: String = kind.chars().take(40).collect();
                format!("{kind} {}", count(*n))
            })
            .collect();
        text += "; events: ";
        text += &each.join(", ");
    }
    text
}

/// What a step did, in short: `user_id placeholder 46; song_id trimmed 590`.
pub(super) fn accounts(accounts: &[Account]) -> String {
    let each = accounts.iter().map(|a| {
        let column = if a.column.is_empty() {
            String::new()
        } else {
            format!("{} ", a.column)
        };
        format!("{column}{} {}", a.what, count(a.rows))
    });
    each.collect::<Vec<_>>().join("; ")
}
