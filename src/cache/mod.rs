//! What stages came to, kept on disk where computing it again costs more than reading: `cleaned` (source
//! and cleaners), `chance` (random rankings), `lists` (ranked lists of a trial).
//!
//! A cache is never a reason to fail and never changes a result. An entry's key holds all that its content
//! depends on ([`keys`]), stands in the entry and is compared on reading; what is torn, damaged or foreign is
//! as good as absent and is removed. A folder that cannot be written is told of once.

pub(crate) mod bytes;
pub(crate) mod chance;
pub(crate) mod cleaned;
mod entry;
pub(crate) mod folder;
pub(crate) mod keys;
mod lists;
pub(crate) mod parts;
pub(crate) mod segments;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::records::{hex, temporary};
use crate::stages::prepare::Room;
use bytes::{Reader, Writer};
pub(crate) use lists::Fitted;

/// Names of stages are folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Parts of a log that several units prepare.
    Parts,
    /// Source and cleaners.
    Cleaned,
    /// What random rankings reach.
    Chance,
    /// Ranked lists of a trial on a fold.
    Lists,
}

impl Stage {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Parts, Self::Cleaned, Self::Chance, Self::Lists];

    /// Its folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Cleaned => "cleaned",
            Self::Chance => "chance",
            Self::Lists => "lists",
        }
    }
}

/// A cache, which may be off: then nothing is found and nothing is kept.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Option<PathBuf>,
    limit: u64,
    least: Duration,
    tell: fn(&str),
    /// What is kept in it.
    stages: &'static [Stage],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether writing failed once: it is not tried again.
    broken: bool,
    /// What all entries had when they were last counted.
    counted: Option<u64>,
    /// What this process has written since.
    since: u64,
}

impl Cache {
    /// What is computed faster is not kept, unless said otherwise.
    pub(crate) const LEAST_SECONDS: f64 = 0.2;

    /// A cache in a folder, which is made when something is kept; off without one. It has at most about
    /// so many bytes.
    pub(crate) fn open(folder: Option<PathBuf>, limit: u64) -> Self {
        Self {
            folder,
            limit,
            least: Duration::from_secs_f64(Self::LEAST_SECONDS),
            tell: |_| {},
            stages: &Stage::ALL,
            state: Mutex::default(),
        }
    }

    /// None.
    pub(crate) fn off() -> Self {
        Self::open(None, 0)
    }

    /// The same, keeping what took at least so long.
    #[must_use]
    pub(crate) fn keeping_from(self, least: Duration) -> Self {
        Self { least, ..self }
    }

    /// The same, for these stages alone.
    #[must_use]
    pub(crate) fn of_stages(self, stages: &'static [Stage]) -> Self {
        Self { stages, ..self }
    }

    /// The same, saying what people may want to know, a line at a time.
    #[must_use]
    pub(crate) fn telling(self, tell: fn(&str)) -> Self {
        Self { tell, ..self }
    }

    /// Where a log is put that is larger than so much memory while it is cleaned.
    pub(crate) fn room(&self, memory: Option<u64>) -> Room {
        let folder = self.folder.as_ref();
        let folder = folder.map(|folder| folder.join(folder::TEMPORARY));
        Room::new(memory, folder.unwrap_or_else(std::env::temp_dir), self.tell)
    }

    /// Where it is, if it is not off.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The folder that is used unless another is named: `musicrec-lab` in the platform's folder of caches.
    pub(crate) fn usual() -> Option<PathBuf> {
        use etcetera::BaseStrategy as _;
        let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
        Some(strategy.cache_dir().join("musicrec-lab"))
    }

    /// Whether what took so long to compute would be kept.
    pub(crate) fn wants(&self, stage: Stage, took: Duration) -> bool {
        self.folder.is_some() && self.keeps(stage) && took >= self.least && !self.state().broken
    }

    /// Whether something is kept of a stage under a key.
    pub(crate) fn has(&self, stage: Stage, key: &Value) -> bool {
        let place = self.place(stage, &key.to_string());
        place.is_some_and(|place| place.is_file())
    }

