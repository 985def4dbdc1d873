//! Whether the cells of a row agree with each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alert::{Alert, EXAMPLES, Example, Severity, example};
use super::duplicates::Sense;
use super::kept::{NO_EVENT, NO_TIME};
use super::labels::event_name;
use super::reading::Pass;

/// A flag that disagrees with more than this share of its rows means something else.
const DISAGREEING: f64 = 0.3;

/// A flag beside the event that it is named after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Flag {
    /// The column.
    pub(crate) column: String,
    /// The event.
    pub(crate) event: String,
    /// Rows of the event whose flag is set.
    pub(crate) both: u64,
    /// Rows of the event whose flag is not set.
    pub(crate) unset: u64,
    /// Rows of other events whose flag is set.
    pub(crate) unmatched: u64,
    /// The first row that disagrees, counted from 1 without the header; 0 if none does.
    pub(crate) first_row: u64,
}

/// Rows whose cells say things that do not go together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Consistency {
    /// Flags beside their events.
    pub(crate) flags: Vec<Flag>,
    /// Skips whose plays, up to 10, are more than the 2 that a skip usually takes off: they would count
    /// as liking.
    pub(crate) skips_with_plays: u64,
    /// Skips that were listened to as long as half of all plays.
    pub(crate) long_skips: u64,
    /// Plays of which nothing was listened to.
    pub(crate) silent_plays: u64,
    /// Rows with more seconds than their plays can take at an hour each.
    pub(crate) too_long: u64,
    /// Rows with a time, and those of them that are earlier than the row before.
    pub(crate) timed: u64,
    /// See `timed`.
    pub(crate) backwards: u64,
    /// Rows of a user that are earlier than the row of the same user before them in the log.
    pub(crate) backwards_of_user: u64,
    #[serde(skip)]
    examples: BTreeMap<String, Vec<Example>>,
}

