//! `{ uniform = [8, 128] }` and `{ log_uniform = [1e-4, 1.0] }`: numbers that random search draws.

use serde_json::Value as Schema;

use super::range::{ends, is_whole};
use super::{DRAWN, Space, only_keys};
use crate::definition::fault::{Fault, Faults};
use crate::definition::tree::{Node, Place, Value};
use crate::experiment::{Declared, Scale};

/// Digits of a drawn number that are kept: enough to tune by, few enough to read and to be the same on
/// every machine.
const DIGITS: i32 = 4;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    /// Where its ends are written.
    pub(super) place: Place,
    low: f64,
    high: f64,
    pub(super) scale: Scale,
    /// Whether the parameter is a whole number.
    whole: bool,
}

/// The space of a table that is an interval; nothing where it is faulty, `None` for any other node.
pub(super) fn interval(node: &Node, schema: &Schema, faults: &mut Faults) -> Option<Space> {
    let entry = DRAWN.iter().find_map(|key| node.get(key))?;
    let scale = Scale::of_key(&entry.key)?;
    let interval = read(node, &entry.node, scale, schema, faults);
    Some(interval.map_or_else(|| Space::Choice(Vec::new()), Space::Number))
}

fn read(
    node: &Node,
    written: &Node,
    scale: Scale,
    schema: &Schema,
    faults: &mut Faults,
) -> Option<Interval> {
    let key = scale.key();
    only_keys(node, &[key], faults);
    let place = written.place.clone();
    let example = format!("for example {{ {key} = [0.01, 1.0] }}");
    let (low, high, whole_ends) = ends(written, &format!("`{key}`"), &example, faults)?;
    let whole = is_whole(schema).unwrap_or(whole_ends);
    let mut fault = |message: String, help: Option<&str>| {
        let fault = Fault::at(place.clone(), message);
        faults.push(match help {
            Some(help) => fault.help(help),
            None => fault,
        });
        None
    };
    if whole && !whole_ends {
        return fault(
            "both ends must be whole numbers, as the parameter is one".into(),
            Some("write them without a decimal point"),
        );
    }
    if scale == Scale::LogUniform && low <= 0.0 {
        return fault(
            format!("both ends must be above 0 for `{key}`"),
            Some("a logarithm needs numbers above 0; `uniform` takes any"),
        );
    }
    let bound = |key: &str| schema.get(key).and_then(Schema::as_f64);
    // What is not tried in this draw may be tried in a longer one.
    let beyond = [
        bound("minimum")
            .filter(|least| low < *least)
            .map(|b| (low, format!("at least {b}"))),
        bound("exclusiveMinimum")
            .filter(|least| low <= *least)
            .map(|b| (low, format!("above {b}"))),
        bound("maximum")
            .filter(|most| high > *most)
            .map(|b| (high, format!("at most {b}"))),
        bound("exclusiveMaximum")
            .filter(|most| high >= *most)
            .map(|b| (high, format!("below {b}"))),
    ];
    if let Some((end, allowed)) = beyond.into_iter().flatten().next() {
        return fault(
            format!("the end {end} lies outside of what the parameter may be: {allowed}"),
            None,
        );
    }
    Some(Interval {
        place,
        low,
        high,
        scale,
        whole,
    })
}

impl Interval {
    /// How many numbers there are, if whole ones.
    pub(super) fn size(&self) -> Option<u64> {
        self.whole.then(|| (self.high - self.low) as u64 + 1)
    }

    /// The whole number of that place; of fractions the lower end.
    pub(super) fn nth(&self, number: u64) -> Option<Node> {
        (number < self.size().unwrap_or(1)).then(|| self.node(self.low + number as f64))
    }

    /// The number that a share of the interval's length comes to, from 0 to below 1. Whole numbers are
    /// intervals of length 1 around them, so that the ends are as likely as their neighbors.
    pub(super) fn at(&self, share: f64) -> Node {
        let half = if self.whole { 0.5 } else { 0.0 };
        let (low, high) = (self.low - half, self.high + half);
        let value = match self.scale {
            Scale::Uniform => low + (high - low) * share,
            Scale::LogUniform => low * (high / low).powf(share),
        };
        let value = if self.whole {
            value.round()
        } else {
            rounded(value, self.digits())
        };
        self.node(value.clamp(self.low, self.high))
    }

    /// Significant digits of a drawn fraction: in a narrow interval far from 0 the first of them are
    /// always the same.
    fn digits(&self) -> i32 {
        let largest = self.low.abs().max(self.high.abs());
        let same = (largest / (self.high - self.low)).log10().floor();
        DIGITS + same.clamp(0.0, 12.0) as i32
    }

    fn node(&self, value: f64) -> Node {
        Node {
            place: self.place.clone(),
            value: Value::Scalar(if self.whole {
                toml::Value::Integer(value as i64)
            } else {
                toml::Value::Float(value)
            }),
        }
    }

    /// The ends as they are written.
    pub(super) fn ends(&self) -> String {
        if self.whole {
            format!("[{}, {}]", self.low, self.high)
        } else {
            format!("[{:?}, {:?}]", self.low, self.high)
        }
    }

    /// What it allows.
    pub(super) fn declared(&self) -> Declared {
        Declared {
            lowest: self.low,
            highest: self.high,
            scale: Some(self.scale),
        }
    }
}

/// A number of so many significant digits.
fn rounded(value: f64, digits: i32) -> f64 {
    let places = (digits - 1).unsigned_abs() as usize;
    format!("{value:.places$e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::{Interval, Scale};
    use crate::definition::tree::Place;

    fn interval(low: f64, high: f64, scale: Scale, whole: bool) -> Interval {
        Interval {
            place: Place::new(0, &(0..0)),
            low,
            high,
            scale,
            whole,
        }
    }

    fn at(interval: &Interval, share: f64) -> f64 {
        super::super::number(&interval.at(share)).unwrap()
    }

    #[test]
    fn values_read_well_and_both_ends_are_in() {
        let last = 1.0 - f64::EPSILON;
        let log = interval(1e-4, 1.0, Scale::LogUniform, false);
        let drawn = [0.0, 0.25, 0.5, 0.6, last].map(|share| at(&log, share));
        assert_eq!(drawn, [0.0001, 0.001, 0.01, 0.025_12, 1.0]);
        let even = interval(-1.0, 2.0, Scale::Uniform, false);
        assert_eq!(
            [0.0, 0.123_456, last].map(|s| at(&even, s)),
            [-1.0, -0.6296, 2.0]
        );
        // 4 digits of 1000 to 1001 would be two values.
        let narrow = interval(1000.0, 1001.0, Scale::Uniform, false);
        assert_eq!(at(&narrow, 0.123_456), 1000.123);
    }

    #[test]
    fn whole_numbers_are_equally_likely_ends_included() {
        let few = interval(1.0, 4.0, Scale::Uniform, true);
        let mut counts = [0; 4];
        for share in 0..4000 {
            counts[at(&few, f64::from(share) / 4000.0) as usize - 1] += 1;
        }
        // Halves are rounded away from 0, which moves one share at each border.
        assert!(
            counts.iter().all(|count| (999..=1001).contains(count)),
            "{counts:?}"
        );
        assert_eq!(few.size(), Some(4));
        let log = interval(1.0, 64.0, Scale::LogUniform, true);
        assert_eq!(
            [0.0, 0.5, 1.0 - f64::EPSILON].map(|s| at(&log, s)),
            [1.0, 6.0, 64.0]
        );
    }
}
