//! Files of a store: read with care, written whole.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{ATTACHMENTS, DAMAGED, Store};
use crate::exit::Failure;
use crate::records::hex;

impl Store {
    /// Reads a JSON file of the store, `None` if there is none. What a crash of the machine left
    /// of a file counts as none; what somebody has changed is an error.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.place(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.unreadable(&path, &e)),
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(_) if torn(&bytes) => Ok(None),
            Err(_) if std::str::from_utf8(&bytes).is_err() => Err(changed(&path, "is not text")),
            Err(e) => Err(changed(&path, &format!("cannot be understood ({e})"))),
        }
    }

    /// Why something of the store cannot be read.
    pub(super) fn unreadable(&self, path: &Path, error: &std::io::Error) -> Failure {
        if error.kind() == std::io::ErrorKind::NotADirectory {
            return Failure::Output(format!(
                "{} cannot be a folder, for a file stands in its way; name another with --out",
                self.folder.display()
            ));
        }
        Failure::Data(format!("cannot read {}: {error}", path.display()))
    }

    /// Writes a file of the store, replacing it in one step.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        filled(&path, bytes)
            .and_then(|file| file.persist(&path).map_err(|e| e.error))
            .map(drop)
            .map_err(|e| Failure::output(path.display(), &e))
    }

    /// Writes a file of the store unless one of that name is there; whether it was written.
    pub(super) fn write_new(&self, name: &str, bytes: &[u8]) -> Result<bool, Failure> {
        let path = self.path(name);
        let written = filled(&path, bytes)
            .and_then(|file| file.persist_noclobber(&path).map_err(|e| e.error));
        match written {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(Failure::output(path.display(), &e)),
        }
    }

    /// Like [`Store::write`], as JSON for people and for what is read again: indented, with a line end. No
    /// later step could do with what does not read back as the same.
    pub(crate) fn keep_json<T: Kept>(&self, name: &str, value: &T) -> Result<(), Failure> {
        let text = kept(&self.path(name), value)?;
        self.write(name, text.as_bytes())
    }

    /// Writes a file that is named by its content and returns its name. What stands there under that
    /// name and is something else was damaged.
    pub(crate) fn attach(&self, text: &str, extension: &str) -> Result<String, Failure> {
        let name = format!("{ATTACHMENTS}/{}.{extension}", &hex(text)[..32]);
        let there = fs::read(self.path(&name));
        if there.is_ok_and(|there| there == text.as_bytes()) {
            return Ok(name);
        }
        self.write(&name, text.as_bytes())?;
        Ok(name)
    }

    /// The text of an attachment, which must be what its name says.
    pub(crate) fn attachment(&self, name: &str) -> Result<String, Failure> {
        let path = self.place(name);
        let text = fs::read_to_string(&path)
            .map_err(|e| changed(&path, &format!("cannot be read ({e})")))?;
        if stem(name) != &hex(&text)[..32] {
            return Err(changed(&path, "is not what was written"));
        }
        Ok(text)
    }

    /// Moves a file to `damaged/` and returns its name there; `None` if it is gone already.
    pub(super) fn set_damaged_aside(&self, name: &str) -> Result<Option<String>, Failure> {
        self.move_to(name, DAMAGED)
    }

    /// Moves a file to a folder of the store and returns its name there; `None` if it is gone already.
    pub(super) fn move_to(&self, name: &str, folder: &str) -> Result<Option<String>, Failure> {
        let extension = Path::new(name).extension().and_then(|e| e.to_str());
        let aside = self.free(folder, stem(name), extension.unwrap_or_default())?;
        match fs::rename(self.path(name), self.path(&aside)) {
            Ok(()) => Ok(Some(aside)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Failure::output(self.path(&aside).display(), &e)),
        }
    }
}

/// A file's name without folder and extension.
fn stem(name: &str) -> &str {
    let stem = Path::new(name).file_stem().and_then(|s| s.to_str());
    stem.unwrap_or_default()
}

/// Whether these bytes are what a crash of the machine leaves of JSON: cut short, or with blocks of
/// zeros. Nobody edits a file into that.
pub(super) fn torn(bytes: &[u8]) -> bool {
    bytes.contains(&0)
        || serde_json::from_slice::<IgnoredAny>(bytes).is_err_and(|error| error.is_eof())
}

