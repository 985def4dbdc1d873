//! JSON Schemas of `report.json`, of the ledger of `clean` and of what `audit` prints, from the types that they are written from and
//! their comments.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::audit;
use crate::records::SCHEMA;
use crate::report::Summary;
use crate::trail;

/// What a `report.json` of this program may and must hold; nothing else.
pub(crate) fn of_report() -> Value {
    written::<Summary>("report.json of musicrec-lab", SCHEMA)
}

/// The same of the ledger that `clean` writes.
pub(crate) fn of_ledger() -> Value {
    written::<trail::Document>("Ledger of musicrec-lab clean", trail::SCHEMA)
}

/// The same of what `audit --format json` prints.
pub(crate) fn of_audit() -> Value {
    written::<audit::Audit>("Audit of a log by musicrec-lab", audit::SCHEMA)
}

fn written<T: JsonSchema>(title: &str, version: u32) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = Value::from(schema);
    close(&mut schema);
    schema["title"] = json!(format!("{title}, schema {version}"));
    schema["properties"]["schema"]["const"] = json!(version);
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

    use super::{of_audit, of_ledger, of_report};

    #[test]
    fn the_schema_files_are_what_the_types_say() {
        for (name, schema) in [
            ("report", of_report()),
            ("ledger", of_ledger()),
            ("audit", of_audit()),
        ] {
            let name = format!("reports/{name}.schema.json");
            let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, &text).unwrap();
            }
            let there = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                there == text,
                "{name} is stale. If a field was removed, renamed or has another meaning, raise SCHEMA \
                 (reports/README.md says when); then: UPDATE=1 cargo test --lib"
            );
        }
    }
}
