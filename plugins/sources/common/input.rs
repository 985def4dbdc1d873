//! A file of a source: where it is, what it is called in messages, what it holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use musicrec_api::{Error, Result};
use sha2::{Digest, Sha256};

use super::fault::Fault;

const BUFFER: usize = 1 << 18;

/// One file of the source.
#[derive(Debug)]
pub(crate) struct Input {
    /// The name of the plugin that reads it.
    pub(crate) source: &'static str,
    pub(crate) path: PathBuf,
    /// The parameter of the source that names it.
    pub(crate) parameter: String,
    /// What the part column holds in its rows, if there is one.
    pub(crate) part: Option<String>,
}

impl Input {
    /// The file's path as it appears in messages.
    pub(crate) fn shown(&self) -> impl std::fmt::Display + '_ {
        self.path.display()
    }

    /// The key of the definition that names it, for messages.
    pub(crate) fn key(&self) -> String {
        format!("source.{}.{}", self.source, self.parameter)
    }

    /// The file, opened.
    pub(crate) fn file(&self) -> Result<File, Fault> {
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
                        "set `{key}` to a file in it, or to a pattern for several (`*` stands for \
                         any text in a name)"
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
    pub(crate) fn sha256(&self) -> Result<String> {
        let mut file = self.file()?;
        let mut hash = Sha256::new();
        let size = file.metadata().map_or(u64::MAX, |found| found.len());
        let mut buffer = vec![0; size.clamp(1, BUFFER as u64) as usize];
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

    pub(super) fn not_text(&self, fault: &str, remedy: &str) -> Fault {
        Fault::data(
            &self.parameter,
            format!("{} {fault}", self.shown()),
            format!("set `{}` to {remedy}", self.key()),
        )
    }

    /// The fault of a failed read: if the file is packed, behind the line given.
    pub(crate) fn failed(&self, error: io::Error, packed: Option<u64>) -> Fault {
        if let Some(line) = packed {
            return Fault::data(
                &self.parameter,
                format!(
                    "{}, line {line} or soon after: the packed data is damaged or ends early \
                     ({error})",
                    self.shown()
                ),
                format!("fetch or pack the file again (`{}`)", self.key()),
            );
        }
        let what = format!("cannot read {}", self.shown());
        Fault::io(&self.parameter, what, error)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
