//! The cells and rows that are wrong, one by one, in a second pass over the log.

use std::io::Write;

use musicrec_api::{SourceContext, View};
use rustc_hash::FxHashMap;

use super::Audit;
use super::column::{Column, Kind, is_marker, normal_id};
use super::duplicates::Found;
use super::ids::{Ids, certain};
use super::labels::{How, Labels};
use super::numbers::with_comma;
use super::open::Opened;
use super::reading::Pass;
use super::times::{Clock, Read};
use crate::exit::Failure;

/// What is wrong with the values of a column.
#[derive(Debug)]
struct Rules<'a> {
    column: &'a Column,
    no_one: Vec<&'a str>,
    /// Names of labels, and whether they are spelled or meant so.
    labels: FxHashMap<&'a str, (&'a str, &'static str)>,
    fence: Option<f64>,
    clock: Clock,
}

/// What is wrong with a value, and what becomes of it; nothing, one thing or two.
type Verdict = Vec<(&'static str, String)>;

impl<'a> Rules<'a> {
    fn new(column: &'a Column, ids: &'a [Ids], labels: &'a [Labels]) -> Self {
        let own = ids
            .iter()
            .find(|ids| ids.column == column.name && column.kind == Kind::Id);
        let mut named = FxHashMap::default();
        for cluster in labels
            .iter()
            .filter(|l| l.column == column.name)
            .flat_map(|l| &l.clusters)
        {
            for spelling in cluster.spellings.iter().filter(|s| s.label != cluster.name) {
                let rule = if spelling.how == How::Meaning {
                    "synonym"
                } else {
                    "spelling"
                };
                named.insert(spelling.label.as_str(), (cluster.name.as_str(), rule));
            }
        }
        Self {
            column,
            no_one: own.map_or(Vec::new(), |ids| certain(&ids.placeholders).collect()),
            labels: named,
            fence: column.numbers.figures().and_then(|figures| figures.fence),
            clock: Clock::default(),
        }
    }

    fn verdict(&mut self, text: &str) -> Verdict {
        let trimmed = text.trim();
        if self.column.kind == Kind::Id {
            return self.of_id(text, trimmed);
        }
        self.of_cell(text, trimmed).into_iter().collect()
    }

    fn of_id(&self, text: &str, trimmed: &str) -> Verdict {
        let id = normal_id(trimmed, self.column.case);
        let mut found = Vec::new();
        if trimmed.len() < text.len() {
            found.push(("padded", id.clone().into_owned()));
        }
        if self.no_one.contains(&&*id) {
            found.push(("placeholder", String::new()));
        } else if id != trimmed {
            found.push(("upper_case", id.into_owned()));
        }
        found
    }

    fn of_cell(&mut self, text: &str, trimmed: &str) -> Option<(&'static str, String)> {
        let missing = trimmed.is_empty() || is_marker(trimmed);
        match self.column.kind {
            Kind::Time => match self.clock.read(trimmed) {
                Read::Time(..) => None,
                _ if missing => Some(("missing", String::new())),
                _ => Some(("no_time", String::new())),
            },
            _ if missing => Some(("missing", String::new())),
            Kind::Number => match musicrec_cleaners::read_number(text) {
                None => Some(
                    with_comma(text).map_or(("no_number", String::new()), |number| {
                        ("decimal_comma", number.to_string())
                    }),
                ),
                Some((number, _)) if number < 0.0 => Some(("negative", String::new())),
                Some((number, _)) if self.fence.is_some_and(|fence| number > fence) => {
                    Some(("outlier", String::new()))
                }
                Some((number, mended)) => mended.map(|rule| (rule, number.to_string())),
            },
            _ => {
                let label = self
                    .labels
                    .get(text)
                    .map(|&(name, rule)| (rule, name.to_owned()));
                label.or_else(|| {
                    (trimmed.len() < text.len()).then(|| ("padded", trimmed.to_owned()))
                })
            }
        }
    }
}

/// Writes a row for each cell and row that is wrong: number of the row, what is wrong, column, the cell
/// before and after it is mended. Gives how many were written.
pub(super) fn write(
    out: &mut dyn Write,
    opened: &Opened,
    pass: &Pass,
    audit: &Audit,
    found: &Found,
    mut tell: impl FnMut(u64) -> musicrec_api::Result<()>,
) -> Result<u64, Failure> {
    let mut rules: Vec<Rules> = pass
        .columns
        .iter()
        .map(|column| Rules::new(column, &audit.ids, &audit.labels))
        .collect();
    let mut csv = csv::Writer::from_writer(out);
    let failed =
        |error: csv::Error| Failure::Output(format!("cannot write the quarantine: {error}"));
    csv.write_record(["row", "rule", "column", "before", "after"])
        .map_err(failed)?;
    let (mut written, mut rows) = (0, 0);
    let mut again = found.dropped.iter().copied().peekable();
    let mut ledger = musicrec_api::Ledger::default();
    let context = SourceContext::new(&opened.base, opened.seed);
    // An error of the file passes through the source.
    let mut failure = None;
    let read = opened.source.read(&context, &mut ledger, &mut |chunk| {
        // Each distinct value is judged once a chunk.
        let judged: Vec<(View, Vec<Verdict>)> = chunk
            .views()
            .zip(&mut rules)
            .map(|(view, rules)| (view, judged(view, rules)))
            .collect();
        for row in 0..chunk.rows() {
            let number = chunk.number(row);
            let mut line = |rule: &str, column: &str, before: &str, after: &str| {
                written += 1;
                let cells = [&number.to_string(), rule, column, before, after];
                if let Err(error) = csv.write_record(cells) {
                    failure.get_or_insert(failed(error));
                }
            };
            for ((view, verdicts), rules) in judged.iter().zip(&mut rules) {
                let name = &rules.column.name;
                match view {
                    view if view.is_missing(row) => line("missing", name, "", ""),
                    View::Text(text) => {
                        for (rule, after) in &verdicts[text.code(row) as usize] {
                            line(rule, name, &view.show(row), after);
                        }
                    }
                    view => {
                        let before = view.show(row);
                        for (rule, after) in rules.verdict(&before) {
                            line(rule, name, &before, &after);
                        }
                    }
                }
            }
            if again.next_if_eq(&number).is_some() {
                line("duplicate_key", "", "", "");
            }
        }
        rows += chunk.rows() as u64;
        if failure.is_some() {
            return Err(musicrec_api::Error::Cancelled);
        }
        tell(rows)
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    read?;
    csv.flush()
        .map_err(|e| Failure::output("the quarantine", &e))?;
    Ok(written)
}

/// What is wrong with each distinct value of a column of texts.
fn judged(view: View, rules: &mut Rules) -> Vec<Verdict> {
    match view {
        View::Text(text) => text
            .values()
            .iter()
            .map(|value| rules.verdict(value))
            .collect(),
        _ => Vec::new(),
    }
}
