//! Docs and names: what the reference, `--help` and editors show.

use schemars::SchemaGenerator;
use serde_json::Value;

use super::examples::blocks;
use super::promises::Promises;
use crate::{Kind, Registration};

/// The schema of a plugin's parameters, with the definitions it refers to.
pub(super) fn schema(plugin: &Registration) -> Value {
    let mut generator = SchemaGenerator::default();
    let mut schema = (plugin.schema)(&mut generator).to_value();
    schema["$defs"] = generator.take_definitions(false).into_iter().collect();
    schema
}

/// The doc comment of a plugin.
pub(super) fn text(plugin: &Registration) -> String {
    schema(plugin)["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn check(plugin: &Registration, promises: &mut Promises) {
    let name = plugin.name;
    promises.that(is_snake_case(name), || {
        format!("`{name}` is not snake_case: lower-case letters, digits and single `_`")
    });
    let file = plugin.module.rsplit("::").next().unwrap_or_default();
    promises.that(file == name, || {
        format!(
            "it is in the module {}, so its file is not called {name}.rs; one grep must find a \
             plugin by its name",
            plugin.module
        )
    });
    promises.that(plugin.revision > 0, || "revisions count from 1".to_owned());
    let docs = text(plugin);
    let first = docs.split("\n\n").next().unwrap_or_default().trim();
    promises.that(!first.is_empty(), || {
        "its struct has no doc comment, which is its page in the reference".to_owned()
    });
    promises.that(
        first.is_empty() || first.ends_with(['.', '!', '?', ':']),
        || format!("its doc comment does not begin with a sentence that ends: `{first}`"),
    );
    promises.that(blocks(&docs).next().is_some(), || {
        let key = plugin.kind.key();
        let example = match plugin.kind {
            Kind::Cleaner => format!("[[cleaners]]\n{name} = {{}}"),
            Kind::Metric => format!("[evaluation]\nmetrics = [\"{name}\"]"),
            _ => format!("[{key}.{name}]"),
        };
        format!("its doc comment has no example, such as\n```toml\n{example}\n```")
    });
    let schema = schema(plugin);
    fields(&schema, &schema, "", 0, &mut |path, described| {
        promises.that(described, || {
            format!("its parameter `{path}` has no doc comment")
        });
    });
}

fn is_snake_case(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(letter)
        && !name.contains("__")
        && !name.ends_with('_')
}

/// Calls `visit` for each parameter, those of nested tables too, with its dotted name and whether it
/// is described.
fn fields(
    root: &Value,
    schema: &Value,
    path: &str,
    depth: usize,
    visit: &mut impl FnMut(&str, bool),
) {
    // A type may contain itself.
    if depth > 8 {
        return;
    }
    for part in parts(root, schema) {
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            let name = format!("{path}{name}");
            let described = parts(root, property).iter().chain([&property]).any(|s| {
                s["description"]
                    .as_str()
                    .is_some_and(|d| !d.trim().is_empty())
            });
            visit(&name, described);
            fields(root, property, &format!("{name}."), depth + 1, visit);
        }
        for inner in ["items", "additionalProperties"] {
            if part[inner].is_object() {
                fields(root, &part[inner], path, depth + 1, visit);
            }
        }
    }
}

/// A schema and all that it is put together from.
pub(super) fn parts<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![schema];
    let mut at = 0;
    while at < found.len() && found.len() < 100 {
        let one = found[at];
        if let Some(reference) = one["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            found.push(&root["$defs"][name]);
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            found.extend(one[key].as_array().into_iter().flatten());
        }
        at += 1;
    }
    found
}
