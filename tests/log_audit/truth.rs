//! What is known to be wrong with a log, kind by kind, and what the audit counts.

use serde_json::Value;

use crate::common::{Lab, json, shared};
use crate::{alert, audited, entry, number, rows};

const LOG: &str = "data/music_interactions_messy.csv";

/// Rows of a pair in a list of pairs.
fn paired(list: &Value, name: &str) -> u64 {
    let all = list.as_array().expect("a list").iter();
    all.filter(|pair| pair[0] == name)
        .map(|pair| number(&pair[1]))
        .sum()
}

/// What the audit says of a defect by its name in the truth; `None` if it does not count that.
fn found(audit: &Value, defect: &str) -> Option<u64> {
    let (column, kind) = defect.split_once('.')?;
    let columns = &audit["columns"];
    let ids = || entry(&audit["ids"], "column", column);
    let placeholder = |id: &str| {
        let all = ids()["placeholders"].as_array().expect("a list").iter();
        let sure = all.filter(|p| p["certain"] == true && p["id"] == id);
        sure.map(|p| number(&p["rows"])).sum::<u64>()
    };
    let figures = |key: &str| number(&entry(columns, "name", column)["numbers"][key]);
    let duplicates = |key: &str| number(&audit["duplicates"][key]);
    Some(match (column, kind) {
        ("user_id" | "song_id", "whitespace") => rows(audit, &format!("{column}.padded")),
        ("user_id" | "song_id", "uppercase") => rows(audit, &format!("{column}.upper_case")),
        ("user_id" | "song_id", "sentinel.any") => rows(audit, &format!("{column}.placeholder")),
        ("user_id" | "song_id", "sentinel.blank") => placeholder(""),
        ("user_id" | "song_id", kind) if kind.starts_with("sentinel.") => {
            placeholder(&kind["sentinel.".len()..])
        }
        ("row", "sentinel.any") => {
            number(&audit["funnel"]["no_user"]) + number(&audit["funnel"]["no_item"])
        }
        ("event_type", "variants") => {
            rows(audit, "event_type.spelling") + rows(audit, "event_type.synonym")
        }
        ("event_type", "unmapped_by_notebook") => {
            let share = entry(
                &entry(&audit["labels"], "column", column)["clusters"],
                "name",
                "share",
            );
            number(&entry(&share["spellings"], "label", "shared")["rows"])
        }
        ("play_count", "word") => rows(audit, "play_count.word"),
        ("play_count", "blank") => rows(audit, "play_count.missing"),
        ("play_count", "whitespace") => rows(audit, "play_count.padded"),
        ("play_count", "outlier") => rows(audit, "play_count.outlier"),
        ("listen_seconds", "outlier") => rows(audit, "listen_seconds.outlier"),
        ("listen_seconds", "negative") => rows(audit, "listen_seconds.negative"),
        ("listen_seconds", "zero") => figures("zero"),
        ("timestamp", "blank") => rows(audit, "timestamp.missing"),
        ("timestamp", "invalid.any") => {
            rows(audit, "timestamp.missing") + rows(audit, "timestamp.invalid")
        }
        ("timestamp", text) => paired(&audit["times"]["invalid"], text),
        (_, "missing") => rows(audit, &format!("{column}.missing")),
        ("device", "case_or_spelling") => rows(audit, "device.spelling"),
        ("genre", "case") => rows(audit, "genre.spelling"),
        ("row", "duplicate.exact") => duplicates("exact"),
        ("row", "duplicate.normalized") => duplicates("normalized"),
        ("row", "duplicate.key" | "duplicate.key_after_drops") => duplicates("key"),
        ("row", kind) if kind.starts_with("duplicate.hidden") => duplicates("hidden"),
        ("flags", "inconsistent") => {
            let flags = audit["consistency"]["flags"].as_array().expect("a list");
            assert_eq!(flags.len(), 3, "each flag is held against its event");
            flags
                .iter()
                .map(|flag| number(&flag["unset"]) + number(&flag["unmatched"]))
                .sum()
        }
        ("skip", "high_play_count") => rows(audit, "rows.skips_with_plays"),
        _ => return None,
    })
}

