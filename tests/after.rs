//! What one does with a finished report folder: `rerun` and `verify`.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Lab, SMALL, log};
use serde_json::Value;

/// A lab whose `reports/small` is finished.
fn finished() -> Lab {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml", "--quiet"]);
    lab
}

/// Every file of the folder with its bytes.
fn bytes(lab: &Lab, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let files = lab.files(folder).into_iter();
    let read = |name: String| {
        let bytes = fs::read(lab.path(folder).join(&name)).expect("a file");
        (name, bytes)
    };
    files.map(read).collect()
}

/// The id of a record with this variant and role.
fn id_of(lab: &Lab, folder: &str, variant: &str, role: &str) -> String {
    let records = lab.records(folder);
    let is = |r: &&Value| r["run"]["variant"] == variant && r["result"]["role"] == role;
    let record = records.values().find(is).expect("such a record");
    record["id"].as_str().expect("an id").to_owned()
}

/// Changes the records of a folder.
fn change(lab: &Lab, name: &str, change: impl Fn(&mut Value)) {
    let path = lab.path(name);
    let mut record: Value = common::json(&path);
    change(&mut record);
    fs::write(&path, record.to_string()).expect("a record");
}

#[test]
fn a_record_alone_is_enough_to_run_its_trial_again() {
    let lab = finished();
    // No definition, another working directory, a copy of the folder with one record.
    fs::remove_file(lab.path("small.toml")).expect("a file");
    fs::create_dir_all(lab.path("elsewhere/x/records")).expect("a folder");
    fs::create_dir_all(lab.path("elsewhere/x/attachments")).expect("a folder");
    let id = id_of(&lab, "reports/small", "als", "test");
    let name = format!("records/{id}.json");
    let record = common::json(&lab.path("reports/small").join(&name));
    let copy = |name: &str| {
        let from = lab.path("reports/small").join(name);
        fs::copy(from, lab.path("elsewhere/x").join(name)).expect("a copy");
    };
    copy(&name);
    for attachment in record["result"]["attachments"]
        .as_object()
        .expect("some")
        .values()
    {
        copy(attachment.as_str().expect("a name"));
    }
    let before = bytes(&lab, "elsewhere/x");
    let arguments = ["rerun", "x", "--trial", &id[..6]];
    let output = lab
        .command(&arguments)
        .current_dir(lab.path("elsewhere"))
        .output();
    let ended = common::Ended::new(&arguments, &output.expect("the program")).expect(0);
    for phrase in [
        id.as_str(),
        "als (test)",
        "ndcg@3",
        "All numbers are equal bit for bit: 3 metrics, users, and the tables lists, per_user, segments.",
    ] {
        assert!(ended.out.contains(phrase), "{phrase}: {ended}");
    }
    assert!(!ended.out.contains("differs"), "{ended}");
    assert_eq!(before, bytes(&lab, "elsewhere/x"));
    let run = &record["run"];
    for key in ["commit", "rustc", "instructions", "base"] {
        assert!(run[key].as_str().is_some_and(|s| !s.is_empty()), "{key}");
    }
    assert!(run["seeds"]["fit"].as_u64().is_some());
}

#[test]
fn every_kind_of_trial_is_verified() {
    let lab = finished();
    let before = bytes(&lab, "reports/small");
    let ended = lab.done(&["verify", "reports/small", "--all"]);
    assert!(
        ended.out.contains("All 5 trials gave every number"),
        "{ended}"
    );
    assert!(ended.out.contains("all as they were written"), "{ended}");
    // What they share is done once.
    assert_eq!(ended.err.matches("reading and cleaning").count(), 1);
    assert_eq!(before, bytes(&lab, "reports/small"));
    // A sample says how it was drawn, and the same seed draws the same.
    let sample = || lab.done(&["verify", "reports/small", "--sample", "2", "--seed", "4"]);
    let (one, other) = (sample(), sample());
    assert!(one.out.contains("2 trials of 5, drawn by seed 4"), "{one}");
    let ids = |ended: &common::Ended| {
        let lines = ended.err.lines().filter(|l| l.contains("is equal"));
        let mut ids: Vec<String> = lines.map(|l| l[8..24].to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&one).len(), 2, "{one}");
    assert_eq!(ids(&one), ids(&other));
}

#[test]
fn alternatives_of_cleaners_periods_and_seeds_can_be_run_again() {
    let lab = Lab::new();
    lab.write("log.csv", log());
    let definition = SMALL
        .replace(
            "[splitter.global_time]\nvalidation = 0.2\ntest = 0.2\n",
            "[[cleaners]]\ngrid = [\"drop_duplicates\", \"off\"]\n\n[splitter.rolling_time]\nperiods = 2\n",
        )
        .replace("seeds = 1", "seeds = 2");
    lab.write("small.toml", definition);
    lab.done(&["sweep", "small.toml", "--quiet"]);
    let ended = lab.done(&["verify", "reports/small", "--all", "--quiet"]);
    assert!(ended.out.contains("bit for bit"), "{ended}");
    assert_eq!(ended.err, "");
    let records = lab.records("reports/small");
    let some = |holds: fn(&Value) -> bool| records.values().any(holds);
    assert!(some(|r| r["result"]["repeat"] == 1));
    assert!(some(|r| r["result"]["periods"].is_array()));
    assert!(some(
        |r| r["result"]["definition"]["compared_cleaners"].is_array()
    ));
}

