//! What is told of the users who are shown: from the folds, while the log is at hand, and from the lists
//! of the variants.

use std::collections::BTreeMap;
use std::sync::Arc;

use musicrec_api::{Events, Ids, MISSING, Role};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Heard, KeptExample, Tested, attached, named};
use crate::exit::Failure;
use crate::records::Store;
use crate::stages::fold::FoldData;
use crate::sweep::Sweep;

/// Items of a history that are shown.
const HISTORY: usize = 12;

/// See the module.
pub(super) struct Told {
    pub(super) users: Vec<KeptExample>,
    /// The items of the cleaned log.
    items: Arc<Ids>,
    /// Their places by popularity.
    places: Vec<usize>,
    /// Whether there are several test periods.
    periods: bool,
}

impl Sweep<'_> {
    /// What the folds tell of users under one alternative of the cleaners; the lists are missing yet.
    pub(super) fn told(&self, cleaning: usize, chosen: &[(&str, &'static str)]) -> Told {
        let periods = self.cleaned[cleaning].periods(Role::Test);
        let wanted: FxHashSet<&str> = chosen.iter().map(|(user, _)| *user).collect();
        let mut found: FxHashMap<&str, (&FoldData, usize)> = FxHashMap::default();
        for fold in &periods {
            for (at, (user, _)) in fold.questions().enumerate() {
                if wanted.contains(user) {
                    found.entry(user).or_insert((fold, at));
                }
            }
        }
        let users = chosen.iter().filter_map(|(user, why)| {
            let (fold, at) = found.get(user)?;
            Some(example(fold, *at, user, why))
        });
        let first = periods[0];
        Told {
            users: users.collect(),
            items: Arc::clone(&first.items),
            places: places(first),
            periods: periods.len() > 1,
        }
    }
}

/// What a fold tells of a user it asks.
fn example(fold: &FoldData, at: usize, user: &str, why: &str) -> KeptExample {
    let learned = fold.fit.users.len() as u32;
    let (events, number) = match (fold.asked[at], &fold.given) {
        (MISSING, _) => (None, MISSING),
        (number, Some(given)) if number >= learned => (Some(&given.history), number - learned),
        (number, _) => (Some(&*fold.fit), number),
    };
    let rows = |events: &Events| -> Vec<usize> {
        let of_user = (0..events.len()).filter(|&row| events.user[row] == number);
        of_user.collect()
    };
    let rows = events.map_or_else(Vec::new, rows);
    let mut targets = fold.wanted.get(at).to_vec();
    // Those that count most first.
    targets.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    KeptExample {
        user: user.to_owned(),
        why: why.to_owned(),
        period: fold.summary.period,
        history_events: rows.len(),
        history: events.map_or_else(Vec::new, |events| history(events, rows)),
        targets: targets
            .iter()
            .map(|target| fold.items.get(target.item).to_owned())
            .collect(),
        lists: BTreeMap::new(),
    }
}

/// The items of some events, the latest first; without times the last of the log first.
fn history(events: &Events, mut rows: Vec<usize>) -> Vec<Heard> {
    rows.sort_by_key(|&row| std::cmp::Reverse((events.time.get(row), row)));
    let mut order: Vec<u32> = Vec::new();
    let mut of_item: FxHashMap<u32, (usize, usize)> = FxHashMap::default();
    for row in rows {
        let item = events.item[row];
        let (_, times) = of_item.entry(item).or_insert_with(|| {
            order.push(item);
            (row, 0)
        });
        *times += 1;
    }
    let heard = order.iter().take(HISTORY).map(|item| {
        let (last, times) = of_item[item];
        Heard {
            item: events.items.get(*item).to_owned(),
            kind: events.kind_name(last).map(str::to_owned),
            time: events.time.get(last),
            times,
        }
    });
    heard.collect()
}

/// For each item of the log its place by popularity in a fold's fit part, from 1: by distinct users, of
/// equals the first by id. What nobody heard there comes last.
fn places(fold: &FoldData) -> Vec<usize> {
    let fit = &fold.fit;
    let mut pairs: Vec<(u32, u32)> = fit
        .user
        .iter()
        .copied()
        .zip(fit.item.iter().copied())
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut local = vec![0_usize; fit.items.len()];
    for (_, item) in pairs {
        local[item as usize] += 1;
    }
    // Both tables are in the order of ids, and the fit part's is a part of the other.
    let mut users = vec![0_usize; fold.items.len()];
    let mut next = 0;
    for (item, id) in fold.items.iter().enumerate() {
        if next < local.len() && fit.items.get(next as u32) == id {
            users[item] = local[next];
            next += 1;
        }
    }
    let mut order: Vec<usize> = (0..users.len()).collect();
    order.sort_by_key(|&item| std::cmp::Reverse(users[item]));
    let mut places = vec![0; order.len()];
    for (place, item) in order.into_iter().enumerate() {
        places[item] = place + 1;
    }
    places
}

impl Told {
    /// Reads what a variant recommends, with its first seed.
    pub(super) fn read_lists(
        &mut self,
        row: &Tested,
        depth: usize,
        store: &Store,
    ) -> Result<(), Failure> {
        let Some(record) = row.records.first() else {
            return Ok(());
        };
        let Some(name) = attached(record, "lists") else {
            return Ok(());
        };
        for user in &mut self.users {
            user.lists.insert(row.variant.clone(), Vec::new());
        }
        let text = store.attachment(name)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut line = csv::StringRecord::new();
        // The column `period` stands first where there are several.
        let at = usize::from(self.periods);
        while reader
            .read_record(&mut line)
            .map_err(|_| store.disagrees(&record.id))?
        {
            let period = self.periods.then(|| line.get(0)).flatten();
            let (Some(id), Some(item)) = (line.get(at), line.get(at + 2)) else {
                return Err(store.disagrees(&record.id));
            };
            let asked = self.users.iter_mut().find(|user| {
                user.user == id && period.is_none_or(|period| period == user.period.to_string())
            });
            if let Some(list) = asked.and_then(|user| user.lists.get_mut(&row.variant))
                && list.len() < depth
            {
                list.push(item.to_owned());
            }
        }
        Ok(())
    }

    /// The places by popularity of all items that are named. What only another alternative of the
    /// cleaners has comes after those of the log.
    pub(super) fn places(&self) -> BTreeMap<String, usize> {
        let named = named(&self.users);
        let known = self.items.iter().zip(&self.places);
        let mut places: BTreeMap<String, usize> = known
            .filter(|(id, _)| named.contains(id))
            .map(|(id, place)| (id.to_owned(), *place))
            .collect();
        let mut next = self.places.len();
        for item in named {
            places.entry(item.to_owned()).or_insert_with(|| {
                next += 1;
                next
            });
        }
        places
    }
}
