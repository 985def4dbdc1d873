//! One name for each kind of thing.

use std::collections::BTreeMap;

use musicrec_api::{
    CheckContext, Cleaner, Error, Fate, Ledger, Log, Problem, Reach, Result, nearest, register,
};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{cut, distinct, text};

/// Unknown labels that a fault shows.
const SHOWN: usize = 5;

/// Gives each label of a column its canonical name.
///
/// Labels are compared without case, spaces, `_` and `-`, so `AddToPlaylist` is `add_to_playlist`
/// without being listed. Synonyms must be listed: that `listen` means `play` cannot be guessed.
/// Each canonical name is a spelling of itself. Blank cells become missing, missing ones stay so.
///
/// ```toml
/// [[cleaners]]
/// [cleaners.map_labels]
/// column = "event_type"
/// [cleaners.map_labels.labels]
/// play = ["listen"]
/// like = ["thumbs_up"]
/// skip = ["skipped"]
/// add_to_playlist = []
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapLabels {
    /// The column of labels.
    pub column: String,
    /// The other spellings and synonyms of each canonical name.
    pub labels: BTreeMap<String, Vec<String>>,
    /// What to do with labels that are not listed. Default `error`.
    #[serde(default)]
    pub unknown: Unknown,
}

/// What becomes of a label that is not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Stop, and say which labels those are.
    #[default]
    Error,
    /// It stays as it is.
    Keep,
    /// The cell becomes missing.
    Missing,
}

#[typetag::serde(name = "map_labels")]
impl Cleaner for MapLabels {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let spellings = self.spellings()?;
        let labels = text(part, &self.column, "map_labels")?;
        if self.unknown == Unknown::Error {
            let unknown: Vec<_> = distinct(labels)
                .into_iter()
                .map(|entry| (&labels.values[entry.code as usize], entry))
                .filter(|(label, _)| {
                    let folded = fold(label);
                    !label.trim().is_empty() && !spellings.contains_key(&folded)
                })
                .map(|(label, entry)| {
                    let known = spellings.keys().map(String::as_str);
                    let near = nearest(&fold(label), known).map_or(String::new(), |spelling| {
                        format!("; did you mean `{}`?", spellings[spelling])
                    });
                    let (rows, first) = (entry.rows, part.number(entry.first));
                    format!(
                        "`{}` ({rows} rows, the first is row {first}{near})",
                        cut(label)
                    )
                })
                .collect();
            if !unknown.is_empty() {
                return Err(self.unknown(&unknown));
            }
        }
        part.rewrite(&self.column, ledger, |label| {
            let folded = fold(label);
            match spellings.get(&folded) {
                Some(&name) if name == label => Fate::Keep,
                Some(&name) if fold(name) == folded => Fate::Become(name.to_owned(), "spelling"),
                Some(&name) => Fate::Become(name.to_owned(), "synonym"),
                None if label.trim().is_empty() => Fate::Missing("blank"),
                None if self.unknown == Unknown::Missing => Fate::Missing("unknown label"),
                None => Fate::Keep,
            }
        })
    }

    fn labels(&self, column: &str, before: Option<Vec<String>>) -> Option<Vec<String>> {
        if column != self.column {
            return before;
        }
        (self.unknown != Unknown::Keep).then(|| self.labels.keys().cloned().collect())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let column = context.missing_column("column", &self.column);
        column.into_iter().chain(self.listed().1).collect()
    }
}

register!(Cleaner, MapLabels, "map_labels", revision = 1);

impl MapLabels {
    /// The canonical name of each folded spelling.
    fn spellings(&self) -> Result<FxHashMap<String, &str>> {
        let (spellings, problems) = self.listed();
        if let Some(problem) = problems.first() {
            return Err(problem.error(&format!("`map_labels` of column `{}`: ", self.column)));
        }
        let names = spellings.into_iter().map(|(s, (name, _))| (s, name));
        Ok(names.collect())
    }

    /// The canonical name of each folded spelling and where it is listed, and what contradicts
    /// itself.
    fn listed(&self) -> (FxHashMap<String, (&str, String)>, Vec<Problem>) {
        let mut spellings: FxHashMap<String, (&str, String)> = FxHashMap::default();
        let mut problems = Vec::new();
        for (name, others) in &self.labels {
            let place = format!("labels.{name}");
            let others = others.iter().enumerate();
            let others = others.map(|(at, other)| (other, format!("{place}.{at}")));
            for (spelling, place) in std::iter::once((name, place.clone())).chain(others) {
                let folded = fold(spelling);
                if folded.is_empty() {
                    let message = format!(
                        "`{spelling}` is no spelling of `{name}`, for nothing is left of it \
                         without spaces, `_` and `-`"
                    );
                    let remedy = "remove it (blank cells become missing)";
                    problems.push(Problem::at(place, message).remedy(remedy));
                    continue;
                }
                match spellings.get(&folded) {
                    Some((before, listed)) if before != name => {
                        let message = format!(
                            "`{spelling}` is listed for `{before}` and for `{name}` (case, \
                             spaces, `_` and `-` do not count)"
                        );
                        // A name is a spelling of itself: then the other place is the wrong one.
                        let place = if spelling == name { listed } else { &place };
                        problems.push(Problem::at(place, message).remedy("remove it from one"));
                    }
                    _ => {
                        spellings.insert(folded, (name, place));
                    }
                }
            }
        }
        (spellings, problems)
    }

