//! `fit` and `recommend`: what a sweep chose, kept in a file, gives the lists that the sweep gave.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use common::{Ended, Lab, experiment, set_path, shared};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};

/// Models of all shapes of scores, and a weighting that learns.
const MODELS: &str = r"
[model.item_knn]

[model.ease]
regularization = 10

[model.user_knn]

[model.pure_svd]
factors = 4

[model.bpr]
factors = 4
iterations = 5

[model.random]

[model.slim]

[model.p3_alpha]

[model.rp3_beta]

[recommendations]
count = 7
";

/// Models of times, columns and other models, and two of them that nest one that draws.
const TIMED: &str = r#"
[model.markov]
ahead = 2
session_gap_hours = 1

[model.recency_knn]
half_life_days = 0.1
similarity_half_life_days = 0.2

[model.segment_popularity]
columns = ["country", "artist_id"]
min_users = 2

[model.artist_top]

[[model.personal_top]]
label = "personal_top"
half_life_days = 0.1

[[model.personal_top]]
label = "personal_plain"

[model.recent_popularity]

[model.trending]
window_days = 0.1

[[model.blend]]
label = "blend"
of = [{ als = { factors = 4 } }, "markov", { item_knn = { neighbors = 9 } }]
weights = [0.5, 0.3, 0.2]

[[model.blend]]
label = "scores"
of = ["artist_top", { bpr = { factors = 4 } }]
by = "score"

[[model.fallback]]
label = "fallback"
of = [{ item_knn = { neighbors = 9 } }, "popularity"]
least = 19

[[model.fallback]]
label = "deep"
of = [{ blend = { of = ["pure_svd", "recency_knn"] } }, "user_knn", "segment_popularity"]
least = 19

[recommendations]
count = 7
"#;

/// The usual log with the country of each user and the artist of each item, where these are known.
fn with_columns() -> String {
    let mut text = "user_id,song_id,timestamp,country,artist_id\n".to_owned();
    for (row, (user, item)) in common::pairs(600).enumerate() {
        let country = ["DE", "FR", "US", ""][(user % 4) as usize];
        let artist = if item % 11 == 0 {
            String::new()
        } else {
            format!("a{}", item % 7)
        };
        let time = common::time(row);
        let _ = writeln!(text, "u{user},s{item},{time},{country},{artist}");
    }
    text
}

fn swept(weighting: &str, more: &str) -> Lab {
    let lab = Lab::small();
    let definition = common::SMALL.replace("[weighting.binary]", weighting);
    lab.write("small.toml", definition + more);
    lab.done(&["sweep", "small.toml"]);
    lab
}

/// The same on a log with more columns.
fn timed(weighting: &str, more: &str) -> Lab {
    let lab = Lab::new();
    lab.write("log.csv", with_columns());
    let definition = common::SMALL.replace("[weighting.binary]", weighting);
    lab.write("small.toml", definition + more);
    lab.done(&["sweep", "small.toml"]);
    lab
}

fn csv(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        row.iter().map(str::to_owned).collect()
    });
    rows.collect()
}

#[test]
fn lists_of_a_saved_model_are_those_of_the_sweep() {
    let lab = swept("[weighting.bm25]", MODELS);
    assert_eq!(lists_are_those_of_the_sweep(&lab), 11);
}

#[test]
fn lists_of_models_of_time_and_of_models_are_those_of_the_sweep() {
    let lab = timed("[weighting.log]", TIMED);
    assert_eq!(lists_are_those_of_the_sweep(&lab), 14);
}

