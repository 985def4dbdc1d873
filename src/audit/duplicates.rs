//! Rows that say the same thing again: a ladder from equal to suspicious.

use serde::{Deserialize, Serialize};

use super::alert::{Alert, EXAMPLES, Example, Severity};
use super::interactions::Interactions;
use super::kept::{NO_EVENT, NO_TIME, Row};
use super::reading::{Pass, mix};

/// Two events of one user with one item and one kind within so many seconds are suspicious: nobody
/// hears a song again before it is over.
const NEAR: i64 = 30;
/// Different rows of one key that are remembered.
const RUN: usize = 64;

/// Which rows are meant, once labels and placeholders are known.
#[derive(Debug, Default)]
pub(super) struct Sense {
    /// By user: whether it names somebody.
    pub(super) users: Vec<bool>,
    /// By item: whether it names something.
    pub(super) items: Vec<bool>,
    /// By label of an event as written: the place of its name among `kinds`, or [`NO_EVENT`].
    pub(super) events: Vec<u16>,
    pub(super) kinds: Vec<String>,
    /// The first and the last time that is one of listening.
    pub(super) span: (i64, i64),
}

impl Sense {
    /// Whether a row has a time, one of listening.
    fn timed(&self, row: &Row) -> bool {
        row.time != NO_TIME && (self.span.0..=self.span.1).contains(&row.time)
    }

    pub(super) fn event(&self, row: &Row) -> u16 {
        let place = usize::from(row.event);
        self.events.get(place).copied().unwrap_or(NO_EVENT)
    }
}

/// Rows of each rung, copies beyond the first only. Each rung holds those above it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Duplicates {
    /// All cells equal as they stand.
    pub(crate) exact: u64,
    /// All cells mean the same: spaces, case, spellings, words for numbers and markers of missing cells
    /// aside.
    pub(crate) normalized: u64,
    /// Same user, item, event and time, with a real user and item and a real time; 0 in a log without
    /// times.
    pub(crate) key: u64,
    /// Of these, rows that differ from the first in what another cell means.
    pub(crate) key_disagreeing: u64,
    /// Same user and time as another row, but the item is a placeholder: most likely the same row, its
    /// item lost.
    pub(crate) hidden: u64,
    /// Same user, item and event again within 30 seconds, but not at the same time.
    pub(crate) near: u64,
}

/// How many rows honest cleaning leaves, in the order of its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Funnel {
    /// Rows of the log.
    pub(crate) rows: u64,
    /// Rows whose user names nobody.
    pub(crate) no_user: u64,
    /// Of the others, rows whose item names nothing.
    pub(crate) no_item: u64,
    /// Of the others, rows whose time is none, or none of listening; 0 in a log without times.
    pub(crate) no_time: u64,
    /// Of the others, rows with the user, item, event and time of an earlier one.
    pub(crate) duplicates: u64,
    /// Rows that are left.
    pub(crate) left: u64,
}

/// What the ladder finds, with examples, and the rows that are left.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) duplicates: Duplicates,
    pub(super) funnel: Funnel,
    examples: [Vec<u64>; 4],
    /// Numbers of the rows that cleaning drops as duplicates, ascending.
    pub(super) dropped: Vec<u64>,
}

/// What makes a row a duplicate that cleaning drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drop {
    /// The same user, item, event and time.
    Key,
    /// The same in all cells: most rows of the same key differ otherwise, so they are no copies.
    Cells,
}

impl Duplicates {
    pub(super) fn drop(&self) -> Drop {
        if 2 * self.key_disagreeing <= self.key {
            Drop::Key
        } else {
            Drop::Cells
        }
    }
}

