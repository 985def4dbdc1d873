//! What reports draw from beyond the leaderboard: example listeners, timeline, parameters, masked ids.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use common::{Lab, json, log, row};
use serde_json::Value;

/// Stands in every id of [`marked`].
const MARK: &str = "qzmarkqz";

/// Files that hold ids: what a report is drawn from, and what is made for those who know the users.
fn holds_ids(name: &str) -> bool {
    ["experiment.json", "recommendations.csv", "trials.jsonl"].contains(&name)
        || name.starts_with("attachments/")
}

/// A messy log, all ids of which hold the mark, and a definition that cleans it. Some rows have too many
/// cells, no user, or no time; so many are dropped that the report warns of it.
fn marked() -> Lab {
    let lab = Lab::new();
    let mut text = "user_id,song_id,timestamp\n".to_owned();
    for (row, line) in log().lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let (user, song, time) = (format!("{MARK}{}", cells[0]), cells[1], cells[2]);
        let _ = match row % 10 {
            0 => writeln!(text, " {} ,{MARK}{song},{time}", user.to_uppercase()),
            1 => writeln!(text, "{user},{MARK}{song},"),
            2 => writeln!(
                text,
                "{user},{MARK}{song},{time}\n{user},{MARK}{song},{time}"
            ),
            3 => writeln!(text, "{user},{MARK}{song},{time},one more"),
            4 => writeln!(text, "test,{MARK}{song},{time}"),
            5 => writeln!(text, "{MARK}-00000,{MARK}{song},{time}"),
            _ => writeln!(text, "{user},{MARK}{song},{time}"),
        };
    }
    lab.write("log.csv", text);
    lab.write(
        "marked.toml",
        r#"
        [source.csv]
        path = "log.csv"
        bad_rows = "drop"

        [[cleaners]]
        normalize_ids = {}
        [[cleaners]]
        parse_timestamps = { formats = ["unix"] }
        [[cleaners]]
        drop_missing = {}
        [[cleaners]]
        drop_duplicates = {}
        [[cleaners]]
        min_interactions = { items = 3, users = 1 }

        [splitter.global_time]
        validation = 0.2
        test = 0.2

        [weighting.binary]
        [model.popularity]
        [model.als]
        factors.grid = [4, 8]

        [evaluation]
        targets = "binary"
        null_rankings = 100
        resamples = 200
        seeds = 2
        "#,
    );
    lab
}

/// Every text file of a report folder that may be sent around, by name.
fn drawn(lab: &Lab, folder: &str) -> BTreeMap<String, String> {
    let names = lab.files(folder).into_iter();
    let drawn = names.filter(|name| !holds_ids(name));
    drawn
        .map(|name| {
            let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
            (name, String::from_utf8_lossy(&bytes).to_lowercase())
        })
        .collect()
}

