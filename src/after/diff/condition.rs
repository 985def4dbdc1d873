//! `--fail-if 'ndcg@3 < -1%'`: changes that end a comparison with an error.

use std::ops::Range;

use serde::Serialize;

use super::{Compared, Diff};

/// A condition that must not hold: `[VARIANT:] METRIC OP THRESHOLD[%] [significant]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    text: String,
    /// Every variant of both folders if not named.
    variant: Option<String>,
    metric: String,
    operator: Operator,
    threshold: f64,
    /// Whether the threshold is a share of the old value, in percent.
    relative: bool,
    /// Whether only a difference that is more than noise counts.
    significant: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is wrong with the text of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slip {
    /// Which bytes of the text.
    pub(crate) place: Range<usize>,
    pub(crate) message: String,
    /// The name that was probably meant.
    pub(crate) nearest: Option<String>,
    pub(crate) help: String,
}

/// A condition that holds although it must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failed {
    pub(crate) condition: String,
    pub(crate) variant: String,
    /// What the change is.
    pub(crate) says: String,
}

/// The word that demands more than noise.
const SIGNIFICANT: &str = "significant";

const FORM: &str = "write [VARIANT:] METRIC < THRESHOLD, for example 'ndcg@3 < -1%' (relative), \
    'als: recall@3 < -0.002' (absolute) or 'ndcg@3 < 0 significant'";

impl Condition {
    /// Understands a text, given what there is to speak of.
    pub(crate) fn parse(text: &str, diff: &Diff) -> Result<Self, Slip> {
        let slip = |place: Range<usize>, message: String| Slip {
            place,
            message,
            nearest: None,
            help: FORM.to_owned(),
        };
        let Some(at) = text.rfind(['<', '>']) else {
            return Err(slip(0..text.len(), "this compares nothing".to_owned()));
        };
        let or_equal = text[at + 1..].starts_with('=');
        let operator = match (&text[at..=at], or_equal) {
            ("<", false) => Operator::Less,
            ("<", true) => Operator::LessOrEqual,
            (_, false) => Operator::Greater,
            (_, true) => Operator::GreaterOrEqual,
        };
        let behind = at + 1 + usize::from(or_equal);
        let (variant, metric) = names(text, at, diff)?;
        let trimmed = text[behind..].trim();
        let (number, significant) = match trimmed.strip_suffix(SIGNIFICANT) {
            Some(number) => (number.trim_end(), true),
            None => (trimmed, false),
        };
        let start = text.len() - text[behind..].trim_start().len();
        let place = start..(start + number.len()).max(behind).min(text.len());
        let (digits, relative) = match number.strip_suffix('%') {
            Some(digits) => (digits.trim_end(), true),
            None => (number, false),
        };
        let threshold = match digits.parse::<f64>() {
            Ok(threshold) if threshold.is_finite() => threshold,
            _ => {
                let message = if number.is_empty() {
                    "there is no threshold behind this".to_owned()
                } else {
                    format!("`{number}` is no number")
                };
                let place = if number.is_empty() { at..behind } else { place };
                return Err(slip(place, message));
            }
        };
        if significant && metric != diff.metric {
            let word = text.rfind(SIGNIFICANT).unwrap_or(0);
            return Err(slip(
                word..word + SIGNIFICANT.len(),
                format!(
                    "only the deciding metric, {}, is tested for more than noise",
                    diff.metric
                ),
            ));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            variant,
            metric,
            operator,
            threshold,
            relative,
            significant,
        })
    }

    /// The variants of which it holds. One that has lost its result is no better than any threshold.
    pub(crate) fn failures(&self, diff: &Diff) -> Vec<Failed> {
        let meant = |v: &&Compared| {
            let name = self.variant.as_ref();
            name.is_none_or(|name| *name == v.variant || *name == v.variant_b)
        };
        let failed = |v: &Compared, says: String| Failed {
            condition: self.text.clone(),
            variant: v.name(),
            says,
        };
        let mut all = Vec::new();
        for variant in diff.variants.iter().filter(meant) {
            if variant.missing == Some("b") {
                all.push(failed(
                    variant,
                    "has a result in a and none in b".to_owned(),
                ));
                continue;
            }
            let Some(change) = variant.metrics.iter().find(|m| m.metric == self.metric) else {
                continue;
            };
            let by = match (self.relative, change.relative) {
                (false, _) => change.difference,
                (true, Some(relative)) => 100.0 * relative,
                // From nothing to something.
                (true, None) => f64::INFINITY.copysign(change.difference),
            };
            let holds = match self.operator {
                Operator::Less => by < self.threshold,
                Operator::LessOrEqual => by <= self.threshold,
                Operator::Greater => by > self.threshold,
                Operator::GreaterOrEqual => by >= self.threshold,
            };
            if holds && (!self.significant || variant.is_shown()) {
                let by = if self.relative {
                    format!("{by:+.2} %")
                } else {
                    format!("{by:+}")
                };
                let says = format!(
                    "{} changed by {by}, from {} to {}",
                    self.metric, change.a, change.b
                );
                all.push(failed(variant, says));
            }
        }
        all
    }

    /// Whether it speaks of any variant that both folders have a result of, or had.
    pub(crate) fn speaks_of_something(&self, diff: &Diff) -> bool {
        let mut variants = diff.variants.iter();
        variants.any(|v| {
            let name = self.variant.as_ref();
            let meant = name.is_none_or(|name| *name == v.variant || *name == v.variant_b);
            let measured = v.metrics.iter().any(|m| m.metric == self.metric);
            meant && (measured || v.missing == Some("b"))
        })
    }
}

