//! A log that is cleaned in parts comes out as one that is cleaned in one piece.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use musicrec_api::{Cleaner, Events, Source};
use serde::Deserialize as _;
use serde_json::json;

use super::apart::{Apart, clean, divide, gather};
use super::{Failed, Room, cleaned};
use crate::cache::Cache;
use crate::cache::bytes::Writer;
use crate::cache::parts::Parts;
use crate::cache::segments;
use crate::experiment::Experiment;
use crate::stages::hashes::of_log;
use crate::sweep::tests::Lab;

/// The lines of a log whose users come back in every part of it, with copies, spellings, rare songs and rows of nobody.
fn lines(rows: u64) -> String {
    let mut out = String::from("user_id,song_id,event,plays,note\n");
    let mut state = 7u64;
    for row in 0..rows {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(row);
        let draw = |of: u64, shift: u32| (state >> shift) % of;
        let user = draw(300, 33);
        let user = match draw(40, 20) {
            0 => String::new(),
            1 => format!(" U{user}"),
            _ => format!("u{user}"),
        };
        // Few plays of most songs, so that the core takes several rounds.
        let song = draw(40, 25) * draw(60, 41) / 3;
        let event = ["play", "Play", "like", "skip", ""][draw(5, 50) as usize];
        let plays = draw(9, 13);
        let _ = writeln!(out, "{user},s{song},{event},{plays},n{}", draw(5000, 5));
    }
    out
}

/// What is left, as it would be kept, with the account of each step and the name of the events.
fn kept(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    memory: u64,
) -> (Vec<u8>, String, String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let room = Room {
        memory,
        folder: folder.path().join("parts"),
        tell: |_| {},
    };
    let never = AtomicBool::new(false);
    let (log, funnel, on_disk) = cleaned(experiment, cleaners, &never, &mut (), &room)
        .map_err(|f: Failed| f.error)
        .unwrap();
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    match &on_disk {
        Some(on_disk) => on_disk.copy(&mut to).unwrap(),
        None => segments::write(&mut to, &log).unwrap(),
    }
    // Nothing of it has a name.
    assert!(std::fs::read_dir(&room.folder).map_or(true, |mut files| files.next().is_none()));
    let events = Events::from_log(std::sync::Arc::new(log)).unwrap();
    let funnel = serde_json::to_string_pretty(&funnel).unwrap();
    (bytes, funnel, of_log(&events), on_disk.is_some())
}

fn cleaners(of: &serde_json::Value) -> Vec<Box<dyn Cleaner>> {
    let list = of.as_array().unwrap().iter();
    list.map(|one| Box::<dyn Cleaner>::deserialize(one).unwrap())
        .collect()
}

#[test]
fn parts_give_what_the_whole_gives_to_the_byte() {
    let lab = Lab::new(&lines(200_000), &[("", "[]")], &[]);
    let nobody = json!({"drop_missing": {"columns": ["user_id"]}});
    let spelling = json!({"normalize_ids": {"columns": ["user_id"]}});
    let labels = json!({"map_labels": {"column": "event", "labels": {"play": ["Play"], "like": [], "skip": []}}});
    let numbers = json!({"parse_numbers": {"columns": ["plays"]}});
    let copies = json!({"drop_duplicates": {"by": "cells"}});
    let by_user =
        json!({"drop_duplicates": {"by": ["user_id", "song_id", "event"], "keep": "last"}});
    let by_song = json!({"drop_duplicates": {"by": ["song_id", "event", "note"]}});
    let core = json!({"min_interactions": {"users": 20, "items": 150, "on": "all"}});
    for (name, list, in_parts) in [
        (
            "rows alone",
            json!([nobody, spelling, labels, numbers]),
            true,
        ),
        ("users", json!([nobody, copies]), true),
        // Whose a row is changes after the users were together.
        (
            "users, rows, users",
            json!([copies, spelling, nobody, numbers, labels, by_user]),
            true,
        ),
        ("the core", json!([nobody, spelling, core, copies]), true),
        (
            "everybody's copies",
            json!([nobody, copies, by_song, core]),
            false,
        ),
    ] {
        let cleaners = cleaners(&list);
        let whole = kept(&lab.experiment, &cleaners, u64::MAX);
        // A part may have about 40,000 rows.
        let parts = kept(&lab.experiment, &cleaners, 3_000_000);
        assert_eq!((whole.3, parts.3), (false, in_parts), "{name}");
        assert_eq!(parts.1, whole.1, "{name}");
        assert_eq!(parts.2, whole.2, "{name}");
        assert!(parts.0 == whole.0, "{name}: other bytes");
    }
}

