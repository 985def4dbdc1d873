//! JSON Schema of `report.json`, from the types that it is written from and their comments.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::records::SCHEMA;
use crate::report::Summary;

/// What a `report.json` of this program may and must hold; nothing else.
pub(crate) fn of_report() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Summary>();
    let mut schema = Value::from(schema);
    close(&mut schema);
    schema["title"] = json!(format!("report.json of musicrec-lab, schema {SCHEMA}"));
    schema["properties"]["schema"]["const"] = json!(SCHEMA);
    schema
}

/// Objects have no other keys than those that are described, where any are.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.contains_key("properties") && keys.get("type") == Some(&json!("object")) {
                keys.entry("additionalProperties").or_insert(json!(false));
            }
            keys.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::of_report;

    #[test]
    fn the_schema_file_is_what_the_types_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/report.schema.json");
        let text = serde_json::to_string_pretty(&of_report()).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path, &text).unwrap();
        }
        let there = fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == text,
            "reports/report.schema.json is stale. If a field was removed, renamed or has another meaning, \
             raise SCHEMA (reports/README.md says when); then: UPDATE=1 cargo test --lib"
        );
    }
}
