//! Rows that are in the log more than once.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hasher as _;

use hashbrown::HashTable;
use musicrec_api::{
    CheckContext, Cleaner, Error, InParts, Ledger, Log, Problem, Reach, Result, Roles, View,
    register,
};
use rustc_hash::FxHasher;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cells::{drop_rows, missing_columns};

/// Drops all copies of a row but one.
///
/// What makes two rows the same is said by `by`, and by the place in the list of cleaners, since
/// cells are compared as they are at this point: `by = "cells"` as the first cleaner finds exact
/// copies of what was read, behind the normalizing ones it finds copies that were spelled
/// differently. Missing is equal to missing.
///
/// Copies that agree in all cells and copies that differ in a cell outside of `by` are counted
/// apart.
///
/// ```toml
/// [[cleaners]]
/// drop_duplicates = { by = "event" }
///
/// [[cleaners]]
/// drop_duplicates = { by = ["user_id", "song_id", "timestamp"], keep = "last" }
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DropDuplicates {
    /// What makes two rows the same: `"cells"` (default), all their cells; `"event"`, the columns of
    /// user, item, event (if there is one) and time, whatever they are called; or a list of columns.
    pub by: By,
    /// Which copy stays, in the order of the log. Default `first`.
    pub keep: Kept,
}

/// What makes two rows the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum By {
    /// All cells.
    #[default]
    Cells,
    /// User, item, event and time.
    Event,
    /// The columns named.
    Columns(Vec<String>),
}

/// Which of several copies stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
}

#[typetag::serde(name = "drop_duplicates")]
impl Cleaner for DropDuplicates {
    fn reach(&self) -> Reach {
        match self.by {
            By::Cells | By::Event => Reach::User,
            // Copies may be of different users if that column is not among them.
            By::Columns(_) => Reach::Log,
        }
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let keys = self.keys(part)?;
        let is_key = |name: &str| keys.iter().any(|(key, _)| *key == name);
        let others: Vec<View> = part
            .names()
            .zip(part.views())
            .filter(|(name, _)| !is_key(name))
            .map(|(_, cells)| cells)
            .collect();
        let keys: Vec<View> = keys.iter().map(|(_, cells)| *cells).collect();
        let same = |columns: &[View], a: usize, b: usize| {
            columns.iter().all(|cells| cells.bits(a) == cells.bits(b))
        };
        let rows = part.rows();
        let hashes = hashes(&keys, rows);
        let groups = Groups::of(&hashes);
        let mut fates = vec![0u16; rows];
        let mut stays: HashTable<u32> = HashTable::new();
        for group in groups.iter() {
            stays.clear();
            for step in 0..group.len() {
                let row = match self.keep {
                    Kept::First => group[step],
                    Kept::Last => group[group.len() - 1 - step],
                };
                let (at, hash) = (row as usize, hashes[row as usize]);
                let copy = |&other: &u32| {
                    let other = other as usize;
                    hashes[other] == hash && same(&keys, at, other)
                };
                match stays.find(spread(hash), copy) {
                    None => {
                        let of = |&row: &u32| spread(hashes[row as usize]);
                        stays.insert_unique(spread(hash), row, of);
                    }
                    Some(&other) => {
                        fates[at] = 2 - u16::from(same(&others, at, other as usize));
                    }
                }
            }
        }
        drop((hashes, groups));
        let reasons = [("", "copy"), ("", "copy that differs in other cells")];
        drop_rows(part, ledger, &fates, &reasons);
        Ok(())
    }

    fn in_parts(&self, roles: &Roles) -> Option<Box<dyn InParts + '_>> {
        match &self.by {
            By::Columns(names) if !names.contains(&roles.user) => None,
            // All copies of a row are of its user.
            By::Columns(_) | By::Cells | By::Event => Some(Box::new(ByUser(self))),
        }
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        match &self.by {
            By::Columns(names) => missing_columns(context, "by", names),
            By::Cells | By::Event => Vec::new(),
        }
    }
}

/// Looks for copies among the rows of a user alone.
struct ByUser<'c>(&'c DropDuplicates);

