//! The chain of cleaners for the messy sample, against the truth about it: `golden/audit_truth.json`
//! and the funnel of protocol.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use musicrec_api::{Account, Cleaner, Ledger, Log, Source, SourceContext};
use musicrec_sources::Csv;
use serde::Deserialize;

// So that the built-in cleaners are linked in.
use musicrec_cleaners as _;

#[derive(Deserialize)]
struct Definition {
    cleaners: Vec<Box<dyn Cleaner>>,
}

fn shared() -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    if folder.is_dir() {
        return Some(folder.to_owned());
    }
    assert!(
        std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
        "../shared is required, but not there"
    );
    eprintln!("SKIPPED: ../shared is not there");
    None
}

fn read(shared: &Path) -> Log {
    let csv = Csv {
        path: Some("data/music_interactions_messy.csv".to_owned()),
        ..Csv::default()
    };
    let context = SourceContext::new(shared, 0);
    let mut log = None;
    csv.read(&context, &mut Ledger::default(), &mut |chunk| {
        assert!(log.replace(chunk).is_none(), "the sample is one chunk");
        Ok(())
    })
    .unwrap();
    log.unwrap()
}

/// Rows by column and reason, over all steps.
#[derive(Default)]
struct Books(BTreeMap<(String, String), u64>);

impl Books {
    fn add<'a>(&mut self, accounts: impl Iterator<Item = &'a Account>) {
        for account in accounts {
            assert!(!account.samples.is_empty(), "{account:?} has no sample");
            let key = (account.column.clone(), account.what.clone());
            *self.0.entry(key).or_default() += account.rows;
        }
    }

    /// Rows of a column for any of the reasons.
    fn of(&self, column: &str, reasons: &[&str]) -> u64 {
        reasons
            .iter()
            .filter_map(|what| self.0.get(&(column.to_owned(), (*what).to_owned())))
            .sum()
    }
}

