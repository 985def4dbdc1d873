//! The data that plugins are tried on: a small listening log, tidy and in a mess.

use std::sync::Arc;

use rand_chacha::rand_core::Rng as _;

use crate::{Cells, Column, Events, Log, MISSING_TIME, Roles, Text, derive_seed, rng};

/// The columns of the kit's log: those of the source `synthetic`, and `part`, which holds `train`,
/// `validation` or `test`.
pub const COLUMNS: [&str; 14] = [
    "user_id",
    "song_id",
    "event_type",
    "play_count",
    "liked",
    "added_to_playlist",
    "skipped",
    "listen_seconds",
    "timestamp",
    "device",
    "country",
    "artist_id",
    "genre",
    "part",
];

/// The kinds of event in the kit's log.
pub const KINDS: [&str; 4] = ["play", "like", "skip", "add_to_playlist"];

const USERS: u64 = 30;
const ITEMS: u64 = 40;
const ROWS: u64 = 900;
/// 2025-01-01.
const START: i64 = 1_735_689_600;
/// The log spans two months.
const SECONDS_A_ROW: i64 = 60 * 86_400 / ROWS as i64;

/// How the cells of a log are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Text that says what it should.
    Tidy,
    /// Numbers and times are parsed.
    Parsed,
    /// Text as it is found in the wild: blanks, other spellings, copies, nonsense.
    Messy,
}

/// Draws numbers below a bound, the same ones for ever.
pub(super) struct Draws(rand_chacha::ChaCha8Rng);

impl Draws {
    pub(super) fn new(name: &str) -> Self {
        Self(rng(derive_seed(2025, name)))
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The excess of small numbers is below one in 2³² for the bounds used here.
        (u64::from(self.0.next_u32()) * bound) >> 32
    }

    /// `values` in an order drawn by lot.
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The kit's log.
pub(super) fn log(state: State) -> Log {
    let mut draws = Draws::new("log");
    let mut rows: Vec<Vec<Option<String>>> = (0..ROWS).map(|row| cells(row, &mut draws)).collect();
    if state == State::Messy {
        for at in 0..rows.len() {
            if draws.below(12) == 0 {
                let copied = draws.below(at as u64 + 1) as usize;
                let copy = rows[copied].clone();
                rows[at] = copy;
            }
            for cell in &mut rows[at] {
                soil(cell, &mut draws);
            }
        }
    }
    let columns = COLUMNS.iter().enumerate().map(|(at, name)| {
        let cells: Text = rows.iter().map(|row| row[at].as_deref()).collect();
        Column {
            name: (*name).to_owned(),
            cells: match (state, *name) {
                (State::Parsed, "timestamp") => {
                    Cells::Time((0..rows.len() as u64).map(time).collect())
                }
                (State::Parsed, "play_count" | "listen_seconds") => Cells::Number(
                    (0..rows.len())
                        .map(|row| {
                            cells
                                .get(row)
                                .map_or(f64::NAN, |n| n.parse().unwrap_or(0.0))
                        })
                        .collect(),
                ),
                _ => Cells::Text(cells),
            },
        }
    });
    // Rows that the source dropped leave gaps.
    let numbers = (0..rows.len() as u64)
        .map(|row| 1 + row + row / 100)
        .collect();
    Log::new(columns.collect(), numbers, roles())
}

/// The kit's log with every cell missing, text or parsed.
pub(super) fn nothing_known(state: State) -> Log {
    let mut log = log(state).select(&(0..40).collect::<Vec<_>>());
    for column in COLUMNS {
        let cells = log.column_mut(column).expect("a column of this log");
        *cells = match cells {
            Cells::Text(text) => Cells::Text(text.codes.iter().map(|_| None::<&str>).collect()),
            Cells::Number(numbers) => Cells::Number(vec![f64::NAN; numbers.len()]),
            Cells::Time(times) => Cells::Time(vec![MISSING_TIME; times.len()]),
        };
    }
    log
}

/// The events of the tidy log.
pub(super) fn events() -> Events {
    Events::from_log(Arc::new(log(State::Parsed))).expect("the log is tidy")
}

/// The given events, and no trace of the others: not in the tables, not in the log behind.
pub(super) fn alone(events: &Events, chosen: &[u32]) -> Events {
    let log = events.log.as_ref().expect("the kit's events have a log");
    let rows: Vec<u32> = chosen.iter().map(|&e| events.row.at(e as usize)).collect();
    Events::from_log(Arc::new(log.select(&rows))).expect("a part of a tidy log")
}

fn roles() -> Roles {
    let some = |name: &str| Some(name.to_owned());
    Roles {
        user: "user_id".to_owned(),
        item: "song_id".to_owned(),
        time: some("timestamp"),
        event: some("event_type"),
        plays: some("play_count"),
        seconds: some("listen_seconds"),
    }
}

/// Pairs of rows happen at the same time.
fn time(row: u64) -> i64 {
    START + (row / 2 * 2) as i64 * SECONDS_A_ROW
}

fn cells(row: u64, draws: &mut Draws) -> Vec<Option<String>> {
    let user = draws.below(USERS);
    // Two of three are from the user's half of the catalogue, and low numbers are popular.
    let half = ITEMS / 2;
    let popular = draws.below(half).min(draws.below(half));
    let item = if draws.below(3) > 0 {
        popular + half * (user % 2)
    } else {
        draws.below(ITEMS)
    };
    // Half of the events are plays.
    let kind = KINDS[(draws.below(6) as usize).saturating_sub(2)];
    let yes = |holds: bool| Some(u8::from(holds).to_string());
    let unless = |rare: bool, text: String| (!rare).then_some(text);
    let part = match row * 100 / ROWS {
        0..64 => "train",
        64..80 => "validation",
        _ => "test",
    };
    let when = jiff::Timestamp::from_second(time(row)).expect("a time of our days");
    vec![
        Some(format!("u{user:02}")),
        Some(format!("s{item:02}")),
        Some(kind.to_owned()),
        unless(draws.below(20) == 0, (1 + draws.below(5)).to_string()),
        yes(kind == "like"),
        yes(kind == "add_to_playlist"),
        yes(kind == "skip"),
        unless(draws.below(20) == 0, draws.below(400).to_string()),
        Some(when.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        Some(["web", "ios", "android"][draws.below(3) as usize].to_owned()),
        Some(["DE", "FR", "US"][(user % 3) as usize].to_owned()),
        Some(format!("a{:02}", item / 4)),
        Some(["rock", "jazz"][(item / half) as usize].to_owned()),
        Some(part.to_owned()),
    ]
}

/// What happens to a cell in the wild.
fn soil(cell: &mut Option<String>, draws: &mut Draws) {
    let Some(text) = cell.take() else { return };
    *cell = match draws.below(40) {
        0 => None,
        1 => Some(String::new()),
        2 => Some(format!("  {text} ")),
        3 => Some(text.to_uppercase()),
        4 => Some("N/A".to_owned()),
        5 => Some("guest".to_owned()),
        6 => Some("-7".to_owned()),
        7 => Some("três, ½ \u{202e}x\"\n".to_owned()),
        8 => Some("9".repeat(400)),
        _ => Some(text),
    };
}
