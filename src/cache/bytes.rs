//! Values as bytes: numbers in little-endian order, texts with their length before them. Whatever bytes
//! are read, nothing panics, and nothing larger than what is left of the entry is asked of memory.

use std::io::{self, Read, Write};

use musicrec_api::Texts;
use serde::{Serialize, de::DeserializeOwned};

/// Numbers that are converted at once: few enough to stay at hand, enough for a fast copy.
const PIECE: usize = 8192;

/// A number of fixed size.
pub(crate) trait Number: Copy {
    const BYTES: usize;
    fn append(self, to: &mut Vec<u8>);
    /// `from` has as many bytes as the number.
    fn of(from: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Number for $type {
            const BYTES: usize = size_of::<$type>();

            fn append(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            fn of(from: &[u8]) -> Self {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(from);
                Self::from_le_bytes(bytes)
            }
        }
    )*};
}

numbers!(u8, u32, u64, i64, f32, f64);

/// Writes values one after the other; [`Reader`] reads them in the same order.
pub(crate) struct Writer<'w> {
    to: &'w mut dyn Write,
    piece: Vec<u8>,
}

impl<'w> Writer<'w> {
    pub(crate) fn new(to: &'w mut dyn Write) -> Self {
        Self {
            to,
            piece: Vec::new(),
        }
    }

    /// One number.
    pub(crate) fn number<T: Number>(&mut self, number: T) -> io::Result<()> {
        self.piece.clear();
        number.append(&mut self.piece);
        self.to.write_all(&self.piece)
    }

    /// A count or a place.
    pub(crate) fn count(&mut self, count: usize) -> io::Result<()> {
        self.number(count as u64)
    }

    /// Numbers and how many they are.
    pub(crate) fn numbers<T: Number>(&mut self, numbers: &[T]) -> io::Result<()> {
        self.count(numbers.len())?;
        for numbers in numbers.chunks(PIECE) {
            self.piece.clear();
            for &number in numbers {
                number.append(&mut self.piece);
            }
            self.to.write_all(&self.piece)?;
        }
        Ok(())
    }

    /// Truths and how many they are.
    pub(crate) fn flags(&mut self, flags: &[bool]) -> io::Result<()> {
        let flags: Vec<u8> = flags.iter().map(|&flag| u8::from(flag)).collect();
        self.numbers(&flags)
    }

    /// Numbers of which some may not be there, and how many they are.
    pub(crate) fn options(&mut self, numbers: &[Option<f64>]) -> io::Result<()> {
        let there: Vec<bool> = numbers.iter().map(Option::is_some).collect();
        self.flags(&there)?;
        let numbers: Vec<f64> = numbers.iter().map(|n| n.unwrap_or_default()).collect();
        self.numbers(&numbers)
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.number(length)?;
        self.to.write_all(text.as_bytes())
    }

    /// Texts and how many they are.
    pub(crate) fn texts(&mut self, texts: &Texts) -> io::Result<()> {
        self.count(texts.len())?;
        texts.iter().try_for_each(|text| self.text(text))
    }

    /// Bytes as they are, whose number somebody else knows.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    /// Small plain data.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.text(&serde_json::to_string(value)?)
    }
}

/// Reads what a [`Writer`] wrote.
pub(crate) struct Reader<'r> {
    from: &'r mut dyn Read,
    /// Bytes that were read, and that are left.
    place: u64,
    left: u64,
    piece: Vec<u8>,
}

impl<'r> Reader<'r> {
    /// A reader of so many bytes.
    pub(crate) fn new(from: &'r mut dyn Read, left: u64) -> Self {
        Self {
            from,
            place: 0,
            left,
            piece: Vec::new(),
        }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// How many bytes were read so far.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Reads past so many bytes.
    pub(crate) fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let piece = count.min(1 << 16);
            self.bytes(piece as usize)?;
            count -= piece;
        }
        Ok(())
    }

    /// So many bytes, which are of use until the next are read.
    fn bytes(&mut self, count: usize) -> io::Result<&[u8]> {
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| broken("it ends too early"))?;
        self.place += count as u64;
        self.piece.resize(count, 0);
        self.from.read_exact(&mut self.piece)?;
        Ok(&self.piece)
    }

    /// One number.
    pub(crate) fn number<T: Number>(&mut self) -> io::Result<T> {
        Ok(T::of(self.bytes(T::BYTES)?))
    }

    /// A count of things that take at least so many bytes each.
    pub(crate) fn count(&mut self, bytes_each: usize) -> io::Result<usize> {
        let count: u64 = self.number()?;
        if count.saturating_mul(bytes_each as u64) > self.left {
            return Err(broken("it ends too early"));
        }
        usize::try_from(count).map_err(io::Error::other)
    }

    /// Numbers.
    pub(crate) fn numbers<T: Number>(&mut self) -> io::Result<Vec<T>> {
        let mut missing = self.count(T::BYTES)?;
        let mut numbers = Vec::with_capacity(missing);
        while missing > 0 {
            let piece = missing.min(PIECE);
            let bytes = self.bytes(piece * T::BYTES)?;
            numbers.extend(bytes.chunks_exact(T::BYTES).map(T::of));
            missing -= piece;
        }
        Ok(numbers)
    }

    /// As many numbers as are expected.
    pub(crate) fn exactly<T: Number>(&mut self, count: usize) -> io::Result<Vec<T>> {
        let numbers = self.numbers()?;
        ensure(numbers.len() == count, "a column has another length")?;
        Ok(numbers)
    }

    /// Truths.
    pub(crate) fn flags(&mut self) -> io::Result<Vec<bool>> {
        let flags: Vec<u8> = self.numbers()?;
        ensure(flags.iter().all(|flag| *flag <= 1), "no truth value")?;
        Ok(flags.into_iter().map(|flag| flag == 1).collect())
    }

    /// Numbers of which some may not be there.
    pub(crate) fn options(&mut self) -> io::Result<Vec<Option<f64>>> {
        let there = self.flags()?;
        let numbers: Vec<f64> = self.exactly(there.len())?;
        let all = there.into_iter().zip(numbers);
        Ok(all.map(|(there, n)| there.then_some(n)).collect())
    }

    /// A text.
    pub(crate) fn text(&mut self) -> io::Result<String> {
        let length: u32 = self.number()?;
        let bytes = self.bytes(length as usize)?;
        let text = str::from_utf8(bytes).map_err(io::Error::other)?;
        Ok(text.to_owned())
    }

    /// Texts.
    pub(crate) fn texts(&mut self) -> io::Result<Texts> {
        let count = self.count(size_of::<u32>())?;
        (0..count).map(|_| self.text()).collect()
    }

    /// Small plain data.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        Ok(serde_json::from_str(&self.text()?)?)
    }
}

/// An entry that is not what was written.
pub(crate) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// That something must hold of what was written.
pub(crate) fn ensure(holds: bool, otherwise: &str) -> io::Result<()> {
    if holds {
        Ok(())
    } else {
        Err(broken(otherwise))
    }
}
