//! The columns of a whole log in as few bytes as they need: what a log of many rows is held in.
//!
//! A cell takes the bytes that the number of distinct values asks for, not those of its type, and
//! row numbers take none where no row was dropped. What was packed comes out as it was, to the bit;
//! only all NaN are one, for a missing number is a missing number.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::cells::{Cells, MISSING, MISSING_TIME, Text};
use crate::texts::{KnownTexts, Texts};
use crate::view::{CodesView, NumbersView, TextView, TimesView, View};

/// Codes from 0 on, or [`MISSING`], in one, two or four bytes each. The largest number of a width is
/// its missing one. A clone shares them until one of the two changes.
#[derive(Debug, Clone)]
pub(crate) enum Codes {
    One(Arc<Vec<u8>>),
    Two(Arc<Vec<u16>>),
    Four(Arc<Vec<u32>>),
}

impl Default for Codes {
    fn default() -> Self {
        Self::One(Arc::default())
    }
}

impl Codes {
    pub(crate) fn view(&self) -> CodesView<'_> {
        match self {
            Self::One(codes) => CodesView::One(codes),
            Self::Two(codes) => CodesView::Two(codes),
            Self::Four(codes) => CodesView::Four(codes),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::One(codes) => codes.len(),
            Self::Two(codes) => 2 * codes.len(),
            Self::Four(codes) => 4 * codes.len(),
        }
    }

    /// Makes room for codes of so many distinct values.
    fn widen(&mut self, values: usize) {
        let wide = match self {
            Self::One(_) => values > usize::from(u8::MAX),
            Self::Two(_) => values > usize::from(u16::MAX),
            Self::Four(_) => false,
        };
        if wide {
            let codes = self.view().iter();
            *self = if values > usize::from(u16::MAX) {
                Self::Four(Arc::new(codes.collect()))
            } else {
                Self::Two(Arc::new(codes.map(|code| code as u16).collect()))
            };
        }
    }

    /// Appends codes of `values` distinct values, all smaller than that or missing.
    pub(crate) fn extend(&mut self, values: usize, more: impl Iterator<Item = u32>) {
        self.widen(values);
        // The missing code loses its upper bits, and is the largest of each width.
        match self {
            Self::One(codes) => Arc::make_mut(codes).extend(more.map(|code| code as u8)),
            Self::Two(codes) => Arc::make_mut(codes).extend(more.map(|code| code as u16)),
            Self::Four(codes) => Arc::make_mut(codes).extend(more),
        }
    }

    fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::One(codes) => compact(Arc::make_mut(codes), keep),
            Self::Two(codes) => compact(Arc::make_mut(codes), keep),
            Self::Four(codes) => compact(Arc::make_mut(codes), keep),
        }
    }

    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        match self {
            Self::One(codes) => Self::One(Arc::new(pick(codes, rows))),
            Self::Two(codes) => Self::Two(Arc::new(pick(codes, rows))),
            Self::Four(codes) => Self::Four(Arc::new(pick(codes, rows))),
        }
    }
}

/// Keeps the entries whose flag is set.
pub(crate) fn compact<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    values.retain(|_| *keep.next().expect("one flag a row"));
}

pub(crate) fn pick<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| values[row as usize]).collect()
}

/// A column of a whole log.
#[derive(Debug, Clone)]
pub(crate) enum Packed {
    Text(Codes, Texts),
    /// Codes of numbers that are few.
    Coded(Codes, Vec<f64>),
    Numbers(Vec<f64>),
    /// Seconds after a time; [`MISSING`] is missing.
    Since(i64, Arc<Vec<u32>>),
    Times(Vec<i64>),
}

