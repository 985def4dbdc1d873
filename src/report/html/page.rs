//! What templates are given: the summary as in `report.json`, the figures, and the sentences that
//! every form of the report has in common.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::engine::Engine;
use crate::report::verdict::{Decision, decision};
use crate::report::{Summary, text};

/// What is said besides the numbers of the summary.
#[derive(Debug, Serialize)]
struct Page {
    decision: Decision,
    /// The labels of the metrics, the deciding one among them.
    labels: Vec<String>,
    /// The header of users with a hit.
    users_hit: String,
    /// What there is to say below the leaderboard.
    notes: Vec<String>,
    validated: bool,
}

/// The context of all templates: `report`, `page`, and `style`, `script` and `policy` of the page.
pub(super) fn context(summary: &Summary, engine: &Engine) -> Value {
    let style = engine.file("page.css");
    let script = engine.file("page.js");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        Engine::hash(script)
    );
    Value::from_pairs([
        ("report", Value::from(Serde(summary))),
        ("page", Value::from(Serde(page(summary)))),
        ("style", Value::from_safe_string(style.to_owned())),
        ("script", Value::from_safe_string(script.to_owned())),
        // Our own words: escaped, its quotes would be longer than they are.
        ("policy", Value::from_safe_string(policy)),
    ])
}

fn page(summary: &Summary) -> Page {
    let overview = &summary.overview;
    let selection = &summary.selection;
    let notes = text::few(summary).into_iter().chain(text::seeds(summary));
    Page {
        decision: decision(overview, &summary.leaderboard),
        labels: overview.labels(),
        users_hit: text::users_hit(overview),
        notes: notes.chain(selection.halved()).collect(),
        validated: overview.validated(),
    }
}
