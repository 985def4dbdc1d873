//! Reading a log while others write it: what is new since last time, and only lines that are whole.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::Store;
use super::fits::FITS;
use super::trials::LOG;

/// A log and how far it has been read.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    read: u64,
    file: Option<Id>,
}

/// What tells a file from another one that took its place.
type Id = (u64, u64);

/// What reading a log once more brought.
#[derive(Debug)]
pub(crate) struct News<T> {
    /// Whether these are all lines, for it is another file now, or this is the first time: what was read
    /// before does not count any more.
    pub(crate) anew: bool,
    pub(crate) lines: Vec<T>,
}

impl Store {
    /// The log of trials, from its beginning.
    pub(crate) fn trials_tail(&self) -> Tail {
        Tail::new(self.path(LOG))
    }

    /// The log of fits, from its beginning.
    pub(crate) fn fits_tail(&self) -> Tail {
        Tail::new(self.path(FITS))
    }
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            file: None,
        }
    }

    /// The lines that are new. What cannot be read yet, or is no such line, is passed over: a log is
    /// never the truth.
    pub(crate) fn news<T: DeserializeOwned>(&mut self) -> News<T> {
        let Some((id, mut file, length)) = self.open() else {
            // It may just be written anew.
            let anew = self.file.take().is_some();
            self.read = 0;
            let lines = Vec::new();
            return News { anew, lines };
        };
        let anew = self.file != Some(id) || length < self.read;
        if anew {
            self.read = 0;
        }
        self.file = Some(id);
        let mut bytes = Vec::new();
        let got = file
            .seek(SeekFrom::Start(self.read))
            .and_then(|_| file.read_to_end(&mut bytes));
        if got.is_err() {
            bytes.clear();
        }
        // Behind the last line end somebody is writing, or was killed.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |at| at + 1);
        self.read += whole as u64;
        let lines = bytes[..whole].split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice(line).ok());
        News {
            anew,
            lines: lines.collect(),
        }
    }

    fn open(&self) -> Option<(Id, File, u64)> {
        let file = File::open(&self.path).ok()?;
        let about = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((id(&about), file, about.len()))
    }
}

#[cfg(unix)]
fn id(about: &std::fs::Metadata) -> Id {
    use std::os::unix::fs::MetadataExt as _;
    (about.dev(), about.ino())
}

/// Elsewhere only a shorter file is seen to be another one.
#[cfg(not(unix))]
fn id(_: &std::fs::Metadata) -> Id {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::super::samples::store;
    use super::{News, Tail};

    fn news(tail: &mut Tail) -> (bool, Vec<u64>) {
        let News { anew, lines } = tail.news();
        (anew, lines)
    }

    #[test]
    fn a_line_is_read_once_and_only_when_it_is_whole() {
        let (_folder, store) = store();
        let mut tail = store.trials_tail();
        assert_eq!(news(&mut tail), (false, vec![]));
        let path = store.path("trials.jsonl");
        let add = |text: &str| {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        add("1\n2\n3");
        assert_eq!(news(&mut tail), (true, vec![1, 2]));
        assert_eq!(news(&mut tail), (false, vec![]));
        add("4\nnonsense\n\0\0\n\n5\n{");
        assert_eq!(news(&mut tail), (false, vec![34, 5]));
        // As a repair writes it again, and as somebody deletes it.
        fs::write(store.path("other"), "1\n2\n34\n5\n6\n7\n8\n9\n10\n11\n").unwrap();
        fs::rename(store.path("other"), &path).unwrap();
        assert_eq!(
            news(&mut tail),
            (true, vec![1, 2, 34, 5, 6, 7, 8, 9, 10, 11])
        );
        fs::write(&path, "1\n").unwrap();
        assert_eq!(news(&mut tail), (true, vec![1]));
        fs::remove_file(&path).unwrap();
        assert_eq!(news(&mut tail), (true, vec![]));
        assert_eq!(news(&mut tail), (false, vec![]));
        fs::create_dir(&path).unwrap();
        assert_eq!(news(&mut tail), (false, vec![]));
    }
}
