//! A listening log as columns: what sources fill and cleaners repair.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::cells::{Cells, MISSING};
use crate::packed::{Codes, Growing, Packed, Runs};
use crate::texts::{KnownTexts, Texts};
use crate::view::View;
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
///
/// A whole log may hold its columns in fewer bytes than [`Cells`] take ([`Log::pack`]). That shows
/// nowhere but in memory: [`Log::view`] and [`Log::number`] look at what is held, [`Log::column`] and
/// [`Log::numbers`] make and keep the plain form when they are first asked for it.
#[derive(Debug, Clone)]
pub struct Log {
    columns: Vec<Held>,
    numbers: Numbers,
    roles: Roles,
}

/// Columns of a log that lie elsewhere, on disk say, until somebody looks at them.
pub trait Stored: Debug + Send + Sync {
    /// Gives all cells of the column at a place, part after part in the order of rows.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&self, column: usize, sink: &mut dyn FnMut(Cells) -> Result<()>) -> Result<()>;
}

/// A column as the log holds it: stored, packed, plain, or several of them.
#[derive(Debug, Clone)]
struct Held {
    name: String,
    stored: Option<(usize, Arc<dyn Stored>)>,
    packed: OnceLock<Packed>,
    plain: OnceLock<Column>,
}

impl Held {
    fn packed(name: String, packed: Packed) -> Self {
        Self {
            name,
            stored: None,
            packed: packed.into(),
            plain: OnceLock::new(),
        }
    }

    fn plain(column: Column) -> Self {
        Self {
            name: column.name.clone(),
            stored: None,
            packed: OnceLock::new(),
            plain: column.into(),
        }
    }

