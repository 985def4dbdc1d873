//! The typed log: what splitters, weightings and models see.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cells::{Cells, MISSING, MISSING_TIME, Text};
use crate::packed::pick;
use crate::series::Series;
use crate::view::{TextView, View};
use crate::{Error, Log, Result};

/// Identifiers in their order: numeric if all are integers, else as text. An index into the table is
/// how the rest of the program names a user or an item, so index order is id order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids(Vec<String>);

impl Ids {
    /// Sorts the distinct ids given.
    ///
    /// # Panics
    /// At `u32::MAX` ids and more.
    pub fn new(mut ids: Vec<String>) -> Self {
        assert!(ids.len() < u32::MAX as usize, "more ids than u32 can name");
        let keys: Option<Vec<i128>> = ids.iter().map(|id| integer(id)).collect();
        if let Some(keys) = keys {
            let mut keyed: Vec<(i128, String)> = keys.into_iter().zip(ids).collect();
            keyed.sort();
            ids = keyed.into_iter().map(|(_, id)| id).collect();
        } else {
            ids.sort();
        }
        ids.dedup();
        Self(ids)
    }

    /// Ids that are in their order already, as a table of a part of a log has them: numeric or as text, whichever
    /// the whole log's was.
    ///
    /// # Errors
    /// If they are in neither order, or not distinct.
    pub fn in_order(ids: Vec<String>) -> Result<Self> {
        let number = |id: &String| integer(id);
        let as_numbers = ids.iter().all(|id| integer(id).is_some())
            && ids.is_sorted_by(|a, b| (number(a), a) < (number(b), b));
        if ids.len() < u32::MAX as usize && (as_numbers || ids.is_sorted_by(|a, b| a < b)) {
            return Ok(Self(ids));
        }
        Err(Error::data("ids are not distinct and in their order"))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id at an index.
    pub fn get(&self, index: u32) -> &str {
        &self.0[index as usize]
    }

    /// All ids in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// `id` as an integer if it is written as one; `007` counts as 7, and equal numbers go by text.
fn integer(id: &str) -> Option<i128> {
    id.parse().ok()
}

/// What happened, one entry a row: columns of equal length.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Events {
    /// Table of users; `user` points into it.
    pub users: Arc<Ids>,
    /// Table of items; `item` points into it.
    pub items: Arc<Ids>,
    /// Names of event kinds; `kind` points into it. Empty if the log does not tell events apart.
    pub kinds: Arc<Vec<String>>,
    /// Who.
    pub user: Vec<u32>,
    /// What.
    pub item: Vec<u32>,
    /// When, in seconds since 1970, UTC; empty if the log has no times.
    pub time: Series<i64>,
    /// Which kind of event, [`MISSING`] where the log does not say; empty if it never does.
    pub kind: Series<u32>,
    /// Plays the row stands for, NaN where missing; empty if the log has no such column.
    pub plays: Series<f32>,
    /// Seconds listened, NaN where missing; empty if the log has no such column.
    pub seconds: Series<f32>,
    /// The row of the cleaned log behind each event.
    pub row: Series<u32>,
    /// The cleaned log, for what the typed columns do not hold.
    pub log: Option<Arc<Log>>,
}

impl Events {
    /// Types the cleaned log.
    ///
    /// # Errors
    /// If a row has no user, item or time, or a cell is not what its role demands: the message
    /// names the first row and the cleaner that mends it.
    pub fn from_log(log: Arc<Log>) -> Result<Self> {
        let roles = log.roles().clone();
        let (users, user) = id_column(&log, &roles.user)?;
        let (items, item) = id_column(&log, &roles.item)?;
        let (kinds, kind) = match &roles.event {
            Some(name) => kind_column(&log, name)?,
            None => (Vec::new(), Series::default()),
        };
        let time = match &roles.time {
            Some(name) => time_column(&log, name)?,
            None => Series::default(),
        };
        let numbers = |name: &Option<String>| match name {
            Some(name) => number_column(&log, name),
            None => Ok(Series::default()),
        };
        Ok(Self {
            users: Arc::new(users),
            items: Arc::new(items),
            kinds: Arc::new(kinds),
            user,
            item,
            time,
            kind,
            plays: numbers(&roles.plays)?,
            seconds: numbers(&roles.seconds)?,
            row: Series::range(0, log.rows()),
            log: Some(log),
        })
    }

