//! One spelling for each id, and none for placeholders.

use std::borrow::Cow;

use musicrec_api::{CheckContext, Cleaner, Fate, Ledger, Log, Problem, Reach, Result, register};
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cells::{columns_or, lower, missing_columns, text};

/// Gives each id one spelling and makes placeholders missing.
///
/// First spaces around ids go and their case is folded. Then ids that name nobody (blank ones,
/// `placeholders`, `placeholder_patterns`) become missing; `drop_missing`
/// drops such rows afterwards. An undetected placeholder is the busiest listener of a log and the
/// song that everybody knows.
///
/// ```toml
/// [[cleaners]]
/// normalize_ids = { columns = ["user_id", "song_id", "artist_id"], placeholders = ["guest", "unknown"] }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NormalizeIds {
    /// The columns of ids. Default: the user's and the item's.
    pub columns: Vec<String>,
    /// Whether spaces around an id are removed. Default true.
    pub trim: bool,
    /// What becomes of the case of ids. Default `lower`; `keep` it where ids differ in nothing but
    /// case, as those of Spotify do.
    pub case: Case,
    /// Ids that stand for an unknown one, compared without case and spaces around them. A blank id
    /// always does. Default: `anonymous`, `guest`, `n/a`, `na`, `nan`, `none`, `null`, `test`,
    /// `undefined`, `unknown`.
    pub placeholders: Vec<String>,
    /// Shapes of ids that stand for an unknown one. Default: all of them. Give `[]` where `00` or
    /// `9999` are real ids.
    pub placeholder_patterns: Vec<Pattern>,
}

/// What becomes of the case of an id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Lower case.
    #[default]
    Lower,
    /// Upper case.
    Upper,
    /// As it is.
    Keep,
}

/// A shape of placeholder: letters, if any, then `-`, `_`, `.`, `:` or `#`, if any, then digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// At least two digits, all 0: `u00000`, `s-00`. A single `0` or `u0` is where many real data
    /// sets begin to count; name it in `placeholders` if it is none.
    AllZeros,
    /// At least four digits, all 9: `s-999999`, `9999`; not `u9` or `u999`.
    AllNines,
}

impl Pattern {
    /// Whether an id, without spaces around it, has the shape.
    pub fn fits(self, id: &str) -> bool {
        let rest = id.trim_start_matches(char::is_alphabetic);
        let digits = rest.trim_start_matches(['-', '_', '.', ':', '#']);
        let (digit, least) = match self {
            Self::AllZeros => ('0', 2),
            Self::AllNines => ('9', 4),
        };
        digits.len() >= least && digits.chars().all(|c| c == digit)
    }

    fn reason(self) -> &'static str {
        match self {
            Self::AllZeros => "placeholder: all zeros",
            Self::AllNines => "placeholder: all nines",
        }
    }
}

impl Default for NormalizeIds {
    fn default() -> Self {
        let placeholders = [
            "anonymous",
            "guest",
            "n/a",
            "na",
            "nan",
            "none",
            "null",
            "test",
            "undefined",
            "unknown",
        ];
        Self {
            columns: Vec::new(),
            trim: true,
            case: Case::Lower,
            placeholders: placeholders.map(str::to_owned).to_vec(),
            placeholder_patterns: vec![Pattern::AllZeros, Pattern::AllNines],
        }
    }
}

#[typetag::serde(name = "normalize_ids")]
impl Cleaner for NormalizeIds {
    fn reach(&self) -> Reach {
        Reach::Row
    }

    fn labels(&self, column: &str, before: Option<Vec<String>>) -> Option<Vec<String>> {
        before.filter(|_| !self.columns.iter().any(|own| own == column))
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let roles = part.roles();
        let columns = columns_or(&self.columns, &[Some(&roles.user), Some(&roles.item)]);
        let placeholders: FxHashSet<String> = self
            .placeholders
            .iter()
            .map(|p| p.trim().to_lowercase())
            .collect();
        for column in &columns {
            text(part, column, "normalize_ids")?;
            // Twice, so that the account of spellings is whole: of placeholders too.
            part.rewrite(column, ledger, |id| self.spell(id))?;
            part.rewrite(column, ledger, |id| self.unmask(id, &placeholders))?;
        }
        Ok(())
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        missing_columns(context, "columns", &self.columns)
    }
}

