//! What a cleaner promises.

use super::logs::{State, log, nothing_known};
use super::promises::{Promises, THREADS, on_threads};
use crate::{Account, Cells, Cleaner, Ledger, Log, Reach, Result};

/// Groups that a log is cut into.
const GROUPS: usize = 3;

/// Whether it could be tried at all.
pub(super) fn behavior(cleaner: &dyn Cleaner, promises: &mut Promises) -> bool {
    let mut works = false;
    for state in [State::Messy, State::Tidy, State::Parsed] {
        let before = log(state);
        let what = match state {
            State::Messy => "a messy log",
            State::Tidy => "a tidy log",
            State::Parsed => "a tidy log with numbers and times parsed",
        };
        if let Some((after, ledger)) = clean(cleaner, &before, what, promises) {
            works = true;
            announced(cleaner, &after, what, promises);
            if !accounted(&before, &after, &ledger, what, promises) {
                continue;
            }
            for threads in THREADS {
                let again = promises.fallible("cleaning again", || {
                    on_threads(threads, || cleaned(cleaner, before.clone()))
                });
                let same = again.is_none_or(|(again, _)| shown(&again) == shown(&after));
                promises.that(same, || {
                    format!("cleaning {what} again, on {threads} threads, gives other cells")
                });
            }
            in_groups(cleaner, &before, &after, &ledger, what, promises);
            // Whatever a second look does, it must end well.
            clean(cleaner, &after, "what it has cleaned before", promises);
            empty(cleaner, &before, promises);
        }
        let one = before.select(&[0]);
        if let Some((after, ledger)) = clean(cleaner, &one, "a log of one row", promises) {
            accounted(&one, &after, &ledger, "a log of one row", promises);
        }
        let missing = nothing_known(state);
        let what = "a log in which every cell is missing";
        if let Some((after, ledger)) = clean(cleaner, &missing, what, promises) {
            accounted(&missing, &after, &ledger, what, promises);
        }
    }
    works
}

/// The texts that it says a column is left with are all that there are.
fn announced(cleaner: &dyn Cleaner, after: &Log, what: &str, promises: &mut Promises) {
    for column in after.columns() {
        let Some(labels) = cleaner.labels(&column.name, None) else {
            continue;
        };
        let shown = (0..after.rows()).filter(|row| !column.cells.is_missing(*row));
        let shown = shown.map(|row| column.cells.show(row).into_owned());
        let other = shown
            .into_iter()
            .find(|text| !text.trim().is_empty() && !labels.contains(text));
        promises.that(other.is_none(), || {
            format!(
                "its `labels` leave {labels:?} in the column `{}`, but cleaning {what} leaves {other:?} too",
                column.name
            )
        });
    }
}

/// Cleaning what it has cleaned changes nothing.
pub(super) fn once(cleaner: &dyn Cleaner, promises: &mut Promises) -> bool {
    let mut works = false;
    for state in [State::Messy, State::Tidy, State::Parsed] {
        let Some((first, _)) = clean(cleaner, &log(state), "the kit's log", promises) else {
            continue;
        };
        let Some((second, _)) = clean(cleaner, &first, "what it has cleaned before", promises)
        else {
            continue;
        };
        works = true;
        promises.that(shown(&first) == shown(&second), || {
            "cleaning what it has cleaned changes it again".to_owned()
        });
    }
    works
}

fn cleaned(cleaner: &dyn Cleaner, mut log: Log) -> Result<(Log, Ledger)> {
    let mut ledger = Ledger::default();
    cleaner.clean(&mut log, &mut ledger)?;
    Ok((log, ledger))
}

fn clean(
    cleaner: &dyn Cleaner,
    log: &Log,
    what: &str,
    promises: &mut Promises,
) -> Option<(Log, Ledger)> {
    promises.fallible(&format!("cleaning {what}"), || {
        cleaned(cleaner, log.clone())
    })
}

/// No row comes out of nothing, none goes without an account. Gives whether each row has its cells.
fn accounted(
    before: &Log,
    after: &Log,
    ledger: &Ledger,
    what: &str,
    promises: &mut Promises,
) -> bool {
    let gone = before.rows() as i64 - after.rows() as i64;
    let booked = rows(ledger.drops());
    promises.that(booked as i64 == gone, || {
        format!(
            "cleaning {what}: of {} rows {} are left, but the ledger has {booked} as dropped; book \
             each row once, with `ledger.dropped`",
            before.rows(),
            after.rows()
        )
    });
    let ascending = after.numbers().windows(2).all(|pair| pair[0] < pair[1]);
    let known = |number| before.numbers().binary_search(number).is_ok();
    promises.that(ascending && after.numbers().iter().all(known), || {
        format!("cleaning {what}: rows changed their numbers or their order; use `Log::retain`")
    });
    for column in after.columns() {
        promises.that(column.cells.len() == after.rows(), || {
            format!(
                "cleaning {what}: column `{}` has {} cells, but the log has {} rows",
                column.name,
                column.cells.len(),
                after.rows()
            )
        });
    }
    for account in ledger.drops().chain(ledger.changes()) {
        promises.that(!account.what.trim().is_empty(), || {
            "the ledger does not say why rows were dropped or changed".to_owned()
        });
        for sample in &account.samples {
            promises.that(known(&sample.row), || {
                format!(
                    "cleaning {what}: the sample of `{}` is of row {}, which the log does not have; \
                     use `Log::numbers`",
                    account.what, sample.row
                )
            });
        }
    }
    let rows = after.rows();
    after.columns().iter().all(|c| c.cells.len() == rows)
}

