//! Whether a file system keeps what the store rests on. Asked before nodes that share it write at once.

use std::fs;
use std::io::ErrorKind;

use super::Store;
use super::files::filled;
use crate::exit::Failure;

impl Store {
    /// Tries that a name can be taken only once and that a file can be replaced in one step.
    ///
    /// # Errors
    /// With what does not hold, and what to do.
    pub(crate) fn probe(&self) -> Result<(), Failure> {
        let refused = |what: &str| {
            Failure::Output(format!(
                "the file system of {} {what}, on which records rest that several nodes write; name a \
                 folder on another one with --out",
                self.folder().display()
            ))
        };
        let failed = |e: std::io::Error| refused(&format!("cannot be written as it must: {e}"));
        let folder = tempfile::tempdir_in(self.folder()).map_err(failed)?;
        let name = folder.path().join("record");
        let whole = |text: &str| filled(&name, text.as_bytes()).map_err(failed);
        whole("first")?
            .persist_noclobber(&name)
            .map_err(|e| failed(e.error))?;
        match whole("second")?.persist_noclobber(&name) {
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(e.error)),
            Ok(_) => return Err(refused("lets a file be made where one of that name is")),
        }
        let text = || fs::read_to_string(&name).map_err(failed);
        if text()? != "first" {
            return Err(refused("changes a file that may not be replaced"));
        }
        whole("third")?
            .persist(&name)
            .map_err(|e| failed(e.error))?;
        if text()? != "third" {
            return Err(refused("does not replace a file by renaming another"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::samples::store;

    #[test]
    fn a_usual_file_system_will_do_and_leaves_no_trace() {
        let (_folder, store) = store();
        let before = store.names("").unwrap();
        store.probe().unwrap();
        assert_eq!(store.names("").unwrap(), before);
        let nowhere = Store::new("/proc/no/such".into());
        let message = nowhere.probe().unwrap_err().message();
        assert!(message.contains("--out"), "{message}");
    }
}
