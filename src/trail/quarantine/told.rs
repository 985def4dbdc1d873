//! What one step did to each row of one part of the log, and for which reason.

use musicrec_api::{Booking, View};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Entry, find};
use crate::stages::prepare::Change;

/// The rule of what a cleaner does without booking it.
const UNBOOKED: &str = "not booked by the step";

/// What is told of one step and one part of the log.
pub(super) struct Told<'a> {
    step: usize,
    change: &'a Change<'a>,
    /// For each row before where it is after; `None` if it was dropped.
    stays: Vec<Option<usize>>,
    pub(super) entries: Vec<Entry>,
    pub(super) notes: Vec<String>,
}

/// A reason: column and what happened.
type Reason<'b> = (&'b str, &'b str);

impl<'a> Told<'a> {
    pub(super) fn of(step: usize, change: &'a Change<'a>) -> Self {
        let after = change.after.numbers();
        let place = |number: &u64| after.binary_search(number).ok();
        let mut told = Self {
            step,
            change,
            stays: change.before.numbers().iter().map(place).collect(),
            entries: Vec::new(),
            notes: Vec::new(),
        };
        told.drops();
        told.changes();
        told
    }

    fn bookings(&self, dropped: bool) -> impl Iterator<Item = &'a Booking> {
        let all = self.change.bookings.iter();
        all.filter(move |booking| booking.dropped == dropped)
    }

    fn drops(&mut self) {
        let mut reasons: FxHashMap<u64, Reason> = FxHashMap::default();
        let mut rest = Rest::default();
        for booking in self.bookings(true) {
            let reason = (booking.column.as_str(), booking.what.as_str());
            match &booking.sample {
                Some(sample) if booking.rows == 1 => {
                    reasons.insert(sample.row, reason);
                }
                _ => rest.add(reason, booking.rows),
            }
        }
        let gone = (0..self.stays.len()).filter(|&row| self.stays[row].is_none());
        let gone: Vec<usize> = gone.collect();
        let mut unexplained = 0;
        for row in gone {
            let number = self.change.before.number(row);
            let (column, rule) = if let Some((column, what)) = reasons.get(&number) {
                ((*column).to_owned(), (*what).to_owned())
            } else {
                unexplained += 1;
                rest.named()
            };
            let cell = self.change.before.view(&column);
            let before = cell.map_or_else(|_| String::new(), |cell| cell.show(row).into_owned());
            self.entries.push(Entry {
                row: number,
                step: self.step,
                dropped: true,
                rule,
                column,
                before,
                after: String::new(),
            });
        }
        self.agree("rows as dropped", rest.rows, unexplained);
    }

    /// What it says of itself and what it does.
    fn agree(&mut self, what: &str, booked: u64, found: u64) {
        if booked != found {
            self.notes.push(format!(
                "step {} `{}` books other {what} than it does in some part of the log; what it does is in \
                 the quarantine",
                self.step, self.change.name
            ));
        }
    }

    fn changes(&mut self) {
        let before = self.change.before;
        let names: Vec<&str> = before.names().collect();
        for name in names {
            let bookings = self.bookings(false).filter(|b| b.column == name);
            let bookings: Vec<&Booking> = bookings.collect();
            let (Ok(old), Ok(new)) = (before.view(name), self.change.after.view(name)) else {
                continue;
            };
            let mut explained = FxHashSet::default();
            let rest = self.booked(name, old, new, &bookings, &mut explained);
            if rest.rows == 0 && !comparable(old, new) {
                continue;
            }
            let differing = differing(old, new, &self.stays);
            let differing = differing.filter(|row| !explained.contains(row));
            let differing: Vec<usize> = differing.collect();
            self.agree("cells as changed", rest.rows, differing.len() as u64);
            for row in differing {
                let (_, rule) = rest.named();
                self.changed(name, row, (old, new), rule, None);
            }
        }
        let strange = self
            .bookings(false)
            .filter(|b| before.view(&b.column).is_err());
        let strange: u64 = strange.map(|booking| booking.rows).sum();
        self.agree("cells as changed", strange, 0);
    }

    /// Tells of all that the bookings of a column explain by their samples; what they do not.
    fn booked<'b>(
        &mut self,
        name: &str,
        old: View,
        new: View,
        bookings: &[&'b Booking],
        explained: &mut FxHashSet<usize>,
    ) -> Rest<'b> {
        let mut rest = Rest::default();
        // Bookings of several rows by the value of their sample's.
        let mut by_value: FxHashMap<u64, Vec<(usize, Vec<usize>)>> = FxHashMap::default();
        for (at, booking) in bookings.iter().enumerate() {
            let sample = booking.sample.as_ref();
            let found = sample.and_then(|s| Some((s, find(self.change.before, s.row)?)));
            match found {
                Some((sample, row)) if booking.rows == 1 => {
                    let after = sample.after.as_deref();
                    self.changed(name, row, (old, new), booking.what.clone(), after);
                    explained.insert(row);
                }
                Some((_, row)) => {
                    let of_value = by_value.entry(old.bits(row)).or_default();
                    of_value.push((at, Vec::new()));
                }
                None => rest.add((&booking.column, &booking.what), booking.rows),
            }
        }
        if by_value.is_empty() {
            return rest;
        }
        for row in 0..old.len() {
            for (_, rows) in by_value.get_mut(&old.bits(row)).into_iter().flatten() {
                rows.push(row);
            }
        }
        let mut all: Vec<(usize, Vec<usize>)> = by_value.into_values().flatten().collect();
        all.sort_by_key(|(at, _)| *at);
        for (at, rows) in all {
            let booking = bookings[at];
            let now = rows.iter().filter_map(|&row| self.stays[row]);
            let mut now = now.map(|row| new.bits(row));
            let first = now.next();
            let alike = now.all(|bits| Some(bits) == first);
            if rows.len() as u64 != booking.rows || !alike {
                rest.add((&booking.column, &booking.what), booking.rows);
                continue;
            }
            let after = booking.sample.as_ref().and_then(|s| s.after.as_deref());
            for row in rows {
                self.changed(name, row, (old, new), booking.what.clone(), after);
                explained.insert(row);
            }
        }
        rest
    }

    /// A changed cell. Where its row was dropped by the same step, a sample has what it became.
    fn changed(
        &mut self,
        column: &str,
        row: usize,
        (old, new): (View, View),
        rule: String,
        after: Option<&str>,
    ) {
        let after = match self.stays[row] {
            Some(row) => new.show(row).into_owned(),
            None => after.unwrap_or_default().to_owned(),
        };
        self.entries.push(Entry {
            row: self.change.before.number(row),
            step: self.step,
            dropped: false,
            rule,
            column: column.to_owned(),
            before: old.show(row).into_owned(),
            after,
        });
    }
}

