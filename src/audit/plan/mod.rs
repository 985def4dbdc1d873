//! The cleaners that mend what was found, in the order in which they must work.

mod cells;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::column::{Column, Kind};
use super::duplicates::{Drop, Duplicates};
use super::findings::TimeFigures;
use super::ids::{Ids, certain};
use super::labels::Labels;
use super::reading::Pass;
pub(super) use cells::namibia;
use cells::{limits, map_labels, markers, numbers, stray_times, times};

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
    figures: Option<&TimeFigures>,
    duplicates: &Duplicates,
) -> Vec<Entry> {
    let mut entries = normalize(pass, ids);
    entries.extend(markers(pass));
    entries.extend(labels.iter().filter_map(map_labels));
    entries.extend(numbers(pass));
    entries.extend(times(figures));
    entries.extend(stray_times(pass, figures));
    entries.extend(limits(pass));
    entries.extend(drop_missing(pass, ids, figures));
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
            .because(if all().next().is_some() {
                "One spelling for each id, and none for placeholders: they become missing, and `drop_missing` below drops their rows."
            } else {
                "One spelling for each id."
            });
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

fn drop_missing(pass: &Pass, ids: &[Ids], figures: Option<&TimeFigures>) -> Option<Entry> {
    // Where no time can be read, rows without one are all that there is.
    let figures = figures.filter(|figures| figures.rows > 0);
    let placeholders = ids.iter().any(|i| i.placeholders.iter().any(|p| p.certain));
    if !placeholders && figures.is_none_or(|f| f.rows == pass.rows) {
        return None;
    }
    let time = figures.map(|figures| figures.column.as_str());
    let columns = ids.iter().map(|i| i.column.as_str()).chain(time);
    let mut mends: Vec<String> = ids
        .iter()
        .map(|i| format!("{}.placeholder", i.column))
        .collect();
    mends.extend(time.map(|column| format!("{column}.missing")));
    Some(
        Entry::inline("drop_missing", &[("columns", list(columns))], mends).because(
            "A row without a user, an item or a time cannot be learned from or asked for.",
        ),
    )
}
