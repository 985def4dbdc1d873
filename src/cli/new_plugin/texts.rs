//! The files of a made crate.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use musicrec_api::Kind;
use toml::{Table, Value};

use super::names::camel_case;

/// The plugin of a kind, called `my_plugin`: real code that the tests compile and run.
fn template(kind: Kind) -> &'static str {
    match kind {
        Kind::Source => include_str!("source.rs"),
        Kind::Cleaner => include_str!("cleaner.rs"),
        Kind::Splitter => include_str!("splitter.rs"),
        Kind::Weighting => include_str!("weighting.rs"),
        Kind::Model => include_str!("model.rs"),
        Kind::Metric => include_str!("metric.rs"),
        Kind::Launcher => include_str!("launcher.rs"),
    }
}

/// Libraries that the plugin of a kind uses, apart from the lab's own.
fn libraries(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Source => &[
            "ndarray",
            "schemars",
            "serde",
            "serde_json",
            "sha2",
            "typetag",
        ],
        // Models need ndarray, and a second plugin of the crate may be one.
        _ => &["ndarray", "schemars", "serde", "typetag"],
    }
}

/// Every file by its name, but for Cargo.lock.
pub(super) fn files(kind: Kind, name: &str, lab: &Path) -> Result<Vec<(String, String)>, String> {
    let package = format!("{}-lab", name.replace('_', "-"));
    let plugin = template(kind)
        .replace("my_plugin", name)
        .replace("MyPlugin", &camel_case(name));
    let readme = include_str!("README.txt")
        .replace("{package}", &package)
        .replace("{kind}", kind.singular())
        .replace("{name}", name)
        .replace("{sweep}", &sweep(kind, name))
        .replace("{lab}", &lab.display().to_string());
    let mut files = vec![
        ("Cargo.toml".to_owned(), manifest(kind, &package, lab)?),
        ("README.md".to_owned(), readme),
        (".gitignore".to_owned(), "/target\n/reports\n".to_owned()),
        (
            "experiment.toml".to_owned(),
            experiment(kind, name).replace("{sweep}", &sweep(kind, name)),
        ),
        (
            "src/main.rs".to_owned(),
            include_str!("main.txt").replace("{name}", name),
        ),
        (format!("src/{name}.rs"), plugin),
    ];
    if kind == Kind::Launcher {
        let text = format!(
            "# How `{name}` is set; a definition says nothing of it.\n\n[launcher.{name}]\nat_once = 2\n"
        );
        files.push(("cluster.toml".to_owned(), text));
    }
    if kind == Kind::Source {
        files.push(("listens.jsonl".to_owned(), listens()));
    }
    Ok(files)
}

/// What to give to the program for an experiment with the plugin.
fn sweep(kind: Kind, name: &str) -> String {
    let elsewhere = match kind {
        Kind::Launcher => format!(" --launcher {name} --cluster cluster.toml"),
        _ => String::new(),
    };
    format!("sweep experiment.toml{elsewhere}")
}

/// What to do with the crate.
pub(super) fn next_steps(kind: Kind, name: &str, folder: &Path, lab: &Path) -> String {
    let sweep = sweep(kind, name);
    let (kind, folder, lab) = (kind.singular(), folder.display(), lab.display());
    format!(
        "made {folder}: a lab with the {kind} `{name}`, which is in {folder}/src/{name}.rs\n\
         it builds on the lab in {lab} (--lab names another)\n\n\
         Next:\n  \
         cd {folder}\n  \
         cargo test                            # its tests, and the promises of every {kind}\n  \
         cargo run -- plugins {name}\n  \
         cargo run -- {sweep}    # an experiment with it\n\n\
         `cargo run --` is the whole lab with your {kind} in it. Then change the {kind} into what you \
         need.\n"
    )
}

