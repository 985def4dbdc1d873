//! The cleaners that mend what was found, in the order in which they must work.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::column::{Column, Kind};
use super::duplicates::{Drop, Duplicates};
use super::ids::{Ids, certain};
use super::labels::{How, Labels};
use super::reading::Pass;

/// A song is seldom longer; a row of more seconds is no single listening.
const HOUR: f64 = 3600.0;

/// An entry of `[[cleaners]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it is for, a line each.
    pub(super) why: Vec<String>,
    /// The entry as TOML, without its header.
    body: String,
    /// Ids of the alerts that it mends.
    pub(super) mends: Vec<String>,
}

impl Entry {
    fn inline(plugin: &str, parameters: &[(&str, String)], mends: Vec<String>) -> Self {
        let all: Vec<String> = parameters
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        Self {
            why: Vec::new(),
            body: format!("{plugin} = {{ {} }}\n", all.join(", ")),
            mends,
        }
    }

    fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Ready to paste.
    pub(super) fn text(&self) -> String {
        format!("[[cleaners]]\n{}", self.body)
    }

    /// The same with its reasons.
    pub(super) fn commented(&self) -> String {
        let mut text = String::new();
        for line in &self.why {
            for line in textwrap::wrap(line, 100) {
                let _ = writeln!(text, "# {line}");
            }
        }
        text + &self.text()
    }
}

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Texts as TOML.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", all.join(", "))
}

fn key(text: &str) -> String {
    let bare = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { text.to_owned() } else { quoted(text) }
}

/// The cleaners for a log.
pub(super) fn cleaners(
    pass: &Pass,
    ids: &[Ids],
    labels: &[Labels],
    duplicates: &Duplicates,
) -> Vec<Entry> {
    let mut entries = normalize(pass, ids);
    entries.extend(markers(pass));
    entries.extend(
        labels
            .iter()
            .filter_map(|labels| map_labels(labels, &pass.columns)),
    );
    entries.extend(numbers(pass));
    entries.extend(times(pass));
    entries.extend(limits(pass));
    entries.extend(drop_missing(pass, ids));
    let mends = vec![
        "rows.duplicate_key".to_owned(),
        "rows.duplicate_normalized".to_owned(),
    ];
    match duplicates.drop() {
        Drop::Key if duplicates.key > 0 => {
            let column = |at: usize| pass.columns[at].name.as_str();
            let parts = pass.parts;
            let by = [Some(parts.user), Some(parts.item), parts.event, parts.time];
            let by = list(by.into_iter().flatten().map(column));
            entries.push(
                Entry::inline("drop_duplicates", &[("by", by)], mends)
                    .because("The same user, item, event and time again is one event that was written twice; the first stays."),
            );
        }
        Drop::Cells if duplicates.normalized > 0 => entries.push(
            Entry::inline("drop_duplicates", &[("by", "\"cells\"".to_owned())], mends)
                .because("Rows that are equal in all cells are copies. Rows of one user, item and time that differ in another cell are not."),
        ),
        _ => {}
    }
    entries
}

/// Columns of text that hold ids, by their name and because they need it.
fn other_ids(column: &Column) -> bool {
    let name = super::roles::plain(&column.name);
    column.kind == Kind::Text && name.ends_with("id") && (column.padded.rows > 0 || spelled(column))
}

/// Whether values differ in nothing but case.
fn spelled(column: &Column) -> bool {
    let mut known = BTreeSet::new();
    column
        .values
        .iter()
        .any(|v| !known.insert(v.text.trim().to_lowercase()))
}

