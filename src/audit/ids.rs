//! Ids that name nobody, and ids that are written in several ways.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::alert::{Alert, EXAMPLES, Example, Severity};
use super::column::{Column, normal_id};
use super::kept::{Break, Dependency};
use super::reading::Pass;
use super::values::Values;

/// Words that stand for an unknown user or item, compared without case and what surrounds them.
const WORDS: &[&str] = &[
    "anonymous",
    "anon",
    "guest",
    "n/a",
    "na",
    "nan",
    "none",
    "null",
    "nil",
    "test",
    "testuser",
    "tester",
    "undefined",
    "unknown",
    "dummy",
    "default",
    "nobody",
    "missing",
    "placeholder",
    "todo",
    "tbd",
    "xxx",
    "unknown artist",
    "unknown track",
    "unknown title",
    "untitled",
    "no id",
    "noid",
    "invalid",
];
/// Shares of ids that have the shape of all others.
const ONE_SHAPE: f64 = 0.98;

/// The ids of users or items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Ids {
    /// The column.
    pub(crate) column: String,
    /// `user` or `item`.
    pub(crate) part: String,
    /// Distinct ids as they stand.
    pub(crate) raw: u64,
    /// Distinct ids without spaces around them, and in lower case unless case tells them apart.
    pub(crate) normalized: u64,
    /// The same without placeholders.
    pub(crate) real: u64,
    /// Whether these numbers are exact; else within some percent.
    pub(crate) exact: bool,
    /// Whether case tells ids apart: many mix both.
    pub(crate) case_matters: bool,
    /// Rows with spaces around the id.
    pub(crate) padded: u64,
    /// Rows with an upper-case letter in an id that is no placeholder; 0 where case matters.
    pub(crate) upper_case: u64,
    /// Ids that are written in more than one way.
    pub(crate) several_spellings: u64,
    /// Ids with one row.
    pub(crate) one_row: u64,
    /// Ids that stand for nobody, or may do so; most rows first.
    pub(crate) placeholders: Vec<Placeholder>,
}

/// An id that stands for nobody, or may do so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Placeholder {
    /// The id, normalized; empty for blank ones.
    pub(crate) id: String,
    /// Rows that have it.
    pub(crate) rows: u64,
    /// The first of them, counted from 1 without the header.
    pub(crate) first_row: u64,
    /// Why it is taken for one.
    pub(crate) evidence: Vec<String>,
    /// Whether that is enough; else it is asked.
    pub(crate) certain: bool,
}

/// What the id column of users or items holds.
pub(super) fn ids(pass: &Pass, of_user: bool) -> Ids {
    let (at, known) = if of_user {
        (pass.parts.user, &pass.users)
    } else {
        (pass.parts.item, &pass.items)
    };
    let column = &pass.columns[at];
    let placeholders = placeholders(pass, of_user, known);
    let no_one: FxHashSet<&str> = certain(&placeholders).collect();
    let mut spellings: BTreeMap<String, u64> = BTreeMap::new();
    let mut upper_case = 0;
    for value in column.values.iter() {
        let trimmed = value.text.trim();
        let id = normal_id(trimmed, column.case);
        if no_one.contains(&*id) {
            continue;
        }
        if !column.case && trimmed.chars().any(char::is_uppercase) {
            upper_case += value.rows;
        }
        *spellings.entry(trimmed.to_lowercase()).or_default() += 1;
    }
    let (raw, exact) = column.values.distinct();
    let (normalized, all) = known.distinct();
    if !exact {
        // The values that are kept are not all.
        upper_case = if column.case { 0 } else { column.upper.rows };
    }
    Ids {
        column: column.name.clone(),
        part: if of_user { "user" } else { "item" }.to_owned(),
        raw,
        normalized,
        real: normalized - no_one.len() as u64,
        exact: exact && all,
        case_matters: column.case,
        padded: column.padded.rows,
        upper_case,
        several_spellings: spellings.values().filter(|many| **many > 1).count() as u64,
        one_row: known.iter().filter(|value| value.rows == 1).count() as u64,
        placeholders,
    }
}

