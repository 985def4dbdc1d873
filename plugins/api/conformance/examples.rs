//! The examples of a doc comment, and what they say about one plugin.

use serde_json::{Map, Value};

use crate::Kind;

/// The TOML blocks of a doc comment.
pub(super) fn blocks(docs: &str) -> impl Iterator<Item = &str> {
    docs.split("```toml")
        .skip(1)
        .filter_map(|rest| rest.split_once('\n'))
        .map(|(_, rest)| rest.split("```").next().unwrap_or_default())
}

/// The parameters that a definition, or a piece of one, gives the plugin. Of an axis it is the first
/// value.
pub(super) fn parameters(definition: &Value, kind: Kind, name: &str) -> Vec<Value> {
    let mut found = Vec::new();
    match kind {
        Kind::Cleaner => place(&definition["cleaners"], name, &mut found),
        Kind::Metric => place(&definition["evaluation"]["metrics"], name, &mut found),
        Kind::Weighting => {
            place(&definition["weighting"], name, &mut found);
            place(&definition["evaluation"]["targets"], name, &mut found);
        }
        kind => place(&definition[kind.key()], name, &mut found),
    }
    if kind == Kind::Model {
        // The label is the lab's, not the model's.
        for parameters in found.iter_mut().filter_map(Value::as_object_mut) {
            parameters.shift_remove("label");
        }
    }
    found.iter().map(first_of_axes).collect()
}

/// Looks for the plugin where one or several may be named.
fn place(node: &Value, name: &str, found: &mut Vec<Value>) {
    match node {
        Value::String(text) => {
            let (plugin, depth) = match text.split_once('@') {
                Some((plugin, depth)) => (plugin, depth.parse::<u64>().ok()),
                None => (text.as_str(), None),
            };
            if plugin == name {
                found.push(match depth {
                    Some(k) => serde_json::json!({ "k": k }),
                    None => Value::Object(Map::new()),
                });
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                place(entry, name, found);
            }
        }
        Value::Object(table) => {
            for (key, value) in table {
                if key == name {
                    match value {
                        Value::Array(several) => found.extend(several.iter().cloned()),
                        one => found.push(one.clone()),
                    }
                } else if key == "grid" {
                    place(value, name, found);
                } else if value["of"].is_object() || value["of"].is_string() {
                    // A weighting inside of another.
                    place(&value["of"], name, found);
                }
            }
        }
        _ => {}
    }
}

/// The value with the first of every `{ grid = […] }` and `{ range = […] }`, and of `zip`.
fn first_of_axes(value: &Value) -> Value {
    match value {
        Value::Object(table) => {
            for axis in ["grid", "range"] {
                if let Some(first) = table.get(axis).and_then(|values| values.get(0)) {
                    return first_of_axes(first);
                }
            }
            let mut plain = Map::new();
            for (key, value) in table {
                match value {
                    Value::Object(moved) if key == "zip" => {
                        for (key, values) in moved {
                            let first = values.get(0).unwrap_or(values);
                            plain.insert(key.clone(), first_of_axes(first));
                        }
                    }
                    value => {
                        plain.insert(key.clone(), first_of_axes(value));
                    }
                }
            }
            Value::Object(plain)
        }
        Value::Array(values) => Value::Array(values.iter().map(first_of_axes).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{blocks, parameters};
    use crate::Kind;

    fn of(kind: Kind, name: &str, toml: &str) -> Vec<Value> {
        parameters(&toml::from_str(toml).unwrap(), kind, name)
    }

    #[test]
    fn plugins_are_found_however_they_are_written() {
        let toml = "[model.als]\nfactors.grid = [8, 16]\nalpha = { range = [1.0, 4.0], steps = 3 }\n\
                    label = \"x\"\nzip = { a = [1, 2], b = { range = [3, 4], steps = 2 } }\n";
        let expected = json!({"factors": 8, "alpha": 1.0, "a": 1, "b": 3});
        assert_eq!(of(Kind::Model, "als", toml), [expected]);
        assert_eq!(of(Kind::Model, "als", "model = \"als\""), [json!({})]);
        let twice = "[[model.als]]\nfactors = 1\n[[model.als]]\nfactors = 2";
        assert_eq!(of(Kind::Model, "als", twice).len(), 2);
        let metrics = "evaluation.metrics = [\"ndcg@3\", { ndcg = { k = 5 } }, \"recall@3\"]";
        let expected = [json!({"k": 3}), json!({"k": 5})];
        assert_eq!(of(Kind::Metric, "ndcg", metrics), expected);
        let cleaners = "[[cleaners]]\ngrid = [{ x = { a = 1 } }, \"off\"]\n[[cleaners]]\ny = {}";
        assert_eq!(of(Kind::Cleaner, "x", cleaners), [json!({"a": 1})]);
        let nested = "[weighting.log]\nof.recency = { of.plays = { cap = 2 } }";
        assert_eq!(of(Kind::Weighting, "plays", nested), [json!({"cap": 2})]);
    }

    #[test]
    fn blocks_are_those_of_toml() {
        let docs = "A.\n\n```toml\na = 1\n```\n\n```text\nno\n```\n\n```toml\nb = 2\n```";
        assert_eq!(blocks(docs).collect::<Vec<_>>(), ["a = 1\n", "b = 2\n"]);
    }
}