fn normalize(pass: &Pass, ids: &[Ids]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // Ids of which case tells apart need an entry of their own.
    for case in [false, true] {
        let those: Vec<&Ids> = ids
            .iter()
            .filter(|i| i.case_matters == case && needs(i))
            .collect();
        if those.is_empty() {
            continue;
        }
        let mut columns: Vec<&str> = those.iter().map(|i| i.column.as_str()).collect();
        let mut mends = Vec::new();
        for ids in &those {
            mends.extend(
                ["placeholder", "padded", "upper_case"]
                    .map(|kind| format!("{}.{kind}", ids.column)),
            );
        }
        if !case {
            let others = pass.columns.iter().filter(|column| other_ids(column));
            columns.extend(others.map(|column| column.name.as_str()));
            mends.extend(
                columns
                    .iter()
                    .flat_map(|c| ["padded", "upper_case"].map(|kind| format!("{c}.{kind}"))),
            );
        }
        // Real ids that look like placeholders must not be dropped by their looks.
        let all = || those.iter().flat_map(|i| certain(&i.placeholders));
        let named: BTreeSet<&str> = all()
            .filter(|id| !id.is_empty() && (!by_shape(id)))
            .collect();
        let shaped: BTreeSet<&str> = all().filter(|id| by_shape(id)).collect();
        let innocent = ids.iter().any(|i| {
            let known = if i.part == "user" {
                &pass.users
            } else {
                &pass.items
            };
            known
                .iter()
                .any(|v| by_shape(v.text) && !shaped.contains(v.text))
        });
        let mut placeholders = named;
        if innocent {
            placeholders.extend(&shaped);
        }
        let mut parameters = vec![
            ("columns", list(columns)),
            ("placeholders", list(placeholders)),
        ];
        if innocent {
            parameters.push(("placeholder_patterns", "[]".to_owned()));
        }
        if case {
            parameters.push(("case", "\"keep\"".to_owned()));
        }
        let mut entry = Entry::inline("normalize_ids", &parameters, mends)
            .because("One spelling for each id, and none for placeholders: they become missing, and `drop_missing` below drops their rows.");
        for ids in &those {
            for placeholder in ids.placeholders.iter().filter(|p| p.certain) {
                entry.why.push(format!(
                    "{} {}: {} rows ({})",
                    ids.column,
                    super::ids::shown(&placeholder.id),
                    placeholder.rows,
                    placeholder.evidence.join("; ")
                ));
            }
        }
        if !shaped.is_empty() && !innocent {
            entry.why.push("Ids of nothing but zeros or nines are placeholders by default (`placeholder_patterns`).".to_owned());
        }
        entries.push(entry);
    }
    entries
}

/// Whether `normalize_ids` knows it by its shape.
fn by_shape(id: &str) -> bool {
    use musicrec_cleaners::Pattern;
    [Pattern::AllZeros, Pattern::AllNines]
        .iter()
        .any(|pattern| pattern.fits(id))
}

fn needs(ids: &Ids) -> bool {
    ids.padded > 0 || ids.several_spellings > 0 || ids.placeholders.iter().any(|p| p.certain)
}

fn markers(pass: &Pass) -> Option<Entry> {
    let needs = |column: &&Column| match column.kind {
        Kind::Id | Kind::Time => false,
        // `parse_numbers` sees to blank ones.
        Kind::Number => !column.markers.is_empty(),
        Kind::Event | Kind::Text => column.missing() > column.absent.rows,
    };
    let columns: Vec<&Column> = pass.columns.iter().filter(needs).collect();
    if columns.is_empty() {
        return None;
    }
    let mut markers: BTreeSet<String> = columns
        .iter()
        .flat_map(|c| c.markers.keys())
        .map(|m| m.to_lowercase())
        .collect();
    if columns.iter().any(|column| column.blank.rows > 0) {
        markers.insert(String::new());
    }
    let mends = columns
        .iter()
        .map(|column| format!("{}.missing", column.name))
        .collect();
    let parameters = [
        (
            "columns",
            list(columns.iter().map(|column| column.name.as_str())),
        ),
        ("markers", list(markers.iter().map(String::as_str))),
    ];
    let mut entry = Entry::inline("missing_markers", &parameters, mends)
        .because("Words for a missing cell are no values.");
    if let Some(country) = pass.columns.iter().find(|c| namibia(c)) {
        entry.why.push(format!("`NA` of `{}` is also the code of Namibia: take the column out of this entry if you have listeners there.", country.name));
    }
    Some(entry)
}