/// The ids that certainly name nobody.
pub(super) fn certain(placeholders: &[Placeholder]) -> impl Iterator<Item = &str> {
    let certain = placeholders.iter().filter(|p| p.certain);
    certain.map(|placeholder| placeholder.id.as_str())
}

fn placeholders(pass: &Pass, of_user: bool, known: &Values) -> Vec<Placeholder> {
    let mut evidence: BTreeMap<u32, (Vec<String>, bool)> = BTreeMap::new();
    let mut note = |place: usize, what: String, certain: bool| {
        let entry = evidence.entry(place as u32).or_default();
        entry.0.push(what);
        entry.1 |= certain;
    };
    let all: FxHashSet<&str> = known.iter().map(|value| value.text).collect();
    for (place, value) in known.iter().enumerate() {
        if let Some(what) = by_value(value.text, &all) {
            note(place, what, true);
        }
    }
    for dependency in pass.dependencies.iter().filter(|d| d.of_user == of_user) {
        let column = &pass.columns[dependency.column].name;
        for many in many(dependency) {
            let what = format!(
                "{} different values of `{column}` in {} rows, where nearly all others have one",
                many.values, many.rows
            );
            note(many.thing as usize, what, true);
        }
    }
    for (place, shape) in odd_shapes(known) {
        note(place, shape, false);
    }
    let mut found: Vec<Placeholder> = evidence
        .into_iter()
        .map(|(place, (evidence, certain))| {
            let value = known.at(place as usize);
            Placeholder {
                id: value.text.to_owned(),
                rows: value.rows,
                first_row: value.first,
                evidence,
                certain,
            }
        })
        .collect();
    found.sort_by_key(|p| (!p.certain, std::cmp::Reverse(p.rows), p.first_row));
    found.truncate(100);
    found
}

/// The things of a dependency that are many things.
fn many(dependency: &Dependency) -> impl Iterator<Item = Break> {
    let breaks = dependency.breaks().unwrap_or_default();
    breaks.into_iter().filter(|b| b.is_many())
}

/// Why an id names nobody, by what it looks like.
fn by_value(id: &str, all: &FxHashSet<&str>) -> Option<String> {
    if id.is_empty() {
        return Some("blank".to_owned());
    }
    let lower = id.to_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
    if WORDS.contains(&lower.as_str()) || WORDS.contains(&bare) {
        return Some(format!("the word `{bare}`"));
    }
    // `u-test`: a short prefix and such a word.
    if let Some((prefix, rest)) = bare.split_once(['-', '_', '.', ':'])
        && prefix.len() <= 2
        && WORDS.contains(&rest)
    {
        return Some(format!("the word `{rest}` behind a prefix"));
    }
    let rest = bare.trim_start_matches(char::is_alphabetic);
    let digits = rest.trim_start_matches(['-', '_', '.', ':', '#']);
    let prefix = &bare[..bare.len() - digits.len()];
    let same =
        |least: usize, digit: u8| digits.len() >= least && digits.bytes().all(|b| b == digit);
    let (what, next) = if same(2, b'0') {
        ("zeros", format!("{prefix}{}1", &digits[1..]))
    } else if same(4, b'9') {
        ("nines", format!("{prefix}{}8", &digits[1..]))
    } else {
        return (lower == "-1").then(|| "the number -1".to_owned());
    };
    // Numbers that are counted begin with zeros or end with nines too, but then have neighbors.
    if all.contains(next.as_str()) || crowded(prefix, digits, all) {
        return None;
    }
    Some(format!("all {what}, without a neighbor"))
}

