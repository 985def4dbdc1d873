//! Ranked lists of a trial on a fold, with what its fit told and took.

use std::io;

use serde_json::Value;

use super::bytes::{Reader, Writer, broken, ensure};
use super::{Cache, Stage};
use crate::stages::fold::Ragged;
use crate::stages::rank::Lists;
use crate::stages::ties::Cut;

/// The fit that lists come of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fitted {
    /// Seconds of fitting.
    pub(crate) fit: f64,
    /// Seconds of ranking.
    pub(crate) rank: f64,
    /// What the model minimizes, after each of its steps; nothing where it does not tell.
    pub(crate) losses: Vec<f64>,
}

impl Cache {
    /// Keeps the lists of all users asked, and what is known of the fit.
    pub(crate) fn put_lists(&self, key: &Value, lists: &Lists, fitted: &Fitted) {
        self.put(Stage::Lists, key, |to| {
            to.number(fitted.fit)?;
            to.number(fitted.rank)?;
            to.numbers(&fitted.losses)?;
            write(to, lists)
        });
    }

    /// The lists that are kept, and their fit. Lists of another number of users or with items that
    /// there are not are none.
    pub(crate) fn get_lists(
        &self,
        key: &Value,
        (users, items): (usize, usize),
    ) -> Option<(Lists, Fitted)> {
        self.get(Stage::Lists, key, |from| {
            let fitted = Fitted {
                fit: from.number()?,
                rank: from.number()?,
                losses: from.numbers()?,
            };
            Ok((read(from, users, items)?, fitted))
        })
    }
}

/// Writes lists: lengths, items, scores, ties, and what their ends cut off.
fn write(to: &mut Writer, lists: &Lists) -> io::Result<()> {
    let users = 0..lists.tied.len();
    let each = || users.clone().map(|user| lists.ranked.get(user));
    let lengths: Vec<u32> = each().map(|list| list.len() as u32).collect();
    let items: Vec<u32> = each().flatten().map(|entry| entry.0).collect();
    let scores: Vec<f64> = each().flatten().map(|entry| entry.1).collect();
    to.numbers(&lengths)?;
    to.numbers(&items)?;
    to.numbers(&scores)?;
    to.flags(&lists.tied)?;
    to.flags(&[lists.cut.is_some()])?;
    let Some(cuts) = &lists.cut else {
        return Ok(());
    };
    let items: Vec<u64> = cuts.iter().map(|cut| cut.items as u64).collect();
    let lengths: Vec<u32> = cuts.iter().map(|cut| cut.gains.len() as u32).collect();
    let gains: Vec<f64> = cuts.iter().flat_map(|cut| &cut.gains).copied().collect();
    to.numbers(&items)?;
    to.numbers(&lengths)?;
    to.numbers(&gains)
}

/// Reads them.
fn read(from: &mut Reader, users: usize, known: usize) -> io::Result<Lists> {
    let lengths: Vec<u32> = from.exactly(users)?;
    let items: Vec<u32> = from.numbers()?;
    let all_known = items.iter().all(|item| (*item as usize) < known);
    ensure(all_known, "an item that there is not")?;
    let scores: Vec<f64> = from.exactly(items.len())?;
    let mut ranked = Ragged::default();
    let mut entries = items.into_iter().zip(scores);
    for list in cut_up(&lengths, entries.len())? {
        ranked.push(entries.by_ref().take(list));
    }
    let tied = from.flags()?;
    ensure(tied.len() == users, "a column has another length")?;
    let cut = match from.flags()?.as_slice() {
        [false] => None,
        [true] => Some(read_cuts(from, users)?),
        _ => return Err(broken("no truth value")),
    };
    Ok(Lists { ranked, tied, cut })
}

fn read_cuts(from: &mut Reader, users: usize) -> io::Result<Vec<Cut>> {
    let items: Vec<u64> = from.exactly(users)?;
    let lengths: Vec<u32> = from.exactly(users)?;
    let gains: Vec<f64> = from.numbers()?;
    let lengths = cut_up(&lengths, gains.len())?;
    let mut gains = gains.into_iter();
    let cuts = items.into_iter().zip(lengths).map(|(items, length)| {
        let items = usize::try_from(items).map_err(io::Error::other)?;
        ensure(items >= length, "more targets than items")?;
        let gains = gains.by_ref().take(length).collect();
        Ok(Cut { items, gains })
    });
    cuts.collect()
}

/// The lengths of lists that have so many entries in all.
fn cut_up(lengths: &[u32], entries: usize) -> io::Result<impl Iterator<Item = usize>> {
    let sum: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
    ensure(sum == entries as u64, "lists of another length")?;
    Ok(lengths.iter().map(|&length| length as usize))
}