/// A column of two-letter codes of countries in which NA stands.
pub(super) fn namibia(column: &Column) -> bool {
    let code =
        |text: &str| text.trim().len() == 2 && text.trim().bytes().all(|b| b.is_ascii_uppercase());
    let (codes, all) = column.values.iter().fold((0, 0), |(codes, all), value| {
        (codes + u64::from(code(value.text)), all + 1)
    });
    column.markers.contains_key("NA") && all >= 4 && codes * 10 >= all * 7
}

fn map_labels(labels: &Labels, columns: &[Column]) -> Option<Entry> {
    if labels.differing == 0 {
        return None;
    }
    let mut body = String::from("[cleaners.map_labels]\n");
    let _ = writeln!(body, "column = {}", quoted(&labels.column));
    let odd = columns.iter().find(|c| c.name == labels.column);
    // All names are listed, so a label that nobody has seen is noticed.
    let _ = writeln!(
        body,
        "unknown = \"{}\"",
        if labels.event { "error" } else { "keep" }
    );
    let _ = writeln!(body, "[cleaners.map_labels.labels]");
    let mut asked = Vec::new();
    for cluster in &labels.clusters {
        let listed: Vec<&str> = cluster.listed().map(|s| s.label.trim()).collect();
        if labels.event || cluster.spellings.len() > 1 {
            let _ = write!(
                body,
                "{} = {}",
                key(&cluster.name),
                list(listed.iter().copied())
            );
            let meant: Vec<String> = cluster
                .spellings
                .iter()
                .filter(|s| s.how == How::Meaning)
                .map(|s| format!("`{}`", s.label.trim()))
                .collect();
            if !meant.is_empty() {
                let _ = write!(
                    body,
                    "   # CONFIRM: {} mean{} {}?",
                    meant.join(", "),
                    if meant.len() == 1 { "s" } else { "" },
                    cluster.name
                );
                asked.extend(meant);
            }
            body.push('\n');
        }
    }
    let column = odd.map_or("", |c| c.name.as_str());
    let mends = ["spelling", "synonym"]
        .map(|kind| format!("{column}.{kind}"))
        .to_vec();
    let mut entry = Entry {
        why: vec![format!(
            "{} labels of `{}` are {} things; case, spaces, `_` and `-` make no difference and need not be listed.",
            labels.raw,
            labels.column,
            labels.clusters.len()
        )],
        body,
        mends,
    };
    if !asked.is_empty() {
        entry.why.push(format!(
            "What is another word for the same thing is a guess to be confirmed by you: {}.",
            asked.join(", ")
        ));
    }
    Some(entry)
}

fn numbers(pass: &Pass) -> Option<Entry> {
    let places = [pass.parts.plays, pass.parts.seconds];
    let columns: Vec<&Column> = places
        .into_iter()
        .flatten()
        .map(|at| &pass.columns[at])
        .collect();
    if columns.is_empty() {
        return None;
    }
    let mut parameters = vec![("columns", list(columns.iter().map(|c| c.name.as_str())))];
    let invalid: u64 = columns
        .iter()
        .flat_map(|c| c.no_number.iter())
        .map(|v| v.rows)
        .sum();
    if invalid > 0 {
        parameters.push(("invalid", "\"missing\"".to_owned()));
    }
    let mends = columns
        .iter()
        .flat_map(|c| {
            ["word", "padded", "no_number", "missing"].map(|kind| format!("{}.{kind}", c.name))
        })
        .collect();
    let mut entry = Entry::inline("parse_numbers", &parameters, mends)
        .because("Text to numbers; blank cells become missing.");
    for column in columns {
        let words: Vec<String> = column
            .numbers
            .words
            .iter()
            .map(|(word, (rows, _))| format!("\"{word}\" ({rows})"))
            .collect();
        if !words.is_empty() {
            entry.why.push(format!(
                "`{}` holds the words {}, which are read as numbers.",
                column.name,
                words.join(", ")
            ));
        }
    }
    if invalid > 0 {
        entry.why.push(format!(
            "{invalid} cells are no numbers at all and become missing."
        ));
    }
    Some(entry)
}

