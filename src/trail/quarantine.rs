//! Every dropped row and every changed cell, with the reason under which the ledger books it.
//!
//! No cleaner has to say which rows it touched. A traced ledger keeps the sample of every booking, and a
//! sample names its row. A booking of one row is about the row of its sample. One of several is about the
//! cells that held the value of the sample's, since steps that look at each distinct value once book it
//! so; it holds if they are as many as were booked and all became the same. What is booked without a usable sample is about what
//! differs before and after and has no reason yet: a lone reason is theirs, several are named together,
//! because which is whose cannot be told. So the counts are those of the ledger; where a cleaner books
//! something else than it does, that is said.

mod told;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use musicrec_api::{Booking, Error, Log, Result, Whole};

use crate::stages::prepare::{Change, Watch};
use told::Told;

/// How the columns of a dropped row as it was read are named.
const READ: &str = "read.";

/// One line.
#[derive(Debug)]
struct Entry {
    row: u64,
    step: usize,
    dropped: bool,
    rule: String,
    column: String,
    before: String,
    after: String,
}

/// How many rows and cells the file names, and what did not agree with the ledger.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) dropped: u64,
    pub(crate) changed: u64,
    pub(crate) notes: Vec<String>,
}

/// Writes them while a log is cleaned.
pub(crate) struct Quarantine<W: Write> {
    writer: csv::Writer<W>,
    /// The source and those steps that worked so far, by number.
    names: BTreeMap<usize, String>,
    /// Whether steps that look at the whole log will need rows as they were read.
    keeps: bool,
    /// The columns of the log, once they are known.
    header: Vec<String>,
    /// The rows as they were read: of one part, or at last of all that was left of the parts.
    read: Option<Log>,
    kept: Whole,
    /// What is to be written of the part at work.
    entries: Vec<Entry>,
    named: Named,
}

impl<W: Write> Quarantine<W> {
    /// With a source of that name. `keeps`: whether some step will look at the whole log.
    pub(crate) fn new(to: W, source: &str, keeps: bool) -> Self {
        Self {
            writer: csv::Writer::from_writer(to),
            names: BTreeMap::from([(0, source.to_owned())]),
            keeps,
            header: Vec::new(),
            read: None,
            kept: Whole::default(),
            entries: Vec::new(),
            named: Named::default(),
        }
    }

    /// Ends the file.
    pub(crate) fn end(mut self) -> Result<Named> {
        self.write()?;
        self.writer.flush().map_err(|error| failed(error.into()))?;
        Ok(self.named)
    }

    /// Writes what there is, by row and step.
    fn write(&mut self) -> Result<()> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|entry| (entry.row, entry.step));
        for entry in &entries {
            self.line(entry).map_err(failed)?;
            let count = if entry.dropped {
                &mut self.named.dropped
            } else {
                &mut self.named.changed
            };
            *count += 1;
        }
        Ok(())
    }

    fn line(&mut self, entry: &Entry) -> csv::Result<()> {
        let (mut row, mut step) = (String::new(), String::new());
        let _ = write!(row, "{}", entry.row);
        let _ = write!(step, "{} {}", entry.step, self.names[&entry.step]);
        let what = if entry.dropped { "dropped" } else { "changed" };
        let cells = [
            &row,
            &step,
            what,
            &entry.rule,
            &entry.column,
            &entry.before,
            &entry.after,
        ];
        for cell in cells {
            self.writer.write_field(cell)?;
        }
        let read = self.read.as_ref().filter(|_| entry.dropped);
        let row = read.and_then(|read| Some((read, find(read, entry.row)?)));
        match row {
            Some((read, row)) => {
                for view in read.views() {
                    self.writer.write_field(&*view.show(row))?;
                }
            }
            None => {
                for _ in &self.header {
                    self.writer.write_field("")?;
                }
            }
        }
        self.writer.write_record(None::<&[u8]>)
    }

    /// The header, once the columns are known.
    fn begin(&mut self, part: &Log) -> Result<()> {
        if !self.header.is_empty() {
            return Ok(());
        }
        self.header = part.names().map(|name| format!("{READ}{name}")).collect();
        let own = ["row", "step", "what", "rule", "column", "before", "after"];
        let all = own
            .into_iter()
            .chain(self.header.iter().map(String::as_str));
        self.writer.write_record(all).map_err(failed)
    }

    /// Rows of the source that it dropped: they are in no log.
    fn unread(&mut self, bookings: Vec<Booking>) {
        let mut unnamed = 0;
        for booking in bookings.into_iter().filter(|booking| booking.dropped) {
            match booking.sample.filter(|_| booking.rows == 1) {
                Some(sample) => self.entries.push(Entry {
                    row: sample.row,
                    step: 0,
                    dropped: true,
                    rule: booking.what,
                    column: booking.column,
                    before: sample.before,
                    after: String::new(),
                }),
                None => unnamed += booking.rows,
            }
        }
        if unnamed > 0 {
            let name = &self.names[&0];
            self.named.notes.push(format!(
                "{unnamed} rows that the source `{name}` dropped are not in the quarantine: it does not \
                 say which they are"
            ));
        }
    }
}

impl<W: Write> Watch for Quarantine<W> {
    fn traces(&self) -> bool {
        true
    }

    fn read(&mut self, part: &Log) -> Result<()> {
        self.begin(part)?;
        self.read = Some(part.clone());
        Ok(())
    }

    fn step(&mut self, number: usize, change: &Change) -> Result<()> {
        self.names
            .entry(number)
            .or_insert_with(|| change.name.to_owned());
        let told = Told::of(number, change);
        self.entries.extend(told.entries);
        for note in told.notes {
            if !self.named.notes.contains(&note) {
                self.named.notes.push(note);
            }
        }
        Ok(())
    }

    fn streamed(&mut self, part: &Log) -> Result<()> {
        self.write()?;
        if let Some(mut read) = self.read.take().filter(|_| self.keeps) {
            let left = part.numbers();
            let keep: Vec<bool> = read
                .numbers()
                .iter()
                .map(|number| left.binary_search(number).is_ok())
                .collect();
            read.retain(&keep);
            self.kept.append(read)?;
        }
        Ok(())
    }

    fn whole(&mut self, source: Vec<Booking>) -> Result<()> {
        self.unread(source);
        self.write()?;
        self.read = std::mem::take(&mut self.kept).finish();
        Ok(())
    }
}

/// The place of a row in a log, by its number.
fn find(log: &Log, number: u64) -> Option<usize> {
    log.numbers().binary_search(&number).ok()
}

fn failed(error: csv::Error) -> Error {
    let text = error.to_string();
    let source = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => std::io::Error::other(text),
    };
    Error::io("cannot write the quarantine", source)
}

#[cfg(test)]
mod tests;
