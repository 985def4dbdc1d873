//! Segments of the test part: what each variant reaches in each of them, with its interval and its
//! difference to the baseline. Exploratory: there are many, so no p-value is given.

use std::collections::HashMap;
use std::fmt::Write as _;

use musicrec_api::{Role, derive_seed};
use ndarray::{Array2, Axis};
use serde::Serialize;

use super::markdown::{escape, label, table};
use super::summary::Row;
use super::text::{count, interval, owned, signed, value};
use crate::compare::{Estimate, bca, bootstrap, informative, of_differences};
use crate::exit::Failure;
use crate::records::{Outcome, Store};
use crate::stages::segments::{Division, Line, Lines, Of, combine};
use crate::sweep::Overview;

/// With fewer users than this a segment is marked.
pub(super) const FEW: usize = 30;

/// Intervals of segments rest on no more resamples than this: there are many of them, and they are
/// read by eye.
const RESAMPLES: usize = 1_000;

/// What a variant reaches in a segment, by the deciding metric.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct InSegment {
    pub(crate) by: String,
    pub(crate) of: Of,
    pub(crate) segment: String,
    /// What is in it under the variant's alternative of the cleaners.
    pub(crate) what: String,
    pub(crate) variant: String,
    pub(crate) users: usize,
    /// Whether these are too few to make anything of.
    pub(crate) few: bool,
    pub(crate) test: Estimate,
    /// The difference to the baseline, over the users whom both have in the segment.
    pub(crate) difference: Option<Estimate>,
}

/// The values of one variant by (by, segment): users and their values, in the order of the record.
type Values = HashMap<(String, String), Vec<(String, f64)>>;

/// All segments of all rows, segment by segment.
pub(super) fn read(
    overview: &Overview,
    rows: &[Row],
    store: &Store,
) -> Result<Vec<InSegment>, Failure> {
    let mut all: Vec<Values> = Vec::new();
    for row in rows {
        all.push(values(overview, row, store)?);
    }
    let seed = overview.shared["seed"].as_u64().unwrap_or(0);
    let resamples = overview.resamples.min(RESAMPLES);
    let baseline = rows
        .iter()
        .position(|row| Some(&row.variant) == overview.baseline.as_ref());
    let mut found = Vec::new();
    for (by, segment) in names(overview, rows) {
        let key = (by.clone(), segment.clone());
        let seed = derive_seed(seed, &format!("segment {by} {segment}"));
        let of_rows: Vec<&[(String, f64)]> = all
            .iter()
            .map(|of| of.get(&key).map_or(&[][..], Vec::as_slice))
            .collect();
        let estimates = estimates(&of_rows, baseline, resamples, seed);
        for ((row, values), (test, difference)) in rows.iter().zip(&of_rows).zip(estimates) {
            let division = divisions(overview, row).find(|d| d.by == by);
            let (Some(test), Some(division)) = (test, division) else {
                continue;
            };
            found.push(InSegment {
                by: by.clone(),
                of: division.of,
                segment: segment.clone(),
                what: what(overview, row, &by, &segment),
                variant: row.variant.clone(),
                users: values.len(),
                few: values.len() < FEW,
                test,
                difference,
            });
        }
    }
    Ok(found)
}

/// How the test part is divided under a row's alternative of the cleaners, period by period.
fn divisions<'o>(overview: &'o Overview, row: &Row) -> impl Iterator<Item = &'o Division> {
    let folds = overview.cleanings.get(row.cleaning).into_iter();
    let test = folds.flat_map(|c| c.folds.iter().filter(|f| f.role == Role::Test));
    test.flat_map(|fold| &fold.segments)
}

/// What is in a segment, in words; nothing where that differs between periods.
fn what(overview: &Overview, row: &Row, by: &str, segment: &str) -> String {
    let divisions = divisions(overview, row).filter(|d| d.by == by);
    let segments = divisions.flat_map(|d| &d.segments);
    let mut whats = segments.filter(|s| s.name == segment).map(|s| &s.what);
    match whats.next() {
        Some(what) if whats.all(|other| other == what) => what.clone(),
        _ => String::new(),
    }
}

/// How many test periods there are.
fn periods(overview: &Overview) -> usize {
    let folds = overview.cleanings.iter().flat_map(|c| &c.folds);
    let test = folds.filter(|f| f.role == Role::Test);
    test.map(|f| f.periods).max().unwrap_or(1)
}

