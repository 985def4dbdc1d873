//! Types of the parameters that serde has no word for.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What to do with rows that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// Stop at the first one, with its file, line and remedy.
    #[default]
    Error,
    /// Drop them; the report counts them and shows some.
    Drop,
}

/// What separates the cells of a line: one ASCII character, for example `,`, `;` or a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiter(u8);

impl Delimiter {
    /// The byte in the file.
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Self(b',')
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(char::from(self.0))
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_bytes() {
            [b'"' | b'\n' | b'\r' | 0] => Err(D::Error::custom(
                "a quote, a line break or NUL cannot separate cells",
            )),
            [byte] if byte.is_ascii() => Ok(Self(*byte)),
            _ => Err(D::Error::custom(format!(
                "{text:?} is not one ASCII character such as \",\", \";\" or \"\\t\" (a tab)"
            ))),
        }
    }
}

impl JsonSchema for Delimiter {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Delimiter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": 1})
    }
}

/// Several files by the name of their part, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub Vec<(String, String)>);

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (part, path) in &self.0 {
            map.serialize_entry(part, path)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Files;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of paths, such as { train = \"a.tsv\", test = \"b.tsv\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
                let mut files: Vec<(String, String)> = Vec::new();
                while let Some((part, path)) = map.next_entry::<String, String>()? {
                    if files.iter().any(|(known, _)| *known == part) {
                        return Err(A::Error::custom(format!("`{part}` is given twice")));
                    }
                    files.push((part, path));
                }
                Ok(Files(files))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

impl JsonSchema for Files {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Files".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": {"type": "string"}})
    }
}

#[cfg(test)]
mod tests {
    use super::{Delimiter, Files};

    #[test]
    fn files_keep_the_order_written() {
        let text = r#"{"test":"b","train":"a","again":"c"}"#;
        let files: Files = serde_json::from_str(text).unwrap();
        assert_eq!(files.0[0], ("test".to_owned(), "b".to_owned()));
        assert_eq!(serde_json::to_string(&files).unwrap(), text);
        assert!(serde_json::from_str::<Files>(r#"{"a":"x","a":"y"}"#).is_err());
    }

    #[test]
    fn a_delimiter_is_one_character() {
        let tab: Delimiter = serde_json::from_str(r#""\t""#).unwrap();
        assert_eq!(tab.byte(), b'\t');
        for bad in [r#""""#, r#"",,""#, r#""\"""#, r#""\n""#, r#""é""#] {
            assert!(serde_json::from_str::<Delimiter>(bad).is_err(), "{bad}");
        }
    }
}