impl InParts for ByUser<'_> {
    fn again(&mut self) -> Result<bool> {
        Ok(false)
    }

    fn look(&mut self, _: &Log) -> Result<()> {
        Ok(())
    }

    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        self.0.clean(part, ledger)
    }
}

register!(Cleaner, DropDuplicates, "drop_duplicates", revision = 1);

impl DropDuplicates {
    /// The columns that make two rows the same, with their names.
    fn keys<'a>(&'a self, log: &'a Log) -> Result<Vec<(&'a str, View<'a>)>> {
        let roles = log.roles();
        let named = |name: &'a String| Ok((name.as_str(), log.view(name)?));
        match &self.by {
            By::Cells => Ok(log.names().zip(log.views()).collect()),
            By::Columns(names) => names.iter().map(named).collect(),
            By::Event => {
                let Some(time) = &roles.time else {
                    return Err(Error::definition(
                        "`drop_duplicates` with `by = \"event\"` needs times, but the log has none, \
                         so a second play cannot be told from a copy; set `by` to \"cells\" or to a \
                         list of columns",
                    ));
                };
                let names = [
                    Some(&roles.user),
                    Some(&roles.item),
                    roles.event.as_ref(),
                    Some(time),
                ];
                names.into_iter().flatten().map(named).collect()
            }
        }
    }
}

/// Rows whose hashes are looked at together: so few that a table of them stays in the cache.
const TOGETHER: usize = 1 << 14;
/// Rows that are hashed at once, column after column.
const BLOCK: usize = 1 << 10;

/// For each row the hash of its cells in the columns given, folded to half its bits.
fn hashes(keys: &[View], rows: usize) -> Vec<u32> {
    let mut hashes = Vec::with_capacity(rows);
    for begins in (0..rows).step_by(BLOCK) {
        let block = begins..rows.min(begins + BLOCK);
        let mut hashers = vec![FxHasher::default(); block.len()];
        for cells in keys {
            for (hasher, row) in hashers.iter_mut().zip(block.clone()) {
                hasher.write_u64(cells.bits(row));
            }
        }
        let folded = |hasher: &FxHasher| (hasher.finish() ^ (hasher.finish() >> 32)) as u32;
        hashes.extend(hashers.iter().map(folded));
    }
    hashes
}

/// The hash that a table is given for one that was folded.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// All rows, ascending within each of some groups: rows of one hash are in one group.
struct Groups {
    rows: Vec<u32>,
    /// Where each group ends.
    ends: Vec<usize>,
}