/// Looks for duplicates among the rows kept, and moves those that are none, with a real user, item and
/// time, to `interactions`. The places of rows are those of [`Kept::by_user`](super::kept::Kept::by_user).
pub(super) fn find(
    pass: &Pass,
    (begins, places): &(Vec<usize>, Vec<u32>),
    sense: &Sense,
    interactions: &mut Interactions,
) -> Found {
    let mut found = Found::default();
    let timed = pass.timed();
    let mut duplicate: Vec<Option<Drop>> = vec![None; pass.kept.rows.len()];
    let mut seen = Vec::new();
    let (mut hashes, mut order): (Vec<(u64, u32)>, Vec<u32>) = Default::default();
    for user in 0..pass.users.len() {
        let own = &places[begins[user]..begins[user + 1]];
        let row = |place: u32| &pass.kept.rows[place as usize];
        let mut rung = |of: &dyn Fn(&Row) -> u64, examples: &mut Vec<u64>| {
            hashes.clear();
            hashes.extend(own.iter().map(|&place| (of(row(place)), place)));
            hashes.sort_unstable();
            let again = hashes.windows(2).filter(|pair| pair[0].0 == pair[1].0);
            let again: Vec<u64> = again.map(|pair| row(pair[1].1).number).collect();
            note(examples, &again);
            again.len() as u64
        };
        found.duplicates.exact += rung(&|row| row.exact, &mut found.examples[0]);
        let alike = |row: &Row| mix(row.alike, u64::from(sense.event(row)));
        found.duplicates.normalized += rung(&alike, &mut found.examples[1]);
        if !timed || !sense.users[user] {
            continue;
        }
        order.clear();
        order.extend(own.iter().filter(|&&place| sense.timed(row(place))));
        // Ties are in the order of the log, so the first row is the one that stays.
        order.sort_by_key(|&place| {
            let row = row(place);
            (row.time, row.item, sense.event(row))
        });
        let key = |place: u32| (row(place).time, row(place).item, sense.event(row(place)));
        for run in order.chunk_by(|&a, &b| key(a) == key(b)) {
            if sense.items[row(run[0]).item as usize] {
                let first = alike(row(run[0]));
                seen.clear();
                seen.push(first);
                for &place in &run[1..] {
                    let means = alike(row(place));
                    let copy = seen.contains(&means);
                    duplicate[place as usize] = Some(if copy { Drop::Cells } else { Drop::Key });
                    if !copy && seen.len() < RUN {
                        seen.push(means);
                    }
                    found.duplicates.key += 1;
                    found.duplicates.key_disagreeing += u64::from(means != first);
                    note(&mut found.examples[2], &[row(place).number]);
                }
            }
        }
        for run in order.chunk_by(|&a, &b| row(a).time == row(b).time) {
            let real = |place: u32| sense.items[row(place).item as usize];
            if run.iter().any(|&place| real(place)) {
                found.duplicates.hidden += run.iter().filter(|&&place| !real(place)).count() as u64;
            }
        }
        order.retain(|&place| {
            duplicate[place as usize].is_none() && sense.items[row(place).item as usize]
        });
        order.sort_by_key(|&place| (row(place).item, sense.event(row(place)), row(place).time));
        for pair in order.windows(2) {
            let (a, b) = (row(pair[0]), row(pair[1]));
            let same = a.item == b.item && sense.event(a) == sense.event(b);
            if same && b.time - a.time <= NEAR {
                found.duplicates.near += 1;
                note(&mut found.examples[3], &[b.number]);
            }
        }
    }
    let drop = found.duplicates.drop();
    let duplicate: Vec<bool> = duplicate
        .into_iter()
        .map(|of| of.is_some_and(|of| drop == Drop::Key || of == Drop::Cells))
        .collect();
    found.funnel = funnel(pass, sense, &duplicate);
    for (place, row) in pass.kept.rows.iter().enumerate() {
        if duplicate[place] {
            found.dropped.push(row.number);
        } else if real(row, sense) && (!timed || sense.timed(row)) {
            push(interactions, row, sense, pass);
        }
    }
    found
}

fn real(row: &Row, sense: &Sense) -> bool {
    sense.users[row.user as usize] && sense.items[row.item as usize]
}

/// Keeps the smallest few.
fn note(examples: &mut Vec<u64>, rows: &[u64]) {
    examples.extend(rows);
    examples.sort_unstable();
    examples.truncate(EXAMPLES);
}

fn funnel(pass: &Pass, sense: &Sense, duplicate: &[bool]) -> Funnel {
    let timed = pass.timed();
    let mut funnel = Funnel {
        rows: pass.kept.rows.len() as u64,
        ..Funnel::default()
    };
    for (row, duplicate) in pass.kept.rows.iter().zip(duplicate) {
        let step = if !sense.users[row.user as usize] {
            &mut funnel.no_user
        } else if !sense.items[row.item as usize] {
            &mut funnel.no_item
        } else if timed && !sense.timed(row) {
            &mut funnel.no_time
        } else if *duplicate {
            &mut funnel.duplicates
        } else {
            &mut funnel.left
        };
        *step += 1;
    }
    funnel
}