fn rows<'a>(accounts: impl Iterator<Item = &'a Account>) -> u64 {
    accounts.map(|a| a.rows).sum()
}

/// A cleaner that need not see everything at once gives the same whatever it is given at once.
fn in_groups(
    cleaner: &dyn Cleaner,
    before: &Log,
    after: &Log,
    ledger: &Ledger,
    what: &str,
    promises: &mut Promises,
) {
    let Some(reach) = promises.calm("telling its reach", || cleaner.reach()) else {
        return;
    };
    let by_user = || {
        let user = before.column(&before.roles().user);
        let Ok(Cells::Text(users)) = user else {
            return None;
        };
        let of = |code: &u32| *code as usize % GROUPS;
        Some(users.codes.iter().map(of).collect())
    };
    let group_of: Option<Vec<usize>> = match reach {
        Reach::Row => {
            let rows = 0..before.rows();
            Some(rows.map(|row| row * GROUPS / before.rows()).collect())
        }
        Reach::User | Reach::Log => by_user(),
    };
    let Some(group_of) = group_of else { return };
    let groups = (0..GROUPS).map(|group| {
        let rows = (0..before.rows()).filter(|&row| group_of[row] == group);
        before.select(&rows.map(|row| row as u32).collect::<Vec<u32>>())
    });
    let mut groups: Vec<Log> = groups.collect();
    let cleaned = promises.calm(&format!("cleaning {what} in parts"), || {
        clean_groups(cleaner, reach, &mut groups)
    });
    let (dropped, changed) = match cleaned {
        None | Some(Ok(None)) => return,
        Some(Ok(Some(books))) => books,
        Some(Err(error)) => {
            promises.that(false, || {
                format!("it cleans {what} as a whole, but refuses a part of it: {error}")
            });
            return;
        }
    };
    let mut parts: Vec<_> = groups.iter().flat_map(shown).collect();
    parts.sort();
    let mut whole = shown(after);
    whole.sort();
    promises.that(parts == whole, || {
        let says = match reach {
            Reach::Log => "it can clean a log in parts".to_owned(),
            _ => format!("its reach is `{}`", reach.name()),
        };
        format!(
            "it says that {says}, but cleaning {what} in {GROUPS} parts gives other cells than cleaning \
             it whole: it needs to see more at once"
        )
    });
    let books = (rows(ledger.drops()), rows(ledger.changes()));
    promises.that((dropped, changed) == books, || {
        format!("cleaning {what} in {GROUPS} parts it books other numbers than cleaning it whole")
    });
}

/// Cleans parts of a log, and gives how many rows were dropped and cells changed; nothing for a cleaner that must
/// have it whole.
fn clean_groups(
    cleaner: &dyn Cleaner,
    reach: Reach,
    groups: &mut [Log],
) -> Result<Option<(u64, u64)>> {
    let roles = groups[0].roles().clone();
    let mut seen = None;
    if reach == Reach::Log {
        let Some(mut parts) = cleaner.in_parts(&roles) else {
            return Ok(None);
        };
        while parts.again()? {
            groups.iter().try_for_each(|group| parts.look(group))?;
        }
        seen = Some(parts);
    }
    let mut all = Ledger::default();
    for group in groups {
        match &seen {
            Some(parts) => parts.clean(group, &mut all)?,
            None => cleaner.clean(group, &mut all)?,
        }
    }
    Ok(Some((rows(all.drops()), rows(all.changes()))))
}

/// A part of a log can have no row at all.
fn empty(cleaner: &dyn Cleaner, log: &Log, promises: &mut Promises) {
    let nothing = log.select(&[]);
    let after = clean(cleaner, &nothing, "a log without rows", promises);
    let fine = after.is_some_and(|(after, ledger)| {
        after.rows() == 0 && ledger.drops().chain(ledger.changes()).next().is_none()
    });
    promises.that(fine, || {
        "a log without rows is not left as it is: nothing to do is no error".to_owned()
    });
}

/// Number, types and cells of each row.
fn shown(log: &Log) -> Vec<(u64, Vec<String>)> {
    let cell = |cells: &Cells, row: usize| {
        let kind = match cells {
            _ if cells.is_missing(row) => "missing",
            Cells::Text(_) => "text",
            Cells::Number(_) => "number",
            Cells::Time(_) => "time",
        };
        format!("{kind} {}", cells.show(row))
    };
    let row = |row: usize| {
        let cells = log.columns().into_iter().map(|c| cell(&c.cells, row));
        (log.numbers()[row], cells.collect())
    };
    (0..log.rows()).map(row).collect()
}
