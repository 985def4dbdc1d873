//! What one step does to a log, and the account of it.

use std::fmt::Write as _;

use musicrec_api::{Account, Cleaner, InParts, Ledger, Log, On, Result};
use serde::{Deserialize, Serialize};

use super::{Change, Watch};
use crate::stages::census::{Census, Ids};
use crate::stages::{By, Failed};

/// What one step of reading or cleaning did to the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Step {
    /// The plugin's name.
    pub(crate) name: String,
    /// How much of the log it looks at: `row`, `user` or `log`; empty for the source.
    pub(crate) reach: String,
    /// `log`, or `fit` for cleaners that see the fit part of each fold only.
    pub(crate) on: String,
    pub(crate) rows_in: u64,
    pub(crate) rows_out: u64,
    /// Whom and what the rows are of, before and after; none in folders of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ids: Option<Ids>,
    pub(crate) dropped: Vec<Account>,
    pub(crate) changed: Vec<Account>,
    /// What it looked at that it should not know.
    pub(crate) leaks: Vec<String>,
}

impl Step {
    pub(super) fn new(
        name: String,
        (reach, on): (&str, On),
        rows: (u64, u64),
        ids: Ids,
        ledger: &Ledger,
    ) -> Self {
        Self {
            name,
            reach: reach.to_owned(),
            on: match on {
                On::Log => "log",
                On::Fit => "fit",
            }
            .to_owned(),
            rows_in: rows.0,
            rows_out: rows.1,
            ids: Some(ids),
            dropped: ledger.drops().cloned().collect(),
            changed: ledger.changes().cloned().collect(),
            leaks: ledger.leaks().to_vec(),
        }
    }

    /// Runs the cleaner at a place of its list on a log and accounts for it.
    pub(crate) fn clean(at: usize, cleaner: &dyn Cleaner, log: &mut Log) -> Result<Self, Failed> {
        Self::whole(at, cleaner, log, Census::of(log), 0, &mut ())
    }

    /// The same before the eyes of another, as step `number`, where it is known whose rows they are.
    pub(super) fn whole(
        at: usize,
        cleaner: &dyn Cleaner,
        log: &mut Log,
        (users, items): (u64, u64),
        number: usize,
        watch: &mut dyn Watch,
    ) -> Result<Self, Failed> {
        let mut work = Work::new(at, cleaner, watch);
        work.clean(log, number, watch)?;
        Ok(work.step(Ids::new((users, items), Census::of(log))))
    }

    /// How many rows the step dropped and why. What it dropped as missing, an earlier step of the
    /// funnel may have made so.
    pub(crate) fn account(&self, funnel: &[Self]) -> String {
        let mut text = format!(
            "{} dropped {} of {} rows",
            self.name,
            self.rows_in - self.rows_out,
            self.rows_in
        );
        let Some(reason) = self.dropped.iter().max_by_key(|a| a.rows) else {
            return text;
        };
        let column = &reason.column;
        let _ = write!(text, " ({column} {}: {})", reason.what, reason.rows);
        let cause = funnel
            .iter()
            .flat_map(|s| s.changed.iter().map(move |a| (s, a)))
            .filter(|(_, a)| !column.is_empty() && a.column == *column)
            .filter(|(_, a)| a.samples.iter().any(|s| s.after.is_none()))
            .max_by_key(|(_, a)| a.rows);
        if let Some((step, account)) = cause {
            let sample = account.samples.first().map_or("", |s| s.before.as_str());
            let _ = write!(
                text,
                ", for {} found {} times \"{}\" in it, as in `{sample}`",
                step.name, account.rows, account.what
            );
        }
        text
    }
}

/// Accounts of changes in the order of the log's columns, and those of a column by the first row they tell of: that does
/// not depend on the parts in which the log was cleaned.
fn in_order(accounts: Vec<Account>, columns: &[String]) -> Vec<Account> {
    let mut all = accounts;
    all.sort_by_cached_key(|account| {
        let column = columns.iter().position(|name| *name == account.column);
        let first = account.samples.first().map_or(u64::MAX, |s| s.row);
        (column, first, account.what.clone())
    });
    all
}

