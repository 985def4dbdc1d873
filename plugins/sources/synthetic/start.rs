//! The first day of a log.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A date such as `2025-09-01`, from 1900 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartDate(Date);

impl StartDate {
    /// The date in a text such as `2025-09-01`, if it is one in the range.
    pub fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        // Nothing but the date: jiff would also read the date of a time.
        let exact = date.to_string() == text;
        (exact && (1900..2200).contains(&date.year())).then_some(Self(date))
    }

    /// This day and those after it.
    pub(super) fn days(self) -> impl Iterator<Item = Date> {
        std::iter::successors(Some(self.0), |date| date.tomorrow().ok())
    }
}

impl fmt::Display for StartDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for StartDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StartDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no date from 1900 to 2199, expected one such as \"2025-09-01\""
            ))
        })
    }
}

impl JsonSchema for StartDate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StartDate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

#[cfg(test)]
mod tests {
    use super::StartDate;

    #[test]
    fn a_start_is_a_real_date() {
        let start: StartDate = serde_json::from_str(r#""2024-02-28""#).unwrap();
        let days: Vec<String> = start.days().take(3).map(|d| d.to_string()).collect();
        assert_eq!(days, ["2024-02-28", "2024-02-29", "2024-03-01"]);
        for bad in [
            r#""2025-02-29""#,
            r#""2025-09-01 10:00:00""#,
            r#""soon""#,
            r#""1066-10-14""#,
        ] {
            let error = serde_json::from_str::<StartDate>(bad)
                .unwrap_err()
                .to_string();
            assert!(error.contains("expected one such as"), "{error}");
        }
    }
}
