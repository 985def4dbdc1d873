//! The reference of the plugins, from their own doc comments and fields: for `musicrec-lab plugins`,
//! for `plugins/README.md`, and, through [`plain`], for the JSON Schema of definitions.

mod find;
pub(crate) mod plain;
pub(crate) mod words;

use std::fmt::Write as _;

use musicrec_api::{Kind, Registration, registrations};
use serde_json::{Value, json};

pub(crate) use find::{find, names};

/// Plugins of one kind.
pub(crate) fn of(kind: Kind) -> impl Iterator<Item = &'static Registration> {
    registrations().into_iter().filter(move |r| r.kind == kind)
}

/// All plugins by kind, each with the first sentence of its docs.
pub(crate) fn list() -> String {
    let all = registrations();
    let widest = all.iter().map(|r| r.name.len()).max().unwrap_or_default();
    let mut out = String::new();
    for kind in Kind::ALL {
        let plugins: Vec<_> = of(kind).collect();
        let _ = writeln!(out, "{} ({})", kind.key(), plugins.len());
        for plugin in plugins {
            let _ = writeln!(out, "  {:<widest$}  {}", plugin.name, summary(plugin));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "{} plugins. `musicrec-lab plugins NAME` prints the reference of one or of a kind.",
        all.len()
    );
    out
}

/// The reference of some plugins as Markdown.
pub(crate) fn markdown(plugins: &[&Registration]) -> String {
    let sections: Vec<String> = plugins.iter().map(|r| section(r, "#")).collect();
    sections.join("\n")
}

/// The reference of some plugins for programs.
pub(crate) fn json(plugins: &[&Registration]) -> Value {
    let plugins = plugins.iter().map(|plugin| {
        let schema = plain::parameters(plugin);
        let parameters = parameters(&schema).into_iter().map(|parameter| {
            let mut row = json!({
                "name": parameter.path,
                "type": words::kind(parameter.schema),
                "required": parameter.required,
                "description": parameter.schema["description"],
                "schema": parameter.schema,
            });
            for (key, text) in [
                ("unit", words::unit(parameter.schema)),
                ("range", &words::range(parameter.schema)),
            ] {
                if !text.is_empty() {
                    row[key] = text.into();
                }
            }
            if let Some(default) = parameter.schema.get("default") {
                row["default"] = default.clone();
            }
            row
        });
        json!({
            "kind": plugin.kind.key(),
            "name": plugin.name,
            "revision": plugin.revision,
            "module": plugin.module,
            "description": schema["description"],
            "parameters": parameters.collect::<Vec<_>>(),
        })
    });
    json!({ "plugins": plugins.collect::<Vec<_>>() })
}

/// The first sentence of a plugin's docs.
pub(crate) fn summary(plugin: &Registration) -> String {
    let schema = plain::parameters(plugin);
    first_sentence(schema["description"].as_str().unwrap_or_default())
}

/// The first sentence of some docs, in one line.
pub(crate) fn first_sentence(docs: &str) -> String {
    let paragraph = docs.split("\n\n").next().unwrap_or_default();
    let line = paragraph.replace('\n', " ");
    let sentence = line.split_inclusive(". ").next().unwrap_or_default();
    sentence.trim().to_owned()
}

/// `plugins/README.md`.
#[cfg(test)]
fn whole() -> String {
    let mut out = String::from(
        "# Plugins\n\n\
         Generated from the plugins' doc comments by `UPDATE=1 cargo test`; do not edit.\n\
         `musicrec-lab plugins NAME` prints the same for one plugin.\n\n\
         What other tools call a metric is often another one: [whose definition is which](metrics/README.md).\n",
    );
    for kind in Kind::ALL {
        let _ = writeln!(out, "\n| {} | |\n|---|---|", kind.key());
        for plugin in of(kind) {
            let anchor = format!("{}{}", kind.key(), plugin.name);
            let summary = cell(&summary(plugin));
            let _ = writeln!(out, "| [`{}`](#{anchor}) | {summary} |", plugin.name);
        }
    }
    for kind in Kind::ALL {
        let _ = writeln!(out, "\n## {}\n", kind.key());
        let sections: Vec<String> = of(kind).map(|r| section(r, "###")).collect();
        out += &sections.join("\n");
    }
    out
}

fn section(plugin: &Registration, level: &str) -> String {
    let schema = plain::parameters(plugin);
    let mut out = format!(
        "{level} {}.{}\n\n{}\n",
        plugin.kind.key(),
        plugin.name,
        schema["description"].as_str().unwrap_or_default()
    );
    let parameters = parameters(&schema);
    if parameters.is_empty() {
        out.push_str("\nIt has no parameters.\n");
    } else {
        let _ = write!(out, "\n{}", table(&parameters));
    }
    let _ = writeln!(
        out,
        "\nRevision {} of `{}`.",
        plugin.revision, plugin.module
    );
    out
}

/// A parameter of a plugin; those of nested tables have dotted paths.
struct Parameter<'s> {
    path: String,
    schema: &'s Value,
    required: bool,
}

/// All parameters in the order of their fields.
fn parameters(schema: &Value) -> Vec<Parameter<'_>> {
    fn walk<'s>(schema: &'s Value, above: &str, all: &mut Vec<Parameter<'s>>) {
        let required = schema["required"].as_array();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{above}{name}");
            all.push(Parameter {
                path: path.clone(),
                schema: property,
                required: required.is_some_and(|r| r.iter().any(|r| r == name)),
            });
            walk(property, &format!("{path}."), all);
        }
    }
    let mut all = Vec::new();
    walk(schema, "", &mut all);
    all
}

/// A table of parameters, without the columns in which nothing would stand.
fn table(parameters: &[Parameter]) -> String {
    let rows: Vec<[String; 6]> = parameters
        .iter()
        .map(|parameter| {
            let schema = parameter.schema;
            [
                format!("`{}`", parameter.path),
                words::kind(schema),
                words::unit(schema).to_owned(),
                words::range(schema),
                default(parameter),
                words::meaning(schema),
            ]
        })
        .collect();
    let header = ["parameter", "type", "unit", "range", "default", "meaning"];
    let kept: Vec<usize> = (0..header.len())
        .filter(|&column| rows.iter().any(|row| !row[column].is_empty()))
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = line(&mut kept.iter().map(|&column| header[column]));
    let _ = writeln!(out, "|{}", "---|".repeat(kept.len()));
    for row in &rows {
        out += &line(&mut kept.iter().map(|&column| row[column].as_str()));
    }
    out
}

fn default(parameter: &Parameter) -> String {
    let schema = parameter.schema;
    match schema.get("default") {
        _ if parameter.required => "**required**".to_owned(),
        // Its parameters stand in the next rows.
        _ if schema["properties"].is_object() => String::new(),
        None => "not set".to_owned(),
        Some(value) => format!("`{}`", toml_value(value)),
    }
}

/// A value as a definition writes it.
fn toml_value(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", joined(items.iter().map(toml_value).collect())),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries = map.iter().map(|(k, v)| format!("{k} = {}", toml_value(v)));
            format!("{{ {} }}", joined(entries.collect()))
        }
        scalar => scalar.to_string(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests;
