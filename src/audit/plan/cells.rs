//! Cleaners that mend the cells of columns other than ids.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::column::{Column, Kind};
use super::super::findings::{DAWN, TimeFigures};
use super::super::labels::{How, Labels};
use super::super::reading::Pass;
use super::super::times::{DAY, future};
use super::{Entry, key, list, quoted};

/// A song is seldom longer; a row of more seconds is no single listening.
const HOUR: f64 = 3600.0;

pub(super) fn markers(pass: &Pass) -> Option<Entry> {
    let needs = |column: &&Column| match column.kind {
        Kind::Id | Kind::Time => false,
        // `parse_numbers` sees to blank ones.
        Kind::Number => !column.markers.is_empty(),
        Kind::Event | Kind::Text => column.missing() > column.absent.rows,
    };
    let columns: Vec<&Column> = pass.columns.iter().filter(needs).collect();
    if columns.is_empty() {
        return None;
    }
    let mut markers: BTreeSet<String> = columns
        .iter()
        .flat_map(|c| c.markers.keys())
        .map(|m| m.to_lowercase())
        .collect();
    if columns.iter().any(|column| column.blank.rows > 0) {
        markers.insert(String::new());
    }
    let mends = columns
        .iter()
        .map(|column| format!("{}.missing", column.name))
        .collect();
    let parameters = [
        (
            "columns",
            list(columns.iter().map(|column| column.name.as_str())),
        ),
        ("markers", list(markers.iter().map(String::as_str))),
    ];
    let mut entry = Entry::inline("missing_markers", &parameters, mends)
        .because("Words for a missing cell are no values.");
    if let Some(country) = pass.columns.iter().find(|c| namibia(c)) {
        entry.why.push(format!("`NA` of `{}` is also the code of Namibia: take the column out of this entry if you have listeners there.", country.name));
    }
    Some(entry)
}

/// A column of two-letter codes of countries in which NA stands.
pub(in crate::audit) fn namibia(column: &Column) -> bool {
    let code =
        |text: &str| text.trim().len() == 2 && text.trim().bytes().all(|b| b.is_ascii_uppercase());
    let (codes, all) = column.values.iter().fold((0, 0), |(codes, all), value| {
        (codes + u64::from(code(value.text)), all + 1)
    });
    column.markers.contains_key("NA") && all >= 4 && codes * 10 >= all * 7
}

pub(super) fn map_labels(labels: &Labels) -> Option<Entry> {
    if labels.differing == 0 {
        return None;
    }
    let mut body = String::from("[cleaners.map_labels]\n");
    let _ = writeln!(body, "column = {}", quoted(&labels.column));
    // All names are listed, so a label that nobody has seen is noticed.
    let _ = writeln!(
        body,
        "unknown = \"{}\"",
        if labels.event { "error" } else { "keep" }
    );
    let _ = writeln!(body, "[cleaners.map_labels.labels]");
    let mut asked = Vec::new();
    for cluster in &labels.clusters {
        let listed: Vec<&str> = cluster.listed().map(|s| s.label.trim()).collect();
        if labels.event || cluster.spellings.len() > 1 {
            let _ = write!(
                body,
                "{} = {}",
                key(&cluster.name),
                list(listed.iter().copied())
            );
            let meant: Vec<String> = cluster
                .spellings
                .iter()
                .filter(|s| s.how == How::Meaning)
                .map(|s| format!("`{}`", s.label.trim()))
                .collect();
            if !meant.is_empty() {
                let _ = write!(
                    body,
                    "   # CONFIRM: {} mean{} {}?",
                    meant.join(", "),
                    if meant.len() == 1 { "s" } else { "" },
                    cluster.name
                );
                asked.extend(meant);
            }
            body.push('\n');
        }
    }
    let mends = ["spelling", "synonym"]
        .map(|kind| format!("{}.{kind}", labels.column))
        .to_vec();
    let mut entry = Entry {
        why: vec![format!(
            "{} labels of `{}` are {} things; case, spaces, `_` and `-` make no difference and need not be listed.",
            labels.raw,
            labels.column,
            labels.clusters.len()
        )],
        body,
        mends,
    };
    if !asked.is_empty() {
        entry.why.push(format!(
            "What is another word for the same thing is a guess to be confirmed by you: {}.",
            asked.join(", ")
        ));
    }
    Some(entry)
}

pub(super) fn numbers(pass: &Pass) -> Option<Entry> {
    let places = [pass.parts.plays, pass.parts.seconds];
    let columns: Vec<&Column> = places
        .into_iter()
        .flatten()
        .map(|at| &pass.columns[at])
        .collect();
    if columns.is_empty() {
        return None;
    }
    let mut parameters = vec![("columns", list(columns.iter().map(|c| c.name.as_str())))];
    if columns.iter().any(|column| column.numbers.commas.rows > 0) {
        parameters.push(("decimal_comma", "true".to_owned()));
    }
    let invalid: u64 = columns
        .iter()
        .flat_map(|c| c.no_number.iter())
        .map(|v| v.rows)
        .sum();
    if invalid > 0 {
        parameters.push(("invalid", "\"missing\"".to_owned()));
    }
    let mends = columns
        .iter()
        .flat_map(|c| {
            ["word", "padded", "no_number", "missing", "decimal_comma"]
                .map(|kind| format!("{}.{kind}", c.name))
        })
        .collect();
    let mut entry = Entry::inline("parse_numbers", &parameters, mends)
        .because("Text to numbers; blank cells become missing.");
    for column in columns {
        let words: Vec<String> = column
            .numbers
            .words
            .iter()
            .map(|(word, seen)| format!("\"{word}\" ({})", seen.rows))
            .collect();
        if !words.is_empty() {
            entry.why.push(format!(
                "`{}` holds the words {}, which are read as numbers.",
                column.name,
                words.join(", ")
            ));
        }
    }
    if invalid > 0 {
        entry.why.push(format!(
            "{invalid} cells are no numbers at all and become missing."
        ));
    }
    Some(entry)
}

