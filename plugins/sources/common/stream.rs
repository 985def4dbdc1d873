//! A file as a stream of plain UTF-8 bytes: unpacks it, and refuses what is no text.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use musicrec_api::Result;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::fault::Fault;
use super::input::Input;

/// Bytes looked at before reading on: enough for every magic number and for the NUL bytes of a
/// binary file.
const HEAD: usize = 8192;
pub(crate) const BUFFER: usize = 1 << 18;
/// The longest row there may be, in bytes: what is longer is no row of a log, but a file that is no
/// log or a quote left open, and would fill the memory.
pub(crate) const LONGEST_ROW: u64 = 16 << 20;
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Formats that are often taken for text, by their first bytes.
const FOREIGN: [(&[u8], &str, &str); 6] = [
    (b"PK\x03\x04", "a zip archive or a spreadsheet", UNPACKED),
    (b"BZh", "a bzip2 file", UNPACKED),
    (b"\xfd7zXZ\0", "an xz file", UNPACKED),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive", UNPACKED),
    (
        b"PAR1",
        "a Parquet file",
        "a text file, or read this one with `[source.parquet]`",
    ),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "a text file that was exported from it",
    ),
];
const UNPACKED: &str = "the text file, unpacked";

impl Input {
    /// The text, unpacked and without a byte order mark.
    pub(crate) fn open(&self) -> Result<Stream, Fault> {
        let failed = |e| self.failed(e, None);
        let file = self.file()?;
        // No more than the file has, for there may be many small ones.
        let size = file.metadata().map_or(u64::MAX, |found| found.len());
        let buffer = size.clamp(HEAD as u64, BUFFER as u64) as usize;
        let (head, file) = peek(file).map_err(failed)?;
        if head.is_empty() {
            return Err(self.not_text("is empty", "a file with rows"));
        }
        for (magic, what, remedy) in FOREIGN {
            if head.starts_with(magic) {
                return Err(self.not_text(&format!("is {what}"), remedy));
            }
        }
        let gzip = head.starts_with(&[0x1f, 0x8b]);
        // The second pattern is a skippable frame, with which some tools begin.
        let zstd = head.starts_with(&ZSTD)
            || (head.len() > 3 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18]);
        let raw = BufReader::with_capacity(buffer, Cursor::new(head).chain(file));
        let packed = gzip || zstd;
        let text: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(raw))
        } else if zstd {
            Box::new(Zstd::new(raw))
        } else {
            Box::new(raw)
        };
        let (mut head, rest) = peek(text).map_err(|e| self.failed(e, packed.then_some(1)))?;
        if head.is_empty() {
            return Err(self.not_text("holds nothing", "a file with rows"));
        }
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(self.not_text("is UTF-16", "a UTF-8 copy (iconv -f UTF-16 -t UTF-8)"));
        }
        match zeros(&head) {
            Zeros::Few => {}
            Zeros::Utf16(which) => {
                let fault = format!("is UTF-16 without a byte order mark ({which})");
                let remedy = format!("a UTF-8 copy (iconv -f {which} -t UTF-8)");
                return Err(self.not_text(&fault, &remedy));
            }
            Zeros::Many => {
                let fault = "is no text: it holds NUL bytes";
                return Err(self.not_text(fault, "a UTF-8 text file"));
            }
        }
        if head.starts_with(&[0xef, 0xbb, 0xbf]) {
            head.drain(..3);
        }
        Ok(Stream {
            inner: Box::new(Cursor::new(head).chain(rest)),
            packed,
            buffer: if packed { BUFFER } else { buffer },
            last: None,
            given: 0,
            inked: 0,
            row_begins: u64::MAX,
        })
    }

    /// The line in which the record at a byte offset of the text begins, counted from 1.
    pub(crate) fn line_at(&self, offset: u64) -> Result<u64, Fault> {
        let mut text = BufReader::with_capacity(BUFFER, self.open()?);
        let (mut at, mut line, mut return_before) = (0, 1, false);
        loop {
            let buffer = text.fill_buf().map_err(|e| self.failed(e, None))?;
            if buffer.is_empty() {
                return Ok(line);
            }
            for &byte in buffer {
                let is_break = byte == b'\n' || byte == b'\r';
                // The record's offset may point before blank lines that were skipped.
                if at >= offset && !is_break {
                    return Ok(line);
                }
                if is_break && !(byte == b'\n' && return_before) {
                    line += 1;
                }
                return_before = byte == b'\r';
                at += 1;
            }
            let read = buffer.len();
            text.consume(read);
        }
    }
}

