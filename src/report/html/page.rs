//! What templates are given: the summary as in `report.json`, the figures, and the sentences that
//! every form of the report has in common.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value as Json;

use super::engine::Engine;
use crate::report::audit::{self, Group};
use crate::report::differences::{self, PAIRS};
use crate::report::figures::Figures;
use crate::report::periods::{self, Periods};
use crate::report::prose::{self, Named};
use crate::report::published;
use crate::report::segments::{self, InSegment};
use crate::report::selection::{searched, tried};
use crate::report::verdict::{Decision, decision};
use crate::report::{Summary, text};
use crate::stages::audit::State;
use crate::sweep::CleanedLog;

/// What is said besides the numbers of the summary.
#[derive(Debug, Serialize)]
struct Page<'s> {
    decision: Decision,
    /// The labels of the metrics, the deciding one among them.
    labels: Vec<String>,
    /// The header of users with a hit.
    users_hit: String,
    /// What there is to say below the leaderboard.
    notes: Vec<String>,
    published: Option<published::Shown>,
    validated: bool,
    /// Whether there is anything that the table of all trials tells.
    trials: bool,
    choice: Choice,
    segments: Segments<'s>,
    periods: Option<Periods>,
    /// One an alternative of the cleaners, as in `report.cleanings`.
    logs: Vec<Log>,
    audit: Audit<'s>,
    comparison: Compared,
    /// The definition of each row of the leaderboard in full, indented.
    definitions: Vec<String>,
    /// What random rankings reach: name and sentence.
    chance: Vec<(String, String)>,
    provenance: Vec<Named>,
    reading: Vec<String>,
}

/// How settings were chosen.
#[derive(Debug, Serialize)]
struct Choice {
    searched: Option<String>,
    /// For each of `report.selection.budgets` what was tried: parameter and values.
    tried: Vec<Vec<(String, String)>>,
    edges: Vec<String>,
    halved: Vec<String>,
    unreached: Vec<String>,
    correlated: Option<String>,
    looked: String,
}

#[derive(Debug, Serialize)]
struct Segments<'s> {
    intro: Vec<String>,
    /// With fewer users than this a segment is marked.
    few: usize,
    /// One a way to divide the test part.
    divisions: Vec<Division<'s>>,
}

#[derive(Debug, Serialize)]
struct Division<'s> {
    by: &'s str,
    explained: &'static str,
    /// One a segment, with what each variant reaches in it.
    segments: Vec<&'s [InSegment]>,
}

/// What cleaning and splitting made of the log.
#[derive(Debug, Serialize)]
struct Log {
    label: String,
    steps: Table,
    parts: Table,
    folds: Vec<String>,
    orders: Vec<String>,
}

/// Texts as they are in every form; the first so many columns are words.
#[derive(Debug, Serialize)]
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    words: usize,
}

impl From<differences::Table> for Table {
    fn from(table: differences::Table) -> Self {
        Self {
            header: table.header,
            rows: table.rows,
            words: table.words,
        }
    }
}

/// The findings of the protocol audit, each in the section that it is about.
#[derive(Debug, Default, Serialize)]
struct Audit<'s> {
    in_short: String,
    /// What is not in order, in whatever section, warnings first.
    look: Vec<Group<'s>>,
    data: Vec<Group<'s>>,
    split: Vec<Group<'s>>,
    protocol: Vec<Group<'s>>,
}

/// Checks about whether anything that is foretold was known.
const SPLIT: [&str; 6] = [
    "time_order",
    "duplicates",
    "heard_targets",
    "repeats",
    "fitted_on_the_fit_part",
    "refit",
];

/// Checks about who is asked for what.
const DATA: [&str; 5] = ["cold_users", "cold_items", "candidates", "targets", "users"];

#[derive(Debug, Serialize)]
struct Compared {
    variants: Option<Table>,
    /// All pairs, unless these are too many or told by the table of variants.
    pairs: Option<Table>,
    /// How many pairs there are.
    count: usize,
    asked: Vec<String>,
}

/// The context of all templates: `report`, `page`, `figures`, and `style`, `script` and `policy` of the
/// page.
pub(super) fn context(summary: &Summary, engine: &Engine) -> Value {
    let style = ["charts.css", "page.css"].map(|name| engine.file(name));
    let script = engine.file("page.js");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        Engine::hash(script)
    );
    Value::from_pairs([
        ("report", Value::from(Serde(summary))),
        ("page", Value::from(Serde(page(summary)))),
        ("figures", Value::from(Serde(Figures::of(summary)))),
        ("style", Value::from_safe_string(style.join("\n"))),
        ("script", Value::from_safe_string(script.to_owned())),
        // Our own words: escaped, its quotes would be longer than they are.
        ("policy", Value::from_safe_string(policy)),
    ])
}

