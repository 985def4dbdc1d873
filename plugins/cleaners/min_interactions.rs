//! Users and items with enough interactions to learn from.

use std::num::NonZeroU32;

use musicrec_api::{
    Cleaner, Error, InParts, Ledger, Log, On, Reach, Result, Roles, View, register,
};
use parts::Parts;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{drop_rows, missing};

/// Keeps users with enough different items and items with enough different users: the k-core.
///
/// An interaction is a user and an item, however many rows they share. Dropping items takes
/// interactions from users and the other way round, so it goes on until all that are left have
/// enough. What is left does not depend on the order.
///
/// By default only what a model learns from is cut, after the split, and each fold by itself: who
/// has many interactions is not known at the present moment of a fold. `on = "all"` cuts the whole
/// log before the split, as many papers do; the report lists it as a leak.
///
/// ```toml
/// [[cleaners]]
/// min_interactions = { users = 5, items = 5 }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MinInteractions {
    /// How many different items a user must have. Default 5; 0 and 1 ask for nothing.
    pub users: u32,
    /// How many different users an item must have. Default 5; 0 and 1 ask for nothing.
    pub items: u32,
    /// Which rows are cut. Default `fit`.
    pub on: Part,
    /// How many times users and items are looked through. Default: until nothing changes. After 1,
    /// some that are left may have too few.
    pub max_rounds: Option<NonZeroU32>,
}

/// Which rows are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What a model may learn from: the fit part of each fold.
    #[default]
    Fit,
    /// The whole log, validation and test included.
    All,
}

impl Default for MinInteractions {
    fn default() -> Self {
        Self {
            users: 5,
            items: 5,
            on: Part::Fit,
            max_rounds: None,
        }
    }
}

#[typetag::serde(name = "min_interactions")]
impl Cleaner for MinInteractions {
    fn reach(&self) -> Reach {
        Reach::Log
    }

    fn on(&self) -> On {
        match self.on {
            Part::Fit => On::Fit,
            Part::All => On::Log,
        }
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        if part.rows() == 0 {
            return Ok(());
        }
        let roles = part.roles().clone();
        let user = Side::new(part, &roles.user)?;
        let item = Side::new(part, &roles.item)?;
        let fates = self.core(&user.code, &item.code, [user.count, item.count]);
        if fates.iter().all(|&fate| fate > 0) {
            return Err(self.nothing_left());
        }
        self.drop(part, ledger, &fates);
        Ok(())
    }

    fn in_parts(&self, _: &Roles) -> Option<Box<dyn InParts + '_>> {
        Some(Box::new(Parts::new(self)))
    }
}

impl MinInteractions {
    fn nothing_left(&self) -> Error {
        Error::data(format!(
            "`min_interactions` leaves no row: no group of users and items has {} different \
             items for each user and {} different users for each item; lower `users` or `items`",
            self.users, self.items
        ))
    }

    /// Drops the rows of a part whose fate is 1 for their user and 2 for their item.
    fn drop(&self, part: &mut Log, ledger: &mut Ledger, fates: &[u16]) {
        if self.on == Part::All {
            ledger.leak(
                "it looked at the whole log, validation and test included, to choose \
                 users and items",
            );
        }
        let roles = part.roles().clone();
        let reasons = [
            format!("fewer than {} items", self.users),
            format!("fewer than {} users", self.items),
        ];
        let reasons = [
            (roles.user.as_str(), &*reasons[0]),
            (roles.item.as_str(), &*reasons[1]),
        ];
        drop_rows(part, ledger, fates, &reasons);
    }
}

register!(Cleaner, MinInteractions, "min_interactions", revision = 1);

mod parts;

/// The cells of a column of ids, of which none may be missing.
fn there<'a>(log: &'a Log, column: &str) -> Result<View<'a>> {
    let cells = log.view(column)?;
    match missing(cells).into_iter().position(|missing| missing) {
        None => Ok(cells),
        Some(row) => Err(Error::definition(format!(
            "row {} has no {column}, so `min_interactions` cannot count it; put `drop_missing = \
             {{ columns = [\"{column}\"] }}` before",
            log.number(row)
        ))),
    }
}

/// One column of ids as numbers from 0 without gaps.
struct Side {
    code: Vec<u32>,
    count: usize,
}

impl Side {
    fn new(log: &Log, column: &str) -> Result<Self> {
        let cells = there(log, column)?;
        let mut known: FxHashMap<u64, u32> = FxHashMap::default();
        let code = (0..log.rows())
            .map(|row| {
                let next = known.len() as u32;
                *known.entry(cells.bits(row)).or_insert(next)
            })
            .collect();
        Ok(Self {
            code,
            count: known.len(),
        })
    }
}

/// Step of an id that stays.
const NEVER: u32 = u32::MAX;

impl MinInteractions {
    /// For each row 0 if it stays, 1 if its user and 2 if its item was the first to have too few.
    fn core(&self, user: &[u32], item: &[u32], counts: [usize; 2]) -> Vec<u16> {
        let mut pairs: Vec<(u32, u32)> = user.iter().copied().zip(item.iter().copied()).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut gone = [vec![NEVER; counts[0]], vec![NEVER; counts[1]]];
        let mut round = 0;
        loop {
            let before = pairs.len();
            let step = 2 * round;
            drop_rare(&mut pairs, &mut gone[0], step, self.users, |pair| pair.0);
            drop_rare(&mut pairs, &mut gone[1], step + 1, self.items, |pair| {
                pair.1
            });
            round += 1;
            if pairs.len() == before || self.max_rounds.is_some_and(|max| round >= max.get()) {
                break;
            }
        }
        let of_row =
            |(&user, &item): (&u32, &u32)| fate(gone[0][user as usize], gone[1][item as usize]);
        user.iter().zip(item).map(of_row).collect()
    }
}

