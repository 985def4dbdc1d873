//! The one pass over a log.

use std::borrow::Cow;

use musicrec_api::{Ledger, Log, MISSING, Result, Source, SourceContext, Texts, View};
use rustc_hash::FxHashMap;

use super::column::{Column, Kind, Meaning, guess_case, guess_kind, normal_id};
use super::kept::{Dependency, Kept, NO_EVENT, NO_TIME, Row};
use super::labels::event_name;
use super::roles::Guess;
use super::values::{Values, hash};

/// Values of a column that counts by event are kept for: flags, not names.
const FEW: usize = 8;

/// What one pass finds.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) rows: u64,
    pub(super) columns: Vec<Column>,
    pub(super) parts: Parts,
    /// Normalized ids; places are those of [`Row`].
    pub(super) users: Values,
    pub(super) items: Values,
    pub(super) kept: Kept,
    pub(super) dependencies: Vec<Dependency>,
    /// Rows by event and value of the columns that have few values: places of column, event, value.
    pub(super) crossed: FxHashMap<(usize, u32, u32), (u64, u64)>,
    /// What the source dropped.
    pub(super) ledger: Ledger,
    /// Rows whose time is earlier than that of the row before, and rows with a time.
    pub(super) backwards: (u64, u64),
    last: i64,
    /// The present time in seconds since 1970.
    pub(super) now: i64,
}

/// Places of the columns that play a part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    pub(super) user: usize,
    pub(super) item: usize,
    pub(super) time: Option<usize>,
    pub(super) event: Option<usize>,
    pub(super) plays: Option<usize>,
    pub(super) seconds: Option<usize>,
}

/// Reads a log once; `now` is the present time in seconds since 1970.
pub(super) fn read(
    source: &dyn Source,
    context: &SourceContext,
    guess: &Guess,
    now: i64,
    mut tell: impl FnMut(u64) -> Result<()>,
) -> Result<Pass> {
    let mut pass = Pass {
        now,
        last: NO_TIME,
        ..Pass::default()
    };
    let mut ledger = Ledger::default();
    source.read(context, &mut ledger, &mut |chunk| {
        pass.chunk(&chunk, guess);
        tell(pass.rows)
    })?;
    pass.ledger = ledger;
    Ok(pass)
}

/// The cells of a column of a chunk as codes of texts, whatever they are.
struct Coded<'a> {
    codes: Cow<'a, [u32]>,
    texts: Cow<'a, Texts>,
    /// Rows of each text, and the first of them in the chunk.
    uses: Vec<(u32, u32)>,
    absent: (u64, usize),
}

impl<'a> Coded<'a> {
    fn of(view: View<'a>) -> Self {
        let (codes, texts): (Cow<[u32]>, Cow<Texts>) = if let View::Text(text) = view {
            (
                text.codes().collect::<Vec<u32>>().into(),
                Cow::Borrowed(text.values()),
            )
        } else {
            let (mut places, mut texts) = (FxHashMap::default(), Texts::default());
            let codes: Vec<u32> = (0..view.len())
                .map(|row| {
                    if view.is_missing(row) {
                        return MISSING;
                    }
                    *places.entry(view.bits(row)).or_insert_with(|| {
                        texts.push(&view.show(row));
                        texts.len() as u32 - 1
                    })
                })
                .collect();
            (codes.into(), Cow::Owned(texts))
        };
        let mut uses = vec![(0u32, 0u32); texts.len()];
        let mut absent = (0, 0);
        for (row, &code) in (0u32..).zip(codes.iter()) {
            if code == MISSING {
                if absent.0 == 0 {
                    absent.1 = row as usize;
                }
                absent.0 += 1;
            } else {
                let known = &mut uses[code as usize];
                if known.0 == 0 {
                    known.1 = row;
                }
                known.0 += 1;
            }
        }
        Self {
            codes,
            texts,
            uses,
            absent,
        }
    }

    fn used(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.texts.iter().zip(&self.uses);
        all.filter(|(_, uses)| uses.0 > 0)
            .map(|(text, uses)| (text, u64::from(uses.0)))
    }
}

/// Places of the ids of a chunk, by the codes of its values.
struct Places {
    places: Vec<Option<u32>>,
    absent: Option<u32>,
}

/// What missing cells mean.
const ABSENT: Meaning = Meaning {
    exact: 0,
    alike: 0,
    number: f64::NAN,
    time: None,
    place: None,
};

