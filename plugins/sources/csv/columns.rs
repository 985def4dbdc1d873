//! Which columns there are, and which of them plays which part.

use std::path::Path;

use musicrec_api::{Roles, nearest};

use super::fault::Fault;
use super::input::Input;
use super::{Csv, reader};

impl Csv {
    /// The columns of a file, as far as they are known, and all that is wrong with them. Reads no
    /// more than the file's first line.
    pub(super) fn look_at(&self, input: &Input) -> (Option<Vec<String>>, Vec<Fault>) {
        let first = || {
            let mut rows = reader::rows(self, input)?;
            let mut first = ::csv::ByteRecord::new();
            reader::next(&mut rows, &mut first, input)?;
            Ok(first)
        };
        match first() {
            Ok(first) => self.columns_in(&first, input),
            Err(fault) => (None, vec![fault]),
        }
    }

    /// The cells of the first line of the first file, whether it is a header or a row; none if the
    /// file holds nothing but empty lines.
    pub fn first_line(&self, base: &Path) -> musicrec_api::Result<Vec<String>> {
        let inputs = self.inputs(base)?;
        let mut rows = reader::rows(self, &inputs[0])?;
        let mut first = ::csv::ByteRecord::new();
        reader::next(&mut rows, &mut first, &inputs[0])?;
        let cells = first.iter().map(String::from_utf8_lossy);
        Ok(cells.map(std::borrow::Cow::into_owned).collect())
    }

    /// The columns of a file, in their order, or what is wrong with them.
    pub(super) fn names(&self, input: &Input) -> Result<Vec<String>, Fault> {
        sound(self.look_at(input))
    }

    /// The same, given the first line of the file.
    pub(super) fn names_from(
        &self,
        first: &::csv::ByteRecord,
        input: &Input,
    ) -> Result<Vec<String>, Fault> {
        sound(self.columns_in(first, input))
    }