/// What the lab writes and reads again.
pub(crate) trait Kept: Serialize + DeserializeOwned + PartialEq {}

impl<T: Serialize + DeserializeOwned + PartialEq> Kept for T {}

/// A value as JSON that reads back as the same. JSON has no number that is not finite and would make
/// `null` of it, which no later run could read: better nothing is written.
pub(super) fn kept<T: Kept>(path: &Path, value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).expect("plain data") + "\n";
    match serde_json::from_str::<T>(&text) {
        Ok(same) if same == *value => Ok(text),
        _ => Err(Failure::Output(format!(
            "cannot write {}: some number in it is not finite or otherwise would not read back as it \
             is (a bug of the lab or of a plugin)",
            path.display()
        ))),
    }
}

/// A file that is not what the lab wrote there.
pub(super) fn changed(path: &Path, what: &str) -> Failure {
    Failure::Changed(format!(
        "{} {what}: it was changed or comes from another version; remove it (what it held is \
         computed again), or set the whole folder aside with --fresh",
        path.display()
    ))
}

/// A file beside its place that holds these bytes, on the disk.
pub(super) fn filled(path: &Path, bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = temporary_beside(path)?;
    // By the file itself, whose errors do not name the temporary path.
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// How the name of a file begins that is not there yet under its own.
pub(super) const PART: &str = ".part-";

/// A file in a folder that is not there yet under its own name; dropped, it vanishes.
pub(crate) fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    // The usual permissions, not the private ones of temporary files.
    #[cfg(unix)]
    let builder = {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666))
    };
    builder.prefix(PART).tempfile_in(folder).map_err(|e| {
        // Only the cause: the error's text names a file nobody has asked for.
        match (e.kind(), e.raw_os_error()) {
            (kind @ std::io::ErrorKind::NotFound, _) => {
                std::io::Error::new(kind, "its folder does not exist; make that first")
            }
            (_, Some(code)) => std::io::Error::from_raw_os_error(code),
            (kind, None) => kind.into(),
        }
    })
}

/// The same beside where it will be.
pub(crate) fn temporary_beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    temporary(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::samples::store;

    #[test]
    fn what_is_torn_counts_as_absent_and_what_was_changed_does_not() {
        let (_folder, store) = store();
        let read = |bytes: &[u8]| {
            std::fs::write(store.path("x.json"), bytes).unwrap();
            store.read::<Value>("x.json")
        };
        for torn in [
            &b""[..],
            b"\n",
            b"\0\0\0\0",
            b"{\"schema\": 3, \"id\"",
            b"{\"schema\": 3,\0\0\0\0",
            b"[1, 2",
        ] {
            assert_eq!(read(torn).unwrap(), None, "{torn:?}");
        }
        for changed in [&b"{]"[..], b"nonsense", b"{} {}", b"\xff\xfe"] {
            let error = read(changed).unwrap_err().message();
            assert!(error.contains("remove it"), "{error}");
        }
        assert!(read(b"{}").unwrap().is_some());
    }

    #[test]
    fn what_would_not_read_back_is_not_written() {
        let (_folder, store) = store();
        for value in [f64::NAN, f64::INFINITY] {
            // `null` would read back as `None`.
            let optional = store.keep_json("x.json", &Some(value)).unwrap_err();
            assert!(optional.message().contains("x.json"));
        }
        assert!(!store.path("x.json").exists());
    }

    #[test]
    fn an_attachment_that_was_damaged_is_written_again() {
        let (_folder, store) = store();
        let text = "user,ndcg@3\nu1,0.5\n";
        let name = store.attach(text, "csv").unwrap();
        assert_eq!(store.attachment(&name).unwrap(), text);
        std::fs::write(store.path(&name), "user,ndcg@3\nu1,0.9\n").unwrap();
        let error = store.attachment(&name).unwrap_err().message();
        assert!(
            error.contains("is not what was written") && error.contains("remove it"),
            "{error}"
        );
        assert_eq!(store.attach(text, "csv").unwrap(), name);
        assert_eq!(store.attachment(&name).unwrap(), text);
    }
}