    /// Events without a log behind them, one per (user, item), for tests and small examples; the
    /// other columns are left empty and may be filled.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (users, items): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let table = |cells: &[&str]| {
            let ids = Ids::new(cells.iter().map(|&c| c.to_owned()).collect());
            let known: FxHashMap<&str, u32> = ids.iter().zip(0..).collect();
            let codes = cells.iter().map(|c| known[c]).collect();
            (Arc::new(ids.clone()), codes)
        };
        let (user_table, user): (_, Vec<u32>) = table(&users);
        let (item_table, item) = table(&items);
        Self {
            row: Series::range(0, user.len()),
            users: user_table,
            items: item_table,
            user,
            item,
            ..Self::default()
        }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
    }

    /// The event kind of a row by name, `None` where unknown.
    pub fn kind_name(&self, event: usize) -> Option<&str> {
        let code = self.kind.get(event)?;
        (code != MISSING).then(|| self.kinds[code as usize].as_str())
    }

    /// First and last time, `None` without times or events.
    pub fn period(&self) -> Option<(i64, i64)> {
        Some((self.time.iter().min()?, self.time.iter().max()?))
    }

    /// The given events, in the given order, with the same tables.
    #[must_use]
    pub fn select(&self, events: &[u32]) -> Self {
        Self {
            users: Arc::clone(&self.users),
            items: Arc::clone(&self.items),
            kinds: Arc::clone(&self.kinds),
            user: pick(&self.user, events),
            item: pick(&self.item, events),
            time: self.time.select(events),
            kind: self.kind.select(events),
            plays: self.plays.select(events),
            seconds: self.seconds.select(events),
            row: self.row.select(events),
            log: self.log.clone(),
        }
    }

    /// The same events with tables of only the users and items that occur, and for each new index
    /// the old one: what a fit part may know. Order of ids is kept.
    #[must_use]
    pub fn compact(&self) -> (Self, Vec<u32>, Vec<u32>) {
        self.clone().into_compact()
    }

    /// [`Events::compact`] where these events are needed no more: nothing is copied.
    #[must_use]
    pub fn into_compact(mut self) -> (Self, Vec<u32>, Vec<u32>) {
        let (users, old_users) = compact_ids(&self.users, &mut self.user);
        let (items, old_items) = compact_ids(&self.items, &mut self.item);
        (self.users, self.items) = (Arc::new(users), Arc::new(items));
        (self, old_users, old_items)
    }

    /// What a model that has learned from `fit` can be told of these events: those with items of
    /// `fit`, numbered like there, with a table of only the users who are left. `old_items` is what
    /// [`Events::compact`] says when it makes `fit` of events with the same tables as these.
    ///
    /// Also which events are left, and for each new index of a user the old one.
    #[must_use]
    pub fn told_to(&self, fit: &Self, old_items: &[u32]) -> (Self, Vec<u32>, Vec<u32>) {
        let mut new = vec![MISSING; self.items.len()];
        for (index, &old) in old_items.iter().enumerate() {
            new[old as usize] = index as u32;
        }
        let known = |&event: &u32| new[self.item[event as usize] as usize] != MISSING;
        let left: Vec<u32> = (0..self.len() as u32).filter(known).collect();
        let mut told = self.select(&left);
        let (users, old_users) = compact_ids(&told.users, &mut told.user);
        told.users = Arc::new(users);
        told.items = Arc::clone(&fit.items);
        for item in &mut told.item {
            *item = new[*item as usize];
        }
        (told, left, old_users)
    }
}

/// Turns codes into those of a table that holds only what occurs, and tells the old code of each new
/// one.
fn compact_ids(table: &Ids, codes: &mut [u32]) -> (Ids, Vec<u32>) {
    let mut used = vec![false; table.len()];
    for &code in &*codes {
        used[code as usize] = true;
    }
    let old: Vec<u32> = (0..table.len() as u32)
        .filter(|&c| used[c as usize])
        .collect();
    let mut new = vec![MISSING; table.len()];
    for (index, &code) in old.iter().enumerate() {
        new[code as usize] = index as u32;
    }
    // The subset of a sorted table is sorted by the same order, even where sorting it anew would
    // turn to numeric order: ties must not depend on which ids a part holds.
    let ids = Ids(old.iter().map(|&c| table.get(c).to_owned()).collect());
    for code in codes {
        *code = new[*code as usize];
    }
    (ids, old)
}

