//! What separates cells.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

#[cfg(test)]
mod tests {
    use super::Delimiter;

    #[test]
    fn a_delimiter_is_one_character() {
        let tab: Delimiter = serde_json::from_str(r#""\t""#).unwrap();
        assert_eq!(tab.byte(), b'\t');
        for bad in [r#""""#, r#"",,""#, r#""\"""#, r#""\n""#, r#""é""#] {
            assert!(serde_json::from_str::<Delimiter>(bad).is_err(), "{bad}");
        }
    }
}
