//! Source and cleaners: from rows as they are to typed events, with an account of every step.

pub(crate) mod apart;
mod merge;
mod reading;
mod scratch;
mod shards;
mod step;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use musicrec_api::{
    Booking, Cleaner, Error, Events, Log, On, Result, Roles, SourceContext, Whole, derive_seed,
};

use self::reading::Reading;
use self::shards::{Cleaned, Placed, Shards};
use super::{Failed, unless_cancelled};
use crate::experiment::Experiment;
use crate::sweep::memory::usable;
pub(crate) use scratch::OnDisk;
pub(crate) use step::Step;

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

/// A cleaned log, what each step did, and where the log is if it was too large for memory.
type CleanedLog = (Log, Vec<Step>, Option<OnDisk>);

impl Prepared {
    /// The same as typed events.
    pub(crate) fn of((log, funnel, on_disk): CleanedLog) -> Result<Self> {
        Ok(Self {
            columns: log.roles().clone(),
            events: Events::from_log(Arc::new(log))?,
            funnel,
            on_disk,
        })
    }
}

/// What reading and cleaning may take.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes that the whole program may hold.
    memory: u64,
    /// Where rows are put aside that are too many. What lies there has no name, and is gone with the process.
    folder: PathBuf,
    tell: fn(&str),
}

impl Room {
    /// Of the memory, the read log may take one part in so many before its rows are put aside: cleaners hold several
    /// copies of what they work on, and trials come afterwards.
    const PART: u64 = 6;

    /// So much memory, or most of what is free; what is too much goes through a folder, and is told of.
    pub(crate) fn new(memory: Option<u64>, folder: PathBuf, tell: fn(&str)) -> Self {
        Self {
            memory: memory.or_else(usable).unwrap_or(u64::MAX),
            folder,
            tell,
        }
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
) -> Result<CleanedLog, Failed> {
    let on_log = on_log(cleaners);
    let (streamed, others) = on_log.split_at(reading::streamed(&on_log));
    // A log that no cleaner looks at any more need not be divided.
    let mut rows = Aside::new(room, !others.is_empty());
    let traces = watch.traces();
    let mut take = |chunk| {
        rows.whole.append(chunk)?;
        if traces || rows.fits() {
            return Ok(());
        }
        if rows.shards.is_none() {
            (room.tell)(&format!(
                "the log takes more than a part of the memory there is: it is cleaned in parts, which lie in {}",
                room.folder.display()
            ));
        }
        rows.put()
    };
    let reading = Reading::of(experiment, (streamed, None), cancel, watch, &mut take)?;
    if rows.shards.is_some() {
        rows.put()?;
    }
    let funnel = reading.funnel(experiment, streamed)?;
    drop(reading);
    let log = match rows.shards {
        Some(shards) => Parted::Shards(shards),
        None => Parted::Whole(rows.whole.finish()),
    };
    finish(log, others, funnel, cancel, watch)
}

/// Rows as they are read: what was read last in memory, and what was put aside before.
struct Aside<'r> {
    room: &'r Room,
    divided: bool,
    whole: Whole,
    shards: Option<Shards<'r>>,
}

impl<'r> Aside<'r> {
    fn new(room: &'r Room, divided: bool) -> Self {
        Self {
            room,
            divided,
            whole: Whole::default(),
            shards: None,
        }
    }

    /// Whether there is room for what is in memory.
    fn fits(&self) -> bool {
        (self.whole.bytes() as u64) < self.room.memory / Room::PART
    }

    /// Puts aside what is in memory.
    fn put(&mut self) -> Result<()> {
        let Some(log) = std::mem::take(&mut self.whole).finish() else {
            return Ok(());
        };
        let shards = match &mut self.shards {
            Some(shards) => shards,
            none => none.insert(Shards::new(self.room, &log, self.divided)?),
        };
        shards.add(&log)
    }
}

/// A log on its way: in memory, if it has rows, or in parts.
enum Parted<'r> {
    Whole(Option<Log>),
    Shards(Shards<'r>),
}

/// Lets cleaners work that see more than a row, in parts as far as that can be done, and puts the log together.
fn finish(
    log: Parted,
    cleaners: &[Placed],
    mut funnel: Vec<Step>,
    cancel: &AtomicBool,
    watch: &mut dyn Watch,
) -> Result<CleanedLog, Failed> {
    let before = funnel.len();
    let (log, on_disk) = match log {
        Parted::Whole(log) => (log, None),
        Parted::Shards(shards) => of_shards(shards, cleaners, cancel, &mut funnel)?,
    };
    let Some(mut log) = log else {
        return Err(nothing_left(&funnel));
    };
    // What was cleaned in parts has been through some of them, or all.
    let first = funnel.len() - before;
    for &(at, cleaner) in &cleaners[first..] {
        unless_cancelled(cancel)?;
        let step = Step::whole(at, cleaner, &mut log, left(&funnel), funnel.len(), watch)?;
        funnel.push(step);
        log.pack();
    }
    if log.rows() == 0 {
        return Err(nothing_left(&funnel));
    }
    Ok((log, funnel, on_disk))
}

/// Users and items behind all steps so far.
fn left(funnel: &[Step]) -> (u64, u64) {
    let ids = funnel.last().and_then(|step| step.ids.as_ref());
    ids.map_or((0, 0), |ids| (ids.users_out, ids.items_out))
}

/// The cleaners that see the whole log, with their places.
fn on_log(cleaners: &[Box<dyn Cleaner>]) -> Vec<Placed<'_>> {
    let all = cleaners.iter().enumerate();
    let on_log = all.filter(|(_, cleaner)| cleaner.on() == On::Log);
    on_log.map(|(at, cleaner)| (at, &**cleaner)).collect()
}

fn nothing_left(funnel: &[Step]) -> Failed {
    let worst = funnel.iter().max_by_key(|s| s.rows_in - s.rows_out);
    Error::data(format!(
        "cleaning left no row of the log: {}",
        worst.map_or(String::new(), |s| s.account(funnel))
    ))
    .into()
}

/// Cleans what was put aside, as far as that can be done in parts; the log is in memory if it cannot.
fn of_shards(
    shards: Shards,
    cleaners: &[Placed],
    cancel: &AtomicBool,
    funnel: &mut Vec<Step>,
) -> Result<(Option<Log>, Option<OnDisk>), Failed> {
    match shards.clean(cleaners, cancel, funnel)? {
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
    let cleaned = cleaned(experiment, cleaners, cancel, &mut (), room)?;
    Ok(Prepared::of(cleaned)?)
}
