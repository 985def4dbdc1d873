//! Which columns there are, and why one may not be there.

use csv::ByteRecord;

use super::{Csv, reader};
use crate::common::chunk::MOST_COLUMNS;
use crate::common::fault::Fault;
use crate::common::input::Input;
use crate::common::roles::Advice;
use crate::common::{Found, twice, with_part};

/// What usually separates cells: the character, its name, and how a definition writes it.
const DELIMITERS: [(char, &str, &str); 4] = [
    ('\t', "tabs", "\\t"),
    (';', "semicolons", ";"),
    ('|', "bars", "|"),
    (',', "commas", ","),
];
/// How many columns that are named twice are told.
const TWICE_TOLD: usize = 5;

impl Csv {
    /// The columns of a file, given its first line.
    pub(super) fn columns_in(&self, first: &ByteRecord, input: &Input) -> Found {
        let shown = input.shown();
        if first.is_empty() {
            let fault = Fault::data(
                &input.parameter,
                format!("{shown} holds nothing but empty lines"),
                format!("set `{}` to a file with rows", input.key()),
            );
            return Err(fault).into();
        }
        if first.len() > MOST_COLUMNS {
            let fault = Fault::data(
                &input.parameter,
                format!(
                    "{shown}: the first line has {} cells ({}), more than the {MOST_COLUMNS} columns \
                     that a log may have",
                    first.len(),
                    reader::shown(first, ", ")
                ),
                "see whether its rows end in line breaks, and whether `source.csv.delimiter` is right",
            );
            return Err(fault).into();
        }
        let mut faults = self.contradicting_columns();
        if self.header && !faults.is_empty() {
            return Found {
                names: None,
                faults,
            };
        }
        let mut names = self.columns.clone();
        if self.header {
            names = match header(first, input) {
                Ok(names) => names,
                Err(fault) => return Err(fault).into(),
            };
            faults.extend(named_twice(&names, input));
        } else if names.is_empty() {
            let fault = Fault::definition(
                "header",
                format!(
                    "a file without a header needs names: {shown} has {} columns (the first row is \
                     {})",
                    first.len(),
                    reader::shown(first, ", ")
                ),
                "set `source.csv.columns = [\"user_id\", \"song_id\", …]`",
            );
            return Err(fault).into();
        } else if names.len() != first.len() {
            let wrong = Fault::definition(
                "columns",
                format!(
                    "`source.csv.columns` has {} names, but the first row of {shown} has {} cells \
                     ({})",
                    names.len(),
                    first.len(),
                    reader::shown(first, ", ")
                ),
                format!(
                    "name each column once{}",
                    self.other_delimiter(first, |cells| cells.len() == names.len())
                        .map_or(String::new(), ask)
                ),
            );
            faults.insert(0, wrong);
        }
        let found = Found {
            names: Some(names),
            faults,
        };
        with_part(found, input, &self.part_column)
    }

    /// What contradicts itself in `columns`, whatever the files hold.
    pub(super) fn contradicting_columns(&self) -> Vec<Fault> {
        if self.header && !self.columns.is_empty() {
            return vec![Fault::definition(
                "columns",
                "`source.csv.columns` names the columns of a file without a header",
                "remove it, or set `source.csv.header = false` if the first line is a row already",
            )];
        }
        let fault = |(at, name)| {
            Fault::definition(
                format!("columns.{at}"),
                format!("`source.csv.columns` names `{name}` twice"),
                "each column needs a name of its own",
            )
        };
        twice(&self.columns).into_iter().map(fault).collect()
    }

    /// The delimiter that a line seems to have instead: it is in the only cell, or the cells that it
    /// separates are as they should be.
    pub(super) fn other_delimiter(
        &self,
        line: &ByteRecord,
        fits: impl Fn(&[&str]) -> bool,
    ) -> Option<usize> {
        let own = char::from(self.delimiter.byte());
        let text = reader::joined(line, own)?;
        let cells = |delimiter: char| -> Vec<&str> {
            let cells = text.split(delimiter);
            cells.map(|cell| cell.trim().trim_matches('"')).collect()
        };
        let others = || {
            let others = DELIMITERS.iter().enumerate();
            others.filter(|(_, (other, ..))| *other != own && text.contains(*other))
        };
        let fitting = others().find(|(_, (other, ..))| fits(&cells(*other)));
        let only = || others().next().filter(|_| line.len() == 1);
        fitting.or_else(only).map(|(at, _)| at)
    }

