//! A log that is larger than memory while it is cleaned: its rows are divided by a hash of the user onto files, each
//! file is cleaned by itself, and the rows are put back into their order. What comes of it is what cleaning the log in
//! one piece gives, to the byte.
//!
//! A cleaner that looks at single rows or at the rows of a user sees one file after the other. One that must see the
//! whole log looks at all files as often as it wants ([`InParts`]); if it cannot, the log is put together for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hasher as _;
use std::io;
use std::sync::atomic::AtomicBool;

use musicrec_api::{Cleaner, Error, InParts, Log, MISSING, Reach, Result, Roles, View, Whole};
use twox_hash::XxHash64;

use super::merge::{Batch, Input};
use super::scratch::{OnDisk, Scratch};
use super::step::{Step, Tally, Work};
use super::{Room, left};
use crate::cache::bytes::{Reader, Writer};
use crate::cache::segments::{Head, ROWS, read_segment};
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
        Self::of(room, head, divided)
    }

    /// Without rows, of some columns.
    pub(super) fn of(room: &'r Room, head: Head, divided: bool) -> Result<Self> {
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

    /// Lets the cleaners work, and accounts for each.
    pub(super) fn clean(
        mut self,
        cleaners: &[Placed],
        cancel: &AtomicBool,
        funnel: &mut Vec<Step>,
    ) -> Result<Cleaned<'r>, Failed> {
        let mut at = 0;
        while let Some((place, cleaner)) = cleaners.get(at) {
            let failed = |error| By::Cleaner(*place).failed(error);
            let mut seen = Vec::new();
            match sight(*cleaner, &self.head.roles).map_err(failed)? {
                Sight::Whole => {
                    (self.room.tell)(&format!(
                        "{} looks at the whole log at once, so all of it is held in memory",
                        cleaner.typetag_name()
                    ));
                    return Ok(Cleaned::Whole(self));
                }
                Sight::Looking(mut parts) => {
                    self.look(&mut *parts, cancel).map_err(failed)?;
                    seen.push(Some(parts));
                }
                Sight::Alone(_) => seen = together(&cleaners[at..], &self.head.roles),
            }
            let group = &cleaners[at..at + seen.len()];
            at += group.len();
            // Who changes single rows may change whose they are.
            let moves = at < cleaners.len() && group.iter().any(|(_, c)| c.reach() == Reach::Row);
            let (cleaned, tallies, census) = self.work(group, &seen, moves, cancel)?;
            account(group, tallies, &census, funnel);
            self = cleaned;
        }
        Ok(Cleaned::Done(self))
    }

    /// Shows all files to a cleaner that wants to look at them, as often as it wants.
    fn look(&mut self, parts: &mut dyn InParts, cancel: &AtomicBool) -> Result<()> {
        loop {
            for file in &mut self.files {
                unless_cancelled(cancel)?;
                if let Some(log) = file.whole(&self.head)? {
                    parts.look(&log)?;
                }
            }
            if !parts.again()? {
                return Ok(());
            }
        }
    }

    /// One pass over the files with some cleaners, who may have looked at all parts; whether rows are divided anew after
    /// it. Also gives what each cleaner did, and users and items behind each.
    pub(super) fn work(
        &mut self,
        group: &[Placed],
        seen: &[Seen],
        moves: bool,
        cancel: &AtomicBool,
    ) -> Result<(Self, Vec<Tally>, Census), Failed> {
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
            for (place, (work, seen)) in works.iter_mut().zip(seen).enumerate() {
                work.clean_part(&mut log, seen.as_deref())?;
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
        let tallies = works.into_iter().map(Work::tally).collect();
        Ok((cleaned, tallies, census))
    }

    /// What its columns are.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// Writes the rows of one of several groups of files: how many segments, and these.
    pub(super) fn write(
        &mut self,
        (group, groups): (usize, usize),
        to: &mut Writer,
    ) -> io::Result<()> {
        let files = self.files.iter_mut().skip(group).step_by(groups);
        let files: Vec<&mut Scratch> = files.collect();
        to.count(files.iter().map(|file| file.segments()).sum())?;
        files.into_iter().try_for_each(|file| file.copy(to))
    }

    /// Adds what was written, whose rows are numbered on from a row.
    pub(super) fn read(&mut self, from: &mut Reader, after: u64) -> io::Result<()> {
        for _ in 0..from.count(1)? {
            let log = read_segment(from, &self.head, after)?;
            self.add(&log).map_err(io::Error::other)?;
        }
        Ok(())
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

/// A cleaner that has seen what it must of all parts; none for those that need not.
pub(super) type Seen<'c> = Option<Box<dyn InParts + 'c>>;

/// How a cleaner looks at parts that hold all rows of a user.
enum Sight<'c> {
    /// At one after the other.
    Alone(Seen<'c>),
    /// At all, before it cleans one.
    Looking(Box<dyn InParts + 'c>),
    /// It cannot.
    Whole,
}

fn sight<'c>(cleaner: &'c dyn Cleaner, roles: &Roles) -> Result<Sight<'c>> {
    if cleaner.reach() != Reach::Log {
        return Ok(Sight::Alone(None));
    }
    let Some(mut parts) = cleaner.in_parts(roles) else {
        return Ok(Sight::Whole);
    };
    Ok(if parts.again()? {
        Sight::Looking(parts)
    } else {
        Sight::Alone(Some(parts))
    })
}

/// Those of the first cleaners that can work in one pass, without having looked at all parts: who looks at the rows of a
/// user, and after them who looks at single rows, which may change whose a row is.
pub(super) fn together<'c>(cleaners: &[Placed<'c>], roles: &Roles) -> Vec<Seen<'c>> {
    let mut found = Vec::new();
    let mut rows = false;
    for (_, cleaner) in cleaners {
        let of_row = cleaner.reach() == Reach::Row;
        match sight(*cleaner, roles) {
            Ok(Sight::Alone(seen)) if of_row || !rows => found.push(seen),
            _ => break,
        }
        rows |= of_row;
    }
    found
}

/// Accounts for what cleaners did, behind whom so many users and items were counted.
pub(super) fn account(
    cleaners: &[Placed],
    tallies: Vec<Tally>,
    census: &Census,
    funnel: &mut Vec<Step>,
) {
    for (place, ((at, cleaner), tally)) in cleaners.iter().zip(tallies).enumerate() {
        let ids = Ids::new(left(funnel), census.at(place));
        funnel.push(Work::after(*at, *cleaner, tally).step(ids));
    }
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
