//! The parameters of a plugin as one plain JSON Schema: what the reference and the schema of definitions
//! are made of.
//!
//! What `schemars` derives is exact but indirect: references to other types, `null` for what may be left
//! out (TOML has none), and a list of alternatives for each enumeration. Here references are followed,
//! `null` is gone, and an enumeration is an `enum`, with the docs of its values beside it.

use musicrec_api::{Kind, Registration, registrations};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

/// Where the docs of the values of an `enum` stand, in its order; editors built on Taplo show them.
const VALUE_DOCS: &str = "/x-taplo/docs/enumValues";

/// The parameter of a weighting that holds another one, and of a model that holds several.
const NESTED: &str = "of";

/// Marks a parameter that names a plugin, of the kind that this says.
pub(crate) const PLUGIN: &str = "x-plugin";

/// A type that holds itself is followed this far.
const DEEPEST: usize = 12;

/// The parameters of a plugin, with its docs as description.
pub(crate) fn parameters(plugin: &Registration) -> Value {
    let mut generator = SchemaGenerator::default();
    let schema = (plugin.schema)(&mut generator).to_value();
    let mut plain = plain(&schema, &generator.take_definitions(false), 0);
    let defaults = (plugin.defaults)();
    let properties = plain.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        // A parameter that is left out where it has its default value says so in `defaults` only.
        if let Some(default) = defaults.as_ref().and_then(|d| d.get(name))
            && !default.is_null()
        {
            property.insert("default".into(), default.clone());
        }
        if [Kind::Weighting, Kind::Model].contains(&plugin.kind) && name == NESTED {
            property.insert(PLUGIN.into(), plugin.kind.key().into());
        }
        if let Some(default) = property.get("default").and_then(name_alone) {
            property.insert("default".into(), default);
        }
    }
    plain
}

/// Whether a plugin holds others of its kind.
pub(crate) fn nests(plugin: &Registration) -> bool {
    parameters(plugin)["properties"][NESTED][PLUGIN].is_string()
}

/// The same for any type.
pub(crate) fn of<T: schemars::JsonSchema>() -> Value {
    let mut generator = SchemaGenerator::default();
    let schema = T::json_schema(&mut generator).to_value();
    plain(&schema, &generator.take_definitions(false), 0)
}

/// The docs of each value of an `enum`, empty where a value has none.
pub(crate) fn value_docs(schema: &Value) -> Vec<(&str, &str)> {
    let docs = schema.pointer(VALUE_DOCS).and_then(Value::as_array);
    let values = schema["enum"].as_array().into_iter().flatten();
    let docs = docs.into_iter().flatten().filter_map(Value::as_str);
    values.filter_map(Value::as_str).zip(docs).collect()
}

/// `{ name = { … } }` with nothing but defaults is the name alone, also in a list.
fn name_alone(default: &Value) -> Option<Value> {
    if let Value::Array(items) = default {
        return items.iter().map(name_alone).collect();
    }
    let (name, given) = default.as_object()?.iter().next()?;
    let all = registrations();
    let plugin = all.iter().find(|r| r.name == name)?;
    ((plugin.defaults)().as_ref() == Some(given)).then(|| json!(name))
}

fn plain(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Value {
    let Some(schema) = schema.as_object().filter(|_| depth < DEEPEST) else {
        return Value::Bool(schema != &Value::Bool(false));
    };
    let inner = |schema: &Value| plain(schema, definitions, depth + 1);
    let mut own = schema.clone();
    let mut base = Map::new();
    if let Some(Value::String(reference)) = own.remove("$ref") {
        let name = reference.rsplit('/').next().unwrap_or_default();
        take(&mut base, definitions.get(name).map(inner));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = own.remove(key) else {
            continue;
        };
        let parts: Vec<Value> = parts
            .iter()
            .filter(|part| part["type"] != "null")
            .map(inner)
            .collect();
        if let [one] = parts.as_slice() {
            take(&mut base, Some(one.clone()));
        } else if let Some(merged) = enumeration(&parts) {
            take(&mut base, Some(merged));
        } else {
            base.insert(key.into(), parts.into());
        }
    }
    if let Some(value) = own.remove("const") {
        own.insert("enum".into(), json!([value]));
    }
    if let Some(Value::Array(types)) = own.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            own.insert("type".into(), one);
        }
    }
    if own.get("default").is_some_and(Value::is_null) {
        own.remove("default");
    }
    // The width of a machine number is no news to who writes a definition.
    own.retain(|key, value| key != "format" || value == "date");
    if let Some(Value::Object(properties)) = own.get_mut("properties") {
        for property in properties.values_mut() {
            *property = inner(property);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(part) = own.get_mut(key).filter(|part| part.is_object()) {
            *part = inner(part);
        }
    }
    base.extend(own);
    Value::Object(base)
}

fn take(base: &mut Map<String, Value>, from: Option<Value>) {
    if let Some(Value::Object(from)) = from {
        base.extend(from);
    }
}

/// Alternatives that are all texts, as one `enum`.
fn enumeration(parts: &[Value]) -> Option<Value> {
    let mut values = Vec::new();
    let mut docs = Vec::new();
    for part in parts {
        let part_values = part["enum"].as_array()?;
        if !part_values.iter().all(Value::is_string) {
            return None;
        }
        for value in part_values {
            values.push(value.clone());
            let written = part["description"].as_str().unwrap_or_default();
            docs.push(written.replace('\n', " "));
        }
    }
    let mut merged = json!({ "type": "string", "enum": values });
    if docs.iter().any(|doc| !doc.is_empty()) {
        merged["x-taplo"] = json!({ "docs": { "enumValues": docs } });
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::{of, value_docs};

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "its schema is what is looked at")]
    struct Sample {
        /// An optional one.
        limit: Option<u32>,
        /// Of the field.
        choice: Option<Choice>,
        list: Vec<Choice>,
        tree: Option<Box<Sample>>,
    }

    /// Of the type.
    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "its schema is what is looked at")]
    enum Choice {
        /// The one.
        One,
        /// The
        /// other.
        Two,
    }

    #[test]
    fn references_nulls_and_alternatives_are_gone() {
        let schema = of::<Sample>();
        let properties = &schema["properties"];
        assert_eq!(properties["limit"]["type"], "integer");
        let choice = &properties["choice"];
        assert_eq!(choice["enum"], json!(["one", "two"]));
        assert_eq!(choice["description"], "Of the field.");
        assert_eq!(
            value_docs(choice),
            [("one", "The one."), ("two", "The other.")]
        );
        assert_eq!(properties["list"]["items"]["enum"], json!(["one", "two"]));
        assert!(properties["tree"]["properties"]["tree"]["properties"]["limit"].is_object());
    }
}
