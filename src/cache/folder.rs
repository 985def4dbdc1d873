//! What lies in a cache's folder: `<stage>/<first two digits>/<64 digits>.bin`, and `tmp/` for what is being
//! written. Nothing that has another name is ever touched: the folder may have been somebody's before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where entries are written before they have their name.
pub(super) const TEMPORARY: &str = "tmp";
/// What was left in `tmp/` by a process that was killed is removed after this.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// Backups leave out folders with this file: <https://bford.info/cachedir/>.
const TAG: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n\
     # What musicrec-lab computed once and would compute again. `musicrec-lab cache clear` empties it.\n",
);

/// An entry of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stage: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// When it was last read or written.
    pub(crate) used: SystemTime,
}

impl Entry {
    /// Removes it. Another process may have been quicker.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

/// The place of an entry.
pub(super) fn place(folder: &Path, stage: &str, digits: &str) -> PathBuf {
    let folder = folder.join(stage).join(&digits[..2]);
    folder.join(format!("{digits}.bin"))
}

/// Makes the folder that a file lies in, and that of files being written, whose path it gives. What
/// is made is for its owner alone, for entries hold logs of listening.
pub(super) fn make(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let temporary = folder.join(TEMPORARY);
    if !temporary.is_dir() {
        builder.create(&temporary)?;
        fs::write(folder.join(TAG.0), TAG.1)?;
    }
    if let Some(parent) = file.parent() {
        builder.create(parent)?;
    }
    Ok(temporary)
}

/// All entries, the least recently used first.
pub(crate) fn entries(folder: &Path) -> Vec<Entry> {
    let mut all = Vec::new();
    for stage in names(folder) {
        for two in names(&folder.join(&stage)) {
            let shard = folder.join(&stage).join(&two);
            for name in names(&shard) {
                let digits = name.strip_suffix(".bin").unwrap_or_default();
                let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
                if digits.len() != 64 || !hexadecimal || digits[..2] != *two {
                    continue;
                }
                let path = shard.join(&name);
                // Another process may remove it meanwhile.
                let Ok(known) = fs::symlink_metadata(&path) else {
                    continue;
                };
                if known.is_file() {
                    all.push(Entry {
                        stage: stage.clone(),
                        path,
                        bytes: known.len(),
                        used: known.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    });
                }
            }
        }
    }
    all.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    all
}

/// Removes the least recently used entries until the rest has at most so many bytes, and tells how many
/// that are.
pub(super) fn shrink(folder: &Path, limit: u64) -> u64 {
    sweep_up(folder);
    let entries = entries(folder);
    let mut bytes: u64 = entries.iter().map(|e| e.bytes).sum();
    for entry in entries {
        if bytes <= limit {
            break;
        }
        if entry.remove().is_ok() {
            bytes -= entry.bytes;
        }
    }
    bytes
}

/// Removes what processes left that were killed while they wrote.
pub(crate) fn sweep_up(folder: &Path) {
    let temporary = folder.join(TEMPORARY);
    for name in names(&temporary) {
        let path = temporary.join(name);
        let modified = fs::metadata(&path).and_then(|known| known.modified());
        let age = modified.ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            // Who cannot remove it cannot do anything about it either.
            let _ = fs::remove_file(path);
        }
    }
}

/// The names in a folder, none where there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).collect()
}