/// Whether one in twenty of the numbers with the same first digit is an id: then ids are counted.
fn crowded(prefix: &str, digits: &str, all: &FxHashSet<&str>) -> bool {
    let alike = all.iter().filter(|id| {
        let rest = id.strip_prefix(prefix);
        rest.is_some_and(|rest| {
            rest.len() == digits.len()
                && rest.as_bytes()[0] == digits.as_bytes()[0]
                && rest.bytes().all(|b| b.is_ascii_digit())
        })
    });
    let room = 10f64.powi(digits.len() as i32 - 1);
    alike.count() as f64 > 0.05 * room
}

/// The shape of an id: runs of letters and of digits.
fn shape(id: &str) -> String {
    let mut shape = String::new();
    for c in id.chars().take(48) {
        let c = match c {
            c if c.is_ascii_digit() => '0',
            c if c.is_alphabetic() => 'a',
            c => c,
        };
        if !(matches!(c, '0' | 'a') && shape.ends_with(c)) {
            shape.push(c);
        }
    }
    shape
}

/// Ids of another shape than nearly all others that have more rows than most.
fn odd_shapes(known: &Values) -> Vec<(usize, String)> {
    if known.len() < 50 {
        return Vec::new();
    }
    let mut shapes: BTreeMap<String, u64> = BTreeMap::new();
    let of: Vec<String> = known.iter().map(|value| shape(value.text)).collect();
    for shape in &of {
        *shapes.entry(shape.clone()).or_default() += 1;
    }
    let Some((usual, many)) = shapes.iter().max_by_key(|(_, many)| **many) else {
        return Vec::new();
    };
    if (*many as f64) < ONE_SHAPE * known.len() as f64 {
        return Vec::new();
    }
    let example = of.iter().position(|shape| shape == usual).unwrap_or(0);
    let like = known.at(example).text.to_owned();
    let odd = (0..known.len()).filter(|&place| of[place] != *usual);
    odd.map(|place| {
        (
            place,
            format!("not of the form of the others, such as `{like}`"),
        )
    })
    .collect()
}

impl Ids {
    /// What is wrong with them.
    pub(super) fn alerts(&self, column: &Column, rows: u64) -> Vec<Alert> {
        let (name, part) = (&self.column, &self.part);
        let mut alerts = Vec::new();
        let sure: Vec<&Placeholder> = self.placeholders.iter().filter(|p| p.certain).collect();
        if !sure.is_empty() {
            let listed: Vec<String> = sure
                .iter()
                .take(6)
                .map(|p| format!("{} ({})", shown(&p.id), p.rows))
                .collect();
            alerts.push(
                Alert::new(
                    format!("{name}.placeholder"),
                    Severity::Error,
                    (sure.iter().map(|p| p.rows).sum(), rows),
                    format!("ids that name no {part}: {}{}", listed.join(", "), if sure.len() > 6 { ", …" } else { "" }),
                )
                .column(name)
                .effect(if part == "user" {
                    "a placeholder becomes the busiest listener of all, and its rows tie together songs that no one person heard"
                } else {
                    "a placeholder becomes a song that everybody knows, and is recommended"
                })
                .examples(sure.iter().map(|p| Example { row: p.first_row, value: p.id.clone() }))
                .remedy("make them missing, then drop their rows"),
            );
        }
        let asked: Vec<&Placeholder> = self.placeholders.iter().filter(|p| !p.certain).collect();
        if !asked.is_empty() {
            let listed: Vec<String> = asked
                .iter()
                .take(6)
                .map(|p| format!("{} ({})", shown(&p.id), p.rows))
                .collect();
            alerts.push(
                Alert::new(
                    format!("{name}.odd_id"),
                    Severity::Warning,
                    (asked.iter().map(|p| p.rows).sum(), rows),
                    format!(
                        "ids of another form than the others: {}{}; do they name a {part}?",
                        listed.join(", "),
                        if asked.len() > 6 { ", …" } else { "" }
                    ),
                )
                .column(name)
                .effect(
                    "if they stand for nobody in particular, they are as harmful as placeholders",
                )
                .examples(asked.iter().map(|p| Example {
                    row: p.first_row,
                    value: p.id.clone(),
                }))
                .remedy("list them among `placeholders` of `normalize_ids` if they name nobody"),
            );
        }
        if self.padded > 0 {
            alerts.push(
                Alert::new(
                    format!("{name}.padded"),
                    Severity::Error,
                    (self.padded, rows),
                    "ids with spaces before or behind",
                )
                .column(name)
                .effect(format!(
                    "each spelling is another {part}: {} ids instead of {}",
                    self.raw, self.normalized
                ))
                .examples(examples(column, |text| text.trim().len() < text.len()))
                .remedy("trim them"),
            );
        }
        if self.upper_case > 0 && self.several_spellings > 0 {
            let no_one: FxHashSet<&str> = certain(&self.placeholders).collect();
            let upper = |text: &str| {
                let trimmed = text.trim();
                trimmed.chars().any(char::is_uppercase)
                    && !no_one.contains(&*normal_id(trimmed, false))
            };
            alerts.push(
                Alert::new(
                    format!("{name}.upper_case"),
                    Severity::Error,
                    (self.upper_case, rows),
                    "ids in upper case that others write in lower case",
                )
                .column(name)
                .effect(format!("each spelling is another {part}"))
                .examples(examples(column, upper))
                .remedy("fold their case"),
            );
        }
        if self.case_matters && self.several_spellings > 0 {
            alerts.push(
                Alert::new(
                    format!("{name}.differs_in_case"),
                    Severity::Note,
                    (0, rows),
                    format!(
                        "{} ids differ from another in nothing but case or spaces",
                        self.several_spellings
                    ),
                )
                .column(name)
                .effect("case seems to tell ids apart here; if it does not, they are counted twice")
                .remedy("set `case = \"lower\"` of `normalize_ids` if case means nothing"),
            );
        }
        alerts
    }
}

