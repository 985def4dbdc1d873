//! The core of a log that is seen part by part: what is held is which ids there are and which are gone, not the
//! interactions.

use std::num::NonZeroU32;

use musicrec_api::{InParts, KnownTexts, Ledger, Log, Result, Texts, View};

use super::{MinInteractions, NEVER, fate, there};

/// The core on its way. All rows of a user are in one part, so users are settled when their part is looked at; items
/// are counted over all parts and settled once all have been.
pub(super) struct Parts<'c> {
    cleaner: &'c MinInteractions,
    users: Side,
    items: Side,
    /// For each item how many different users it has in this round.
    counts: Vec<u32>,
    /// The round, from 0; nothing before the first.
    round: Option<u32>,
    /// Whether somebody was dropped in this round.
    dropped: bool,
    /// Interactions that users keep in this round.
    kept: u64,
    rows: u64,
}

impl<'c> Parts<'c> {
    pub(super) fn new(cleaner: &'c MinInteractions) -> Self {
        Self {
            cleaner,
            users: Side::default(),
            items: Side::default(),
            counts: Vec::new(),
            round: None,
            dropped: false,
            kept: 0,
            rows: 0,
        }
    }
}

impl InParts for Parts<'_> {
    fn again(&mut self) -> Result<bool> {
        let Some(round) = self.round else {
            self.round = Some(0);
            return Ok(true);
        };
        for (gone, count) in self.items.gone.iter_mut().zip(&mut self.counts) {
            let count = std::mem::take(count);
            if count > 0 && count < self.cleaner.items {
                *gone = 2 * round + 1;
                self.dropped = true;
                self.kept -= u64::from(count);
            }
        }
        if std::mem::take(&mut self.kept) == 0 && self.rows > 0 {
            return Err(self.cleaner.nothing_left());
        }
        self.round = Some(round + 1);
        let most = self.cleaner.max_rounds.map_or(u32::MAX, NonZeroU32::get);
        Ok(std::mem::take(&mut self.dropped) && round + 1 < most)
    }

    fn look(&mut self, part: &Log) -> Result<()> {
        let roles = part.roles();
        let user = self.users.numbers(there(part, &roles.user)?, part.rows());
        let item = self.items.numbers(there(part, &roles.item)?, part.rows());
        self.rows += part.rows() as u64;
        let mut pairs: Vec<(u32, u32)> = user.into_iter().zip(item).collect();
        pairs.retain(|&(user, item)| self.users.stays(user) && self.items.stays(item));
        pairs.sort_unstable();
        pairs.dedup();
        self.counts.resize(self.items.gone.len(), 0);
        for own in pairs.chunk_by(|a, b| a.0 == b.0) {
            if own.len() < self.cleaner.users as usize {
                self.users.gone[own[0].0 as usize] = 2 * self.round.unwrap_or(0);
                self.dropped = true;
                continue;
            }
            self.kept += own.len() as u64;
            for &(_, item) in own {
                self.counts[item as usize] += 1;
            }
        }
        Ok(())
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        if part.rows() == 0 {
            return Ok(());
        }
        let roles = part.roles();
        let user = self.users.known(there(part, &roles.user)?, part.rows());
        let item = self.items.known(there(part, &roles.item)?, part.rows());
        let fates: Vec<u16> = user
            .into_iter()
            .zip(item)
            .map(|(user, item)| {
                fate(
                    self.users.gone[user as usize],
                    self.items.gone[item as usize],
                )
            })
            .collect();
        self.cleaner.drop(part, ledger, &fates);
        Ok(())
    }
}

/// The ids of one side, each with a number that holds for all parts.
#[derive(Default)]
struct Side {
    ids: Texts,
    known: KnownTexts,
    /// The step at which an id had too few.
    gone: Vec<u32>,
}

impl Side {
    fn stays(&self, id: u32) -> bool {
        self.gone[id as usize] == NEVER
    }

    /// The numbers of all rows; ids that are new get one.
    fn numbers(&mut self, cells: View<'_>, rows: usize) -> Vec<u32> {
        let (known, ids) = (&mut self.known, &mut self.ids);
        let numbers = each(cells, rows, |id| known.code(ids, id));
        self.gone.resize(self.ids.len(), NEVER);
        numbers
    }

    /// The same where all have been seen.
    fn known(&self, cells: View<'_>, rows: usize) -> Vec<u32> {
        each(cells, rows, |id| {
            self.known
                .find(&self.ids, id)
                .expect("every part was looked at")
        })
    }
}

/// What is found for the id of each row; a text is looked up once, however many rows have it.
fn each(cells: View<'_>, rows: usize, mut find: impl FnMut(&str) -> u32) -> Vec<u32> {
    let View::Text(text) = cells else {
        return (0..rows).map(|row| find(&cells.show(row))).collect();
    };
    let values = text.values();
    let mut found = vec![None; values.len()];
    text.codes()
        .map(|code| *found[code as usize].get_or_insert_with(|| find(&values[code as usize])))
        .collect()
}