fn missing(log: &Log, column: &str, rows: impl Iterator<Item = usize>) -> Result<()> {
    let mut rows = rows;
    let Some(first) = rows.next() else {
        return Ok(());
    };
    Err(Error::data(format!(
        "{} rows have no {column} (the first is row {})",
        1 + rows.count(),
        log.number(first)
    ))
    .with_remedy(format!(
        "add a cleaner, for example `drop_missing = {{ columns = [\"{column}\"] }}`"
    )))
}

fn id_column(log: &Log, name: &str) -> Result<(Ids, Vec<u32>)> {
    let view = log.view(name)?;
    let shown: Cells;
    let text = if let View::Text(text) = view {
        text
    } else {
        let rows = 0..log.rows();
        let text: Text = rows
            .map(|r| (!view.is_missing(r)).then(|| view.show(r)))
            .collect();
        shown = Cells::Text(text);
        match View::of(&shown) {
            View::Text(text) => text,
            View::Number(_) | View::Time(_) => unreachable!("just made of texts"),
        }
    };
    let values = text.values();
    // A blank id is nobody: not a user of the name "".
    let blank: Vec<bool> = values.iter().map(|v| v.trim().is_empty()).collect();
    let absent = |(_, code): &(usize, u32)| *code == MISSING || blank[*code as usize];
    let codes = || text.codes().enumerate();
    missing(log, name, codes().filter(absent).map(|(row, _)| row))?;
    let mut used = vec![false; values.len()];
    for code in text.codes() {
        used[code as usize] = true;
    }
    let in_use = values.iter().zip(&used).filter(|(_, used)| **used);
    let ids = Ids::new(in_use.map(|(value, _)| value.to_owned()).collect());
    let known: FxHashMap<&str, u32> = ids.iter().zip(0..).collect();
    let recode: Vec<u32> = values
        .iter()
        .map(|value| known.get(value).copied().unwrap_or(MISSING))
        .collect();
    let codes = text.codes().map(|c| recode[c as usize]).collect();
    Ok((ids, codes))
}

/// Names of kinds by their first appearance, whatever the way the log came: what is not used is no kind.
fn kind_column(log: &Log, name: &str) -> Result<(Vec<String>, Series<u32>)> {
    let View::Text(text) = log.view(name)? else {
        return Err(Error::definition(format!(
            "column `{name}` names events, so it must stay text"
        ))
        .with_remedy("remove the cleaner that parses it"));
    };
    let values = text.values();
    let mut kinds = Vec::new();
    let mut new = vec![None; values.len()];
    for code in text.codes().filter(|&code| code != MISSING) {
        let value = &values[code as usize];
        new[code as usize].get_or_insert_with(|| {
            if value.trim().is_empty() {
                return MISSING;
            }
            kinds.push(value.to_owned());
            kinds.len() as u32 - 1
        });
    }
    let new: Vec<u32> = new
        .into_iter()
        .map(|code| code.unwrap_or(MISSING))
        .collect();
    let codes = match log.shared_codes(name) {
        Some(codes) if !new.contains(&MISSING) => Series::coded(codes, new),
        _ => {
            let of = |code: u32| {
                if code == MISSING {
                    MISSING
                } else {
                    new[code as usize]
                }
            };
            text.codes().map(of).collect()
        }
    };
    Ok((kinds, codes))
}

fn time_column(log: &Log, name: &str) -> Result<Series<i64>> {
    let times: Series<i64> = match log.view(name)? {
        View::Time(times) => match log.shared_times(name) {
            Some((from, offsets)) => Series::since(from, offsets),
            None => times.iter().collect(),
        },
        View::Number(numbers) => numbers
            .iter()
            .map(|n| if n.is_nan() { MISSING_TIME } else { n as i64 })
            .collect(),
        View::Text(text) => per_value(
            log,
            name,
            text,
            MISSING_TIME,
            |value| {
                let value = value.trim();
                value.parse().ok().filter(|&t| is_time(t)).or_else(|| {
                    value
                        .parse::<jiff::Timestamp>()
                        .ok()
                        .map(jiff::Timestamp::as_second)
                })
            },
            (
                "neither unix seconds before the year 10000 nor an RFC 3339 time with its zone",
                "add the cleaner `parse_timestamps` (milliseconds are its format `unix_ms`)",
            ),
        )?
        .into(),
    };
    if let Some(row) = times.iter().position(|t| t != MISSING_TIME && !is_time(t)) {
        return Err(Error::data(format!(
            "row {}, column `{name}`: {} is no time in seconds; were they milliseconds?",
            log.number(row),
            times.at(row)
        )));
    }
    missing(
        log,
        name,
        (0..times.len()).filter(|&r| times.at(r) == MISSING_TIME),
    )?;
    Ok(times)
}

