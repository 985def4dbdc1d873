//! Text columns to typed ones, each distinct value once.

use musicrec_api::{Cells, Error, Ledger, Log, MISSING, Result, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{cut, distinct, drop_rows, text};

/// How many values that cannot be read a message names.
const NAMED: usize = 5;

/// What becomes of a cell that cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Invalid {
    /// Stop, and say which cell it is.
    Error,
    /// The cell becomes missing, and is counted.
    Missing,
    /// The row is dropped, and is counted.
    Drop,
}

/// What a value was found to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Parsed<T> {
    /// A plain value.
    Plain(T),
    /// A value that had to be repaired, for the reason given.
    Mended(T, &'static str),
    /// None at all: a blank cell.
    Blank,
    /// Not a value, for the reason given.
    Invalid(&'static str),
}

/// How a column is parsed.
pub(crate) struct Parser<'a, T> {
    /// The plugin's name, for messages.
    pub(crate) cleaner: &'a str,
    pub(crate) column: &'a str,
    /// What a missing cell holds.
    pub(crate) absent: T,
    /// What blank and missing cells are filled with, if they are.
    pub(crate) fill: Option<T>,
    pub(crate) invalid: Invalid,
    /// What to do about an invalid cell, for messages.
    pub(crate) remedy: &'a str,
    pub(crate) wrap: fn(Vec<T>) -> Cells,
}

impl<T: Copy> Parser<'_, T> {
    /// Parses the column, books what was repaired, and drops rows if it must.
    pub(crate) fn run(
        &self,
        log: &mut Log,
        ledger: &mut Ledger,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Result<()> {
        let column = text(log, self.column, self.cleaner)?;
        let absent = self.fill.unwrap_or(self.absent);
        let shown = |value: T| {
            let cells = (self.wrap)(vec![value]);
            (!cells.is_missing(0)).then(|| cells.show(0).into_owned())
        };
        let mut values = vec![absent; column.values.len()];
        // Reasons to drop rows, and for each value the one that applies, counted from 1.
        let mut reasons: Vec<&str> = Vec::new();
        let mut fates = vec![0u16; column.values.len()];
        let mut invalid: Vec<(u64, usize, &str, &str)> = Vec::new();
        for entry in distinct(column) {
            let code = entry.code as usize;
            let before = &column.values[code];
            let (value, what) = match parse(before) {
                Parsed::Plain(value) => {
                    values[code] = value;
                    continue;
                }
                Parsed::Mended(value, what) => (value, what),
                Parsed::Blank => (absent, "blank"),
                Parsed::Invalid(what) => match self.invalid {
                    Invalid::Missing => (self.absent, what),
                    Invalid::Error => {
                        invalid.push((entry.rows, entry.first, what, before));
                        continue;
                    }
                    Invalid::Drop => {
                        let known = reasons.iter().position(|r| *r == what);
                        fates[code] = known.unwrap_or_else(|| {
                            reasons.push(what);
                            reasons.len() - 1
                        }) as u16
                            + 1;
                        continue;
                    }
                },
            };
            values[code] = value;
            ledger.changed_as(self.column, what, entry.rows, || Sample {
                row: log.number(entry.first),
                before: cut(before),
                after: shown(value),
            });
        }
        if let Some((_, first, what, value)) = invalid.first() {
            let rows: u64 = invalid.iter().map(|(rows, ..)| rows).sum();
            let mut each: Vec<String> = invalid
                .iter()
                .take(NAMED)
                .map(|(rows, _, _, value)| format!("`{}` {rows} times", cut(value)))
                .collect();
            if invalid.len() > NAMED {
                each.push(format!("and {} others", invalid.len() - NAMED));
            }
            return Err(Error::data(format!(
                "row {}, column `{}`: `{}` cannot be read ({what}); {rows} rows have such cells \
                 ({}); {}",
                log.number(*first),
                self.column,
                cut(value),
                each.join(", "),
                self.remedy
            )));
        }
        let of_row = |code: &u32| match *code {
            MISSING => absent,
            code => values[code as usize],
        };
        let parsed: Vec<T> = column.codes.iter().map(of_row).collect();
        let missing = column.codes.iter().filter(|c| **c == MISSING).count() as u64;
        if let Some(fill) = self.fill
            && let Some(first) = column.codes.iter().position(|c| *c == MISSING)
        {
            ledger.changed_as(self.column, "missing, filled in", missing, || Sample {
                row: log.number(first),
                before: String::new(),
                after: shown(fill),
            });
        }
        if !reasons.is_empty() {
            let fates: Vec<u16> = column
                .codes
                .iter()
                .map(|&code| {
                    if code == MISSING {
                        0
                    } else {
                        fates[code as usize]
                    }
                })
                .collect();
            let reasons: Vec<(&str, &str)> = reasons.iter().map(|r| (self.column, *r)).collect();
            // Before the text is replaced, for it is what the samples show.
            drop_rows(log, ledger, &fates, &reasons);
            let kept = parsed.into_iter().zip(fates).filter(|(_, fate)| *fate == 0);
            *log.column_mut(self.column)? = (self.wrap)(kept.map(|(value, _)| value).collect());
            return Ok(());
        }
        *log.column_mut(self.column)? = (self.wrap)(parsed);
        Ok(())
    }
}
