//! Counts defects in the text of a log by their plain definitions, knowing nothing of how they
//! were planted, and holds the truth against it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Synthetic, write_csv};

const USERS: [&str; 4] = ["", "guest", "u-test", "u00000"];
const SONGS: [&str; 4] = ["", "unknown", "s-999999", "s000000"];
const COLUMNS: [&str; 13] = [
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
];

fn canonical(label: &str) -> &'static str {
    match label.to_lowercase().as_str() {
        "play" | "listen" => "play",
        "skip" | "skipped" => "skip",
        "like" | "thumbs_up" => "like",
        "add_to_playlist" | "add2playlist" | "addtoplaylist" => "add_to_playlist",
        "replay" | "repeat" => "replay",
        "share" | "shared" => "share",
        other => panic!("no event is called {other}"),
    }
}

fn category(cell: &str) -> String {
    let cell = cell.trim().to_lowercase();
    match cell.as_str() {
        "na" | "null" => String::new(),
        "smarttv" => "smart_tv".to_owned(),
        _ => cell,
    }
}

fn plays(cell: &str) -> Option<i64> {
    match cell.trim() {
        "" => None,
        "one" => Some(1),
        "ten" => Some(10),
        number => Some(number.parse().unwrap()),
    }
}

fn is_time(cell: &str) -> bool {
    jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", cell).is_ok()
}

#[derive(Default)]
struct Recount {
    rows: BTreeMap<String, u64>,
    detail: BTreeMap<String, BTreeMap<String, u64>>,
    funnel: Vec<u64>,
    users: u64,
    songs: u64,
}

impl Recount {
    fn add(&mut self, id: &str, holds: bool) {
        *self.rows.entry(id.to_owned()).or_default() += u64::from(holds);
    }

    fn add_kind(&mut self, id: &str, kind: &str, holds: bool) {
        self.add(id, holds);
        if holds {
            let kinds = self.detail.entry(id.to_owned()).or_default();
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }

    fn of(text: &str) -> Self {
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap(), COLUMNS.join(","));
        let rows: Vec<Vec<&str>> = lines.map(|l| l.split(',').collect()).collect();
        let mut this = Self::default();
        for row in &rows {
            assert_eq!(row.len(), 13);
            this.cells(row);
        }
        this.ids(&rows, 0, "user_id", USERS);
        this.ids(&rows, 1, "song_id", SONGS);
        this.labels(&rows);
        this.duplicates(&rows);
        this
    }

    fn cells(&mut self, row: &[&str]) {
        let mut any = false;
        for (column, cell, placeholders) in [("user_id", row[0], USERS), ("song_id", row[1], SONGS)]
        {
            let folded = cell.trim().to_lowercase();
            self.add(&format!("{column}.whitespace"), cell.trim() != cell);
            let real = !placeholders.contains(&folded.as_str());
            let upper = cell.chars().any(char::is_uppercase);
            self.add(&format!("{column}.uppercase"), real && upper);
            for placeholder in placeholders {
                let kind = if placeholder.is_empty() {
                    "blank"
                } else {
                    placeholder
                };
                self.add(&format!("{column}.sentinel.{kind}"), folded == placeholder);
            }
            self.add(&format!("{column}.sentinel.any"), !real);
            any |= !real;
        }
        self.add("row.sentinel.any", any);
        let event = canonical(row[2]);
        self.add("event_type.variants", event != row[2]);
        self.add_kind(
            "play_count.word",
            row[3],
            row[3].starts_with(char::is_alphabetic),
        );
        self.add("play_count.blank", row[3].is_empty());
        let padded = row[3].trim() != row[3];
        self.add_kind("play_count.whitespace", &format!("'{}'", row[3]), padded);
        self.add("play_count.outlier", plays(row[3]).is_some_and(|n| n > 10));
        let weight = plays(row[3]).map_or(0, |n| n.min(10) - 2);
        self.add("skip.high_play_count", event == "skip" && weight > 0);
        let seconds: i64 = row[7].parse().unwrap();
        self.add("listen_seconds.negative", seconds < 0);
        self.add("listen_seconds.outlier", seconds > 3_600);
        self.add_kind("listen_seconds.zero", event, seconds == 0);
        for bad in [
            "",
            "not_a_time",
            "2025-13-40 99:99:99",
            "2025/09/31 12:61:00",
        ] {
            let kind = if bad.is_empty() { "blank" } else { bad };
            self.add(&format!("timestamp.{kind}"), row[8] == bad);
        }
        self.add("timestamp.invalid.any", !is_time(row[8]));
        for column in [9, 10, 11, 12] {
            let kind = if row[column].is_empty() {
                "blank"
            } else {
                row[column]
            };
            let missing = category(row[column]).is_empty();
            self.add_kind(&format!("{}.missing", COLUMNS[column]), kind, missing);
        }
        let restyled = |cell: &str| !category(cell).is_empty() && category(cell) != cell;
        self.add_kind("device.case_or_spelling", row[9], restyled(row[9]));
        self.add("genre.case", restyled(row[12]));
        let flags = [event == "like", event == "add_to_playlist", event == "skip"];
        let said = [row[4] == "1", row[5] == "1", row[6] == "1"];
        self.add("flags.inconsistent", flags != said);
    }