/// Saves each variant, and how many there are.
fn lists_are_those_of_the_sweep(lab: &Lab) -> usize {
    let variants = common::json(&lab.path("reports/small/experiment.json"))["variants"].clone();
    let names: Vec<&str> = variants
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| variant["name"].as_str().unwrap())
        .collect();
    for name in &names {
        // The sweep exports the variant that is named.
        let setting = format!("recommendations.variant={name}");
        lab.done(&["sweep", "small.toml", "--set", &setting]);
        let exported = fs::read_to_string(lab.path("reports/small/recommendations.csv")).unwrap();
        lab.done(&["fit", "reports/small", "--out", "default.safetensors"])
            .says(&[name]);
        let fit = [
            "fit",
            "reports/small",
            "--variant",
            name,
            "--out",
            "named.safetensors",
            "--quiet",
        ];
        lab.done(&fit);
        let file = |name: &str| fs::read(lab.path(name)).unwrap();
        assert!(
            file("default.safetensors") == file("named.safetensors"),
            "{name}"
        );
        for threads in ["1", "2"] {
            let all = [
                "recommend",
                "--model",
                "named.safetensors",
                "--all",
                "--k",
                "7",
            ];
            let given = lab.done(&[&all[..], &["--threads", threads]].concat());
            assert!(given.out == exported, "{name}");
        }
    }
    names.len()
}

/// Asks the model that was saved last for lists of five.
fn ask(lab: &Lab, more: &[&str]) -> Ended {
    let all = ["recommend", "--model", "m.safetensors", "--k", "5"];
    lab.run(&[&all[..], more].concat())
}

/// Its lines for two people by their history, and for the same two, whom it has learned from.
fn told_and_known(lab: &Lab, name: &str) -> [Vec<Vec<String>>; 2] {
    let told = ask(lab, &["--history", "history.csv"]).expect(0);
    let known = ask(lab, &["--users", "u1,u2"]).expect(0);
    let [told, known] = [told, known].map(|ended| csv(&ended.out));
    assert_eq!((told.len(), known.len()), (10, 10), "{name}");
    [told, known]
}

/// The contributions of `--why` come to the scores.
#[test]
fn models_of_time_say_why_and_know_newcomers() {
    let lab = timed("[weighting.log]", TIMED);
    // The history of two who are known, under other names.
    let log = fs::read_to_string(lab.path("log.csv")).unwrap();
    let (header, rows) = log.split_once('\n').unwrap();
    let own = rows
        .lines()
        .filter(|row| row.starts_with("u1,") || row.starts_with("u2,"));
    let mut history = format!("{header}\n");
    for row in own {
        let _ = writeln!(history, "new-{row}");
    }
    lab.write("history.csv", history);
    for name in [
        "markov",
        "recency_knn",
        "segment_popularity",
        "artist_top",
        "personal_top",
        "personal_plain",
        "blend",
        "fallback",
        "deep",
    ] {
        let fit = ["fit", "reports/small", "--variant", name];
        lab.done(&[&fit[..], &["--out", "m.safetensors"]].concat());
        let ask = |more: &[&str]| ask(&lab, more);
        let [told, known] = told_and_known(&lab, name);
        // Factors of whoever is told of are solved for anew.
        if name != "blend" {
            for (told, known) in told.iter().zip(&known) {
                assert_eq!(told[0], format!("new-{}", known[0]), "{name}");
                assert_eq!(told[1..], known[1..], "{name}");
            }
        }
        let why = ["--all", "--why", "99", "--format", "jsonl"];
        if [
            "segment_popularity",
            "personal_top",
            "personal_plain",
            "blend",
            "deep",
        ]
        .contains(&name)
        {
            let no = format!("the model `{}` cannot say why", plugin(name));
            ask(&why).expect(2).says(&[&no]);
            continue;
        }
        let mut said = ask(&why).expect(0);
        if name == "fallback" {
            said = said.says(&["no reasons for", "lists"]);
        }
        let mut explained = 0;
        for line in said.out.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let parts = line["because"].as_array().unwrap();
            let sum: f64 = parts
                .iter()
                .map(|reason| reason["contribution"].as_f64().unwrap())
                .sum();
            let score = line["score"].as_f64().unwrap();
            explained += usize::from(!parts.is_empty());
            // Popularity that scores are mixed with is left of one, and all there is of a score of who is known too little.
            let whole = (sum - score).abs() < 1e-5 * score.abs().max(1.0);
            let mixed = name == "artist_top" && (sum..sum + 0.01).contains(&score);
            assert!(
                whole || mixed || name == "fallback" && parts.is_empty(),
                "{name}: {line}"
            );
        }
        assert!(explained > 20, "{name}: {explained}");
    }
}

