//! Makes the log day by day and writes it.

use std::io::Write;

use musicrec_api::{Cells, Column, Error, Log, Result, Text};

use super::Synthetic;
use super::catalogue::{Catalogue, digits};
use super::dice::Dice;
use super::listeners::user_ids;
use super::muddle::Muddler;
use super::row::{
    BAD_TIMES, COLUMNS, COUNTRIES, CellForm, DEVICES, Event, IdForm, MISSING_MARKERS, PADDINGS,
    Plays, Row, SONG_PLACEHOLDERS, TimeForm, USER_PLACEHOLDERS,
};
use super::sessions::{DAY, Simulation};
use super::tally::Tally;
use super::truth::Truth;

/// Rows of a chunk of [`Log`]; what is in the log does not depend on it.
const CHUNK: usize = 1 << 16;

/// Makes the rows of a log and gives them to `sink` a day at a time, in the order of arrival.
fn generate(
    parameters: &Synthetic,
    seed: u64,
    mut sink: impl FnMut(&Printer, &[Row]) -> Result<()>,
) -> Result<Truth> {
    parameters.checked()?;
    let days = parameters.days.get();
    let total = parameters.rows.get();
    let mut dice = Dice::new(seed, "catalogue");
    let catalogue = Catalogue::new(parameters, days * DAY, &mut dice);
    let printer = Printer::new(parameters, &catalogue, user_ids(parameters, &mut dice));
    let mut simulation = Simulation::new(parameters, &catalogue, seed);
    let mut muddler = Muddler::new(&parameters.mess, total, seed);
    let mut tally = Tally::new(parameters);
    let rates = parameters.mess.duplicates();
    let mut due = [0.5; 4];
    let mut fresh = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for day in 0..days {
        let upto = |day: u32| total * u64::from(day) / u64::from(days);
        let today = upto(day + 1) - upto(day);
        let mut copies = copies_due(&mut due, rates, today);
        fresh.clear();
        let originals = today - copies.iter().sum::<u64>();
        simulation.day(day, originals as u32, &mut fresh);
        for (index, row) in fresh.iter_mut().enumerate() {
            // Each set of rows to copy is as likely as any other.
            let kind = pick_copy(&mut muddler, &mut copies, originals - index as u64);
            muddler.spoil(row, kind.is_some());
            if let Some(kind) = kind {
                let (copy, copied) = muddler.copy(row, kind);
                tally.copy(copied);
                rows.push(copy);
            }
            rows.push(*row);
        }
        rows.sort_unstable_by_key(|r| (r.arrival, r.user, r.time));
        let tomorrow = (day + 1) * DAY;
        let ready = if day + 1 == days {
            rows.len()
        } else {
            rows.partition_point(|r| r.arrival < tomorrow)
        };
        for row in &rows[..ready] {
            tally.row(row);
        }
        sink(&printer, &rows[..ready])?;
        rows.drain(..ready);
    }
    Ok(tally.truth(parameters, seed, |time| {
        let mut text = Vec::new();
        printer.time(time, &mut text);
        String::from_utf8(text).expect("digits are UTF-8")
    }))
}

/// How many copies of each kind a day of `today` rows gets. What a day has no room for is due later.
fn copies_due(due: &mut [f64; 4], rates: [f64; 4], today: u64) -> [u64; 4] {
    let mut room = today / 2;
    std::array::from_fn(|kind| {
        due[kind] += rates[kind] * today as f64;
        let copies = (due[kind] as u64).min(room);
        due[kind] -= copies as f64;
        room -= copies;
        copies
    })
}

/// The kind of copy the next of `left` rows gets, if any.
fn pick_copy(muddler: &mut Muddler, copies: &mut [u64; 4], left: u64) -> Option<usize> {
    if copies.iter().all(|&n| n == 0) {
        return None;
    }
    let mut draw = u64::from(muddler.below(left as u32));
    for (kind, count) in copies.iter_mut().enumerate() {
        if draw < *count {
            *count -= 1;
            return Some(kind);
        }
        draw -= *count;
    }
    None
}

/// Writes a log as CSV with a header, row after row in the order of arrival, and tells the truth
/// about it. The same parameters and seed give the same bytes. `progress` is told the number of rows
/// written so far.
///
/// # Errors
/// If the parameters contradict each other, or writing fails.
pub fn write_csv(
    parameters: &Synthetic,
    seed: u64,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Truth> {
    let fault = |e| Error::io("cannot write the synthetic log", e);
    parameters.checked()?;
    writeln!(out, "{}", COLUMNS.join(",")).map_err(fault)?;
    let mut text = Vec::new();
    let mut done = 0;
    let truth = generate(parameters, seed, |printer, rows| {
        for block in rows.chunks(CHUNK) {
            text.clear();
            for row in block {
                printer.row(row, &mut text);
            }
            out.write_all(&text).map_err(fault)?;
            done += block.len() as u64;
            progress(done);
        }
        Ok(())
    })?;
    out.flush().map_err(fault)?;
    Ok(truth)
}

/// Gives a log to `sink` in chunks of cells as a CSV file would have them.
pub(super) fn read(
    parameters: &Synthetic,
    seed: u64,
    sink: &mut dyn FnMut(Log) -> Result<()>,
) -> Result<()> {
    let mut text = Vec::new();
    let mut pending = 0;
    let mut before = 0;
    generate(parameters, seed, |printer, rows| {
        for row in rows {
            printer.row(row, &mut text);
            pending += 1;
            if pending == CHUNK {
                sink(chunk(&text, before)?)?;
                before += pending as u64;
                pending = 0;
                text.clear();
            }
        }
        Ok(())
    })?;
    if pending > 0 {
        sink(chunk(&text, before)?)?;
    }
    Ok(())
}

/// The rows of `text`, which are preceded by `before` others. No cell needs quotes, so a comma or a
/// line's end always ends a cell.
fn chunk(text: &[u8], before: u64) -> Result<Log> {
    let text = str::from_utf8(text).map_err(|e| Error::data(e.to_string()))?;
    let cells: Vec<&str> = text
        .split_terminator('\n')
        .flat_map(|line| line.split(','))
        .collect();
    let rows = (cells.len() / COLUMNS.len()) as u64;
    let columns = COLUMNS
        .into_iter()
        .enumerate()
        .map(|(index, name)| Column {
            name: name.to_owned(),
            cells: Cells::Text(
                cells[index..]
                    .iter()
                    .step_by(COLUMNS.len())
                    .map(|&cell| Some(cell))
                    .collect::<Text>(),
            ),
        })
        .collect();
    let numbers = (before + 1..=before + rows).collect();
    Ok(Log::new(columns, numbers, super::row::roles()))
}

/// Turns rows into text.
struct Printer<'a> {
    catalogue: &'a Catalogue,
    users: Vec<u32>,
    user_digits: u32,
    song_digits: u32,
    artist_digits: u32,
    /// `2025-09-01 ` for each day, and one day more for sessions that run past midnight.
    dates: Vec<String>,
}