pub(super) fn ledger(watch: &dyn Watch) -> Ledger {
    if watch.traces() {
        Ledger::traced()
    } else {
        Ledger::default()
    }
}

/// A cleaner at work on one part of the log after the other, with one account of all.
pub(super) struct Work<'a> {
    /// Its place in the list of cleaners.
    at: usize,
    cleaner: &'a dyn Cleaner,
    tally: Tally,
}

/// What a cleaner did to the parts of a log that it has seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    ledger: Ledger,
    rows: (u64, u64),
    /// The columns of the log.
    columns: Vec<String>,
}

impl Tally {
    /// Adds what the same cleaner did to other parts.
    pub(super) fn merge(&mut self, other: Self) {
        self.ledger.merge(other.ledger);
        self.rows.0 += other.rows.0;
        self.rows.1 += other.rows.1;
        if self.columns.is_empty() {
            self.columns = other.columns;
        }
    }

    /// Numbers all rows that it tells of on from a row.
    pub(super) fn number_from(&mut self, row: u64) {
        self.ledger.number_from(row);
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(at: usize, cleaner: &'a dyn Cleaner, watch: &dyn Watch) -> Self {
        Self {
            at,
            cleaner,
            tally: Tally {
                ledger: ledger(watch),
                ..Tally::default()
            },
        }
    }

    /// One that has done so much already.
    pub(super) fn after(at: usize, cleaner: &'a dyn Cleaner, tally: Tally) -> Self {
        Self { at, cleaner, tally }
    }

    /// What it did.
    pub(super) fn tally(self) -> Tally {
        self.tally
    }

    pub(super) fn clean(
        &mut self,
        part: &mut Log,
        number: usize,
        watch: &mut dyn Watch,
    ) -> Result<(), Failed> {
        self.begin(part);
        let before = watch.traces().then(|| part.clone());
        let cleaned = self.cleaner.clean(part, &mut self.tally.ledger);
        cleaned.map_err(|error| By::Cleaner(self.at).failed(error))?;
        self.tally.rows.1 += part.rows() as u64;
        if let Some(before) = &before {
            let change = Change {
                name: self.cleaner.typetag_name(),
                before,
                after: part,
                bookings: self.tally.ledger.take_bookings(),
            };
            watch.step(number, &change)?;
        }
        Ok(())
    }

    /// Notes what is to be cleaned.
    fn begin(&mut self, part: &Log) {
        self.tally.rows.0 += part.rows() as u64;
        if self.tally.columns.is_empty() {
            self.tally.columns = part.names().map(str::to_owned).collect();
        }
    }

    /// Cleans a part that has its place in no order, with what the cleaner has seen of all parts if it had to.
    pub(super) fn clean_part(
        &mut self,
        part: &mut Log,
        seen: Option<&dyn InParts>,
    ) -> Result<(), Failed> {
        self.begin(part);
        let mut ledger = Ledger::default();
        let cleaned = match seen {
            Some(seen) => seen.clean(part, &mut ledger),
            None => self.cleaner.clean(part, &mut ledger),
        };
        cleaned.map_err(|error| By::Cleaner(self.at).failed(error))?;
        self.tally.rows.1 += part.rows() as u64;
        self.tally.ledger.merge(ledger);
        Ok(())
    }

    pub(super) fn step(&self, ids: Ids) -> Step {
        let step = Step::new(
            self.cleaner.typetag_name().to_owned(),
            (self.cleaner.reach().name(), self.cleaner.on()),
            self.tally.rows,
            ids,
            &self.tally.ledger,
        );
        Step {
            changed: in_order(step.changed, &self.tally.columns),
            ..step
        }
    }
}