/// Columns that nearly all things of a kind have one value of, and some do not.
pub(super) fn disagreements(pass: &Pass, all: u64) -> Vec<Alert> {
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
pub(super) fn shown(id: &str) -> String {
    if id.is_empty() {
        "blank".to_owned()
    } else {
        format!("`{id}`")
    }
}

/// The first cells for which something holds.
pub(super) fn examples(column: &Column, holds: impl Fn(&str) -> bool) -> Vec<Example> {
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

#[cfg(test)]
mod tests {
    use super::{by_value, shape};

    #[test]
    fn ids_that_name_nobody_are_known_by_their_looks() {
        let all = ["u00017", "u00000", "7", "0", "1", "x0000", "x0001"]
            .into_iter()
            .collect();
        for id in [
            "",
            "guest",
            "u-test",
            "U-TEST",
            "UNKNOWN",
            "<unknown>",
            "u00000",
            "s-999999",
            "s000000",
            "99999",
            "-1",
            "null",
            "N/A",
        ] {
            assert!(by_value(&id.to_lowercase(), &all).is_some(), "{id}");
        }
        for id in [
            "u00017",
            "0",
            "7",
            "x0000",
            "u9",
            "999",
            "guesthouse",
            "the test",
            "nana",
            "attest-1",
        ] {
            assert_eq!(by_value(id, &all), None, "{id}");
        }
    }

    #[test]
    fn counted_ids_may_be_all_nines() {
        let ids: Vec<String> = (0..12_000).step_by(3).map(|id| id.to_string()).collect();
        let mut all: rustc_hash::FxHashSet<&str> = ids.iter().map(String::as_str).collect();
        all.insert("9999");
        all.remove("9998");
        assert_eq!(by_value("9999", &all), None);
        assert!(by_value("99999999", &all).is_some());
    }

    #[test]
    fn a_shape_is_runs() {
        assert_eq!(shape("u00123"), "a0");
        assert_eq!(shape("s-999999"), "a-0");
        assert_eq!(shape("4uLU6h"), "0a0a");
    }
}