    fn columns_in(
        &self,
        first: &::csv::ByteRecord,
        input: &Input,
    ) -> (Option<Vec<String>>, Vec<Fault>) {
        let shown = input.shown();
        if first.is_empty() {
            let fault = Fault::data(
                &input.parameter,
                format!("{shown} holds nothing but empty lines"),
                format!("set `{}` to a file with rows", input.key()),
            );
            return (None, vec![fault]);
        }
        let mut faults = self.contradictions();
        if self.header && !faults.is_empty() {
            return (None, faults);
        }
        let mut names = self.columns.clone();
        if self.header {
            names = match header(first, input) {
                Ok(names) => names,
                Err(fault) => return (None, vec![fault]),
            };
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
            return (None, vec![fault]);
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
                format!("name each column once{}", self.delimiter_hint(first)),
            );
            faults.insert(0, wrong);
        }
        if self.header {
            for (at, name) in names.iter().enumerate() {
                if names[..at].contains(name) {
                    faults.push(Fault::data(
                        &input.parameter,
                        format!("{shown}: the header names the column `{name}` twice"),
                        "rename one there, or, if the first line is a row already, set \
                         `source.csv.header = false` and `source.csv.columns`",
                    ));
                }
            }
        }
        if input.part.is_some() {
            let part = &self.part_column;
            if names.contains(part) {
                faults.push(Fault::definition(
                    "part_column",
                    format!(
                        "{shown} has a column `{part}` already, the name of the one that \
                         `source.csv.files` adds"
                    ),
                    "set `source.csv.part_column` to another",
                ));
            } else {
                names.push(part.clone());
            }
        }
        (Some(names), faults)
    }

    /// What contradicts itself in `columns`, whatever the files hold.
    pub(super) fn contradictions(&self) -> Vec<Fault> {
        if self.header && !self.columns.is_empty() {
            return vec![Fault::definition(
                "columns",
                "`source.csv.columns` names the columns of a file without a header",
                "remove it, or set `source.csv.header = false` if the first line is a row already",
            )];
        }
        let twice = |(at, name): (usize, &String)| {
            let fault = Fault::definition(
                format!("columns.{at}"),
                format!("`source.csv.columns` names `{name}` twice"),
                "each column needs a name of its own",
            );
            self.columns[..at].contains(name).then_some(fault)
        };
        self.columns.iter().enumerate().filter_map(twice).collect()
    }

    /// Says so if a line that came out as one cell holds what usually separates cells.
    fn delimiter_hint(&self, first: &::csv::ByteRecord) -> &'static str {
        if first.len() != 1 {
            return "";
        }
        let held = [
            (
                b'\t',
                "; are cells separated by tabs? Set `source.csv.delimiter = \"\\t\"`",
            ),
            (
                b';',
                "; are cells separated by semicolons? Set `source.csv.delimiter = \";\"`",
            ),
            (
                b'|',
                "; are cells separated by bars? Set `source.csv.delimiter = \"|\"`",
            ),
            (
                b',',
                "; are cells separated by commas? Set `source.csv.delimiter = \",\"`",
            ),
        ];
        held.iter()
            .find(|(byte, _)| *byte != self.delimiter.byte() && first[0].contains(byte))
            .map_or("", |(_, hint)| hint)
    }

    /// Which of a file's columns plays which part, or all that is wrong with that.
    pub(super) fn roles(&self, names: &[String], input: &Input) -> Result<Roles, Vec<Fault>> {
        let parts = [
            ("user", &self.user, "user_id", true),
            ("item", &self.item, "song_id", true),
            ("time", &self.time, "timestamp", false),
            ("event", &self.event, "event_type", false),
            ("plays", &self.plays, "play_count", false),
            ("seconds", &self.seconds, "listen_seconds", false),
        ];
        let mut faults = Vec::new();
        let mut taken: Vec<Option<&str>> = Vec::new();
        for (key, given, default, required) in parts {
            let name = given.as_deref().unwrap_or(default);
            let found = names.iter().any(|n| n == name).then_some(name);
            if found.is_none() && (given.is_some() || required) {
                faults.push(self.absent(key, name, given.is_some(), names, input));
            }
            taken.push(found);
        }
        if names.len() == 1 && !faults.is_empty() && !self.delimiter_hint(&line(names)).is_empty() {
            // All the same mistake.
            faults.truncate(1);
        }
        for (at, (key, given, ..)) in parts.iter().enumerate() {
            let earlier = |other: &usize| taken[*other].is_some() && taken[*other] == taken[at];
            if let (Some(earlier), Some(name)) = ((0..at).find(earlier), taken[at]) {
                let other = parts[earlier].0;
                faults.push(Fault::definition(
                    if given.is_some() { *key } else { other },
                    format!(
                        "`source.csv.{other}` and `source.csv.{key}` are both the column `{name}`"
                    ),
                    "one of them must be another column",
                ));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut taken = taken.into_iter().map(|name| name.map(str::to_owned));
        let mut next = || taken.next().flatten();
        let required = "a required column was found";
        Ok(Roles {
            user: next().expect(required),
            item: next().expect(required),
            time: next(),
            event: next(),
            plays: next(),
            seconds: next(),
        })
    }

    /// The fault that no column is called `name`.
    fn absent(&self, key: &str, name: &str, given: bool, names: &[String], input: &Input) -> Fault {
        let message = format!("{} has no column `{name}`", input.shown());
        let there = format!("it has {}", names.join(", "));
        let hint = self.delimiter_hint(&line(names));
        if !hint.is_empty() {
            return Fault::definition("delimiter", message, there + hint);
        }
        let known = || names.iter().map(String::as_str);
        let hint = match nearest(name, known()) {
            Some(near) => format!("; set `source.csv.{key} = \"{near}\"` if that is the one"),
            None if given => format!("; correct `source.csv.{key}`"),
            None => format!(
                "; name the column of each {key} with `source.csv.{key} = \"…\"`{}",
                if self.header {
                    ", or, if the first line is a row already, set `source.csv.header = false` and \
                     `source.csv.columns`"
                } else {
                    ""
                }
            ),
        };
        let fault = Fault::definition(key, message, there + &hint);
        // A default was not misspelled by anybody.
        if given {
            fault.suggest(name, known())
        } else {
            fault
        }
    }
}

/// The columns, if nothing is wrong with them, or the first that is.
fn sound((names, faults): (Option<Vec<String>>, Vec<Fault>)) -> Result<Vec<String>, Fault> {
    match (faults.into_iter().next(), names) {
        (None, Some(names)) => Ok(names),
        (fault, _) => Err(fault.expect("columns that are not known have a fault")),
    }
}

/// The fault of a file whose columns are not those of the first one.
pub(super) fn differ(names: &[String], input: &Input, of: &[String], first: &Input) -> Fault {
    Fault::data(
        &input.parameter,
        format!(
            "{} has other columns than {}: {} instead of {}",
            input.shown(),
            first.shown(),
            names.join(", "),
            of.join(", ")
        ),
        "the files of `source.csv.files` must have the same columns in the same order",
    )
}

/// The names in a header.
fn header(first: &::csv::ByteRecord, input: &Input) -> Result<Vec<String>, Fault> {
    let name = |(at, name): (usize, &[u8])| {
        let name = std::str::from_utf8(name).map_err(|_| {
            Fault::data(
                &input.parameter,
                format!("{}: the header is not UTF-8", input.shown()),
                "convert the file (iconv -f LATIN1 -t UTF-8), or set `source.csv.header = false` if \
                 it has none",
            )
        })?;
        Ok(match name.trim() {
            // Some tools write an index column without a name.
            "" => format!("column_{}", at + 1),
            name => name.to_owned(),
        })
    };
    first.iter().enumerate().map(name).collect()
}

/// The names as a line of which no character separates cells.
fn line(names: &[String]) -> ::csv::ByteRecord {
    match names {
        [only] => ::csv::ByteRecord::from(vec![only.as_bytes()]),
        _ => ::csv::ByteRecord::new(),
    }
}
