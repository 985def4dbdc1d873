//! The JSON Schema of definitions: fresh, and of the same mind as the lab about what is valid.

#[path = "cluster/schema.rs"]
mod cluster;
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::Lab;
use jsonschema::Validator;
use musicrec_api::{Kind, Registration, registrations};
// Links the built-in plugins.
use musicrec_lab as _;
use serde_json::{Value, json};

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let program = env!("CARGO_BIN_EXE_musicrec-lab");
    let ended = Command::new(program).arg("schema").output().expect("runs");
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).expect("text")
});

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&TEXT).expect("JSON"));

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&SCHEMA).expect("a schema"));

fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// All TOML files of a folder, by name.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = fs::read_dir(project(folder))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read_to_string(&path).expect("text"))
        })
        .collect();
    all.sort();
    assert!(!all.is_empty(), "{folder} is empty");
    all
}

/// As editors see TOML: dates are texts.
fn to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.iter().map(to_json).collect(),
        toml::Value::Table(map) => map.iter().map(|(k, v)| (k.clone(), to_json(v))).collect(),
        scalar => serde_json::to_value(scalar).expect("plain data"),
    }
}

fn parse(text: &str) -> Value {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    to_json(&toml::Value::Table(table))
}

/// What is wrong, each with its place.
fn faults(definition: &Value) -> Vec<String> {
    VALIDATOR
        .iter_errors(definition)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

/// A definition with one table of a plugin.
fn with(plugin: &Registration, parameters: &Value) -> Value {
    let name = plugin.name;
    let mut definition = json!({ "source": "synthetic", "model": "popularity" });
    match plugin.kind {
        Kind::Cleaner => definition["cleaners"] = json!([{ name: parameters }]),
        Kind::Metric => definition["evaluation"] = json!({ "metrics": [{ name: parameters }] }),
        kind => definition[kind.key()] = json!({ name: parameters }),
    }
    definition
}

/// The schema of a plugin's table as `schemars` makes it, which the lab's own knows nothing of.
fn derived(plugin: &Registration) -> Value {
    let mut generator = schemars::SchemaGenerator::default();
    (plugin.schema)(&mut generator).to_value()
}

/// The least table that the plugin takes.
fn required(plugin: &Registration) -> Value {
    let schema = derived(plugin);
    let required = schema["required"].as_array().into_iter().flatten();
    let values = required.map(|name| {
        let name = name.as_str().expect("a name").to_owned();
        let value = match schema["properties"][&name]["type"].as_str() {
            Some("string") => json!("x"),
            Some("object") => json!({}),
            Some("array") => json!(["x"]),
            other => panic!("{}.{name}: no sample for {other:?}", plugin.name),
        };
        (name, value)
    });
    values.collect()
}

/// Rewritten by `UPDATE=1 cargo test`.
#[test]
fn the_committed_schema_is_up_to_date() {
    let path = project("experiments/experiment.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &*TEXT).expect("written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == *TEXT,
        "experiments/experiment.schema.json is stale: run UPDATE=1 cargo test"
    );
}

#[test]
fn it_is_a_schema_of_draft_7() {
    assert_eq!(SCHEMA["$schema"], "http://json-schema.org/draft-07/schema#");
    if let Err(fault) = jsonschema::meta::validate(&SCHEMA) {
        panic!("{}: {fault}", fault.instance_path());
    }
}

#[test]
fn every_experiment_names_the_schema_and_is_valid() {
    for (name, text) in files("experiments") {
        let first = text.lines().next();
        assert_eq!(first, Some("#:schema ./experiment.schema.json"), "{name}");
        assert_eq!(faults(&parse(&text)), [""; 0], "{name}");
    }
}

/// Definitions in `tests/faults` all of whose faults no schema can see, by the reason.
const UNSEEN: &[(&str, &[&str])] = &[
    (
        "two values say it together",
        &[
            "csv_both",
            "csv_header_and_columns",
            "csv_neither",
            "depth_of_default_metrics",
            "event_strength_twice",
            "map_labels_contradictions",
            "metrics_deeper_than_the_ranking",
            "metrics_twice_through_an_axis",
            "same_variant_through_a_grid",
            "same_variant_twice",
            "search_axes_without_search",
            "search_early_stopping_and_others",
            "search_early_stopping_of_nothing",
            "search_halving_and_exhibit",
            "search_halving_of_nothing",
            "search_halving_without_validation",
            "search_of_nothing",
            "search_of_too_much",
            "search_without_validation",
            "shares_sum",
            "shares_sum_with_a_default",
            "validation_missing",
            "validation_missing_for_a_weighting",
            "zip_lengths",
        ],
    ),
    (
        "it names something that is elsewhere",
        &[
            "chosen_names_of_nothing",
            "published_names",
            "rules_of_what_is_left",
            "select_by",
            "select_neither",
            "select_nothing",
        ],
    ),
    (
        "it is a matter of what columns the log has, and of two parameters together",
        &["metrics_columns"],
    ),
    (
        "it is a matter of files",
        &[
            "cleaners_missing_columns",
            "csv_columns",
            "csv_delimiter",
            "csv_folder",
            "csv_nowhere",
            "csv_parts_of_no_column",
            "csv_several_files",
            "csv_two_parts_on_a_column",
            "include_itself",
            "include_not_toml",
            "without_times",
        ],
    ),
];

#[test]
fn every_faulty_definition_is_refused() {
    let unseen = |name: &str| UNSEEN.iter().find(|(_, names)| names.contains(&name));
    let files = files("tests/faults");
    let mut refused = 0;
    for (name, text) in &files {
        // What is no TOML is marked by editors without a schema.
        let Ok(table) = toml::from_str(text) else {
            assert!(
                unseen(name).is_none(),
                "{name} is no TOML: take it out of UNSEEN"
            );
            continue;
        };
        let found = faults(&to_json(&toml::Value::Table(table)));
        match unseen(name) {
            None => assert!(
                !found.is_empty(),
                "tests/faults/{name}.toml passes: let the schema see the fault, or add it to UNSEEN with \
                 the reason why none can"
            ),
            Some((why, _)) => assert!(
                found.is_empty(),
                "{name} is refused, though {why}: take it out of UNSEEN\n{found:?}"
            ),
        }
        refused += usize::from(!found.is_empty());
    }
    assert!(refused > 10, "{refused}");
    for name in UNSEEN.iter().flat_map(|(_, names)| *names) {
        assert!(
            files.iter().any(|f| f.0 == *name),
            "{name} is gone: take it out of UNSEEN"
        );
    }
}

/// Plugins that a definition may name: launchers stand in a cluster file, which the lab checks itself.
fn of_definitions() -> impl Iterator<Item = &'static Registration> {
    let all = registrations().into_iter();
    all.filter(|plugin| plugin.kind != Kind::Launcher)
}