/// All segments that any row has, in order.
fn names(overview: &Overview, rows: &[Row]) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut order: Vec<&str> = Vec::new();
    for division in rows.iter().flat_map(|row| divisions(overview, row)) {
        if !order.contains(&division.by.as_str()) {
            order.push(&division.by);
        }
        for segment in &division.segments {
            let name = (division.by.clone(), segment.name.clone());
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    // Alternatives of the cleaners may have values of their own, which belong to the others.
    names.sort_by_key(|(by, _)| order.iter().position(|known| known == by));
    names
}

/// The value of a row's chosen trial for each user of each segment: the mean over its seeds.
fn values(overview: &Overview, row: &Row, store: &Store) -> Result<Values, Failure> {
    let mut of_seeds = Vec::new();
    for id in &row.records {
        let Some(record) = store.record(id)? else {
            continue;
        };
        if let Outcome::Done { attachments, .. } = &record.result.outcome
            && let Some(name) = attachments.get("segments")
        {
            of_seeds.push(cells(store, name, &overview.select)?);
        }
    }
    let lines = of_seeds.iter().map(|cells| lines(cells)).collect();
    let mut values = Values::new();
    for (line, of_metrics) in combine(lines).iter() {
        let segment = (line.by.to_owned(), line.segment.to_owned());
        let of_segment = values.entry(segment).or_default();
        of_segment.push((line.user.to_owned(), of_metrics[0]));
    }
    Ok(values)
}

/// The rows of the attachment of a record, each with its value of one metric.
fn cells(store: &Store, name: &str, label: &str) -> Result<Vec<(csv::StringRecord, f64)>, Failure> {
    let broken = || {
        Failure::Data(format!(
            "{} is not a table of segments with the metric {label}",
            store.path(name).display()
        ))
    };
    let text = store.attachment(name)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| broken())?;
    let column = header.iter().position(|l| l == label).ok_or_else(broken)?;
    let valued = |row: csv::StringRecord| {
        let value = row.get(column)?.parse().ok()?;
        (row.len() > 3).then_some((row, value))
    };
    reader
        .records()
        .map(|row| row.ok().and_then(valued).ok_or_else(broken))
        .collect()
}

fn lines(cells: &[(csv::StringRecord, f64)]) -> Lines<'_> {
    let mut lines = Lines::default();
    for (row, value) in cells {
        let (by, segment, user) = (&row[0], &row[1], &row[2]);
        lines.push(Line { by, segment, user }, [*value]);
    }
    lines
}

/// The mean of each row and its difference to the baseline, with intervals. Rows over the same users
/// share their resamples.
fn estimates(
    rows: &[&[(String, f64)]],
    baseline: Option<usize>,
    resamples: usize,
    seed: u64,
) -> Vec<(Option<Estimate>, Option<Estimate>)> {
    let users = |row: usize| rows[row].iter().map(|(user, _)| user);
    let mut found = vec![(None, None); rows.len()];
    let mut done = vec![false; rows.len()];
    for first in 0..rows.len() {
        if done[first] || rows[first].is_empty() {
            continue;
        }
        let alike: Vec<usize> = (first..rows.len())
            .filter(|&row| !done[row] && users(row).eq(users(first)))
            .collect();
        let shape = (rows[first].len(), alike.len());
        let table = Array2::from_shape_fn(shape, |(user, column)| rows[alike[column]][user].1);
        let samples = bootstrap(&table, resamples, seed);
        let place = baseline.and_then(|b| alike.iter().position(|&row| row == b));
        for (column, &row) in alike.iter().enumerate() {
            done[row] = true;
            let own = table.column(column);
            let mean = own.sum() / shape.0 as f64;
            let informative = informative(&table.select(Axis(1), &[column]).view());
            found[row].0 = Some(bca(mean, informative, &own, samples[column].clone()));
            if let Some(base) = place.filter(|&base| base != column) {
                let pairs = samples[column].iter().zip(&samples[base]);
                let resampled = pairs.map(|(own, base)| own - base);
                found[row].1 = Some(of_differences(&own, &table.column(base), resampled));
            }
        }
    }
    // Under another alternative of the cleaners a segment may have other users.
    let Some(base) = baseline else { return found };
    for row in 0..rows.len() {
        if row == base || found[row].1.is_some() {
            continue;
        }
        let of_base: HashMap<&String, f64> = rows[base].iter().map(|(u, v)| (u, *v)).collect();
        let both = rows[row].iter();
        let both: Vec<[f64; 2]> = both
            .filter_map(|(user, own)| Some([*own, *of_base.get(user)?]))
            .collect();
        if both.is_empty() {
            continue;
        }
        let table = Array2::from_shape_fn((both.len(), 2), |(user, of)| both[user][of]);
        let samples = bootstrap(&table, resamples, seed);
        let pairs = samples[0].iter().zip(&samples[1]);
        let resampled = pairs.map(|(own, base)| own - base);
        let (own, base) = (table.column(0), table.column(1));
        found[row].1 = Some(of_differences(&own, &base, resampled));
    }
    found
}