/// Whether a column of text tells what happened: few labels, and most rows with one that is known.
fn tells_events(coded: &Coded) -> bool {
    let (mut all, mut known, mut labels) = (0, 0, 0);
    for (text, rows) in coded.used() {
        labels += 1;
        all += rows;
        if event_name(&musicrec_cleaners::fold(text.trim())).is_some() {
            known += rows;
        }
    }
    labels <= 60 && 2 * known > all
}

impl Pass {
    /// Whether any row has a time.
    pub(super) fn timed(&self) -> bool {
        self.parts
            .time
            .is_some_and(|at| self.columns[at].times.rows > 0)
    }

    fn chunk(&mut self, chunk: &Log, guess: &Guess) {
        let coded: Vec<Coded> = chunk.views().map(Coded::of).collect();
        if self.columns.is_empty() {
            self.begin(chunk, &coded, guess);
        }
        self.rows += chunk.rows() as u64;
        let (now, columns) = (self.now, &mut self.columns);
        // Each distinct value is looked at once a chunk, in the order of the rows that have them first.
        let meanings: Vec<Vec<Meaning>> = columns
            .iter_mut()
            .zip(&coded)
            .map(|(column, coded)| {
                if coded.absent.0 > 0 {
                    let first = chunk.number(coded.absent.1);
                    column.absent.add(coded.absent.0, first);
                }
                let mut meanings = vec![ABSENT; coded.texts.len()];
                let mut order: Vec<u32> = (0..coded.texts.len() as u32)
                    .filter(|&code| coded.uses[code as usize].0 > 0)
                    .collect();
                order.sort_unstable_by_key(|&code| coded.uses[code as usize].1);
                for code in order {
                    let (rows, first) = coded.uses[code as usize];
                    let first = chunk.number(first as usize);
                    let text = &coded.texts[code as usize];
                    meanings[code as usize] = column.add(text, u64::from(rows), first, now);
                }
                meanings
            })
            .collect();
        let users = self.ids(chunk, self.parts.user, &coded);
        let items = self.ids(chunk, self.parts.item, &coded);
        self.cross(chunk, &coded, &meanings);
        self.keep(chunk, &coded, &meanings, &users, &items);
    }

    fn begin(&mut self, chunk: &Log, coded: &[Coded], guess: &Guess) {
        let names: Vec<&str> = chunk.names().collect();
        let place = |name: &Option<String>| names.iter().position(|n| Some(*n) == name.as_deref());
        let roles = chunk.roles();
        // What the source knows completes what was said or guessed.
        let guess = Guess::or(guess.clone(), Guess::of(roles));
        let mut parts = Parts {
            user: place(&Some(roles.user.clone())).unwrap_or(0),
            item: place(&Some(roles.item.clone())).unwrap_or(0),
            time: place(&guess.time),
            event: place(&guess.event),
            plays: place(&guess.plays),
            seconds: place(&guess.seconds),
        };
        for (at, (name, coded)) in names.iter().zip(coded).enumerate() {
            let id = at == parts.user || at == parts.item;
            let kind = if id {
                Kind::Id
            } else if Some(at) == parts.time {
                Kind::Time
            } else if Some(at) == parts.event {
                Kind::Event
            } else if Some(at) == parts.plays || Some(at) == parts.seconds {
                Kind::Number
            } else {
                guess_kind(coded.used())
            };
            // A column that no name tells is told by what it holds.
            let kind = match kind {
                Kind::Time if parts.time.is_none() => {
                    parts.time = Some(at);
                    kind
                }
                Kind::Text if parts.event.is_none() && tells_events(coded) => {
                    parts.event = Some(at);
                    Kind::Event
                }
                kind => kind,
            };
            let mut column = Column::new(name, kind);
            if kind == Kind::Time {
                column.times.prepare(coded.used());
            }
            column.case = id && guess_case(coded.used().map(|(text, _)| text));
            self.columns.push(column);
            if kind == Kind::Text {
                self.dependencies.push(Dependency::new(at, true));
                self.dependencies.push(Dependency::new(at, false));
            }
        }
        self.parts = parts;
    }

