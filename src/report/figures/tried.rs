//! What a variant tried, as axes and points: the ground of all figures about hyperparameters.

use serde_json::Value;

use super::variants::position;
use crate::experiment::Scale as Draw;
use crate::report::charts::{Scale, plain};
use crate::report::summary::{Summary, TrialRow};
use crate::text::one_line;

/// The trials of a variant with what was varied.
pub(super) struct Tried<'s> {
    pub(super) variant: &'s str,
    /// On the leaderboard.
    pub(super) position: Option<usize>,
    /// Those that have a value on validation, and that.
    pub(super) points: Vec<(&'s TrialRow, f64)>,
    /// How many failed or were stopped early, and so have none.
    pub(super) without: usize,
    /// Whether any was stopped early, so that those left are a selection.
    pub(super) halved: bool,
    /// What has at least two values among them.
    pub(super) axes: Vec<Axis<'s>>,
}

/// One varied parameter.
pub(super) struct Axis<'s> {
    pub(super) name: &'s str,
    /// Each value once, numbers ascending.
    pub(super) values: Vec<&'s Value>,
    /// The same as numbers, if all are.
    pub(super) numbers: Option<Vec<f64>>,
    pub(super) log: bool,
    /// Whether they were drawn from an interval, so that no value occurs often.
    pub(super) drawn: bool,
}

impl<'s> Tried<'s> {
    /// Of all variants that have trials on validation.
    pub(super) fn all(summary: &'s Summary) -> Vec<Self> {
        let variants = summary.overview.variants.iter();
        let tried = variants.map(|variant| {
            let own = summary.trials.iter().filter(|t| t.variant == variant.name);
            let (mut points, mut without, mut halved) = (Vec::new(), 0, false);
            for trial in own {
                halved |= trial.stopped.is_some();
                match trial.validation.get(&summary.overview.select) {
                    Some(value) => points.push((trial, *value)),
                    None => without += 1,
                }
            }
            let mut names: Vec<&str> = Vec::new();
            for parameter in points.iter().flat_map(|(trial, _)| &trial.parameters) {
                if !names.contains(&parameter.name.as_str()) {
                    names.push(&parameter.name);
                }
            }
            let axes = names.into_iter().filter_map(|name| {
                let ranges = variant.ranges.iter().find(|r| r.parameter == name);
                let scale = ranges.and_then(|r| r.interval.as_ref()).map(|i| i.scale);
                Axis::of(name, &points, scale.flatten())
            });
            Self {
                variant: &variant.name,
                position: position(&summary.leaderboard, &variant.name),
                axes: axes.collect(),
                points,
                without,
                halved,
            }
        });
        tried.filter(|tried| !tried.points.is_empty()).collect()
    }

    /// Its name, in which nothing acts.
    pub(super) fn name(&self) -> String {
        one_line(self.variant)
    }

    /// Whether any of its parameters was drawn at random.
    pub(super) fn drawn(&self) -> bool {
        self.axes.iter().any(|axis| axis.drawn)
    }

    /// Whether means of trials say something of the value that they have in common: all else is then
    /// the same for each value.
    pub(super) fn means_compare(&self) -> bool {
        !self.drawn() && !self.halved
    }

    /// What is said of trials that a figure lacks.
    pub(super) fn lacking(&self) -> String {
        match self.without {
            0 => String::new(),
            1 => " One trial failed or was stopped early and is not shown.".to_owned(),
            n => format!(" {n} trials failed or were stopped early and are not shown."),
        }
    }

    /// The best value, the first of equals, and whose it is.
    pub(super) fn best(&self) -> Option<(&'s TrialRow, f64)> {
        let mut best: Option<(&TrialRow, f64)> = None;
        for (trial, value) in &self.points {
            if best.is_none_or(|(_, known)| *value > known) {
                best = Some((trial, *value));
            }
        }
        best
    }
}

/// The value that a trial has of a parameter.
pub(super) fn of<'t>(trial: &'t TrialRow, name: &str) -> Option<&'t Value> {
    let parameter = trial.parameters.iter().find(|p| p.name == name)?;
    Some(&parameter.value)
}