impl Groups {
    fn of(hashes: &[u32]) -> Self {
        let groups = (hashes.len() / TOGETHER + 1).next_power_of_two();
        let group = |hash: u32| hash as usize & (groups - 1);
        let mut ends = vec![0usize; groups];
        for &hash in hashes {
            ends[group(hash)] += 1;
        }
        let mut begins = 0;
        for end in &mut ends {
            (begins, *end) = (begins + *end, begins);
        }
        let mut rows = vec![0u32; hashes.len()];
        for (row, &hash) in (0..).zip(hashes) {
            let place = &mut ends[group(hash)];
            rows[*place] = row;
            *place += 1;
        }
        Self { rows, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins
            .zip(&self.ends)
            .map(|(begins, &ends)| &self.rows[begins..ends])
    }
}

impl Serialize for By {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Cells => serializer.serialize_str("cells"),
            Self::Event => serializer.serialize_str("event"),
            Self::Columns(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrList;
        impl<'de> Visitor<'de> for WordOrList {
            type Value = By;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"cells\", \"event\" or a list of columns")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<By, E> {
                match word {
                    "cells" => Ok(By::Cells),
                    "event" => Ok(By::Event),
                    _ => Err(E::unknown_variant(word, &["cells", "event"])),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<By, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                if names.is_empty() {
                    return Err(A::Error::custom(
                        "the list of columns is empty; write \"cells\" for all columns",
                    ));
                }
                Ok(By::Columns(names))
            }
        }
        deserializer.deserialize_any(WordOrList)
    }
}

impl JsonSchema for By {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "By".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Keywords of one type do not concern the other, so no `anyOf` is needed but for the words.
        json_schema!({
            "type": ["string", "array"],
            "pattern": "^(cells|event)$",
            "items": {"type": "string"},
            "minItems": 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{By, DropDuplicates, Kept};
    use crate::cells::tests::{books, check, log, places, sample};
    use musicrec_api::{Cells, Cleaner, Ledger, Log, Reach, Result};

    const ROWS: [&str; 6] = [
        "a|x|1|web",
        "a|x|1|web",
        "a|x|1|~",
        "a|x|2|~",
        "b|x|1|web",
        "a|x|1|~",
    ];

    fn run(definition: &str, mut log: Log) -> Result<(Log, Ledger)> {
        let cleaner: DropDuplicates = serde_json::from_str(definition).unwrap();
        let mut ledger = Ledger::default();
        cleaner.clean(&mut log, &mut ledger)?;
        Ok((log, ledger))
    }

    fn kept(definition: &str) -> Vec<u64> {
        let (log, _) = run(definition, log("user|item|time|device", &ROWS)).unwrap();
        log.numbers().to_vec()
    }

    #[test]
    fn rows_are_the_same_by_cells_by_event_or_by_columns() {
        assert_eq!(kept("{}"), [1, 3, 4, 5]);
        assert_eq!(kept(r#"{"by": "cells", "keep": "last"}"#), [2, 4, 5, 6]);
        assert_eq!(kept(r#"{"by": "event"}"#), [1, 4, 5]);
        assert_eq!(kept(r#"{"by": "event", "keep": "last"}"#), [4, 5, 6]);
        assert_eq!(kept(r#"{"by": ["item"]}"#), [1]);
    }

    #[test]
    fn copies_that_differ_are_counted_apart() {
        let log = log("user|item|time|device", &ROWS);
        let (_, ledger) = run(r#"{"by": "event"}"#, log).unwrap();
        assert_eq!(
            books(ledger.drops()),
            [("", "copy", 1), ("", "copy that differs in other cells", 2)]
        );
        let first = sample(ledger.drops(), "copy");
        assert_eq!(first, (2, "a, x, 1, web", None));
    }

    #[test]
    fn numbers_are_equal_by_value() {
        let mut log = log("user|item", &["a|x"; 5]);
        let numbers = vec![0.0, -0.0, f64::NAN, -f64::NAN, 1.0];
        *log.column_mut("item").unwrap() = Cells::Number(numbers);
        assert_eq!(run("{}", log).unwrap().0.numbers(), [1, 3, 5]);
    }

    #[test]
    fn by_event_needs_times() {
        let error = run(r#"{"by": "event"}"#, log("user|item", &["a|x"])).unwrap_err();
        assert!(error.to_string().contains("needs times"), "{error}");
    }

    #[test]
    fn the_definition_is_a_word_or_a_list() {
        for (text, expected) in [
            (r#"{"by":"event","keep":"first"}"#, By::Event),
            (
                r#"{"by":["a"],"keep":"first"}"#,
                By::Columns(vec!["a".into()]),
            ),
        ] {
            let cleaner: DropDuplicates = serde_json::from_str(text).unwrap();
            assert_eq!((&cleaner.by, cleaner.keep), (&expected, Kept::First));
            assert_eq!(serde_json::to_string(&cleaner).unwrap(), text);
        }
        for bad in [r#"{"by":"exact"}"#, r#"{"by":[]}"#, r#"{"by":3}"#] {
            assert!(
                serde_json::from_str::<DropDuplicates>(bad).is_err(),
                "{bad}"
            );
        }
        assert_eq!(DropDuplicates::default().reach(), Reach::User);
    }

    #[test]
    fn columns_that_are_not_there_are_told_before_the_run() {
        let problems = check(r#"{"drop_duplicates": {"by": ["user", "itme"]}}"#);
        assert_eq!(places(&problems), [("by.1", "item")]);
        for fine in [r#""cells""#, r#""event""#, r#"["user"]"#] {
            let json = format!(r#"{{"drop_duplicates": {{"by": {fine}}}}}"#);
            assert!(check(&json).is_empty(), "{fine}");
        }
    }
}
