//! Files of any size that are seen only when they are whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

use crate::exit::Failure;
use crate::records::{hexadecimal, temporary_beside};

/// A file that can be written until the user asks to stop.
pub(super) struct Stoppable {
    file: File,
    stop: &'static AtomicBool,
    hash: Sha256,
    bytes: u64,
}

impl Stoppable {
    /// How many bytes were written, and their SHA-256 in hexadecimal digits.
    pub(super) fn written(&self) -> (u64, String) {
        (self.bytes, hexadecimal(&self.hash.clone().finalize()))
    }
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Refuses to write where something is, unless it is to be replaced, where nothing can be, over what is
/// read, and to one place twice: before any work is done.
pub(super) fn writable(paths: &[&Path], read: &[&Path], force: bool) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().ok();
    let read: Vec<_> = read.iter().filter_map(|path| whole(path)).collect();
    for (at, path) in paths.iter().enumerate() {
        let refused = |what: &str| Err(Failure::Output(format!("{} {what}", path.display())));
        if paths[..at].contains(path) {
            return refused("is named for two outputs; give each a name of its own");
        }
        if let Some(there) = whole(path) {
            if read.contains(&there) {
                return refused(
                    "is read by this command and not overwritten, not even with --force",
                );
            }
            if !there.is_file() {
                return refused("is there and no regular file; choose another name");
            }
            if !force {
                return refused(
                    "is there already; choose another name, or replace it with --force",
                );
            }
        }
        temporary_beside(path).map_err(|e| Failure::output(path.display(), &e))?;
    }
    Ok(())
}

/// Fills a file under a temporary name and shows it only when it is whole. Stopped, it leaves
/// nothing behind.
pub(super) fn in_one_step<T>(
    path: &Path,
    stop: &'static AtomicBool,
    fill: impl FnOnce(&mut BufWriter<Stoppable>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |e: io::Error| Failure::output(path.display(), &e);
    // A link stays one: what it leads to is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let file = temporary_beside(&target).map_err(failed)?;
    let inner = Stoppable {
        file: file.reopen().map_err(failed)?,
        stop,
        hash: Sha256::new(),
        bytes: 0,
    };
    let mut writer = BufWriter::with_capacity(1 << 20, inner);
    let filled = fill(&mut writer).and_then(|value| {
        let inner = writer.into_inner().map_err(|e| failed(e.into_error()))?;
        inner.file.sync_all().map_err(failed)?;
        Ok(value)
    });
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted(format!(
            "{} was not written",
            path.display()
        )));
    }
    let value = filled?;
    file.persist(&target).map_err(|e| failed(e.error))?;
    Ok(value)
}
