//! The distinct values of a column, as many as there is room for.

use std::collections::BinaryHeap;

use musicrec_api::{KnownTexts, Texts};
use rustc_hash::FxHashSet;
use twox_hash::XxHash64;

/// Distinct values that a column keeps, and bytes of their text.
const MOST: usize = 1 << 20;
const MOST_BYTES: usize = 64 << 20;
/// Smallest hashes that a sketch keeps: its estimate is within about 3 % (one standard error).
const SKETCH: usize = 1024;

/// A hash of a text that is spread evenly over all 64 bits.
pub(super) fn hash(text: &str) -> u64 {
    XxHash64::oneshot(0, text.as_bytes())
}

/// How many distinct values there are, by the smallest hashes seen (k minimum values: Bar-Yossef et
/// al. 2002).
#[derive(Debug, Default)]
struct Sketch {
    smallest: BinaryHeap<u64>,
    known: FxHashSet<u64>,
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        if self.smallest.len() == SKETCH && self.smallest.peek().is_some_and(|most| hash >= *most) {
            return;
        }
        if self.known.insert(hash) {
            self.smallest.push(hash);
            if self.smallest.len() > SKETCH
                && let Some(most) = self.smallest.pop()
            {
                self.known.remove(&most);
            }
        }
    }

    fn estimate(&self) -> u64 {
        match self.smallest.peek() {
            Some(&most) if self.smallest.len() == SKETCH => {
                let share = most as f64 / u64::MAX as f64;
                ((SKETCH - 1) as f64 / share).round() as u64
            }
            _ => self.smallest.len() as u64,
        }
    }
}

/// Rows, and the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) rows: u64,
    pub(super) first: u64,
}

impl Seen {
    pub(super) fn add(&mut self, rows: u64, first: u64) {
        if self.rows == 0 {
            self.first = first;
        }
        self.rows += rows;
    }
}

/// Values with the number of rows that have them and the first of those.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: Texts,
    known: KnownTexts,
    bytes: usize,
    rows: Vec<u64>,
    first: Vec<u64>,
    sketch: Sketch,
    /// Whether there were values for which there was no room.
    full: bool,
}

impl Values {
    /// Adds `rows` rows with a value, the first of which is `first`. Gives the value's place; `None`
    /// where there is no room for it.
    pub(super) fn add(&mut self, text: &str, hash: u64, rows: u64, first: u64) -> Option<u32> {
        self.sketch.add(hash);
        if self.full {
            // A text that is known already is still counted.
            let place = self.known.find(&self.texts, text)?;
            self.rows[place as usize] += rows;
            return Some(place);
        }
        let place = self.known.code(&mut self.texts, text);
        if place as usize == self.rows.len() {
            self.rows.push(0);
            self.first.push(first);
            self.bytes += text.len();
            self.full = self.texts.len() >= MOST || self.bytes >= MOST_BYTES;
        }
        self.rows[place as usize] += rows;
        Some(place)
    }

    /// How many values are kept.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// How many distinct values there are, and whether that is exact.
    pub(super) fn distinct(&self) -> (u64, bool) {
        if self.full {
            (self.sketch.estimate().max(self.len() as u64), false)
        } else {
            (self.len() as u64, true)
        }
    }

    /// The values kept, each with its rows and the first of them.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Value<'_>> + Clone {
        (0..self.len()).map(|place| self.at(place))
    }

    /// The value at a place.
    pub(super) fn at(&self, place: usize) -> Value<'_> {
        Value {
            text: &self.texts[place],
            rows: self.rows[place],
            first: self.first[place],
        }
    }

    /// The values with most rows, ties in the order of their first row.
    pub(super) fn top(&self, most: usize) -> Vec<Value<'_>> {
        let mut all: Vec<Value> = self.iter().collect();
        all.sort_by_key(|value| (std::cmp::Reverse(value.rows), value.first));
        all.truncate(most);
        all
    }

    /// The texts of the values.
    pub(super) fn into_texts(self) -> Texts {
        self.texts
    }
}

/// A value of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) text: &'a str,
    /// Rows that have it.
    pub(super) rows: u64,
    /// The number of the first of them.
    pub(super) first: u64,
}

#[cfg(test)]
mod tests {
    use super::{Sketch, Values, hash};

    #[test]
    fn distinct_values_are_estimated_within_a_tenth() {
        for many in [10u64, 1000, 50_000, 400_000] {
            let mut sketch = Sketch::default();
            for value in 0..many {
                for _ in 0..2 {
                    sketch.add(hash(&format!("id {value}")));
                }
            }
            let off = (sketch.estimate() as f64 / many as f64 - 1.0).abs();
            assert!(off < 0.1, "{many}: off by {off}");
            assert!(many > 1000 || off == 0.0, "few are counted");
        }
    }

    #[test]
    fn values_are_counted_with_their_first_row() {
        let mut values = Values::default();
        for (row, text) in ["b", "a", "b"].iter().enumerate() {
            values.add(text, hash(text), 1, row as u64 + 1);
        }
        let top: Vec<_> = values
            .top(1)
            .iter()
            .map(|v| (v.text, v.rows, v.first))
            .collect();
        assert_eq!(top, [("b", 2, 1)]);
        assert_eq!(values.distinct(), (2, true));
    }

    #[test]
    fn values_beyond_the_room_are_not_kept_and_known_ones_still_counted() {
        let mut values = Values::default();
        let long = "x".repeat(super::MOST_BYTES);
        values.add(&long, hash(&long), 1, 1);
        assert_eq!(values.add("late", hash("late"), 1, 2), None);
        assert_eq!(values.add(&long, hash(&long), 3, 3), Some(0));
        assert_eq!((values.at(0).rows, values.len()), (4, 1));
        assert_eq!(values.distinct(), (2, false));
    }
}