impl Packed {
    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Self::Text(codes, values) => View::Text(TextView::new(codes.view(), values)),
            Self::Coded(codes, values) => View::Number(NumbersView::coded(codes.view(), values)),
            Self::Numbers(numbers) => View::Number(NumbersView::plain(numbers)),
            Self::Since(from, offsets) => View::Time(TimesView::since(*from, offsets)),
            Self::Times(times) => View::Time(TimesView::plain(times)),
        }
    }

    /// Bytes that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Text(codes, values) => codes.bytes() + values.bytes(),
            Self::Coded(codes, values) => codes.bytes() + size_of_val(&values[..]),
            Self::Numbers(numbers) => size_of_val(&numbers[..]),
            Self::Since(_, offsets) => size_of_val(&offsets[..]),
            Self::Times(times) => size_of_val(&times[..]),
        }
    }

    pub(crate) fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::Text(codes, _) | Self::Coded(codes, _) => codes.retain(keep),
            Self::Numbers(numbers) => compact(numbers, keep),
            Self::Since(_, offsets) => compact(Arc::make_mut(offsets), keep),
            Self::Times(times) => compact(times, keep),
        }
    }

    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        match self {
            Self::Text(codes, values) => Self::Text(codes.select(rows), values.clone()),
            Self::Coded(codes, values) => Self::Coded(codes.select(rows), values.clone()),
            Self::Numbers(numbers) => Self::Numbers(pick(numbers, rows)),
            Self::Since(from, offsets) => Self::Since(*from, Arc::new(pick(offsets, rows))),
            Self::Times(times) => Self::Times(pick(times, rows)),
        }
    }

    pub(crate) fn cells(&self) -> Cells {
        match self.view() {
            View::Text(text) => Cells::Text(Text {
                codes: text.codes().collect(),
                values: text.values().clone(),
            }),
            View::Number(numbers) => Cells::Number(numbers.iter().collect()),
            View::Time(times) => Cells::Time(times.iter().collect()),
        }
    }
}

/// A packed column on its way: more cells may come.
#[derive(Debug)]
pub(crate) struct Growing {
    packed: Packed,
    /// Places of texts in its dictionary.
    texts: KnownTexts,
    /// Codes of the numbers in its dictionary.
    known: HashTable<u32>,
    /// Codes of small whole numbers, by the number: flags, counts and seconds are nearly all.
    small: Vec<u32>,
}

/// Whole numbers below this are looked up by themselves.
const SMALL: usize = 4096;
/// A column with more distinct numbers than this is not coded: a dictionary would save nothing.
const FEW: usize = u16::MAX as usize;

impl Growing {
    /// A column of the type of `cells`, without any.
    pub(crate) fn like(cells: &Cells) -> Self {
        let codes = Codes::default();
        let packed = match cells {
            Cells::Text(_) => Packed::Text(codes, Texts::default()),
            Cells::Number(_) => Packed::Coded(codes, Vec::new()),
            Cells::Time(_) => Packed::Since(0, Arc::default()),
        };
        Self {
            packed,
            texts: KnownTexts::default(),
            known: HashTable::new(),
            small: Vec::new(),
        }
    }

    /// Appends cells; false if they are of another type than those before.
    pub(crate) fn append(&mut self, cells: Cells) -> bool {
        match (&mut self.packed, cells) {
            (Packed::Text(codes, values), Cells::Text(text)) => {
                let more = text.values.iter();
                let recode: Vec<u32> = more.map(|text| self.texts.code(values, text)).collect();
                let of_row = |&code: &u32| match code {
                    MISSING => MISSING,
                    code => recode[code as usize],
                };
                codes.extend(values.len(), text.codes.iter().map(of_row));
            }
            (Packed::Coded(..), Cells::Number(numbers)) => self.append_numbers(&numbers),
            (Packed::Numbers(known), Cells::Number(numbers)) => known.extend(numbers),
            (Packed::Since(..), Cells::Time(times)) => self.append_times(&times),
            (Packed::Times(known), Cells::Time(times)) => known.extend(times),
            _ => return false,
        }
        true
    }

    fn append_numbers(&mut self, numbers: &[f64]) {
        let Packed::Coded(codes, values) = &mut self.packed else {
            unreachable!("asked for coded numbers only");
        };
        self.small.resize(SMALL, MISSING);
        let mut more = Vec::with_capacity(numbers.len());
        for &number in numbers {
            more.push(code_of(number, values, &mut self.known, &mut self.small));
            if values.len() > FEW {
                break;
            }
        }
        if values.len() > FEW {
            let mut plain: Vec<f64> = self.packed_numbers();
            plain.extend(numbers);
            (self.known, self.small) = (HashTable::new(), Vec::new());
            self.packed = Packed::Numbers(plain);
        } else {
            codes.extend(values.len(), more.into_iter());
        }
    }

