//! Ids that name nobody, found by what they look like and by what they break.

use std::collections::BTreeMap;

use musicrec_cleaners::shape;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::super::kept::{Break, Dependency};
use super::super::reading::Pass;
use super::super::values::Values;

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
    "deleted",
    "removed",
    "nouser",
    "system",
    "unknownuser",
    "unknownsong",
];
/// Shares of ids that have the shape of all others.
const ONE_SHAPE: f64 = 0.98;

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

/// The ids that certainly name nobody.
pub(in crate::audit) fn certain(placeholders: &[Placeholder]) -> impl Iterator<Item = &str> {
    let certain = placeholders.iter().filter(|p| p.certain);
    certain.map(|placeholder| placeholder.id.as_str())
}

pub(super) fn placeholders(pass: &Pass, of_user: bool, known: &Values) -> Vec<Placeholder> {
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
    if bare.is_empty() {
        return Some("nothing but signs".to_owned());
    }
    let folded = musicrec_cleaners::fold(bare);
    if [lower.as_str(), bare, &folded]
        .iter()
        .any(|word| WORDS.contains(word))
    {
        return Some(format!("the word `{bare}`"));
    }
    if folded.len() > 2 && folded.bytes().all(|b| b == b'x') {
        return Some("nothing but x".to_owned());
    }
    if lower
        .strip_prefix('-')
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some(format!("the number {lower}"));
    }
    // 00000000-0000-0000-0000-000000000000.
    if bare.contains('-') && bare.bytes().all(|b| matches!(b, b'0' | b'-')) {
        return Some("all zeros".to_owned());
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
        return None;
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
#[cfg(test)]
mod tests {
    use super::by_value;

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
            "00000000-0000-0000-0000-000000000000",
            "-",
            "?",
            "-999",
            "[deleted]",
            "no_user",
            "Unknown User",
            "xxxx",
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
}