pub(super) fn times(figures: Option<&TimeFigures>) -> Option<Entry> {
    let figures = figures?;
    let used = figures.formats.iter().filter(|f| f.rows > 0);
    let mut formats: Vec<&str> = used.map(|f| f.directives.as_str()).collect();
    let mends = ["invalid", "formats", "missing"].map(|kind| format!("{}.{kind}", figures.column));
    if formats.is_empty() {
        return Some(
            Entry::inline("parse_timestamps", &[("invalid", "\"missing\"".to_owned())], mends.to_vec()).because(format!(
                "CONFIRM: none of the times of `{}` is in a format that the audit knows. Give it as `formats = [\"…\"]` \
                 and drop `invalid`: until then no row has a time.",
                figures.column
            )),
        );
    }
    // Milliseconds would take seconds for milliseconds of 1970; the other way round they are refused.
    formats.sort_by_key(|format| *format == "unix_ms");
    let mut parameters = vec![
        ("formats", list(formats.iter().copied())),
        ("zone", "\"UTC\"".to_owned()),
    ];
    if figures.invalid_rows > 0 {
        parameters.push(("invalid", "\"missing\"".to_owned()));
    }
    let mut entry = Entry::inline("parse_timestamps", &parameters, mends.to_vec())
        .because("Text to times. Set `zone` if times that tell no offset are not UTC.");
    let [either, day_first, month_first] = figures.day_or_month;
    if either > 0 && (day_first == 0) == (month_first == 0) {
        entry.why.push(format!(
            "CONFIRM: of {either} times nothing in the log tells whether the day or the month comes first."
        ));
    }
    if figures.invalid_rows > 0 {
        entry.why.push(format!(
            "{} cells are no times and become missing; `drop_missing` below drops their rows.",
            figures.invalid_rows
        ));
    }
    Some(entry)
}

pub(super) fn limits(pass: &Pass) -> Vec<Entry> {
    let mut entries = Vec::new();
    for at in [pass.parts.plays, pass.parts.seconds].into_iter().flatten() {
        let column = &pass.columns[at];
        let Some(figures) = column.numbers.figures() else {
            continue;
        };
        if figures.negative == 0 && figures.outliers == 0 {
            continue;
        }
        let mut parameters = vec![("column", quoted(&column.name))];
        let mut why = Vec::new();
        if figures.negative > 0 {
            parameters.push(("min", "0".to_owned()));
            why.push(format!("{} cells are negative", figures.negative));
        }
        if let Some(fence) = figures.fence {
            let seconds = Some(at) == pass.parts.seconds;
            let next = column.numbers.next_above(fence);
            let limit = if seconds && fence <= HOUR && next > HOUR {
                HOUR
            } else {
                fence
            };
            parameters.push(("max", limit.to_string()));
            why.push(format!(
                "{} cells are far out: nothing lies between {fence} and {next}",
                figures.outliers
            ));
        }
        let mut mends = ["negative", "outlier"]
            .map(|kind| format!("{}.{kind}", column.name))
            .to_vec();
        if Some(at) == pass.parts.seconds && figures.fence.is_some() {
            mends.push("rows.too_long".to_owned());
        }
        entries.push(
            Entry::inline("limit_range", &parameters, mends).because(format!(
                "`{}`: {}. They become missing; the row stays.",
                column.name,
                why.join(", and ")
            )),
        );
    }
    entries
}
/// Rows of times that cannot be.
pub(super) fn stray_times(pass: &Pass, times: Option<&TimeFigures>) -> Option<Entry> {
    let times = times?;
    let mut parameters = vec![("column", quoted(&times.column))];
    let mut why = Vec::new();
    // A number that is too small for a time is one in 1970 to those who read numbers.
    let numbers = times
        .formats
        .iter()
        .any(|f| f.rows > 0 && f.directives.starts_with("unix"));
    let small = times
        .invalid
        .iter()
        .filter(|(text, _)| text.trim().parse::<f64>().is_ok());
    let small: u64 = if numbers {
        small.map(|(_, rows)| rows).sum()
    } else {
        0
    };
    if times.old() || small > 0 {
        parameters.push(("min", (DAWN * DAY).to_string()));
        let old = if times.old() { times.prehistory } else { 0 };
        why.push(format!("{} rows before 1998", old + small));
    }
    if times.future > 0 {
        parameters.push(("max", (future(pass.now) - 1).to_string()));
        why.push(format!("{} rows in the future", times.future));
    }
    if why.is_empty() {
        return None;
    }
    parameters.push(("action", "\"drop\"".to_owned()));
    let mends = ["future", "prehistory"].map(|kind| format!("{}.{kind}", times.column));
    Some(
        Entry::inline("limit_range", &parameters, mends.to_vec()).because(format!(
            "{}: no time of listening (limits in seconds since 1970). Their rows are dropped.",
            why.join(", ")
        )),
    )
}