#[test]
fn no_id_is_in_a_report_unless_the_definition_says_so() {
    let lab = marked();
    lab.done(&["sweep", "marked.toml"]);
    let folder = "reports/marked";
    let files = drawn(&lab, folder);
    assert!(files.contains_key("report.md") && files.contains_key("report.json"));
    for (name, text) in &files {
        assert!(!text.contains(MARK), "an id is in {name}");
    }
    // What is masked is there, and the folder itself keeps everything.
    let kept = fs::read_to_string(lab.path(folder).join("experiment.json")).expect("a file");
    assert!(kept.to_lowercase().contains(MARK));
    let masked = lab.report(folder);
    let said = masked["masked"].as_str().expect("what is not shown");
    assert!(
        said.contains("samples of what cleaning did are left out"),
        "{said}"
    );
    let users = masked["examples"]["users"].as_array().expect("users");
    let names: Vec<&str> = users.iter().filter_map(|u| u["user"].as_str()).collect();
    let numbered: Vec<String> = (1..=users.len()).map(|n| format!("user {n}")).collect();
    assert_eq!(names, numbered);

    // The same folder, drawn with ids: nothing runs, and the same users are shown.
    let records = lab.records(folder);
    let again = lab.done(&["sweep", "marked.toml", "--set", "report.show_ids=true"]);
    again.says(&["nothing to do"]);
    assert_eq!(lab.records(folder), records);
    let shown = lab.report(folder);
    assert_eq!(shown["examples_attachment"], masked["examples_attachment"]);
    assert_eq!(shown["identity"], masked["identity"]);
    assert!(shown["masked"].is_null());
    assert!(drawn(&lab, folder)["report.md"].contains(MARK));
    let rule = &masked["examples"]["rule"];
    assert_eq!(&shown["examples"]["rule"], rule);
    // Places by popularity name the same item everywhere.
    let items = |report: &Value| -> Vec<String> {
        let users = report["examples"]["users"]
            .as_array()
            .expect("users")
            .iter();
        let of = |user: &Value| -> Vec<String> {
            let history = user["history"].as_array().expect("a list").iter();
            let lists = user["lists"].as_array().expect("a list").iter();
            let listed = lists.flat_map(|list| list["items"].as_array().expect("a list"));
            let named = history.chain(listed).map(|of| of["item"].clone());
            let targets = user["targets"].as_array().expect("a list").iter().cloned();
            let all = named
                .chain(targets)
                .map(|item| item.as_str().expect("a text").to_owned());
            all.collect()
        };
        users.flat_map(of).collect()
    };
    let (numbers, ids) = (items(&masked), items(&shown));
    assert_eq!(numbers.len(), ids.len());
    let mut meaning = BTreeMap::new();
    for (number, id) in numbers.iter().zip(&ids) {
        assert!(
            number.starts_with("item ") && id.starts_with(MARK),
            "{number}: {id}"
        );
        assert_eq!(meaning.entry(number).or_insert(id), &id);
    }
}

/// The lines of an attachment of a record as maps from column to cell.
fn lines(lab: &Lab, folder: &str, record: &str, what: &str) -> Vec<BTreeMap<String, String>> {
    let folder = lab.path(folder);
    let record = json(&folder.join(format!("records/{record}.json")));
    let name = record["result"]["attachments"][what]
        .as_str()
        .expect("an attachment");
    let mut reader = csv::Reader::from_path(folder.join(name)).expect("a table");
    reader
        .deserialize()
        .map(|line| line.expect("a line"))
        .collect()
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("a text")).collect()
}