/// The variant, if one is named, and the metric, in front of the operator.
fn names(text: &str, operator: usize, diff: &Diff) -> Result<(Option<String>, String), Slip> {
    let before = &text[..operator];
    let metrics = &diff.metrics;
    let known = |name: &str| metrics.iter().any(|m| m == name);
    if known(before.trim()) {
        return Ok((None, before.trim().to_owned()));
    }
    // Names of variants may hold colons, and so may labels of metrics.
    let colons: Vec<usize> = before.match_indices(':').map(|(at, _)| at).collect();
    let split = colons
        .iter()
        .rev()
        .find(|&&at| known(before[at + 1..].trim()));
    let Some(&colon) = split else {
        let from = colons.last().map_or(0, |at| at + 1);
        let name = before[from..].trim();
        let start = from + before[from..].len() - before[from..].trim_start().len();
        let place = if name.is_empty() {
            operator..operator + 1
        } else {
            start..start + name.len()
        };
        return Err(Slip {
            place,
            message: if name.is_empty() {
                "there is no metric in front of this".to_owned()
            } else {
                format!("`{name}` is no metric that both folders have")
            },
            nearest: nearest(name, metrics),
            help: format!("there are: {}", metrics.join(", ")),
        });
    };
    let metric = before[colon + 1..].trim().to_owned();
    let variant = before[..colon].trim();
    let mut both: Vec<String> = Vec::new();
    for compared in &diff.variants {
        both.extend([compared.variant.clone(), compared.variant_b.clone()]);
    }
    both.dedup();
    if both.iter().any(|name| name == variant) {
        return Ok((Some(variant.to_owned()), metric));
    }
    let start = text.len() - text.trim_start().len();
    Err(Slip {
        place: start..(start + variant.len()).max(start + 1),
        message: format!("`{variant}` is no variant that both folders have"),
        nearest: nearest(variant, &both),
        help: format!("there are: {}", both.join(", ")),
    })
}

fn nearest(name: &str, known: &[String]) -> Option<String> {
    let known = known.iter().map(String::as_str);
    musicrec_api::nearest(name, known).map(str::to_owned)
}
