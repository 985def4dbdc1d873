//! What a column of the log says of each event: where it happened, on which device.

use rustc_hash::FxHashMap;

use crate::{Error, Events, MISSING, Result};

/// Each event's value of a column of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventValues {
    /// For each event a place in `values`; [`MISSING`] where the cell is blank or missing.
    pub of_event: Vec<u32>,
    /// The distinct values that the events have, in the order of their text.
    pub values: Vec<String>,
}

impl EventValues {
    /// The values that the log behind the events has in a column.
    ///
    /// # Errors
    /// If there is no such column, or no log behind the events.
    pub fn of(events: &Events, column: &str) -> Result<Self> {
        let Some(log) = &events.log else {
            return Err(Error::definition(format!(
                "there is no log behind these events, so there is no column `{column}`"
            )));
        };
        let cells = log.view(column)?;
        // Each distinct cell is made a text once.
        let mut seen: FxHashMap<u64, u32> = FxHashMap::default();
        let mut texts: Vec<(String, u32)> = Vec::new();
        let mut code_of = |row: usize| {
            if cells.is_missing(row) {
                return MISSING;
            }
            *seen.entry(cells.bits(row)).or_insert_with(|| {
                let text = cells.show(row);
                if text.trim().is_empty() {
                    return MISSING;
                }
                let code = texts.len() as u32;
                texts.push((text.into_owned(), code));
                code
            })
        };
        let mut of_event: Vec<u32> = events.row.iter().map(|row| code_of(row as usize)).collect();
        texts.sort_unstable();
        let mut place = vec![0; texts.len()];
        for (at, (_, code)) in texts.iter().enumerate() {
            place[*code as usize] = at as u32;
        }
        for code in of_event.iter_mut().filter(|code| **code != MISSING) {
            *code = place[*code as usize];
        }
        Ok(Self {
            of_event,
            values: texts.into_iter().map(|(text, _)| text).collect(),
        })
    }

    /// The value that each of `count` groups has most often, among equally frequent ones the smallest
    /// text; [`MISSING`] where no event tells. `group_of` says of each event which group it is of:
    /// `&events.user` for the usual value of each user.
    ///
    /// # Panics
    /// If an event's group is not below `count`.
    pub fn most_frequent(&self, group_of: &[u32], count: usize) -> Vec<u32> {
        let told = group_of.iter().zip(&self.of_event);
        let told = told.filter(|(_, value)| **value != MISSING);
        let mut pairs: Vec<(u32, u32)> = told.map(|(&group, &value)| (group, value)).collect();
        pairs.sort_unstable();
        let mut best = vec![(0, MISSING); count];
        for same in pairs.chunk_by(PartialEq::eq) {
            let (group, value) = same[0];
            let best = &mut best[group as usize];
            // Smaller values come first and stay.
            if same.len() > best.0 {
                *best = (same.len(), value);
            }
        }
        best.into_iter().map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::EventValues;
    use crate::{Cells, Column, Events, Log, MISSING, Roles, Text};

    fn events(rows: &[(&str, &str, Option<&str>)]) -> Events {
        let column = |name: &str, cells: Cells| Column {
            name: name.to_owned(),
            cells,
        };
        let text = |cells: Vec<Option<&str>>| Cells::Text(cells.into_iter().collect::<Text>());
        let columns = vec![
            column("user", text(rows.iter().map(|row| Some(row.0)).collect())),
            column("item", text(rows.iter().map(|row| Some(row.1)).collect())),
            column("country", text(rows.iter().map(|row| row.2).collect())),
            column(
                "year",
                Cells::Number(
                    (0..rows.len())
                        .map(|row| [2010.0, f64::NAN, 999.0][row % 3])
                        .collect(),
                ),
            ),
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
    fn each_event_has_its_own_and_each_user_the_most_frequent() {
        let events = events(&[
            ("u", "a", Some("FR")),
            ("v", "a", Some("US")),
            ("u", "b", Some("DE")),
            ("v", "b", Some(" ")),
            ("v", "c", None),
            ("w", "c", Some("DE")),
            ("w", "c", Some("US")),
            ("w", "c", Some("US")),
            ("x", "c", None),
        ]);
        let values = EventValues::of(&events, "country").unwrap();
        assert_eq!(values.values, ["DE", "FR", "US"]);
        let m = MISSING;
        assert_eq!(values.of_event, [1, 2, 0, m, m, 0, 2, 2, m]);
        assert_eq!(values.most_frequent(&events.user, 4), [0, 2, 2, m]);
        // Of a part of the events only what that part says.
        let part = EventValues::of(&events.select(&[1, 3, 0]), "country").unwrap();
        assert_eq!(part.values, ["FR", "US"]);
        assert_eq!(part.of_event, [1, m, 0]);
    }

    #[test]
    fn numbers_are_told_apart_by_their_text() {
        let events = events(&[("u", "a", None), ("u", "b", None), ("v", "c", None)]);
        let values = EventValues::of(&events, "year").unwrap();
        assert_eq!(values.values, ["2010", "999"]);
        assert_eq!(values.of_event, [0, MISSING, 1]);
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error_that_lists_those_there_are() {
        let error = EventValues::of(&events(&[("u", "a", None)]), "contry").unwrap_err();
        let error = error.to_string();
        assert!(error.contains("`contry`") && error.contains("user, item, country, year"));
        let error = EventValues::of(&Events::from_pairs([("u", "a")]), "country").unwrap_err();
        assert!(error.to_string().contains("no log"), "{error}");
    }
}