/// What a label stands for.
fn plugin(label: &str) -> &str {
    match label {
        "personal_plain" => "personal_top",
        "deep" => "fallback",
        name => name,
    }
}

#[test]
fn a_history_that_weighs_nothing_says_so_and_may_have_what_is_popular() {
    let lab = Lab::new();
    let mut log = "user_id,song_id,timestamp,event_type\n".to_owned();
    for (row, (user, item)) in common::pairs(600).enumerate() {
        let kind = if row % 5 == 0 { "skip" } else { "play" };
        let _ = writeln!(log, "u{user},s{item},{},{kind}", common::time(row));
    }
    lab.write("log.csv", log);
    let definition = common::SMALL.replace("[weighting.binary]", "[weighting.event_strength]");
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml"]);
    let fit = ["fit", "reports/small", "--variant", "als"];
    lab.done(&[&fit[..], &["--out", "m.safetensors"]].concat());
    let history = "user,item,time,event\nsad,s1,1,skip\nsad,s2,2,skip\nhappy,s1,1,play\n";
    lab.write("history.csv", history);
    let ask = |more: &[&str]| {
        let all = ["recommend", "--model", "m.safetensors", "--k", "58"];
        lab.run(&[&all[..], &["--history", "history.csv"], more].concat())
    };
    let users = |ended: &Ended| -> Vec<String> {
        let mut users: Vec<String> = csv(&ended.out).iter().map(|row| row[0].clone()).collect();
        users.dedup();
        users
    };
    let said = ask(&[]).expect(1).says(&[
        "all that the history has of sad weighs 0",
        "--unknown popularity",
    ]);
    assert_eq!(users(&said), ["happy"]);
    let more = ["--unknown", "popularity", "--why"];
    let popular = ask(&more)
        .expect(0)
        .says(&["sad weighs 0", "most users heard"]);
    let mut both = users(&popular);
    both.sort();
    assert_eq!(both, ["happy", "sad"]);
    // What was heard is left out all the same.
    let rows = csv(&popular.out);
    let own: Vec<&Vec<String>> = rows.iter().filter(|row| row[0] == "sad").collect();
    assert_eq!(own.len(), 58);
    assert!(own.iter().all(|row| row[2] != "s1" && row[2] != "s2"));
    let scores = own.iter().map(|row| row[3].parse::<f64>().unwrap());
    assert!(
        scores.clone().is_sorted_by(|a, b| a >= b) && scores.max_by(f64::total_cmp) > Some(1.0)
    );
    // Where strengths do not matter, skips are a history like others.
    let fit = ["fit", "reports/small", "--variant", "popularity"];
    lab.done(&[&fit[..], &["--out", "m.safetensors"]].concat());
    assert_eq!(users(&ask(&[]).expect(0)).len(), 2);
}

#[test]
fn what_cannot_be_saved_is_said_before_it_is_fitted() {
    let lists = "[model.lists]\ntest = \"lists.csv\"\nvalidation = \"lists.csv\"\n\n[[model.blend]]\nlabel = \"mixed\"\nof = [\"popularity\", { lists = { test = \"lists.csv\", validation = \"lists.csv\" } }]\n";
    let lab = Lab::small();
    let mut text = "user,item,rank\n".to_owned();
    for user in 0..20 {
        let _ = writeln!(text, "u{user},s1,1\nu{user},s2,2");
    }
    lab.write("lists.csv", text);
    lab.write("small.toml", format!("{}\n{lists}", common::SMALL));
    lab.done(&["sweep", "small.toml"]);
    for (name, why) in [
        ("lists", "its lists are in a file already"),
        ("mixed", "of its models `lists`"),
    ] {
        let fit = [
            "fit",
            "reports/small",
            "--variant",
            name,
            "--out",
            "m.safetensors",
        ];
        let ended = lab.run(&fit).expect(2).says(&["cannot be saved", why]);
        assert!(!ended.err.contains("fitting"), "{ended}");
    }
}

