//! What distinguishes alternatives, in a few words: `factors=32, weighting=bm25(plays)`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a trial is called: its variant, and what distinguishes it within that.
pub(crate) fn trial_name(variant: &str, settings: &str) -> String {
    match settings {
        "" => variant.to_owned(),
        settings => format!("{variant} ({settings})"),
    }
}

/// A resolved definition as `path.to.key` and value pairs.
pub(crate) fn flatten(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
        let join = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    walk(value, &join(key), out);
                }
            }
            Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => {
                for (at, item) in items.iter().enumerate() {
                    walk(item, &join(&at.to_string()), out);
                }
            }
            Value::String(text) => out.push((path.to_owned(), text.clone())),
            other => out.push((path.to_owned(), other.to_string())),
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

/// The parameters of a resolved plugin, `{ name = { … } }`, as paths and values.
pub(crate) fn parameters(plugin: &Value) -> BTreeMap<String, String> {
    let parameters = plugin.as_object().and_then(|m| m.values().next()).cloned();
    flatten(&parameters.unwrap_or_default())
        .into_iter()
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

/// The parameters that do not have one value in all of several plugins. One without it counts as
/// another value.
pub(crate) fn varying<'a>(
    plugins: impl Iterator<Item = &'a BTreeMap<String, String>> + Clone,
) -> BTreeSet<&'a str> {
    let mut values: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut varying = BTreeSet::new();
    let count = plugins.clone().count();
    for (key, value) in plugins.flatten() {
        let (first, times) = values.entry(key).or_insert((value, 0));
        *times += 1;
        if *first != value {
            varying.insert(key.as_str());
        }
    }
    let lacking = values.iter().filter(|(_, (_, times))| *times < count);
    varying.extend(lacking.map(|(key, _)| *key));
    varying
}

/// Those parameters of a plugin: `factors=32`.
pub(crate) fn named(
    own: &BTreeMap<String, String>,
    keys: &BTreeSet<&str>,
    prefix: &str,
) -> Vec<String> {
    own.iter()
        .filter(|(key, _)| keys.contains(key.as_str()))
        .map(|(key, value)| format!("{prefix}{key}={value}"))
        .collect()
}

/// A resolved plugin by name, with what it nests: `log(plays)`.
pub(crate) fn nesting(plugin: &Value) -> String {
    let Some((name, parameters)) = plugin.as_object().and_then(|m| m.iter().next()) else {
        return plugin.as_str().unwrap_or_default().to_owned();
    };
    match parameters.get("of") {
        Some(Value::Array(inner)) => {
            let inner: Vec<String> = inner.iter().map(nesting).collect();
            format!("{name}({})", inner.join(", "))
        }
        Some(inner) => format!("{name}({})", nesting(inner)),
        None => name.clone(),
    }
}

/// For each of several resolved plugins the parameters that tell it from the others of the same
/// name.
pub(crate) fn among_namesakes(plugins: &[&Value], prefix: &str) -> Vec<Vec<String>> {
    let names: Vec<String> = plugins.iter().map(|plugin| nesting(plugin)).collect();
    let all: Vec<_> = plugins.iter().map(|plugin| parameters(plugin)).collect();
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in &names {
        keys.entry(name).or_insert_with(|| {
            let namesakes = all.iter().zip(&names).filter(|(_, other)| *other == name);
            varying(namesakes.map(|(parameters, _)| parameters))
        });
    }
    all.iter()
        .zip(&names)
        .map(|(own, name)| named(own, &keys[name.as_str()], prefix))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{among_namesakes, nesting};

    #[test]
    fn only_what_differs_is_named() {
        let log = json!({"log": {"of": {"plays": {"cap": 5}}}});
        assert_eq!(nesting(&log), "log(plays)");
        let other = json!({"log": {"of": {"plays": {"cap": 10}}}});
        let binary = json!({"binary": {}});
        assert_eq!(
            among_namesakes(&[&log, &other, &binary], "weighting."),
            [
                vec!["weighting.of.plays.cap=5"],
                vec!["weighting.of.plays.cap=10"],
                vec![]
            ]
        );
    }
}
