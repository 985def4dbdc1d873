//! What serde means, in the words of people who write definitions.

use super::KEYS;
use super::axes::KEYS as KEYS_OF_AXES;
use super::fault::Fault;
use super::tree::{Node, Value};

/// A message of serde without Rust's types; `kind` is what the value is.
pub(super) fn plain(message: &str, kind: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "a nonzero usize" | "a nonzero u32" | "a nonzero u64" => "a whole number of at least 1",
        "usize" | "u32" | "u64" => "a whole number of at least 0",
        "i32" | "i64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a string" | "string only" => "a text",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.contains("enum") || other.contains("variant") => "a text",
        other => other,
    };
    let found = found
        .replace("invalid type: map", "invalid type: table")
        .replace("invalid type: sequence", "invalid type: list")
        .replace(
            "invalid type: unit variant",
            &format!("invalid type: {kind}"),
        )
        .replace("floating point", "number")
        .replace("integer", "whole number")
        .replace("string", "text");
    format!("{found}, expected {expected}")
}

/// What to do about an error of syntax.
pub(super) fn of_toml(message: &str) -> Option<&'static str> {
    [
        (
            "duplicate key",
            "a key stands once; entries of a list all take double brackets, as in [[cleaners]], and \
             two settings of one model are compared by [[model.name]] twice",
        ),
        (
            "invalid basic string",
            "a text ends with the quote that it begins with, on the same line",
        ),
        (
            "string values must be quoted",
            "every key has a value; texts stand in quotes; true and false are written so",
        ),
        (
            "cannot extend value",
            "a key that has a value of its own holds no further keys",
        ),
        (
            "key with no value",
            "write key = value; a header stands in brackets: [model.als]",
        ),
    ]
    .into_iter()
    .find_map(|(words, help)| message.contains(words).then_some(help))
}

/// Where a field stands that is none here.
pub(super) fn elsewhere(name: &str, axes: bool) -> Option<String> {
    match name {
        "name" | "seed" | "include" => Some(format!(
            "`{name}` stands at the top of a definition, before the first header"
        )),
        "cleaners" => Some("cleaners stand at the top of a definition: [[cleaners]]".to_owned()),
        "metrics" => Some("metrics stand in [evaluation]".to_owned()),
        "zip" if axes => Some(
            "`zip` stands beside the parameters of a plugin: zip = { factors = [ … ], … }"
                .to_owned(),
        ),
        "grid" | "range" | "zip" => Some("an axis cannot stand here".to_owned()),
        name if KEYS.contains(&name) => Some(format!(
            "`{name}` stands at the top of a definition: [{name}.…]"
        )),
        _ => None,
    }
}

/// A fault of a value with what to write instead, where that is plain. `axes`: an axis may stand
/// there.
pub(super) fn advise(
    fault: Fault,
    found: &Node,
    message: &str,
    key: Option<&str>,
    axes: bool,
) -> Fault {
    let expected = message.split_once(", expected ").map_or("", |(_, e)| e);
    let whole = expected.contains("usize") || expected.contains("u32") || expected.contains("u64");
    let number = whole || expected == "f64";
    let key = key.unwrap_or("key");
    match &found.value {
        Value::Scalar(toml::Value::String(text)) if number => match remedy_of_text(text) {
            Some(remedy) => fault.help(remedy),
            None => fault,
        },
        Value::Scalar(toml::Value::String(text)) if expected == "a boolean" => {
            match text.to_lowercase().as_str() {
                lower @ ("true" | "false") => fault.help(format!("write {key} = {lower}")),
                _ => fault,
            }
        }
        Value::Scalar(toml::Value::Float(value)) if whole && value.fract() == 0.0 => {
            fault.help(format!("write it without a decimal point: {value:.0}"))
        }
        Value::Scalar(toml::Value::String(text)) if expected == "a sequence" && text.len() < 60 => {
            let text = toml::Value::String(text.clone());
            fault.help(format!("write it in brackets: {key} = [{text}]"))
        }
        Value::Scalar(_) if expected == "a sequence" => {
            fault.help(format!("write it in brackets: {key} = [ … ]"))
        }
        Value::Array(_) if axes => fault.help(format!(
            "several values to try are written {key}.grid = [ … ]"
        )),
        Value::Table(entries) if axes => {
            let misspelt = entries
                .iter()
                .find(|e| musicrec_api::nearest(&e.key, KEYS_OF_AXES).is_some());
            match misspelt {
                Some(entry) => fault
                    .moved_to(entry.place.clone())
                    .suggest(&entry.key, KEYS_OF_AXES),
                None => fault,
            }
        }
        _ => fault,
    }
}

/// How to write a number that was given as text.
fn remedy_of_text(text: &str) -> Option<String> {
    let text = text.trim();
    if text.parse::<f64>().is_ok() {
        return Some(format!("write it without quotes: {text}"));
    }
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    Some(format!(
        "write a number without %: as a share that is {}",
        percent / 100.0
    ))
}
