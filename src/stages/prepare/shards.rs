//! A log that is larger than memory while it is cleaned: its rows are divided by a hash of the user onto files, each
//! file is cleaned by itself, and the rows are put back into their order. What comes of it is what cleaning the log in
//! one piece gives, to the byte.
//!
//! A cleaner that looks at single rows or at the rows of a user sees one file after the other. One that must see the
//! whole log looks at all files as often as it wants ([`InParts`]); if it cannot, the log is put together for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hasher as _;
use std::sync::atomic::AtomicBool;

use musicrec_api::{Cleaner, Error, InParts, Log, MISSING, Reach, Result, View, Whole};
use twox_hash::XxHash64;

use super::merge::{Batch, Input};
use super::scratch::{OnDisk, Scratch};
use super::{Room, Step, Work};
use crate::cache::segments::{Head, ROWS};
use crate::stages::census::{Census, Ids};
use crate::stages::{By, Failed, unless_cancelled};

/// Files that a log is divided onto: so many times smaller than the log is what is held of it at once.
const FILES: usize = 64;

/// A cleaner and its place in the list of cleaners.
pub(super) type Placed<'c> = (usize, &'c dyn Cleaner);

/// A log on several files.
pub(super) struct Shards<'r> {
    room: &'r Room,
    head: Head,
    files: Vec<Scratch>,
}