    fn ids(&mut self, rows: &[Vec<&str>], at: usize, column: &str, placeholders: [&str; 4]) {
        let raw: HashSet<&str> = rows.iter().map(|r| r[at]).collect();
        let folded: HashSet<String> = raw.iter().map(|c| c.trim().to_lowercase()).collect();
        let real = folded
            .iter()
            .filter(|c| !placeholders.contains(&c.as_str()));
        let counts = [
            ("raw", raw.len()),
            ("trim_lower", folded.len()),
            ("real", real.count()),
        ];
        let id = format!("{column}.distinct");
        self.rows.insert(id.clone(), 0);
        self.detail.insert(
            id,
            counts.map(|(name, n)| (name.to_owned(), n as u64)).into(),
        );
    }

    fn labels(&mut self, rows: &[Vec<&str>]) {
        let raw: BTreeSet<&str> = rows.iter().map(|r| r[2]).collect();
        let folded: BTreeSet<String> = raw.iter().map(|l| l.to_lowercase()).collect();
        let events: BTreeSet<&str> = raw.iter().map(|l| canonical(l)).collect();
        let counts = [
            ("raw_labels", raw.len()),
            ("casefold_labels", folded.len()),
            ("canonical", events.len()),
        ];
        self.detail.insert(
            "event_type.variants".to_owned(),
            counts.map(|(name, n)| (name.to_owned(), n as u64)).into(),
        );
    }

    fn duplicates(&mut self, rows: &[Vec<&str>]) {
        let normalized: Vec<Vec<String>> = rows.iter().map(|row| normalize(row)).collect();
        let extra = |keys: &mut dyn Iterator<Item = Vec<String>>| {
            let mut seen = HashSet::new();
            keys.filter(|k| !seen.insert(k.clone())).count() as u64
        };
        let key = |row: &Vec<String>| [0, 1, 2, 8].map(|c| row[c].clone()).to_vec();
        let raw = |row: &Vec<&str>| row.iter().map(|&c| c.to_owned()).collect();
        let exact = extra(&mut rows.iter().map(raw));
        self.rows.insert("row.duplicate.exact".to_owned(), exact);
        let equal = extra(&mut normalized.iter().cloned());
        self.rows
            .insert("row.duplicate.normalized".to_owned(), equal);
        let same_key = extra(&mut normalized.iter().map(key));
        self.rows.insert("row.duplicate.key".to_owned(), same_key);

        let mut kept: Vec<&Vec<String>> = normalized.iter().collect();
        self.funnel.push(kept.len() as u64);
        kept.retain(|row| !USERS.contains(&row[0].as_str()));
        self.funnel.push(kept.len() as u64);
        kept.retain(|row| !SONGS.contains(&row[1].as_str()));
        self.funnel.push(kept.len() as u64);
        kept.retain(|row| is_time(&row[8]));
        self.funnel.push(kept.len() as u64);
        let after = "row.duplicate.key_after_drops";
        let mut first: HashMap<Vec<String>, &Vec<String>> = HashMap::new();
        for row in kept {
            let Some(before) = first.insert(key(row), row) else {
                continue;
            };
            self.add(after, true);
            for column in 0..13 {
                if row[column] != before[column] {
                    let kinds = self.detail.entry(after.to_owned()).or_default();
                    *kinds.entry(COLUMNS[column].to_owned()).or_default() += 1;
                }
            }
        }
        self.funnel.push(first.len() as u64);
        let distinct = |c: usize| first.keys().map(|k| k[c].clone()).collect::<HashSet<_>>();
        self.users = distinct(0).len() as u64;
        self.songs = distinct(1).len() as u64;

        let moment = |row: &Vec<String>| (row[0].clone(), row[8].clone());
        let known = |row: &&Vec<String>| !USERS.contains(&row[0].as_str()) && is_time(&row[8]);
        let (lost, real): (Vec<_>, Vec<_>) = normalized
            .iter()
            .filter(known)
            .partition(|row| SONGS.contains(&row[1].as_str()));
        let moments: HashSet<_> = real.into_iter().map(moment).collect();
        let hidden = lost.into_iter().filter(|r| moments.contains(&moment(r)));
        self.rows.insert(
            "row.duplicate.hidden_by_sentinel".to_owned(),
            hidden.count() as u64,
        );
        self.add(after, false);
    }
}

fn normalize(row: &[&str]) -> Vec<String> {
    let mut row: Vec<String> = row.iter().map(|&cell| cell.to_owned()).collect();
    for column in [0, 1] {
        row[column] = row[column].trim().to_lowercase();
    }
    row[2] = canonical(&row[2]).to_owned();
    row[3] = plays(&row[3]).map_or_else(String::new, |n| n.to_string());
    for column in [9, 10, 11, 12] {
        row[column] = category(&row[column]);
    }
    row
}