/// What becomes of a row, by the steps at which its user and its item had too few: 0 if it stays, 1 if its user and 2
/// if its item was the first.
fn fate(user: u32, item: u32) -> u16 {
    match (user, item) {
        (NEVER, NEVER) => 0,
        (user, item) => 1 + u16::from(item < user),
    }
}

/// Drops the interactions of ids on one side that have some, but too few, and notes the step.
fn drop_rare(
    pairs: &mut Vec<(u32, u32)>,
    gone: &mut [u32],
    step: u32,
    least: u32,
    side: fn(&(u32, u32)) -> u32,
) {
    let mut counts = vec![0u32; gone.len()];
    for pair in &*pairs {
        counts[side(pair) as usize] += 1;
    }
    for (gone, &count) in gone.iter_mut().zip(&counts) {
        if count > 0 && count < least {
            *gone = step;
        }
    }
    pairs.retain(|pair| counts[side(pair) as usize] >= least);
}

#[cfg(test)]
mod tests {
    use super::{MinInteractions, Part};
    use crate::cells::tests::{books, log};
    use musicrec_api::{Cleaner, Ledger, Log, On, Result};
    use std::num::NonZeroU32;

    // a and b share x and y; c has x and z, d has only z: without d, z has one user, then c one item.
    const ROWS: [&str; 8] = ["a|x", "a|y", "b|x", "b|y", "a|x", "c|x", "c|z", "d|z"];

    fn run(cleaner: &MinInteractions) -> Result<(Log, Ledger)> {
        let mut log = log("user|item", &ROWS);
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    /// The same, seen in parts that each hold all rows of their users.
    fn run_in_parts(cleaner: &MinInteractions) -> Result<(Vec<u64>, Ledger)> {
        let whole = log("user|item", &ROWS);
        // Of a and d, of b, of c.
        let mut parts =
            [vec![0u32, 1, 4, 7], vec![2, 3], vec![5, 6]].map(|rows| whole.select(&rows));
        let mut core = cleaner.in_parts(whole.roles()).expect("it can");
        while core.again()? {
            parts.iter().try_for_each(|part| core.look(part))?;
        }
        let mut all = Ledger::default();
        let mut left = Vec::new();
        for part in &mut parts {
            let mut ledger = Ledger::default();
            core.clean(part, &mut ledger)?;
            all.merge(ledger);
            left.extend_from_slice(part.numbers());
        }
        left.sort_unstable();
        Ok((left, all))
    }

    #[test]
    fn parts_are_cleaned_as_the_whole_is() {
        for (users, items) in [(0, 0), (1, 2), (2, 1), (2, 2), (3, 1), (1, 3), (3, 3)] {
            for max_rounds in [None, NonZeroU32::new(1), NonZeroU32::new(2)] {
                for on in [Part::Fit, Part::All] {
                    let cleaner = MinInteractions {
                        users,
                        items,
                        on,
                        max_rounds,
                    };
                    match (run(&cleaner), run_in_parts(&cleaner)) {
                        (Ok((log, ledger)), Ok((left, all))) => {
                            assert_eq!(left, log.numbers(), "{cleaner:?}");
                            let books = |ledger: &Ledger| {
                                let mut all: Vec<_> = ledger.drops().cloned().collect();
                                all.sort_by(|a, b| a.column.cmp(&b.column));
                                all
                            };
                            assert_eq!(books(&all), books(&ledger), "{cleaner:?}");
                            assert_eq!(all.leaks(), ledger.leaks());
                        }
                        (Err(whole), Err(parts)) => {
                            assert_eq!(whole.to_string(), parts.to_string());
                        }
                        (whole, parts) => panic!("{cleaner:?}: {whole:?} {parts:?}"),
                    }
                }
            }
        }
    }

    fn two() -> MinInteractions {
        MinInteractions {
            users: 2,
            items: 2,
            ..MinInteractions::default()
        }
    }

    #[test]
    fn it_goes_on_until_all_have_enough() {
        let (log, ledger) = run(&two()).unwrap();
        assert_eq!(log.numbers(), [1, 2, 3, 4, 5]);
        // d goes first, then z for want of d, then c for want of z.
        assert_eq!(
            books(ledger.drops()),
            [
                ("item", "fewer than 2 users", 1),
                ("user", "fewer than 2 items", 2)
            ]
        );
        assert_eq!((ledger.leaks().len(), two().on()), (0, On::Fit));
        let once = MinInteractions {
            max_rounds: NonZeroU32::new(1),
            ..two()
        };
        assert_eq!(run(&once).unwrap().0.numbers(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn repeated_rows_are_one_interaction() {
        // a has x twice and y: two interactions, not three.
        let three = MinInteractions {
            users: 3,
            items: 0,
            ..MinInteractions::default()
        };
        let error = run(&three).unwrap_err().to_string();
        assert!(error.contains("leaves no row"), "{error}");
    }

    #[test]
    fn looking_at_the_whole_log_is_a_leak() {
        let all = MinInteractions {
            on: Part::All,
            ..two()
        };
        assert_eq!(all.on(), On::Log);
        assert!(run(&all).unwrap().1.leaks()[0].contains("whole log"));
    }
}
