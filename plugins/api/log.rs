//! A listening log as columns: what sources fill and cleaners repair.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::cells::{Cells, Known, MISSING};
use crate::{Error, Ledger, Result, Sample, nearest};

/// Which column plays which part. Sources fill it; the lab makes [`Events`](crate::Events) with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Roles {
    /// Who listened.
    pub user: String,
    /// What was listened to.
    pub item: String,
    /// When, if the log has times.
    pub time: Option<String>,
    /// What happened: play, like, skip, …
    pub event: Option<String>,
    /// How many plays the row stands for.
    pub plays: Option<String>,
    /// How many seconds were listened.
    pub seconds: Option<String>,
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// Its cells, one a row of the log.
    pub cells: Cells,
}

/// What becomes of a text value; see [`Log::rewrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep,
    /// It becomes another text, for the reason given.
    Become(String, &'static str),
    /// The cell is missing from now on, for the reason given.
    Missing(&'static str),
}

/// A log: columns of equal length, and for each row its number in the source.
#[derive(Debug, Clone)]
pub struct Log {
    columns: Vec<Column>,
    numbers: Vec<u64>,
    roles: Roles,
}

impl Log {
    /// A log of `columns`, whose rows have the given numbers in the source (counted from 1 without
    /// the header, ascending, each once).
    ///
    /// # Panics
    /// If a column's length differs from that of `numbers`: a bug of the source.
    pub fn new(columns: Vec<Column>, numbers: Vec<u64>, roles: Roles) -> Self {
        for column in &columns {
            assert_eq!(column.cells.len(), numbers.len(), "column {}", column.name);
        }
        Self {
            columns,
            numbers,
            roles,
        }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.numbers.len()
    }

    /// All columns in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The number of each row in the source, counted from 1 without the header.
    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// Which column plays which part.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The cells of a column, or a fault that lists the columns there are.
    pub fn column(&self, name: &str) -> Result<&Cells> {
        Ok(&self.columns[self.position(name)?].cells)
    }

    /// Like [`Log::column`], to change or replace the cells. Their number must stay the same.
    pub fn column_mut(&mut self, name: &str) -> Result<&mut Cells> {
        let at = self.position(name)?;
        Ok(&mut self.columns[at].cells)
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|c| c.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
                let hint = nearest(name, names.iter().copied())
                    .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                Error::definition(format!(
                    "the log has no column `{name}`; it has {}{hint}",
                    names.join(", ")
                ))
            })
    }

    /// Keeps the rows whose flag is set; the flags are one a row.
    pub fn retain(&mut self, keep: &[bool]) {
        for column in &mut self.columns {
            column.cells.retain(keep);
        }
        let mut flags = keep.iter();
        self.numbers
            .retain(|_| *flags.next().expect("one flag a row"));
    }

    /// A log of the given rows, in the given order.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        Self {
            columns: self
                .columns
                .iter()
                .map(|c| Column {
                    name: c.name.clone(),
                    cells: c.cells.select(rows),
                })
                .collect(),
            numbers: rows.iter().map(|r| self.numbers[*r as usize]).collect(),
            roles: self.roles.clone(),
        }
    }

    /// The rows of all chunks of one source, one after the other; `None` without any chunk. Each
    /// distinct text is looked up once a chunk, however many chunks there are.
    ///
    /// # Errors
    /// If the chunks differ in name, order or type of their columns.
    pub fn concat(chunks: Vec<Self>) -> Result<Option<Self>> {
        let mut chunks = chunks.into_iter();
        let Some(mut whole) = chunks.next() else {
            return Ok(None);
        };
        let mut known: Vec<Known> = whole.columns.iter().map(|c| Known::of(&c.cells)).collect();
        for chunk in chunks {
            let names = |log: &Self| -> Vec<String> {
                log.columns.iter().map(|c| c.name.clone()).collect()
            };
            if names(&chunk) != names(&whole) {
                return Err(Error::data("the parts of the log have different columns"));
            }
            let columns = whole.columns.iter_mut().zip(chunk.columns).zip(&mut known);
            for ((mine, theirs), known) in columns {
                match (&mut mine.cells, theirs.cells) {
                    (Cells::Text(a), Cells::Text(b)) => known.append(a, b),
                    (Cells::Number(a), Cells::Number(b)) => a.extend(b),
                    (Cells::Time(a), Cells::Time(b)) => a.extend(b),
                    _ => {
                        return Err(Error::data(format!(
                            "column `{}` changes its type between parts of the log",
                            mine.name
                        )));
                    }
                }
            }
            whole.numbers.extend(chunk.numbers);
        }
        Ok(Some(whole))
    }

    /// Decides the fate of each distinct value of a text column that is in use, books what changed,
    /// and merges values that became equal. Each distinct value is looked at once, whatever the
    /// number of rows. Columns that are already numbers or times are left alone.
    pub fn rewrite(
        &mut self,
        column: &str,
        ledger: &mut Ledger,
        mut fate: impl FnMut(&str) -> Fate,
    ) -> Result<()> {
        let at = self.position(column)?;
        let Cells::Text(text) = &mut self.columns[at].cells else {
            return Ok(());
        };
        let mut uses = vec![(0u64, 0usize); text.values.len()];
        for (row, &code) in text.codes.iter().enumerate() {
            if code != MISSING {
                let entry = &mut uses[code as usize];
                if entry.0 == 0 {
                    entry.1 = row;
                }
                entry.0 += 1;
            }
        }
        // By first appearance, so that samples and new codes do not depend on dictionary order.
        let mut order: Vec<usize> = (0..uses.len()).filter(|&c| uses[c].0 > 0).collect();
        order.sort_by_key(|&c| uses[c].1);
        let mut values: Vec<String> = Vec::with_capacity(order.len());
        let mut known: FxHashMap<String, u32> = FxHashMap::default();
        let mut recode = vec![MISSING; uses.len()];
        for code in order {
            let before = std::mem::take(&mut text.values[code]);
            let (rows, first) = uses[code];
            let (after, what) = match fate(&before) {
                Fate::Keep => (Some(before.clone()), None),
                Fate::Become(new, _) if new == before => (Some(new), None),
                Fate::Become(new, what) => (Some(new), Some(what)),
                Fate::Missing(what) => (None, Some(what)),
            };
            if let Some(what) = what {
                let sample = Sample {
                    row: self.numbers[first],
                    before,
                    after: after.clone(),
                };
                ledger.changed(column, what, rows, Some(sample));
            }
            if let Some(after) = after {
                recode[code] = *known.entry(after).or_insert_with_key(|value| {
                    values.push(value.clone());
                    values.len() as u32 - 1
                });
            }
        }
        for code in &mut text.codes {
            if *code != MISSING {
                *code = recode[*code as usize];
            }
        }
        text.values = values;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, Column, Fate, Log, Roles};
    use crate::{Ledger, Text};

    fn log(cells: &[&str]) -> Log {
        let text: Text = cells.iter().map(|c| Some(*c)).collect();
        let roles = Roles {
            user: "u".into(),
            item: "i".into(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let numbers = (1..=cells.len() as u64).collect();
        let column = Column {
            name: "u".into(),
            cells: Cells::Text(text),
        };
        Log::new(vec![column], numbers, roles)
    }

    fn shown(log: &Log) -> Vec<String> {
        let cells = log.column("u").unwrap();
        (0..log.rows())
            .map(|r| cells.show(r).into_owned())
            .collect()
    }

    #[test]
    fn rewriting_merges_values_and_books_rows() {
        let mut log = log(&["a", " a", "b", "?", " a"]);
        let mut ledger = Ledger::default();
        log.rewrite("u", &mut ledger, |v| match v {
            "?" => Fate::Missing("marker"),
            v => Fate::Become(v.trim().to_owned(), "trimmed"),
        })
        .unwrap();
        assert_eq!(shown(&log), ["a", "a", "b", "", "a"]);
        let booked: Vec<_> = ledger
            .changes()
            .map(|a| (a.what.as_str(), a.rows))
            .collect();
        assert_eq!(booked, [("trimmed", 2), ("marker", 1)]);
        let Cells::Text(text) = log.column("u").unwrap() else {
            unreachable!()
        };
        assert_eq!(text.values, ["a", "b"]);
    }

    #[test]
    fn chunks_join_and_rows_can_be_dropped_and_chosen() {
        let chunks = vec![log(&["a", "b"]), log(&["b", "c"])];
        let mut whole = Log::concat(chunks).unwrap().unwrap();
        assert_eq!(shown(&whole), ["a", "b", "b", "c"]);
        assert_eq!(shown(&whole.select(&[3, 0])), ["c", "a"]);
        whole.retain(&[false, true, false, true]);
        assert_eq!(shown(&whole), ["b", "c"]);
    }

    #[test]
    fn a_missing_column_is_named_with_those_there_are() {
        let error = log(&["a"]).column("U").unwrap_err().to_string();
        assert!(
            error.contains("no column `U`") && error.contains("did you mean `u`"),
            "{error}"
        );
    }
}
