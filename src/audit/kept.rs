//! The rows of a log as far as questions between rows need them, in bounded memory.

use rustc_hash::FxHashMap;

use super::pairs::grouped;

/// Rows that are kept. Beyond, all rows of some users stand for all.
const MOST: usize = 8_000_000;
/// Kind of event of a row that has none.
pub(super) const NO_EVENT: u16 = u16::MAX;
/// Time of a row that has none.
pub(super) const NO_TIME: i64 = i64::MIN;

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Number in the source, counted from 1 without the header.
    pub(super) number: u64,
    /// Place of the normalized user among users.
    pub(super) user: u32,
    /// Place of the normalized item among items.
    pub(super) item: u32,
    pub(super) time: i64,
    /// Place of the event's label among labels as written.
    pub(super) event: u16,
    pub(super) plays: f32,
    pub(super) seconds: f32,
    /// Hash of all cells as they stand.
    pub(super) exact: u64,
    /// Hash of what all cells but the event's mean.
    pub(super) alike: u64,
}

/// The rows of all users, or of one in `2^halved` of them.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) rows: Vec<Row>,
    most: usize,
    halved: u32,
    /// A number between 0 and the largest for each user, by which they are chosen.
    pub(super) lots: Vec<u64>,
}

impl Default for Kept {
    fn default() -> Self {
        Self::with_room(MOST)
    }
}

impl Kept {
    /// For so many rows.
    fn with_room(most: usize) -> Self {
        Self {
            rows: Vec::new(),
            most,
            halved: 0,
            lots: Vec::new(),
        }
    }

    /// Whether rows of a user with that lot are kept.
    pub(super) fn keeps(&self, lot: u64) -> bool {
        // The upper bits, for lower ones place the user in hash tables.
        self.halved == 0 || lot >> (64 - self.halved) == 0
    }

    pub(super) fn push(&mut self, row: Row) {
        if self.rows.len() == self.rows.capacity() {
            // Not twice as much for the last few.
            let room = self.most.saturating_sub(self.rows.len()).max(1024);
            let more = (self.rows.len() / 2).clamp(1024, room);
            self.rows.reserve_exact(more);
        }
        self.rows.push(row);
        if self.rows.len() >= self.most {
            self.halved += 1;
            let (halved, lots) = (self.halved, &self.lots);
            self.rows
                .retain(|row| lots[row.user as usize] >> (64 - halved) == 0);
        }
    }

    /// One user in so many is here.
    pub(super) fn one_in(&self) -> u64 {
        1 << self.halved
    }

    /// Places of rows by user, each user's in the order of the log: where each user's begin, and the
    /// places.
    pub(super) fn by_user(&self, users: usize) -> (Vec<usize>, Vec<u32>) {
        grouped(self.rows.iter().map(|row| row.user), users)
    }
}

/// Things of which all rows should have the same value of a column: an item's artist, a user's country.
#[derive(Debug)]
pub(super) struct Dependency {
    /// The column's place.
    pub(super) column: usize,
    /// Whether it is a column of users, else of items.
    pub(super) of_user: bool,
    /// By thing: hash of its first value, 0 if it has none yet.
    first: Vec<u64>,
    rows: Vec<u32>,
    /// Different values of the things that have several, each with its rows.
    several: FxHashMap<u32, FxHashMap<u64, u32>>,
    /// Whether so many have several that the column says nothing of them.
    given_up: bool,
    looked_at: u64,
}

/// After so many rows a column that is no column of its things is given up.
const PATIENCE: u64 = 20_000;

impl Dependency {
    pub(super) fn new(column: usize, of_user: bool) -> Self {
        Self {
            column,
            of_user,
            first: Vec::new(),
            rows: Vec::new(),
            several: FxHashMap::default(),
            given_up: false,
            looked_at: 0,
        }
    }

    /// Takes note of a row.
    pub(super) fn add(&mut self, thing: u32, value: u64) {
        if self.given_up || value == 0 {
            return;
        }
        let at = thing as usize;
        if at >= self.first.len() {
            self.first.resize(at + 1, 0);
            self.rows.resize(at + 1, 0);
        }
        self.looked_at += 1;
        self.rows[at] += 1;
        let first = &mut self.first[at];
        if *first == 0 {
            *first = value;
        } else if *first != value {
            *self
                .several
                .entry(thing)
                .or_default()
                .entry(value)
                .or_default() += 1;
        }
        if self.looked_at.is_multiple_of(PATIENCE) && self.repeated() < 4 * self.several.len() {
            self.given_up = true;
            self.several = FxHashMap::default();
        }
    }