    fn stored(name: String, place: usize, stored: Arc<dyn Stored>) -> Self {
        Self {
            name,
            stored: Some((place, stored)),
            packed: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    /// The packed form, if there is one or it can be read.
    fn known(&self) -> Option<&Packed> {
        match &self.stored {
            Some((place, stored)) => Some(self.packed.get_or_init(|| read(&**stored, *place))),
            None => self.packed.get(),
        }
    }

    fn column(&self) -> &Column {
        self.plain.get_or_init(|| Column {
            name: self.name.clone(),
            cells: self.known().expect("packed or plain").cells(),
        })
    }

    /// The plain cells, to be changed: the packed ones are no longer true.
    fn cells_mut(&mut self) -> &mut Cells {
        self.column();
        (self.stored, self.packed) = (None, OnceLock::new());
        &mut self.plain.get_mut().expect("just made").cells
    }

    fn view(&self) -> View<'_> {
        match self.known() {
            Some(packed) => packed.view(),
            None => View::of(&self.column().cells),
        }
    }

    fn retain(&mut self, keep: &[bool]) {
        self.known();
        self.stored = None;
        match self.packed.get_mut() {
            Some(packed) => {
                packed.retain(keep);
                self.plain = OnceLock::new();
            }
            None => self.cells_mut().retain(keep),
        }
    }

    fn select(&self, rows: &[u32]) -> Self {
        match self.known() {
            Some(packed) => Self::packed(self.name.clone(), packed.select(rows)),
            None => Self::plain(Column {
                name: self.name.clone(),
                cells: self.column().cells.select(rows),
            }),
        }
    }

    fn pack(&mut self) {
        if self.stored.is_none()
            && self.packed.get().is_none()
            && let Some(column) = self.plain.get()
        {
            let mut growing = Growing::like(&column.cells);
            let cells = self.plain.take().expect("there is one").cells;
            growing.append(cells);
            self.packed = growing.finish().into();
        }
        self.plain = OnceLock::new();
    }
}

/// Reads a column that is stored.
///
/// # Panics
/// If it cannot be read: whoever stored it made sure that it could, so somebody took the file away or the disk
/// failed.
fn read(stored: &dyn Stored, place: usize) -> Packed {
    let mut growing: Option<Growing> = None;
    let all = stored.read(place, &mut |cells| {
        let growing = growing.get_or_insert_with(|| Growing::like(&cells));
        if growing.append(cells) {
            return Ok(());
        }
        Err(Error::data("a column changes its type"))
    });
    match (all, growing) {
        (Ok(()), Some(growing)) => growing.finish(),
        (Ok(()), None) => panic!("a stored column without any part"),
        (Err(error), _) => panic!("the cleaned log cannot be read any more: {error}"),
    }
}

/// Row numbers as runs, and one by one where that was asked for.
#[derive(Debug, Clone, Default)]
struct Numbers {
    runs: Runs,
    plain: OnceLock<Vec<u64>>,
}

impl From<Runs> for Numbers {
    fn from(runs: Runs) -> Self {
        Self {
            runs,
            plain: OnceLock::new(),
        }
    }
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
            columns: columns.into_iter().map(Held::plain).collect(),
            numbers: Runs::from_iter(numbers).into(),
            roles,
        }
    }

    /// A log whose columns, of these names in this order, are read when somebody first looks at them. The numbers
    /// of its rows are ascending, each once.
    pub fn stored(
        names: impl IntoIterator<Item = String>,
        numbers: impl IntoIterator<Item = u64>,
        roles: Roles,
        stored: &Arc<dyn Stored>,
    ) -> Self {
        let names = names.into_iter().enumerate();
        let held = |(place, name)| Held::stored(name, place, Arc::clone(stored));
        Self {
            columns: names.map(held).collect(),
            numbers: numbers.into_iter().collect::<Runs>().into(),
            roles,
        }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.numbers.runs.len()
    }

    /// All columns in their order.
    pub fn columns(&self) -> Vec<&Column> {
        self.columns.iter().map(Held::column).collect()
    }

    /// The names of all columns in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The numbers of all rows in the source, counted from 1 without the header.
    pub fn numbers(&self) -> &[u64] {
        let numbers = &self.numbers;
        numbers.plain.get_or_init(|| numbers.runs.iter().collect())
    }

    /// The number of a row in the source, counted from 1 without the header.
    pub fn number(&self, row: usize) -> u64 {
        self.numbers.runs.get(row)
    }

    /// Which column plays which part.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The cells of a column, or a fault that lists the columns there are.
    pub fn column(&self, name: &str) -> Result<&Cells> {
        Ok(&self.columns[self.position(name)?].column().cells)
    }

    /// Like [`Log::column`], to change or replace the cells. Their number must stay the same.
    pub fn column_mut(&mut self, name: &str) -> Result<&mut Cells> {
        let at = self.position(name)?;
        Ok(self.columns[at].cells_mut())
    }

    /// The cells of a column to look at, however they are held, or a fault that lists the columns
    /// there are.
    pub fn view(&self, name: &str) -> Result<View<'_>> {
        Ok(self.columns[self.position(name)?].view())
    }

    /// The cells of all columns to look at, in their order.
    pub fn views(&self) -> impl ExactSizeIterator<Item = View<'_>> {
        self.columns.iter().map(Held::view)
    }

    /// The codes of a packed column of texts or numbers, shared.
    pub(crate) fn shared_codes(&self, name: &str) -> Option<Codes> {
        match self.packed(name)? {
            Packed::Text(codes, _) | Packed::Coded(codes, _) => Some(codes.clone()),
            Packed::Numbers(_) | Packed::Since(..) | Packed::Times(_) => None,
        }
    }

    /// The times of a packed column, as offsets from one, shared.
    pub(crate) fn shared_times(&self, name: &str) -> Option<(i64, Arc<Vec<u32>>)> {
        match self.packed(name)? {
            Packed::Since(from, offsets) => Some((*from, Arc::clone(offsets))),
            _ => None,
        }
    }

    fn packed(&self, name: &str) -> Option<&Packed> {
        let column = self.columns.iter().find(|column| column.name == name)?;
        column.known()
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|c| c.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.names().collect();
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
            column.retain(keep);
        }
        self.numbers.runs.retain(keep);
        self.numbers.plain = OnceLock::new();
    }

    /// A log of the given rows, in the given order.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        let numbers = rows.iter().map(|&row| self.number(row as usize));
        Self {
            columns: self.columns.iter().map(|c| c.select(rows)).collect(),
            numbers: numbers.collect::<Runs>().into(),
            roles: self.roles.clone(),
        }
    }

    /// Holds all columns in as few bytes as their values need, and no other form of them.
    pub fn pack(&mut self) {
        self.columns.iter_mut().for_each(Held::pack);
        self.numbers.plain = OnceLock::new();
    }

    /// The rows of all chunks of one source, one after the other; `None` without any chunk.
    ///
    /// # Errors
    /// If the chunks differ in name, order or type of their columns.
    pub fn concat(chunks: Vec<Self>) -> Result<Option<Self>> {
        let mut whole = Whole::default();
        for chunk in chunks {
            whole.append(chunk)?;
        }
        Ok(whole.finish())
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
        let Cells::Text(text) = self.columns[at].cells_mut() else {
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
        let mut fates = Vec::with_capacity(order.len());
        fates.extend(order.iter().map(|&code| fate(&text.values[code])));
        let kept = |fate: &Fate| matches!(fate, Fate::Keep);
        if fates.iter().all(kept) && order.iter().copied().eq(0..uses.len()) {
            return Ok(());
        }
        // Values that stay what they are do not become equal.
        let merging = fates.iter().any(|fate| matches!(fate, Fate::Become(..)));
        let (mut values, mut known) = (Texts::default(), KnownTexts::default());
        let mut recode = vec![MISSING; uses.len()];
        for (code, fate) in order.into_iter().zip(&fates) {
            let before = &text.values[code];
            let (rows, first) = uses[code];
            let (after, what) = match fate {
                Fate::Keep => (Some(before), None),
                Fate::Become(new, _) if new == before => (Some(before), None),
                Fate::Become(new, what) => (Some(new.as_str()), Some(*what)),
                Fate::Missing(what) => (None, Some(*what)),
            };
            if let Some(what) = what {
                let sample = || Sample {
                    row: self.numbers.runs.get(first),
                    before: before.to_owned(),
                    after: after.map(str::to_owned),
                };
                ledger.changed_as(column, what, rows, sample);
            }
            if let Some(after) = after {
                recode[code] = if merging {
                    known.code(&mut values, after)
                } else {
                    values.push(after);
                    values.len() as u32 - 1
                };
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

/// A log on its way: chunk after chunk of one source, held in as few bytes as their values need.
/// Each distinct text is looked up once a chunk, however many chunks there are.
#[derive(Debug, Default)]
pub struct Whole {
    columns: Vec<(String, Growing)>,
    numbers: Runs,
    roles: Option<Roles>,
}

impl Whole {
    /// Adds the rows of a chunk behind all others.
    ///
    /// # Errors
    /// If it differs from those before in name, order or type of its columns.
    pub fn append(&mut self, mut chunk: Log) -> Result<()> {
        if self.roles.is_none() {
            let columns = chunk.columns().into_iter();
            let columns = columns.map(|c| (c.name.clone(), Growing::like(&c.cells)));
            self.columns = columns.collect();
            self.roles = Some(chunk.roles.clone());
        }
        if !chunk.names().eq(self.columns.iter().map(|c| &*c.0)) {
            return Err(Error::data("the parts of the log have different columns"));
        }
        for (theirs, (name, mine)) in chunk.columns.iter_mut().zip(&mut self.columns) {
            theirs.column();
            let cells = theirs.plain.take().expect("just made").cells;
            if !mine.append(cells) {
                return Err(Error::data(format!(
                    "column `{name}` changes its type between parts of the log"
                )));
            }
        }
        chunk.numbers.runs.iter().for_each(|n| self.numbers.push(n));
        Ok(())
    }

    /// Bytes of memory that it takes, about.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|(_, cells)| cells.bytes());
        columns.sum::<usize>() + self.numbers.bytes()
    }

    /// The log of all rows, packed; `None` without any chunk.
    pub fn finish(self) -> Option<Log> {
        let columns = self.columns.into_iter();
        Some(Log {
            roles: self.roles?,
            columns: columns
                .map(|(name, cells)| Held::packed(name, cells.finish()))
                .collect(),
            numbers: self.numbers.into(),
        })
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
