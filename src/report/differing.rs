//! In what the chosen trials of the variants differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::markdown::{escape, table};
use super::summary::Row;
use crate::settings::{flatten, nesting};

/// A value that is not the same in all definitions of the chosen trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub(crate) struct Differing {
    /// The path of the key: `model.als.factors`; of a place that names a plugin its name: `model`.
    pub(crate) parameter: String,
    /// The value of each row of the leaderboard, in its order; none where there is no such key.
    pub(crate) values: Vec<Option<String>>,
}

/// Places that name one plugin.
const PLUGINS: [&str; 2] = ["model", "weighting"];

/// What differs between the rows: plugins first, then all else by path. A row alone differs from nothing.
pub(super) fn differing(rows: &[Row]) -> Vec<Differing> {
    let definitions: Vec<&Value> = rows.iter().map(|row| &row.definition).collect();
    between(&definitions)
}

fn between(definitions: &[&Value]) -> Vec<Differing> {
    let plugins = PLUGINS.iter().map(|place| Differing {
        parameter: (*place).to_owned(),
        values: definitions
            .iter()
            .map(|definition| definition.get(*place).map(nesting))
            .collect(),
    });
    let flat: Vec<BTreeMap<String, String>> = definitions
        .iter()
        .map(|definition| {
            let all = flatten(definition).into_iter();
            // A plugin without parameters has said all by its name.
            all.filter(|(_, value)| value != "{}").collect()
        })
        .collect();
    let mut paths: Vec<&String> = Vec::new();
    for path in flat.iter().flat_map(BTreeMap::keys) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let others = paths.iter().map(|path| Differing {
        parameter: (*path).clone(),
        values: flat.iter().map(|own| own.get(*path).cloned()).collect(),
    });
    let differ = |of: &Differing| of.values.iter().any(|value| *value != of.values[0]);
    plugins.chain(others).filter(differ).collect()
}

/// Variants that `report.md` has a column for.
const COLUMNS: usize = 8;

/// The section of `report.md`: a line a value that differs, a column a variant.
pub(super) fn markdown(out: &mut String, rows: &[Row], differing: &[Differing]) {
    if differing.is_empty() {
        return;
    }
    out.push_str("## What differs between variants\n\n");
    out.push_str("All else in the definitions of the chosen trials is the same.");
    let more = rows.len().saturating_sub(COLUMNS);
    if more > 0 {
        let _ = write!(
            out,
            " The first {COLUMNS} of {} variants; `report.json` has all.",
            rows.len()
        );
    }
    out.push_str("\n\n");
    let mut header = vec!["key".to_owned()];
    header.extend(rows.iter().take(COLUMNS).map(|row| escape(&row.variant)));
    let line = |of: &Differing| {
        let values = of.values.iter().take(COLUMNS);
        let values = values.map(|value| value.as_deref().map_or(String::new(), escape));
        std::iter::once(escape(&of.parameter))
            .chain(values)
            .collect()
    };
    let lines: Vec<Vec<String>> = differing.iter().map(line).collect();
    let words = header.len();
    table(out, &header, &lines, words);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::between;

    fn lines(definitions: &[Value]) -> Vec<String> {
        let definitions: Vec<&Value> = definitions.iter().collect();
        let differing = between(&definitions).into_iter();
        let line = |values: Vec<Option<String>>| -> Vec<String> {
            let values = values.into_iter();
            values.map(|v| v.unwrap_or_else(|| "-".into())).collect()
        };
        differing
            .map(|d| format!("{}: {}", d.parameter, line(d.values).join(" ")))
            .collect()
    }

    #[test]
    fn only_what_differs_is_listed_with_plugins_first() {
        let of = |model: Value| json!({ "seed": 1, "cleaners": [{ "trim": {} }], "weighting": { "binary": {} }, "model": model });
        let als = |factors: u64| of(json!({ "als": { "alpha": 1.0, "factors": factors } }));
        let random = of(json!({ "random": {} }));
        assert_eq!(lines(&[]), [""; 0]);
        assert_eq!(lines(&[als(8)]), [""; 0]);
        assert_eq!(lines(&[als(8), als(16)]), ["model.als.factors: 8 16"]);
        assert_eq!(
            lines(&[als(8), random]),
            [
                "model: als random",
                "model.als.alpha: 1.0 -",
                "model.als.factors: 8 -"
            ]
        );
    }
}
