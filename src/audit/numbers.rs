//! Numbers of a column: how they are written, how they lie, and which are far out.

use std::collections::BTreeMap;

use musicrec_cleaners::read_number;
use serde::{Deserialize, Serialize};

use super::alert::{EXAMPLES, Example};
use super::values::Seen;

/// Distinct numbers that are counted one by one. Beyond, numbers within 1 % of each other are one.
const EXACT: usize = 1 << 16;
/// Extreme values of which rows are known.
const EXTREMES: usize = 16;

/// A number with an order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What a column's numbers are like, as they come.
#[derive(Debug, Default)]
pub(super) struct NumberTally {
    rows: u64,
    counts: BTreeMap<Ordered, u64>,
    coarse: bool,
    sum: f64,
    pub(super) words: BTreeMap<String, Seen>,
    /// Numbers with a decimal comma.
    pub(super) commas: Seen,
    largest: BTreeMap<Ordered, u64>,
    smallest: BTreeMap<Ordered, u64>,
}

/// The number of a text with a decimal comma: `121,5`, but not `1,000`.
pub(super) fn with_comma(text: &str) -> Option<f64> {
    let (whole, decimals) = text.trim().split_once(',')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(whole.trim_start_matches('-')) && digits(decimals) && decimals.len() != 3;
    plain.then(|| format!("{whole}.{decimals}").parse().ok())?
}

/// A number within 1 % of others.
fn rounded(number: f64) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let step = 1.01f64.ln();
    number.signum() * ((number.abs().ln() / step).round() * step).exp()
}

impl NumberTally {
    /// Takes note of `rows` rows with a text, the first of which is `first`, and gives its number.
    pub(super) fn add(&mut self, text: &str, rows: u64, first: u64) -> Option<f64> {
        let (number, mended) = read_number(text).or_else(|| {
            let number = with_comma(text)?;
            self.commas.add(rows, first);
            Some((number, None))
        })?;
        let number = number + 0.0;
        if mended == Some("word") {
            let word = text.trim().to_lowercase();
            self.words.entry(word).or_default().add(rows, first);
        }
        self.rows += rows;
        self.sum += number * rows as f64;
        let key = Ordered(if self.coarse { rounded(number) } else { number });
        *self.counts.entry(key).or_default() += rows;
        if self.counts.len() > EXACT && !self.coarse {
            self.coarse = true;
            for (Ordered(number), rows) in std::mem::take(&mut self.counts) {
                *self.counts.entry(Ordered(rounded(number))).or_default() += rows;
            }
        }
        keep(&mut self.largest, number, first, BTreeMap::pop_first);
        keep(&mut self.smallest, number, first, BTreeMap::pop_last);
        Some(number)
    }

    fn quantile(&self, share: f64) -> f64 {
        let at = ((self.rows as f64 * share).ceil() as u64).clamp(1, self.rows.max(1));
        let mut seen = 0;
        for (number, rows) in &self.counts {
            seen += rows;
            if seen >= at {
                return number.0;
            }
        }
        f64::NAN
    }

    /// Rows with a number for which something holds.
    pub(super) fn rows_where(&self, holds: impl Fn(f64) -> bool) -> u64 {
        let those = self.counts.iter().filter(|(number, _)| holds(number.0));
        those.map(|(_, rows)| rows).sum()
    }

    /// Some rows with an extreme number for which something holds.
    pub(super) fn examples(&self, holds: impl Fn(f64) -> bool) -> Vec<Example> {
        let all = self.smallest.iter().chain(self.largest.iter().rev());
        let those = all.filter(|(number, _)| holds(number.0));
        let mut examples: Vec<Example> = those
            .map(|(number, &row)| Example {
                row,
                value: number.0.to_string(),
            })
            .collect();
        examples.dedup();
        examples.truncate(EXAMPLES);
        examples
    }

    /// The largest number that is not far out, if others are: beyond the third quartile by three times
    /// the distance of the quartiles (Tukey's outer fence) and behind the widest gap there, of a factor
    /// of three at least. A long tail without a gap has no outliers.
    pub(super) fn fence(&self) -> Option<f64> {
        if self.rows < 20 {
            return None;
        }
        let (low, high) = (self.quantile(0.25), self.quantile(0.75));
        let fence = high + 3.0 * (high - low).max(high.abs() * 0.1);
        let mut best: Option<(f64, f64)> = None;
        let mut before: Option<f64> = None;
        for &Ordered(number) in self.counts.keys() {
            if let Some(last) = before
                && number > fence
                && last > 0.0
                && best.is_none_or(|(factor, _)| number / last > factor)
                && number / last >= 3.0
            {
                best = Some((number / last, last));
            }
            before = Some(number);
        }
        let (_, last) = best?;
        // What is far out is rare.
        (self.rows_where(|n| n > last) as f64 <= 0.02 * self.rows as f64).then_some(last)
    }

