//! Logs: one JSON object a line, appended by several processes at once. A log is never the truth:
//! what a crash tears out of it is taken aside, and what the records know is written again.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::IgnoredAny;

use super::locks::unsupported;
use crate::exit::Failure;

/// Adds a line to a log in one write, under a short lock of the file. It outlives the process; should
/// the machine crash, the records are on disk, which a log can be written again from.
pub(super) fn append(path: &Path, value: &impl Serialize) -> std::result::Result<(), Failure> {
    let mut line = serde_json::to_string(value).expect("plain data");
    line.push('\n');
    OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(path)
        .and_then(|file| add(file, line))
        .map_err(|e| Failure::output(path.display(), &e))
}

fn add(mut file: File, mut line: String) -> Result<()> {
    // Only in the meantime does the end of the file stay where it is.
    match file.lock() {
        Err(error) if !unsupported(&error) => return Err(error),
        _ => {}
    }
    let before = file.metadata()?.len();
    if before > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(before - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            // Somebody was killed here. Their line is lost, this one must not be.
            line.insert(0, '\n');
        }
    }
    let written = file.write_all(line.as_bytes());
    if written.is_err() {
        // The disk is full: a part of a line would be of use to nobody.
        file.set_len(before)?;
    }
    written
}

/// A log as it was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// What is JSON, in order.
    pub(super) lines: Vec<&'a [u8]>,
    /// What is not.
    pub(super) torn: Vec<&'a [u8]>,
    /// Whether it is as it should be.
    pub(super) whole: bool,
}

impl<'a> Found<'a> {
    pub(super) fn in_log(bytes: &'a [u8]) -> Self {
        let mut found = Self {
            whole: bytes.is_empty() || bytes.ends_with(b"\n"),
            ..Self::default()
        };
        let end = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for line in end.split(|&byte| byte == b'\n') {
            if line.is_empty() {
                found.whole &= bytes.is_empty();
            } else if serde_json::from_slice::<IgnoredAny>(line).is_ok() {
                found.lines.push(line);
            } else {
                found.torn.push(line);
            }
        }
        found.whole &= found.torn.is_empty();
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Found, append};

    #[test]
    fn a_line_never_sticks_to_a_torn_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        append(&path, &json!({"n": 1})).unwrap();
        append(&path, &json!({"n": 2})).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"n\":1}\n{\"n\":2}\n");
        std::fs::write(&path, "{\"n\":1}\n{\"n\":").unwrap();
        append(&path, &json!({"n": 3})).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"n\":1}\n{\"n\":\n{\"n\":3}\n");
    }

    #[test]
    fn lines_of_many_at_once_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        // Longer than what any system writes in one go.
        let long = "x".repeat(300_000);
        std::thread::scope(|scope| {
            for who in 0..4 {
                let (path, long) = (&path, &long);
                scope.spawn(move || {
                    for n in 0..5 {
                        let line = json!({"who": who, "n": n, "long": long});
                        append(path, &line).unwrap();
                    }
                });
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        let found = Found::in_log(&bytes);
        assert!(found.whole);
        assert_eq!(found.lines.len(), 20);
    }

    #[test]
    fn what_is_torn_is_told_from_what_is_whole() {
        let lines = |log: &'static str| {
            let found = Found::in_log(log.as_bytes());
            (found.lines.len(), found.torn.len(), found.whole)
        };
        assert_eq!(lines(""), (0, 0, true));
        assert_eq!(lines("{}\n[]\n"), (2, 0, true));
        assert_eq!(lines("{}\n[]"), (2, 0, false));
        assert_eq!(lines("{}\n{\"n\":"), (1, 1, false));
        assert_eq!(lines("{}\n{\"n\":\n"), (1, 1, false));
        assert_eq!(lines("{}\n\0\0\0\n{}\n"), (2, 1, false));
        assert_eq!(lines("{}{}\n{}\n"), (1, 1, false));
        assert_eq!(lines("{}\n\n{}\n"), (2, 0, false));
        assert_eq!(lines("\n"), (0, 0, false));
    }
}