register!(Cleaner, NormalizeIds, "normalize_ids", revision = 1);

impl NormalizeIds {
    fn spell(&self, id: &str) -> Fate {
        let trimmed = if self.trim { id.trim() } else { id };
        let folded = match self.case {
            Case::Lower => lower(trimmed),
            Case::Upper => Cow::Owned(trimmed.to_uppercase()),
            Case::Keep => Cow::Borrowed(trimmed),
        };
        let what = match (trimmed != id, folded != trimmed) {
            (false, false) => return Fate::Keep,
            (true, false) => "trimmed",
            (false, true) => "case folded",
            (true, true) => "trimmed, case folded",
        };
        Fate::Become(folded.into_owned(), what)
    }

    fn unmask(&self, id: &str, placeholders: &FxHashSet<String>) -> Fate {
        let id = id.trim();
        if id.is_empty() {
            return Fate::Missing("blank");
        }
        if placeholders.contains(&*lower(id)) {
            return Fate::Missing("placeholder");
        }
        self.placeholder_patterns
            .iter()
            .find(|pattern| pattern.fits(id))
            .map_or(Fate::Keep, |pattern| Fate::Missing(pattern.reason()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, NormalizeIds};
    use crate::cells::tests::{books, check, log, places, sample, shown};
    use musicrec_api::{Cleaner, Ledger};

    #[test]
    fn ids_get_one_spelling_and_placeholders_none() {
        let ids = [
            " U1 ", "u1", "U2", "", " Guest", "u00000", "s-999999", "u0", "u999",
        ];
        let rows = ids.map(|id| format!("{id}|x"));
        let mut log = log("user|item", &rows.each_ref().map(String::as_str));
        let mut ledger = Ledger::default();
        NormalizeIds::default()
            .clean(&mut log, &mut ledger)
            .unwrap();
        let expected = ["u1", "u1", "u2", "~", "~", "~", "~", "u0", "u999"];
        assert_eq!(shown(&log, "user"), expected);
        assert_eq!(
            books(ledger.changes()),
            [
                ("user", "blank", 1),
                ("user", "case folded", 1),
                ("user", "placeholder", 1),
                ("user", "placeholder: all nines", 1),
                ("user", "placeholder: all zeros", 1),
                ("user", "trimmed, case folded", 2),
            ]
        );
        let first = sample(ledger.changes(), "trimmed, case folded");
        assert_eq!(first, (1, " U1 ", Some("u1")));
    }

    #[test]
    fn real_ids_survive_the_patterns() {
        for id in ["0", "9", "s9", "s10", "s100", "a0b00", "00x", "u990", "999"] {
            let mut log = log("user|item", &[&format!("{id}|x")]);
            NormalizeIds::default()
                .clean(&mut log, &mut Ledger::default())
                .unwrap();
            assert_eq!(shown(&log, "user"), [id]);
        }
    }

    #[test]
    fn spelling_can_be_left_alone_but_blanks_cannot() {
        let cleaner = NormalizeIds {
            trim: false,
            case: Case::Keep,
            placeholders: vec![" NOBODY".into()],
            ..NormalizeIds::default()
        };
        let mut log = log("user|item", &[" A|x", "  |x", "Nobody|x", "guest|x"]);
        cleaner.clean(&mut log, &mut Ledger::default()).unwrap();
        assert_eq!(shown(&log, "user"), [" A", "~", "~", "guest"]);
    }

    #[test]
    fn a_column_that_is_not_there_is_a_fault() {
        let cleaner = NormalizeIds {
            columns: vec!["usr".into()],
            ..NormalizeIds::default()
        };
        let mut log = log("user|item", &["a|x"]);
        let error = cleaner.clean(&mut log, &mut Ledger::default()).unwrap_err();
        assert!(error.to_string().contains("did you mean `user`"), "{error}");
    }

    #[test]
    fn every_column_that_is_not_there_is_told_before_the_run() {
        let problems = check(r#"{"normalize_ids": {"columns": ["usr", "item", "genre"]}}"#);
        assert_eq!(
            places(&problems),
            [("columns.0", "user"), ("columns.2", "")]
        );
        assert_eq!(problems[0].message, "the log has no column `usr`");
        assert!(check(r#"{"normalize_ids": {}}"#).is_empty());
    }
}
