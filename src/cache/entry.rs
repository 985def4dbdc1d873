//! One entry: a file with a header that says what it is, so that a torn, damaged or foreign one is known.
//!
//! ```text
//! magic (8 bytes) | format (u32) | length of the key (u32) | key (JSON) | length of the payload (u64) |
//! checksum of the payload (u64, XXH64) | payload
//! ```

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};

use twox_hash::XxHash64;

use super::bytes::{Reader, Writer, ensure};

/// The first bytes of every entry.
const MAGIC: [u8; 8] = *b"mrlcache";
/// Raised when the header or the way of writing values changes.
const FORMAT: u32 = 3;
/// What is read and written at once.
const BUFFER: usize = 1 << 20;

/// Counts and hashes what passes.
struct Passing<T> {
    inner: T,
    hash: XxHash64,
    bytes: u64,
}

impl<T> Passing<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            hash: XxHash64::with_seed(0),
            bytes: 0,
        }
    }

    fn saw(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<T: Read> Read for Passing<T> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(to)?;
        self.saw(&to[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Passing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.saw(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Fills an empty file and returns its size. It is an entry only when all is written.
pub(super) fn write(
    file: &mut File,
    key: &str,
    fill: impl FnOnce(&mut Writer) -> io::Result<()>,
) -> io::Result<u64> {
    let header = |length: u64, checksum: u64| -> io::Result<Vec<u8>> {
        let mut header = MAGIC.to_vec();
        let mut writer = Writer::new(&mut header);
        writer.number(FORMAT)?;
        writer.text(key)?;
        writer.number(length)?;
        writer.number(checksum)?;
        Ok(header)
    };
    // Room for it: length and checksum are known at the end.
    file.write_all(&header(0, 0)?)?;
    let mut buffer = BufWriter::with_capacity(BUFFER, Passing::new(&mut *file));
    fill(&mut Writer::new(&mut buffer))?;
    let passed = buffer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    let (length, checksum) = (passed.bytes, passed.hash.finish());
    let header = header(length, checksum)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header)?;
    file.flush()?;
    Ok(header.len() as u64 + length)
}

/// Reads an entry of that key; also tells where in the file its payload begins. What was read counts only if all of
/// it is what was written.
pub(super) fn read<T>(
    file: &mut File,
    key: &str,
    take: impl FnOnce(&mut Reader) -> io::Result<T>,
) -> io::Result<(T, u64)> {
    let size = file.metadata()?.len();
    let mut reader = Reader::new(file, size);
    let mut magic = [0; MAGIC.len()];
    for byte in &mut magic {
        *byte = reader.number()?;
    }
    ensure(magic == MAGIC, "it is no entry of a cache")?;
    ensure(reader.number::<u32>()? == FORMAT, "it has another format")?;
    ensure(reader.text()? == key, "it has another key")?;
    let (length, checksum): (u64, u64) = (reader.number()?, reader.number()?);
    ensure(reader.left() == length, "it has another length")?;
    let mut passing = Passing::new(file);
    let mut buffer = BufReader::with_capacity(BUFFER, &mut passing);
    let mut reader = Reader::new(&mut buffer, length);
    let value = take(&mut reader)?;
    ensure(reader.left() == 0, "it holds more than was read")?;
    let whole = passing.bytes == length && passing.hash.finish() == checksum;
    ensure(whole, "its checksum is another")?;
    Ok((value, size - length))
}
