//! The account that cleaning leaves: what each step dropped and changed, with samples.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How many samples an [`Account`] keeps; the count goes on.
const SAMPLES: usize = 3;

/// One cell before and after a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sample {
    /// Row of the log, counted from 1 without the header.
    pub row: u64,
    /// The value as it was.
    pub before: String,
    /// The value as it is now; `None` if the cell is now missing or its row was dropped.
    pub after: Option<String>,
}

/// How often one thing happened to one column, with the first few samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Account {
    /// The column, or an empty string for whole rows.
    pub column: String,
    /// What happened, in words for a report: `trimmed`, `placeholder`, `not a time`.
    pub what: String,
    /// Rows it happened to.
    pub rows: u64,
    /// The first few cases.
    pub samples: Vec<Sample>,
}

/// What one step did: rows it dropped and values it changed, by column and reason.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ledger {
    dropped: Vec<Account>,
    changed: Vec<Account>,
    /// Which accounts of changes tell of each value once, by column and reason.
    by_value: BTreeSet<(String, String)>,
    leaks: Vec<String>,
    #[serde(skip)]
    bookings: Option<Vec<Booking>>,
}

/// One call of [`Ledger::dropped`], [`Ledger::changed`] or [`Ledger::changed_as`], as a ledger keeps it
/// that is [`Ledger::traced`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Whether rows were dropped; otherwise cells were changed.
    pub dropped: bool,
    /// The column, or an empty string for whole rows.
    pub column: String,
    /// What happened.
    pub what: String,
    /// Rows it happened to.
    pub rows: u64,
    /// The case that was given with it.
    pub sample: Option<Sample>,
}

impl Ledger {
    /// A ledger that also keeps every booking with its sample, for an account of each row. It asks
    /// for one booking a dropped row ([`Ledger::is_traced`]).
    pub fn traced() -> Self {
        Self {
            bookings: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// Whether every booking is kept. A step that otherwise books rows by their number, with a few
    /// samples, then books each dropped row by itself with a sample: without, its reason can only
    /// be told where the step has no other.
    pub fn is_traced(&self) -> bool {
        self.bookings.is_some()
    }

    /// The bookings since this was last asked for; none unless the ledger is traced.
    pub fn take_bookings(&mut self) -> Vec<Booking> {
        self.bookings
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn keep(
        &mut self,
        dropped: bool,
        column: &str,
        what: &str,
        rows: u64,
        sample: Option<&Sample>,
    ) {
        if let Some(bookings) = self.bookings.as_mut().filter(|_| rows > 0) {
            bookings.push(Booking {
                dropped,
                column: column.to_owned(),
                what: what.to_owned(),
                rows,
                sample: sample.cloned(),
            });
        }
    }

    /// Books `rows` rows as dropped for `what` found in `column` (empty for whole rows). Accounts are in the order of their
    /// first booking, of which one without rows is one.
    pub fn dropped(&mut self, column: &str, what: &str, rows: u64, sample: Option<Sample>) {
        self.keep(true, column, what, rows, sample.as_ref());
        book(&mut self.dropped, column, what, rows, sample);
    }

    /// Books `rows` cells of `column` as changed because of `what`.
    pub fn changed(&mut self, column: &str, what: &str, rows: u64, sample: Option<Sample>) {
        self.keep(false, column, what, rows, sample.as_ref());
        book(&mut self.changed, column, what, rows, sample);
    }

    /// [`Ledger::changed`] for a step that looks at each distinct value once: the sample of a value
    /// is kept once, in how many parts of the log the value may be, and only made if it may be kept.
    pub fn changed_as(
        &mut self,
        column: &str,
        what: &str,
        rows: u64,
        sample: impl FnOnce() -> Sample,
    ) {
        let mut sample = Some(sample);
        let mut make = || sample.take().map(|sample| sample());
        let traced = if self.is_traced() { make() } else { None };
        self.keep(false, column, what, rows, traced.as_ref());
        let Some(account) = book(&mut self.changed, column, what, rows, None) else {
            return;
        };
        if account.samples.is_empty() {
            self.by_value.insert((column.to_owned(), what.to_owned()));
        }
        if account.samples.len() < SAMPLES
            && let Some(sample) = traced.or_else(make)
        {
            let known =
                |known: &Sample| (&known.before, &known.after) == (&sample.before, &sample.after);
            if !account.samples.iter().any(known) {
                account.samples.push(sample);
            }
        }
    }

    /// Says that the step looked at rows it should not know, for the report's leak list.
    pub fn leak(&mut self, what: impl Into<String>) {
        self.leaks.push(what.into());
    }

    /// Adds what the same step booked for another part of the log. Of the samples of both the first few rows are
    /// kept, so it does not matter into which parts the log was divided. Bookings of a traced ledger are added too.
    pub fn merge(&mut self, other: Self) {
        self.by_value.extend(other.by_value);
        merge(&mut self.dropped, other.dropped, |_| false);
        merge(&mut self.changed, other.changed, |account| {
            let key = (account.column.clone(), account.what.clone());
            self.by_value.contains(&key)
        });
        let new = |leak: &String| !self.leaks.contains(leak);
        let new: Vec<String> = other.leaks.into_iter().filter(new).collect();
        self.leaks.extend(new);
        if let (Some(own), Some(theirs)) = (&mut self.bookings, other.bookings) {
            own.extend(theirs);
        }
    }

    /// Numbers all rows that samples are of on from a row: what was booked for a piece of a source that begins after it.
    pub fn number_from(&mut self, row: u64) {
        for account in self.dropped.iter_mut().chain(&mut self.changed) {
            for sample in &mut account.samples {
                sample.row += row;
            }
        }
    }

    /// Dropped rows by column and reason, in the order of their first booking.
    pub fn drops(&self) -> impl Iterator<Item = &Account> {
        self.dropped.iter().filter(|account| account.rows > 0)
    }

    /// Changed cells by column and reason, in the order of their first booking.
    pub fn changes(&self) -> impl Iterator<Item = &Account> {
        self.changed.iter().filter(|account| account.rows > 0)
    }

    /// What was booked with [`Ledger::leak`].
    pub fn leaks(&self) -> &[String] {
        &self.leaks
    }
}

/// `by_value` says which accounts tell of each value once: of where it stood first.
fn merge(own: &mut Vec<Account>, others: Vec<Account>, by_value: impl Fn(&Account) -> bool) {
    for mut other in others {
        let samples = std::mem::take(&mut other.samples);
        let once = by_value(&other);
        let Some(account) = book(own, &other.column, &other.what, other.rows, None) else {
            continue;
        };
        for sample in samples {
            let same = |known: &&mut Sample| {
                (&known.before, &known.after) == (&sample.before, &sample.after)
            };
            match account.samples.iter_mut().find(same).filter(|_| once) {
                Some(known) => known.row = known.row.min(sample.row),
                None => account.samples.push(sample),
            }
        }
        account.samples.sort_by_key(|sample| sample.row);
        account.samples.truncate(SAMPLES);
    }
}

/// The account to which rows were added, if there were any; without any it has its place all the same, so that the order
/// of accounts does not depend on which part of a log had the first case. Accounts are few (columns times reasons), so
/// looking through all of them is quick.
fn book<'a>(
    accounts: &'a mut Vec<Account>,
    column: &str,
    what: &str,
    rows: u64,
    sample: Option<Sample>,
) -> Option<&'a mut Account> {
    let known = accounts
        .iter()
        .position(|a| a.column == column && a.what == what);
    let at = known.unwrap_or_else(|| {
        accounts.push(Account {
            column: column.to_owned(),
            what: what.to_owned(),
            rows: 0,
            samples: Vec::new(),
        });
        accounts.len() - 1
    });
    let account = &mut accounts[at];
    if rows == 0 {
        return None;
    }
    account.rows += rows;
    if account.samples.len() < SAMPLES {
        account.samples.extend(sample);
    }
    Some(account)
}

#[cfg(test)]
mod tests {
    use super::{Ledger, Sample};