/// What the NUL bytes at the beginning of a file say of it.
enum Zeros {
    /// It may be text, of which some cells are damaged.
    Few,
    /// Every other byte is one: letters in two bytes, as the encoding of that name has them.
    Utf16(&'static str),
    Many,
}

fn zeros(head: &[u8]) -> Zeros {
    let at = |parity: usize| {
        let bytes = head.iter().skip(parity).step_by(2);
        (
            bytes.clone().filter(|byte| **byte == 0).count(),
            bytes.len(),
        )
    };
    let ((even, evens), (odd, odds)) = (at(0), at(1));
    let (all, of_all) = (even + odd, evens + odds);
    // Letters beyond Latin-1 have no zero in either byte.
    if odd * 10 > odds * 6 && even * 10 < evens {
        Zeros::Utf16("UTF-16LE")
    } else if even * 10 > evens * 6 && odd * 10 < odds {
        Zeros::Utf16("UTF-16BE")
    } else if all * 10 > of_all {
        Zeros::Many
    } else {
        Zeros::Few
    }
}

/// The first bytes of a reader, as many as there are up to `HEAD`, and the rest.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

/// The text of a file.
pub(crate) struct Stream {
    inner: Box<dyn Read>,
    /// Whether it is unpacked on the way, which tells what a failed read means.
    pub(crate) packed: bool,
    /// How many bytes it is worth to read at once.
    pub(crate) buffer: usize,
    /// The last byte read so far that does not end a line.
    pub(crate) last: Option<u8>,
    /// Bytes given so far.
    given: u64,
    /// How many of them there were up to the last one that does not end a line.
    inked: u64,
    /// Where the row begins that is being read; beyond all bytes if nobody said so.
    row_begins: u64,
}

impl Stream {
    /// Says that the next row begins at that offset, blank lines before it aside.
    pub(crate) fn begin_row(&mut self, offset: u64) {
        self.row_begins = offset;
    }

    /// How many bytes the row that was begun has, if it ends at that offset.
    pub(crate) fn length(&self, end: u64) -> u64 {
        end.saturating_sub(self.row_begins)
    }
}

/// The error of a read within a row that is longer than any may be.
#[derive(Debug)]
pub(crate) struct RowTooLong;

impl fmt::Display for RowTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the row is too long")
    }
}

impl Error for RowTooLong {}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.inked <= self.row_begins {
            // Nothing but blank lines so far.
            self.row_begins = self.row_begins.max(self.given);
        } else if self.given - self.row_begins > LONGEST_ROW {
            return Err(io::Error::other(RowTooLong));
        }
        let read = self.inner.read(buffer)?;
        let inked = |byte: &u8| !matches!(byte, b'\n' | b'\r');
        if let Some(at) = buffer[..read].iter().rposition(inked) {
            self.last = Some(buffer[at]);
            self.inked = self.given + at as u64 + 1;
        }
        self.given += read as u64;
        Ok(read)
    }
}

/// Unpacks all Zstandard frames of a file one after the other, as the `zstd` program does.
struct Zstd<R> {
    source: R,
    frame: FrameDecoder,
    open: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            frame: FrameDecoder::new(),
            open: false,
        }
    }

    /// Begins the next frame; false at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.frame.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.source.by_ref().take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.open {
                self.open = self.begin()?;
                if !self.open {
                    return Ok(0);
                }
            }
            while self.frame.can_collect() == 0 && !self.frame.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                self.frame
                    .decode_blocks(&mut self.source, step)
                    .map_err(io::Error::other)?;
            }
            let read = self.frame.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            let written = self.frame.get_checksum_from_data();
            if written.is_some() && written != self.frame.get_calculated_checksum() {
                return Err(io::Error::other("its checksum does not match"));
            }
            self.open = false;
        }
    }
}