/// Cargo.toml, with the versions that the lab itself is built with.
fn manifest(kind: Kind, package: &str, lab: &Path) -> Result<String, String> {
    let path = lab.join("Cargo.toml");
    let unusable = |what: String| format!("cannot use {}: {what}", path.display());
    let text = fs::read_to_string(&path).map_err(|e| unusable(e.to_string()))?;
    let of_lab: Table = text
        .parse()
        .map_err(|e: toml::de::Error| unusable(e.to_string()))?;
    let workspace = &of_lab["workspace"];
    let find = |table: &str, key: &str| {
        let value = workspace.get(table).and_then(|t| t.get(key));
        value.ok_or_else(|| unusable(format!("it has no workspace.{table}.{key}")))
    };
    let folder = |path: &Path| Value::String(path.display().to_string());
    let mut out = format!(
        "[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = {}\nrust-version = {}\n\
         publish = false\n\n\
         # The lab and what plugins are written against, from where the lab was built. The feature\n\
         # `conformance` (checks of what every plugin promises) is only for tests; here it is always\n\
         # on, so that `cargo test` and `cargo run` do not build the lab twice.\n\
         [dependencies]\n\
         musicrec-api = {{ path = {api}, features = [\"conformance\"] }}\n\
         musicrec-lab = {{ path = {lab} }}\n",
        find("package", "edition")?,
        find("package", "rust-version")?,
        api = folder(&lab.join("plugins/api")),
        lab = folder(lab),
    );
    for library in libraries(kind) {
        let _ = writeln!(out, "{library} = {}", find("dependencies", library)?);
    }
    out.push_str("\n# It is a workspace by itself, wherever it stands.\n[workspace]\n");
    if let Some(profile) = of_lab.get("profile") {
        let mut profiles = Table::new();
        profiles.insert("profile".to_owned(), profile.clone());
        let _ = write!(out, "\n# Optimized as the lab is.\n{profiles}");
    }
    Ok(out)
}

/// A definition that uses the plugin.
fn experiment(kind: Kind, name: &str) -> String {
    let mine = |of: Kind, text: &str| {
        if kind == of {
            text.replace("my_plugin", name)
        } else {
            String::new()
        }
    };
    let source = match kind {
        Kind::Source => "[source.my_plugin]\npath = \"listens.jsonl\"\n".replace("my_plugin", name),
        _ => "[source.synthetic]\nusers = 300\nrows = 10000\nmess.scale = 0.0\n".to_owned(),
    };
    let parsing = match kind {
        Kind::Source => "",
        _ => "[[cleaners]]\nparse_numbers = {}\n\n[[cleaners]]\nparse_timestamps = {}\n",
    };
    let cleaners = mine(
        Kind::Cleaner,
        "[[cleaners]]\nmy_plugin = { column = \"device\", prefixes = [\"web\"] }\n\n",
    ) + parsing;
    let splitter = match kind {
        Kind::Splitter => format!("[splitter.{name}]\n"),
        _ => "[splitter.global_time]\n".to_owned(),
    };
    let weighting = match kind {
        Kind::Source => "[weighting.binary]\n".to_owned(),
        _ => "[weighting.event_strength]\n".to_owned(),
    } + &mine(Kind::Weighting, "\n[weighting.my_plugin]\n");
    let models = "[model.popularity]\n\n[model.als]\nfactors.grid = [8, 16]\nregularization = 0.1\n"
        .to_owned()
        + &mine(
            Kind::Model,
            "\n[model.my_plugin]\ndamping.grid = [0.0, 0.5, 1.0]\n",
        );
    let metrics = "\"recall@3\", \"ndcg@3\"".to_owned() + &mine(Kind::Metric, ", \"my_plugin@3\"");
    include_str!("experiment.toml")
        .replace("my_plugin", name)
        .replace("{source}", &source)
        .replace("{cleaners}", &cleaners)
        .replace("{splitter}", &splitter)
        .replace("{weighting}", &weighting)
        .replace("{models}", &models)
        .replace("{metrics}", &metrics)
        // A part that is not there leaves no gap.
        .replace("\n\n\n", "\n\n")
}

/// A small log for a source to read: 40 users, of whom the even and the odd ones hear other songs.
fn listens() -> String {
    let mut text = String::new();
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        // Constants of Knuth's MMIX.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for row in 0..1200 {
        let user = draw(40);
        let song = 2 * draw(20).min(draw(20)) + user % 2;
        let time = 1_735_689_600 + 1800 * row;
        let _ = writeln!(
            text,
            "{{\"user_id\": \"u{user}\", \"song_id\": \"s{song}\", \"timestamp\": {time}}}"
        );
    }
    text
}
