//! The JSON Schemas of definitions and of cluster files, made from the plugins that are linked: what editors complete, explain
//! and mark.
//!
//! It is written for editors. Draft 7, which both Taplo (Even Better TOML) and Tombi know. Keywords of
//! several types stand side by side (`"type": ["number", "object"]` with `minimum` and `properties`), for
//! a fault in an `anyOf` is answered by "matches none of these" and nothing else. Every table that is
//! not a map refuses unknown keys, so that a misspelt one is marked.

mod axes;
mod places;
mod report;

use musicrec_api::Kind;
use serde_json::{Map, Value, json};

use crate::experiment::{Evaluation, Recommendations, ReportSettings, Rules, Search};
use crate::reference::plain;
use places::Places;
pub(crate) use report::{of_audit, of_ledger, of_report};

/// The schema of a whole definition.
pub(crate) fn definition() -> Value {
    let mut places = Places::default();
    let properties = json!({
        "include": {
            "description": "Files that this one extends, relative to it: one or a list. They are merged in \
                order, and what stands here wins.",
            "type": ["string", "array"],
            "items": { "type": "string" },
            "minItems": 1,
        },
        "name": {
            "description": "Names the folder under `reports/`: up to 100 letters, digits, `-`, `_` and `.`, \
                starting with a letter or digit. Default: the name of the file without `.toml`.",
            "type": "string",
            "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$",
        },
        "seed": {
            "description": "Everything random derives from it. At least 0, default 0.",
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
        "source": places.one(Kind::Source, "Where the log comes from: one source plugin."),
        "cleaners": places.list(
            Kind::Cleaner,
            "What is done about the mess: cleaner plugins, each on what the one before left. Default none. \
             An entry may be an axis: `{ grid = [\"name\", { name = { … } }, \"off\"] }`.",
        ),
        "splitter": places.one(
            Kind::Splitter,
            "How the log is cut into train, validation and test: one splitter plugin. Default `global_time`.",
        ),
        "weighting": places.several(
            Kind::Weighting,
            "How strong an interaction is: one or several weighting plugins, the best is chosen on \
             validation. Default `event_strength`.",
        ),
        "model": places.several(
            Kind::Model,
            "What competes: one or several model plugins, `[model.name]` or, for several settings of one, \
             `[[model.name]]`.",
        ),
        "search": search(),
        "evaluation": evaluation(&mut places),
        "rules": described::<Rules>(
            "Rules of the product: what no list may hold, whatever the model, neither where it is judged nor in \
             what is exported.",
        ),
        "recommendations": described::<Recommendations>("What `recommendations.csv` holds."),
        "report": described::<ReportSettings>(
            "How the report is drawn. It changes no result: a folder that is done is drawn anew, nothing \
             runs again.",
        ),
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "musicrec-lab experiment",
        "description": "One experiment of musicrec-lab. Generated from the linked plugins by \
            `musicrec-lab schema`.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        // What is included may say it.
        "if": { "required": ["include"], "additionalProperties": true },
        "else": { "required": ["source", "model"], "additionalProperties": true },
        "definitions": Value::Object(places.definitions()),
    })
}

/// The schema of a whole cluster file.
pub(crate) fn cluster() -> Value {
    let mut places = Places::default();
    let launchers = places.each(
        Kind::Launcher,
        "What may run the units of a sweep, a table each; `--launcher` says which of them does.",
    );
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "musicrec-lab cluster",
        "description": "How launchers of musicrec-lab are set (`--cluster`). Generated from the linked plugins by \
            `musicrec-lab schema --cluster`.",
        "type": "object",
        "properties": { "launcher": launchers },
        "additionalProperties": false,
        "definitions": Value::Object(places.named()),
    })
}

fn search() -> Value {
    let mut schema = described::<Search>(
        "How trials are found. Without it every point of the grids is a trial.",
    );
    schema["minProperties"] = 1.into();
    schema
}

fn evaluation(places: &mut Places) -> Value {
    let mut schema = described::<Evaluation>("How trials are judged.");
    let mut properties = Map::new();
    properties.insert(
        "metrics".into(),
        places.list(
            Kind::Metric,
            "What is measured: metric plugins; `\"ndcg@3\"` is short for `{ ndcg = { k = 3 } }`. Default \
             `[\"recall@3\", \"precision@3\", \"ndcg@3\"]`. In an axis each of them is measured.",
        ),
    );
    properties["metrics"]["minItems"] = 1.into();
    properties["metrics"]["default"] = json!(["recall@3", "precision@3", "ndcg@3"]);
    let others = schema["properties"].as_object_mut().map(std::mem::take);
    properties.extend(others.unwrap_or_default());
    properties.insert(
        "targets".into(),
        places.one(
            Kind::Weighting,
            "A weighting plugin: an item of the evaluated part is a target of a user if its summed weight \
             by this is above 0. Default `event_strength`.",
        ),
    );
    // The model headers are rows in any case.
    properties["compare"]["contains"] = json!({ "enum": ["model"] });
    properties["compare"]["uniqueItems"] = true.into();
    schema["properties"] = properties.into();
    schema
}

fn described<T: schemars::JsonSchema>(docs: &str) -> Value {
    let mut schema = plain::of::<T>();
    schema["description"] = docs.into();
    axes::finish(&mut schema);
    schema
}