#[test]
fn lists_of_real_listeners_are_those_of_the_sweep() {
    let Some(data) = shared("data/movielens_100k/ratings.tsv") else {
        return;
    };
    let lab = Lab::new();
    let path = set_path("source.csv.path", &data);
    let definition = experiment("movielens_100k");
    let settings = [
        "model.als.factors=16",
        "model.als.regularization=1.0",
        "model.als.alpha=1.0",
    ];
    let mut arguments = vec![
        "sweep",
        &definition,
        "--set",
        &path,
        "--set",
        "recommendations.count=20",
    ];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    lab.done(&arguments);
    let folder = "reports/movielens_100k";
    lab.done(&["fit", folder, "--out", "best.safetensors"]);
    let all = [
        "recommend",
        "--model",
        "best.safetensors",
        "--all",
        "--k",
        "20",
    ];
    let exported = fs::read_to_string(lab.path(folder).join("recommendations.csv")).unwrap();
    assert!(lab.done(&all).out == exported);
}

#[test]
fn users_are_answered_in_their_order_and_strangers_said() {
    let lab = swept("[weighting.binary]", "");
    lab.done(&[
        "fit",
        "reports/small",
        "--variant",
        "als",
        "--out",
        "m.safetensors",
    ]);
    let ask =
        |more: &[&str]| lab.run(&[&["recommend", "--model", "m.safetensors"][..], more].concat());
    let of = |ended: &Ended| -> Vec<String> {
        csv(&ended.out)
            .iter()
            .step_by(3)
            .map(|row| row[0].clone())
            .collect()
    };
    assert_eq!(of(&ask(&["--users", "u7,u1"]).expect(0)), ["u7", "u1"]);
    let some = ask(&["--users", "u1,nobody,u2"]).expect(1);
    assert_eq!(of(&some), ["u1", "u2"]);
    some.says(&[
        "the model has not learned from nobody",
        "--unknown popularity",
    ]);
    let all = ask(&["--users", "u1,nobody", "--unknown", "popularity"]).expect(0);
    assert_eq!(of(&all), ["u1", "nobody"]);
    lab.write("users.txt", "u3\r\n\nu4\n");
    assert_eq!(of(&ask(&["--users", "@users.txt"]).expect(0)), ["u3", "u4"]);
    let mut child = lab
        .command(&["recommend", "--model", "m.safetensors", "--users", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"u5\nu6\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(of(&Ended::new(&["recommend"], &output)), ["u5", "u6"]);
    ask(&["--users", "@none.txt"]).expect(3).says(&["none.txt"]);
    ask(&["--users", ","]).expect(2).says(&["names nobody"]);
    ask(&[]).expect(2).says(&["--users", "--all", "--history"]);
    ask(&["--all", "--users", "u1"]).expect(2).says(&["--all"]);
    // Heard songs are left out unless they are asked for.
    let heard = csv(&fs::read_to_string(lab.path("log.csv")).unwrap());
    let known = |row: &Vec<String>| heard.iter().any(|h| h[0] == row[0] && h[1] == row[2]);
    let masked = csv(&ask(&["--all", "--k", "60"]).expect(0).out);
    assert!(!masked.iter().any(known));
    let kept = csv(&ask(&["--all", "--k", "60", "--heard", "keep"])
        .expect(0)
        .out);
    assert!(kept.iter().any(known));
    assert_eq!(kept.len(), 20 * 60);
}

/// A row of a table by the names of its columns.
fn value(row: &Row) -> Value {
    let cells = row.get_column_iter().map(|(name, field)| {
        let value = match field {
            Field::Null => Value::Null,
            Field::Str(text) => json!(text),
            Field::Long(number) => json!(number),
            Field::Double(number) => json!(number),
            other => panic!("{name} holds {other}"),
        };
        (name.clone(), value)
    });
    Value::Object(cells.collect())
}

#[test]
fn all_forms_say_the_same() {
    let lab = swept("[weighting.binary]", MODELS);
    lab.done(&[
        "fit",
        "reports/small",
        "--variant",
        "item_knn",
        "--out",
        "m.safetensors",
    ]);
    let all = [
        "recommend",
        "--model",
        "m.safetensors",
        "--all",
        "--why",
        "2",
    ];
    let text = csv(&lab.done(&all).out);
    assert_eq!(text.len(), 60);
    assert_eq!(text[0].len(), 8);
    let lines = lab.done(&[&all[..], &["--format", "jsonl"]].concat()).out;
    lab.done(&[&all[..], &["--out", "lists.parquet"]].concat());
    let file = fs::File::open(lab.path("lists.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| value(&row.unwrap()));
    let rows: Vec<Value> = rows.collect();
    assert_eq!((lines.lines().count(), rows.len()), (60, 60));
    for ((csv, line), row) in text.iter().zip(lines.lines()).zip(rows) {
        let line: Value = serde_json::from_str(line).unwrap();
        let score: f64 = csv[3].parse().unwrap();
        assert_eq!(line["user"], csv[0]);
        assert_eq!(line["rank"].to_string(), csv[1]);
        assert_eq!(line["item"], csv[2]);
        assert_eq!(line["score"], score);
        for key in ["user", "rank", "item", "score"] {
            assert_eq!(row[key], line[key]);
        }
        let because = line["because"].as_array().unwrap();
        assert!(because.len() <= 2);
        for at in 0..2 {
            let (item, part) = (&csv[4 + 2 * at], &csv[5 + 2 * at]);
            let of_row = [
                &row[format!("because_{}", at + 1)],
                &row[format!("contribution_{}", at + 1)],
            ];
            let reason = because.get(at).cloned();
            let reason = reason.unwrap_or(json!({"item": null, "contribution": null}));
            assert_eq!(of_row, [&reason["item"], &reason["contribution"]]);
            assert_eq!(reason["item"].as_str().unwrap_or(""), item);
            assert_eq!(reason["contribution"].as_f64(), part.parse::<f64>().ok());
        }
    }
    // With all reasons, contributions are the score.
    let lines = lab
        .done(&[
            "recommend",
            "--model",
            "m.safetensors",
            "--all",
            "--why",
            "99",
            "--format",
            "jsonl",
        ])
        .out;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let parts = line["because"].as_array().unwrap().iter();
        let sum: f64 = parts
            .map(|reason| reason["contribution"].as_f64().unwrap())
            .sum();
        let score = line["score"].as_f64().unwrap();
        assert!((sum - score).abs() < 1e-5 * score.abs().max(1.0), "{line}");
    }
}

#[test]
fn newcomers_are_known_by_their_history() {
    let lab = swept("[weighting.log]", MODELS);
    // The history of two who are known, under other names: for a model of items they are the same people.
    let log = fs::read_to_string(lab.path("log.csv")).unwrap();
    let mut history = "user,item,time\n".to_owned();
    for row in csv(&log) {
        if row[0] == "u1" || row[0] == "u2" {
            let _ = writeln!(history, "new-{},{},{}", row[0], row[1], row[2]);
        }
    }
    lab.write("history.csv", &history);
    lab.write(
        "unknown.csv",
        format!("{history}stranger,s999,1700000000\n"),
    );
    lab.write("odd.csv", "who,item\nu1,s1\n");
    lab.write(
        "log_columns.csv",
        history.replace("user,item,time", "user_id,song_id,timestamp"),
    );
    for name in ["item_knn", "ease", "pure_svd", "slim", "popularity"] {
        lab.done(&[
            "fit",
            "reports/small",
            "--variant",
            name,
            "--out",
            "m.safetensors",
        ]);
        let ask = |more: &[&str]| ask(&lab, more);
        let [told, known] = told_and_known(&lab, name);
        for (told, known) in told.iter().zip(&known) {
            assert_eq!(told[0], format!("new-{}", known[0]), "{name}");
            let scores = [&told[3], &known[3]].map(|score| score.parse::<f64>().unwrap());
            assert!(
                (scores[0] - scores[1]).abs() <= 1e-4 * scores[1].abs().max(1e-3),
                "{name}: {told:?} {known:?}"
            );
        }
        let same = ask(&["--history", "log_columns.csv"]).expect(0);
        assert_eq!(csv(&same.out), told);
        let ended = ask(&["--history", "unknown.csv"]).expect(1);
        ended.says(&["1 event of the history left out", "stranger"]);
        let both = ask(&["--history", "history.csv", "--users", "u3,new-u1"]).expect(0);
        assert_eq!(csv(&both.out).len(), 10);
        ask(&["--history", "odd.csv"])
            .expect(3)
            .says(&["odd.csv", "no column `user`", "who"]);
        // There is no definition here, so there are no cleaners in it.
        lab.write("late.csv", "user,item,time\nnew,s1,yesterday\n");
        let ended = ask(&["--history", "late.csv"]).expect(3);
        assert!(!ended.err.contains("cleaner `"), "{ended}");
        ended.says(&[
            "late.csv: row 1, column `time`: `yesterday`",
            "mend the file",
        ]);
        lab.write("ragged.csv", "user,item,time\nnew,s1\n");
        let ended = ask(&["--history", "ragged.csv"]).expect(3);
        assert!(!ended.err.contains("source.csv"), "{ended}");
        ended.says(&[
            "line 2 (row 1): 2 cells where the header has 3",
            "mend the file",
        ]);
    }
    lab.done(&[
        "fit",
        "reports/small",
        "--variant",
        "bpr",
        "--out",
        "m.safetensors",
    ]);
    lab.run(&[
        "recommend",
        "--model",
        "m.safetensors",
        "--history",
        "history.csv",
    ])
    .expect(2)
    .says(&["the model `bpr` cannot answer for people it has not learned from"]);
    lab.run(&["recommend", "--model", "m.safetensors", "--all", "--why"])
        .expect(2)
        .says(&["the model `bpr` cannot say why"]);
}

#[test]
fn what_cannot_be_fitted_or_read_says_why() {
    let lab = swept("[weighting.binary]", "");
    let fit = |more: &[&str]| {
        lab.run(
            &[
                &["fit", "reports/small", "--out", "m.safetensors"][..],
                more,
            ]
            .concat(),
        )
    };
    fit(&["--variant", "asl"])
        .expect(2)
        .says(&["no variant `asl`", "is `als` meant?"]);
    fit(&["--trial", "zz"]).expect(2).says(&["no trial"]);
    lab.run(&["fit", "reports/none", "--out", "m.safetensors"])
        .expect(3)
        .says(&["reports/none"]);
    lab.run(&["fit", "reports/small", "--out", "none/m.safetensors"])
        .expect(4)
        .says(&["none"]);
    // Any trial of the folder, for instance one on validation that was not chosen.
    let records = lab.records("reports/small");
    let (id, record) = records
        .iter()
        .find(|(_, record)| record["result"]["role"] == "validation")
        .unwrap();
    fit(&["--trial", id.trim_end_matches(".json")])
        .expect(0)
        .says(&[record["run"]["variant"].as_str().unwrap()]);
    assert!(lab.path("m.safetensors").exists());
    // Data that has changed since would be another model.
    let log = fs::read_to_string(lab.path("log.csv")).unwrap();
    lab.write("log.csv", format!("{log}u1,s1,1800000000\n"));
    fit(&[])
        .expect(3)
        .says(&["is not what the trial", "--source"]);
    lab.write("moved/log.csv", log);
    fit(&["--source", "moved/log.csv"]).expect(0);
    lab.write("foreign.safetensors", "not a model");
    lab.run(&["recommend", "--model", "foreign.safetensors", "--all"])
        .expect(3)
        .says(&["foreign.safetensors is no model", "musicrec-lab fit"]);
}