#[test]
fn examples_are_what_records_and_log_say() {
    let lab = Lab::small();
    let sweep = [
        "sweep",
        "small.toml",
        "--quiet",
        "--set",
        "report.show_ids=true",
    ];
    lab.done(&[&sweep[..], &["--set", "evaluation.seeds=2"]].concat());
    let folder = "reports/small";
    let report = lab.report(folder);
    let examples = &report["examples"];
    let metric = examples["metric"].as_str().expect("a metric");
    let compared = row(&report, examples["compared"].as_str().expect("a variant"));
    assert_eq!(compared["best_on_validation"], true);
    assert_ne!(examples["with"], examples["compared"]);
    let records = |variant: &str| texts(&row(&report, variant)["records"]);
    let value = |variant: &str, user: &str| -> f64 {
        let seeds = records(variant);
        let values = seeds.iter().map(|id| -> f64 {
            let lines = lines(&lab, folder, id, "per_user");
            let line = lines
                .iter()
                .find(|line| line["user"] == user)
                .expect("the user");
            line[metric].parse().expect("a number")
        });
        values.sum::<f64>() / seeds.len() as f64
    };
    let users = examples["users"].as_array().expect("users");
    assert!((3..=5).contains(&users.len()), "{}", users.len());
    let cut = report["cleanings"][0]["timeline"]["cuts"][1].clone();
    assert_eq!(cut["what"], "test");
    for user in users {
        let id = user["user"].as_str().expect("a user");
        let difference = value(examples["compared"].as_str().expect("a variant"), id)
            - value(examples["with"].as_str().expect("a variant"), id);
        assert!((user["difference"].as_f64().expect("a number") - difference).abs() < 1e-12);
        // The history is what stands in the log before the test part.
        let own: Vec<(String, i64)> = log()
            .lines()
            .skip(1)
            .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
            .filter(|cells| cells[0] == id)
            .map(|cells| (cells[1].clone(), cells[2].parse().expect("a time")))
            .filter(|(_, time)| *time < cut["time"].as_i64().expect("a time"))
            .collect();
        assert_eq!(user["history_events"].as_u64(), Some(own.len() as u64));
        let (item, time) = own.last().expect("a past");
        let last = &user["history"][0];
        assert_eq!(
            (&last["item"], last["time"].as_i64()),
            (&item.as_str().into(), Some(*time))
        );
        let times = own.iter().filter(|(other, _)| other == item).count();
        assert_eq!(last["times"].as_u64(), Some(times as u64));
        let targets = texts(&user["targets"]);
        assert!(!targets.is_empty());
        for list in user["lists"].as_array().expect("lists") {
            let variant = list["variant"].as_str().expect("a variant");
            assert!((list["value"].as_f64().expect("a number") - value(variant, id)).abs() < 1e-12);
            let all = lines(&lab, folder, records(variant)[0], "lists");
            let own = all.iter().filter(|line| line["user"] == id).take(3);
            let own: Vec<(&str, bool)> = own
                .map(|line| {
                    (
                        line["item"].as_str(),
                        targets.contains(&line["item"].as_str()),
                    )
                })
                .collect();
            let items = list["items"].as_array().expect("items").iter();
            let said = items.map(|i| (i["item"].as_str().expect("an item"), i["hit"] == true));
            assert_eq!(said.collect::<Vec<_>>(), own);
        }
        let variants = report["leaderboard"].as_array().expect("rows").len();
        assert_eq!(user["lists"].as_array().expect("lists").len(), variants);
    }
    // The largest gain is the largest of all.
    let (first, second) = (examples["compared"].as_str(), examples["with"].as_str());
    let best = users[0]["difference"].as_f64().expect("a number");
    for line in lines(&lab, folder, records("popularity")[0], "per_user") {
        let of = |variant: Option<&str>| value(variant.expect("a variant"), &line["user"]);
        assert!(of(first) - of(second) <= best + 1e-12);
    }
}

#[test]
fn a_variant_alone_is_compared_with_chance() {
    let lab = Lab::small();
    let alone = [
        "sweep",
        "small.toml",
        "--quiet",
        "--only",
        "model=popularity",
    ];
    lab.done(&alone);
    let report = lab.report("reports/small");
    let examples = &report["examples"];
    assert_eq!(examples["with"], "(random ranking)");
    assert_eq!(report["differing"], Value::Array(Vec::new()));
    let chance = &report["cleanings"][0]["floor"]["metrics"]["ndcg@3"]["expected"];
    let user = &examples["users"][0];
    let value = user["lists"][0]["value"].as_f64().expect("a number");
    let difference = user["difference"].as_f64().expect("a number");
    assert!((value - chance.as_f64().expect("a number") - difference).abs() < 1e-12);
}

#[test]
fn a_damaged_attachment_of_examples_is_found_and_comes_back() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet"]);
    let folder = "reports/small";
    let report = lab.report(folder);
    let name = report["examples_attachment"].as_str().expect("a name");
    let path = lab.path(folder).join(name);
    let whole = fs::read_to_string(&path).expect("the attachment");
    fs::write(&path, whole.replace("gain", "pain")).expect("a file");
    let verify = lab.run(&["verify", folder, "--sample", "1"]).expect(1);
    assert!(format!("{verify}").contains(name), "{verify}");
    lab.done(&["sweep", "small.toml", "--quiet"]);
    assert_eq!(fs::read_to_string(&path).expect("the attachment"), whole);
    assert_eq!(lab.report(folder)["examples"], report["examples"]);
}

#[test]
fn a_folder_without_examples_is_drawn_without_them() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet"]);
    let path = lab.path("reports/small/experiment.json");
    let mut overview = json(&path);
    overview
        .as_object_mut()
        .expect("a table")
        .remove("examples_attachment");
    fs::write(&path, overview.to_string()).expect("a file");
    lab.done(&["sweep", "small.toml", "--quiet"]);
    assert!(lab.report("reports/small")["examples"].is_null());
    let text = fs::read_to_string(lab.path("reports/small/report.md")).expect("a file");
    assert!(!text.contains("## Example listeners"));
    assert!(text.contains("## What differs between variants"));
}