impl<'a> Printer<'a> {
    fn new(parameters: &Synthetic, catalogue: &'a Catalogue, users: Vec<u32>) -> Self {
        Self {
            catalogue,
            user_digits: digits(parameters.users.get(), 5),
            song_digits: digits(parameters.songs.get(), 6),
            artist_digits: digits(parameters.artists.get(), 5),
            users,
            dates: parameters
                .start
                .days()
                .take(parameters.days.get() as usize + 2)
                .map(|date| format!("{date} "))
                .collect(),
        }
    }

    fn row(&self, row: &Row, out: &mut Vec<u8>) {
        let song = &self.catalogue.songs[row.song as usize];
        let artist = &self.catalogue.artists[song.artist as usize];
        let user = self.users[row.user as usize];
        let placeholders = &USER_PLACEHOLDERS;
        id(
            out,
            row.user_form,
            b'u',
            user,
            self.user_digits,
            placeholders,
        );
        out.push(b',');
        let placeholders = &SONG_PLACEHOLDERS;
        id(
            out,
            row.song_form,
            b's',
            song.id,
            self.song_digits,
            placeholders,
        );
        out.push(b',');
        out.extend_from_slice(row.event.labels()[usize::from(row.label)].as_bytes());
        out.push(b',');
        match row.plays {
            Plays::Number(n) => number(u32::from(n), out),
            Plays::Blank => {}
            Plays::One => out.extend_from_slice(b"one"),
            Plays::Ten => out.extend_from_slice(b"ten"),
            Plays::PaddedTwo => out.extend_from_slice(b"2 "),
            Plays::PaddedThree => out.extend_from_slice(b" 3"),
        }
        out.extend_from_slice(match row.event {
            Event::Like => b",1,0,0,",
            Event::AddToPlaylist => b",0,1,0,",
            Event::Skip => b",0,0,1,",
            _ => b",0,0,0,",
        });
        if row.seconds < 0 {
            out.push(b'-');
        }
        number(u32::from(row.seconds.unsigned_abs()), out);
        out.push(b',');
        match row.time_form {
            TimeForm::Valid => self.time(row.time, out),
            TimeForm::Bad(which) => out.extend_from_slice(BAD_TIMES[usize::from(which)].as_bytes()),
        }
        out.push(b',');
        let (device, restyled) = DEVICES[usize::from(row.device)];
        category(row.device_form, device, restyled, out);
        out.push(b',');
        let country = COUNTRIES[usize::from(row.country)];
        category(row.country_form, country, country, out);
        out.push(b',');
        if let CellForm::Missing(_) = row.artist_form {
            category(row.artist_form, "", "", out);
        } else {
            out.push(b'a');
            padded(artist.id, self.artist_digits, out);
        }
        out.push(b',');
        let genre = &self.catalogue.genres[artist.genre as usize];
        category(row.genre_form, &genre.name, &genre.title, out);
        out.push(b'\n');
    }

    /// `2025-09-01 22:57:00`.
    fn time(&self, time: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.dates[(time / DAY) as usize].as_bytes());
        let second = time % DAY;
        padded(second / 3_600, 2, out);
        out.push(b':');
        padded(second / 60 % 60, 2, out);
        out.push(b':');
        padded(second % 60, 2, out);
    }
}

fn id(out: &mut Vec<u8>, form: IdForm, letter: u8, id: u32, digits: u32, placeholders: &[&str; 4]) {
    match form {
        IdForm::Real { padding, upper } => {
            let (before, behind) = PADDINGS[usize::from(padding)];
            out.extend_from_slice(before.as_bytes());
            out.push(if upper {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            padded(id, digits, out);
            out.extend_from_slice(behind.as_bytes());
        }
        IdForm::Placeholder(which) => {
            out.extend_from_slice(placeholders[usize::from(which)].as_bytes());
        }
    }
}

fn category(form: CellForm, plain: &str, restyled: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(
        match form {
            CellForm::Plain => plain,
            CellForm::Restyled => restyled,
            CellForm::Missing(marker) => MISSING_MARKERS[usize::from(marker)],
        }
        .as_bytes(),
    );
}

fn number(value: u32, out: &mut Vec<u8>) {
    padded(value, value.max(1).ilog10() + 1, out);
}

/// A number with leading zeros.
fn padded(mut value: u32, digits: u32, out: &mut Vec<u8>) {
    let mut text = [b'0'; 10];
    for at in (0..digits as usize).rev() {
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text[..digits as usize]);
}