/// The same, of a log of several files that units prepare together.
fn kept_apart(
    experiment: &Experiment,
    cleaners: &[Box<dyn Cleaner>],
    groups: usize,
) -> (Vec<u8>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(Some(folder.path().join("store")), u64::MAX);
    let cache = cache.keeping_from(Duration::ZERO);
    let parts = Parts::of(experiment, cleaners, "data", &cache).unwrap();
    // So that pieces are put aside on their way too.
    let room = cache.room(Some(2_000_000));
    let never = AtomicBool::new(false);
    let apart = Apart::of(experiment, groups).unwrap();
    assert_eq!(apart, Apart { pieces: 3, groups });
    // In whatever order, and again.
    for piece in [2, 0, 1, 0] {
        let of = (piece, groups);
        divide(experiment, cleaners, of, (&parts, &room), &never).unwrap();
    }
    for group in (0..groups).rev() {
        clean(cleaners, (group, apart), (&parts, &room), &never).unwrap();
    }
    let prepared = gather(experiment, cleaners, apart, (&parts, &room), &never).unwrap();
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    match &prepared.on_disk {
        Some(on_disk) => on_disk.copy(&mut to).unwrap(),
        None => segments::write(&mut to, prepared.events.log.as_ref().unwrap()).unwrap(),
    }
    let funnel = serde_json::to_string_pretty(&prepared.funnel).unwrap();
    (bytes, funnel, of_log(&prepared.events))
}

#[test]
fn units_together_give_what_one_process_gives_to_the_byte() {
    let mut lab = Lab::new(&lines(1_000), &[("", "[]")], &[]);
    let folder = tempfile::tempdir().unwrap();
    let all = lines(100_000);
    let (header, rows) = all.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    // A row of too many cells takes a number and is dropped.
    let texts = [
        rows[..20_000].join("\n") + "\na,b,c,d,e,f",
        rows[20_000..70_000].join("\n"),
        rows[70_000..].join("\n"),
    ];
    for (at, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("{at}.csv"));
        std::fs::write(path, format!("{header}\n{text}\n")).unwrap();
    }
    lab.experiment.base = folder.path().to_owned();
    let source = json!({"csv": {"path": "*.csv", "event": "event", "bad_rows": "drop"}});
    lab.experiment.source = Box::<dyn Source>::deserialize(source).unwrap();
    let nobody = json!({"drop_missing": {"columns": ["user_id"]}});
    let spelling = json!({"normalize_ids": {"columns": ["user_id"]}});
    let copies = json!({"drop_duplicates": {"by": "cells"}});
    let by_user =
        json!({"drop_duplicates": {"by": ["user_id", "song_id", "event"], "keep": "last"}});
    let by_song = json!({"drop_duplicates": {"by": ["song_id", "event", "note"]}});
    let core = json!({"min_interactions": {"users": 20, "items": 80, "on": "all"}});
    for (name, list) in [
        ("rows alone", json!([nobody, spelling])),
        ("users", json!([nobody, copies])),
        ("users, rows", json!([nobody, by_user, spelling])),
        (
            "users, rows, users",
            json!([copies, spelling, nobody, by_user]),
        ),
        ("the core at once", json!([nobody, core, copies])),
        ("everybody's copies", json!([nobody, copies, by_song, core])),
    ] {
        let cleaners = cleaners(&list);
        let whole = kept(&lab.experiment, &cleaners, u64::MAX);
        assert!(whole.1.contains("cells"), "{}", whole.1);
        for groups in [2, 7] {
            let apart = kept_apart(&lab.experiment, &cleaners, groups);
            assert_eq!(apart.1, whole.1, "{name}, {groups} groups");
            assert_eq!(apart.2, whole.2, "{name}, {groups} groups");
            assert!(apart.0 == whole.0, "{name}, {groups} groups: other bytes");
        }
    }
}

#[test]
fn a_log_of_which_nothing_is_left_says_so_in_parts_too() {
    let lab = Lab::new(&lines(50_000), &[("", "[]")], &[]);
    let all = cleaners(&json!([
        {"drop_duplicates": {"by": "cells"}},
        {"keep_rows": {"column": "event", "values": ["sung"]}}
    ]));
    let folder = tempfile::tempdir().unwrap();
    let error = |memory| {
        let room = Room {
            memory,
            folder: folder.path().join("parts"),
            tell: |_| {},
        };
        let never = AtomicBool::new(false);
        let failed = cleaned(&lab.experiment, &all, &never, &mut (), &room).unwrap_err();
        failed.error.to_string()
    };
    let whole = error(u64::MAX);
    assert!(whole.contains("cleaning left no row"), "{whole}");
    assert_eq!(error(1_000_000), whole);
}

#[test]
fn parts_that_cannot_be_put_aside_say_where() {
    let lab = Lab::new(&lines(20_000), &[("", "[]")], &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let room = Room {
        memory: 100_000,
        folder: file.join("below"),
        tell: |_| {},
    };
    let never = AtomicBool::new(false);
    let failed = cleaned(&lab.experiment, &[], &never, &mut (), &room).unwrap_err();
    let text = failed.error.to_string();
    assert!(
        text.contains("a file") && text.contains("--cache"),
        "{text}"
    );
}
