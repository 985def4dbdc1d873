//! What may stand where a value of a plugin may stand: the value, or an axis of values.

use std::fmt::Write as _;

use musicrec_api::Kind;
use serde_json::{Map, Value, json};

use super::places::Places;
use crate::reference::plain::{PLUGIN, value_docs};
use crate::reference::words::listed;

/// Makes a parameter's schema one for editors: its value only, no axis.
pub(super) fn finish(schema: &mut Value) {
    explain(schema);
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            finish(inner);
        }
    }
    for (_, inner) in map
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        finish(inner);
    }
}

/// The same, or an axis of such values.
///
/// `drawn`: random search may draw it.
pub(super) fn with_axes(schema: &Value, drawn: bool, places: &mut Places) -> Value {
    let mut axes = schema.clone();
    let Some(map) = axes.as_object_mut() else {
        return axes;
    };
    let known = |key: &str| {
        schema
            .get(key)
            .is_some_and(|s| s.is_object() || s.is_array())
    };
    if schema["additionalProperties"] == true && !known("properties") {
        // A free table: whatever stands in it, axes included.
        explain(&mut axes);
        return axes;
    }
    if known("anyOf") || known("oneOf") || (known("enum") && !is_text(schema)) {
        // No way to say it side by side.
        let either = [
            schema.clone(),
            json!({ "type": "object", "properties": keys(schema, drawn) }),
        ];
        return json!({ "description": schema["description"], "anyOf": either });
    }
    if known("properties") {
        let properties = schema["properties"].as_object().cloned();
        let mut properties: Map<String, Value> = properties
            .unwrap_or_default()
            .into_iter()
            .map(|(key, inner)| (key, parameter(&inner, drawn, places)))
            .collect();
        properties.insert("grid".into(), grid(schema));
        map.insert("properties".into(), properties.into());
        require_unless(map, &["grid"]);
    } else if known("additionalProperties") {
        let inner = with_axes(&schema["additionalProperties"], drawn, places);
        map.insert("additionalProperties".into(), inner);
        map.insert("properties".into(), json!({ "grid": grid(schema) }));
    } else if map.contains_key("type") {
        let mut types = match map.remove("type") {
            Some(Value::Array(types)) => types,
            one => one.into_iter().collect(),
        };
        types.push("object".into());
        map.insert("type".into(), types.into());
        if let Some(items) = map.get_mut("items") {
            *items = with_axes(items, drawn, places);
        }
        map.insert("properties".into(), keys(schema, drawn).into());
        map.insert("additionalProperties".into(), false.into());
        map.insert("minProperties".into(), 1.into());
        map.insert("dependencies".into(), dependencies(schema, drawn));
    }
    explain(&mut axes);
    axes
}

/// A parameter of a plugin, which may be one that names a plugin.
pub(super) fn parameter(schema: &Value, drawn: bool, places: &mut Places) -> Value {
    if schema[PLUGIN] == Kind::Model.key() {
        return places.nested(Kind::Model, schema);
    }
    if schema[PLUGIN].is_string() {
        let docs = schema["description"].as_str().unwrap_or_default();
        let mut place = places.several(Kind::Weighting, docs);
        if let Some(default) = schema.get("default") {
            place["default"] = default.clone();
        }
        return place;
    }
    with_axes(schema, drawn, places)
}

/// The values of one key of a `zip`: a list, or a range of numbers.
pub(super) fn zipped(schema: &Value, places: &mut Places) -> Value {
    let mut values = json!({
        "description": schema["description"],
        "type": "array",
        "minItems": 1,
    });
    if schema[PLUGIN].is_string() {
        values["items"] = if schema[PLUGIN] == Kind::Model.key() {
            places.nested(Kind::Model, schema)
        } else {
            places.reference(Kind::Weighting)
        };
        return values;
    }
    let mut item = schema.clone();
    bare(&mut item);
    values["items"] = item;
    if is_number(schema) {
        let mut keys = keys(schema, false);
        keys.remove("grid");
        values["type"] = json!(["array", "object"]);
        values["properties"] = keys.into();
        values["additionalProperties"] = false.into();
        values["required"] = json!(["range"]);
        values["dependencies"] = json!({ "range": steps_if_linear() });
    }
    values
}

/// Moves `required` aside where the keys may stand elsewhere.
pub(super) fn require_unless(map: &mut Map<String, Value>, keys: &[&str]) {
    let Some(required) = map.remove("required") else {
        return;
    };
    let mut schema = json!({ "required": required, "additionalProperties": true });
    for key in keys {
        schema = json!({
            "if": { "required": [key], "additionalProperties": true },
            "else": schema,
            "additionalProperties": true,
        });
    }
    for key in ["if", "else"] {
        map.insert(key.into(), schema[key].take());
    }
}

/// The keys of an axis.
fn keys(schema: &Value, drawn: bool) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("grid".into(), grid(schema));
    if is_number(schema) {
        let mut end = schema.clone();
        bare(&mut end);
        if let Some(end) = end.as_object_mut() {
            end.retain(|key, _| key != "x-unit");
        }
        let text =
            "The first and the last value, for example `{ range = [8, 128], scale = \"log2\" }`.";
        let ends = |text: &str, end: &Value| {
            json!({
                "description": text,
                "type": "array",
                "items": end,
                "minItems": 2,
                "maxItems": 2,
            })
        };
        keys.insert("range".into(), ends(text, &end));
        if drawn {
            let text = "Both ends, included, of what random search draws from, each number as likely as \
                the others; needs `[search.random]`.";
            keys.insert("uniform".into(), ends(text, &end));
            let text = "Both ends, included and above 0, of what random search draws from, each order \
                of magnitude as likely as the others; needs `[search.random]`.";
            if end["minimum"].as_f64().is_none_or(|least| least <= 0.0) {
                end["exclusiveMinimum"] = 0.into();
                if let Some(end) = end.as_object_mut() {
                    end.remove("minimum");
                }
            }
            keys.insert("log_uniform".into(), ends(text, &end));
        }
        keys.insert("steps".into(), json!({ "$ref": "#/definitions/steps" }));
        keys.insert("scale".into(), json!({ "$ref": "#/definitions/scale" }));
    }
    keys
}