    fn packed_numbers(&self) -> Vec<f64> {
        match self.packed.view() {
            View::Number(numbers) => numbers.iter().collect(),
            View::Text(_) | View::Time(_) => unreachable!("a column of numbers"),
        }
    }

    fn append_times(&mut self, times: &[i64]) {
        let Packed::Since(from, offsets) = &mut self.packed else {
            unreachable!("asked for offsets only");
        };
        if offsets.iter().all(|&offset| offset == MISSING) {
            // Room for 68 years before and after the first time of all.
            let first = times.iter().find(|&&time| time != MISSING_TIME);
            *from = first.map_or(0, |time| time.saturating_sub(1 << 31));
        }
        let offsets = Arc::make_mut(offsets);
        let before = offsets.len();
        for &time in times {
            let offset = match time {
                MISSING_TIME => MISSING,
                time => match time.checked_sub(*from).map(u32::try_from) {
                    Some(Ok(offset)) if offset != MISSING => offset,
                    _ => {
                        offsets.truncate(before);
                        let known = TimesView::since(*from, offsets);
                        let all = known.iter().chain(times.iter().copied()).collect();
                        self.packed = Packed::Times(all);
                        return;
                    }
                },
            };
            offsets.push(offset);
        }
    }

    /// Bytes that it takes, about. A text in a dictionary takes some more to be found again.
    pub(crate) fn bytes(&self) -> usize {
        let found = match &self.packed {
            Packed::Text(_, values) => values.len() * 6,
            _ => self.known.len() * 6 + self.small.len() * 4,
        };
        self.packed.bytes() + found
    }

    /// The column, once all cells have come.
    pub(crate) fn finish(self) -> Packed {
        self.packed
    }
}

fn code_of(
    number: f64,
    values: &mut Vec<f64>,
    known: &mut HashTable<u32>,
    small: &mut [u32],
) -> u32 {
    if number.is_nan() {
        return MISSING;
    }
    let whole = number as usize;
    // Not -0, which is another number than 0 to the bit.
    if whole < SMALL && (whole as f64).to_bits() == number.to_bits() {
        if small[whole] == MISSING {
            small[whole] = values.len() as u32;
            values.push(number);
        }
        return small[whole];
    }
    let hash = |number: f64| FxBuildHasher.hash_one(number.to_bits());
    let same = |code: &u32| values[*code as usize].to_bits() == number.to_bits();
    if let Some(&code) = known.find(hash(number), same) {
        return code;
    }
    let code = values.len() as u32;
    values.push(number);
    known.insert_unique(hash(number), code, |&code| hash(values[code as usize]));
    code
}

/// Ascending numbers of rows, as runs of numbers that follow each other: the first row of each run,
/// and its number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    runs: Vec<(u32, u64)>,
    rows: usize,
}

impl Runs {
    /// Appends one number, which is greater than all before.
    pub(crate) fn push(&mut self, number: u64) {
        let row = self.rows as u32;
        let follows = |&(first, begins): &(u32, u64)| begins + u64::from(row - first) == number;
        if !self.runs.last().is_some_and(follows) {
            self.runs.push((row, number));
        }
        self.rows += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
    }

    pub(crate) fn get(&self, row: usize) -> u64 {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let at = self.runs.partition_point(|run| run.0 as usize <= row) - 1;
        let (first, number) = self.runs[at];
        number + row as u64 - u64::from(first)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        let ends = self.runs.iter().skip(1).map(|run| run.0 as usize);
        let ends = ends.chain([self.rows]);
        let runs = self.runs.iter().zip(ends);
        runs.flat_map(|(&(first, number), end)| {
            (0..end as u64 - u64::from(first)).map(move |n| number + n)
        })
    }

    pub(crate) fn retain(&mut self, keep: &[bool]) {
        let mut left = Self::default();
        let kept = self.iter().zip(keep).filter(|(_, keep)| **keep);
        kept.for_each(|(number, _)| left.push(number));
        *self = left;
    }
}