fn check(parameters: &str, seed: u64) -> super::Truth {
    let parameters: Synthetic = serde_json::from_str(parameters).unwrap();
    let mut text = Vec::new();
    let truth = write_csv(&parameters, seed, &mut text, &mut |_| ()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let count = Recount::of(&text);
    for defect in &truth.defects {
        let id = &defect.id;
        assert_eq!(Some(&defect.rows), count.rows.get(id), "{id}");
        if !defect.detail.is_empty() {
            assert_eq!(Some(&defect.detail), count.detail.get(id), "{id}");
        }
    }
    assert_eq!(truth.defects.len(), count.rows.len());
    let left: Vec<u64> = truth.funnel.iter().map(|step| step.left).collect();
    assert_eq!(left, count.funnel[1..]);
    assert_eq!(
        (truth.rows, truth.clean.rows),
        (count.funnel[0], count.funnel[4])
    );
    assert_eq!(
        (truth.clean.users, truth.clean.songs),
        (count.users, count.songs)
    );
    truth
}

#[test]
fn the_truth_is_what_a_recount_finds() {
    for seed in 0..3 {
        let truth = check("{}", seed);
        for defect in &truth.defects {
            let planted = !["flags.inconsistent", "user_id.distinct", "song_id.distinct"]
                .contains(&defect.id.as_str());
            assert_eq!(defect.rows > 0, planted, "{}", defect.id);
        }
    }
}

#[test]
fn the_truth_holds_where_defects_crowd() {
    // Few users, songs and days, so that spoiled rows meet by chance.
    check(
        r#"{"users": 4, "songs": 6, "artists": 3, "genres": 2, "days": 3, "rows": 6000,
        "mess": {"scale": 8.0, "event_labels": 0.1, "device_missing": 0.05}}"#,
        1,
    );
    check(
        r#"{"users": 20, "rows": 3000, "days": 7, "mess": {"user_guest": 0.9, "time_blank": 0.9,
        "song_unknown": 0.7, "duplicate_hidden": 0.15, "duplicate_exact": 0.3}}"#,
        2,
    );
    check(
        r#"{"users": 3, "rows": 40, "days": 90, "mess": {"scale": 4.0}}"#,
        3,
    );
    // Copies alone, which must differ in spelling though no spelling is asked for.
    check(
        r#"{"rows": 4000, "mess": {"event_labels": 0, "user_padding": 0, "user_upper_case": 0,
        "song_padding": 0, "song_upper_case": 0, "device_spelling": 0, "genre_case": 0,
        "duplicate_spelling": 0.4}}"#,
        4,
    );
}

#[test]
fn a_scale_of_zero_plants_nothing() {
    let truth = check(r#"{"rows": 5000, "mess": {"scale": 0.0}}"#, 5);
    let planted = truth.defects.iter().filter(|d| d.severity != "info");
    assert_eq!(planted.map(|d| d.rows).sum::<u64>(), 0);
    assert_eq!(truth.clean.rows, 5_000);
}

#[test]
fn a_rate_is_met() {
    for (rate, id, expected) in [
        ("user_padding", "user_id.whitespace", 0.3),
        ("song_zeros", "song_id.sentinel.s000000", 0.3),
        ("time_slashes", "timestamp.2025/09/31 12:61:00", 0.3 * 0.98),
        ("plays_word", "play_count.word", 0.3),
        ("seconds_negative", "listen_seconds.negative", 0.3),
        ("genre_missing", "genre.missing", 0.3),
        ("device_spelling", "device.case_or_spelling", 0.3 * 0.96),
        ("duplicate_exact", "row.duplicate.exact", 0.3),
    ] {
        let truth = check(
            &format!(r#"{{"rows": 20000, "mess": {{"{rate}": 0.3}}}}"#),
            6,
        );
        let share = truth.rows_with(id).unwrap() as f64 / 20_000.0;
        assert!((share - expected).abs() < 0.02, "{rate}: {share}");
    }
}

#[test]
fn the_recount_agrees_with_the_known_truth_of_the_sample() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let Ok(text) = std::fs::read_to_string(format!("{shared}/data/music_interactions_messy.csv"))
    else {
        assert!(
            std::env::var_os("MUSICREC_REQUIRE_SHARED").is_none(),
            "../shared is not there"
        );
        eprintln!("SKIPPED: ../shared is not there");
        return;
    };
    let golden = std::fs::read_to_string(format!("{shared}/golden/audit_truth.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let count = Recount::of(&text);
    let mut compared = 0;
    for defect in golden["defects"].as_array().unwrap() {
        let id = defect["id"].as_str().unwrap();
        if let Some(rows) = count.rows.get(id) {
            assert_eq!(Some(*rows), defect["rows"].as_u64(), "{id}");
            compared += 1;
        }
    }
    assert_eq!(compared, count.rows.len());
    assert_eq!(count.funnel, [5_180, 5_134, 5_080, 4_984, 4_809]);
    assert_eq!((count.users, count.songs), (220, 649));
}
