//! `[rules]`: what no list may hold whatever the model, in evaluation and in what is exported.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::resolved;
use crate::definition::Node;
use crate::records::{hex, hexadecimal};

/// Rules of the product, which the lab applies to the lists of every model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rules {
    /// Only these items are ever recommended: a file of ids (one a line, or the column of a CSV or TSV file that is
    /// called like the items of the log), or a list of ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow: Option<ItemList>,
    /// These items are never recommended: a file or a list of ids, as for `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<ItemList>,
    /// Kinds of event, as the cleaned log calls them: an item is not recommended to a user who had such an event with
    /// it before. Of use where heard items are kept (`heard = "keep"`), for else all of them are masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub(crate) avoid: Vec<String>,
    /// By column of the log: how many items of a list may have the same value of it, the best of them. What the fit
    /// part says most often of an item is its value; items without one are not limited.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) at_most: BTreeMap<String, NonZeroUsize>,
}

/// Items by their ids.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum ItemList {
    /// In a file, whose relative path starts at the definition's folder.
    File(PathBuf),
    /// In the definition.
    Ids(Vec<String>),
}

/// An id as it stands in a definition: ids that are numbers need no quotes.
struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl Visitor<'_> for Of {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the id of an item")
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<Id, E> {
                Ok(Id(id.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }
        }
        from.deserialize_any(Of)
    }
}

impl<'de> Deserialize<'de> for ItemList {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Of;
        impl<'de> Visitor<'de> for Of {
            type Value = ItemList;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the path of a file of item ids or a list of them")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<ItemList, E> {
                Ok(ItemList::File(path.into()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut all: A) -> Result<ItemList, A::Error> {
                let mut ids = Vec::new();
                while let Some(Id(id)) = all.next_element()? {
                    ids.push(id);
                }
                Ok(ItemList::Ids(ids))
            }
        }
        from.deserialize_any(Of)
    }
}

impl JsonSchema for ItemList {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ItemList".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "items": { "type": ["string", "integer"] },
            "minItems": 1,
        })
    }
}

/// A list of items with what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// `allow` or `block`.
    pub(crate) rule: &'static str,
    /// The file, as a message names it; `None` if the list stands in the definition.
    file: Option<String>,
    /// What it holds, by its hash.
    hash: String,
    /// Where each entry stands (the line of a file, the number in a list) and its cells.
    rows: Vec<(u64, Vec<String>)>,
}

/// An id of a list, and where it stands in it.
pub(crate) type Place = (u64, String);

/// The rules of an experiment, with the lists that they name.
#[derive(Debug, Default)]
pub(crate) struct ProductRules {
    /// As they are written, paths included.
    pub(crate) written: Rules,
    /// The table of the definition, for faults that only the data can tell.
    pub(crate) node: Option<Node>,
    /// Its lists, `allow` first.
    pub(crate) lists: Vec<Listed>,
}