    /// Where a stage is kept, if it is kept at all.
    fn folder_of(&self, stage: Stage) -> Option<&Path> {
        self.folder.as_deref().filter(|_| self.keeps(stage))
    }

    fn place(&self, stage: Stage, key: &str) -> Option<PathBuf> {
        let folder = self.folder_of(stage)?;
        Some(folder::place(folder, stage.name(), &hex(key)))
    }

    /// Whether such a stage is kept at all.
    pub(crate) fn keeps(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    /// What is kept of a stage under a key. Whatever `take` reads wrongly is an error of it, never a
    /// panic; what it gives is used only if the whole entry is as it was written.
    pub(crate) fn get<T>(
        &self,
        stage: Stage,
        key: &Value,
        take: impl FnOnce(&mut Reader) -> io::Result<T>,
    ) -> Option<T> {
        self.get_open(stage, key, take).map(|(value, ..)| value)
    }

    /// The same, with the file and where in it begins what was read: it stays readable, even if somebody removes it.
    pub(crate) fn get_open<T>(
        &self,
        stage: Stage,
        key: &Value,
        take: impl FnOnce(&mut Reader) -> io::Result<T>,
    ) -> Option<(T, File, u64)> {
        let key = key.to_string();
        let path = self.place(stage, &key)?;
        // Where a file can be changed, its time of use can be on every platform.
        let both = File::options().read(true).write(true).open(&path);
        let mut file = both.or_else(|_| File::open(&path)).ok()?;
        if let Ok((value, begins)) = entry::read(&mut file, &key, take) {
            // Where that fails it only seems older than it is.
            let _ = file.set_modified(SystemTime::now());
            return Some((value, file, begins));
        }
        drop(file);
        // Where that fails it will be refused again.
        let _ = std::fs::remove_file(&path);
        None
    }

    /// Keeps what `fill` writes. Where that fails it is said once, and nothing more is kept.
    pub(crate) fn put(
        &self,
        stage: Stage,
        key: &Value,
        fill: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) {
        let Some(folder) = self.folder_of(stage) else {
            return;
        };
        if self.state().broken {
            return;
        }
        match self.keep(folder, stage, &key.to_string(), fill) {
            Ok(bytes) => self.count(folder, bytes),
            Err(error) => {
                if !std::mem::replace(&mut self.state().broken, true) {
                    (self.tell)(&format!(
                        "nothing can be kept in the cache {}: {error}; going on without (--cache DIR \
                         names another folder, --cache off none)",
                        folder.display()
                    ));
                }
            }
        }
    }

    fn keep(
        &self,
        folder: &Path,
        stage: Stage,
        key: &str,
        fill: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) -> io::Result<u64> {
        let path = folder::place(folder, stage.name(), &hex(key));
        let mut file = temporary(&folder::make(folder, &path)?)?;
        let bytes = entry::write(file.as_file_mut(), key, fill)?;
        if bytes > self.limit {
            return Ok(0);
        }
        match file.persist(&path) {
            // On some systems a file that is being read cannot be replaced; it is the same.
            Err(e) if !path.exists() => Err(e.error),
            _ => Ok(bytes),
        }
    }

    /// Keeps the limit. Counting looks at every entry, so it is done when this process may have gone
    /// beyond the limit, or has written a good part of it, for others write too.
    fn count(&self, folder: &Path, bytes: u64) {
        let mut state = self.state();
        state.since += bytes;
        let beyond = |counted: u64| counted + state.since > self.limit;
        if state.counted.is_none_or(beyond) || state.since > self.limit / 16 {
            let mut left = folder::shrink(folder, u64::MAX);
            if left > self.limit {
                // A little more, else every further entry would count anew.
                left = folder::shrink(folder, self.limit - self.limit / 10);
            }
            (state.counted, state.since) = (Some(left), 0);
        }
    }

    /// Says something.
    pub(crate) fn tell(&self, line: &str) {
        (self.tell)(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
