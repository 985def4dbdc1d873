//! What a parameter takes, in the words of the reference.

use std::fmt::Write as _;

use serde_json::Value;

use super::plain::{PLUGIN, value_docs};

/// The type: `whole number`, `list of text`, `"a" or "b"`.
pub(crate) fn kind(schema: &Value) -> String {
    if let Some(kind) = schema[PLUGIN].as_str() {
        let list = schema["type"] == "array";
        return format!(
            "{}{kind} plugin{}",
            if list { "list of " } else { "" },
            if list { "s" } else { "" }
        );
    }
    if let Some(values) = schema["enum"].as_array() {
        return alternatives(values.iter().map(Value::to_string));
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[key].as_array() {
            return alternatives(parts.iter().map(kind));
        }
    }
    let name = |kind: &str| match kind {
        "string" => match schema["pattern"].as_str().and_then(listed) {
            Some(values) => alternatives(values.iter().map(|v| format!("\"{v}\""))),
            None if schema["format"] == "date" => "date".to_owned(),
            None if schema["maxLength"] == 1 => "one character".to_owned(),
            None => "text".to_owned(),
        },
        "integer" => "whole number".to_owned(),
        "array" => match kind_of_many(&schema["items"]) {
            Some(kind) => format!("list of {kind}"),
            None => "list".to_owned(),
        },
        "object" => match kind_of_many(&schema["additionalProperties"]) {
            Some(kind) => format!("table of {kind}"),
            None => "table".to_owned(),
        },
        kind => kind.to_owned(),
    };
    match &schema["type"] {
        Value::String(kind) => name(kind),
        Value::Array(kinds) => alternatives(kinds.iter().filter_map(Value::as_str).map(name)),
        _ => "any value".to_owned(),
    }
}

fn kind_of_many(schema: &Value) -> Option<String> {
    schema.is_object().then(|| match kind(schema).as_str() {
        "whole number" => "whole numbers".to_owned(),
        "number" => "numbers".to_owned(),
        "text" => "texts".to_owned(),
        choice if schema["enum"].is_array() => format!("({choice})"),
        nested => nested.replacen("list of", "lists of", 1),
    })
}

fn alternatives(each: impl Iterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for one in each {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct.join(" or ")
}

/// The texts of a pattern that only lists some: `^(cells|event)$`.
pub(crate) fn listed(pattern: &str) -> Option<Vec<&str>> {
    let inner = pattern.strip_prefix("^(")?.strip_suffix(")$")?;
    let values: Vec<&str> = inner.split('|').collect();
    let name = |value: &&str| value.chars().all(|c| c.is_alphanumeric() || c == '_');
    values.iter().all(name).then_some(values)
}

/// What numbers are allowed, how long a list is: `≥ 1`, `0 to 1`, `> 0, < 1`.
pub(crate) fn range(schema: &Value) -> String {
    let bound = |key: &str| {
        // Bounds of the machine's integers are no news.
        let bound = schema[key].as_f64().filter(|b| b.abs() < 1e9)?;
        Some(bound.to_string())
    };
    let of_items = |text: String| {
        if text.is_empty() {
            text
        } else {
            format!("each {text}")
        }
    };
    if schema["items"].is_object() {
        return match schema["minItems"].as_u64() {
            Some(least) if least > 0 => format!("{least} or more"),
            _ => of_items(range(&schema["items"])),
        };
    }
    if schema["additionalProperties"].is_object() {
        return of_items(range(&schema["additionalProperties"]));
    }
    if let (Some(least), Some(most)) = (bound("minimum"), bound("maximum")) {
        return format!("{least} to {most}");
    }
    let bounds = [
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ];
    let bounds = bounds
        .iter()
        .filter_map(|(key, sign)| Some(format!("{sign} {}", bound(key)?)));
    bounds.collect::<Vec<_>>().join(", ")
}

/// The unit of a number, where the plugin names one.
pub(crate) fn unit(schema: &Value) -> &str {
    schema["x-unit"].as_str().unwrap_or_default()
}

/// The docs of a parameter in one line of Markdown, with those of the values it can take.
pub(crate) fn meaning(schema: &Value) -> String {
    let own = schema["description"].as_str().unwrap_or_default();
    let mut text = own.replace('\n', " ");
    let choices = if schema["enum"].is_array() {
        schema
    } else {
        &schema["items"]
    };
    for (value, docs) in value_docs(choices)
        .iter()
        .filter(|(_, docs)| !docs.is_empty())
    {
        let docs = docs.trim_end_matches('.');
        let _ = write!(text, " `{value}`: {docs}.");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{kind, range};

    #[test]
    fn types_and_ranges_read_as_words() {
        for (schema, words, bounds) in [
            (
                json!({"type": "integer", "minimum": 1}),
                "whole number",
                "≥ 1",
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
                "number",
                "> 0, < 1",
            ),
            (
                json!({"type": "number", "minimum": 0, "maximum": 1}),
                "number",
                "0 to 1",
            ),
            (
                json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
                "list of texts",
                "1 or more",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}),
                "table of lists of texts",
                "",
            ),
            (json!({"enum": ["a", "b"]}), "\"a\" or \"b\"", ""),
            (
                json!({"type": ["string", "array"], "pattern": "^(cells|event)$", "items": {"type": "string"}}),
                "\"cells\" or \"event\" or list of texts",
                "",
            ),
            (json!(true), "any value", ""),
        ] {
            assert_eq!(kind(&schema), words);
            assert_eq!(range(&schema), bounds);
        }
    }
}
