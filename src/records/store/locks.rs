//! Locks of the operating system on files. They vanish with the process, however it ends, so a lock
//! file that is there says nothing: only its lock does.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Result};
use std::path::Path;

/// What came of wanting a lock.
#[derive(Debug)]
pub(super) enum Lock {
    /// It is ours until the file is closed.
    Held(File),
    /// Another process or thread has it.
    Busy,
    /// This file system has no locks.
    Unsupported,
}

/// Waits for the lock of a file, which is made if it is not there.
pub(super) fn wait_exclusive(path: &Path) -> Result<Lock> {
    take(path, |file| file.lock().map(|()| true))
}

/// Takes the lock of a file, which is made if it is not there, if nobody has it.
pub(super) fn try_exclusive(path: &Path) -> Result<Lock> {
    take(path, |file| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    })
}

/// Takes a lock that several may share.
pub(super) fn wait_shared(path: &Path) -> Result<Lock> {
    take(path, |file| file.lock_shared().map(|()| true))
}

/// Whether somebody has the exclusive lock of a file that is there.
pub(super) fn is_held(file: &File) -> bool {
    // Shared, so that two who ask at once do not take each other for the holder.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn take(path: &Path, lock: impl Fn(&File) -> Result<bool>) -> Result<Lock> {
    loop {
        let file = open(path)?;
        match lock(&file) {
            // Its holder may have removed it, or its folder been renamed, between opening and
            // locking. Then the lock is of a file that nobody else will find.
            Ok(true) if !stands_at(path, &file)? => {}
            Ok(true) => return Ok(Lock::Held(file)),
            Ok(false) => return Ok(Lock::Busy),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if unsupported(&error) => return Ok(Lock::Unsupported),
            Err(error) => return Err(error),
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Whether a path still names an open file.
#[cfg(unix)]
fn stands_at(path: &Path, file: &File) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let own = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere an open file can neither be removed from its place nor its folder be renamed.
#[cfg(not(unix))]
fn stands_at(_: &Path, _: &File) -> Result<bool> {
    Ok(true)
}

/// Whether an error says that there are no locks at all.
pub(super) fn unsupported(error: &std::io::Error) -> bool {
    // ENOLCK of Linux: a network file system whose server keeps no locks. It has no kind of its own.
    const NO_LOCKS: i32 = 37;
    error.kind() == ErrorKind::Unsupported
        || (cfg!(target_os = "linux") && error.raw_os_error() == Some(NO_LOCKS))
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::{Lock, is_held, open, try_exclusive, unsupported, wait_shared};

    #[test]
    fn one_holds_an_exclusive_lock_and_many_a_shared_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = |lock| match lock {
            Ok(Lock::Held(file)) => file,
            other => panic!("{other:?}"),
        };
        let first = held(try_exclusive(&path));
        assert!(matches!(try_exclusive(&path), Ok(Lock::Busy)));
        assert!(is_held(&open(&path).unwrap()));
        drop(first);
        assert!(!is_held(&open(&path).unwrap()));
        let [one, two] = [0, 1].map(|_| held(wait_shared(&path)));
        assert!(matches!(try_exclusive(&path), Ok(Lock::Busy)));
        drop(one);
        assert!(matches!(try_exclusive(&path), Ok(Lock::Busy)));
        drop(two);
        held(try_exclusive(&path));
    }

    #[test]
    fn file_systems_without_locks_are_known() {
        assert!(unsupported(&std::io::ErrorKind::Unsupported.into()));
        assert!(!unsupported(&std::io::ErrorKind::PermissionDenied.into()));
        if cfg!(target_os = "linux") {
            // ENOLCK, EOPNOTSUPP, ENOSYS; EACCES.
            assert!(
                [37, 95, 38]
                    .map(Error::from_raw_os_error)
                    .iter()
                    .all(unsupported)
            );
            assert!(!unsupported(&Error::from_raw_os_error(13)));
        }
    }
}
