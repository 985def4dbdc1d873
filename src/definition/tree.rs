//! A definition as a tree that remembers where each key and value was written.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Sources};
use super::words;

/// Where something was written: a text (the file, or a `--set`) and the bytes in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Index into [`Sources`].
    pub(crate) source: usize,
    /// First byte.
    pub(crate) start: usize,
    /// Behind the last byte.
    pub(crate) end: usize,
}

impl Place {
    pub(crate) fn new(source: usize, span: &Range<usize>) -> Self {
        Self {
            source,
            start: span.start,
            end: span.end,
        }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What may stand in a definition.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(toml::Value),
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// One `key = value` of a table.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key was written.
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// Parses a whole TOML text; syntax errors are faults at their places, all of them.
    pub(crate) fn parse(sources: &Sources, source: usize) -> Result<Self, Vec<Fault>> {
        let text = sources.text(source);
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            return Err(errors
                .iter()
                .map(|e| {
                    let span = e.span().unwrap_or(0..0);
                    let fault = Fault::at(Place::new(source, &span), e.message());
                    match words::of_toml(e.message()) {
                        Some(help) => fault.help(help),
                        None => fault,
                    }
                })
                .collect());
        }
        let place = Place::new(source, &table.span());
        let value = convert_table(source, table.get_ref())?;
        Ok(Self { place, value })
    }

    /// A table of one entry, all at one place.
    pub(crate) fn single(key: &str, key_place: Place, node: Self) -> Self {
        Self {
            place: key_place.clone(),
            value: Value::Table(vec![Entry {
                key: key.to_owned(),
                place: key_place,
                node,
            }]),
        }
    }

    /// An empty table at a place.
    pub(crate) fn empty(place: Place) -> Self {
        Self {
            place,
            value: Value::Table(Vec::new()),
        }
    }

    /// The text, if this is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(toml::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The entry of a table.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// Puts a key behind the others of a table that does not have it.
    pub(crate) fn add(&mut self, key: &str, place: &Place, make: impl FnOnce() -> Self) {
        if self.get(key).is_none()
            && let Value::Table(entries) = &mut self.value
        {
            entries.push(Entry {
                key: key.to_owned(),
                place: place.clone(),
                node: make(),
            });
        }
    }

    /// Takes an entry out of a table.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let Value::Table(entries) = &mut self.value else {
            return None;
        };
        let at = entries.iter().position(|e| e.key == key)?;
        Some(entries.remove(at))
    }

    /// A text at a place.
    pub(crate) fn text(place: &Place, text: &str) -> Self {
        Self {
            place: place.clone(),
            value: Value::Scalar(toml::Value::String(text.to_owned())),
        }
    }

    /// The value without its places.
    pub(crate) fn plain(&self) -> toml::Value {
        match &self.value {
            Value::Scalar(value) => value.clone(),
            Value::Array(items) => toml::Value::Array(items.iter().map(Self::plain).collect()),
            Value::Table(entries) => toml::Value::Table(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.node.plain()))
                    .collect(),
            ),
        }
    }

    /// What kind of value this is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar(value) => match value.type_str() {
                "integer" => "whole number",
                "float" => "number",
                "string" => "text",
                other => other,
            },
            Value::Array(_) => "list",
            Value::Table(_) => "table",
        }
    }
}

fn convert(source: usize, value: &DeValue<'_>, span: &Range<usize>) -> Result<Node, Vec<Fault>> {
    let place = Place::new(source, span);
    let fault = |what: String| vec![Fault::at(place.clone(), what)];
    let scalar = |value| Ok(Value::Scalar(value));
    let converted = match value {
        DeValue::String(text) => scalar(toml::Value::String(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|n| Value::Scalar(toml::Value::Integer(n)))
            .map_err(|_| fault(format!("the integer {number} is too large"))),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map(|n| Value::Scalar(toml::Value::Float(n)))
            .map_err(|_| fault(format!("{number} is not a number"))),
        DeValue::Boolean(value) => scalar(toml::Value::Boolean(*value)),
        // Plugins take dates as text.
        DeValue::Datetime(time) => scalar(toml::Value::String(time.to_string())),
        DeValue::Array(items) => {
            let mut nodes = Vec::new();
            for item in items {
                nodes.push(convert(source, item.get_ref(), &item.span())?);
            }
            Ok(Value::Array(nodes))
        }
        DeValue::Table(table) => convert_table(source, table),
    }?;
    Ok(Node {
        place,
        value: converted,
    })
}

fn convert_table(source: usize, table: &DeTable<'_>) -> Result<Value, Vec<Fault>> {
    let mut entries = Vec::new();
    for (key, value) in table {
        entries.push(Entry {
            key: key.get_ref().to_string(),
            place: Place::new(source, &key.span()),
            node: convert(source, value.get_ref(), &value.span())?,
        });
    }
    Ok(Value::Table(entries))
}
