//! Which fields of an object are columns, and how they are found in it.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::common::fault::Fault;
use crate::common::parameters::Named;

/// The fields that are columns, as a tree of their paths.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The columns that this field is.
    columns: Vec<usize>,
    /// The fields within it.
    within: Vec<(String, Fields)>,
}

impl Fields {
    /// The tree of these paths, the first of which is column 0.
    pub(super) fn new<'a>(paths: impl Iterator<Item = Vec<&'a str>>) -> Self {
        let mut root = Self::default();
        for (column, path) in paths.enumerate() {
            let mut at = &mut root;
            for name in path {
                let known = at.within.iter().position(|(known, _)| known == name);
                let place = known.unwrap_or_else(|| {
                    at.within.push((name.to_owned(), Self::default()));
                    at.within.len() - 1
                });
                at = &mut at.within[place].1;
            }
            at.columns.push(column);
        }
        root
    }

    /// Finds the fields in the text of an object: the text of each column's value, `None` where there
    /// is no such field. What is within a field that is none is not there either.
    pub(super) fn find<'t>(
        &self,
        text: &'t str,
        found: &mut Vec<Option<&'t str>>,
    ) -> Result<(), serde_json::Error> {
        found.fill(None);
        let mut json = serde_json::Deserializer::from_str(text);
        let walk = Walk {
            fields: self,
            found,
            name: "",
        };
        walk.deserialize(&mut json)?;
        json.end()
    }
}

/// What contradicts itself in `fields`, whatever the files hold.
pub(super) fn contradictions(fields: &Named) -> Vec<Fault> {
    let wrong = |(name, path): &(String, String)| {
        let what = if path.split('.').any(str::is_empty) {
            format!("the path `{path}` has an empty name in it")
        } else {
            let inside = |other: &&(String, String)| {
                let rest = other.1.strip_prefix(path.as_str());
                rest.is_some_and(|rest| rest.starts_with('.'))
            };
            let (_, other) = fields.0.iter().find(inside)?;
            format!("`{path}` cannot be a column, for `{other}` is a field within it")
        };
        Some(Fault::definition(
            format!("fields.{name}"),
            format!("`source.json_lines.fields.{name}`: {what}"),
            "write the names of the fields from the outermost one on with points between them, such \
             as `track_metadata.track_name`",
        ))
    };
    fields.0.iter().filter_map(wrong).collect()
}

/// The text of a cell; `None` if it is missing, an error if the value is no text, number or flag.
pub(super) fn cell<'t>(
    value: &'t str,
    unescaped: &'t mut String,
) -> Result<Option<&'t str>, &'static str> {
    match value.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'{') => Err("an object; name a field within it"),
        Some(b'[') => Err("a list; name an entry of it, counted from 0 (`….0`)"),
        Some(b'"') if value.contains('\\') => {
            let text = serde_json::from_str(value);
            *unescaped = text.map_err(|_| "a text with an escape that stands for no character")?;
            Ok(Some(unescaped))
        }
        Some(b'"') => Ok(Some(&value[1..value.len() - 1])),
        _ => Ok(Some(value)),
    }
}

/// A walk through an object, or through a field that holds one.
struct Walk<'w, 't> {
    fields: &'w Fields,
    found: &'w mut Vec<Option<&'t str>>,
    /// What the field is called; empty for the object as a whole.
    name: &'w str,
}

impl Walk<'_, '_> {
    /// A value that is neither an object nor a list.
    fn plain<E: serde::de::Error>(&self, what: &str) -> Result<(), E> {
        Err(E::custom(match self.name {
            "" => format!("{what} where an object is expected"),
            name => format!("`{name}` is {what}, no object"),
        }))
    }
}

impl<'t> DeserializeSeed<'t> for Walk<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Walk<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = vec![false; self.fields.within.len()];
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let known = self
                .fields
                .within
                .iter()
                .position(|(known, _)| *known == key);
            let Some(place) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut seen[place], true) {
                return Err(A::Error::custom(format!(
                    "the field `{key}` is there twice"
                )));
            }
            let (name, field) = &self.fields.within[place];
            if field.columns.is_empty() {
                map.next_value_seed(Walk {
                    fields: field,
                    found: &mut *self.found,
                    name,
                })?;
            } else {
                let value = map.next_value::<&'t RawValue>()?.get();
                for &column in &field.columns {
                    self.found[column] = Some(value);
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        if self.name.is_empty() {
            return self.plain("a list");
        }
        for place in 0usize.. {
            let place = place.to_string();
            let known = self.fields.within.iter().find(|(known, _)| *known == place);
            let more = match known {
                None => list.next_element::<IgnoredAny>()?.is_some(),
                Some((name, field)) if field.columns.is_empty() => {
                    let walk = Walk {
                        fields: field,
                        found: &mut *self.found,
                        name,
                    };
                    list.next_element_seed(walk)?.is_some()
                }
                Some((_, field)) => {
                    let value = list.next_element::<&'t RawValue>()?;
                    for &column in &field.columns {
                        self.found[column] = value.map(RawValue::get);
                    }
                    value.is_some()
                }
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.name.is_empty() {
            return self.plain("`null`");
        }
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.plain("a flag")
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.plain("a number")
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.plain("a number")
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.plain("a number")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.plain("a text")
    }
}