/// The rows of a defect in the truth.
fn truth(shared: &Path) -> impl Fn(&str) -> u64 {
    let text = std::fs::read_to_string(shared.join("golden/audit_truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&text).unwrap();
    move |id| {
        let defects = truth["defects"].as_array().unwrap();
        let defect = defects.iter().find(|d| d["id"] == id);
        defect.unwrap_or_else(|| panic!("no defect {id}"))["rows"]
            .as_u64()
            .unwrap()
    }
}

/// Cleans the sample: the log, and what was dropped and changed.
fn clean(shared: &Path) -> (Log, Books, Books) {
    let definition: Definition = toml::from_str(include_str!("messy_sample.toml")).unwrap();
    let mut log = read(shared);
    assert_eq!(log.rows(), 5_180);
    let (mut dropped, mut changed) = (Books::default(), Books::default());
    for cleaner in &definition.cleaners {
        let (before, mut ledger) = (log.rows() as u64, Ledger::default());
        cleaner.clean(&mut log, &mut ledger).unwrap();
        let booked: u64 = ledger.drops().map(|a| a.rows).sum();
        assert_eq!(before - log.rows() as u64, booked, "{cleaner:?}");
        dropped.add(ledger.drops());
        changed.add(ledger.changes());
    }
    (log, dropped, changed)
}

const SPELLINGS: [&str; 3] = ["trimmed", "case folded", "trimmed, case folded"];

#[test]
fn the_funnel_is_that_of_the_protocol() {
    let Some(shared) = shared() else { return };
    let truth = truth(&shared);
    let (log, dropped, _) = clean(&shared);
    let copies = ["copy", "copy that differs in other cells"];
    let funnel = [
        dropped.of("user_id", &["missing"]),
        dropped.of("song_id", &["missing"]),
        dropped.of("timestamp", &["missing"]),
        dropped.of("", &copies),
    ];
    assert_eq!(funnel, [46, 54, 96, 175]);
    assert_eq!(log.rows(), 4_809);
    assert_eq!(funnel[0], truth("user_id.sentinel.any"));
    assert_eq!(funnel[1], truth("song_id.sentinel.any"));
    assert_eq!(funnel[3], truth("row.duplicate.key_after_drops"));

    let ids = |column| -> Vec<String> {
        let cells = log.column(column).unwrap();
        (0..log.rows())
            .map(|r| cells.show(r).into_owned())
            .collect()
    };
    let (users, songs) = (ids("user_id"), ids("song_id"));
    let pairs: BTreeSet<_> = users.iter().zip(&songs).collect();
    assert_eq!(users.iter().collect::<BTreeSet<_>>().len(), 220);
    assert_eq!(songs.iter().collect::<BTreeSet<_>>().len(), 649);
    assert_eq!(pairs.len(), 4_731);
}

#[test]
fn every_changed_value_is_booked_under_its_reason() {
    let Some(shared) = shared() else { return };
    let truth = truth(&shared);
    let (_, _, changed) = clean(&shared);
    let of = |column: &str, reasons: &[&str]| changed.of(column, reasons);

    // The row "Values changed" of the protocol.
    let spelled = ["user_id", "song_id", "artist_id"].map(|column| of(column, &SPELLINGS));
    assert_eq!(spelled, [896, 933, 25]);
    let labels = ["spelling", "synonym"];
    assert_eq!(of("event_type", &labels), 3_772);
    assert_eq!(of("device", &labels), 469);
    assert_eq!(of("genre", &labels), 493);
    let plays = ["word", "blank", "padded"].map(|what| of("play_count", &[what]));
    assert_eq!(plays, [66, 25, 71]);
    let seconds = ["below 0", "above 3600"].map(|what| of("listen_seconds", &[what]));
    assert_eq!(seconds, [46, 21]);
    let missing = ["blank", "missing marker"];
    let columns = ["device", "country", "artist_id", "genre"];
    assert_eq!(
        columns.map(|column| of(column, &missing)),
        [204, 178, 95, 244]
    );

    // The same and more from the truth.
    assert_eq!(of("event_type", &labels), truth("event_type.variants"));
    assert_eq!(of("device", &labels), truth("device.case_or_spelling"));
    assert_eq!(of("genre", &labels), truth("genre.case"));
    for column in ["user_id", "song_id"] {
        let trimmed = of(column, &["trimmed", "trimmed, case folded"]);
        assert_eq!(trimmed, truth(&format!("{column}.whitespace")));
        assert_eq!(
            of(column, &["blank"]),
            truth(&format!("{column}.sentinel.blank"))
        );
    }
    let named = truth("user_id.sentinel.guest") + truth("user_id.sentinel.u-test");
    assert_eq!(of("user_id", &["placeholder"]), named);
    let zeros = "placeholder: all zeros";
    assert_eq!(of("user_id", &[zeros]), truth("user_id.sentinel.u00000"));
    assert_eq!(of("song_id", &[zeros]), truth("song_id.sentinel.s000000"));
    let nines = of("song_id", &["placeholder: all nines"]);
    assert_eq!(nines, truth("song_id.sentinel.s-999999"));
    assert_eq!(
        of("song_id", &["placeholder"]),
        truth("song_id.sentinel.unknown")
    );
    assert_eq!(of("timestamp", &["blank"]), truth("timestamp.blank"));
    let impossible = of("timestamp", &["impossible date"]);
    assert_eq!(impossible, truth("timestamp.2025-13-40 99:99:99"));
    let unfit = truth("timestamp.not_a_time") + truth("timestamp.2025/09/31 12:61:00");
    assert_eq!(of("timestamp", &["no format fits"]), unfit);
    let known = 896 + 933 + 25 + 3_772 + 469 + 493 + 162 + 67 + 721 + 46 + 54 + 100;
    assert_eq!(changed.0.values().sum::<u64>(), known, "{:?}", changed.0);
}

#[test]
fn the_place_of_drop_duplicates_decides_what_a_copy_is() {
    let Some(shared) = shared() else { return };
    let truth = truth(&shared);
    let cells: Definition = toml::from_str("[[cleaners]]\ndrop_duplicates = {}").unwrap();
    let copies = |log: &mut Log| {
        let mut ledger = Ledger::default();
        cells.cleaners[0].clean(log, &mut ledger).unwrap();
        ledger.drops().map(|a| a.rows).sum::<u64>()
    };
    let mut raw = read(&shared);
    assert_eq!(copies(&mut raw), truth("row.duplicate.exact"));

    // All cleaners but the last. The protocol's other end of the funnel, 4,858 rows, takes a blank
    // play count for 1, which makes one copy more.
    let text = include_str!("messy_sample.toml");
    let filled = text.replace("\"listen_seconds\"] }", "\"listen_seconds\"], blank = 1 }");
    assert_ne!(text, filled);
    for (text, expected) in [(text, truth("row.duplicate.normalized")), (&filled, 126)] {
        let definition: Definition = toml::from_str(text).unwrap();
        let (_, normalizing) = definition.cleaners.split_last().unwrap();
        let mut log = read(&shared);
        for cleaner in normalizing {
            cleaner.clean(&mut log, &mut Ledger::default()).unwrap();
        }
        assert_eq!(log.rows(), 4_984);
        assert_eq!(copies(&mut log), expected);
    }
}
