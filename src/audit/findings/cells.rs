//! What is wrong with the cells of a column.

use super::super::alert::{Alert, Example, Notes, Severity, example, listed};
use super::super::column::{Column, Kind};
use super::super::ids::examples;
use super::super::plan::namibia;
use super::super::values::Seen;
use crate::text::counted;

/// Columns that a sentence lists.
const LISTED: usize = 6;

/// What is wrong with the cells of a column of a log of `rows` rows.
///
/// A number of a column that plays no part harms nothing but those who give it one.
pub(in crate::audit) fn of_column(column: &Column, part: bool, rows: u64) -> Vec<Alert> {
    let mut notes = Notes::new(&column.name, rows);
    // Missing ids are placeholders, told with these.
    if column.kind != Kind::Id {
        missing(column, &mut notes);
    }
    let seen = |seen: Seen| [example(seen.first, "the first such cell")];
    notes.add(
        ("control", Severity::Warning),
        column.control.rows,
        "cells with control characters or marks of byte order inside",
        ["what looks equal is not", "mend the export that wrote them"],
        seen(column.control),
    );
    notes.add(
        ("garbled", Severity::Note),
        column.garbled.rows,
        "cells that may have gone through a wrong encoding (`Ã`, U+FFFD)",
        [
            "one name in two encodings is two things",
            "export as UTF-8 again",
        ],
        seen(column.garbled),
    );
    match column.kind {
        Kind::Number => numbers(column, part, &mut notes),
        Kind::Text => notes.add(
            ("padded", Severity::Warning),
            column.padded.rows,
            "cells with spaces before or behind",
            [
                "one value with and without spaces is two",
                "trim them with `normalize_ids` or map them with `map_labels`",
            ],
            padded(column),
        ),
        _ => {}
    }
    notes.alerts
}

/// Columns that have the same cell in all of `rows` rows, in one finding however many they are.
pub(in crate::audit) fn constant(columns: &[Column], rows: u64) -> Option<Alert> {
    let names: Vec<&str> = columns
        .iter()
        .filter(|column| column.values.distinct() == (1, true) && column.absent.rows == 0)
        .map(|column| column.name.as_str())
        .collect();
    if names.is_empty() || rows <= 20 {
        return None;
    }
    let shown = names[..names.len().min(LISTED)].join("`, `");
    let more = if names.len() > LISTED { ", …" } else { "" };
    let what = format!(
        "{} with the same cell in every row: `{shown}`{more}",
        counted(names.len(), "column")
    );
    Some(
        Alert::new("columns.constant", Severity::Note, (0, rows), what)
            .effect("they tell nothing")
            .remedy("nothing"),
    )
}

fn padded(column: &Column) -> Vec<Example> {
    let padded = |text: &str| text.trim().len() < text.len() && !text.trim().is_empty();
    examples(column, padded)
}

fn missing(column: &Column, notes: &mut Notes) {
    let blank = column.blank.rows + column.absent.rows;
    let marked = column.markers.iter();
    let markers = listed(
        marked
            .clone()
            .map(|(marker, seen)| (marker.as_str(), seen.rows)),
    );
    let by = match (blank, markers.is_empty()) {
        (0, _) => markers,
        (blank, true) => format!("blank ({blank})"),
        (blank, false) => format!("blank ({blank}), {markers}"),
    };
    let mut firsts: Vec<(u64, &str)> = marked
        .map(|(marker, seen)| (seen.first, marker.as_str()))
        .collect();
    let blanks = [column.blank, column.absent];
    firsts.extend(blanks.iter().filter(|b| b.rows > 0).map(|b| (b.first, "")));
    firsts.sort_unstable();
    let doubt = if namibia(column) {
        "; `NA` is also the code of Namibia: decide, do not guess"
    } else {
        ""
    };
    let (severity, effect) = match column.kind {
        Kind::Time => (
            Severity::Error,
            "a row without a time is on no side of a split by time",
        ),
        Kind::Number => (
            Severity::Warning,
            "a row without its number counts as the weighting's default",
        ),
        _ => (
            Severity::Warning,
            "a marker that is read as a value becomes a value of its own, the largest of all perhaps",
        ),
    };
    notes.add(
        ("missing", severity),
        column.missing(),
        format!("cells without a value: {by}{doubt}"),
        [
            effect,
            "make them missing; fill in what other rows of the same item tell, if you must",
        ],
        firsts.into_iter().map(|(row, value)| example(row, value)),
    );
}

fn numbers(column: &Column, part: bool, notes: &mut Notes) {
    let words = &column.numbers.words;
    notes.add(
        ("word", Severity::Warning),
        words.values().map(|seen| seen.rows).sum(),
        format!(
            "numbers written as words: {}",
            listed(words.iter().map(|(word, seen)| (word.as_str(), seen.rows)))
        ),
        [
            "a reader that wants digits loses the row or reads 0",
            "read them as numbers",
        ],
        words.iter().map(|(word, seen)| example(seen.first, word)),
    );
    let commas = column.numbers.commas;
    notes.add(
        ("decimal_comma", Severity::Warning),
        commas.rows,
        "numbers with a decimal comma",
        [
            "a reader that wants points loses them",
            "read them as numbers",
        ],
        [example(commas.first, "the first of them")],
    );
    let texts = column.no_number.top(5);
    notes.add(
        ("no_number", Severity::Warning),
        column.no_number.iter().map(|v| v.rows).sum(),
        format!(
            "cells that are no numbers in a column of numbers: {}",
            listed(texts.iter().map(|v| (v.text, v.rows)))
        ),
        ["the row is lost, or its number", "make them missing"],
        texts.iter().map(|v| example(v.first, v.text)),
    );
    notes.add(
        ("padded", Severity::Note),
        column.padded.rows,
        "numbers with spaces before or behind",
        ["none: they are read as numbers", "nothing"],
        padded(column),
    );
    let Some(figures) = column.numbers.figures() else {
        return;
    };
    let (severity, remedy) = if part {
        (
            Severity::Warning,
            "make them missing, or cap them in the weighting",
        )
    } else {
        (
            Severity::Note,
            "nothing, as long as the column plays no part",
        )
    };
    if let Some(fence) = figures.fence {
        let next = column.numbers.next_above(fence);
        notes.add(
            ("outlier", severity),
            figures.outliers,
            format!(
                "numbers far out: from {next} to {}, and nothing between {fence} and {next}",
                figures.most
            ),
            [
                "as a weight, one such row outweighs hundreds of others",
                remedy,
            ],
            column.numbers.examples(|n| n > fence),
        );
    }
    // A column that is negative as often as not means something by it.
    if figures.negative * 10 < figures.rows {
        notes.add(
            ("negative", severity),
            figures.negative,
            format!("negative numbers, down to {}", figures.least),
            [
                "nobody listens for less than nothing; weightings refuse them",
                remedy,
            ],
            column.numbers.examples(|n| n < 0.0),
        );
    }
}
