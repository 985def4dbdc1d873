//! Source and cleaners: from rows as they are to typed events, with an account of every step.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use musicrec_api::{
    Account, Booking, Cleaner, Error, Events, Ledger, Log, On, Reach, Result, Roles, SourceContext,
    Whole, derive_seed,
};
use serde::{Deserialize, Serialize};

use super::census::{Census, Ids};
use super::{By, Failed, unless_cancelled};
use crate::experiment::Experiment;

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
    fn new(
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
    fn whole(
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

/// A cleaned, typed log.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) events: Events,
    /// Which column of the log plays which part.
    pub(crate) columns: Roles,
    /// The source first, then the cleaners that see the whole log.
    pub(crate) funnel: Vec<Step>,
}

/// Names the content of the source; fails early where it cannot be read.
pub(crate) fn fingerprint(experiment: &Experiment) -> Result<String> {
    experiment.source.fingerprint(&context(experiment))
}

fn context(experiment: &Experiment) -> SourceContext<'_> {
    SourceContext::new(&experiment.base, derive_seed(experiment.seed, "source"))
}

/// Who looks on while a log is cleaned. Steps are numbered: 0 is the source, 1 the first cleaner that sees
/// the whole log.
pub(crate) trait Watch {
    /// Whether it looks at what each step does to each row. That takes copies and time.
    fn traces(&self) -> bool {
        false
    }

    /// A part of the log as it was read.
    fn read(&mut self, _part: &Log) -> Result<()> {
        Ok(())
    }

    /// What a step made of a part of the log, or of all of it, and what it booked. Only asked of those
    /// who trace.
    fn step(&mut self, _number: usize, _change: &Change) -> Result<()> {
        Ok(())
    }

    /// What is left of the part read last, after the steps that look at one row at a time.
    fn streamed(&mut self, _part: &Log) -> Result<()> {
        Ok(())
    }

    /// All of the log has been read, and what the source dropped of it. Only asked of those who trace.
    fn whole(&mut self, _source: Vec<Booking>) -> Result<()> {
        Ok(())
    }
}

impl Watch for () {}

/// What a step did.
pub(crate) struct Change<'a> {
    /// The step's plugin.
    pub(crate) name: &'a str,
    pub(crate) before: &'a Log,
    pub(crate) after: &'a Log,
    pub(crate) bookings: Vec<Booking>,
}

/// The log of an experiment, read and cleaned by one alternative of the cleaners, and what each step
/// did.
///
/// The leading cleaners that look at one row at a time work on each chunk as it comes, so that what
/// they drop or merge never has to be held all at once.
pub(crate) fn cleaned(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    cancel: &AtomicBool,
    watch: &mut dyn Watch,
) -> Result<(Log, Vec<Step>), Failed> {
    let all = || cleaners.iter().enumerate();
    let on_log = || all().filter(|(_, c)| c.on() == On::Log);
    let mut streamed: Vec<Work> = on_log()
        .take_while(|(_, c)| c.reach() == Reach::Row)
        .map(|(at, cleaner)| Work::new(at, &**cleaner, watch))
        .collect();
    let mut census = Census::default();
    let mut ledger = ledger(watch);
    let mut whole = Whole::default();
    let mut rows = 0;
    // Errors of cleaners pass through the source.
    let mut by = By::Source;
    experiment
        .source
        .read(&context(experiment), &mut ledger, &mut |mut chunk| {
            unless_cancelled(cancel)?;
            rows += chunk.rows() as u64;
            watch.read(&chunk)?;
            census.count(0, &chunk);
            for (number, step) in (1..).zip(&mut streamed) {
                step.clean(&mut chunk, number, watch).map_err(|failed| {
                    by = failed.by.unwrap_or(by);
                    failed.error
                })?;
                census.count(number, &chunk);
            }
            watch.streamed(&chunk)?;
            whole.append(chunk)
        })
        .map_err(|error| by.failed(error))?;
    let Some(mut log) = whole.finish().filter(|_| rows > 0) else {
        return Err(By::Source.failed(Error::data("the source has no rows")));
    };
    if watch.traces() {
        watch.whole(ledger.take_bookings())?;
    }
    let dropped: u64 = ledger.drops().map(|a| a.rows).sum();
    let read = census.at(0);
    let mut funnel = vec![Step::new(
        experiment.source.typetag_name().to_owned(),
        ("", On::Log),
        (rows + dropped, rows),
        // Of rows that cannot be read nobody knows whose they are.
        Ids::new(read, read),
        &ledger,
    )];
    let others: Vec<_> = on_log().skip(streamed.len()).collect();
    for (number, step) in (1..).zip(&streamed) {
        funnel.push(step.step(Ids::new(census.at(number - 1), census.at(number))));
    }
    let mut left = census.at(streamed.len());
    drop((streamed, census));
    for (at, cleaner) in others {
        unless_cancelled(cancel)?;
        let step = Step::whole(at, &**cleaner, &mut log, left, funnel.len(), watch)?;
        left = step
            .ids
            .as_ref()
            .map_or(left, |ids| (ids.users_out, ids.items_out));
        funnel.push(step);
        log.pack();
    }
    if log.rows() == 0 {
        let worst = funnel.iter().max_by_key(|s| s.rows_in - s.rows_out);
        return Err(Error::data(format!(
            "cleaning left no row of the log: {}",
            worst.map_or(String::new(), |s| s.account(&funnel))
        ))
        .into());
    }
    Ok((log, funnel))
}

/// The same as typed events.
pub(crate) fn prepare(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    cancel: &AtomicBool,
) -> Result<Prepared, Failed> {
    let (log, funnel) = cleaned(experiment, cleaners, cancel, &mut ())?;
    Ok(Prepared {
        columns: log.roles().clone(),
        events: Events::from_log(Arc::new(log))?,
        funnel,
    })
}

fn ledger(watch: &dyn Watch) -> Ledger {
    if watch.traces() {
        Ledger::traced()
    } else {
        Ledger::default()
    }
}

/// A cleaner at work on one part of the log after the other, with one account of all.
struct Work<'a> {
    /// Its place in the list of cleaners.
    at: usize,
    cleaner: &'a dyn Cleaner,
    ledger: Ledger,
    rows: (u64, u64),
}

impl<'a> Work<'a> {
    fn new(at: usize, cleaner: &'a dyn Cleaner, watch: &dyn Watch) -> Self {
        Self {
            at,
            cleaner,
            ledger: ledger(watch),
            rows: (0, 0),
        }
    }

    fn clean(
        &mut self,
        part: &mut Log,
        number: usize,
        watch: &mut dyn Watch,
    ) -> Result<(), Failed> {
        self.rows.0 += part.rows() as u64;
        let before = watch.traces().then(|| part.clone());
        let cleaned = self.cleaner.clean(part, &mut self.ledger);
        cleaned.map_err(|error| By::Cleaner(self.at).failed(error))?;
        self.rows.1 += part.rows() as u64;
        if let Some(before) = &before {
            let change = Change {
                name: self.cleaner.typetag_name(),
                before,
                after: part,
                bookings: self.ledger.take_bookings(),
            };
            watch.step(number, &change)?;
        }
        Ok(())
    }

    fn step(&self, ids: Ids) -> Step {
        Step::new(
            self.cleaner.typetag_name().to_owned(),
            (self.cleaner.reach().name(), self.cleaner.on()),
            self.rows,
            ids,
            &self.ledger,
        )
    }
}