/// Why a list cannot be had: which rule, and what is wrong.
pub(crate) type Unreadable = (&'static str, String);

impl ProductRules {
    /// Reads the lists that rules name; relative paths start at `base`.
    ///
    /// # Errors
    /// For each list that cannot be read or is empty.
    pub(crate) fn read(written: Rules, base: &Path) -> Result<Self, Vec<Unreadable>> {
        let named = [("allow", &written.allow), ("block", &written.block)];
        let (mut lists, mut faults) = (Vec::new(), Vec::new());
        for (rule, list) in named {
            match list.as_ref().map(|list| Listed::read(rule, list, base)) {
                Some(Ok(list)) => lists.push(list),
                Some(Err(message)) => faults.push((rule, message)),
                None => {}
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            written,
            node: None,
            lists,
        })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.written == Rules::default()
    }

    /// What of them decides results, as records keep it: files by what they hold and not by where they lie.
    /// `None` if there is no rule.
    pub(crate) fn identity(&self) -> Option<Value> {
        if self.is_empty() {
            return None;
        }
        let mut all = Map::new();
        for list in &self.lists {
            // Not the ids themselves: reports name none unless they are told to.
            all.insert(list.rule.to_owned(), json!({ "sha256": list.hash }));
        }
        if !self.written.avoid.is_empty() {
            let mut kinds = self.written.avoid.clone();
            kinds.sort();
            all.insert("avoid".to_owned(), kinds.into());
        }
        if !self.written.at_most.is_empty() {
            all.insert("at_most".to_owned(), resolved(&self.written.at_most));
        }
        Some(all.into())
    }

    /// The rules in words: what they change about the protocol.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        for list in &self.lists {
            let what = match list.rule {
                "allow" => "only items of a list may be recommended",
                _ => "items of a list are never recommended",
            };
            let from = list.file.as_deref().unwrap_or("given in the definition");
            changes.push(format!(
                "{what} ({from}), whatever the model, and what is never recommended is no target ([rules] {})",
                list.rule
            ));
        }
        if !self.written.avoid.is_empty() {
            let kinds: Vec<String> = self
                .written
                .avoid
                .iter()
                .map(|k| format!("`{k}`"))
                .collect();
            changes.push(format!(
                "items with which a user had an event of {} before are not recommended to that user, and \
                 are no targets ([rules] avoid)",
                kinds.join(" or ")
            ));
        }
        for (column, most) in &self.written.at_most {
            changes.push(format!(
                "of items with the same `{column}` a list holds the best {most} at most; targets stay \
                 ([rules.at_most])"
            ));
        }
        changes
    }
}