/// Holds an audit against the truth about its log: every defect with its rows.
fn agrees(audit: &Value, truth: &Value) {
    let mut wrong = Vec::new();
    for defect in truth["defects"].as_array().expect("a list") {
        let id = defect["id"].as_str().expect("a name");
        if let Some(column) = id.strip_suffix(".distinct") {
            let ids = entry(&audit["ids"], "column", column);
            let detail = &defect["detail"];
            for (ours, theirs) in [
                ("raw", "raw"),
                ("normalized", "trim_lower"),
                ("real", "real"),
            ] {
                assert_eq!(ids[ours], detail[theirs], "{id}");
            }
            continue;
        }
        // A cell is counted where it is, not as the words of the table that says nothing is wrong.
        if id == "encoding" {
            assert_eq!(audit["unreadable"].as_array().map(Vec::len), Some(0));
            continue;
        }
        match found(audit, id) {
            Some(rows) if rows == number(&defect["rows"]) => {}
            rows => wrong.push(format!("{id}: {rows:?} instead of {}", defect["rows"])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_of_the_truth_table_of_the_messy_sample() {
    let (Some(log), Some(truth)) = (shared(LOG), shared("golden/audit_truth.json")) else {
        return;
    };
    let lab = Lab::new();
    let audit = audited(&lab, &log.display().to_string());
    let truth = json(&truth);
    agrees(&audit, &truth);
    // Each cluster of events has the rows of its spellings.
    let clusters = &entry(&audit["labels"], "column", "event_type")["clusters"];
    for (name, spellings) in truth["event_type_clusters"].as_object().expect("a table") {
        let cluster = entry(clusters, "name", name);
        for (label, rows) in spellings.as_object().expect("a table") {
            assert_eq!(
                &entry(&cluster["spellings"], "label", label)["rows"],
                rows,
                "{label}"
            );
        }
    }
    // Every song that breaks the rule of one artist is a placeholder, with that as evidence.
    let placeholders = &entry(&audit["ids"], "column", "song_id")["placeholders"];
    for (song, values) in truth["functional_dependency_song_to_artist_violations"]
        .as_object()
        .expect("a table")
    {
        let evidence = entry(placeholders, "id", song)["evidence"].to_string();
        let expected = format!("{values} different values of `artist_id`");
        assert!(evidence.contains(&expected), "{song}: {evidence}");
    }
    assert_eq!(audit["signal"]["found"], "nothing");
    // Rows are counted from 1 in an audit and from 0 in the truth: the first example of a rule is that row.
    let outliers = &alert(&audit, "song_id.padded").expect("an alert")["examples"];
    assert_eq!(outliers[0]["row"], 3);
}

#[test]
fn the_definition_written_for_the_sample_gives_the_documented_funnel() {
    let Some(log) = shared(LOG) else { return };
    let lab = Lab::new();
    let log = log.display().to_string();
    lab.write("experiments/.keep", "");
    lab.done(&[
        "audit",
        &log,
        "--write",
        "experiments/my_log.toml",
        "--out",
        "audit.txt",
    ]);
    let quick = [
        "--set",
        "evaluation.null_rankings=100",
        "--set",
        "evaluation.resamples=200",
    ];
    let mut arguments = vec!["sweep", "experiments/my_log.toml"];
    arguments.extend(quick);
    lab.done(&arguments);
    let report = lab.report("reports/music_interactions_messy");
    let funnel = report["cleanings"][0]["funnel"]
        .as_array()
        .expect("a funnel");
    let step = |name: &str| {
        funnel
            .iter()
            .find(|step| step["name"] == name)
            .expect("a step")
    };
    let dropped: Vec<u64> = ["user_id", "song_id", "timestamp"]
        .iter()
        .map(|column| number(&entry(&step("drop_missing")["dropped"], "column", column)["rows"]))
        .collect();
    assert_eq!(dropped, [46, 54, 96]);
    assert_eq!(step("drop_duplicates")["rows_in"], 4_984);
    assert_eq!(step("drop_duplicates")["rows_out"], 4_809);
    let changed = |name: &str, column: &str| -> u64 {
        let of = funnel.iter().filter(|step| step["name"] == name);
        let accounts = of.flat_map(|step| step["changed"].as_array().expect("a list"));
        accounts
            .filter(|account| account["column"] == column)
            .map(|account| number(&account["rows"]))
            .sum()
    };
    assert_eq!(changed("map_labels", "event_type"), 3_772);
    assert_eq!(changed("map_labels", "device"), 469);
    assert_eq!(changed("limit_range", "listen_seconds"), 46 + 21);
}

/// Logs of the generator at other rates, sizes and seeds.
#[test]
fn what_the_generator_planted_is_found_kind_by_kind() {
    for (seed, settings) in [
        ("3", &["rows=6000", "mess.scale=0.5"][..]),
        (
            "4",
            &[
                "rows=9000",
                "mess.scale=1.5",
                "mess.user_guest=0.02",
                "mess.song_nines=0.01",
            ],
        ),
        ("5", &["rows=5000", "mess.scale=0"]),
    ] {
        let lab = Lab::new();
        let mut arguments = vec![
            "synth", "--out", "log.csv", "--users", "300", "--seed", seed,
        ];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        lab.done(&arguments);
        let audit = audited(&lab, "log.csv");
        let truth = json(&lab.path("log.csv.truth.json"));
        agrees(&audit, &truth);
        let steps = truth["funnel"].as_array().expect("a list");
        let left = steps.last().expect("a step")["left"].clone();
        assert_eq!(audit["funnel"]["left"], left, "seed {seed}");
        assert_eq!(audit["signal"]["found"], "taste", "seed {seed}");
        if settings.contains(&"mess.scale=0") {
            let all = audit["alerts"].as_array().expect("a list").iter();
            let bad: Vec<&Value> = all.filter(|alert| alert["severity"] == "error").collect();
            assert!(bad.is_empty(), "false alarms on a clean log: {bad:?}");
        }
    }
}
