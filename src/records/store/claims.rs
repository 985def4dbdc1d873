//! Claims: who computes what, so that several processes share the work in a folder.

use std::fs::{self, File};
use std::path::PathBuf;

use super::locks::{Lock, try_exclusive};
use super::{RUNNING, Store};
use crate::exit::Failure;

/// A unit of work that nobody else begins until this is dropped, or its process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    /// Absent where the file system has no locks: then everybody may claim everything.
    _file: Option<Held>,
}

/// A file with an exclusive lock, removed when dropped. It is removed before the lock is released:
/// who opened it in the meantime gets the lock of a file without a name, sees that, and opens anew.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        // What stays has no lock and so claims nothing.
        let _ = fs::remove_file(&self.path);
    }
}

impl Store {
    /// Claims a unit of work; `None` if another process or thread has it. Whoever had it before may
    /// have just ended it: look for its records again once it is claimed.
    pub(crate) fn claim(&self, unit: &str) -> Result<Option<Claim>, Failure> {
        let path = self.path(&format!("{RUNNING}/{unit}.lock"));
        match try_exclusive(&path) {
            Ok(Lock::Held(file)) => Ok(Some(Claim {
                _file: Some(Held { file, path }),
            })),
            Ok(Lock::Busy) => Ok(None),
            Ok(Lock::Unsupported) => Ok(Some(Claim { _file: None })),
            Err(error) => Err(Failure::output(path.display(), &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::samples::store;

    #[test]
    fn a_unit_has_one_worker() {
        let (_folder, store) = store();
        let first = store.claim("a").unwrap().expect("nobody has it");
        assert!(store.claim("a").unwrap().is_none());
        assert!(store.claim("b").unwrap().is_some());
        drop(first);
        assert!(!store.path("running/a.lock").exists());
        assert!(store.claim("a").unwrap().is_some());
        // What a killed process left has no lock.
        std::fs::write(store.path("running/c.lock"), "").unwrap();
        assert!(store.claim("c").unwrap().is_some());
    }

    #[test]
    fn many_who_claim_and_release_are_never_two_at_once() {
        let (_folder, store) = store();
        let (inside, times) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // On a busy machine most tries find another at it.
                    while times.load(Ordering::SeqCst) < 200 {
                        if let Some(claim) = store.claim("a").unwrap() {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            times.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                            drop(claim);
                        }
                    }
                });
            }
        });
        assert!(times.into_inner() >= 200);
    }
}
