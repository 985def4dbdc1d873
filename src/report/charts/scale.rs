//! From values to coordinates, and the ticks between.

/// A linear or logarithmic scale. Every coordinate is finite and within its range: what lies outside
/// of the domain (zero seconds on a logarithmic scale) is drawn at its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    log: bool,
    /// Lowest and highest value, of which the logarithms are taken where it is logarithmic.
    domain: (f64, f64),
    range: (f64, f64),
}

/// A value and what it is written as.
pub(crate) type Tick = (f64, String);

impl Scale {
    /// Over some values with a little room at both ends, from one coordinate to another.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>, range: (f64, f64)) -> Self {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let room = 0.04 * (high - low);
        Self::exactly((low - room, high + room), range)
    }

    /// The same from zero on, for bars.
    pub(crate) fn from_zero(values: impl IntoIterator<Item = f64>, range: (f64, f64)) -> Self {
        let high = ends(values).map_or(1.0, |(_, high)| high);
        Self::exactly((0.0, if high > 0.0 { high } else { 1.0 }), range)
    }

    /// Over exactly this domain.
    pub(crate) fn exactly((low, high): (f64, f64), range: (f64, f64)) -> Self {
        // Where all is one value, it is in the middle.
        let room = if high - low > 1e-12 * low.abs().max(high.abs()) {
            0.0
        } else {
            (0.1 * low.abs()).max(1e-3)
        };
        Self {
            log: false,
            domain: (low - room, high + room),
            range,
        }
    }

    /// Logarithmic over the values above zero.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>, range: (f64, f64)) -> Self {
        let above = values.into_iter().filter(|v| *v > 0.0);
        let (low, high) = ends(above).unwrap_or((0.1, 10.0));
        let (low, high) = (low.log10(), high.log10());
        let room = if high - low > 1e-9 {
            0.04 * (high - low)
        } else {
            0.5
        };
        Self {
            log: true,
            domain: (low - room, high + room),
            range,
        }
    }

    /// The coordinate of a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let value = match (self.log, value > 0.0) {
            (true, true) => value.log10(),
            (true, false) => low,
            (false, _) => value,
        };
        let value = if value.is_finite() { value } else { low };
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Both coordinates.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.range
    }

    /// Both ends, as values.
    pub(crate) fn domain(&self) -> (f64, f64) {
        if self.log {
            (10f64.powf(self.domain.0), 10f64.powf(self.domain.1))
        } else {
            self.domain
        }
    }

    /// At most so many round values within the domain, at least one but for odd domains.
    pub(crate) fn ticks(&self, most: usize) -> Vec<Tick> {
        if self.log {
            return self.log_ticks(most.max(2));
        }
        let (low, high) = self.domain;
        let step = step(high - low, most.max(2));
        let decimals = decimals(step);
        let mut ticks = Vec::new();
        let mut at = (low / step).ceil();
        while at * step <= high + 1e-9 * step && ticks.len() <= most {
            let value = at * step;
            ticks.push((value, written(value, high.abs().max(low.abs()), decimals)));
            at += 1.0;
        }
        ticks
    }

    fn log_ticks(&self, most: usize) -> Vec<Tick> {
        let (low, high) = self.domain;
        let within = |factors: &[f64], every: i32| -> Vec<Tick> {
            let mut ticks = Vec::new();
            for power in low.floor() as i32..=high.ceil() as i32 {
                if power.rem_euclid(every) != 0 {
                    continue;
                }
                for factor in factors {
                    let value = factor * 10f64.powi(power);
                    if (low - 1e-9..=high + 1e-9).contains(&value.log10()) {
                        ticks.push((value, plain(value)));
                    }
                }
            }
            ticks
        };
        let mut choices = vec![within(&[1.0, 2.0, 5.0], 1), within(&[1.0, 3.0], 1)];
        choices.extend((1..=8).map(|every| within(&[1.0], every)));
        let fitting = choices.into_iter().find(|ticks| ticks.len() <= most);
        let ticks = fitting.unwrap_or_default();
        if ticks.len() >= 2 {
            return ticks;
        }
        // Less than a factor of two or so: round values as on a linear scale.
        let linear = Self {
            log: false,
            domain: self.domain(),
            range: self.range,
        };
        linear.ticks(most)
    }
}

/// The least and the greatest of the finite values.
fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    finite.fold(None, |ends, v| match ends {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// The least of 1, 2, 5 times a power of ten that makes no more than so many ticks.
fn step(length: f64, most: usize) -> f64 {
    let least = length / most as f64;
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|f| f * power >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

fn decimals(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 9.0) as usize
}

/// A tick; thousands and millions where the axis goes far.
fn written(value: f64, largest: f64, decimals: usize) -> String {
    let (unit, suffix) = if largest >= 1e7 {
        (1e6, "M")
    } else if largest >= 1e4 {
        (1e3, "k")
    } else {
        return format!("{:.decimals$}", value + 0.0);
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{}{suffix}", plain(value / unit))
}

/// A number with no more digits than it needs, of which four count.
pub(crate) fn plain(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
