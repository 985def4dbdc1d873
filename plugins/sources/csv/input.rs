//! A file as a stream of plain UTF-8 bytes: finds it, unpacks it, and refuses what is no text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use musicrec_api::{Error, Result};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use sha2::{Digest, Sha256};

use super::fault::Fault;

/// Bytes looked at before reading on: enough for every magic number and for the NUL bytes of a
/// binary file.
const HEAD: usize = 8192;
const BUFFER: usize = 1 << 18;
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Formats that are often taken for text, by their first bytes.
const FOREIGN: [(&[u8], &str); 6] = [
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
];

/// One file of the source.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// The parameter of `source.csv` that names it.
    pub(super) parameter: String,
    /// What the part column holds in its rows, if there is one.
    pub(super) part: Option<String>,
}

impl Input {
    /// The file's path as it appears in messages.
    pub(super) fn shown(&self) -> impl std::fmt::Display + '_ {
        self.path.display()
    }

    /// The key of the definition that names it, for messages.
    pub(super) fn key(&self) -> String {
        format!("source.csv.{}", self.parameter)
    }

    fn file(&self) -> Result<File, Fault> {
        let (path, key) = (self.shown(), self.key());
        let cannot = |cause| {
            let what = format!("cannot read {path} (`{key}`)");
            Fault::io(&self.parameter, what, cause)
        };
        match std::fs::metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let remedy = format!(
                    "correct `{key}` (a relative path starts at the folder of the definition, one \
                     given with --set at the working directory)"
                );
                return Err(self.nowhere(&remedy));
            }
            Err(e) => return Err(cannot(e)),
            Ok(found) if found.is_dir() => {
                return Err(Fault::definition(
                    &self.parameter,
                    format!("{path} is a folder, not a file"),
                    format!(
                        "set `{key}` to a file in it, or name several with `source.csv.files = {{ \
                         train = \"…\", test = \"…\" }}`"
                    ),
                ));
            }
            Ok(found) if !found.is_file() => {
                return Err(Fault::definition(
                    &self.parameter,
                    format!("{path} is not a regular file, but it must be read more than once"),
                    format!("save it and set `{key}` to the copy"),
                ));
            }
            Ok(_) => {}
        }
        File::open(&self.path).map_err(cannot)
    }

    /// The fault that there is no such file, with one of a similar name in the same folder.
    fn nowhere(&self, remedy: &str) -> Fault {
        let message = format!("{}: there is no such file", self.shown());
        let folder = match self.path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return Fault::definition(&self.parameter, message, remedy),
        };
        if !folder.is_dir() {
            let message = format!("{message}, nor a folder {}", folder.display());
            return Fault::definition(&self.parameter, message, remedy);
        }
        let fault = Fault::definition(&self.parameter, message, remedy);
        let Ok(entries) = std::fs::read_dir(folder) else {
            return fault;
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        let wanted = self.path.file_name().unwrap_or_default().to_string_lossy();
        fault.suggest(&wanted, names.iter().map(String::as_str))
    }

    /// SHA-256 of the file as it is, packed or not, as `sha256sum` prints it.
    pub(super) fn sha256(&self) -> Result<String> {
        let mut file = self.file()?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = file
                .read(&mut buffer)
                .map_err(|e| Error::io(format!("cannot read {}", self.shown()), e))?;
            if read == 0 {
                return Ok(hex(&hash.finalize()));
            }
            hash.update(&buffer[..read]);
        }
    }

    /// The text, unpacked and without a byte order mark.
    pub(super) fn open(&self) -> Result<Stream, Fault> {
        let failed = |e| self.failed(e, false);
        let (head, file) = peek(self.file()?).map_err(failed)?;
        if head.is_empty() {
            return Err(self.not_text("is empty", "a file with a header line and rows"));
        }
        for (magic, what) in FOREIGN {
            if head.starts_with(magic) {
                return Err(self.not_text(&format!("is {what}"), "the text file, unpacked"));
            }
        }
        let gzip = head.starts_with(&[0x1f, 0x8b]);
        // The second pattern is a skippable frame, with which some tools begin.
        let zstd = head.starts_with(&ZSTD)
            || (head.len() > 3 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18]);
        let raw = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(file));
        let packed = gzip || zstd;
        let text: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(raw))
        } else if zstd {
            Box::new(Zstd::new(raw))
        } else {
            Box::new(raw)
        };
        let (mut head, rest) = peek(text).map_err(|e| self.failed(e, packed))?;
        if head.is_empty() {
            return Err(self.not_text("holds nothing", "a file with a header line and rows"));
        }
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(self.not_text("is UTF-16", "a UTF-8 copy (iconv -f UTF-16 -t UTF-8)"));
        }
        if head.contains(&0) {
            let remedy = "a UTF-8 text file (if it is UTF-16: iconv -f UTF-16 -t UTF-8)";
            return Err(self.not_text("is no text: it holds NUL bytes", remedy));
        }
        if head.starts_with(&[0xef, 0xbb, 0xbf]) {
            head.drain(..3);
        }
        Ok(Stream {
            inner: Box::new(Cursor::new(head).chain(rest)),
            packed,
            last: None,
        })
    }

    fn not_text(&self, fault: &str, remedy: &str) -> Fault {
        Fault::data(
            &self.parameter,
            format!("{} {fault}", self.shown()),
            format!("set `{}` to {remedy}", self.key()),
        )
    }

    /// The fault of a failed read.
    pub(super) fn failed(&self, error: io::Error, packed: bool) -> Fault {
        if packed {
            return Fault::data(
                &self.parameter,
                format!(
                    "{}: the packed data is damaged or ends early ({error})",
                    self.shown()
                ),
                format!("fetch or pack the file again (`{}`)", self.key()),
            );
        }
        let what = format!("cannot read {}", self.shown());
        Fault::io(&self.parameter, what, error)
    }

    /// The line in which the record at a byte offset of the text begins, counted from 1.
    pub(super) fn line_at(&self, offset: u64) -> Result<u64> {
        let mut text = BufReader::with_capacity(BUFFER, self.open()?);
        let (mut at, mut line, mut return_before) = (0, 1, false);
        loop {
            let buffer = text.fill_buf().map_err(|e| self.failed(e, false))?;
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

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first bytes of a reader, as many as there are up to `HEAD`, and the rest.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

/// The text of a file.
pub(super) struct Stream {
    inner: Box<dyn Read>,
    /// Whether it is unpacked on the way, which tells what a failed read means.
    pub(super) packed: bool,
    /// The last byte read so far that does not end a line.
    pub(super) last: Option<u8>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let inked = |byte: &&u8| !matches!(byte, b'\n' | b'\r');
        self.last = buffer[..read]
            .iter()
            .rev()
            .find(inked)
            .copied()
            .or(self.last);
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