    #[test]
    fn a_value_is_a_sample_once_however_many_parts_hold_it() {
        let mut ledger = Ledger::default();
        for (row, before) in [
            (1, "A"),
            (9, "A"),
            (12, "B"),
            (20, "A"),
            (21, "C"),
            (22, "D"),
        ] {
            let after = Some(before.to_lowercase());
            ledger.changed_as("user", "case folded", 2, || Sample {
                row,
                before: before.to_owned(),
                after,
            });
        }
        let account = ledger.changes().next().unwrap();
        let rows: Vec<u64> = account.samples.iter().map(|sample| sample.row).collect();
        assert_eq!((account.rows, rows), (12, vec![1, 12, 21]));
    }

    #[test]
    fn ledgers_of_parts_are_together_that_of_the_whole() {
        let mut whole = Ledger::default();
        let mut parts = [Ledger::default(), Ledger::default(), Ledger::default()];
        for row in 1..40u64 {
            let value = (row * row) % 7;
            let sample = || Sample {
                row,
                before: format!("v{value}"),
                after: (value > 3).then(|| "v".to_owned()),
            };
            for ledger in [&mut whole, &mut parts[(row % 3) as usize]] {
                ledger.dropped("item", "rare", 1, (value < 2).then(sample));
                if value > 3 {
                    ledger.changed_as("user", "trimmed", 2, sample);
                }
                if row % 5 == 0 {
                    ledger.changed_as("", "missing now", 1, || Sample {
                        after: None,
                        ..sample()
                    });
                }
            }
            if row == 9 {
                whole.leak("looked ahead");
                for part in &mut parts {
                    part.leak("looked ahead");
                }
            }
        }
        let [mut all, second, third] = parts;
        all.merge(second);
        all.merge(third);
        assert!(all.drops().eq(whole.drops()));
        assert_eq!(all.leaks(), whole.leaks());
        let changes = |of: &Ledger| {
            let mut all: Vec<_> = of.changes().cloned().collect();
            all.sort_by(|a, b| a.column.cmp(&b.column));
            all
        };
        assert_eq!(changes(&all), changes(&whole));
    }

    #[test]
    fn a_traced_ledger_has_the_same_accounts_and_every_booking_once() {
        let book = |ledger: &mut Ledger| {
            for row in 1..=9 {
                let sample = || Sample {
                    row,
                    before: format!("{}", row % 2),
                    after: None,
                };
                ledger.dropped("item", "rare", 1, Some(sample()));
                ledger.changed("user", "blank", 1, Some(sample()));
                ledger.changed_as("user", "trimmed", row, sample);
                ledger.dropped("", "nothing", 0, Some(sample()));
            }
        };
        let (mut plain, mut traced) = (Ledger::default(), Ledger::traced());
        book(&mut plain);
        book(&mut traced);
        assert!(plain.drops().eq(traced.drops()) && plain.changes().eq(traced.changes()));
        assert_eq!(plain.take_bookings(), []);
        let bookings = traced.take_bookings();
        let trimmed = bookings.iter().filter(|b| b.what == "trimmed");
        let rows: Vec<(u64, u64)> = trimmed
            .map(|b| (b.rows, b.sample.as_ref().expect("each has its own").row))
            .collect();
        assert_eq!(rows, (1..=9).map(|row| (row, row)).collect::<Vec<_>>());
        assert_eq!(bookings.iter().filter(|b| b.dropped).count(), 9);
        assert_eq!(traced.take_bookings(), []);
    }
}