    /// Places of the normalized ids of a chunk's values.
    fn ids(&mut self, chunk: &Log, at: usize, coded: &[Coded]) -> Places {
        let (coded, case) = (&coded[at], self.columns[at].case);
        let of_user = at == self.parts.user;
        let mut order: Vec<u32> = (0..coded.texts.len() as u32).collect();
        order.sort_unstable_by_key(|&code| coded.uses[code as usize].1);
        let mut places = vec![None; coded.texts.len()];
        for code in order {
            let (rows, first) = coded.uses[code as usize];
            if rows == 0 {
                continue;
            }
            let id = normal_id(coded.texts[code as usize].trim(), case);
            let first = chunk.number(first as usize);
            let place = self.id(of_user, &id, u64::from(rows), first);
            places[code as usize] = place;
        }
        // A missing id is a blank one.
        let absent = (coded.absent.0 > 0)
            .then(|| {
                let first = chunk.number(coded.absent.1);
                self.id(of_user, "", coded.absent.0, first)
            })
            .flatten();
        Places { places, absent }
    }

    fn id(&mut self, of_user: bool, id: &str, rows: u64, first: u64) -> Option<u32> {
        let hash = hash(id);
        let known = if of_user {
            &mut self.users
        } else {
            &mut self.items
        };
        let place = known.add(id, hash, rows, first);
        if of_user && place.is_some_and(|place| place as usize == self.kept.lots.len()) {
            self.kept.lots.push(hash);
        }
        place
    }

    /// Counts rows by event and value of the columns with few values.
    fn cross(&mut self, chunk: &Log, coded: &[Coded], meanings: &[Vec<Meaning>]) {
        let Some(event) = self.parts.event else {
            return;
        };
        for at in 0..self.columns.len() {
            if at == event || self.columns[at].values.len() > FEW {
                continue;
            }
            let mut counts: FxHashMap<(u32, u32), (u64, u64)> = FxHashMap::default();
            let codes = coded[event].codes.iter().zip(coded[at].codes.iter());
            for (row, (&what, &value)) in codes.enumerate() {
                if what != MISSING && value != MISSING {
                    let count = counts.entry((what, value)).or_insert((0, row as u64));
                    count.0 += 1;
                }
            }
            for ((what, value), (rows, first)) in counts {
                let what = meanings[event][what as usize].place;
                let value = meanings[at][value as usize].place;
                if let (Some(what), Some(value)) = (what, value) {
                    let first = chunk.number(first as usize);
                    let known = self.crossed.entry((at, what, value)).or_insert((0, first));
                    known.0 += rows;
                    known.1 = known.1.min(first);
                }
            }
        }
    }

    fn keep(
        &mut self,
        chunk: &Log,
        coded: &[Coded],
        meanings: &[Vec<Meaning>],
        users: &Places,
        items: &Places,
    ) {
        let parts = self.parts;
        let meaning = |at: usize, row: usize| match coded[at].codes[row] {
            MISSING => ABSENT,
            code => meanings[at][code as usize],
        };
        let number =
            |at: Option<usize>, row| at.map_or(f32::NAN, |at| meaning(at, row).number as f32);
        let id = |at: usize, ids: &Places, row: usize| match coded[at].codes[row] {
            MISSING => ids.absent,
            code => ids.places[code as usize],
        };
        for row in 0..chunk.rows() {
            let time = parts
                .time
                .and_then(|at| meaning(at, row).time)
                .unwrap_or(NO_TIME);
            if time != NO_TIME {
                self.backwards.0 += u64::from(time < self.last);
                self.backwards.1 += 1;
                self.last = time;
            }
            // An id for which there is no room is in no row.
            let (Some(user), Some(item)) = (id(parts.user, users, row), id(parts.item, items, row))
            else {
                continue;
            };
            if !self.kept.keeps(self.kept.lots[user as usize]) {
                continue;
            }
            let (mut exact, mut alike) = (0u64, 0u64);
            for at in 0..coded.len() {
                let meaning = meaning(at, row);
                exact = mix(exact, meaning.exact);
                if Some(at) != parts.event {
                    alike = mix(alike, meaning.alike);
                }
            }
            for dependency in &mut self.dependencies {
                let thing = if dependency.of_user { user } else { item };
                dependency.add(thing, meaning(dependency.column, row).alike);
            }
            let event = parts.event.and_then(|at| meaning(at, row).place);
            self.kept.push(Row {
                number: chunk.number(row),
                user,
                item,
                time,
                event: event
                    .and_then(|place| u16::try_from(place).ok())
                    .unwrap_or(NO_EVENT),
                plays: number(parts.plays, row),
                seconds: number(parts.seconds, row),
                exact,
                alike,
            });
        }
    }
}

/// A hash of a hash and one more.
pub(super) fn mix(hash: u64, more: u64) -> u64 {
    (hash.rotate_left(23) ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
