//! Preparation as work of several units, on different machines maybe, in two stages: pieces of the source are read and
//! their rows divided by users into groups; then the rows of each group are cleaned. What is left is done by one: cleaners
//! that must look at all rows, and putting the rows back into their order. It comes to what one process gives, to the byte.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use musicrec_api::{Cleaner, Error, Result};
use serde::{Deserialize, Serialize};

use super::reading::{self, Reading};
use super::shards::{Shards, account, together};
use super::step::Tally;
use super::{Aside, Parted, Prepared, Room, context, finish, on_log};
use crate::cache::parts::{Part, Parts};
use crate::cache::segments::Head;
use crate::experiment::Experiment;
use crate::stages::Failed;
use crate::stages::census::Census;

/// How many units there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Apart {
    /// Pieces of the source, each read by a unit.
    pub(crate) pieces: usize,
    /// Groups of users, each cleaned by a unit, if anything can be cleaned so.
    pub(crate) groups: usize,
}

impl Apart {
    /// How an experiment is prepared where so many units are asked for: no more than the source has pieces read it.
    pub(crate) fn of(experiment: &Experiment, units: usize) -> Result<Self> {
        Ok(Self {
            pieces: experiment.source.pieces(&context(experiment))?,
            groups: units,
        })
    }
}

/// Reads a piece, and keeps what is left of it behind the cleaners that look at one row at a time.
pub(crate) fn divide(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    (piece, groups): (usize, usize),
    (parts, room): (&Parts, &Room),
    cancel: &AtomicBool,
) -> Result<(), Failed> {
    let on_log = on_log(cleaners);
    let (streamed, _) = on_log.split_at(reading::streamed(&on_log));
    let mut rows = Aside::new(room, true);
    let mut take = |chunk| {
        rows.whole.append(chunk)?;
        if rows.fits() { Ok(()) } else { rows.put() }
    };
    let of = (streamed, Some(piece));
    let reading = Reading::of(experiment, of, cancel, &mut (), &mut take)?;
    rows.put()?;
    let mut shards = rows.shards;
    if let Some(shards) = &mut shards {
        for group in 0..groups {
            parts.put(Part::Divided { piece, group }, |to| {
                shards.write((group, groups), to)
            })?;
        }
    }
    let head = shards.as_ref().map(Shards::head);
    parts.put(Part::Piece(piece), |to| {
        to.json(&head)?;
        reading.write(to)
    })?;
    Ok(())
}

/// What came of reading all pieces.
struct Pieces {
    reading: Reading,
    /// Of each piece its columns, if it has rows, and the number of the row before it.
    heads: Vec<(Option<Head>, u64)>,
}

impl Pieces {
    /// Reads the accounts of so many pieces. Users and items are counted only where somebody asks for them.
    fn read(parts: &Parts, count: usize, counted: bool) -> Result<Self> {
        let mut all = Self {
            reading: Reading::default(),
            heads: Vec::new(),
        };
        for piece in 0..count {
            let before = all.reading.taken();
            let head = parts.get(Part::Piece(piece), |from| {
                let head: Option<Head> = from.json()?;
                all.reading.append(from)?;
                if counted {
                    all.reading.count(from)?;
                } else {
                    from.skip(from.left())?;
                }
                Ok(head)
            })?;
            all.heads.push((head, before));
        }
        let heads = all.heads.iter().filter_map(|(head, _)| head.as_ref());
        let mut columns = heads.map(|head| (&head.columns, &head.roles));
        let first = columns.next();
        if columns.any(|other| Some(other) != first) {
            return Err(Error::data("the parts of the log have different columns"));
        }
        Ok(all)
    }

    /// The columns, of whichever piece has rows.
    fn head(&self) -> Option<Head> {
        self.heads.iter().find_map(|(head, _)| head.clone())
    }

    /// The rows of some groups; `None` if no piece has any.
    fn rows<'r>(
        &self,
        parts: &Parts,
        groups: Range<usize>,
        room: &'r Room,
    ) -> Result<Option<Shards<'r>>> {
        let Some(head) = self.head() else {
            return Ok(None);
        };
        let mut shards = Shards::of(room, head, true)?;
        for (piece, (head, before)) in self.heads.iter().enumerate() {
            for group in groups.clone().filter(|_| head.is_some()) {
                parts.get(Part::Divided { piece, group }, |from| {
                    shards.read(from, *before)
                })?;
            }
        }
        Ok(Some(shards))
    }
}

/// Cleans the rows of a group with the cleaners that need not look at others, if there are any.
pub(crate) fn clean(
    cleaners: &[Box<dyn Cleaner>],
    (group, apart): (usize, Apart),
    (parts, room): (&Parts, &Room),
    cancel: &AtomicBool,
) -> Result<(), Failed> {
    let on_log = on_log(cleaners);
    let others = &on_log[reading::streamed(&on_log)..];
    let pieces = Pieces::read(parts, apart.pieces, false)?;
    let seen = pieces.head().map(|head| together(others, &head.roles));
    let seen = seen.unwrap_or_default();
    let (mut tallies, mut census, mut cleaned) = (Vec::new(), Census::default(), None);
    if !seen.is_empty()
        && let Some(mut shards) = pieces.rows(parts, group..group + 1, room)?
    {
        let (done, of_each, counted) = shards.work(&others[..seen.len()], &seen, false, cancel)?;
        (tallies, census, cleaned) = (of_each, counted, Some(done));
    }
    parts.put(Part::Group(group), |to| {
        to.json(&tallies)?;
        census.write(to)?;
        match &mut cleaned {
            Some(cleaned) => cleaned.write((0, 1), to),
            None => to.count(0),
        }
    })?;
    Ok(())
}

/// Does what is left, once all pieces have been read and all groups cleaned.
pub(crate) fn gather(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    apart: Apart,
    (parts, room): (&Parts, &Room),
    cancel: &AtomicBool,
) -> Result<Prepared, Failed> {
    let on_log = on_log(cleaners);
    let (streamed, others) = on_log.split_at(reading::streamed(&on_log));
    let pieces = Pieces::read(parts, apart.pieces, true)?;
    let mut funnel = pieces.reading.funnel(experiment, streamed)?;
    let mut done = 0;
    let mut log = Parted::Whole(None);
    if let Some(head) = pieces.head() {
        done = together(others, &head.roles).len();
        let mut shards = if done == 0 {
            pieces.rows(parts, 0..apart.groups, room)?
        } else {
            let mut shards = Shards::of(room, head, true)?;
            let (mut all, mut census) = (vec![Tally::default(); done], Census::default());
            for group in 0..apart.groups {
                parts.get(Part::Group(group), |from| {
                    let tallies: Vec<Tally> = from.json()?;
                    for (own, tally) in all.iter_mut().zip(tallies) {
                        own.merge(tally);
                    }
                    census.merge(from)?;
                    shards.read(from, 0)
                })?;
            }
            account(&others[..done], all, &census, &mut funnel);
            Some(shards)
        };
        if let Some(unordered) = &mut shards
            && done == others.len()
        {
            // Rows of a file came from several units; whoever works on a file puts them in order.
            shards = Some(unordered.work(&[], &[], false, cancel)?.0);
        }
        log = shards.map_or(Parted::Whole(None), Parted::Shards);
    }
    let cleaned = finish(log, &others[done..], funnel, cancel, &mut ())?;
    Ok(Prepared::of(cleaned)?)
}
