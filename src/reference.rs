//! The reference of the plugins, from their own doc comments and fields: for `musicrec-lab plugins`
//! and for `plugins/README.md`.

use std::fmt::Write as _;

use musicrec_api::{Kind, Registration, nearest, registrations};
use schemars::SchemaGenerator;
use serde_json::Value;

use crate::exit::Failure;

/// All plugins by kind, each with the first sentence of its docs.
pub(crate) fn list() -> String {
    let mut out = String::new();
    for kind in Kind::ALL {
        let _ = writeln!(out, "{}", kind.key());
        for plugin in of(kind) {
            let docs = docs(plugin);
            let first = docs
                .split("\n\n")
                .next()
                .unwrap_or_default()
                .replace('\n', " ");
            let first = first
                .split_inclusive(". ")
                .next()
                .unwrap_or_default()
                .trim();
            let _ = writeln!(out, "  {:<18} {first}", plugin.name);
        }
    }
    out.push_str("\n`musicrec-lab plugins NAME` prints the reference of one.\n");
    out
}

/// The reference of the plugin called `name` or `kind.name`, or of all plugins of a kind.
pub(crate) fn plugin(name: &str) -> Result<String, Failure> {
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.key() == name) {
        let sections: Vec<String> = of(kind).map(|r| section(r, "#")).collect();
        return Ok(sections.join("\n"));
    }
    let (kind, short) = match name.split_once('.') {
        Some((kind, short)) => (Some(kind), short),
        None => (None, name),
    };
    let found: Vec<String> = registrations()
        .into_iter()
        .filter(|r| r.name == short && kind.is_none_or(|k| k == r.kind.key()))
        .map(|r| section(r, "#"))
        .collect();
    if found.is_empty() {
        let known: Vec<&str> = registrations().iter().map(|r| r.name).collect();
        let hint =
            nearest(short, known).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        return Err(Failure::Definition(format!(
            "there is no plugin `{name}`{hint} (`musicrec-lab plugins` lists them)"
        )));
    }
    Ok(found.join("\n"))
}

/// `plugins/README.md`.
#[cfg(test)]
fn markdown() -> String {
    let mut out = String::from(
        "# Plugins\n\n\
         Generated from the plugins' doc comments by `UPDATE=1 cargo test`; do not edit.\n\
         `musicrec-lab plugins NAME` prints the same for one plugin.\n\n",
    );
    for kind in Kind::ALL {
        let names: Vec<String> = of(kind).map(|r| format!("`{}`", r.name)).collect();
        let _ = writeln!(out, "- **{}**: {}", kind.key(), names.join(", "));
    }
    for kind in Kind::ALL {
        let _ = writeln!(out, "\n## {}\n", kind.key());
        let sections: Vec<String> = of(kind).map(|r| section(r, "###")).collect();
        out += &sections.join("\n");
    }
    out
}

fn of(kind: Kind) -> impl Iterator<Item = &'static Registration> {
    registrations().into_iter().filter(move |r| r.kind == kind)
}

fn schema(plugin: &Registration) -> Value {
    let mut generator = SchemaGenerator::default();
    let mut schema = (plugin.schema)(&mut generator).to_value();
    schema["$defs"] = generator.take_definitions(false).into_iter().collect();
    schema
}

fn docs(plugin: &Registration) -> String {
    let schema = schema(plugin);
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn section(plugin: &Registration, level: &str) -> String {
    let schema = schema(plugin);
    let defaults = (plugin.defaults)();
    let mut out = format!(
        "{level} {}.{}\n\n{}\n",
        plugin.kind.key(),
        plugin.name,
        schema["description"].as_str().unwrap_or_default()
    );
    let mut rows = String::new();
    parameters(&schema, &schema, defaults.as_ref(), "", &mut rows);
    if rows.is_empty() {
        out.push_str("\nIt has no parameters.\n");
    } else {
        let _ = write!(
            out,
            "\n| parameter | type | default | meaning |\n|---|---|---|---|\n{rows}"
        );
    }
    out
}

/// A row for each parameter, those of nested tables with dotted names.
fn parameters(
    root: &Value,
    schema: &Value,
    defaults: Option<&Value>,
    path: &str,
    out: &mut String,
) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for (name, property) in properties {
        let target = resolve(root, property);
        let default = defaults.and_then(|d| d.get(name));
        let full = format!("{path}{name}");
        let description = [property, target]
            .iter()
            .find_map(|s| s["description"].as_str())
            .unwrap_or_default();
        if target["properties"].is_object() {
            let _ = writeln!(out, "| `{full}` | table | | {} |", cell(description));
            parameters(root, target, default, &format!("{full}."), out);
            continue;
        }
        let shown = match default {
            _ if required.contains(&name.as_str()) => "**required**".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(value) => format!("`{}`", cell(&value.to_string())),
        };
        let _ = writeln!(
            out,
            "| `{full}` | {} | {shown} | {} |",
            cell(&kind_of(root, target)),
            cell(description)
        );
    }
}

/// Follows a reference, also one wrapped in `allOf` or made optional by `anyOf`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return resolve(root, &root["$defs"][name]);
    }
    for key in ["allOf", "anyOf"] {
        if let Some(parts) = schema[key].as_array() {
            let real: Vec<&Value> = parts.iter().filter(|p| p["type"] != "null").collect();
            if let [one] = real.as_slice() {
                return resolve(root, one);
            }
        }
    }
    schema
}

/// The type in words with its range.
fn kind_of(root: &Value, schema: &Value) -> String {
    let choices = |list: &Vec<Value>| -> Vec<String> {
        list.iter()
            .filter_map(|v| v.as_str().map(|s| format!("\"{s}\"")))
            .collect()
    };
    if let Some(list) = schema["enum"].as_array() {
        return choices(list).join(" or ");
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[key].as_array() {
            let each = parts.iter().map(|p| match p["const"].as_str() {
                Some(value) => format!("\"{value}\""),
                None => kind_of(root, resolve(root, p)),
            });
            return each.collect::<Vec<_>>().join(" or ");
        }
    }
    let mut kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds = kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|k| *k != "null");
            kinds.collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    };
    if kind == "array" {
        kind = format!("list of {}", kind_of(root, resolve(root, &schema["items"])));
    }
    if kind == "object" {
        "table".clone_into(&mut kind);
    }
    for (key, sign) in [
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ] {
        // Bounds of the machine's integers are no news.
        if let Some(bound) = schema[key].as_f64().filter(|b| b.abs() < 1e9) {
            let _ = write!(kind, " {sign} {bound}");
        }
    }
    kind
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::{list, markdown, plugin};

    #[test]
    fn the_reference_answers_by_name_and_by_kind_and_name() {
        assert!(list().contains("als"));
        assert_eq!(plugin("als").unwrap(), plugin("model.als").unwrap());
        let error = plugin("alx").unwrap_err().message();
        assert!(error.contains("did you mean `als`"), "{error}");
    }

    /// Rewritten by `UPDATE=1 cargo test`.
    #[test]
    fn the_generated_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins/README.md");
        let now = markdown();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == now,
            "plugins/README.md is stale: run UPDATE=1 cargo test"
        );
    }
}
