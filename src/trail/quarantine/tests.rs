//! What is told of cleaners that book in other ways than the built-in ones.

use musicrec_api::{Cells, Column, Ledger, Log, Roles, Sample, Text};

use super::{Named, Quarantine};
use crate::stages::prepare::{Change, Watch};

/// Rows of user, item and genre; `~` is missing.
fn log(rows: &[&str]) -> Log {
    let column = |at: usize, name: &str| Column {
        name: name.to_owned(),
        cells: Cells::Text(
            rows.iter()
                .map(|row| row.split('|').nth(at).filter(|cell| *cell != "~"))
                .collect::<Text>(),
        ),
    };
    let columns = vec![column(0, "user"), column(1, "item"), column(2, "genre")];
    let roles = Roles {
        user: "user".into(),
        item: "item".into(),
        time: None,
        event: None,
        plays: None,
        seconds: None,
    };
    Log::new(columns, (1..=rows.len() as u64).collect(), roles)
}

fn cell(log: &mut Log, column: &str, row: usize, value: Option<&str>) {
    let cells = log.column_mut(column).expect("a column");
    let shown: Vec<Option<String>> = (0..cells.len())
        .map(|at| {
            if at == row {
                value.map(str::to_owned)
            } else {
                (!cells.is_missing(at)).then(|| cells.show(at).into_owned())
            }
        })
        .collect();
    *cells = Cells::Text(shown.iter().map(Option::as_deref).collect());
}

/// The lines about a step, without the header, and what is said of them.
fn told(before: &Log, clean: impl FnOnce(&mut Log, &mut Ledger)) -> (Vec<String>, Named) {
    let mut file = Vec::new();
    let mut quarantine = Quarantine::new(&mut file, "csv", false);
    quarantine.read(before).expect("memory");
    let (mut after, mut ledger) = (before.clone(), Ledger::traced());
    clean(&mut after, &mut ledger);
    let change = Change {
        name: "mine",
        before,
        after: &after,
        bookings: ledger.take_bookings(),
    };
    quarantine.step(1, &change).expect("memory");
    quarantine.streamed(&after).expect("memory");
    let named = quarantine.end().expect("memory");
    let text = String::from_utf8(file).expect("text");
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(
        lines.next().as_deref(),
        Some("row,step,what,rule,column,before,after,read.user,read.item,read.genre")
    );
    (lines.collect(), named)
}

const ROWS: [&str; 4] = ["a|x|pop", "b|x|~", "a|y|pop", "c|z|rock"];

#[test]
fn a_lone_reason_without_samples_is_that_of_all_rows() {
    let (lines, named) = told(&log(&ROWS), |log, ledger| {
        ledger.dropped("user", "rare", 2, None);
        log.retain(&[true, false, true, false]);
    });
    assert_eq!(
        lines,
        [
            "2,1 mine,dropped,rare,user,b,,b,x,",
            "4,1 mine,dropped,rare,user,c,,c,z,rock"
        ]
    );
    assert_eq!((named.dropped, named.changed, named.notes.len()), (2, 0, 0));
}

#[test]
fn reasons_that_cannot_be_told_apart_are_named_together_and_those_with_a_sample_alone() {
    let (lines, named) = told(&log(&ROWS), |log, ledger| {
        let sample = Sample {
            row: 4,
            before: "c".into(),
            after: None,
        };
        ledger.dropped("user", "rare", 1, Some(sample));
        ledger.dropped("item", "old", 1, None);
        ledger.dropped("", "copy", 1, None);
        log.retain(&[false, true, false, false]);
    });
    assert_eq!(
        lines,
        [
            "1,1 mine,dropped,item old or copy,,,,a,x,pop",
            "3,1 mine,dropped,item old or copy,,,,a,y,pop",
            "4,1 mine,dropped,rare,user,c,,c,z,rock",
        ]
    );
    assert_eq!((named.dropped, named.notes.len()), (3, 0));
}

#[test]
fn a_change_that_hangs_on_other_cells_is_told_of_its_rows() {
    // Two rows hold "pop", one of them is changed: the count says that it is not by value.
    let (lines, named) = told(&log(&ROWS), |log, ledger| {
        cell(log, "genre", 2, Some("jazz"));
        cell(log, "genre", 3, Some("metal"));
        let sample = Sample {
            row: 3,
            before: "pop".into(),
            after: Some("jazz".into()),
        };
        ledger.changed("genre", "by artist", 2, Some(sample));
    });
    assert_eq!(
        lines,
        [
            "3,1 mine,changed,by artist,genre,pop,jazz,,,",
            "4,1 mine,changed,by artist,genre,rock,metal,,,"
        ]
    );
    assert_eq!((named.dropped, named.changed, named.notes.len()), (0, 2, 0));
}

#[test]
fn a_value_that_is_looked_at_once_is_told_of_all_its_rows_and_missing_cells_too() {
    let (lines, named) = told(&log(&ROWS), |log, ledger| {
        for (row, value) in [(0, "Pop"), (1, "none"), (2, "Pop")] {
            cell(log, "genre", row, Some(value));
        }
        for (rows, row, before, after) in [(2, 1, "pop", "Pop"), (1, 2, "", "none")] {
            ledger.changed_as("genre", "spelling", rows, || Sample {
                row,
                before: before.into(),
                after: Some(after.into()),
            });
        }
        // A row that the same step drops shows what it had become.
        log.retain(&[true, true, false, true]);
        ledger.dropped("user", "rare", 1, None);
    });
    assert_eq!(
        lines,
        [
            "1,1 mine,changed,spelling,genre,pop,Pop,,,",
            "2,1 mine,changed,spelling,genre,,none,,,",
            "3,1 mine,dropped,rare,user,a,,a,y,pop",
            "3,1 mine,changed,spelling,genre,pop,Pop,,,",
        ]
    );
    assert!(named.notes.is_empty(), "{:?}", named.notes);
}

#[test]
fn what_is_not_booked_is_told_and_said() {
    let (lines, named) = told(&log(&ROWS), |log, _| {
        cell(log, "genre", 0, None);
        log.retain(&[true, true, true, false]);
    });
    assert_eq!(
        lines,
        [
            "1,1 mine,changed,not booked by the step,genre,pop,,,,",
            "4,1 mine,dropped,not booked by the step,,,,c,z,rock",
        ]
    );
    assert_eq!((named.dropped, named.changed), (1, 1));
    assert!(
        named.notes.len() == 2
            && named
                .notes
                .iter()
                .all(|note| note.contains("step 1 `mine` books other")),
        "{:?}",
        named.notes
    );
    // Booked and not done: nothing differs.
    let (lines, named) = told(&log(&ROWS), |_, ledger| {
        ledger.changed("genre", "spelling", 3, None);
        ledger.changed("mood", "guessed", 1, None);
    });
    assert_eq!(lines, [""; 0]);
    assert_eq!(named.notes.len(), 1, "{:?}", named.notes);
}

#[test]
fn a_text_that_is_parsed_is_no_change_unless_it_was_booked() {
    let (lines, named) = told(&log(&["a|x|1", "a|x|two", "b|y|2"]), |log, ledger| {
        *log.column_mut("genre").expect("a column") = Cells::Number(vec![1.0, f64::NAN, 2.0]);
        ledger.changed("genre", "no number", 1, None);
    });
    assert_eq!(lines, ["2,1 mine,changed,no number,genre,two,,,,"]);
    assert!(named.notes.is_empty(), "{:?}", named.notes);
}