    /// What to say of a row whose cells would be as many as they should be with another delimiter.
    pub(super) fn mixed(&self, row: &ByteRecord, want: usize) -> String {
        let fits = |cells: &[&str]| cells.len() == want;
        let other = self.other_delimiter(row, fits);
        let Some(other) = other.filter(|_| row.len() < want) else {
            return String::new();
        };
        let own = char::from(self.delimiter.byte());
        let known = DELIMITERS.iter().find(|(known, ..)| *known == own);
        let own = known.map_or_else(|| format!("`{own}`"), |(_, name, _)| (*name).to_owned());
        let other = DELIMITERS[other].1;
        format!("; its cells seem to be separated by {other}, others by {own}: make them alike")
    }

    /// Why the file has no column `name`.
    pub(super) fn why_absent(&self, name: &str, names: &[String]) -> Advice {
        if !self.header {
            return Advice::None;
        }
        let line = ByteRecord::from(names.iter().map(String::as_bytes).collect::<Vec<_>>());
        if names[0].starts_with(['{', '[']) {
            let hint = "; if each line is a JSON object, read it with `[source.json_lines]`";
            return Advice::Instead("path", hint.to_owned());
        }
        if let Some(other) = self.other_delimiter(&line, |cells| cells.contains(&name)) {
            return Advice::Instead("delimiter", ask(other));
        }
        // A header may name years; one that has what is wanted is a header.
        let user = self.user.as_deref().unwrap_or("user_id");
        let item = self.item.as_deref().unwrap_or("song_id");
        let known = names.iter().any(|name| name == user || name == item);
        if !known && names.iter().any(|name| is_value(name)) {
            let hint = format!(
                ", which looks like a row: if the file has no header, set `source.csv.header = \
                 false` and name its {} columns with `source.csv.columns = [\"user_id\", \
                 \"song_id\", …]`",
                names.len()
            );
            return Advice::Instead("header", hint);
        }
        Advice::Also(
            ", or, if the first line is a row already, set `source.csv.header = false` and \
             `source.csv.columns`"
                .to_owned(),
        )
    }
}

/// Asks for another delimiter.
fn ask(delimiter: usize) -> String {
    let (_, name, written) = DELIMITERS[delimiter];
    format!("; are cells separated by {name}? Set `source.csv.delimiter = \"{written}\"`")
}

/// Whether a name is rather a cell of a row: a number, or a date.
fn is_value(name: &str) -> bool {
    let date = || {
        let shape = |(at, byte): (usize, u8)| match at {
            4 | 7 => matches!(byte, b'-' | b'/'),
            _ => byte.is_ascii_digit(),
        };
        name.len() >= 10 && name.bytes().take(10).enumerate().all(shape)
    };
    name.parse::<f64>().is_ok_and(f64::is_finite) || date()
}

/// The faults that a header names columns twice: some of them, if there are many.
fn named_twice(names: &[String], input: &Input) -> Vec<Fault> {
    let again = twice(names);
    let fault = |(at, name): &(usize, &str)| {
        let first = names.iter().position(|n| n == name).unwrap_or_default();
        Fault::data(
            &input.parameter,
            format!(
                "{}: the header names the column `{name}` twice (the cells {} and {})",
                input.shown(),
                first + 1,
                at + 1
            ),
            "rename one there, or, if the first line is a row already, set `source.csv.header = \
             false` and `source.csv.columns`",
        )
    };
    again.iter().take(TWICE_TOLD).map(fault).collect()
}

/// The names in a header.
fn header(first: &ByteRecord, input: &Input) -> Result<Vec<String>, Fault> {
    let fault = |at: usize, what: &str, remedy: &str| {
        Fault::data(
            &input.parameter,
            format!("{}: the header is {what} (cell {})", input.shown(), at + 1),
            format!("{remedy}, or set `source.csv.header = false` if it has none"),
        )
    };
    let name = |(at, name): (usize, &[u8])| {
        let convert = "convert the file (iconv -f LATIN1 -t UTF-8)";
        let name = std::str::from_utf8(name).map_err(|_| fault(at, "not UTF-8", convert))?;
        if name.contains('\0') {
            let remove = "remove NUL bytes (tr -d '\\000' < FILE > COPY)";
            return Err(fault(at, "no text: it holds a NUL byte", remove));
        }
        Ok(match name.trim() {
            // Some tools write an index column without a name.
            "" => format!("column_{}", at + 1),
            name => name.to_owned(),
        })
    };
    first.iter().enumerate().map(name).collect()
}