fn push(interactions: &mut Interactions, row: &Row, sense: &Sense, pass: &Pass) {
    let parts = pass.parts;
    interactions.users.push(row.user);
    interactions.items.push(row.item);
    interactions.rows.push(row.number);
    if pass.timed() {
        interactions.times.push(row.time);
    }
    if parts.plays.is_some() {
        interactions
            .plays
            .push(if row.plays.is_nan() { 1.0 } else { row.plays });
    }
    if parts.seconds.is_some() {
        interactions.seconds.push(row.seconds);
    }
    if parts.event.is_some() {
        interactions.events.push(sense.event(row));
    }
}

impl Found {
    /// What is wrong with them. `rows` are those looked at.
    pub(super) fn alerts(&self, rows: u64) -> Vec<Alert> {
        let found = &self.duplicates;
        let examples = |rung: usize| {
            let rows = self.examples[rung].iter();
            rows.map(|&row| Example {
                row,
                value: "the same again".to_owned(),
            })
            .collect::<Vec<_>>()
        };
        let mut alerts = Vec::new();
        let effect = "a row that stands twice counts twice, and may be learned from in one part of the log and asked for in the other";
        if found.key > 0 {
            let what = format!(
                "rows with the user, item, event and time of an earlier one; {} of them differ from it in another cell",
                crate::report::count(found.key_disagreeing)
            );
            let alert = match found.drop() {
                Drop::Key => Alert::new("rows.duplicate_key", Severity::Error, (found.key, rows), what)
                    .effect(effect)
                    .remedy("keep the first of each"),
                Drop::Cells => Alert::new("rows.same_key", Severity::Note, (found.key, rows), format!("{what}: so many that they are no copies"))
                    .effect("several rows tell of one user, item and time: each counts, unless the weighting says otherwise")
                    .remedy("drop those that are equal in all cells; a weighting such as `binary` counts the others once"),
            };
            alerts.push(alert.examples(examples(2)));
        }
        if found.normalized > 0 {
            alerts.push(
                Alert::new("rows.duplicate_normalized", Severity::Warning, (found.normalized, rows), format!("rows that mean the same as an earlier one in all cells; {} of them are equal as they stand", found.exact))
                    .effect(effect)
                    .examples(examples(1))
                    .remedy("dropping rows with the same user, item, event and time drops these too; without times, rows that stand twice may be meant"),
            );
        }
        if found.hidden > 0 {
            alerts.push(
                Alert::new("rows.duplicate_hidden", Severity::Note, (found.hidden, rows), "rows with the user and time of another one, whose item is a placeholder: most likely copies of it")
                    .effect("none once rows of placeholders are dropped")
                    .remedy("drop rows of placeholders"),
            );
        }
        if found.near > 0 {
            alerts.push(
                Alert::new("rows.near_repeat", Severity::Note, (found.near, rows), format!("rows with the user, item and event of another one up to {NEAR} seconds earlier"))
                    .effect("if the player reports an event twice, interactions count twice")
                    .examples(examples(3))
                    .remedy("ask how the player reports; the log cannot tell"),
            );
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{audit_of, rows};

    #[test]
    fn times_that_cannot_be_read_do_not_make_rows_alike() {
        let log = "user_id,song_id,timestamp\n\
            u1,s1,the first of May\n\
            u1,s1,the second of May\n\
            u1 ,s1,the first of May\n";
        assert_eq!(audit_of(log).duplicates.normalized, 1);
    }

    #[test]
    fn the_ladder_counts_each_rung() {
        let log = "user_id,song_id,event_type,play_count,timestamp\n\
            u1,s1,play,1,2025-01-01 10:00:00\n\
            u1,s1,play,1,2025-01-01 10:00:00\n\
            U1 ,s1,PLAY,one,2025-01-01 10:00:00\n\
            u1,s1,play,7,2025-01-01 10:00:00\n\
            u1,guest,play,1,2025-01-01 10:00:00\n\
            u1,s1,play,1,2025-01-01 10:00:20\n\
            u2,s1,play,1,2025-01-01 10:00:00\n\
            u2,s1,like,1,2025-01-01 10:00:00\n";
        let audit = audit_of(log);
        let found = &audit.duplicates;
        assert_eq!((found.exact, found.normalized), (1, 2));
        assert_eq!((found.key, found.key_disagreeing), (3, 1));
        assert_eq!((found.hidden, found.near), (1, 1));
        assert_eq!(audit.funnel.left, 4);
        assert_eq!(rows(&audit, "rows.duplicate_key"), 3);
    }
}