fn times(pass: &Pass) -> Option<Entry> {
    let column = &pass.columns[pass.parts.time?];
    let formats: Vec<_> = column
        .times
        .formats()
        .into_iter()
        .filter(|f| f.rows > 0)
        .collect();
    if formats.is_empty() {
        return None;
    }
    let mut parameters = vec![
        ("formats", list(formats.iter().map(|f| f.format.as_str()))),
        ("zone", "\"UTC\"".to_owned()),
    ];
    let invalid: u64 = column.times.invalid.iter().map(|v| v.rows).sum();
    if invalid > 0 {
        parameters.push(("invalid", "\"missing\"".to_owned()));
    }
    let mends = vec![
        format!("{}.invalid", column.name),
        format!("{}.formats", column.name),
    ];
    let mut entry = Entry::inline("parse_timestamps", &parameters, mends)
        .because("Text to times. Set `zone` if times that tell no offset are not UTC.");
    if invalid > 0 {
        entry.why.push(format!("{invalid} cells are no times and become missing; `drop_missing` below drops their rows."));
    }
    Some(entry)
}

fn limits(pass: &Pass) -> Vec<Entry> {
    let mut entries = Vec::new();
    for at in [pass.parts.plays, pass.parts.seconds].into_iter().flatten() {
        let column = &pass.columns[at];
        let Some(figures) = column.numbers.figures() else {
            continue;
        };
        if figures.negative == 0 && figures.outliers == 0 {
            continue;
        }
        let mut parameters = vec![("column", quoted(&column.name))];
        let mut why = Vec::new();
        if figures.negative > 0 {
            parameters.push(("min", "0".to_owned()));
            why.push(format!("{} cells are negative", figures.negative));
        }
        if let Some(fence) = figures.fence {
            let seconds = Some(at) == pass.parts.seconds;
            let next = column.numbers.next_above(fence);
            let limit = if seconds && fence <= HOUR && next > HOUR {
                HOUR
            } else {
                fence
            };
            parameters.push(("max", limit.to_string()));
            why.push(format!(
                "{} cells are far out: nothing lies between {fence} and {next}",
                figures.outliers
            ));
        }
        let mends = ["negative", "outlier"]
            .map(|kind| format!("{}.{kind}", column.name))
            .to_vec();
        entries.push(
            Entry::inline("limit_range", &parameters, mends).because(format!(
                "`{}`: {}. They become missing; the row stays.",
                column.name,
                why.join(", and ")
            )),
        );
    }
    entries
}

fn drop_missing(pass: &Pass, ids: &[Ids]) -> Option<Entry> {
    let time = pass.parts.time.map(|at| &pass.columns[at]);
    let placeholders = ids.iter().any(|i| i.placeholders.iter().any(|p| p.certain));
    let invalid = time.is_some_and(|c| c.times.invalid.len() > 0 || c.missing() > 0);
    if !placeholders && !invalid {
        return None;
    }
    let columns = ids
        .iter()
        .map(|i| i.column.as_str())
        .chain(time.map(|c| c.name.as_str()));
    let mut mends: Vec<String> = ids
        .iter()
        .map(|i| format!("{}.placeholder", i.column))
        .collect();
    mends.extend(time.map(|c| format!("{}.missing", c.name)));
    Some(
        Entry::inline("drop_missing", &[("columns", list(columns))], mends).because(
            "A row without a user, an item or a time cannot be learned from or asked for.",
        ),
    )
}