#[test]
fn trials_tell_their_parameters_and_the_timeline_holds_every_event() {
    let lab = Lab::small();
    let mut sweep = vec!["sweep", "small.toml", "--quiet"];
    sweep.extend(["--set", "weighting={grid=[\"binary\",\"plays\"]}"]);
    lab.done(&sweep);
    let report = lab.report("reports/small");
    let trials = report["trials"].as_array().expect("trials");
    let indices: Vec<u64> = trials.iter().filter_map(|t| t["index"].as_u64()).collect();
    assert_eq!(indices, (0..trials.len() as u64).collect::<Vec<_>>());
    let als: Vec<String> = trials
        .iter()
        .filter(|trial| trial["variant"] == "als")
        .map(|trial| trial["parameters"].to_string())
        .collect();
    let of = |factors: u32, weighting: &str| {
        format!(
            r#"[{{"name":"factors","value":{factors}}},{{"name":"weighting","value":"{weighting}"}}]"#
        )
    };
    let mut expected = [
        of(4, "binary"),
        of(4, "plays"),
        of(8, "binary"),
        of(8, "plays"),
    ];
    let mut found = als;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let differing = report["differing"].as_array().expect("a list");
    let model = differing.iter().find(|d| d["parameter"] == "model");
    assert_eq!(texts(&model.expect("the model")["values"]).len(), 2);
    for row in report["leaderboard"].as_array().expect("rows") {
        assert_eq!(row["definition"]["seed"], 3);
        if cfg!(target_os = "linux") {
            assert!(
                row["peak_bytes"]
                    .as_u64()
                    .is_some_and(|bytes| bytes > 1_000_000)
            );
            assert!(row["fit_cpu_seconds"].as_f64().is_some_and(|s| s >= 0.0));
        }
    }
    let events = |report: &Value| -> u64 {
        let parts = report["cleanings"][0]["timeline"]["parts"]
            .as_array()
            .expect("parts")
            .iter();
        let counts = parts.flat_map(|part| part["events"].as_array().expect("counts"));
        counts.filter_map(Value::as_u64).sum()
    };
    assert_eq!(events(&report), 600);
    // The parts of a random split lie over one another, and nothing is cut.
    let other = [
        "sweep",
        "small.toml",
        "--quiet",
        "--set",
        "splitter=random",
        "--set",
        "name=other",
    ];
    lab.done(&other);
    let report = lab.report("reports/other");
    assert_eq!(events(&report), 600);
    assert_eq!(
        report["cleanings"][0]["timeline"]["cuts"],
        Value::Array(Vec::new())
    );
}

#[test]
fn the_time_of_a_sweep_is_its_own() {
    let lab = Lab::small();
    // A shell that works before it becomes the lab, as `cargo run` does.
    let command = format!(
        "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; before=$(cut -d' ' -f14 /proc/$$/stat); \
         echo $before; exec '{}' sweep small.toml --quiet",
        env!("CARGO_BIN_EXE_musicrec-lab")
    );
    if !cfg!(target_os = "linux") {
        return;
    }
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(lab.path("."))
        .env("MUSICREC_CACHE", "off")
        .output()
        .expect("a shell");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let ticks: f64 = out.lines().next().expect("a line").parse().expect("ticks");
    let report = lab.report("reports/small");
    let (cpu, wall) = (
        &report["provenance"]["cpu_seconds"],
        &report["provenance"]["wall_seconds"],
    );
    let cpu = cpu.as_f64().expect("processor time");
    let wall = wall.as_f64().expect("time");
    // No more than all processors could do meanwhile; what the shell did is beyond that.
    let processors = std::thread::available_parallelism()
        .expect("processors")
        .get() as f64;
    assert!(ticks > 5.0, "the shell worked for {ticks} ticks only");
    assert!(
        cpu <= wall * processors + 0.05,
        "{cpu} s in {wall} s after {ticks} ticks"
    );
}