/// Whether seconds since 1970 are a time that can be written: years -9999 to 9999.
fn is_time(seconds: i64) -> bool {
    jiff::Timestamp::from_second(seconds).is_ok()
}

fn number_column(log: &Log, name: &str) -> Result<Series<f32>> {
    match log.view(name)? {
        View::Number(numbers) => Ok(match (log.shared_codes(name), numbers.values()) {
            (Some(codes), Some(values)) => {
                Series::coded(codes, values.iter().map(|&n| n as f32).collect())
            }
            _ => numbers.iter().map(|n| n as f32).collect(),
        }),
        View::Text(text) => per_value(
            log,
            name,
            text,
            f32::NAN,
            |value| value.parse::<f32>().ok().filter(|v| v.is_finite()),
            ("not a plain number", "add the cleaner `parse_numbers`"),
        )
        .map(Series::from),
        View::Time(_) => Err(Error::definition(format!(
            "column `{name}` must be a number, but a cleaner made it a time"
        ))),
    }
}

/// Parses each distinct value once. Blank cells are missing; anything else that does not parse is
/// an error at its first row, with what to do.
fn per_value<T: Copy>(
    log: &Log,
    name: &str,
    text: TextView<'_>,
    absent: T,
    parse: impl Fn(&str) -> Option<T>,
    (expected, remedy): (&str, &str),
) -> Result<Vec<T>> {
    let parsed: Vec<Option<T>> = text
        .values()
        .iter()
        .map(|v| if v.is_empty() { Some(absent) } else { parse(v) })
        .collect();
    (0..log.rows())
        .map(|row| match text.code(row) {
            MISSING => Ok(absent),
            code => parsed[code as usize].ok_or_else(|| {
                Error::data(format!(
                    "row {}, column `{name}`: `{}` is {expected}",
                    log.number(row),
                    &text.values()[code as usize]
                ))
                .with_remedy(remedy)
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Events, Ids};

    fn ids(of: &[&str]) -> Vec<String> {
        Ids::new(of.iter().map(|&s| s.to_owned()).collect())
            .iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn integers_go_by_number_and_the_rest_by_text() {
        assert_eq!(ids(&["10", "9", "9"]), ["9", "10"]);
        assert_eq!(ids(&["s10", "s9"]), ["s10", "s9"]);
        assert_eq!(ids(&["10", "9", "x"]), ["10", "9", "x"]);
    }

    #[test]
    fn what_is_told_is_numbered_like_what_was_learned_from() {
        let pairs = [
            ("u", "b"),
            ("u", "d"),
            ("v", "a"),
            ("w", "d"),
            ("x", "c"),
            ("w", "c"),
        ];
        let events = Events::from_pairs(pairs);
        let (fit, _, items) = events.select(&[0, 1]).compact();
        let (told, left, users) = events.select(&[2, 3, 4, 5]).told_to(&fit, &items);
        assert_eq!(told.items.iter().collect::<Vec<_>>(), ["b", "d"]);
        assert_eq!(told.users.iter().collect::<Vec<_>>(), ["w"]);
        assert_eq!((told.user, told.item), (vec![0], vec![1]));
        assert_eq!((left, users), (vec![1], vec![2]));
    }

    #[test]
    fn compacting_keeps_the_order_of_the_whole_table() {
        // With "x" in the table the order is by text; a part without "x" must keep it.
        let events = Events::from_pairs([("u", "10"), ("u", "9"), ("v", "x")]);
        let (part, users, items) = events.select(&[0, 1]).compact();
        assert_eq!(part.items.iter().collect::<Vec<_>>(), ["10", "9"]);
        assert_eq!((users, items), (vec![0], vec![0, 1]));
    }
}
