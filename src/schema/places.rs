//! Places of a definition that name plugins.

use std::collections::BTreeMap;

use musicrec_api::{Kind, Registration};
use serde_json::{Map, Value, json};

use super::axes;
use crate::reference::{first_sentence, of, plain};

/// Collects the schemas of plugins that places refer to.
#[derive(Debug, Default)]
pub(super) struct Places {
    definitions: BTreeMap<String, Value>,
}

/// How a plugin is written at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Once, without axes.
    Plain,
    /// Once, its parameters may be axes.
    Entry,
    /// The same, and a list of tables is that many of them.
    Several,
}

impl Places {
    /// A place for one plugin without axes.
    pub(super) fn one(&mut self, kind: Kind, docs: &str) -> Value {
        let mut place = self.place(kind, Form::Plain, docs);
        place["maxProperties"] = 1.into();
        place
    }

    /// A place for tables of several plugins without axes.
    pub(super) fn each(&mut self, kind: Kind, docs: &str) -> Value {
        self.place(kind, Form::Plain, docs)
    }

    /// A place for several plugins: an axis.
    pub(super) fn several(&mut self, kind: Kind, docs: &str) -> Value {
        let mut place = self.place(kind, Form::Several, docs);
        if kind == Kind::Weighting {
            place["properties"]["grid"] = json!({
                "description": "The plugins to try, each in trials of its own.",
                "type": "array",
                "items": self.reference(kind),
                "minItems": 1,
            });
            place["dependencies"] = alone();
        }
        place
    }

    /// A list of plugins, an entry of which may be an axis.
    pub(super) fn list(&mut self, kind: Kind, docs: &str) -> Value {
        let key = format!("{}.alternative", kind.key());
        let grid = json!({
            "description": "The alternatives; `\"off\"` leaves the entry out.",
            "type": "array",
            "items": { "$ref": format!("#/definitions/{key}") },
            "minItems": 1,
        });
        let mut entry = self.place(kind, Form::Entry, &format!("One of `{}`.", kind.key()));
        entry["maxProperties"] = 1.into();
        let mut alternative = self.place_with(kind, Form::Entry, "One alternative.", true);
        alternative["maxProperties"] = 1.into();
        for place in [&mut entry, &mut alternative] {
            place["properties"]["grid"] = grid.clone();
        }
        self.definitions.insert(key, alternative);
        json!({ "description": docs, "type": "array", "items": entry })
    }

    /// A list of plugins inside of another, an entry of which may be an axis. `schema` is that of the parameter.
    pub(super) fn nested(&mut self, kind: Kind, schema: &Value) -> Value {
        let key = format!("{}.nested", kind.key());
        let entry = json!({ "$ref": format!("#/definitions/{key}") });
        if !self.definitions.contains_key(&key) {
            self.definitions.insert(key.clone(), Value::Null);
            let docs = format!("One {} plugin.", kind.key());
            let mut place = self.place(kind, Form::Several, &docs);
            place["maxProperties"] = 1.into();
            place["properties"]["grid"] = json!({
                "description": "The plugins to try, each in trials of its own.",
                "type": "array",
                "items": entry,
                "minItems": 1,
            });
            self.definitions.insert(key, place);
        }
        let mut list = schema.clone();
        let one = json!({ "type": "array", "items": entry, "minItems": schema["minItems"] });
        list["items"] = entry;
        list["type"] = json!(["array", "object"]);
        list["properties"] = json!({ "grid": {
            "description": "The lists to try, each in trials of its own.",
            "type": "array",
            "items": one,
            "minItems": 1,
        } });
        list["additionalProperties"] = false.into();
        list["minProperties"] = 1.into();
        if let Some(list) = list.as_object_mut() {
            list.remove(plain::PLUGIN);
        }
        list
    }

    /// A reference to a place for several plugins.
    pub(super) fn reference(&mut self, kind: Kind) -> Value {
        let key = kind.key();
        if !self.definitions.contains_key(key) {
            self.definitions.insert(key.into(), Value::Null);
            let place = self.several(kind, &format!("One or several {key} plugins."));
            self.definitions.insert(key.into(), place);
        }
        json!({ "$ref": format!("#/definitions/{key}") })
    }

    /// All schemas that something refers to.
    pub(super) fn definitions(self) -> Map<String, Value> {
        let mut all = axes::definitions();
        all.extend(self.definitions);
        all
    }

    /// The same where no axes may stand.
    pub(super) fn named(self) -> Map<String, Value> {
        self.definitions.into_iter().collect()
    }

    fn place(&mut self, kind: Kind, form: Form, docs: &str) -> Value {
        self.place_with(kind, form, docs, false)
    }