    /// Things with two rows or more.
    fn repeated(&self) -> usize {
        self.rows.iter().filter(|rows| **rows > 1).count()
    }

    /// The things that break the rule, if nearly all others keep it: each with its rows, its values and
    /// the rows of the most frequent of these.
    pub(super) fn breaks(&self) -> Option<Vec<Break>> {
        let repeated = self.repeated();
        if self.given_up || repeated < 20 || self.several.len() * 10 > repeated {
            return None;
        }
        let mut breaks: Vec<Break> = self
            .several
            .iter()
            .map(|(&thing, others)| {
                let rows = self.rows[thing as usize];
                let first = rows - others.values().sum::<u32>();
                Break {
                    thing,
                    rows: u64::from(rows),
                    values: others.len() + 1,
                    most: u64::from(others.values().copied().max().unwrap_or(0).max(first)),
                }
            })
            .collect();
        breaks.sort_by_key(|b| (std::cmp::Reverse(b.rows), b.thing));
        Some(breaks)
    }
}

/// A thing that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) thing: u32,
    pub(super) rows: u64,
    pub(super) values: usize,
    /// Rows of the most frequent value.
    pub(super) most: u64,
}

impl Break {
    /// Whether the thing is many things: no value has most of its rows.
    pub(super) fn is_many(self) -> bool {
        self.values > 2 && 2 * self.most < self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Kept, Row};

    #[test]
    fn what_breaks_a_rule_that_others_keep_is_found() {
        let mut artist = Dependency::new(0, false);
        for item in 0..50u32 {
            for _ in 0..3 {
                artist.add(item, u64::from(item) + 1);
            }
        }
        for value in 1..8 {
            artist.add(50, value);
        }
        artist.add(7, 99);
        let breaks = artist.breaks().unwrap();
        let many: Vec<u32> = breaks
            .iter()
            .filter(|b| b.is_many())
            .map(|b| b.thing)
            .collect();
        assert_eq!((breaks.len(), many), (2, vec![50]));
        let mut device = Dependency::new(0, true);
        for row in 0..1000u32 {
            device.add(row % 50, u64::from(row % 7) + 1);
        }
        assert_eq!(device.breaks(), None, "no column of users");
    }

    fn row(row: u64, user: u32) -> Row {
        Row {
            number: row,
            user,
            item: 0,
            time: 0,
            event: 0,
            plays: 1.0,
            seconds: 0.0,
            exact: 0,
            alike: 0,
        }
    }

    #[test]
    fn a_large_log_is_all_rows_of_some_users() {
        let mut kept = Kept::with_room(1000);
        kept.lots = (0..400u32)
            .map(|user| super::super::values::hash(&user.to_string()))
            .collect();
        for number in 0..20_000u64 {
            let user = (number * 7 % 400) as u32;
            if kept.keeps(kept.lots[user as usize]) {
                kept.push(row(number + 1, user));
            }
        }
        assert!(
            kept.rows.len() < 1000 && kept.one_in() >= 16,
            "{}",
            kept.one_in()
        );
        let (begins, _) = kept.by_user(400);
        let each: Vec<usize> = begins
            .windows(2)
            .map(|w| w[1] - w[0])
            .filter(|rows| *rows > 0)
            .collect();
        assert!(each.iter().all(|rows| *rows == 50), "whole users: {each:?}");
        let expected = 400 / kept.one_in() as usize;
        assert!(
            each.len().abs_diff(expected) <= expected,
            "{} users",
            each.len()
        );
    }

    #[test]
    fn rows_are_found_by_user() {
        let mut kept = Kept::default();
        for (number, user) in [2u32, 0, 2, 1].into_iter().enumerate() {
            kept.push(row(number as u64 + 1, user));
        }
        assert_eq!(kept.by_user(3), (vec![0, 1, 2, 4], vec![1, 3, 0, 2]));
    }
}
