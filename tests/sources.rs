//! The definitions in `experiments/sources`, on small files of the shapes that they are for.

mod common;

use std::fmt::Write as _;

use common::{Lab, experiment, pairs, time};

const QUICK: [&str; 4] = [
    "--set",
    "evaluation.null_rankings=100",
    "--set",
    "evaluation.resamples=100",
];

/// A folder with a copy of the definition of that name, to which its paths are relative.
fn with_definition(name: &str) -> Lab {
    let lab = Lab::new();
    let text =
        std::fs::read_to_string(experiment(&format!("sources/{name}"))).expect("a definition");
    lab.write("experiment.toml", text);
    lab
}

/// What the terminal shows of a sweep.
fn swept(lab: &Lab, more: &[&str]) -> String {
    let arguments = ["sweep", "experiment.toml", "--out", "out"];
    let ended = lab.done(&[&arguments, &QUICK[..], more].concat());
    ended.out + &ended.err
}

/// Rows in, dropped and out of a step, as the terminal shows them.
fn step<'t>(shown: &'t str, name: &str) -> Vec<&'t str> {
    let line = shown
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no step {name} in:\n{shown}"));
    line.split('|').skip(2).take(3).map(str::trim).collect()
}

#[test]
fn histories_of_spotify() {
    let lab = with_definition("spotify_history");
    for person in ["anna", "ben"] {
        let mut entries = Vec::new();
        for (row, (_, item)) in pairs(600).enumerate() {
            let ts = musicrec_api::time_text(time(row) as i64);
            let uri = if row % 50 == 0 {
                "null".to_owned()
            } else {
                format!("\"spotify:track:{item}\"")
            };
            entries.push(format!(
                r#"  {{
    "ts": "{ts}",
    "platform": "ios",
    "ms_played": {},
    "conn_country": "DE",
    "ip_addr": "203.0.113.1",
    "master_metadata_track_name": "Song {item}",
    "master_metadata_album_artist_name": "Artist {}",
    "master_metadata_album_album_name": "Album",
    "spotify_track_uri": {uri},
    "episode_name": null,
    "episode_show_name": null,
    "spotify_episode_uri": null,
    "reason_start": "trackdone",
    "reason_end": "trackdone",
    "shuffle": false,
    "skipped": null,
    "offline": false,
    "offline_timestamp": null,
    "incognito_mode": false
  }}"#,
                if row % 10 == 0 { 1000 } else { 180_000 },
                item % 7,
            ));
        }
        for (part, entries) in entries.chunks(300).enumerate() {
            let name = format!("{person}/Streaming_History_Audio_2023_{part}.json");
            lab.write(&name, format!("[\n{}\n]", entries.join(",\n")));
        }
    }
    let shown = swept(&lab, &[]);
    // Of 1,200 streams 120 were broken off, the 24 without a track among them.
    assert_eq!(step(&shown, "json_lines"), ["1,200", "0", "1,200"]);
    assert_eq!(step(&shown, "limit_range"), ["1,200", "120", "1,080"]);
}

#[test]
fn dumps_of_listenbrainz() {
    let lab = with_definition("listenbrainz");
    let mut months = [String::new(), String::new()];
    for (row, (user, item)) in pairs(1200).enumerate() {
        writeln!(
            months[row / 600],
            r#"{{"user_id":{user},"user_name":"name {user}","timestamp":{},"track_metadata":{{"track_name":"Song {item}","artist_name":"A","additional_info":{{"tags":[]}}}},"recording_msid":"{item}-msid"}}"#,
            time(row)
        )
        .expect("text");
    }
    for (month, text) in months.iter().enumerate() {
        lab.write(&format!("listens/2025/{}.listens", month + 1), text);
    }
    let few = ["--set", "model.als.factors=8"];
    let shown = swept(&lab, &few);
    assert_eq!(step(&shown, "json_lines"), ["1,200", "0", "1,200"]);
    assert_eq!(step(&shown, "drop_duplicates"), ["1,200", "0", "1,200"]);
}
