//! Files for rows that no memory holds. They have no name: whatever becomes of the process, nothing is left of them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use musicrec_api::{Error, Log, Result, Whole};

use crate::cache::bytes::{Reader, Writer};
use crate::cache::segments::{Head, Layout, read_segment, segment};

/// Rows that are read back at once: few, for many files are read side by side, and fewer in tests.
const PIECE: usize = if cfg!(test) { 1 << 9 } else { 1 << 13 };

/// What is read and written at once.
const BUFFER: usize = 1 << 16;

/// Rows of a log, in a file.
pub(super) struct Scratch {
    folder: PathBuf,
    file: BufWriter<File>,
    segments: usize,
    rows: u64,
}

/// A file without a name.
fn unnamed(folder: &Path) -> Result<File> {
    std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::tempfile_in(folder))
        .map_err(|e| unwritten(folder, e))
}

fn unwritten(folder: &Path, e: io::Error) -> Error {
    let what = format!(
        "the log takes more memory than it may (--memory), and cannot be put aside in {} meanwhile (another folder: \
         --cache DIR of a sweep, the place of --out of `clean`, else the variable TMPDIR)",
        folder.display()
    );
    Error::io(what, e)
}

/// A log that was put aside cannot be read back.
fn lost(e: io::Error) -> Error {
    Error::io("cannot read what was put aside of the log", e)
}

impl Scratch {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            file: BufWriter::with_capacity(BUFFER, unnamed(folder)?),
            segments: 0,
            rows: 0,
        })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.segments
    }

    /// Writes them elsewhere, as they are.
    pub(super) fn copy(&mut self, to: &mut Writer) -> io::Result<()> {
        self.file.flush()?;
        copy(self.file.get_ref(), to)
    }

    /// Adds some rows of a log.
    pub(super) fn push(&mut self, log: &Log, rows: &[u32]) -> Result<()> {
        for rows in rows.chunks(PIECE) {
            segment(&mut Writer::new(&mut self.file), log, rows)
                .map_err(|e| unwritten(&self.folder, e))?;
            self.segments += 1;
            self.rows += rows.len() as u64;
        }
        Ok(())
    }

    /// All rows in the order they came in, some at a time.
    pub(super) fn pieces<'s>(&'s mut self, head: &'s Head) -> Result<Pieces<'s>> {
        self.file.flush().map_err(|e| unwritten(&self.folder, e))?;
        let mut file = self.file.get_ref();
        file.seek(SeekFrom::Start(0)).map_err(lost)?;
        Ok(Pieces {
            file: BufReader::with_capacity(BUFFER, file),
            head,
            left: self.segments,
        })
    }

    /// All rows, ascending; `None` without any.
    pub(super) fn whole(&mut self, head: &Head) -> Result<Option<Log>> {
        let mut pieces = self.pieces(head)?;
        let mut whole = Whole::default();
        while let Some(piece) = pieces.next()? {
            whole.append(piece)?;
        }
        let Some(log) = whole.finish() else {
            return Ok(None);
        };
        let numbers = log.numbers();
        if numbers.is_sorted() {
            return Ok(Some(log));
        }
        // Rows that came from several files.
        let mut rows: Vec<u32> = (0..log.rows() as u32).collect();
        rows.sort_unstable_by_key(|&row| numbers[row as usize]);
        Ok(Some(log.select(&rows)))
    }
}

/// A file on its way back.
pub(super) struct Pieces<'s> {
    file: BufReader<&'s File>,
    head: &'s Head,
    left: usize,
}

impl Pieces<'_> {
    /// The next rows.
    pub(super) fn next(&mut self) -> Result<Option<Log>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let piece = read_segment(&mut Reader::new(&mut self.file, u64::MAX), self.head, 0);
        piece.map(Some).map_err(lost)
    }
}

/// A cleaned log in a file.
#[derive(Debug)]
pub(crate) struct OnDisk {
    file: Mutex<File>,
    bytes: u64,
}

/// The same while it is written.
pub(super) struct Writing {
    folder: PathBuf,
    file: BufWriter<File>,
}

impl OnDisk {
    pub(super) fn begin(folder: &Path, head: &Head) -> Result<Writing> {
        let mut writing = Writing {
            folder: folder.to_owned(),
            file: BufWriter::with_capacity(1 << 20, unnamed(folder)?),
        };
        let written = Writer::new(&mut writing.file).json(head);
        written.map_err(|e| unwritten(folder, e))?;
        Ok(writing)
    }

    /// The log. Its columns are read when somebody looks at them.
    pub(super) fn log(&self) -> Result<Log> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(0)).map_err(lost)?;
        let mut buffer = BufReader::with_capacity(1 << 20, &mut *file);
        let layout = Layout::read(&mut Reader::new(&mut buffer, self.bytes)).map_err(lost)?;
        drop(buffer);
        Ok(layout.log(file.try_clone().map_err(lost)?, 0))
    }

    /// All rows in their order, some at a time.
    pub(crate) fn each(&self, sink: &mut dyn FnMut(&Log) -> io::Result<()>) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(0))?;
        let mut buffer = BufReader::with_capacity(1 << 20, &mut *file);
        let mut reader = Reader::new(&mut buffer, self.bytes);
        let head: Head = reader.json()?;
        let mut rows = 0;
        while rows < head.rows {
            let part = read_segment(&mut reader, &head, 0)?;
            rows += part.rows();
            sink(&part)?;
        }
        Ok(())
    }

    /// Writes it elsewhere, as it is.
    pub(crate) fn copy(&self, to: &mut Writer) -> io::Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        copy(&file, to)
    }
}

/// Writes a file elsewhere.
fn copy(mut file: &File, to: &mut Writer) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(()),
            read => to.raw(&piece[..read])?,
        }
    }
}

impl Writing {
    /// Adds a segment.
    pub(super) fn push(&mut self, log: &Log) -> Result<()> {
        let rows: Vec<u32> = (0..log.rows() as u32).collect();
        segment(&mut Writer::new(&mut self.file), log, &rows)
            .map_err(|e| unwritten(&self.folder, e))
    }

    pub(super) fn end(self) -> Result<OnDisk> {
        let unwritten = |e| unwritten(&self.folder, e);
        let mut file = self
            .file
            .into_inner()
            .map_err(|e| unwritten(e.into_error()))?;
        let bytes = file.stream_position().map_err(unwritten)?;
        Ok(OnDisk {
            file: Mutex::new(file),
            bytes,
        })
    }
}
