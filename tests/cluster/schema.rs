//! The JSON Schema of cluster files: fresh, and of the same mind as the lab about what is valid.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use jsonschema::Validator;
use musicrec_api::{Kind, Registration, registrations};
use serde_json::{Value, json};

use crate::common::Lab;
use crate::{derived, parse, project};

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let program = env!("CARGO_BIN_EXE_musicrec-lab");
    let ended = Command::new(program).args(["schema", "--cluster"]).output();
    let ended = ended.expect("runs");
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).expect("text")
});

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&TEXT).expect("JSON"));

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&SCHEMA).expect("a schema"));

fn faults(file: &Value) -> Vec<String> {
    VALIDATOR
        .iter_errors(file)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

fn launchers() -> impl Iterator<Item = &'static Registration> {
    let all = registrations().into_iter();
    all.filter(|plugin| plugin.kind == Kind::Launcher)
}

/// Rewritten by `UPDATE=1 cargo test`.
#[test]
fn the_committed_schema_is_up_to_date() {
    let path = project("experiments/cluster.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &*TEXT).expect("written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == *TEXT,
        "experiments/cluster.schema.json is stale: run UPDATE=1 cargo test"
    );
    if let Err(fault) = jsonschema::meta::validate(&SCHEMA) {
        panic!("{}: {fault}", fault.instance_path());
    }
}

#[test]
fn defaults_and_examples_are_accepted_and_misspelt_settings_are_not() {
    let mut tried = 0;
    for plugin in launchers() {
        let schema = derived(plugin);
        let with = |settings: Value| json!({ "launcher": { plugin.name: settings } });
        assert_eq!(faults(&with(json!({}))), [""; 0], "{}", plugin.name);
        for (name, parameter) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(default) = parameter.get("default").filter(|d| !d.is_null()) {
                let file = with(json!({ name: default }));
                assert_eq!(faults(&file), [""; 0], "{}.{name}", plugin.name);
            }
            let wrong = format!("{name}z");
            let found = faults(&with(json!({ &wrong: 1 })));
            assert!(
                found.iter().any(|fault| fault.contains(&wrong)),
                "{}.{wrong}",
                plugin.name
            );
            tried += 1;
        }
        let docs = schema["description"].as_str().expect("docs");
        let blocks: Vec<&str> = docs.split("```toml\n").skip(1).collect();
        assert!(!blocks.is_empty(), "{} has no example", plugin.name);
        for block in blocks {
            let file = parse(block.split("```").next().expect("an end"));
            assert_eq!(faults(&file), [""; 0], "{}", plugin.name);
        }
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn every_setting_is_explained() {
    for plugin in launchers() {
        let table = &SCHEMA["definitions"][format!("launcher.{}", plugin.name)];
        assert!(table["description"].is_string(), "{}", plugin.name);
        for (name, setting) in table["properties"].as_object().into_iter().flatten() {
            assert!(setting["description"].is_string(), "{}.{name}", plugin.name);
        }
    }
}

/// Cluster files, whether they are right, and what the schema finds.
const FILES: &[(&str, Option<&str>)] = &[
    (
        "[launcher.slurm]\ntime = \"2:00:00\"\ncpus = 4\noptions = [\"-N1\"]\n[launcher.ray]\nmem = \"8G\"\n[launcher.local]\n",
        None,
    ),
    ("", None),
    ("launcher = \"slurm\"\n", None),
    ("[launcher.slurm]\ncpus = 0\n", Some("/launcher/slurm/cpus")),
    (
        "[launcher.slurm]\nsetup = \"module load gcc\"\n",
        Some("/launcher/slurm/setup"),
    ),
    ("[launcher.slrum]\ncpus = 1\n", Some("slrum")),
    (
        "[launcher.ray]\nretries = -1\n",
        Some("/launcher/ray/retries"),
    ),
    (
        "[launcher.ray]\ncpus.grid = [1, 2]\n",
        Some("/launcher/ray/cpus"),
    ),
    ("[launchers.slurm]\n", Some("launchers")),
    ("name = \"a\"\n[source.csv]\npath = \"a\"\n", Some("source")),
];

#[test]
fn the_lab_is_of_the_same_mind() {
    let lab = Lab::small();
    for (text, wrong) in FILES {
        let found = faults(&parse(text));
        match wrong {
            None => assert_eq!(found, [""; 0], "{text}"),
            Some(named) => assert!(found.iter().any(|f| f.contains(named)), "{text}: {found:?}"),
        }
        lab.write("cluster.toml", text);
        let ended = lab.run(&[
            "plan",
            "small.toml",
            "--launcher",
            "slurm",
            "--cluster",
            "cluster.toml",
        ]);
        assert_eq!(ended.code == 0, wrong.is_none(), "{text}: {ended}");
    }
}
