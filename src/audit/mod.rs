//! `musicrec-lab audit`: what is wrong with a log, what it would do to a recommender, and what mends it.
//!
//! One pass over the source ([`reading`]): each column takes note of its distinct values chunk by chunk, and of each
//! row is kept what questions between rows need. What is found is figures and alerts; the cleaners
//! that mend it are a [`plan`], and the whole a definition ([`mod@write`]). An [`Audit`] is plain data, from
//! which every format is drawn.

mod activity;
mod alert;
mod column;
mod compare;
mod consistency;
mod draw;
mod duplicates;
mod findings;
mod ids;
mod interactions;
mod kept;
mod labels;
mod numbers;
mod open;
mod pairs;
mod plan;
mod quarantine;
mod reading;
mod roles;
mod signal;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod times;
mod values;
mod view;
mod write;

use std::io::Write;
use std::path::Path;

use musicrec_api::{Account, SourceContext};
use serde::{Deserialize, Serialize};

pub(crate) use activity::Activity;
pub(crate) use alert::{Alert, Example, Severity};
pub(crate) use compare::compare;
pub(crate) use consistency::Consistency;
pub(crate) use draw::{Document, html, markdown, of_audit, terminal};
pub(crate) use duplicates::{Duplicates, Funnel};
pub(crate) use findings::{ColumnFigures, TimeFigures};
pub(crate) use ids::Ids;
pub(crate) use interactions::Interactions;
pub(crate) use labels::Labels;
pub(crate) use open::Reading;
pub(crate) use pairs::Pairs;
pub(crate) use roles::Guess;
pub(crate) use signal::Signal;
pub(crate) use view::RecommenderView;

use crate::exit::Failure;
use duplicates::{Found, Sense};
use kept::NO_EVENT;
use open::Opened;
use reading::Pass;

/// Seed of what is drawn to compare with chance.
const SEED: u64 = 0;

/// Raised whenever fields of the JSON change their meaning or go.
pub(crate) const SCHEMA: u32 = 1;

/// All that an audit finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Audit {
    /// Version of this form.
    pub(crate) schema: u32,
    /// The log, as it was named.
    pub(crate) log: String,
    /// Rows, those included that could not be read.
    pub(crate) rows: u64,
    /// Rows that could not be read, by what was wrong with them.
    pub(crate) unreadable: Vec<Account>,
    /// Whether the parts of columns were guessed by their names.
    pub(crate) guessed: bool,
    /// Questions between rows were asked of all rows of one user in so many; 1 for all.
    pub(crate) one_in: u64,
    /// Rows that these questions were asked of.
    pub(crate) looked_at: u64,
    /// Findings, worst first.
    pub(crate) alerts: Vec<Alert>,
    /// Columns in their order.
    pub(crate) columns: Vec<ColumnFigures>,
    /// Users, then items.
    pub(crate) ids: Vec<Ids>,
    /// Columns of labels.
    pub(crate) labels: Vec<Labels>,
    /// Times, if the log has them.
    pub(crate) times: Option<TimeFigures>,
    /// Rows that say the same again.
    pub(crate) duplicates: Duplicates,
    /// Rows whose cells do not go together.
    pub(crate) consistency: Consistency,
    /// What honest cleaning leaves, of the rows looked at.
    pub(crate) funnel: Funnel,
    /// Whether there is anything to learn from what is left.
    pub(crate) signal: Signal,
    /// What a recommender sees of it.
    pub(crate) view: RecommenderView,
    /// What of its activity no listener has.
    pub(crate) activity: Activity,
    /// The definition that cleans the log by all that was found, and compares models on it.
    pub(crate) definition: String,
}

/// How an audit is made.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    /// What the command line says of the log's columns.
    pub(crate) reading: &'a Reading,
    /// The present time in seconds since 1970.
    pub(crate) now: i64,
    /// The folder that the definition will stand in.
    pub(crate) home: &'a Path,
    /// Whether messages may have colors.
    pub(crate) color: bool,
}

/// Audits a log, or the source of a definition, and writes the cells and rows that are wrong to
/// `quarantine`. `tell` hears how many rows were read, and may stop it.
pub(crate) fn audit(
    log: &Path,
    settings: &Settings,
    quarantine: Option<&mut dyn Write>,
    mut tell: impl FnMut(u64) -> musicrec_api::Result<()>,
) -> Result<(Audit, u64), Failure> {
    let opened = open::open(log, settings.reading, settings.color)?;
    let context = SourceContext::new(&opened.base, opened.seed);
    let guess = &opened.guess;
    let mut pass = reading::read(&*opened.source, &context, guess, settings.now, &mut tell)?;
    let (audit, doubles) = found(log, &opened, &mut pass, settings);
    let written = match quarantine {
        Some(out) => quarantine::write(out, &opened, &pass, &audit, &doubles, tell)?,
        None => 0,
    };
    Ok((audit, written))
}

