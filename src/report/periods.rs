//! Several test periods: what each variant reaches in each of them, and how much that varies.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::markdown::{escape, table};
use super::summary::Row;
use super::text::{count, owned, time, value};
use crate::compare::mean_sd;
use crate::records::{Outcome, PeriodResult, Record};

/// What a variant reaches in one of several test periods.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub(crate) struct InPeriod {
    /// Its number, from 1.
    pub(crate) period: usize,
    /// First and last time of what is foretold, in seconds since 1970; absent without times.
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    /// Users asked.
    pub(crate) users: usize,
    /// The mean over the users asked and over the seeds, by metric.
    pub(crate) metrics: BTreeMap<String, f64>,
}

/// The periods of a trial, given its records, one a seed; none where there is one period.
pub(super) fn of(records: &[Record]) -> Vec<InPeriod> {
    let Some(first) = records.first() else {
        return Vec::new();
    };
    let mean = |period: usize, label: &String| {
        let of_seeds = records.iter().flat_map(of_record);
        let of_period = of_seeds.filter(|p| p.period == period);
        let values = of_period.filter_map(|p| p.metrics.get(label).copied());
        mean_sd(&values.collect::<Vec<_>>()).0
    };
    let in_period = |p: &PeriodResult| InPeriod {
        period: p.period,
        from: p.from,
        until: p.until,
        users: p.users,
        metrics: p
            .metrics
            .keys()
            .map(|label| (label.clone(), mean(p.period, label)))
            .collect(),
    };
    of_record(first).iter().map(in_period).collect()
}

fn of_record(record: &Record) -> &[PeriodResult] {
    match &record.result.outcome {
        Outcome::Done { periods, .. } => periods,
        Outcome::Failed { .. } => &[],
    }
}

/// The deciding metric period by period: header, rows of texts, and what there is to say.
#[derive(Debug, Serialize)]
pub(super) struct Periods {
    pub(super) intro: String,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) note: Option<String>,
}

/// What the variants reach in each period; none where there is one period.
pub(super) fn shown(select: &str, rows: &[Row]) -> Option<Periods> {
    let first = rows.iter().find(|row| !row.periods.is_empty())?;
    let intro = format!(
        "{select} in each test period by itself: the mean over the users asked in it. On the leaderboard a \
         user counts once, with the mean over the periods that ask them, so a value there is not the \
         mean over periods. Mean and standard deviation below count every period alike: they say how \
         much a value varies from period to period."
    );
    let mut header = owned(["period", "from (UTC)", "until (UTC)", "users"]);
    header.extend(rows.iter().map(|row| row.variant.clone()));
    let in_period = |row: &Row, period: usize| {
        let mut periods = row.periods.iter();
        let found = periods.find(|p| p.period == period)?;
        found.metrics.get(select).copied()
    };
    let shown = |value_of: Option<f64>| value_of.map_or(String::new(), value);
    let mut lines: Vec<Vec<String>> = Vec::new();
    for p in &first.periods {
        let mut line = vec![
            p.period.to_string(),
            time(p.from),
            time(p.until),
            count(p.users),
        ];
        line.extend(rows.iter().map(|row| shown(in_period(row, p.period))));
        lines.push(line);
    }
    let spread = |row: &Row| {
        let values = row.periods.iter().filter_map(|p| p.metrics.get(select));
        mean_sd(&values.copied().collect::<Vec<_>>())
    };
    for (name, of) in [
        ("mean", (|spread| spread.0) as fn((f64, f64)) -> f64),
        ("standard deviation", |spread| spread.1),
    ] {
        let mut line = owned([name, "", "", ""]);
        line.extend(rows.iter().map(|row| value(of(spread(row)))));
        lines.push(line);
    }
    let dates = |row: &Row| -> Vec<_> { row.periods.iter().map(|p| (p.from, p.until)).collect() };
    let other_dates = rows.iter().any(|row| dates(row) != dates(first));
    Some(Periods {
        intro,
        header,
        rows: lines,
        note: other_dates.then(|| {
            format!(
                "The dates are those of {}; other alternatives of the cleaners are cut at other times.",
                first.variant
            )
        }),
    })
}

/// The section of `report.md`: nothing where there is one period.
pub(super) fn markdown(out: &mut String, select: &str, rows: &[Row]) {
    let Some(shown) = shown(select, rows) else {
        return;
    };
    let _ = writeln!(out, "## Periods\n\n{}\n", escape(&shown.intro));
    let header: Vec<String> = shown.header.iter().map(|cell| escape(cell)).collect();
    table(out, &header, &shown.rows, 3);
    if let Some(note) = shown.note {
        let _ = writeln!(out, "{}\n", escape(&note));
    }
}
