//! Numbers that begin where a line of the cache does.

use crate::real::Real;

/// Bytes of a line of the cache, and of the widest register: a row of factors that begins there is read in the
/// fewest possible steps.
const LINE: usize = 64;

/// A vector of numbers whose first lies at the begin of a line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    /// With room to move the begin; never grows, so it stays where it is.
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    pub(crate) fn zeros(len: usize) -> Self {
        let values = vec![T::zero(); len + LINE / size_of::<T>()];
        // What cannot be aligned is slower, not wrong.
        let offset = values.as_ptr().align_offset(LINE);
        let start = offset.min(values.len() - len);
        Self { values, start, len }
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::{Aligned, LINE};

    #[test]
    fn it_begins_with_a_line_and_is_as_long_as_asked() {
        for len in [0, 1, 15, 16, 1000] {
            let mut numbers = Aligned::<f32>::zeros(len);
            assert!(numbers.as_slice().as_ptr().addr().is_multiple_of(LINE));
            numbers.as_mut_slice().fill(1.0);
            assert_eq!(numbers.as_slice(), vec![1.0; len]);
        }
    }
}
