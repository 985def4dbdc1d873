//! The columns of events.

use std::fmt;
use std::hash::BuildHasher as _;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::cells::{MISSING, MISSING_TIME};
use crate::packed::{Codes, pick};

/// A column of [`Events`](crate::Events), one value an event, in as few bytes as the values need: a log
/// has many events, but few kinds of them and few counts of plays. It is made of a `Vec` or an iterator,
/// and read by [`Series::at`] and [`Series::iter`].
#[derive(Clone)]
pub struct Series<T>(Held<T>);

#[derive(Clone)]
enum Held<T> {
    Plain(Vec<T>),
    /// Codes of values that are few; the missing code is [`SeriesValue::ABSENT`].
    Coded(Codes, Arc<Vec<T>>),
    /// What is added to a value; the missing offset is [`SeriesValue::ABSENT`].
    Since(T, Arc<Vec<u32>>),
    /// So many values from one on, each greater by 1.
    Range(T, usize),
}

/// What a [`Series`] may hold.
pub trait SeriesValue: Copy + PartialEq + fmt::Debug + sealed::Packing {
    /// What stands for a missing value.
    const ABSENT: Self;
}

mod sealed {
    /// How values are packed.
    pub trait Packing: Sized {
        /// The greatest number of distinct values that are worth a dictionary.
        const FEW: usize;
        /// Equal for values that are the same to the bit, all missing ones included.
        fn key(self) -> u64;
        fn plus(self, offset: usize) -> Self;
        /// How much more than `from` it is, if that can be written in the bits of an offset.
        fn since(self, from: Self) -> Option<u32>;
        /// A value from which the others are likely to be counted.
        fn origin(self) -> Self;
    }
}

impl SeriesValue for u32 {
    const ABSENT: Self = MISSING;
}

impl sealed::Packing for u32 {
    const FEW: usize = 255;

    fn key(self) -> u64 {
        u64::from(self)
    }

    fn plus(self, offset: usize) -> Self {
        self + offset as u32
    }

    fn since(self, _: Self) -> Option<u32> {
        None
    }

    fn origin(self) -> Self {
        self
    }
}

impl SeriesValue for f32 {
    const ABSENT: Self = Self::NAN;
}

impl sealed::Packing for f32 {
    const FEW: usize = u16::MAX as usize;

    fn key(self) -> u64 {
        u64::from(if self.is_nan() { Self::NAN } else { self }.to_bits())
    }

    fn plus(self, _: usize) -> Self {
        unreachable!("amounts are never held as offsets")
    }

    fn since(self, _: Self) -> Option<u32> {
        None
    }

    fn origin(self) -> Self {
        self
    }
}

impl SeriesValue for i64 {
    const ABSENT: Self = MISSING_TIME;
}

impl sealed::Packing for i64 {
    const FEW: usize = 0;

    fn key(self) -> u64 {
        self.cast_unsigned()
    }

    fn plus(self, offset: usize) -> Self {
        self + offset as Self
    }

    fn since(self, from: Self) -> Option<u32> {
        let offset = self.checked_sub(from)?.try_into().ok()?;
        (offset != MISSING).then_some(offset)
    }

    fn origin(self) -> Self {
        // Room for 68 years before it.
        self.saturating_sub(1 << 31)
    }
}

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self(Held::Plain(Vec::new()))
    }
}

impl<T: SeriesValue> Series<T> {
    /// So many values from one on, each greater by 1.
    pub(crate) fn range(from: T, len: usize) -> Self {
        Self(Held::Range(from, len))
    }

    /// Codes of the values given.
    pub(crate) fn coded(codes: Codes, values: Vec<T>) -> Self {
        Self(Held::Coded(codes, Arc::new(values)))
    }

    /// Offsets from a value.
    pub(crate) fn since(from: T, offsets: Arc<Vec<u32>>) -> Self {
        Self(Held::Since(from, offsets))
    }

    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::Plain(values) => values.len(),
            Held::Coded(codes, _) => codes.view().len(),
            Held::Since(_, offsets) => offsets.len(),
            Held::Range(_, len) => *len,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a place.
    ///
    /// # Panics
    /// Behind the last one.
    #[inline]
    pub fn at(&self, index: usize) -> T {
        match &self.0 {
            Held::Plain(values) => values[index],
            Held::Coded(codes, values) => match codes.view().get(index) {
                MISSING => T::ABSENT,
                code => values[code as usize],
            },
            Held::Since(from, offsets) => match offsets[index] {
                MISSING => T::ABSENT,
                offset => from.plus(offset as usize),
            },
            Held::Range(from, len) => {
                assert!(index < *len, "place {index} of {len}");
                from.plus(index)
            }
        }
    }

    /// The value at a place, `None` behind the last one.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        (index < self.len()).then(|| self.at(index))
    }

    /// All values in their order.
    pub fn iter(&self) -> Values<'_, T> {
        self.into_iter()
    }

    /// All values in their order, to be changed.
    pub fn to_vec(&self) -> Vec<T> {
        self.iter().collect()
    }

    /// The values at the places given, in that order; none of an empty column, whatever the places.
    #[must_use]
    pub(crate) fn select(&self, places: &[u32]) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        Self(match &self.0 {
            Held::Plain(values) => Held::Plain(pick(values, places)),
            Held::Coded(codes, values) => Held::Coded(codes.select(places), Arc::clone(values)),
            Held::Since(from, offsets) => Held::Since(*from, Arc::new(pick(offsets, places))),
            Held::Range(..) => {
                let of_place = |&place: &u32| self.at(place as usize);
                Held::Plain(places.iter().map(of_place).collect())
            }
        })
    }
}