/// What came of cleaning.
pub(super) enum Cleaned<'r> {
    /// All cleaners have worked.
    Done(Shards<'r>),
    /// The next cleaner wants the log in one piece.
    Whole(Shards<'r>),
}

impl<'r> Shards<'r> {
    /// Without rows so far, with the columns of a log. A log that is only read needs no more than one file.
    pub(super) fn new(room: &'r Room, log: &Log, divided: bool) -> Result<Self> {
        let head = Head {
            rows: 0,
            ..Head::of(log)
        };
        Self::empty(room, head, if divided { FILES } else { 1 })
    }

    fn empty(room: &'r Room, head: Head, files: usize) -> Result<Self> {
        let files = (0..files).map(|_| Scratch::new(&room.folder));
        Ok(Self {
            room,
            head,
            files: files.collect::<Result<_>>()?,
        })
    }

    /// Adds the rows of a log.
    pub(super) fn add(&mut self, log: &Log) -> Result<()> {
        let mut rows = vec![Vec::new(); self.files.len()];
        for (row, file) in (0..).zip(files_of(log, self.files.len())?) {
            rows[file].push(row);
        }
        let all = self.files.iter_mut().zip(rows);
        all.filter(|(_, rows)| !rows.is_empty())
            .try_for_each(|(file, rows)| file.push(log, &rows))
    }

    /// Lets the cleaners work, of whose log so many users and items are known, and accounts for each.
    pub(super) fn clean(
        mut self,
        cleaners: &[Placed],
        mut left: (u64, u64),
        cancel: &AtomicBool,
        funnel: &mut Vec<Step>,
    ) -> Result<Cleaned<'r>, Failed> {
        let mut at = 0;
        while at < cleaners.len() {
            let group = &cleaners[at..at + together(&cleaners[at..])];
            let mut parts = None;
            if let [(place, cleaner)] = group
                && cleaner.reach() == Reach::Log
            {
                let Some(mut own) = cleaner.in_parts(&self.head.roles) else {
                    (self.room.tell)(&format!(
                        "{} looks at the whole log at once, so all of it is held in memory",
                        cleaner.typetag_name()
                    ));
                    return Ok(Cleaned::Whole(self));
                };
                self.look(&mut *own, cancel)
                    .map_err(|error| By::Cleaner(*place).failed(error))?;
                parts = Some(own);
            }
            at += group.len();
            // Who changes single rows may change whose they are.
            let moves = at < cleaners.len() && group.iter().any(|(_, c)| c.reach() == Reach::Row);
            let work = (group, parts.as_deref(), moves);
            self = self.pass(work, &mut left, cancel, funnel)?;
        }
        Ok(Cleaned::Done(self))
    }

    /// Shows all files to a cleaner, as often as it wants.
    fn look(&mut self, parts: &mut dyn InParts, cancel: &AtomicBool) -> Result<()> {
        while parts.again()? {
            for file in &mut self.files {
                unless_cancelled(cancel)?;
                if let Some(log) = file.whole(&self.head)? {
                    parts.look(&log)?;
                }
            }
        }
        Ok(())
    }

    /// One pass over the files with some cleaners, one of which may have looked at all parts; whether rows are divided
    /// anew after it.
    fn pass(
        &mut self,
        (group, parts, moves): (&[Placed], Option<&dyn InParts>, bool),
        left: &mut (u64, u64),
        cancel: &AtomicBool,
        funnel: &mut Vec<Step>,
    ) -> Result<Self, Failed> {
        let mut cleaned = Self::empty(self.room, self.head.clone(), self.files.len())?;
        let mut census = Census::default();
        let mut works: Vec<Work> = group
            .iter()
            .map(|(at, cleaner)| Work::new(*at, *cleaner, &()))
            .collect();
        for (number, file) in self.files.iter_mut().enumerate() {
            unless_cancelled(cancel)?;
            let Some(mut log) = file.whole(&self.head)? else {
                continue;
            };
            for (place, work) in works.iter_mut().enumerate() {
                work.clean_part(&mut log, parts)?;
                log.pack();
                census.count(place, &log);
            }
            if moves {
                cleaned.add(&log)?;
            } else {
                let rows: Vec<u32> = (0..log.rows() as u32).collect();
                cleaned.files[number].push(&log, &rows)?;
            }
        }
        for (place, work) in works.iter().enumerate() {
            let after = census.at(place);
            funnel.push(work.step(Ids::new(*left, after)));
            *left = after;
        }
        Ok(cleaned)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.files.iter().map(Scratch::rows).sum()
    }

    /// The rows in their order, in one file.
    pub(super) fn merge(&mut self, cancel: &AtomicBool) -> Result<OnDisk> {
        let rows = self.rows();
        let Ok(_) = u32::try_from(rows) else {
            return Err(Error::data(format!(
                "the cleaned log has {rows} rows, but at most {} can be held; keep fewer, for example with `keep_rows`",
                u32::MAX
            )));
        };
        let head = Head {
            rows: rows as usize,
            ..self.head.clone()
        };
        let mut written = OnDisk::begin(&self.room.folder, &head)?;
        self.each(cancel, &mut |batch| written.push(&batch))?;
        written.end()
    }

    /// The rows in their order, in memory.
    pub(super) fn whole(&mut self, cancel: &AtomicBool) -> Result<Option<Log>> {
        let mut whole = Whole::default();
        self.each(cancel, &mut |batch| whole.append(batch))?;
        Ok(whole.finish())
    }

    /// Gives the rows in their order, [`ROWS`] at a time.
    fn each(&mut self, cancel: &AtomicBool, sink: &mut dyn FnMut(Log) -> Result<()>) -> Result<()> {
        let mut inputs = Vec::new();
        for file in &mut self.files {
            if let Some(input) = Input::new(file.pieces(&self.head)?)? {
                inputs.push(input);
            }
        }
        let mut next: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        next.extend(
            inputs
                .iter()
                .enumerate()
                .map(|(at, i)| Reverse((i.number(), at))),
        );
        while !next.is_empty() {
            unless_cancelled(cancel)?;
            let mut batch = Batch::default();
            while batch.rows() < ROWS && !next.is_empty() {
                // So many rows that no input must read on before they are copied.
                let mut picks = Vec::new();
                let mut spent = None;
                while spent.is_none()
                    && batch.rows() + picks.len() < ROWS
                    && let Some(Reverse((_, at))) = next.pop()
                {
                    let input = &mut inputs[at];
                    picks.push((at as u32, input.take()));
                    if input.is_spent() {
                        spent = Some(at);
                    } else {
                        next.push(Reverse((input.number(), at)));
                    }
                }
                batch.copy(&mut inputs, &picks);
                if let Some(at) = spent
                    && inputs[at].read_on()?
                {
                    next.push(Reverse((inputs[at].number(), at)));
                }
            }
            inputs.iter_mut().for_each(Input::forget);
            sink(batch.finish(&self.head))?;
        }
        Ok(())
    }
}

/// How many of the cleaners can work in one pass: those that look at the rows of a user, and after them those that look
/// at single rows, which may change whose a row is; or one that looks at all.
fn together(cleaners: &[Placed]) -> usize {
    let reach = |at: usize| cleaners.get(at).map(|(_, cleaner)| cleaner.reach());
    if reach(0) == Some(Reach::Log) {
        return 1;
    }
    let mut count = 0;
    while reach(count) == Some(Reach::User) {
        count += 1;
    }
    while reach(count) == Some(Reach::Row) {
        count += 1;
    }
    count
}

/// The file of each row. Rows of nobody are together.
fn files_of(log: &Log, files: usize) -> Result<Vec<usize>> {
    let of = |user: &str| {
        let mut hash = XxHash64::with_seed(0);
        hash.write(user.as_bytes());
        (hash.finish() % files as u64) as usize
    };
    let view = log.view(&log.roles().user)?;
    let View::Text(text) = view else {
        return Ok((0..log.rows()).map(|row| of(&view.show(row))).collect());
    };
    let values: Vec<usize> = text.values().iter().map(of).collect();
    let file = |code: u32| {
        if code == MISSING {
            0
        } else {
            values[code as usize]
        }
    };
    Ok(text.codes().map(file).collect())
}
