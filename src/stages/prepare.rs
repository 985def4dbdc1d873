//! Source and cleaners: from rows as they are to typed events, with an account of every step.

mod merge;
mod scratch;
mod shards;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use musicrec_api::{
    Account, Booking, Cleaner, Error, Events, InParts, Ledger, Log, On, Reach, Result, Roles,
    SourceContext, Whole, derive_seed,
};
use serde::{Deserialize, Serialize};

use self::shards::{Cleaned, Placed, Shards};
use super::census::{Census, Ids};
use super::{By, Failed, unless_cancelled};
use crate::experiment::Experiment;
pub(crate) use scratch::OnDisk;

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

/// A cleaned, typed log.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) events: Events,
    /// Which column of the log plays which part.
    pub(crate) columns: Roles,
    /// The source first, then the cleaners that see the whole log.
    pub(crate) funnel: Vec<Step>,
    /// Where the log is, if it was too large to be cleaned in memory.
    pub(crate) on_disk: Option<OnDisk>,
}

/// What reading and cleaning may take.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes that the whole program may hold.
    pub(crate) memory: u64,
    /// Where rows are put aside that are too many. What lies there has no name, and is gone with the process.
    pub(crate) folder: PathBuf,
    pub(crate) tell: fn(&str),
}

impl Room {
    /// Of the memory, the read log may take one part in so many before its rows are put aside: cleaners hold several
    /// copies of what they work on, and trials come afterwards.
    const PART: u64 = 6;

    fn holds(&self, log: &Whole) -> bool {
        (log.bytes() as u64) < self.memory / Self::PART
    }
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
/// they drop or merge never has to be held all at once. What is left is put aside where it is more than
/// there is room for, unless somebody traces the steps; the result is the same, and lies in a file.
pub(crate) fn cleaned(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    cancel: &AtomicBool,
    watch: &mut dyn Watch,
    room: &Room,
) -> Result<(Log, Vec<Step>, Option<OnDisk>), Failed> {
    let all = || cleaners.iter().enumerate();
    let on_log = || all().filter(|(_, c)| c.on() == On::Log);
    let mut streamed: Vec<Work> = on_log()
        .take_while(|(_, c)| c.reach() == Reach::Row)
        .map(|(at, cleaner)| Work::new(at, &**cleaner, watch))
        .collect();
    let others: Vec<Placed> = on_log()
        .skip(streamed.len())
        .map(|(at, cleaner)| (at, &**cleaner))
        .collect();
    let mut census = Census::default();
    let mut ledger = ledger(watch);
    let mut whole = Whole::default();
    let mut shards: Option<Shards> = None;
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
            whole.append(chunk)?;
            if watch.traces() || room.holds(&whole) {
                return Ok(());
            }
            put_aside(&mut shards, &mut whole, room, !others.is_empty())
        })
        .map_err(|error| by.failed(error))?;
    if shards.is_some() {
        put_aside(&mut shards, &mut whole, room, !others.is_empty())?;
    }
    if rows == 0 {
        return Err(By::Source.failed(Error::data("the source has no rows")));
    }
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
    for (number, step) in (1..).zip(&streamed) {
        funnel.push(step.step(Ids::new(census.at(number - 1), census.at(number))));
    }
    let first_of_others = funnel.len();
    let left = census.at(streamed.len());
    drop((streamed, census));
    let (log, on_disk) = match shards {
        Some(shards) => of_shards(shards, &others, left, cancel, &mut funnel)?,
        None => (whole.finish(), None),
    };
    let Some(mut log) = log else {
        return Err(nothing_left(&funnel));
    };
    // What was cleaned in parts has been through some of them, or all.
    let first = funnel.len() - first_of_others;
    let mut left = funnel
        .last()
        .and_then(|step| step.ids.as_ref())
        .map_or(left, |ids| (ids.users_out, ids.items_out));
    for &(at, cleaner) in &others[first..] {
        unless_cancelled(cancel)?;
        let step = Step::whole(at, cleaner, &mut log, left, funnel.len(), watch)?;
        left = step
            .ids
            .as_ref()
            .map_or(left, |ids| (ids.users_out, ids.items_out));
        funnel.push(step);
        log.pack();
    }
    if log.rows() == 0 {
        return Err(nothing_left(&funnel));
    }
    Ok((log, funnel, on_disk))
}