fn page(summary: &Summary) -> Page<'_> {
    let overview = &summary.overview;
    let selection = &summary.selection;
    let rows = &summary.leaderboard;
    let few = text::few(summary);
    let few = few.map(|line| format!("A dash for an interval: {line}"));
    let logs = overview.cleanings.iter();
    let failed = summary.trials.iter().any(|trial| trial.failure.is_some());
    Page {
        decision: decision(overview, rows),
        labels: overview.labels(),
        users_hit: text::users_hit(overview),
        notes: few.into_iter().chain(text::seeds(summary)).collect(),
        published: published::shown(&summary.published),
        validated: overview.validated(),
        trials: failed || overview.variants.iter().any(|v| v.trials.len() > 1),
        choice: Choice {
            searched: searched(overview),
            tried: selection.budgets.iter().map(of_budget).collect(),
            edges: selection.edges(),
            halved: selection.halved(),
            unreached: selection.unreached(),
            correlated: selection.correlated(&overview.select),
            looked: selection.looked(),
        },
        segments: divided(summary),
        periods: periods::shown(&overview.select, rows),
        logs: logs.clone().map(log).collect(),
        audit: audited(summary),
        comparison: compared(summary),
        definitions: rows.iter().map(|row| indented(&row.definition)).collect(),
        chance: logs
            .filter_map(|log| Some((log.labeled("Random ranking"), prose::chance(overview, log)?)))
            .collect(),
        provenance: prose::provenance(summary),
        reading: prose::reading(overview),
    }
}

fn of_budget(budget: &crate::report::selection::Budget) -> Vec<(String, String)> {
    let ranges = budget.ranges.iter();
    ranges
        .map(|range| (range.parameter.clone(), tried(range)))
        .collect()
}

fn indented(definition: &Json) -> String {
    serde_json::to_string_pretty(definition).unwrap_or_default()
}

fn divided(summary: &Summary) -> Segments<'_> {
    let divisions = summary.segments.chunk_by(|a, b| a.by == b.by);
    Segments {
        intro: segments::intro(&summary.overview),
        few: segments::FEW,
        divisions: divisions
            .map(|own| Division {
                by: &own[0].by,
                explained: segments::explained(&own[0]),
                segments: own.chunk_by(|a, b| a.segment == b.segment).collect(),
            })
            .collect(),
    }
}

fn log(log: &CleanedLog) -> Log {
    let steps = log.funnel.iter().map(|step| text::step(&step.name, step));
    let of_folds = log.folds.iter().flat_map(|fold| {
        let name = fold.role.name();
        let named = move |step: &crate::stages::prepare::Step| {
            text::step(&format!("{} (fit part for {name})", step.name), step)
        };
        fold.cleaned.iter().map(named)
    });
    Log {
        label: log.label.clone(),
        steps: Table {
            header: text::owned(text::STEP_HEADER),
            rows: steps.chain(of_folds).collect(),
            words: 2,
        },
        parts: Table {
            header: text::owned(text::PART_HEADER),
            rows: text::parts(log),
            words: 3,
        },
        folds: log.folds.iter().map(text::fold_line).collect(),
        orders: log.folds.iter().filter_map(prose::order).collect(),
    }
}

fn audited(summary: &Summary) -> Audit<'_> {
    let mut audit = Audit {
        in_short: audit::in_short(summary.audit.iter().map(|finding| &finding.check)),
        ..Audit::default()
    };
    for group in audit::grouped(&summary.audit) {
        if group.state != State::Ok {
            audit.look.push(group.clone());
        }
        let section = if SPLIT.contains(&group.check) {
            &mut audit.split
        } else if DATA.contains(&group.check) {
            &mut audit.data
        } else {
            &mut audit.protocol
        };
        section.push(group);
    }
    audit
}

fn compared(summary: &Summary) -> Compared {
    let count = summary.pairs.len();
    Compared {
        variants: differences::variants(summary).map(Table::from),
        // Two variants are one pair, which the table of variants shows.
        pairs: (2..=PAIRS)
            .contains(&count)
            .then(|| differences::pairs(&summary.pairs).into()),
        count,
        asked: differences::asked(summary),
    }
}