#[test]
fn moved_data_is_named_and_changed_data_refused() {
    let lab = finished();
    let id = id_of(&lab, "reports/small", "popularity", "validation");
    fs::create_dir(lab.path("data")).expect("a folder");
    fs::rename(lab.path("log.csv"), lab.path("data/moved.csv")).expect("moved");
    let rerun = ["rerun", "reports/small", "--trial", &id];
    lab.run(&rerun).expect(3).says(&["log.csv", "--source"]);
    lab.done(&[&rerun[..], &["--source", "data/moved.csv"]].concat());
    fs::rename(lab.path("data/moved.csv"), lab.path("data/log.csv")).expect("moved");
    // The folder that it is in, and for all of them.
    lab.done(&["verify", "reports/small", "--source", "data", "--quiet"]);
    lab.write("data/log.csv", log().replacen("u1,", "u2,", 1));
    let changed = lab.run(&[&rerun[..], &["--source", "data"]].concat());
    changed
        .expect(3)
        .says(&["is not what the trial", &id, "sha256:"]);
    let odd = lab.run(&[&rerun[..], &["--source", "a", "--source", "b"]].concat());
    odd.expect(2).says(&["reads 1 file"]);
}

#[test]
fn other_code_and_odd_ids_are_refused_and_named() {
    let lab = finished();
    let rerun = |id: &str| lab.run(&["rerun", "reports/small", "--trial", id]);
    rerun("xyz")
        .expect(2)
        .says(&["no trial", "`xyz`", "records"]);
    rerun("").expect(2).says(&["the ids of 5 trials"]);
    lab.run(&["verify", "nowhere"])
        .expect(3)
        .says(&["holds no sweep"]);
    // A record of another revision has another id.
    let id = id_of(&lab, "reports/small", "als", "test");
    let path = format!("reports/small/records/{id}.json");
    let mut record = common::json(&lab.path(&path));
    record["result"]["revisions"]["model.als"] = 77.into();
    let key = ["role", "data", "definition", "revisions", "repeat"].map(|k| {
        let value = &record["result"][k];
        format!("\"{k}\":{value}")
    });
    let key = format!("{{{}}}", key.join(","));
    let other = sha256(&key)[..16].to_owned();
    record["id"] = other.clone().into();
    lab.write(
        &format!("reports/small/records/{other}.json"),
        record.to_string(),
    );
    rerun(&other)
        .expect(5)
        .says(&["model.als had revision 77 and has", "version 0.1.0"]);
    // What earlier code gave may lie beside what is verified.
    let ended = lab.done(&["verify", "reports/small", "--all", "--quiet"]);
    assert!(
        ended.out.contains("left out: 1 record of other code"),
        "{ended}"
    );
    assert!(ended.out.contains("All 5 trials"), "{ended}");
}

fn sha256(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn what_was_tampered_with_is_found() {
    let lab = finished();
    let verify = |more: &[&str]| lab.run(&[&["verify", "reports/small"], more].concat());
    let id = id_of(&lab, "reports/small", "als", "test");
    let name = format!("reports/small/records/{id}.json");
    let honest = fs::read(lab.path(&name)).expect("a record");
    // A number that no user's value contradicts is found by running.
    change(&lab, &name, |r| {
        let hit = r["result"]["users_hit"].as_u64().expect("a count");
        r["result"]["users_hit"] = (hit + 1).into();
    });
    verify(&["--sample", "0"]).expect(0);
    let ended = verify(&["--all", "--quiet"]).expect(1);
    assert!(ended.out.contains("users_hit: "), "{ended}");
    assert!(ended.out.contains("no matter of the machine"), "{ended}");
    // Another machine would explain it.
    change(&lab, &name, |r| r["run"]["instructions"] = "vax".into());
    let ended = verify(&["--all", "--quiet"]).expect(1);
    assert!(ended.out.contains("vax then"), "{ended}");
    let rerun = lab
        .run(&["rerun", "reports/small", "--trial", &id])
        .expect(1);
    assert!(rerun.out.contains("users_hit"), "{rerun}");
    rerun.says(&["instruction-set class"]);
    // A mean that is not that of the values is found without running.
    fs::write(lab.path(&name), &honest).expect("a record");
    change(&lab, &name, |r| {
        r["result"]["metrics"]["ndcg@3"] = 0.99.into();
    });
    let ended = verify(&["--sample", "0"]).expect(1);
    assert!(ended.out.contains("says 0.99 for ndcg@3"), "{ended}");
    // So are a changed attachment, a record under another name, and an experiment of other rules.
    fs::write(lab.path(&name), &honest).expect("a record");
    let record = common::json(&lab.path(&name));
    let lists = record["result"]["attachments"]["lists"]
        .as_str()
        .expect("a name");
    let path = lab.path("reports/small").join(lists);
    let text = fs::read_to_string(&path).expect("an attachment");
    fs::write(&path, text.replacen("s1", "s2", 1)).expect("an attachment");
    let ended = verify(&["--sample", "0"]).expect(1);
    assert!(
        ended.out.contains(lists) && ended.out.contains("is not what was written"),
        "{ended}"
    );
    fs::write(&path, text).expect("an attachment");
    fs::copy(
        lab.path(&name),
        lab.path("reports/small/records/0123456789abcdef.json"),
    )
    .expect("a copy");
    change(&lab, "reports/small/experiment.json", |e| {
        e["shared"]["seed"] = 99.into();
    });
    let ended = verify(&["--sample", "0"]).expect(1);
    assert!(
        ended.out.contains("records/0123456789abcdef.json: "),
        "{ended}"
    );
    assert!(ended.out.contains("name another: seed"), "{ended}");
}