impl Listed {
    fn read(rule: &'static str, list: &ItemList, base: &Path) -> Result<Self, String> {
        let path = match list {
            ItemList::Ids(ids) if ids.is_empty() => return Err("the list is empty".to_owned()),
            ItemList::Ids(ids) => {
                let rows = (1..).zip(ids).map(|(at, id)| (at, vec![id.clone()]));
                return Ok(Self {
                    rule,
                    file: None,
                    hash: hex(&json!(ids).to_string()),
                    rows: rows.collect(),
                });
            }
            ItemList::File(path) => base.join(path),
        };
        let shown = path.display();
        let bytes = match std::fs::metadata(&path) {
            Ok(known) if !known.is_file() => Err("it is not a regular file".to_owned()),
            _ => std::fs::read(&path).map_err(|error| error.to_string()),
        };
        let bytes = bytes.map_err(|error| format!("cannot read {shown}: {error}"))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| format!("{shown} is not UTF-8: {error}; save it as UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let delimiter = match path.extension().and_then(|e| e.to_str()) {
            Some(e) if e.eq_ignore_ascii_case("csv") => Some(b','),
            Some(e) if e.eq_ignore_ascii_case("tsv") => Some(b'\t'),
            _ => None,
        };
        let rows = if let Some(delimiter) = delimiter {
            cells(text, delimiter).map_err(|error| format!("{shown}: {error}"))?
        } else {
            let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
            lines.map(|(at, id)| (at, vec![id.to_owned()])).collect()
        };
        if rows.is_empty() {
            return Err(format!("{shown} holds no id"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into());
        Ok(Self {
            rule,
            file: name,
            hash: hexadecimal(&Sha256::digest(&bytes)),
            rows,
        })
    }

    /// The ids and where they stand. In a table they are the column of this name; a list of one column may do without
    /// a header.
    ///
    /// # Errors
    /// If it cannot be told which column is meant.
    pub(crate) fn ids(&self, column: &str) -> Result<Vec<Place>, String> {
        let (_, first) = &self.rows[0];
        let header = self.file.is_some() && first.iter().any(|cell| cell == column);
        if !header && first.len() > 1 {
            return Err(format!(
                "{} has several columns, and its first line calls none of them `{column}`, as the log calls \
                 its items; it has {}",
                self.name(),
                first.join(", ")
            ));
        }
        let at = first
            .iter()
            .position(|cell| cell == column)
            .filter(|_| header);
        let rows = self.rows.iter().skip(usize::from(header));
        let id = |(line, cells): &(u64, Vec<String>)| (*line, cells[at.unwrap_or(0)].clone());
        Ok(rows.map(id).collect())
    }

    /// The list in a message: its file, or which it is.
    pub(crate) fn name(&self) -> &str {
        self.file.as_deref().unwrap_or(self.rule)
    }

    /// Where an entry stands, in words.
    pub(crate) fn place(&self, at: u64) -> String {
        match &self.file {
            Some(file) => format!("line {at} of {file}"),
            None => format!("number {at} of the list"),
        }
    }
}

/// The cells of a table, with the lines that they stand in.
fn cells(text: &str, delimiter: u8) -> Result<Vec<(u64, Vec<String>)>, csv::Error> {
    // The reader counts a line where its `\n` is read, which of `\r\n` belongs to the next record.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|record| {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok((line, record.iter().map(str::to_owned).collect()))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::{ItemList, ProductRules, Rules};

    fn read(text: &str, file: &str) -> Result<ProductRules, Vec<super::Unreadable>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
        let rules = Rules {
            block: Some(ItemList::File(file.into())),
            ..Rules::default()
        };
        ProductRules::read(rules, folder.path())
    }

    fn ids(text: &str, file: &str) -> Result<Vec<(u64, String)>, String> {
        read(text, file).unwrap().lists[0].ids("song")
    }

    #[test]
    fn ids_stand_one_a_line_or_in_the_column_of_the_items() {
        let expected = |lines: [u64; 2]| {
            let ids = ["a,b", "c"].map(str::to_owned);
            Ok(lines.into_iter().zip(ids).collect::<Vec<_>>())
        };
        assert_eq!(ids("a,b\r\n\nc\n", "x.txt"), expected([1, 3]));
        assert_eq!(ids("\u{feff}song\na,b\nc", "x"), expected([2, 3]));
        assert_eq!(ids("\"a,b\"\nc\n", "x.csv"), expected([1, 2]));
        assert_eq!(ids("\"a,b\"\r\nc\r\n", "x.csv"), expected([1, 2]));
        let table = "why,song\nold,\"a,b\"\nrude,c\n";
        assert_eq!(ids(table, "x.CSV"), expected([2, 3]));
        assert_eq!(
            ids(
                &table.replace(',', "\t").replace("\"a\tb\"", "a,b"),
                "x.tsv"
            ),
            expected([2, 3])
        );
        let error = ids("why,item\nold,a\n", "x.csv").unwrap_err();
        assert!(
            error.contains("calls none of them `song`") && error.contains("why, item"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (text, file, words) in [
            ("\n\n", "x.txt", "holds no id"),
            ("a,b\nc\n", "x.csv", "found record with 1 field"),
        ] {
            let faults = read(text, file).unwrap_err();
            assert_eq!(faults[0].0, "block");
            assert!(faults[0].1.contains(words), "{faults:?}");
        }
        let rules: Rules = toml::from_str("allow = [1, \"b\"]\nblock = []").unwrap();
        assert_eq!(
            rules.allow,
            Some(ItemList::Ids(vec!["1".into(), "b".into()]))
        );
        let faults = ProductRules::read(rules, "".as_ref()).unwrap_err();
        assert_eq!(faults, [("block", "the list is empty".to_owned())]);
    }

    #[test]
    fn lists_are_told_by_what_they_hold_and_not_by_where_they_lie() {
        let one = read("a\nb\n", "x.txt").unwrap().identity();
        assert_eq!(one, read("a\nb\n", "other.txt").unwrap().identity());
        assert_ne!(one, read("a\n", "x.txt").unwrap().identity());
        assert_eq!(ProductRules::default().identity(), None);
        let of = |text| {
            let rules = toml::from_str(text).unwrap();
            ProductRules::read(rules, "".as_ref()).unwrap().identity()
        };
        assert_eq!(
            of("avoid = [\"skip\", \"hide\"]"),
            of("avoid = [\"hide\", \"skip\"]")
        );
        assert_ne!(of("[at_most]\na = 1"), of("[at_most]\na = 2"));
    }
}