impl FromIterator<u64> for Runs {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut runs = Self::default();
        numbers.into_iter().for_each(|number| runs.push(number));
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Growing, Packed, Runs, SMALL};
    use crate::cells::{Cells, MISSING_TIME, Text};

    /// Packs cells in parts of any size, and unpacks them.
    fn through(parts: Vec<Cells>) -> (Packed, Cells) {
        let mut growing = Growing::like(&parts[0]);
        for part in parts {
            assert!(growing.append(part));
        }
        let packed = growing.finish();
        let cells = packed.cells();
        (packed, cells)
    }

    fn bits(cells: &Cells) -> Vec<u64> {
        let Cells::Number(numbers) = cells else {
            panic!("numbers");
        };
        numbers.iter().map(|n| n.to_bits()).collect()
    }

    #[test]
    fn texts_come_out_as_they_were_at_every_width() {
        for distinct in [3, 254, 255, 256, 65_534, 65_535, 65_536, 70_000] {
            let all: Vec<Option<String>> = (0..distinct + 10)
                .map(|n| (n % 7 != 3).then(|| (n % distinct).to_string()))
                .collect();
            let text = |of: &[Option<String>]| Cells::Text(of.iter().cloned().collect::<Text>());
            let parts = all.chunks(distinct / 3 + 1).map(text).collect();
            let (mut packed, cells) = through(parts);
            assert_eq!(cells, text(&all), "{distinct} values");
            let keep: Vec<bool> = (0..all.len()).map(|row| row % 3 == 1).collect();
            packed.retain(&keep);
            let shown = |cells: &Cells, row| cells.show(row).into_owned();
            let kept = packed.cells();
            assert!((0..kept.len()).all(|row| shown(&kept, row) == shown(&cells, 3 * row + 1)));
        }
    }

    #[test]
    fn numbers_come_out_to_the_bit_few_or_many() {
        let odd = [
            0.0,
            -0.0,
            0.1,
            -3.0,
            1e300,
            f64::NAN,
            SMALL as f64,
            5.0,
            f64::INFINITY,
        ];
        let few = Cells::Number(odd.repeat(3));
        let many = Cells::Number((0..FEW + 500).map(|n| n as f64 / 7.0).collect());
        for parts in [
            vec![few.clone(), few.clone()],
            vec![few, many.clone(), many],
        ] {
            let all = parts.iter().flat_map(bits).collect::<Vec<_>>();
            let coded = parts.len() == 2;
            let (packed, cells) = through(parts);
            assert_eq!(bits(&cells), all);
            assert_eq!(matches!(packed, Packed::Coded(..)), coded);
        }
    }

    #[test]
    fn times_come_out_as_they_were_near_or_far() {
        let near = vec![MISSING_TIME, 1_700_000_000, 5, -1, MISSING_TIME];
        let far = vec![1 << 40, i64::MAX, i64::MIN + 1, MISSING_TIME];
        for parts in [
            vec![near.clone(), near.clone()],
            vec![vec![MISSING_TIME], near, far],
        ] {
            let all = parts.concat();
            let short = parts.len() == 2;
            let (packed, cells) = through(parts.into_iter().map(Cells::Time).collect());
            assert_eq!(cells, Cells::Time(all));
            assert_eq!(matches!(packed, Packed::Since(..)), short);
        }
    }

    #[test]
    fn another_type_is_refused() {
        let mut growing = Growing::like(&Cells::Time(vec![1]));
        assert!(!growing.append(Cells::Number(vec![1.0])));
    }

    #[test]
    fn row_numbers_are_runs() {
        let numbers: Vec<u64> = (1..100).filter(|n| n % 10 != 4).collect();
        let mut runs: Runs = numbers.iter().copied().collect();
        assert_eq!(runs.runs.len(), 11);
        assert!(runs.iter().eq(numbers.iter().copied()));
        assert!((0..numbers.len()).all(|row| runs.get(row) == numbers[row]));
        let keep: Vec<bool> = numbers.iter().map(|n| n % 3 > 0).collect();
        runs.retain(&keep);
        let kept = numbers.iter().copied().filter(|n| n % 3 > 0);
        assert!(runs.iter().eq(kept));
    }
}
