//! Objects to chunks.

use std::fmt;

use musicrec_api::{Error, Ledger, Log, Result, Sample};
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::JsonLines;
use super::documents::{Document, Documents};
use super::fields::{Fields, cell};
use crate::common::chunk::{Chunk, MOST_COLUMNS};
use crate::common::fault::Fault;
use crate::common::input::Input;
use crate::common::interner::Interner;
use crate::common::parameters::BadRows;
use crate::common::{self, OfFiles as _, SHOWN, in_short};

/// The fields of a file's first object that hold neither an object nor a list.
pub(super) fn first_fields(input: &Input) -> Result<Vec<String>, Fault> {
    let mut documents = Documents::of(input)?;
    let shown = input.shown();
    let Some(first) = documents.next()? else {
        return Err(nothing(input));
    };
    let names = text_of(first.text).and_then(|text| {
        let mut json = serde_json::Deserializer::from_str(text);
        let names = json.deserialize_any(Plain).map_err(|e| said(&e))?;
        json.end().map_err(|e| said(&e))?;
        Ok(names)
    });
    let names = names.map_err(|what| {
        let several = if first.text == b"{" || first.text.starts_with(b"{\n") {
            "; an object must not span lines, unless the file is an array"
        } else {
            ""
        };
        let place = format!("{shown}, line {}", first.line);
        Fault::data(
            &input.parameter,
            format!("{place}: {what} ({})", in_words(first.text)),
            format!("a file must have one JSON object a line, or be one array of objects{several}"),
        )
    })?;
    if names.len() > MOST_COLUMNS {
        return Err(Fault::data(
            &input.parameter,
            format!(
                "{shown}, line {}: the object has {} fields, more than the {MOST_COLUMNS} columns \
                 that a log may have",
                first.line,
                names.len()
            ),
            "choose some with `source.json_lines.fields`",
        ));
    }
    Ok(names)
}

/// Whether a file has any object at all, good or bad.
pub(super) fn has_any(input: &Input) -> Result<(), Fault> {
    match Documents::of(input)?.next()? {
        Some(_) => Ok(()),
        None => Err(nothing(input)),
    }
}

fn nothing(input: &Input) -> Fault {
    Fault::data(
        &input.parameter,
        format!("{} holds no object", input.shown()),
        format!("set `{}` to a file with rows", input.key()),
    )
}

/// The names of an object's fields that hold neither an object nor a list.
struct Plain;

impl<'t> Visitor<'t> for Plain {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let (mut names, mut seen) = (Vec::new(), std::collections::HashSet::new());
        while let Some((name, value)) = map.next_entry::<String, &'t RawValue>()? {
            if !seen.insert(name.clone()) {
                return Err(A::Error::custom(format!(
                    "the field `{name}` is there twice"
                )));
            }
            if !value.get().starts_with(['{', '[']) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// Reads all files.
pub(super) fn read(
    source: &JsonLines,
    inputs: &[Input],
    ledger: &mut Ledger,
    sink: &mut dyn FnMut(Log) -> Result<()>,
) -> Result<()> {
    let Some(first) = inputs.first() else {
        return Ok(());
    };
    let names = source.look_at(first).sound()?;
    let roles = source.roles(&names, first).map_err(common::first)?;
    let fields = match source.fields.0.as_slice() {
        [] => {
            let own = names.len() - usize::from(first.part.is_some());
            Fields::new(names.iter().take(own).map(|name| vec![name.as_str()]))
        }
        given => Fields::new(given.iter().map(|(_, path)| path.split('.').collect())),
    };
    let columns = names.iter().map(|_| Interner::default()).collect();
    let mut rows = Rows {
        met: vec![false; names.len()],
        chunk: Chunk::new(names, roles, columns),
        fields,
        unescaped: String::new(),
    };
    let mut row = 0;
    for input in inputs {
        let mut documents = Documents::of(input)?;
        let array = documents.is_array();
        let (before, mut taken) = (row, 0u64);
        while let Some(document) = documents.next()? {
            row += 1;
            match rows.push(&document, input.part.as_deref(), row) {
                Ok(()) => taken += 1,
                Err(bad) if source.bad_rows == BadRows::Error => {
                    return Err(bad.into_error(&rows, input, &document, row, array));
                }
                Err(bad) => {
                    let sample = Sample {
                        row,
                        before: in_words(document.text),
                        after: None,
                    };
                    let column = bad.column.map_or("", |at| &rows.chunk.names[at]);
                    ledger.dropped(column, bad.kind, 1, Some(sample));
                }
            }
            if rows.chunk.is_full() {
                sink(rows.chunk.take())?;
            }
        }
        if row == before {
            return Err(nothing(input).into());
        }
        if taken == 0 {
            return Err(Error::data(format!(
                "{}: each of its {} objects is bad, so `source.json_lines.bad_rows = \"drop\"` left \
                 none; remove that to see what is wrong with the first",
                input.shown(),
                row - before
            )));
        }
    }
    rows.all_met(source, first)?;
    if rows.chunk.rows() > 0 {
        sink(rows.chunk.take())?;
    }
    Ok(())
}

/// Rows as they are read.
struct Rows {
    chunk: Chunk<Interner>,
    fields: Fields,
    /// Which columns were a field of any object.
    met: Vec<bool>,
    unescaped: String,
}

impl Rows {
    fn push(&mut self, document: &Document, part: Option<&str>, row: u64) -> Result<(), BadRow> {
        let no_object = |what| BadRow {
            column: None,
            kind: "no object of the right form",
            what,
        };
        let text = text_of(document.text).map_err(|what| BadRow {
            kind: "not UTF-8",
            ..no_object(what)
        })?;
        let own = self.chunk.columns.len() - usize::from(part.is_some());
        let mut found = vec![None; own];
        self.fields
            .find(text, &mut found)
            .map_err(|e| no_object(place_in(&e, document.line)))?;
        for (at, value) in found.into_iter().enumerate() {
            let column = &mut self.chunk.columns[at];
            let bad = match value.map(|value| cell(value, &mut self.unescaped)) {
                None => {
                    column.push_missing();
                    continue;
                }
                Some(Ok(None)) => {
                    column.push_missing();
                    self.met[at] = true;
                    continue;
                }
                Some(Ok(Some(text))) => match column.push(text.as_bytes()) {
                    Ok(_) => {
                        self.met[at] = true;
                        continue;
                    }
                    Err(bad) => (bad.name(), format!("a {}", bad.name())),
                },
                Some(Err(what)) => ("no text, number or flag", format!("it holds {what}")),
            };
            self.chunk.undo_row();
            return Err(BadRow {
                column: Some(at),
                kind: bad.0,
                what: bad.1,
            });
        }
        if let (Some(part), Some(last)) = (part, self.chunk.columns.last_mut()) {
            // What a definition says is a text.
            let _ = last.push(part.as_bytes());
        }
        self.chunk.end_row(row, text.len());
        Ok(())
    }

