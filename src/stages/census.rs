//! How many users and items the rows of a log are of, at each step of cleaning.
//!
//! Of a log that comes chunk by chunk no step holds all rows, and each chunk numbers its texts by itself. So
//! texts get numbers that hold for all chunks, looked up once a distinct text and chunk, and each place on
//! the way a flag for each number.

use std::io;

use musicrec_api::{KnownTexts, Log, MISSING, Texts, View};
use serde::{Deserialize, Serialize};

use crate::cache::bytes::{Reader, Writer, ensure};

/// Different users and items before and after a step. Missing and blank ids are none; as long as ids are
/// not normalized, spellings of one are several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Ids {
    pub(crate) users_in: u64,
    pub(crate) users_out: u64,
    pub(crate) items_in: u64,
    pub(crate) items_out: u64,
}

impl Ids {
    /// Users and items before, and after.
    pub(crate) fn new(before: (u64, u64), after: (u64, u64)) -> Self {
        Self {
            users_in: before.0,
            users_out: after.0,
            items_in: before.1,
            items_out: after.1,
        }
    }
}

/// Users and items, counted over all parts of a log at each place on its way.
#[derive(Debug, Default)]
pub(crate) struct Census {
    users: Side,
    items: Side,
}

impl Census {
    /// Users and items of a whole log.
    pub(crate) fn of(log: &Log) -> (u64, u64) {
        let roles = log.roles();
        (whole(log, &roles.user), whole(log, &roles.item))
    }

    /// Counts a part of the log at a place.
    pub(crate) fn count(&mut self, place: usize, part: &Log) {
        let roles = part.roles();
        self.users.count(place, part, &roles.user);
        self.items.count(place, part, &roles.item);
    }

    /// Writes what was counted, to be merged elsewhere.
    pub(crate) fn write(&self, to: &mut Writer) -> io::Result<()> {
        self.users.write(to)?;
        self.items.write(to)
    }

    /// Adds what was counted of other parts of the log.
    pub(crate) fn merge(&mut self, from: &mut Reader) -> io::Result<()> {
        self.users.merge(from)?;
        self.items.merge(from)
    }

    /// Users and items at a place.
    pub(crate) fn at(&self, place: usize) -> (u64, u64) {
        (self.users.at(place), self.items.at(place))
    }
}

/// A text that is no id.
const NONE: u32 = u32::MAX;

/// One column.
#[derive(Debug, Default)]
struct Side {
    /// All texts that are ids, each at its number.
    ids: Texts,
    known: KnownTexts,
    /// The values that were looked up last, and their numbers.
    values: Texts,
    numbers: Vec<u32>,
    /// For each place what numbers were there, and how many.
    places: Vec<(Vec<bool>, u64)>,
}

impl Side {
    fn write(&self, to: &mut Writer) -> io::Result<()> {
        to.texts(&self.ids)?;
        to.count(self.places.len())?;
        self.places
            .iter()
            .try_for_each(|(there, _)| to.flags(there))
    }

    fn merge(&mut self, from: &mut Reader) -> io::Result<()> {
        let ids = from.texts()?;
        let (known, own) = (&mut self.known, &mut self.ids);
        let numbers: Vec<u32> = ids.iter().map(|id| known.code(own, id)).collect();
        let places = from.count(size_of::<u64>())?;
        if self.places.len() < places {
            self.places.resize_with(places, Default::default);
        }
        for place in &mut self.places[..places] {
            let there = from.flags()?;
            ensure(there.len() <= numbers.len(), "an id without its text")?;
            for (_, &number) in there.iter().zip(&numbers).filter(|(there, _)| **there) {
                flag(place, number);
            }
        }
        Ok(())
    }

    fn at(&self, place: usize) -> u64 {
        self.places.get(place).map_or(0, |place| place.1)
    }

    fn count(&mut self, place: usize, part: &Log, column: &str) {
        if self.places.len() <= place {
            self.places.resize_with(place + 1, Default::default);
        }
        // A log without the column fails where it is typed, with advice.
        let Ok(view) = part.view(column) else { return };
        let View::Text(text) = view else {
            for row in (0..part.rows()).filter(|&row| !view.is_missing(row)) {
                let number = number(&mut self.known, &mut self.ids, &view.show(row));
                flag(&mut self.places[place], number);
            }
            return;
        };
        // Most steps leave the values of a column as they are.
        if self.values != *text.values() {
            self.values.clone_from(text.values());
            let (known, ids) = (&mut self.known, &mut self.ids);
            let numbers = self.values.iter().map(|value| number(known, ids, value));
            self.numbers = numbers.collect();
        }
        for (used, &number) in used(text.codes(), self.numbers.len())
            .iter()
            .zip(&self.numbers)
        {
            if *used {
                flag(&mut self.places[place], number);
            }
        }
    }
}

