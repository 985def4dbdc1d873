//! The way of rows from the source through the cleaners that look at one row at a time.

use std::io;
use std::sync::atomic::AtomicBool;

use musicrec_api::{Error, Ledger, Log, On, Reach, Result};
use serde::{Deserialize, Serialize};

use super::shards::Placed;
use super::step::{Step, Tally, Work, ledger};
use super::{Watch, context};
use crate::cache::bytes::{Reader, Writer, ensure};
use crate::experiment::Experiment;
use crate::stages::census::{Census, Ids};
use crate::stages::{By, Failed, unless_cancelled};

/// What reading came to besides the rows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Reading {
    /// What the source dropped.
    source: Ledger,
    /// Rows that it gave, and numbers that it took for that.
    rows: u64,
    taken: u64,
    /// What each cleaner did.
    tallies: Vec<Tally>,
    /// Users and items before the first, and behind each.
    #[serde(skip)]
    census: Census,
}

/// How many of the cleaners look at one row at a time, before all others.
pub(super) fn streamed(cleaners: &[Placed]) -> usize {
    let rows = |(_, cleaner): &&Placed| cleaner.reach() == Reach::Row;
    cleaners.iter().take_while(rows).count()
}

impl Reading {
    /// Reads the source, or a piece of it, and gives what the cleaners leave of each chunk.
    pub(super) fn of(
        experiment: &Experiment,
        (cleaners, piece): (&[Placed], Option<usize>),
        cancel: &AtomicBool,
        watch: &mut dyn Watch,
        take: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<Self, Failed> {
        let mut works: Vec<Work> = cleaners
            .iter()
            .map(|(at, cleaner)| Work::new(*at, *cleaner, watch))
            .collect();
        let mut reading = Self {
            source: ledger(watch),
            ..Self::default()
        };
        let (rows, census) = (&mut reading.rows, &mut reading.census);
        // Errors of cleaners pass through the source.
        let mut by = By::Source;
        let mut sink = |mut chunk: Log| {
            unless_cancelled(cancel)?;
            *rows += chunk.rows() as u64;
            watch.read(&chunk)?;
            census.count(0, &chunk);
            for (number, work) in (1..).zip(&mut works) {
                work.clean(&mut chunk, number, watch).map_err(|failed| {
                    by = failed.by.unwrap_or(by);
                    failed.error
                })?;
                census.count(number, &chunk);
            }
            watch.streamed(&chunk)?;
            take(chunk)
        };
        let (source, context) = (&experiment.source, context(experiment));
        let taken = match piece {
            None => source
                .read(&context, &mut reading.source, &mut sink)
                .map(|()| 0),
            Some(piece) => source.read_piece(&context, piece, &mut reading.source, &mut sink),
        };
        reading.taken = taken.map_err(|error| by.failed(error))?;
        if watch.traces() {
            watch.whole(reading.source.take_bookings())?;
        }
        reading.tallies = works.into_iter().map(Work::tally).collect();
        Ok(reading)
    }

    /// The steps so far.
    pub(super) fn funnel(
        &self,
        experiment: &Experiment,
        cleaners: &[Placed],
    ) -> Result<Vec<Step>, Failed> {
        if self.rows == 0 {
            return Err(By::Source.failed(Error::data("the source has no rows")));
        }
        let dropped: u64 = self.source.drops().map(|a| a.rows).sum();
        let read = self.census.at(0);
        let mut funnel = vec![Step::new(
            experiment.source.typetag_name().to_owned(),
            ("", On::Log),
            (self.rows + dropped, self.rows),
            // Of rows that cannot be read nobody knows whose they are.
            Ids::new(read, read),
            &self.source,
        )];
        for (number, ((at, cleaner), tally)) in (1..).zip(cleaners.iter().zip(&self.tallies)) {
            let ids = Ids::new(self.census.at(number - 1), self.census.at(number));
            funnel.push(Work::after(*at, *cleaner, tally.clone()).step(ids));
        }
        Ok(funnel)
    }

    /// How many numbers of rows it took.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Adds what came of the next piece, but for its users and items.
    pub(super) fn append(&mut self, from: &mut Reader) -> io::Result<()> {
        let mut next: Self = from.json()?;
        next.source.number_from(self.taken);
        self.source.merge(next.source);
        self.rows += next.rows;
        if self.tallies.is_empty() {
            self.tallies.resize_with(next.tallies.len(), Tally::default);
        }
        ensure(
            self.tallies.len() == next.tallies.len(),
            "it has other cleaners",
        )?;
        for (own, mut tally) in self.tallies.iter_mut().zip(next.tallies) {
            tally.number_from(self.taken);
            own.merge(tally);
        }
        self.taken += next.taken;
        Ok(())
    }

    /// Adds users and items of the piece that was appended last.
    pub(super) fn count(&mut self, from: &mut Reader) -> io::Result<()> {
        self.census.merge(from)
    }

    /// Writes it for [`Reading::append`] and [`Reading::count`].
    pub(super) fn write(&self, to: &mut Writer) -> io::Result<()> {
        to.json(self)?;
        self.census.write(to)
    }
}