impl<'s> Axis<'s> {
    fn of(name: &'s str, points: &[(&'s TrialRow, f64)], draw: Option<Draw>) -> Option<Self> {
        let mut values: Vec<&Value> = Vec::new();
        for (trial, _) in points {
            if let Some(value) = of(trial, name)
                && !value.is_null()
                && !values.contains(&value)
            {
                values.push(value);
            }
        }
        if values.len() < 2 {
            return None;
        }
        let mut numbers: Option<Vec<f64>> = values.iter().map(|v| v.as_f64()).collect();
        if let Some(numbers) = &mut numbers {
            numbers.sort_by(f64::total_cmp);
            values.sort_by(|a, b| {
                a.as_f64()
                    .unwrap_or(0.0)
                    .total_cmp(&b.as_f64().unwrap_or(0.0))
            });
        }
        let log = match draw {
            Some(Draw::LogUniform) => true,
            Some(Draw::Uniform) => false,
            None => numbers.as_deref().is_some_and(geometric),
        };
        let log = log && numbers.as_ref().is_some_and(|n| n[0] > 0.0);
        Some(Self {
            name,
            values,
            numbers,
            log,
            drawn: draw.is_some(),
        })
    }

    /// A scale on which all values have a place.
    pub(super) fn scale(&self, range: (f64, f64)) -> Scale {
        match &self.numbers {
            Some(numbers) if self.log => Scale::log(numbers.iter().copied(), range),
            Some(numbers) => Scale::linear(numbers.iter().copied(), range),
            None => Scale::exactly((-0.5, self.values.len() as f64 - 0.5), range),
        }
    }

    /// The place of a value on that scale.
    pub(super) fn at(&self, value: &Value, scale: &Scale) -> Option<f64> {
        match &self.numbers {
            Some(_) => Some(scale.at(value.as_f64()?)),
            None => Some(scale.at(self.index(value)? as f64)),
        }
    }

    pub(super) fn index(&self, value: &Value) -> Option<usize> {
        self.values.iter().position(|known| *known == value)
    }

    /// What to write along that scale: the values themselves where they are few.
    pub(super) fn ticks(&self, scale: &Scale, most: usize) -> Vec<(f64, String)> {
        if self.numbers.is_some() && (self.drawn || self.values.len() > most) {
            let ticks = scale.ticks(most).into_iter();
            return ticks.map(|(value, text)| (scale.at(value), text)).collect();
        }
        let ticks = self.values.iter();
        ticks
            .filter_map(|value| Some((self.at(value, scale)?, word(value))))
            .collect()
    }

    /// The mean over the trials with each of the values.
    pub(super) fn means(&self, points: &[(&TrialRow, f64)]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0usize); self.values.len()];
        for (trial, value) in points {
            if let Some(at) = of(trial, self.name).and_then(|v| self.index(v)) {
                sums[at].0 += value;
                sums[at].1 += 1;
            }
        }
        let mean = |(sum, n): (f64, usize)| (n > 0).then(|| sum / n as f64);
        sums.into_iter().map(mean).collect()
    }

    /// How far these means lie apart.
    pub(super) fn matters(&self, points: &[(&TrialRow, f64)]) -> f64 {
        let means: Vec<f64> = self.means(points).into_iter().flatten().collect();
        let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = means.iter().copied().fold(f64::INFINITY, f64::min);
        if means.is_empty() { 0.0 } else { high - low }
    }
}

/// Whether numbers, ascending, want a logarithmic axis: over two decades or more, each the same
/// multiple of the one before, or half of them crowded at the low end.
fn geometric(numbers: &[f64]) -> bool {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
        return false;
    };
    if *first <= 0.0 {
        return false;
    }
    let ratio = numbers[1] / first;
    let same = |pair: &[f64]| (pair[1] / pair[0] / ratio - 1.0).abs() < 0.01;
    let low_half = numbers[(numbers.len() - 1) / 2];
    let crowded = last / first >= 10.0 && low_half - first < 0.2 * (last - first);
    last / first >= 100.0 || (numbers.len() > 2 && (crowded || numbers.windows(2).all(same)))
}

/// A value as it is written in figures.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        Value::Number(number) => number.as_f64().map_or_else(
            || number.to_string(),
            |n| {
                if n.abs() >= 1e4 {
                    number.to_string()
                } else {
                    plain(n)
                }
            },
        ),
        other => one_line(&other.to_string()),
    }
}
