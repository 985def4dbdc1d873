//! What a column of the log says of each item: its artist, its genre.

use crate::{EventValues, Events, MISSING, Result};

/// Each item's value of a column, as far as some events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemValues {
    /// For each item of the table of items, a place in `values`; [`MISSING`] where no event tells.
    pub of_item: Vec<u32>,
    /// The distinct values that items have, in the order of their text.
    pub values: Vec<String>,
}

impl ItemValues {
    /// The value that each item has most often in the events given, among equally frequent ones the
    /// smallest text. Blank and missing cells tell nothing.
    ///
    /// # Errors
    /// If there is no such column, or no log behind the events.
    pub fn of(events: &Events, column: &str) -> Result<Self> {
        let told = EventValues::of(events, column)?;
        let best = told.most_frequent(&events.item, events.items.len());
        // Only what some item has, numbered anew.
        let mut new = vec![MISSING; told.values.len()];
        for &value in best.iter().filter(|value| **value != MISSING) {
            new[value as usize] = 0;
        }
        let had = told.values.into_iter().zip(&mut new);
        let had = had.filter(|(_, new)| **new != MISSING);
        let values = had
            .enumerate()
            .map(|(at, (text, new))| {
                *new = at as u32;
                text
            })
            .collect();
        let number = |value| {
            if value == MISSING {
                value
            } else {
                new[value as usize]
            }
        };
        Ok(Self {
            of_item: best.into_iter().map(number).collect(),
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::ItemValues;
    use crate::{Cells, Column, Events, Log, MISSING, Roles, Text};

    fn events(rows: &[(&str, Option<&str>)]) -> Events {
        let column = |name: &str, cells: Vec<Option<String>>| Column {
            name: name.to_owned(),
            cells: Cells::Text(cells.into_iter().collect::<Text>()),
        };
        let items = rows.iter().map(|(item, _)| Some((*item).to_owned()));
        let genres = rows.iter().map(|(_, genre)| genre.map(str::to_owned));
        let columns = vec![
            column("user", vec![Some("u".to_owned()); rows.len()]),
            column("item", items.collect()),
            column("genre", genres.collect()),
        ];
        let roles = Roles {
            user: "user".into(),
            item: "item".into(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let numbers = (1..=rows.len() as u64).collect();
        Events::from_log(Arc::new(Log::new(columns, numbers, roles))).unwrap()
    }

    #[test]
    fn the_most_frequent_value_counts_and_of_equals_the_smallest() {
        let events = events(&[
            ("a", Some("rock")),
            ("a", Some("jazz")),
            ("a", Some("rock")),
            ("b", Some("pop")),
            ("b", Some("folk")),
            ("b", None),
            ("b", None),
            ("c", Some(" ")),
            ("c", None),
        ]);
        let values = ItemValues::of(&events, "genre").unwrap();
        assert_eq!(values.values, ["folk", "rock"]);
        assert_eq!(values.of_item, [1, 0, MISSING]);
        // Another part of the log may tell otherwise.
        let part = events.select(&[1, 3]);
        let values = ItemValues::of(&part, "genre").unwrap();
        assert_eq!(values.values, ["jazz", "pop"]);
        assert_eq!(values.of_item, [0, 1, MISSING]);
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error_that_names_it() {
        let log = events(&[("a", None)]);
        for events in [log, Events::from_pairs([("u", "a")])] {
            let error = ItemValues::of(&events, "artist").unwrap_err();
            assert!(error.to_string().contains("`artist`"), "{error}");
        }
    }
}
