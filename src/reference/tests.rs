use musicrec_api::{Kind, registrations};
use serde_json::Value;

use super::{find, first_sentence, json, list, markdown, names, parameters, plain, whole};

fn found(name: &str) -> String {
    markdown(&find(name).unwrap())
}

#[test]
fn every_kind_has_plugins_and_no_name_is_taken_twice() {
    let all = registrations();
    for kind in Kind::ALL {
        assert!(all.iter().any(|r| r.kind == kind), "no {kind:?} is linked");
    }
    for pair in all.windows(2) {
        assert_ne!((pair[0].kind, pair[0].name), (pair[1].kind, pair[1].name));
    }
}

#[test]
fn every_plugin_and_every_parameter_is_documented() {
    for plugin in registrations() {
        let name = plugin.name;
        let schema = plain::parameters(plugin);
        let docs = schema["description"].as_str().unwrap_or_default();
        assert!(docs.contains("```toml"), "{name} has no example");
        let summary = first_sentence(docs);
        assert!(
            summary.len() > 10 && summary.ends_with('.'),
            "{name}: {summary}"
        );
        for parameter in parameters(&schema) {
            let docs = parameter.schema["description"].as_str();
            assert!(docs.is_some(), "{name}.{} has no docs", parameter.path);
        }
    }
}

#[test]
fn the_list_has_a_line_for_each_plugin() {
    let list = list();
    for plugin in registrations() {
        let line = format!("  {} ", plugin.name);
        assert!(list.lines().any(|l| l.starts_with(&line)), "{list}");
    }
    assert!(list.contains("model (22)"), "{list}");
    let last = list.lines().last().unwrap();
    let count = registrations().len();
    assert!(last.starts_with(&format!("{count} plugins")), "{last}");
}

#[test]
fn plugins_are_found_by_name_by_kind_and_by_both() {
    assert_eq!(found("als"), found("model.als"));
    assert_eq!(found("als"), found("models.als"));
    assert_eq!(found("model"), found("models"));
    assert_eq!(found("cleaner"), found("cleaners"));
    assert_ne!(found("cleaner"), found("source"));
    let both = found("random");
    assert!(both.contains("# model.random") && both.contains("# splitter.random"));
    assert!(!found("splitter.random").contains("# model.random"));
}

#[test]
fn an_unknown_name_is_answered_with_a_near_one() {
    for (wrong, near) in [
        ("alx", "did you mean `als`"),
        ("model.alx", "did you mean `als`"),
        ("modl.als", "did you mean `model`"),
        ("mdels", "did you mean `models`"),
        ("model.ndgc", "there is no plugin `model.ndgc` ("),
    ] {
        let error = find(wrong).unwrap_err().message();
        assert!(error.contains(near), "{error}");
    }
}

#[test]
fn every_name_offered_for_completion_is_found_and_says_which() {
    let names = names();
    for (name, word) in &names {
        assert!(
            !word.is_empty() && !find(name).unwrap().is_empty(),
            "{name}"
        );
    }
    let random: Vec<_> = names.iter().filter(|n| n.0.ends_with("random")).collect();
    assert_eq!(random[0].0, "splitter.random");
    assert_eq!(random[1].0, "model.random");
}

#[test]
fn types_units_ranges_and_defaults_are_those_of_the_fields() {
    for (plugin, row) in [
        ("als", "| `factors` | whole number | ≥ 1 | `64` |"),
        (
            "als",
            "| `solver` | \"exact\" or \"conjugate_gradients\" | | `\"conjugate_gradients\"` |",
        ),
        ("bm25", "| `of` | weighting plugin |"),
        ("bm25", "| `\"event_strength\"` |"),
        (
            "recency",
            "| `half_life_days` | number | days | > 0 | `30.0` |",
        ),
        ("keep_rows", "| `column` | text | **required** |"),
        ("limit_range", "| `min` | number | not set |"),
        ("limit_range", "\"drop\" | `\"missing\"` |"),
        ("plays", "| `cap` | number | plays | > 0 | not set |"),
        ("csv", "| `delimiter` | one character | `\",\"` |"),
        ("csv", "| `files` | table of texts | `{}` |"),
        ("json_lines", "| `fields` | table of texts | `{}` |"),
        ("parquet", "| `columns` | list of texts | `[]` |"),
        ("synthetic", "| `mess.scale` | number | | ≥ 0 | `1.0` |"),
        (
            "normalize_ids",
            "| `placeholder_patterns` | list of (\"all_zeros\" or \"all_nines\") | `[\"all_zeros\", \"all_nines\"]` |",
        ),
    ] {
        // Columns in which a plugin has nothing are left out, empty cells keep their place.
        let text = found(plugin).replace("|  |", "| |");
        assert!(text.contains(row), "no {row} in\n{text}");
    }
}

#[test]
fn programs_get_the_same_as_people() {
    let all = json(&find("als").unwrap());
    let als = &all["plugins"][0];
    assert_eq!(als["kind"], "model");
    assert_eq!(als["module"], "musicrec_models::als");
    let factors = &als["parameters"][0];
    assert_eq!(factors["name"], "factors");
    assert_eq!(factors["default"], 64);
    assert_eq!(factors["schema"]["minimum"], 1);
    assert!(found("als").contains("Revision 3 of `musicrec_models::als`."));
    let absent = &json(&find("plays").unwrap())["plugins"][0]["parameters"][0];
    assert_eq!(absent.get("default"), None::<&Value>);
}

/// Rewritten by `UPDATE=1 cargo test`.
#[test]
fn the_generated_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/README.md");
    let now = whole();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == now,
        "plugins/README.md is stale: run UPDATE=1 cargo test"
    );
}