fn nothing_left(funnel: &[Step]) -> Failed {
    let worst = funnel.iter().max_by_key(|s| s.rows_in - s.rows_out);
    Error::data(format!(
        "cleaning left no row of the log: {}",
        worst.map_or(String::new(), |s| s.account(funnel))
    ))
    .into()
}

/// Puts aside what was read so far. A log that no cleaner looks at any more need not be divided.
fn put_aside<'r>(
    shards: &mut Option<Shards<'r>>,
    whole: &mut Whole,
    room: &'r Room,
    divided: bool,
) -> Result<()> {
    let Some(log) = std::mem::take(whole).finish() else {
        return Ok(());
    };
    if shards.is_none() {
        (room.tell)(&format!(
            "the log takes more than a part of the memory there is: it is cleaned in parts, which lie in {}",
            room.folder.display()
        ));
        *shards = Some(Shards::new(room, &log, divided)?);
    }
    shards.as_mut().expect("just made").add(&log)
}

/// Cleans what was put aside, as far as that can be done in parts; the log is in memory if it cannot.
fn of_shards(
    shards: Shards,
    cleaners: &[Placed],
    left: (u64, u64),
    cancel: &AtomicBool,
    funnel: &mut Vec<Step>,
) -> Result<(Option<Log>, Option<OnDisk>), Failed> {
    match shards.clean(cleaners, left, cancel, funnel)? {
        Cleaned::Done(shards) if shards.rows() == 0 => Ok((None, None)),
        Cleaned::Done(mut shards) => {
            let on_disk = shards.merge(cancel)?;
            Ok((Some(on_disk.log()?), Some(on_disk)))
        }
        Cleaned::Whole(mut shards) => Ok((shards.whole(cancel)?, None)),
    }
}

/// The same as typed events.
pub(crate) fn prepare(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    cancel: &AtomicBool,
    room: &Room,
) -> Result<Prepared, Failed> {
    let (log, funnel, on_disk) = cleaned(experiment, cleaners, cancel, &mut (), room)?;
    Ok(Prepared {
        columns: log.roles().clone(),
        events: Events::from_log(Arc::new(log))?,
        funnel,
        on_disk,
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
    /// The columns of the log.
    columns: Vec<String>,
}

impl<'a> Work<'a> {
    fn new(at: usize, cleaner: &'a dyn Cleaner, watch: &dyn Watch) -> Self {
        Self {
            at,
            cleaner,
            ledger: ledger(watch),
            rows: (0, 0),
            columns: Vec::new(),
        }
    }

    fn clean(
        &mut self,
        part: &mut Log,
        number: usize,
        watch: &mut dyn Watch,
    ) -> Result<(), Failed> {
        self.begin(part);
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

    /// Notes what is to be cleaned.
    fn begin(&mut self, part: &Log) {
        self.rows.0 += part.rows() as u64;
        if self.columns.is_empty() {
            self.columns = part.names().map(str::to_owned).collect();
        }
    }

    /// Cleans a part that has its place in no order, with what the cleaner has seen of all parts if it had to.
    fn clean_part(&mut self, part: &mut Log, seen: Option<&dyn InParts>) -> Result<(), Failed> {
        self.begin(part);
        let mut ledger = Ledger::default();
        let cleaned = match seen {
            Some(seen) => seen.clean(part, &mut ledger),
            None => self.cleaner.clean(part, &mut ledger),
        };
        cleaned.map_err(|error| By::Cleaner(self.at).failed(error))?;
        self.rows.1 += part.rows() as u64;
        self.ledger.merge(ledger);
        Ok(())
    }

    fn step(&self, ids: Ids) -> Step {
        let step = Step::new(
            self.cleaner.typetag_name().to_owned(),
            (self.cleaner.reach().name(), self.cleaner.on()),
            self.rows,
            ids,
            &self.ledger,
        );
        Step {
            changed: in_order(step.changed, &self.columns),
            ..step
        }
    }
}
