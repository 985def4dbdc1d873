//! Parameters: written and read again, unknown ones refused, complaints about real ones only.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::docs::{self, parts};
use super::examples::{blocks, parameters};
use super::logs::{COLUMNS, KINDS};
use super::promises::Promises;
use crate::{CheckContext, Problem, Registration};

/// A name that no parameter has.
const UNKNOWN: &str = "no_such_parameter";

/// Parameters to try a plugin with.
pub(super) struct Setting {
    /// Where they come from, in words.
    pub(super) origin: String,
    name: &'static str,
    parameters: Value,
    /// Whether they are all that the plugin has, defaults included.
    complete: bool,
}

impl Setting {
    /// The defaults, where there are any, and what the examples say.
    pub(super) fn all(plugin: &Registration, promises: &mut Promises) -> Vec<Self> {
        let name = plugin.name;
        let mut all: Vec<Self> = Vec::new();
        if let Some(defaults) = (plugin.defaults)() {
            all.push(Self {
                origin: "its defaults".to_owned(),
                name,
                parameters: defaults,
                complete: true,
            });
        }
        let mut mentioned = false;
        let docs = docs::text(plugin);
        for (number, block) in blocks(&docs).enumerate() {
            let number = number + 1;
            let definition = match toml::from_str::<Value>(block) {
                Ok(definition) => definition,
                Err(error) => {
                    promises.that(false, || {
                        format!(
                            "example {number} of its docs is not TOML: {}",
                            error.message()
                        )
                    });
                    continue;
                }
            };
            for parameters in parameters(&definition, plugin.kind, name) {
                mentioned = true;
                if all.iter().all(|s| s.parameters != parameters) {
                    all.push(Self {
                        origin: format!("example {number} of its docs ({parameters})"),
                        name,
                        parameters,
                        complete: false,
                    });
                }
            }
        }
        promises.that(mentioned || blocks(&docs).next().is_none(), || {
            format!(
                "no example of its docs uses it: `{name}` must stand under `{}`",
                plugin.kind.key()
            )
        });
        all
    }

    fn tagged(&self, parameters: &Value) -> Value {
        let mut tagged = Map::new();
        tagged.insert(self.name.to_owned(), parameters.clone());
        Value::Object(tagged)
    }
}

/// The plugin with these parameters, and all of them, if they are understood; checks that they survive being written
/// and read, and that nothing unknown is taken.
pub(super) fn check<T: Serialize + DeserializeOwned>(
    setting: &Setting,
    schema: &Value,
    promises: &mut Promises,
) -> Option<(T, Value)> {
    let parse = |parameters: &Value| serde_json::from_value::<T>(setting.tagged(parameters));
    let plugin = match parse(&setting.parameters) {
        Ok(plugin) => plugin,
        Err(error) => {
            let unknown = error.to_string().starts_with("unknown variant");
            promises.that(false, || {
                if unknown {
                    format!(
                        "`register!` calls it `{}`, but `#[typetag::serde(name = …)]` does not: \
                         {error}",
                        setting.name
                    )
                } else {
                    format!("these parameters are refused: {error}")
                }
            });
            return None;
        }
    };
    let written = write(&plugin, setting.name, promises)?;
    if setting.complete {
        promises.that(written == setting.parameters, || {
            format!(
                "they are not what is written of the plugin: {} became {written}",
                setting.parameters
            )
        });
    }
    match parse(&written) {
        Err(error) => promises.that(false, || {
            format!("it refuses the parameters it wrote itself ({written}): {error}")
        }),
        Ok(again) => {
            let again = write(&again, setting.name, promises)?;
            promises.that(again == written, || {
                format!("written and read again it is another: {written} became {again}")
            });
        }
    }
    for path in tables(schema, schema, &written, "") {
        let mut wrong = written.clone();
        wrong
            .pointer_mut(&path)
            .and_then(Value::as_object_mut)
            .expect("tables are found by their paths")
            .insert(UNKNOWN.to_owned(), json!(1));
        promises.that(parse(&wrong).is_err(), || {
            let place = path.trim_start_matches('/').replace('/', ".");
            let place = if place.is_empty() {
                String::new()
            } else {
                format!(" in `{place}`")
            };
            format!(
                "an unknown parameter{place} is ignored; add \
                 `#[serde(deny_unknown_fields)]`, so that a typo is a fault"
            )
        });
    }
    Some((plugin, written))
}

/// The parameters as the plugin writes them.
fn write<T: Serialize>(plugin: &T, name: &str, promises: &mut Promises) -> Option<Value> {
    let written = serde_json::to_value(plugin).map_err(|e| e.to_string());
    let found = written.and_then(|mut tagged| match tagged.get_mut(name) {
        Some(parameters) => Ok(parameters.take()),
        None => Err(format!("it is written as {tagged}, without its name")),
    });
    match found {
        Ok(parameters) => Some(parameters),
        Err(error) => {
            promises.that(false, || format!("it cannot be written: {error}"));
            None
        }
    }
}

/// JSON pointers to the tables of parameters within a value: the whole, and those with fields of
/// their own.
fn tables(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let Some(table) = value.as_object() else {
        return Vec::new();
    };
    let parts = parts(root, schema);
    let mut found = Vec::new();
    if path.is_empty() || parts.iter().any(|s| s["properties"].is_object()) {
        found.push(path.to_owned());
    }
    for part in parts {
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            if let Some(value) = table.get(name) {
                found.extend(tables(root, property, value, &format!("{path}/{name}")));
            }
        }
    }
    found
}

/// What `check` says must be about parameters that there are.
pub(super) fn problems(
    schema: &Value,
    promises: &mut Promises,
    check: impl Fn(&CheckContext) -> Vec<Problem>,
) {
    let texts = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect::<Vec<_>>();
    let (columns, events) = (texts(&COLUMNS), texts(&KINDS));
    let (other, none) = (texts(&["a_column"]), Vec::new());
    let nowhere = CheckContext::new(Path::new("there is no such folder"));
    let contexts = [
        nowhere,
        nowhere.with_columns(&columns).with_events(&events),
        nowhere.with_columns(&other).with_events(&other),
        nowhere.with_columns(&none).with_events(&none),
    ];
    for context in contexts {
        let found = promises.calm("checking its parameters", || check(&context));
        for problem in found.into_iter().flatten() {
            let parameter = &problem.parameter;
            promises.that(exists(schema, schema, parameter), || {
                format!(
                    "its `check` speaks of the parameter `{parameter}`, which it does not have \
                     ({})",
                    problem.message
                )
            });
            promises.that(!problem.message.trim().is_empty(), || {
                format!("its `check` does not say what is wrong with `{parameter}`")
            });
        }
    }
}

/// Whether a path such as `columns.1` leads to something that the schema knows.
fn exists(root: &Value, schema: &Value, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    parts(root, schema).iter().any(|part| {
        let entry = first.parse::<usize>().is_ok() && part["items"].is_object();
        let next = if part["properties"][first].is_null() {
            if entry {
                &part["items"]
            } else {
                &part["additionalProperties"]
            }
        } else {
            &part["properties"][first]
        };
        match next {
            Value::Object(_) => exists(root, next, rest),
            Value::Bool(free) => *free,
            // A nested plugin has parameters of its own.
            _ => part["maxProperties"] == 1,
        }
    })
}
