//! All trials, a line each in the order of the definition, with a column for each parameter that any
//! variant varies.

use serde_json::Value;

use super::{Columns, Values, count};
use crate::report::Summary;
use crate::report::summary::TrialRow;

pub(in crate::report) fn trials(summary: &Summary) -> Columns {
    let labels = summary.overview.labels();
    let lines = &summary.trials;
    let mut table = Columns::default();
    table.push(
        "trial",
        lines.iter().map(|line| count(line.index)).collect(),
    );
    table.push(
        "variant",
        lines
            .iter()
            .map(|line| Some(line.variant.as_str()))
            .collect(),
    );
    table.push(
        "settings",
        lines
            .iter()
            .map(|line| Some(line.settings.as_str()))
            .collect(),
    );
    for name in parameters(lines) {
        let value = |line: &TrialRow| {
            let mut own = line.parameters.iter();
            own.find(|p| p.name == name).map(|p| p.value.clone())
        };
        let values = typed(lines.iter().map(value).collect());
        table.push(format!("parameter_{name}"), values);
    }
    for label in &labels {
        let values = lines.iter().map(|line| line.validation.get(label).copied());
        table.push(format!("validation_{label}"), values.collect());
    }
    for label in &labels {
        let values = lines.iter().map(|line| line.test.get(label).copied());
        table.push(format!("test_{label}"), values.collect());
    }
    table.push(
        "fit_seconds",
        lines.iter().map(|line| line.fit_seconds).collect(),
    );
    let peak = lines.iter().map(|line| line.peak_bytes.and_then(count));
    table.push("peak_bytes", peak.collect());
    table.push(
        "chosen",
        lines.iter().map(|line| Some(line.chosen)).collect(),
    );
    table.push(
        "failure",
        lines.iter().map(|line| line.failure.as_deref()).collect(),
    );
    table.push(
        "stopped",
        lines.iter().map(|line| line.stopped.as_deref()).collect(),
    );
    table.push(
        "stopped_at",
        lines.iter().map(|line| line.stopped_at).collect(),
    );
    table
}

/// What any trial varies, each once, in the order in which they come.
fn parameters(lines: &[TrialRow]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for parameter in lines.iter().flat_map(|line| &line.parameters) {
        if !names.contains(&parameter.name.as_str()) {
            names.push(&parameter.name);
        }
    }
    names
}

/// Values as a column of the narrowest type that holds them all; what is neither a number nor `true` or
/// `false` becomes text.
pub(super) fn typed(values: Vec<Option<Value>>) -> Values {
    let known = || values.iter().flatten();
    if known().all(Value::is_boolean) {
        values
            .iter()
            .map(|v| v.as_ref().and_then(Value::as_bool))
            .collect()
    } else if known().all(|value| value.as_i64().is_some()) {
        values
            .iter()
            .map(|v| v.as_ref().and_then(Value::as_i64))
            .collect()
    } else if known().all(Value::is_number) {
        values
            .iter()
            .map(|v| v.as_ref().and_then(Value::as_f64))
            .collect()
    } else {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        values.into_iter().map(|value| value.map(text)).collect()
    }
}