/// What was booked and could not be told of rows.
#[derive(Default)]
struct Rest<'b> {
    rows: u64,
    reasons: Vec<Reason<'b>>,
}

impl<'b> Rest<'b> {
    fn add(&mut self, reason: Reason<'b>, rows: u64) {
        self.rows += rows;
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// Column and rule of a case of these.
    fn named(&self) -> (String, String) {
        match self.reasons.as_slice() {
            [] => (String::new(), UNBOOKED.to_owned()),
            [(column, what)] => ((*column).to_owned(), (*what).to_owned()),
            several => {
                let named = several.iter().map(|(column, what)| match *column {
                    "" => (*what).to_owned(),
                    column => format!("{column} {what}"),
                });
                (String::new(), named.collect::<Vec<_>>().join(" or "))
            }
        }
    }
}

/// Whether cells of one column before and after are of one type. A text that became a number or a time is
/// another way to hold the same, unless the step says otherwise.
fn comparable(old: View, new: View) -> bool {
    std::mem::discriminant(&old) == std::mem::discriminant(&new)
}

/// The rows that stay and whose cell is another one; of cells of another type those that are missing now,
/// or are no longer.
fn differing<'v>(
    old: View<'v>,
    new: View<'v>,
    stays: &'v [Option<usize>],
) -> impl Iterator<Item = usize> + 'v {
    // Codes of one list of values can be compared.
    let same_codes = match (old, new) {
        (View::Text(old), View::Text(new)) => old.values() == new.values(),
        _ => true,
    };
    let differs = move |row: usize, now: usize| {
        if !comparable(old, new) {
            return old.is_missing(row) != new.is_missing(now);
        }
        if same_codes {
            return old.bits(row) != new.bits(now);
        }
        old.is_missing(row) != new.is_missing(now) || old.show(row) != new.show(now)
    };
    let stays = stays.iter().enumerate();
    stays
        .filter(move |(row, now)| now.is_some_and(|now| differs(*row, now)))
        .map(|(row, _)| row)
}
