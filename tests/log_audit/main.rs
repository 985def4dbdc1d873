//! `musicrec-lab audit`: what it finds against what is known to be wrong, and how it behaves as a command.

#[path = "../common/mod.rs"]
mod common;

mod command;
mod truth;

use common::Lab;
use serde_json::Value;

/// An audit as JSON.
pub(crate) fn audited(lab: &Lab, log: &str) -> Value {
    let ended = lab.done(&[
        "audit",
        log,
        "--format",
        "json",
        "--now",
        "2026-01-01T00:00:00Z",
    ]);
    serde_json::from_str(&ended.out).expect("JSON")
}

pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a count, not {value}"))
}

pub(crate) fn alert<'a>(audit: &'a Value, id: &str) -> Option<&'a Value> {
    audit["alerts"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|alert| alert["id"] == id)
}

pub(crate) fn rows(audit: &Value, id: &str) -> u64 {
    alert(audit, id).map_or(0, |alert| number(&alert["rows"]))
}

/// The entry of a list whose key has a value.
pub(crate) fn entry<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list
        .as_array()
        .expect("a list")
        .iter()
        .find(|entry| entry[key] == value);
    found.unwrap_or_else(|| panic!("no {key} {value}"))
}