    fn unknown(&self, unknown: &[String]) -> Error {
        let more = match unknown.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown = unknown[..unknown.len().min(SHOWN)].join(", ");
        Error::definition(format!(
            "column `{0}` has labels that `map_labels` does not know: {shown}{more}; add each to \
             the `labels` of column `{0}`, or set `unknown = \"keep\"` or `unknown = \"missing\"`",
            self.column
        ))
    }
}

/// A label without what does not count.
/// A label as [`MapLabels`] compares it: without case, spaces, `_` and `-`.
pub fn fold(label: &str) -> String {
    label
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{MapLabels, Unknown};
    use crate::cells::tests::{books, check, log, places, shown};
    use musicrec_api::{Cleaner, Error, Ledger, Log, Result};

    fn run(labels: &str, unknown: Unknown, cells: &[&str]) -> Result<(Log, Ledger)> {
        let cleaner = MapLabels {
            column: "event".into(),
            labels: serde_json::from_str(labels).unwrap(),
            unknown,
        };
        let rows: Vec<String> = cells.iter().map(|c| format!("u|i|{c}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut log = log("user|item|event", &rows);
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    const LABELS: &str = r#"{"play": ["listen"], "add_to_playlist": ["add2playlist"]}"#;

    #[test]
    fn spellings_and_synonyms_get_the_canonical_name() {
        let cells = [
            " PLAY",
            "play",
            "Listen",
            "AddToPlaylist",
            "add-to playlist",
            "",
            "~",
        ];
        let (log, ledger) = run(LABELS, Unknown::Error, &cells).unwrap();
        let name = "add_to_playlist";
        let expected = ["play", "play", "play", name, name, "~", "~"];
        assert_eq!(shown(&log, "event"), expected);
        let expected = [
            ("event", "blank", 1),
            ("event", "spelling", 3),
            ("event", "synonym", 1),
        ];
        assert_eq!(books(ledger.changes()), expected);
    }

    #[test]
    fn an_unknown_label_is_named_with_its_rows_and_the_nearest_known_one() {
        let error = run(LABELS, Unknown::Error, &["play", "plays", "plays"]).unwrap_err();
        let text = error.to_string();
        let words = "`plays` (2 rows, the first is row 2; did you mean `play`?)";
        assert!(
            matches!(error.bare(), Error::Definition(_)) && text.contains(words),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_label_may_stay_or_become_missing() {
        let (log, _) = run(LABELS, Unknown::Keep, &["Love", "play"]).unwrap();
        assert_eq!(shown(&log, "event"), ["Love", "play"]);
        let (log, ledger) = run(LABELS, Unknown::Missing, &["Love", "play"]).unwrap();
        assert_eq!(shown(&log, "event"), ["~", "play"]);
        assert_eq!(books(ledger.changes()), [("event", "unknown label", 1)]);
    }

    #[test]
    fn a_spelling_belongs_to_one_name() {
        let error = run(r#"{"a": ["X"], "b": ["x "]}"#, Unknown::Keep, &["a"]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("listed for `a` and for `b`"), "{text}");
        let error = run(r#"{"a": ["-"]}"#, Unknown::Keep, &["a"]).unwrap_err();
        assert!(error.to_string().contains("nothing is left"), "{error}");
    }

    #[test]
    fn every_contradiction_is_told_before_the_run() {
        let problems = check(
            r#"{"map_labels": {"column": "itm", "labels": {
                "like": ["love", "Play"], "play": ["start", "L-O-V-E", " _"], "skip": []}}}"#,
        );
        let expected = [
            ("column", "item"),
            ("labels.like.1", ""),
            ("labels.play.1", ""),
            ("labels.play.2", ""),
        ];
        assert_eq!(places(&problems), expected);
        let message = "`play` is listed for `like` and for `play` (case, spaces, `_` and `-` do \
                       not count)";
        assert_eq!(problems[1].message, message);
        assert!(problems[3].message.contains("nothing is left"));
        let fine = r#"{"map_labels": {"column": "item", "labels": {"play": ["PLAY", "p"]}}}"#;
        assert!(check(fine).is_empty());
    }
}