    /// The smallest number above a limit; infinite if there is none.
    pub(super) fn next_above(&self, limit: f64) -> f64 {
        let mut above = self.counts.keys().filter(|number| number.0 > limit);
        above.next().map_or(f64::INFINITY, |number| number.0)
    }

    /// The figures; `None` without a number.
    pub(super) fn figures(&self) -> Option<NumberFigures> {
        let (least, most) = (
            self.smallest.keys().next()?,
            self.largest.keys().next_back()?,
        );
        Some(NumberFigures {
            rows: self.rows,
            least: least.0,
            most: most.0,
            mean: self.sum / self.rows as f64,
            quantiles: [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|q| self.quantile(q)),
            exact: !self.coarse,
            negative: self.rows_where(|n| n < 0.0),
            zero: self.rows_where(|n| n == 0.0),
            fence: self.fence(),
            outliers: self
                .fence()
                .map_or(0, |fence| self.rows_where(|n| n > fence)),
        })
    }
}

fn keep(
    map: &mut BTreeMap<Ordered, u64>,
    number: f64,
    row: u64,
    pop: impl Fn(&mut BTreeMap<Ordered, u64>) -> Option<(Ordered, u64)>,
) {
    map.entry(Ordered(number)).or_insert(row);
    if map.len() > EXTREMES {
        pop(map);
    }
}

/// How the numbers of a column lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct NumberFigures {
    /// Rows with a number.
    pub(crate) rows: u64,
    /// The smallest.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
    /// Their mean over rows.
    pub(crate) mean: f64,
    /// At 1, 5, 25, 50, 75, 95 and 99 % of the rows.
    pub(crate) quantiles: [f64; 7],
    /// Whether quantiles are exact; else within 1 %.
    pub(crate) exact: bool,
    /// Rows below 0.
    pub(crate) negative: u64,
    /// Rows that are 0.
    pub(crate) zero: u64,
    /// The largest number that is not far out; absent where none is.
    pub(crate) fence: Option<f64>,
    /// Rows beyond it.
    pub(crate) outliers: u64,
}

#[cfg(test)]
mod tests {
    use super::NumberTally;

    fn tally(numbers: impl IntoIterator<Item = f64>) -> NumberTally {
        let mut tally = NumberTally::default();
        for (row, number) in numbers.into_iter().enumerate() {
            tally.add(&number.to_string(), 1, row as u64 + 1);
        }
        tally
    }

    #[test]
    fn what_lies_behind_a_gap_is_far_out() {
        let plays = (0..1000)
            .map(|i| f64::from(i % 7))
            .chain([10.0, 72.0, 334.0]);
        let tally = tally(plays);
        let figures = tally.figures().unwrap();
        assert_eq!((figures.fence, figures.outliers), (Some(10.0), 2));
        assert_eq!(tally.examples(|n| n > 10.0)[0].row, 1002);
    }

    #[test]
    fn a_long_tail_has_no_outliers() {
        let tally = tally((1..5000).map(|i| (1e6 / f64::from(i)).floor()));
        assert_eq!(tally.fence(), None);
    }

    #[test]
    fn quantiles_of_many_numbers_are_within_a_percent() {
        let tally = tally((0..200_000).map(|i| f64::from(i) + 0.5));
        let figures = tally.figures().unwrap();
        assert!(!figures.exact);
        let off = figures.quantiles[3] / 100_000.0 - 1.0;
        assert!(off.abs() < 0.01, "{off}");
        assert_eq!((figures.least, figures.most), (0.5, 199_999.5));
    }

    #[test]
    fn words_are_numbers_with_a_note() {
        let mut tally = NumberTally::default();
        assert_eq!(tally.add("Ten", 3, 5), Some(10.0));
        assert_eq!(tally.add("many", 1, 6), None);
        assert_eq!((tally.words["ten"].rows, tally.words["ten"].first), (3, 5));
    }
}