    fn place_with(&mut self, kind: Kind, form: Form, docs: &str, off: bool) -> Value {
        let mut properties = Map::new();
        let mut names: Vec<String> = Vec::new();
        let mut summaries: Vec<String> = Vec::new();
        let mut bare: Vec<&str> = Vec::new();
        let mut with_depth: Vec<&str> = Vec::new();
        for plugin in of(kind) {
            let parameters = plain::parameters(plugin);
            properties.insert(plugin.name.into(), self.plugin(plugin, &parameters, form));
            // The name alone takes all defaults, so each parameter must have one.
            if parameters["required"]
                .as_array()
                .is_some_and(|r| !r.is_empty())
            {
                continue;
            }
            let docs = parameters["description"].as_str().unwrap_or_default();
            names.push(plugin.name.into());
            summaries.push(first_sentence(docs));
            let depth = &parameters["properties"]["k"];
            if kind == Kind::Metric && depth["type"] == "integer" {
                with_depth.push(plugin.name);
                names.push(format!("{}@{}", plugin.name, depth["default"]));
                summaries.push(format!(
                    "`{}` with `k = {}`.",
                    plugin.name, depth["default"]
                ));
            } else {
                bare.push(plugin.name);
            }
        }
        if off {
            names.push("off".into());
            summaries.push("The entry is left out.".into());
            bare.push("off");
        }
        let mut place = Map::new();
        place.insert("description".into(), docs.into());
        place.insert("type".into(), json!(["string", "object"]));
        place.insert("pattern".into(), pattern(&bare, &with_depth).into());
        let docs = json!({ "docs": { "enumValues": summaries } });
        axes::texts(&mut place, &names.into(), Some(docs));
        place.insert("properties".into(), properties.into());
        place.insert("additionalProperties".into(), false.into());
        place.insert("minProperties".into(), 1.into());
        Value::Object(place)
    }

    /// A reference to the schema of a plugin's table.
    fn plugin(&mut self, plugin: &Registration, parameters: &Value, form: Form) -> Value {
        let kind = plugin.kind.key();
        let axes = if form == Form::Plain && plugin.kind == Kind::Weighting {
            "targets"
        } else {
            kind
        };
        let key = format!("{axes}.{}", plugin.name);
        let reference = json!({ "$ref": format!("#/definitions/{key}") });
        if !self.definitions.contains_key(&key) {
            self.definitions.insert(key.clone(), Value::Null);
            let table = if form == Form::Plain {
                self.plain_table(parameters)
            } else {
                self.table(plugin.kind, parameters, form, &reference)
            };
            self.definitions.insert(key, table);
        }
        reference
    }

    fn plain_table(&mut self, parameters: &Value) -> Value {
        let mut table = parameters.clone();
        let properties = table.get_mut("properties").and_then(Value::as_object_mut);
        for (_, property) in properties.into_iter().flatten() {
            if property[plain::PLUGIN].is_string() {
                let docs = property["description"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let mut place = self.one(Kind::Weighting, &docs);
                place["default"] = property["default"].take();
                *property = place;
            }
        }
        axes::finish(&mut table);
        table
    }

    fn table(&mut self, kind: Kind, parameters: &Value, form: Form, own: &Value) -> Value {
        let mut properties = Map::new();
        if kind == Kind::Model {
            properties.insert("label".into(), label());
        }
        let mut zip = Map::new();
        for (name, schema) in parameters["properties"].as_object().into_iter().flatten() {
            let drawn = [Kind::Model, Kind::Weighting].contains(&kind);
            properties.insert(name.clone(), axes::parameter(schema, drawn, self));
            zip.insert(name.clone(), axes::zipped(schema, self));
        }
        let takes_parameters = !zip.is_empty();
        if takes_parameters {
            properties.entry("zip").or_insert_with(|| {
                json!({
                    "description": "Parameters that move together, each with equally many values: \
                        `zip = { a = [1, 2], b = [10, 20] }` tries `a = 1, b = 10` and `a = 2, b = 20`.",
                    "type": "object",
                    "properties": zip,
                    "additionalProperties": false,
                    "minProperties": 1,
                })
            });
            properties.entry("grid").or_insert_with(|| {
                json!({
                    "description": "Whole tables of parameters to try.",
                    "type": "array",
                    "items": own,
                    "minItems": 1,
                })
            });
        }
        let mut table = json!({
            "description": parameters["description"],
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if form == Form::Several {
            table["type"] = json!(["object", "array"]);
            table["items"] = own.clone();
        }
        if let (Some(required), Some(map)) = (parameters.get("required"), table.as_object_mut()) {
            map.insert("required".into(), required.clone());
            axes::require_unless(map, &["zip", "grid"]);
        }
        table
    }
}

/// Matches the names of plugins, some of which may be followed by a depth.
fn pattern(bare: &[&str], with_depth: &[&str]) -> String {
    let deep = format!("({})(@[1-9][0-9]*)?", with_depth.join("|"));
    match (bare, with_depth) {
        (_, []) => format!("^({})$", bare.join("|")),
        ([], _) => format!("^{deep}$"),
        _ => format!("^({}|{deep})$", bare.join("|")),
    }
}

/// A grid of plugins stands alone.
fn alone() -> Value {
    json!({ "grid": { "maxProperties": 1, "additionalProperties": true } })
}

fn label() -> Value {
    json!({
        "description": "Names this row of the leaderboard: up to 60 characters in one line, without ( ) \
            and *. Default: the plugin's name, with `-1`, `-2` … where it stands several times.",
        "type": "string",
        "maxLength": 60,
        "pattern": "^[^()*]+$",
    })
}