    /// A part whose field no object has is a mistake in a path.
    fn all_met(&self, source: &JsonLines, first: &Input) -> Result<()> {
        let roles = &self.chunk.roles;
        let optional = [&roles.time, &roles.event, &roles.plays, &roles.seconds];
        let named = [&roles.user, &roles.item]
            .into_iter()
            .chain(optional.into_iter().flatten());
        for name in named {
            let place = self.chunk.names.iter().position(|n| n == name);
            let path = place.and_then(|at| source.fields.0.get(at).map(|(_, path)| (at, path)));
            if let Some((at, path)) = path
                && !self.met[at]
            {
                let has = first_fields(first)?;
                return Err(Error::definition(format!(
                    "no object has a field `{path}` (`source.json_lines.fields.{name}`); correct the \
                     path: the first object of {} has {}, and what is within them",
                    first.shown(),
                    common::listed(&has)
                )));
            }
        }
        Ok(())
    }
}

/// Why an object is bad.
struct BadRow {
    /// The column to blame, if it is one.
    column: Option<usize>,
    /// What kind of fault it is, for the ledger.
    kind: &'static str,
    /// What is wrong with this one.
    what: String,
}

impl BadRow {
    fn into_error(
        self,
        rows: &Rows,
        input: &Input,
        document: &Document,
        row: u64,
        array: bool,
    ) -> Error {
        let column = self.column.map_or(String::new(), |at| {
            format!(", column `{}`", rows.chunk.names[at])
        });
        let what = if array { "entry" } else { "line" };
        Error::data(format!(
            "{}, line {} (row {row}){column}: {} ({}); mend the {what}, or set \
             `source.json_lines.bad_rows = \"drop\"` to drop and count such rows",
            input.shown(),
            document.line,
            self.what,
            in_words(document.text)
        ))
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, String> {
    let what = || "not UTF-8; convert the file (iconv -f LATIN1 -t UTF-8)".to_owned();
    std::str::from_utf8(bytes).map_err(|_| what())
}

/// What serde says, without the place.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The same with the place, if that is another line than the one in which the object begins.
fn place_in(error: &serde_json::Error, begins: u64) -> String {
    let said = said(error);
    match error.line() {
        0 | 1 => format!("{said} at character {}", error.column()),
        line => format!(
            "{said} in line {} at character {}",
            begins + line as u64 - 1,
            error.column()
        ),
    }
}

/// An object as it may be shown: cut, in one line, and with marks where bytes are not UTF-8.
fn in_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN + 4)]);
    in_short(&text)
}