/// The number of a text.
fn number(known: &mut KnownTexts, ids: &mut Texts, text: &str) -> u32 {
    if text.trim().is_empty() {
        NONE
    } else {
        known.code(ids, text)
    }
}

fn flag((there, count): &mut (Vec<bool>, u64), number: u32) {
    if number == NONE {
        return;
    }
    let number = number as usize;
    if there.len() <= number {
        there.resize(number + 1, false);
    }
    *count += u64::from(!there[number]);
    there[number] = true;
}

/// Which of so many codes stand in some row.
fn used(codes: impl Iterator<Item = u32>, count: usize) -> Vec<bool> {
    let mut used = vec![false; count];
    for code in codes.filter(|&code| code != MISSING) {
        used[code as usize] = true;
    }
    used
}

fn whole(log: &Log, column: &str) -> u64 {
    let Ok(View::Text(text)) = log.view(column) else {
        let mut side = Side::default();
        side.count(0, log, column);
        return side.at(0);
    };
    let values = text.values();
    let used = used(text.codes(), values.len());
    let there = used.iter().zip(values.iter());
    there
        .filter(|(used, value)| **used && !value.trim().is_empty())
        .count() as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use musicrec_api::{Cells, Column, Log, Roles, Text, rng};
    use rand::RngExt as _;

    use super::Census;

    fn log(users: &[Option<String>], items: Cells) -> Log {
        let roles = Roles {
            user: "user".into(),
            item: "item".into(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let column = |name: &str, cells| Column {
            name: name.into(),
            cells,
        };
        let users = Cells::Text(users.iter().map(Option::as_deref).collect::<Text>());
        let numbers = (1..=items.len() as u64).collect();
        Log::new(
            vec![column("user", users), column("item", items)],
            numbers,
            roles,
        )
    }

    #[test]
    fn parts_together_have_the_ids_of_the_whole() {
        let mut random = rng(5);
        let mut census = Census::default();
        let (mut users, mut items) = (HashSet::new(), HashSet::new());
        let (mut trimmed, mut left) = (HashSet::new(), HashSet::new());
        for _ in 0..20 {
            let rows = random.random_range(1..30);
            let draw = |random: &mut dyn rand::Rng| match random.random_range(0..9) {
                0 => None,
                1 => Some("  ".to_owned()),
                at => Some(format!(
                    "{}u{}",
                    &"  "[..at % 3],
                    random.random_range(0..40)
                )),
            };
            let ids: Vec<Option<String>> = (0..rows).map(|_| draw(&mut random)).collect();
            let numbers: Vec<f64> = (0..rows)
                .map(|_| [f64::NAN, 1.0, 2.5, 7.0][random.random_range(0..4)])
                .collect();
            let mut part = log(&ids, Cells::Number(numbers.clone()));
            census.count(0, &part);
            assert!(Census::of(&part).0 <= census.at(0).0);
            let named = |id: &&Option<String>| id.as_ref().is_some_and(|id| !id.trim().is_empty());
            users.extend(ids.iter().filter(named).flatten().cloned());
            items.extend(
                numbers
                    .iter()
                    .filter(|n| !n.is_nan())
                    .map(ToString::to_string),
            );
            let ids: Vec<_> = ids
                .iter()
                .map(|id| id.as_ref().map(|id| id.trim().to_owned()))
                .collect();
            part = log(&ids, Cells::Number(numbers));
            census.count(1, &part);
            trimmed.extend(ids.iter().filter(named).flatten().cloned());
            let keep: Vec<bool> = (0..rows).map(|_| random.random_range(0..4) == 0).collect();
            part.retain(&keep);
            census.count(2, &part);
            let kept = ids
                .iter()
                .zip(&keep)
                .filter(|(_, keep)| **keep)
                .map(|(id, _)| id);
            left.extend(kept.filter(named).flatten().cloned());
        }
        let counts = |of: &HashSet<String>| of.len() as u64;
        assert_eq!(census.at(0), (counts(&users), counts(&items)));
        assert_eq!(census.at(1), (counts(&trimmed), counts(&items)));
        assert_eq!(census.at(2).0, counts(&left));
        assert!(census.at(2).0 < census.at(1).0 && census.at(1).0 < census.at(0).0);
    }
}