/// The section of `report.md`.
pub(super) fn markdown(out: &mut String, overview: &Overview, segments: &[InSegment]) {
    if segments.is_empty() {
        return;
    }
    let select = &label(&overview.select);
    out.push_str("## Segments\n\n");
    let italics = format!(" In *italics* what has fewer than {FEW} users.");
    for (at, paragraph) in intro(overview).iter().enumerate() {
        let italics = if at == 0 { italics.as_str() } else { "" };
        let _ = writeln!(out, "{paragraph}{italics}\n");
    }
    let mut header = owned(["segment", "", "variant", "users", select, "95 %"]);
    if let Some(baseline) = &overview.baseline {
        header.push(format!("difference to {}", escape(baseline)));
    }
    for of_division in segments.chunk_by(|a, b| a.by == b.by) {
        let first = &of_division[0];
        let _ = writeln!(
            out,
            "### By {}\n\n{}\n",
            escape(&first.by),
            explained(first)
        );
        let rows: Vec<Vec<String>> = of_division.iter().map(|s| line(s, header.len())).collect();
        table(out, &header, &rows, 3);
    }
}

/// What segments are there for, in paragraphs.
pub(super) fn intro(overview: &Overview) -> Vec<String> {
    let mut paragraphs = vec![format!(
        "What {} is within parts of the test, exploratory: with so many parts some differ by chance alone, \
         so there are intervals (95 %, {} bootstrap samples) and no p-values.",
        overview.select,
        count(overview.resamples.min(RESAMPLES))
    )];
    let periods = periods(overview);
    if periods > 1 {
        paragraphs.push(format!(
            "There are {periods} test periods, each divided by itself: a user may be in several segments \
             of a kind, in each with the mean over the periods in which they are in it."
        ));
    }
    paragraphs
}

/// How a division is made, given one of its segments.
pub(super) fn explained(segment: &InSegment) -> &'static str {
    match (segment.by.as_str(), segment.of) {
        ("activity", _) => {
            "Users in thirds by their events before, learned from or given; equal numbers stay together."
        }
        ("targets", _) => "Users by their number of targets.",
        ("popularity", _) => {
            "Targets by how many users heard the item in the fit part: head, middle and tail hold a third \
             of its user-item pairs each. Each line is over the users with such targets, as if they had no \
             others."
        }
        ("history", _) => {
            "Targets that the user heard before, and new ones; each line is as if there were no others."
        }
        (_, Of::Users) => {
            "A column of the log that is of users: each user's most frequent value before."
        }
        (_, Of::Targets) => {
            "A column of the log that is of items: targets by their item's most frequent value in the fit \
             part, as if there were no others."
        }
    }
}

fn line(s: &InSegment, width: usize) -> Vec<String> {
    let few = |text: String| {
        if s.few && !text.is_empty() {
            format!("*{text}*")
        } else {
            text
        }
    };
    let users = if s.few {
        format!("{} (n < {FEW})", s.users)
    } else {
        count(s.users)
    };
    let difference = s.difference.as_ref();
    let difference = difference.map_or(String::new(), |d| {
        format!("{} {}", signed(d.value), interval(d))
    });
    let mut line = vec![
        escape(&s.segment),
        escape(&s.what),
        escape(&s.variant),
        users,
        value(s.test.value),
        interval(&s.test),
        difference,
    ];
    line.truncate(width);
    line.into_iter().map(few).collect()
}

#[cfg(test)]
mod tests;