/// What [`keys`] refers to.
pub(super) fn definitions() -> Map<String, Value> {
    let mut scale = json!({
        "description": "How the values lie between both ends.",
        "type": "string",
        "enum": ["linear", "log2", "log10"],
        "default": "linear",
        "x-taplo": { "docs": { "enumValues": [
            "Equally far from each other; needs `steps`.",
            "Each the same multiple of the one before; without `steps` the double.",
            "Each the same multiple of the one before; without `steps` ten times that.",
        ] } },
    });
    explain(&mut scale);
    let steps = json!({
        "description": "How many values, both ends included; 2 to 1000. May be left out with the scales \
            `log2` and `log10`.",
        "type": "integer",
        "minimum": 2,
        "maximum": 1000,
    });
    [("scale".to_owned(), scale), ("steps".to_owned(), steps)]
        .into_iter()
        .collect()
}

fn grid(schema: &Value) -> Value {
    let mut item = schema.clone();
    bare(&mut item);
    json!({
        "description": "The values to try, each in trials of its own.",
        "type": "array",
        "items": item,
        "minItems": 1,
    })
}

/// An axis is a grid or a range, and a linear range says how many values it has.
fn dependencies(schema: &Value, drawn: bool) -> Value {
    let alone = json!({ "maxProperties": 1, "additionalProperties": true });
    if is_number(schema) {
        let mut keys = json!({
            "grid": alone,
            "steps": ["range"],
            "scale": ["range"],
            "range": steps_if_linear(),
        });
        if drawn {
            keys["uniform"] = alone.clone();
            keys["log_uniform"] = alone;
        }
        keys
    } else {
        json!({ "grid": alone })
    }
}

fn steps_if_linear() -> Value {
    json!({
        "if": {
            "required": ["scale"],
            "properties": { "scale": { "enum": ["log2", "log10"] } },
            "additionalProperties": true,
        },
        "else": { "required": ["steps"], "additionalProperties": true },
        "additionalProperties": true,
    })
}

fn is_number(schema: &Value) -> bool {
    let number = |kind: &Value| kind == "number" || kind == "integer";
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(number),
        kind => number(kind),
    }
}

fn is_text(schema: &Value) -> bool {
    schema["type"] == "string"
}

/// A value in a list: its docs and default are those of the list.
fn bare(schema: &mut Value) {
    if let Some(map) = schema.as_object_mut() {
        map.remove("default");
        map.remove("description");
    }
    finish(schema);
}

/// Adds to the docs what the values mean, and type and default where the docs are silent. Where other
/// types are allowed beside texts of an `enum`, a pattern takes its place.
fn explain(schema: &mut Value) {
    let docs = value_docs(schema).into_iter();
    let docs = docs.filter(|(_, docs)| !docs.is_empty());
    let docs: Vec<String> = docs
        .map(|(value, docs)| format!("- `{value}`: {docs}"))
        .collect();
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if map.contains_key("properties") && map.get("default").is_some_and(Value::is_object) {
        // Its keys have theirs.
        map.remove("default");
    }
    let default = map.get("default").map(ToString::to_string);
    if let Some(Value::String(text)) = map.get_mut("description") {
        if !docs.is_empty() && !text.contains("\n- `") {
            let _ = write!(text, "\n\n{}", docs.join("\n"));
        }
        if let Some(default) = default.filter(|_| !text.to_lowercase().contains("default")) {
            let _ = write!(text, "\n\nDefault `{default}`.");
        }
    }
    if map.get("format").is_some_and(|format| format == "date") {
        // TOML has dates of its own, and a text will do too.
        map.remove("format");
        map.remove("type");
        let text = json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });
        map.insert(
            "anyOf".into(),
            json!([{ "type": "string", "format": "date" }, text]),
        );
    }
    if map.get("type").is_some_and(|kind| kind == "number") {
        map.insert("type".into(), json!(["number"]));
    }
    let Some(Value::Array(types)) = map.get_mut("type") else {
        return;
    };
    // Tombi explains a whole number given for a fraction only where both are named.
    if types.contains(&json!("number")) && !types.contains(&json!("integer")) {
        types.insert(1, "integer".into());
    }
    let pattern = map.get("pattern").and_then(Value::as_str);
    let listed = pattern.and_then(listed).map(Value::from);
    if let Some(values) = map.remove("enum").or(listed) {
        let docs = map.remove("x-taplo");
        texts(map, &values, docs);
    }
}

/// Allows certain texts where other types are allowed too: a pattern gives the message, and the
/// alternatives, which allow anything, are what editors complete.
pub(super) fn texts(map: &mut Map<String, Value>, values: &Value, docs: Option<Value>) {
    let names: Vec<&str> = values
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let pattern = format!("^({})$", names.join("|"));
    map.entry("pattern").or_insert_with(|| pattern.into());
    let mut complete = json!({ "enum": values });
    if let Some(docs) = docs {
        complete["x-taplo"] = docs;
    }
    let other = json!({ "not": { "enum": values } });
    map.insert("anyOf".into(), json!([complete, other]));
}