fn found(log: &Path, opened: &Opened, pass: &mut Pass, settings: &Settings) -> (Audit, Found) {
    let unreadable: Vec<Account> = pass.ledger.drops().cloned().collect();
    let lost: u64 = unreadable.iter().map(|account| account.rows).sum();
    let all = pass.rows + lost;
    let ids: Vec<Ids> = [true, false].map(|of_user| ids::ids(pass, of_user)).into();
    let labels: Vec<Labels> = pass.columns.iter().filter_map(labels::labels).collect();
    let times = findings::time(pass);
    let mut sense = sense(pass, &ids, &labels);
    sense.span = times
        .as_ref()
        .map_or((i64::MIN, i64::MAX), |times| times.span(pass.now));
    let mut left = Interactions {
        kinds: sense.kinds.clone(),
        one_in: pass.kept.one_in(),
        ..Interactions::default()
    };
    let by_user = pass.kept.by_user(pass.users.len());
    let doubles = duplicates::find(pass, &by_user, &sense, &mut left);
    let consistency = consistency::consistency(pass, &by_user, &sense);
    drop(by_user);
    let looked_at = pass.kept.rows.len() as u64;
    // What is left has them; a large log has room for one of the two.
    pass.kept.rows = Vec::new();

    let mut alerts = unreadable_alerts(&unreadable, all);
    if opened.parameters.get("header") == Some(&serde_json::Value::Bool(false)) && opened.guessed {
        alerts.push(
            Alert::new("log.no_header", Severity::Note, (0, all), "the first line is taken for a row, not for names of columns: it holds numbers or times")
                .effect("which column is what is guessed by order and content")
                .remedy("say what the columns are with --user, --item, --time, --event, --plays and --seconds"),
        );
    }
    for ids in &ids {
        let column = pass.columns.iter().find(|c| c.name == ids.column);
        alerts.extend(
            column
                .into_iter()
                .flat_map(|column| ids.alerts(column, all)),
        );
    }
    alerts.extend(ids::disagreements(pass, all));
    alerts.extend(labels.iter().flat_map(|labels| labels.alerts(all)));
    let parts = pass.parts;
    for (at, column) in pass.columns.iter().enumerate() {
        let part = Some(at) == parts.plays || Some(at) == parts.seconds;
        alerts.extend(findings::of_column(column, part, all));
    }
    alerts.extend(findings::constant(&pass.columns, all));
    alerts.extend(findings::rating(pass, all));
    if let (Some(times), Some(at)) = (&times, pass.parts.time) {
        alerts.extend(findings::of_times(times, &pass.columns[at], all));
    }
    alerts.extend(doubles.alerts(looked_at));
    alerts.extend(consistency.alerts(looked_at, all));
    let entries = plan::cleaners(pass, &ids, &labels, times.as_ref(), &doubles.duplicates);
    left.user_ids = std::mem::take(&mut pass.users).into_texts();
    left.item_ids = std::mem::take(&mut pass.items).into_texts();
    let pairs = Pairs::of(&left);
    let signal = signal::signal(&left, &pairs, SEED);
    let view = view::view(&left, &pairs);
    let activity = activity::activity(&left, &pairs);
    alerts.extend(signal.alerts());
    alerts.extend(view.alerts(&left, &pairs));
    alerts.extend(activity.alerts(&ids[0].column));
    for alert in &mut alerts {
        let entry = entries.iter().find(|entry| entry.mends.contains(&alert.id));
        if let (Some(entry), true) = (entry, alert.toml.is_empty()) {
            alert.toml = entry.text();
        }
    }
    let columns: Vec<ColumnFigures> = (0..pass.columns.len())
        .map(|at| findings::column(pass, at))
        .collect();
    alerts.sort_by(|a, b| {
        (a.severity.cmp(&b.severity))
            .then(b.share.total_cmp(&a.share))
            .then_with(|| a.id.cmp(&b.id))
    });
    let mut audit = Audit {
        schema: SCHEMA,
        log: log.display().to_string(),
        rows: all,
        unreadable,
        guessed: opened.guessed,
        one_in: left.one_in,
        looked_at,
        alerts,
        columns,
        ids,
        labels,
        times,
        duplicates: doubles.duplicates.clone(),
        consistency,
        funnel: doubles.funnel.clone(),
        signal,
        view,
        activity,
        definition: String::new(),
    };
    audit.definition = write::definition(&audit, opened, &entries, settings.home);
    (audit, doubles)
}

/// Which ids are real and what labels of events mean.
fn sense(pass: &Pass, ids: &[Ids], labels: &[Labels]) -> Sense {
    let real = |ids: &Ids, known: &values::Values| -> Vec<bool> {
        let no_one: rustc_hash::FxHashSet<&str> = ids::certain(&ids.placeholders).collect();
        known
            .iter()
            .map(|value| !no_one.contains(value.text))
            .collect()
    };
    let mut sense = Sense {
        users: real(&ids[0], &pass.users),
        items: real(&ids[1], &pass.items),
        ..Sense::default()
    };
    let Some(at) = pass.parts.event else {
        return sense;
    };
    let column = &pass.columns[at];
    let labels = labels.iter().find(|labels| labels.column == column.name);
    sense.kinds = labels.map_or(Vec::new(), |l| {
        l.clusters.iter().map(|c| c.name.clone()).collect()
    });
    sense.events = column
        .values
        .iter()
        .map(|value| {
            let of =
                |cluster: &labels::Cluster| cluster.spellings.iter().any(|s| s.label == value.text);
            let place = labels.and_then(|labels| labels.clusters.iter().position(of));
            place
                .and_then(|place| u16::try_from(place).ok())
                .unwrap_or(NO_EVENT)
        })
        .collect();
    sense
}

fn unreadable_alerts(unreadable: &[Account], all: u64) -> Vec<Alert> {
    let alert = |account: &Account| {
        let samples = account.samples.iter().map(|sample| Example {
            row: sample.row,
            value: sample.before.clone(),
        });
        Alert::new(
            "rows.unreadable",
            Severity::Error,
            (account.rows, all),
            format!("rows that cannot be read: {}", account.what),
        )
        .effect("they are lost, and nobody knows what they said")
        .examples(samples)
        .remedy("mend the file; `bad_rows = \"drop\"` of the source leaves them out")
    };
    unreadable.iter().map(alert).collect()
}