impl<T: SeriesValue> From<Vec<T>> for Series<T> {
    fn from(values: Vec<T>) -> Self {
        let Some(&first) = values.iter().find(|value| value.key() != T::ABSENT.key()) else {
            return Self(Held::Plain(values));
        };
        if let Some(coded) = coded(&values) {
            return coded;
        }
        let from = first.origin();
        let offset = |value: &T| match value.key() {
            key if key == T::ABSENT.key() => Some(MISSING),
            _ => value.since(from),
        };
        match values.iter().map(offset).collect::<Option<Vec<u32>>>() {
            Some(offsets) => Self(Held::Since(from, Arc::new(offsets))),
            None => Self(Held::Plain(values)),
        }
    }
}

/// A column with a dictionary, if its values are few.
fn coded<T: SeriesValue>(values: &[T]) -> Option<Series<T>> {
    if T::FEW == 0 {
        return None;
    }
    let mut known: HashTable<u32> = HashTable::new();
    let mut distinct: Vec<T> = Vec::new();
    let mut codes: Vec<u32> = Vec::with_capacity(values.len());
    let hash = |key: u64| FxBuildHasher.hash_one(key);
    for &value in values {
        let key = value.key();
        if key == T::ABSENT.key() {
            codes.push(MISSING);
            continue;
        }
        let same = |code: &u32| distinct[*code as usize].key() == key;
        let code = if let Some(&code) = known.find(hash(key), same) {
            code
        } else {
            if distinct.len() == T::FEW {
                return None;
            }
            distinct.push(value);
            let code = distinct.len() as u32 - 1;
            known.insert_unique(hash(key), code, |&c| hash(distinct[c as usize].key()));
            code
        };
        codes.push(code);
    }
    let mut packed = Codes::default();
    packed.extend(distinct.len(), codes.into_iter());
    Some(Series::coded(packed, distinct))
}

impl<T: SeriesValue> FromIterator<T> for Series<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().collect::<Vec<T>>().into()
    }
}

impl<'a, T: SeriesValue> IntoIterator for &'a Series<T> {
    type Item = T;
    type IntoIter = Values<'a, T>;

    fn into_iter(self) -> Values<'a, T> {
        Values {
            series: self,
            places: 0..self.len(),
        }
    }
}

/// The values of a [`Series`] in their order.
#[derive(Clone)]
pub struct Values<'a, T> {
    series: &'a Series<T>,
    places: Range<usize>,
}

impl<T: SeriesValue> Iterator for Values<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.places.next().map(|place| self.series.at(place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl<T: SeriesValue> DoubleEndedIterator for Values<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.places.next_back().map(|place| self.series.at(place))
    }
}

impl<T: SeriesValue> ExactSizeIterator for Values<'_, T> {}

impl<T: SeriesValue> PartialEq for Series<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: SeriesValue> fmt::Debug for Series<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Series;
    use crate::cells::{MISSING, MISSING_TIME};

    #[test]
    fn values_come_out_as_they_were() {
        let times = vec![5, MISSING_TIME, -7, 1_700_000_000];
        let far = vec![i64::MAX, 0, i64::MIN + 1, MISSING_TIME];
        for times in [times, far, vec![MISSING_TIME; 3], Vec::new()] {
            assert_eq!(Series::from(times.clone()).to_vec(), times);
        }
        let many: Vec<u32> = (0..1000).chain([MISSING, 3]).collect();
        for codes in [vec![2, MISSING, 0, 2], many, vec![MISSING]] {
            assert_eq!(Series::from(codes.clone()).to_vec(), codes);
        }
        let few = vec![1.0, f32::NAN, -0.0, 0.0, f32::INFINITY];
        let many: Vec<f32> = (0..70_000_u32).map(|n| n as f32 / 3.0).collect();
        let bits = |of: &[f32]| of.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
        for amounts in [few, many] {
            let series = Series::from(amounts.clone());
            assert_eq!(bits(&series.to_vec()), bits(&amounts));
            let places = [3, 0, 3];
            let chosen = series.select(&places).to_vec();
            assert_eq!(bits(&chosen), bits(&places.map(|p| amounts[p as usize])));
        }
    }

    #[test]
    fn a_range_is_read_and_chosen_from_like_all_others() {
        let rows = Series::range(3_u32, 4);
        assert_eq!(rows.to_vec(), [3, 4, 5, 6]);
        assert_eq!(rows.select(&[3, 1]).to_vec(), [6, 4]);
        assert_eq!((rows.get(3), rows.get(4)), (Some(6), None));
        assert_eq!(rows, Series::from(vec![3, 4, 5, 6]));
        assert!(Series::<u32>::default().select(&[1, 2]).is_empty());
    }
}