#[test]
fn every_default_is_accepted() {
    for plugin in of_definitions() {
        let least = required(plugin);
        assert_eq!(faults(&with(plugin, &least)), [""; 0], "{}", plugin.name);
        let schema = derived(plugin);
        for (name, parameter) in schema["properties"].as_object().into_iter().flatten() {
            let Some(default) = parameter.get("default").filter(|d| !d.is_null()) else {
                continue;
            };
            let mut table = least.clone();
            table[name] = default.clone();
            let what = format!("{}.{name} = {default}", plugin.name);
            assert_eq!(faults(&with(plugin, &table)), [""; 0], "{what}");
            if [Kind::Source, Kind::Splitter].contains(&plugin.kind) {
                table[name] = json!({ "grid": [default] });
                assert_ne!(faults(&with(plugin, &table)), [""; 0], "{what} as a grid");
                continue;
            }
            table[name] = json!({ "grid": [default, default] });
            assert_eq!(faults(&with(plugin, &table)), [""; 0], "{what} as a grid");
            let mut zipped = least.clone();
            zipped["zip"] = json!({ name: [default] });
            assert_eq!(faults(&with(plugin, &zipped)), [""; 0], "{what} in a zip");
        }
    }
}

#[test]
fn every_misspelt_parameter_is_refused() {
    let mut tried = 0;
    for plugin in of_definitions() {
        let schema = derived(plugin);
        for name in schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|p| p.0)
        {
            let mut wrong: Vec<char> = name.chars().collect();
            wrong.push('z');
            let mut swapped: Vec<char> = name.chars().collect();
            swapped.reverse();
            for wrong in [wrong, swapped] {
                let wrong: String = wrong.into_iter().collect();
                if schema["properties"].get(&wrong).is_some() || wrong == *name {
                    continue;
                }
                let mut table = required(plugin);
                table[&wrong] = json!(1);
                let found = faults(&with(plugin, &table));
                assert!(
                    found.iter().any(|f| f.contains(&wrong)),
                    "{}.{wrong}",
                    plugin.name
                );
                tried += 1;
            }
        }
        let mut definition = with(plugin, &required(plugin));
        definition["sede"] = json!(1);
        assert_ne!(faults(&definition), [""; 0]);
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn every_parameter_left_out_though_required_is_missed() {
    for plugin in of_definitions() {
        let least = required(plugin);
        for name in least.as_object().into_iter().flatten().map(|p| p.0) {
            let mut table = least.clone();
            table.as_object_mut().expect("a table").remove(name);
            let found = faults(&with(plugin, &table));
            assert!(
                found.iter().any(|f| f.contains(name)),
                "{}.{name}",
                plugin.name
            );
        }
    }
}

#[test]
fn every_example_of_the_docs_is_accepted() {
    for plugin in of_definitions() {
        let schema = derived(plugin);
        let docs = schema["description"].as_str().expect("docs");
        let blocks: Vec<&str> = docs.split("```toml\n").skip(1).collect();
        assert!(!blocks.is_empty(), "{} has no example", plugin.name);
        for block in blocks {
            let mut definition = parse(block.split("```").next().expect("an end"));
            for (key, value) in [("source", "synthetic"), ("model", "popularity")] {
                if definition.get(key).is_none() {
                    definition[key] = value.into();
                }
            }
            assert_eq!(faults(&definition), [""; 0], "{}", plugin.name);
        }
    }
}

/// All that the language of definitions has, where it may stand.
const GRAMMAR: &str = r#"
include = ["common.toml"]
name = "all_of_it"
seed = 3

[source.synthetic]
start = 2025-09-01
mess.scale = 0.5

[[cleaners]]
parse_numbers = { columns.grid = [["play_count"], ["listen_seconds"]] }

[[cleaners]]
grid = ["drop_duplicates", { drop_duplicates = { by = "event" } }, "off"]

[[cleaners]]
keep_rows = { zip = { column = ["device", "country"], values = [["ios"], ["DE"]] } }

[[cleaners]]
drop_duplicates = { by = ["user_id"], keep.grid = ["first", "last"] }

[splitter.global_time]
test = 0.2

[weighting.binary]

[weighting.bm25]
of.grid = ["plays", { plays = { cap.grid = [1, 2] } }, { log = { of = "plays" } }]
k1 = { range = [1.0, 100.0], scale = "log10" }
b = { range = [0.1, 0.9], steps = 5 }
documents.grid = ["items", "users"]

[[weighting.event_strength]]
events = { share = 1.5, other = { grid = [1, 2] } }

[[weighting.event_strength]]
events.grid = [{ share = 1 }, {}]
zip = { like = [1, 2], skip = { range = [-2, -1], steps = 2 } }

[model.popularity]
by.grid = ["users", "plays"]

[search.random]
trials = 12
seed = 4

[search.halving]
resource = "users"
reduction = 2.5
least = 0.125

[[model.als]]
label = "small one"
regularization = { log_uniform = [0.001, 1.0] }
iterations = { uniform = [3, 9] }
factors = { range = [8, 128], scale = "log2" }
alpha = { range = [1, 10], scale = "log2", steps = 3 }
solver = "conjugate_gradients"
scale_regularization_by_counts.grid = [true, false]

[[model.als]]
zip = { factors = [8, 16], iterations = [3, 4] }

[evaluation]
metrics = ["ndcg@10", { recall = { k.grid = [1, 3] } }, { grid = ["precision", "off"] }]
compare = ["model", "weighting", "cleaners"]
select = "ndcg@10"
targets = { log = { of.plays = { cap = 3 } } }
depth = 50
heard = "keep"
cold_items = "drop"
refit = false
seeds = 10
validation_seeds = 3
min_effect = 0.001
correction = "benjamini_hochberg"
exhibit_test = false
null_rankings = 100
resamples = 1000000

[recommendations]
variant = "small one"
count = 10
"#;

#[test]
fn the_whole_grammar_is_accepted() {
    assert_eq!(faults(&parse(GRAMMAR)), [""; 0]);
    for text in [
        "source = \"synthetic\"\nmodel = \"als\"",
        "include = \"a.toml\"",
        "source.csv.path = \"a\"\nweighting.grid = [\"plays\", { binary = {} }]\nmodel = { als = {}, popularity = {} }",
        "source = \"synthetic\"\nmodel.als = [{}, { factors = 3 }]\ncleaners = [\"drop_missing\"]",
    ] {
        assert_eq!(faults(&parse(text)), [""; 0], "{text}");
    }
}

/// A change of [`GRAMMAR`], and what the fault is to name.
const WRONG: &[(&str, &str, &str)] = &[
    ("seed = 3", "seed = -1", "/seed"),
    ("name = \"all_of_it\"", "name = \"a b\"", "/name"),
    (
        "mess.scale = 0.5",
        "mess.scale.grid = [0.5]",
        "/source/synthetic/mess/scale",
    ),
    (
        "start = 2025-09-01",
        "start = \"soon\"",
        "/source/synthetic/start",
    ),
    (
        "\"off\"]\n\n[[cleaners]]\nkeep",
        "\"of\"]\n\n[[cleaners]]\nkeep",
        "/cleaners/1/grid/2",
    ),
    (
        "parse_numbers = {",
        "drop_missing = {}\nparse_numbers = {",
        "/cleaners/0",
    ),
    (
        "column = [\"device\",",
        "colum = [\"device\",",
        "/cleaners/2/keep_rows/zip",
    ),
    (
        "test = 0.2",
        "test.grid = [0.1, 0.2]",
        "/splitter/global_time/test",
    ),
    (
        "{ log = { of = \"plays\" } }",
        "{ log = { of = \"play\" } }",
        "/weighting/bm25/of/grid/2/log/of",
    ),
    (
        "cap.grid = [1, 2]",
        "cap.grid = [0, 2]",
        "/weighting/bm25/of/grid/1/plays/cap/grid/0",
    ),
    (
        "scale = \"log10\"",
        "scale = \"log3\"",
        "/weighting/bm25/k1/scale",
    ),
    (", scale = \"log10\"", "", "\"steps\" is"),
    (
        "range = [0.1, 0.9]",
        "range = [0.1, 1.9]",
        "/weighting/bm25/b/range/1",
    ),
    (
        "range = [0.1, 0.9]",
        "range = [0.1]",
        "/weighting/bm25/b/range",
    ),
    (
        "range = [0.1, 0.9]",
        "grid = [0.1, 0.9]",
        "/weighting/bm25/b",
    ),
    ("steps = 5", "steps = 1", "/weighting/bm25/b/steps"),
    (
        "\"items\", \"users\"",
        "\"items\", \"user\"",
        "/weighting/bm25/documents/grid/1",
    ),
    (
        "label = \"small one\"",
        "label = \"small (one)\"",
        "/model/als/0/label",
    ),
    (
        "factors = [8, 16]",
        "factors = 8",
        "/model/als/1/zip/factors",
    ),
    (
        "factors = [8, 16]",
        "factors = []",
        "/model/als/1/zip/factors",
    ),
    (
        "log_uniform = [0.001, 1.0]",
        "log_uniform = [0, 1.0]",
        "/model/als/0/regularization/log_uniform/0",
    ),
    (
        "uniform = [3, 9] }",
        "uniform = [3, 9], steps = 3 }",
        "/model/als/0/iterations",
    ),
    (
        "uniform = [3, 9]",
        "uniform = [0, 9]",
        "/model/als/0/iterations/uniform/0",
    ),
    ("trials = 12", "trials = 0", "/search/random/trials"),
    ("trials = 12", "trails = 12", "trails"),
    ("seed = 4", "seed = -4", "/search/random/seed"),
    (
        "reduction = 2.5",
        "reduction = 1",
        "/search/halving/reduction",
    ),
    ("least = 0.125", "least = 0", "/search/halving/least"),
    (
        "resource = \"users\"",
        "resource = \"epochs\"",
        "/search/halving/resource",
    ),
    (
        "columns.grid = [[\"play_count\"], [\"listen_seconds\"]]",
        "columns.uniform = [1, 2]",
        "/cleaners/0/parse_numbers/columns",
    ),
    (
        "solver = \"conjugate_gradients\"",
        "solver = \"cholesky\"",
        "/model/als/0/solver",
    ),
    (
        "[true, false]",
        "[]",
        "/model/als/0/scale_regularization_by_counts/grid",
    ),
    ("by.grid =", "by.grids =", "grids"),
    ("ndcg@10\", {", "ndcg@0\", {", "/evaluation/metrics/0"),
    ("ndcg@10\", {", "ndgc\", {", "/evaluation/metrics/0"),
    (
        "k.grid = [1, 3]",
        "k.grid = [1, 0]",
        "/evaluation/metrics/1/recall/k/grid/1",
    ),
    ("[\"model\", ", "[", "/evaluation/compare"),
    (
        "[\"model\", ",
        "[\"model\", \"model\", ",
        "/evaluation/compare",
    ),
    ("depth = 50", "depth = 0", "/evaluation/depth"),
    (
        "cap = 3",
        "cap.grid = [3]",
        "/evaluation/targets/log/of/plays/cap",
    ),
    ("refit = false", "refit = \"no\"", "/evaluation/refit"),
    (
        "null_rankings = 100",
        "null_rankings = 99",
        "/evaluation/null_rankings",
    ),
    (
        "resamples = 1000000",
        "resamples = 1000001",
        "/evaluation/resamples",
    ),
    ("count = 10", "count = 0", "/recommendations/count"),
    ("count = 10", "cuont = 10", "cuont"),
];

#[test]
fn what_the_grammar_does_not_allow_is_refused_at_its_place() {
    for (right, wrong, named) in WRONG {
        assert!(GRAMMAR.contains(right), "{right}");
        let found = faults(&parse(&GRAMMAR.replacen(right, wrong, 1)));
        assert!(
            found.iter().any(|f| f.contains(named)),
            "{wrong}: {found:?}"
        );
    }
    for missing in ["source", "model"] {
        let mut definition = parse(GRAMMAR);
        definition.as_object_mut().expect("a table").remove(missing);
        assert_eq!(faults(&definition), [""; 0], "it may be included");
        definition
            .as_object_mut()
            .expect("a table")
            .remove("include");
        let found = faults(&definition);
        assert!(found[0].contains(missing), "{found:?}");
    }
}

/// Whether the lab finds no fault in a definition, and what it says.
fn checked(lab: &Lab, text: &str) -> (bool, String) {
    lab.write("all_of_it.toml", text);
    lab.write("common.toml", "");
    let ended = lab.run(&["check", "--yes", "all_of_it.toml"]);
    (ended.code == 0, ended.to_string())
}

#[test]
fn the_lab_is_of_the_same_mind_about_the_grammar() {
    let lab = Lab::new();
    let (fine, said) = checked(&lab, GRAMMAR);
    assert!(fine, "{said}");
    for (right, wrong, _) in WRONG {
        let (fine, said) = checked(&lab, &GRAMMAR.replacen(right, wrong, 1));
        assert!(!fine, "{wrong}: {said}");
    }
}

/// Whole definitions in the documentation.
#[test]
fn what_the_documentation_shows_is_accepted() {
    let mut whole = 0;
    for name in ["README.md", "experiments/README.md"] {
        let text = fs::read_to_string(project(name)).expect("text");
        let blocks = text.split("```toml\n").skip(1);
        for block in blocks {
            let (block, after) = block.split_once("```").expect("an end");
            let definition = parse(block);
            if definition.get("source").is_none() || definition.get("model").is_none() {
                continue;
            }
            whole += 1;
            let shows_faults = after.contains("```text\nerror:");
            let found = faults(&definition);
            assert_eq!(
                !found.is_empty(),
                shows_faults,
                "{name}: {found:?}\n{block}"
            );
        }
    }
    assert!(whole > 5, "{whole}");
}

/// Editors show descriptions: each key that may be written has one.
#[test]
fn every_key_is_explained() {
    fn walk(schema: &Value, path: &str, missing: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let target = match inner["$ref"].as_str() {
                Some(reference) => SCHEMA.pointer(&reference[1..]).expect("a definition"),
                None => inner,
            };
            let path = format!("{path}/{key}");
            if !target["description"].is_string() {
                missing.push(path.clone());
            }
            walk(inner, &path, missing);
        }
        if schema["items"].is_object() {
            walk(&schema["items"], path, missing);
        }
    }
    let mut missing = Vec::new();
    walk(&SCHEMA, "", &mut missing);
    for (name, definition) in SCHEMA["definitions"].as_object().expect("a table") {
        walk(definition, name, &mut missing);
    }
    assert_eq!(missing, [""; 0]);
}
