//! Constrained parameter types: a value outside its range is a fault of the definition with its
//! place, and the schema knows the range.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident, $holds:expr, $expected:literal, $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// The value as one of this type, if it lies in the range.
            pub fn new(value: f64) -> Option<Self> {
                let holds: fn(f64) -> bool = $holds;
                holds(value).then_some(Self(value))
            }

            /// The number itself.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = f64::deserialize(deserializer)?;
                Self::new(value).ok_or_else(|| {
                    serde::de::Error::custom(format!(
                        concat!("{} is out of range, expected ", $expected),
                        value
                    ))
                })
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

ranged!(
    /// A finite number of at least 0.
    NonNegative, |v| v.is_finite() && v >= 0.0, "a finite number of at least 0",
    {"type": "number", "minimum": 0}
);
ranged!(
    /// A finite number above 0.
    Positive, |v| v.is_finite() && v > 0.0, "a finite number above 0",
    {"type": "number", "exclusiveMinimum": 0}
);
ranged!(
    /// A finite number, of either sign.
    Finite, f64::is_finite, "a finite number",
    {"type": "number"}
);
ranged!(
    /// A share below 1, where 0 means none at all.
    ShareOrZero, |v| (0.0..1.0).contains(&v), "a share of at least 0 and below 1",
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
);
ranged!(
    /// A fraction from 0 to 1, where 0 means nothing and 1 everything.
    Fraction, |v| (0.0..=1.0).contains(&v), "a fraction from 0 to 1, both included",
    {"type": "number", "minimum": 0, "maximum": 1}
);
ranged!(
    /// A share strictly between 0 and 1.
    Share, |v| v > 0.0 && v < 1.0, "a share between 0 and 1, both excluded",
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
);

#[cfg(test)]
mod tests {
    use super::{Finite, Fraction, NonNegative, Positive, Share, ShareOrZero};

    #[test]
    fn ranges_are_kept_and_named() {
        assert!(serde_json::from_str::<Share>("0.2").is_ok());
        for bad in ["0", "1", "-0.1", "1.5"] {
            let error = serde_json::from_str::<Share>(bad).unwrap_err().to_string();
            assert!(error.contains("between 0 and 1"), "{error}");
        }
        assert!(Fraction::new(1.0).is_some() && Fraction::new(1.01).is_none());
        assert!(Positive::new(0.0).is_none() && NonNegative::new(0.0).is_some());
        assert!(ShareOrZero::new(0.0).is_some() && ShareOrZero::new(1.0).is_none());
        assert!(Finite::new(-2.0).is_some() && Finite::new(f64::NAN).is_none());
        assert!(NonNegative::new(f64::NAN).is_none() && Positive::new(f64::INFINITY).is_none());
    }
}
