//! What of ids is wrong, in words.

use rustc_hash::FxHashSet;

use super::super::alert::{Alert, EXAMPLES, Example, Notes, Severity, example};
use super::super::column::{Column, normal_id};
use super::super::kept::Break;
use super::super::reading::Pass;
use super::{Ids, Placeholder, certain};
use crate::report::count;

/// Placeholders that a sentence lists.
const LISTED: usize = 6;

impl Ids {
    /// What is wrong with them in a log of `rows` rows.
    pub(in crate::audit) fn alerts(&self, column: &Column, rows: u64) -> Vec<Alert> {
        let mut notes = Notes::new(&self.column, rows);
        self.of_nobody(&mut notes);
        self.spelled(column, &mut notes);
        notes.add(
            ("numeric_forms", Severity::Warning),
            self.numeric_forms,
            "ids that are another id in other digits: 7, 7.0 and 007",
            [
                "one becomes several, as where a tool took ids for numbers",
                "export them again as text; if they are one, no cleaner of the lab joins them",
            ],
            examples(column, |text| {
                text.trim().ends_with(".0") || text.trim().starts_with('0')
            }),
        );
        if self.case_matters && self.several_spellings > 0 {
            // It is not known in how many rows.
            let what = format!(
                "{} ids differ from another in nothing but case or spaces",
                self.several_spellings
            );
            let id = format!("{}.differs_in_case", self.column);
            notes.alerts.push(
                Alert::new(id, Severity::Note, (0, rows), what)
                    .column(&self.column)
                    .effect(
                        "case seems to tell ids apart here; if it does not, they are counted twice",
                    )
                    .remedy("set `case = \"lower\"` of `normalize_ids` if case means nothing"),
            );
        }
        notes.alerts
    }

    /// Those that name nobody, or may not.
    fn of_nobody(&self, notes: &mut Notes) {
        let part = &self.part;
        let of = |certain: bool| -> Vec<&Placeholder> {
            let all = self.placeholders.iter();
            all.filter(|p| p.certain == certain).collect()
        };
        let listed = |those: &[&Placeholder]| {
            let first = those.iter().take(LISTED);
            let named: Vec<String> = first
                .map(|p| format!("{} ({})", shown(&p.id), p.rows))
                .collect();
            let more = if those.len() > LISTED { ", …" } else { "" };
            format!("{}{more}", named.join(", "))
        };
        let rows = |those: &[&Placeholder]| those.iter().map(|p| p.rows).sum();
        let examples = |those: &[&Placeholder]| -> Vec<Example> {
            let first = those.iter().take(EXAMPLES);
            first.map(|p| example(p.first_row, &p.id)).collect()
        };
        let (sure, asked) = (of(true), of(false));
        let effect = if part == "user" {
            "a placeholder becomes the busiest listener of all, and its rows tie together songs that no one person \
             heard"
        } else {
            "a placeholder becomes a song that everybody knows, and is recommended"
        };
        notes.add(
            ("placeholder", Severity::Error),
            rows(&sure),
            format!("ids that name no {part}: {}", listed(&sure)),
            [effect, "make them missing, then drop their rows"],
            examples(&sure),
        );
        notes.add(
            ("odd_id", Severity::Warning),
            rows(&asked),
            format!(
                "ids of another form than the others: {}; do they name a {part}?",
                listed(&asked)
            ),
            [
                "if they stand for nobody in particular, they are as harmful as placeholders",
                "list them among `placeholders` of `normalize_ids` if they name nobody",
            ],
            examples(&asked),
        );
    }

    /// Those that are written in several ways.
    fn spelled(&self, column: &Column, notes: &mut Notes) {
        let part = &self.part;
        notes.add(
            ("padded", Severity::Error),
            self.padded,
            "ids with spaces before or behind",
            [
                &format!(
                    "each spelling is another {part}; written alike, {} ids are {}",
                    count(self.raw),
                    count(self.normalized)
                ),
                "trim them",
            ],
            examples(column, |text| text.trim().len() < text.len()),
        );
        if self.several_spellings == 0 {
            return;
        }
        let no_one: FxHashSet<&str> = certain(&self.placeholders).collect();
        let upper = |text: &str| {
            let trimmed = text.trim();
            trimmed.chars().any(char::is_uppercase) && !no_one.contains(&*normal_id(trimmed, false))
        };
        notes.add(
            ("upper_case", Severity::Error),
            self.upper_case,
            format!(
                "ids with upper-case letters, in a column of which {} ids are spelled in several ways",
                count(self.several_spellings)
            ),
            [
                &format!("each spelling is another {part}"),
                "fold their case",
            ],
            examples(column, upper),
        );
    }
}

/// Columns that nearly all things of a kind have one value of, and some do not.
pub(in crate::audit) fn disagreements(pass: &Pass, all: u64) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for dependency in &pass.dependencies {
        // Things that are many things are placeholders, and told with these.
        let breaks = dependency.breaks().unwrap_or_default();
        let few: Vec<Break> = breaks.into_iter().filter(|b| !b.is_many()).collect();
        let rows: u64 = few.iter().map(|b| b.rows - b.most).sum();
        if rows == 0 {
            continue;
        }
        let (part, known) = if dependency.of_user {
            ("user", &pass.users)
        } else {
            ("item", &pass.items)
        };
        let column = &pass.columns[dependency.column].name;
        let first = few.iter().map(|b| {
            let value = known.at(b.thing as usize);
            Example {
                row: value.first,
                value: format!("{} has {} values", shown(value.text), b.values),
            }
        });
        alerts.push(
            Alert::new(
                format!("{column}.of_{part}_disagrees"),
                Severity::Note,
                (rows, all),
                format!("rows of {} {part}s with another value than most rows of the same {part}, where nearly all {part}s have one", few.len()),
            )
            .column(column)
            .effect(format!("segments and rules by `{column}` put one {part} in several places"))
            .examples(first)
            .remedy(format!("find out which one is right; it may be two {part}s with one id")),
        );
    }
    alerts
}

/// An id in a sentence.
pub(in crate::audit) fn shown(id: &str) -> String {
    if id.is_empty() {
        "blank".to_owned()
    } else {
        format!("`{id}`")
    }
}

/// The first cells for which something holds.
pub(in crate::audit) fn examples(column: &Column, holds: impl Fn(&str) -> bool) -> Vec<Example> {
    let mut those: Vec<_> = column
        .values
        .iter()
        .filter(|value| holds(value.text))
        .collect();
    those.sort_by_key(|value| value.first);
    let shown = those.into_iter().take(EXAMPLES);
    shown
        .map(|value| Example {
            row: value.first,
            value: value.text.to_owned(),
        })
        .collect()
}