/// Whether a cell is a flag, and set.
fn set(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "1.0" | "true" | "t" | "yes" | "y" => Some(true),
        "0" | "0.0" | "false" | "f" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// Compares cells of each row, and rows of each user, whose places are those of
/// [`Kept::by_user`](super::kept::Kept::by_user).
pub(super) fn consistency(
    pass: &Pass,
    by_user: &(Vec<usize>, Vec<u32>),
    sense: &Sense,
) -> Consistency {
    let mut found = Consistency {
        flags: flags(pass, sense),
        timed: pass.backwards.1,
        backwards: pass.backwards.0,
        ..Consistency::default()
    };
    let kind = |name: &str| {
        sense
            .kinds
            .iter()
            .position(|kind| kind == name)
            .map(|k| k as u16)
    };
    let (play, skip) = (kind("play"), kind("skip"));
    let mut listened: Vec<f32> = pass
        .kept
        .rows
        .iter()
        .filter(|row| row.seconds > 0.0 && play.is_some_and(|play| sense.event(row) == play))
        .map(|row| row.seconds)
        .collect();
    let half = listened.len() / 2;
    let usual =
        (!listened.is_empty()).then(|| *listened.select_nth_unstable_by(half, f32::total_cmp).1);
    for row in &pass.kept.rows {
        let event = sense.event(row);
        let mut note = |what: &str, value: String| {
            let examples = found.examples.entry(what.to_owned()).or_default();
            if examples.len() < EXAMPLES {
                examples.push(Example {
                    row: row.number,
                    value,
                });
            }
        };
        if event != NO_EVENT && Some(event) == skip {
            if row.plays > 2.0 {
                found.skips_with_plays += 1;
                note("skips_with_plays", format!("skip with {} plays", row.plays));
            }
            if usual.is_some_and(|usual| row.seconds >= usual) {
                found.long_skips += 1;
                note("long_skips", format!("skip after {} s", row.seconds));
            }
        }
        if event != NO_EVENT && Some(event) == play && row.seconds == 0.0 {
            found.silent_plays += 1;
            note("silent_plays", "play of 0 s".to_owned());
        }
        if row.seconds > 3600.0 * row.plays.max(1.0) {
            found.too_long += 1;
            note("too_long", format!("{} s", row.seconds));
        }
    }
    if pass.timed() {
        backwards(pass, by_user, &mut found);
    }
    found
}

/// Counts rows that are earlier than the one before of the same user: within a listener's own rows
/// time should not run backwards, in whatever order listeners are written.
fn backwards(pass: &Pass, (begins, places): &(Vec<usize>, Vec<u32>), found: &mut Consistency) {
    for bounds in begins.windows(2) {
        let own = places[bounds[0]..bounds[1]].iter();
        let timed = own
            .map(|&place| &pass.kept.rows[place as usize])
            .filter(|row| row.time != NO_TIME);
        let mut before = NO_TIME;
        for row in timed {
            if row.time < before {
                found.backwards_of_user += 1;
                let examples = found
                    .examples
                    .entry("backwards_of_user".to_owned())
                    .or_default();
                if examples.len() < EXAMPLES {
                    examples.push(example(row.number, musicrec_api::time_text(row.time)));
                }
            }
            before = row.time;
        }
    }
}

/// The flags: columns of yes and no that are named after an event.
fn flags(pass: &Pass, sense: &Sense) -> Vec<Flag> {
    let Some(event) = pass.parts.event else {
        return Vec::new();
    };
    let mut flags = Vec::new();
    for (at, column) in pass.columns.iter().enumerate() {
        let name = event_name(&musicrec_cleaners::fold(&column.name));
        let told = sense
            .kinds
            .iter()
            .position(|kind| Some(kind.as_str()) == name);
        let yes_or_no = column
            .values
            .iter()
            .all(|v| v.text.trim().is_empty() || set(v.text).is_some());
        let (Some(kind), true, true) = (told, at != event, yes_or_no) else {
            continue;
        };
        let mut flag = Flag {
            column: column.name.clone(),
            event: sense.kinds[kind].clone(),
            both: 0,
            unset: 0,
            unmatched: 0,
            first_row: 0,
        };
        for (&(of, what, value), &(rows, first)) in &pass.crossed {
            let Some(set) = set(column_value(pass, at, value)).filter(|_| of == at) else {
                continue;
            };
            let is = usize::from(sense.events[what as usize]) == kind;
            match (is, set) {
                (true, true) => flag.both += rows,
                (true, false) => flag.unset += rows,
                (false, true) => flag.unmatched += rows,
                (false, false) => {}
            }
            if is != set && (flag.first_row == 0 || first < flag.first_row) {
                flag.first_row = first;
            }
        }
        flags.push(flag);
    }
    flags
}

fn column_value(pass: &Pass, at: usize, value: u32) -> &str {
    let values = &pass.columns[at].values;
    if (value as usize) < values.len() {
        values.at(value as usize).text
    } else {
        ""
    }
}

impl Consistency {
    /// What does not go together. `rows` are those looked at, `all` those of the log.
    pub(super) fn alerts(&self, rows: u64, all: u64) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for flag in &self.flags {
            let wrong = flag.unset + flag.unmatched;
            if wrong == 0 {
                continue;
            }
            let other = wrong as f64 > DISAGREEING * (wrong + flag.both) as f64;
            let severity = if other {
                Severity::Note
            } else {
                Severity::Warning
            };
            let what = format!(
                "`{}` and the event `{}` disagree: {} rows of the event without the flag, {} rows with the flag but another event{}",
                flag.column,
                flag.event,
                flag.unset,
                flag.unmatched,
                if other {
                    "; so often that they may mean two things"
                } else {
                    ""
                }
            );
            alerts.push(
                Alert::new(format!("{}.disagrees", flag.column), severity, (wrong, all), what)
                    .column(&flag.column)
                    .effect("two columns that tell one thing in two ways: which one counts changes what is learned")
                    .examples([Example { row: flag.first_row, value: "the first that disagrees".to_owned() }])
                    .remedy("decide which one is right; the lab's weightings read the event"),
            );
        }
        let mut add = |id: &str, severity, count: u64, what: &str, effect: &str, remedy: &str| {
            if count > 0 {
                let examples = self.examples.get(id).cloned().unwrap_or_default();
                alerts.push(
                    Alert::new(format!("rows.{id}"), severity, (count, rows), what)
                        .effect(effect)
                        .examples(examples)
                        .remedy(remedy),
                );
            }
        };
        add(
            "skips_with_plays",
            Severity::Warning,
            self.skips_with_plays,
            "skips with more than 2 plays",
            "plays less the 2 that a skip takes off are above 0: a skip counts as liking",
            "lower `skip` of the weighting `event_strength`, or drop such rows with `keep_rows`",
        );
        add(
            "long_skips",
            Severity::Note,
            self.long_skips,
            "skips that were listened to as long as half of all plays",
            "what is called a skip may be a song heard to its end",
            "ask what the player calls a skip",
        );
        add(
            "silent_plays",
            Severity::Note,
            self.silent_plays,
            "plays of which 0 seconds were listened to",
            "plausible for a player that reports the start; as a weight they are nothing",
            "nothing, unless seconds are the weight",
        );
        add(
            "too_long",
            Severity::Warning,
            self.too_long,
            "rows with more seconds than their plays can take at an hour each",
            "as a weight, one such row outweighs all others of its user",
            "limit them with `limit_range`",
        );
        // Where a third runs backwards, listeners are in no order at all.
        let disordered = self.backwards_of_user as f64 > 0.2 * rows as f64;
        if !disordered {
            add(
                "backwards_of_user",
                Severity::Warning,
                self.backwards_of_user,
                "rows that are earlier than the row before of the same listener, whose rows are in the order of time otherwise",
                "a clock that was set back, or rows that came late: sessions are torn, and the next song may be the last",
                "nothing, if rows came late; a clock cannot be mended",
            );
        }
        alerts.extend(self.order());
        alerts
    }

    /// Whether the log is in the order of time, and what is not.
    fn order(&self) -> Option<Alert> {
        if self.backwards == 0 {
            return None;
        }
        let share = self.backwards as f64 / self.timed as f64;
        let (severity, what, effect) = if share < 0.05 {
            (
                Severity::Warning,
                "rows that are earlier than the row before, in a log that otherwise is in the order of time",
                "a clock that was set back, or rows that came late: what is cut by time may land on the wrong side",
            )
        } else {
            (
                Severity::Note,
                "rows that are earlier than the row before: the log is not in the order of time",
                "none: the lab sorts by time where it matters",
            )
        };
        let rows = (self.backwards, self.timed);
        Some(
            Alert::new("rows.backwards", severity, rows, what)
                .effect(effect)
                .remedy("nothing, unless the order of rows should have told the time"),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::tests::{audit_of, rows};

    #[test]
    fn a_listeners_rows_that_run_backwards_are_found_in_whatever_order_listeners_are() {
        let mut log = "user_id,song_id,timestamp\n".to_owned();
        // One listener after the other, each in the order of time; one row came late.
        for user in 0..5 {
            for row in 0..20 {
                let minute = if (user, row) == (3, 12) { 1 } else { 2 * row };
                let _ = writeln!(log, "u{user},s{row},2025-01-01 10:{minute:02}:00");
            }
        }
        let audit = audit_of(&log);
        assert_eq!(rows(&audit, "rows.backwards_of_user"), 1);
        let alert = audit
            .alerts
            .iter()
            .find(|a| a.id == "rows.backwards_of_user");
        assert_eq!(alert.unwrap().examples[0].row, 3 * 20 + 13);
    }

    #[test]
    fn flags_are_held_against_the_event_they_are_named_after() {
        let log = "user_id,song_id,event_type,liked\n\
            u1,s1,like,1\nu1,s2,LIKE,1\nu2,s1,play,0\nu2,s2,like,0\nu3,s1,like,yes\n";
        let audit = audit_of(log);
        let flag = &audit.consistency.flags[0];
        assert_eq!((flag.both, flag.unset, flag.unmatched), (3, 1, 0));
        assert_eq!(flag.first_row, 4);
        assert_eq!(rows(&audit, "liked.disagrees"), 1);
    }
}
