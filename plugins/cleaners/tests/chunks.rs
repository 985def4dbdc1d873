//! Cleaners that look at one row at a time do the same to a log whole and in parts of any size: the lab
//! rests on it, for it cleans chunk by chunk as a log is read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use musicrec_api::{
    Account, Cells, Cleaner, Column, Events, Ledger, Log, Reach, Source, SourceContext, Whole,
};
use serde::Deserialize;
use serde_json::json;

// So that the built-in cleaners and sources are linked in.
use musicrec_cleaners as _;
use musicrec_sources as _;

/// Every cleaner that looks at one row at a time, in an order in which each has something to do.
const CLEANERS: &str = r#"
cleaners = [
    { normalize_ids = { columns = ["user_id", "song_id", "artist_id"], placeholders = ["guest", "u-test", "unknown"] } },
    { missing_markers = { columns = ["device", "country", "artist_id", "genre"], markers = ["", "na", "null"] } },
    { map_labels = { column = "event_type", unknown = "missing", labels = { play = ["listen"], like = ["thumbs_up"], skip = ["skipped"] } } },
    { keep_rows = { column = "country", not_values = ["BR", "KR"] } },
    { parse_numbers = { columns = ["play_count", "listen_seconds"], blank = 1, invalid = "missing" } },
    { parse_timestamps = { invalid = "drop" } },
    { limit_range = { column = "listen_seconds", min = 0, max = 3600 } },
    { limit_range = { column = "play_count", max = 5, action = "clip" } },
    { limit_range = { column = "timestamp", min = 1760000000, action = "drop" } },
    { drop_missing = {} },
]
"#;

#[derive(Deserialize)]
struct Definition {
    cleaners: Vec<Box<dyn Cleaner>>,
}

fn cleaners() -> Vec<Box<dyn Cleaner>> {
    let definition: Definition = toml::from_str(CLEANERS).unwrap();
    assert!(definition.cleaners.iter().all(|c| c.reach() == Reach::Row));
    definition.cleaners
}

/// A log with all the mess that the lab can make.
fn messy() -> Log {
    let source = json!({ "synthetic": { "users": 40, "rows": 3000 } });
    let source: Box<dyn Source> = serde_json::from_value(source).unwrap();
    let context = SourceContext::new(Path::new("."), 7);
    let mut whole = Whole::default();
    let mut append = |chunk| whole.append(chunk);
    source
        .read(&context, &mut Ledger::default(), &mut append)
        .unwrap();
    whole.finish().unwrap()
}

/// Some rows of a log, as a source would give them.
fn part(log: &Log, rows: Range<usize>) -> Log {
    let cells = |cells: &Cells| {
        let Cells::Text(text) = cells else {
            panic!("a raw log is text");
        };
        Cells::Text(rows.clone().map(|row| text.get(row)).collect())
    };
    let columns = log.columns().into_iter().map(|column| Column {
        name: column.name.clone(),
        cells: cells(&column.cells),
    });
    let numbers = log.numbers()[rows.clone()].to_vec();
    Log::new(columns.collect(), numbers, log.roles().clone())
}

type Books = BTreeMap<(String, String), Account>;

fn books<'a>(accounts: impl Iterator<Item = &'a Account>) -> Books {
    let of = |account: &Account| (account.column.clone(), account.what.clone());
    accounts.map(|a| (of(a), a.clone())).collect()
}

/// What each cleaner dropped and changed, and the log that is left, if it is cleaned so many rows at a
/// time.
fn cleaned(raw: &Log, at_once: usize) -> (Vec<(Books, Books)>, Log) {
    let cleaners = cleaners();
    let mut ledgers: Vec<Ledger> = cleaners.iter().map(|_| Ledger::default()).collect();
    let mut whole = Whole::default();
    for begins in (0..raw.rows()).step_by(at_once) {
        let mut chunk = part(raw, begins..raw.rows().min(begins + at_once));
        for (cleaner, ledger) in cleaners.iter().zip(&mut ledgers) {
            cleaner.clean(&mut chunk, ledger).unwrap();
        }
        whole.append(chunk).unwrap();
    }
    let both = |ledger: &Ledger| (books(ledger.drops()), books(ledger.changes()));
    let both = ledgers.iter().map(both).collect();
    (both, whole.finish().unwrap())
}

#[test]
fn a_log_cleaned_in_parts_is_that_cleaned_whole() {
    let raw = messy();
    let (books, log) = cleaned(&raw, raw.rows());
    for (at, (dropped, changed)) in books.iter().enumerate() {
        assert!(
            !dropped.is_empty() || !changed.is_empty(),
            "cleaner {at} had nothing to do"
        );
    }
    let events = |log: &Log| Events::from_log(log.clone().into()).unwrap();
    for at_once in [1, 2, 7, 64, 1000, 2999] {
        let (parts_books, parts) = cleaned(&raw, at_once);
        assert_eq!(parts_books, books, "{at_once} rows at a time");
        assert_eq!(parts.numbers(), log.numbers(), "{at_once} rows at a time");
        // Dictionaries and their order too: kinds of event are named in it.
        for (part, whole) in parts.columns().into_iter().zip(log.columns()) {
            let name = &whole.name;
            match (&part.cells, &whole.cells) {
                // No number is equal to a missing one, so bits are compared.
                (Cells::Number(part), Cells::Number(whole)) => {
                    let bits = |of: &[f64]| of.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(part), bits(whole), "{name}, {at_once} rows at a time");
                }
                (part, whole) => assert_eq!(part, whole, "{name}, {at_once} rows at a time"),
            }
        }
        let (parts, whole) = (events(&parts), events(&log));
        assert_eq!(parts.kinds, whole.kinds);
        assert_eq!((&parts.user, &parts.item), (&whole.user, &whole.item));
        assert_eq!((&parts.time, &parts.kind), (&whole.time, &whole.kind));
    }
}
