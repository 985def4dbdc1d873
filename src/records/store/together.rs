//! Several processes in one folder: who is there, who repairs, and what only one may do at a time.
//!
//! Every sweep holds `sweep.lock` together with the others for as long as it works here. Who gets it
//! alone is the first and may repair what others left. Joining, setting aside and deciding what the
//! folder is about happen one process at a time, under `running/opening.lock`.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::claims::Held;
use super::locks::{Lock, is_held, try_exclusive, wait_exclusive, wait_shared};
use super::{RUNNING, Store};
use crate::exit::Failure;
use crate::records::{host, now};

/// The lock that all sweeps of a folder share.
const SWEEP_LOCK: &str = "sweep.lock";

/// The short lock of what is done one at a time.
pub(super) const OPENING_LOCK: &str = "opening.lock";

/// How long who comes waits for processes that are about to end.
const MOMENT: Duration = Duration::from_secs(1);

/// That a process works in a folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    /// What the user should know: who else is here, what was repaired.
    pub(crate) says: Vec<String>,
    mine: Option<Held>,
    _lock: Option<File>,
}

/// That a process works for another that is in a folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Assistance {
    _lock: Lock,
}

/// A process that works in a folder, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Worker {
    pub(crate) pid: u32,
    pub(crate) host: String,
    /// When it began to work here, UTC.
    pub(crate) since: String,
    pub(crate) command: String,
}

impl Worker {
    fn this(command: &str) -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            since: now(),
            command: command.to_owned(),
        }
    }

    /// Whether it is what an engine runs elsewhere.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.pid == 0
    }

    /// What an engine runs elsewhere: no process of this machine.
    pub(crate) fn elsewhere(engine: &str, since: &str, words: String) -> Self {
        Self {
            pid: 0,
            host: engine.to_owned(),
            since: since.to_owned(),
            command: words,
        }
    }

    /// One that holds its file and has not written what it says yet: only its name tells something.
    fn begins(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pid = name.split('.').next().and_then(|pid| pid.parse().ok());
        Self {
            pid: pid.unwrap_or(0),
            host: "this machine".to_owned(),
            since: now(),
            command: String::new(),
        }
    }

    fn text(&self) -> String {
        format!(
            "process {} on {}, since {}, `{}`",
            self.pid, self.host, self.since, self.command
        )
    }
}

impl Store {
    /// Begins to work in this folder, which is made if it is not there. Whoever is alone repairs
    /// what is damaged.
    pub(crate) fn join(&self, command: &str) -> Result<Presence, Failure> {
        self.exclusively(|| {
            self.create()?;
            let path = self.path(SWEEP_LOCK);
            let failed = |e: std::io::Error| Failure::output(path.display(), &e);
            let mut says = Vec::new();
            match self.alone(&path)? {
                Lock::Held(_) => says.extend(self.repair()?),
                Lock::Busy => says.push(format!(
                    "{} in {} too; each goes on with what has no record yet, and nothing is \
                     repaired meanwhile",
                    self.others()?,
                    self.folder.display()
                )),
                Lock::Unsupported => says.push(format!(
                    "the file system of {} has no locks: what is damaged is not repaired, and two \
                     sweeps there at once would not see each other; run one at a time",
                    self.folder.display()
                )),
            }
            // Nobody takes it alone in between, for that needs the lock of opening.
            let lock = match wait_shared(&path).map_err(failed)? {
                Lock::Held(file) => Some(file),
                Lock::Busy | Lock::Unsupported => None,
            };
            let mine = match lock {
                Some(_) => Some(self.register(&Worker::this(command))?),
                None => None,
            };
            Ok(Presence {
                says,
                mine,
                _lock: lock,
            })
        })
    }

    /// Takes the lock of the sweeps alone, if nobody is here. Workers of a sweep that was just killed end
    /// in a moment, which is waited for.
    fn alone(&self, path: &Path) -> Result<Lock, Failure> {
        let begun = Instant::now();
        loop {
            let lock = try_exclusive(path).map_err(|e| Failure::output(path.display(), &e))?;
            if !matches!(lock, Lock::Busy)
                || begun.elapsed() > MOMENT
                || !self.workers()?.is_empty()
            {
                return Ok(lock);
            }
            std::thread::sleep(MOMENT / 50);
        }
    }

    /// Keeps others from taking this folder for one where nobody works, without being somebody: for a
    /// process that works for one that has joined, and outlives it by a moment if that is killed.
    pub(crate) fn assist(&self) -> Result<Assistance, Failure> {
        self.exclusively(|| {
            let path = self.path(SWEEP_LOCK);
            let lock = wait_shared(&path).map_err(|e| Failure::output(path.display(), &e))?;
            Ok(Assistance { _lock: lock })
        })
    }

    /// Whether nobody but this process works here. Only within [`Store::exclusively`] it stays so.
    pub(crate) fn only(&self, here: &Presence) -> Result<bool, Failure> {
        let own = here.mine.as_ref().map(|mine| mine.path.clone());
        let others = self.workers()?.into_iter();
        Ok(others.map(|(path, _)| Some(path)).all(|path| path == own))
    }

    /// Does something while no other process does so, opens the folder or sets it aside. It must be
    /// short, and must not ask for the same again.
    pub(crate) fn exclusively<T>(
        &self,
        action: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let folder = self.path(RUNNING);
        let path = folder.join(OPENING_LOCK);
        let mut attempts = 0;
        let _lock = loop {
            let made = fs::create_dir_all(&folder).map_err(|e| (&folder, e));
            match made.and_then(|()| wait_exclusive(&path).map_err(|e| (&path, e))) {
                Ok(lock) => break lock,
                // Another process may just have set the folder aside: what this one has made, or
                // found there, is gone in the middle of making or opening what lies in it.
                Err((_, e)) if attempts < 100 && vanished(&e) => attempts += 1,
                Err((path, e)) => return Err(Failure::output(path.display(), &e)),
            }
        };
        action()
    }

    /// Moves everything to `<folder>.old-<n>` and returns that path, if there was anything. Refused
    /// while a sweep works there.
    pub(crate) fn set_aside(&self) -> Result<Option<PathBuf>, Failure> {
        if !self.folder.exists() {
            return Ok(None);
        }
        self.exclusively(|| {
            let path = self.path(SWEEP_LOCK);
            match self.alone(&path)? {
                Lock::Busy => Err(Failure::Changed(format!(
                    "{} in {}, so it cannot be set aside; wait until it has ended, stop it, or name \
                     another place with --out",
                    self.others()?,
                    self.folder.display()
                ))),
                Lock::Held(_) | Lock::Unsupported => self.rename().map(Some),
            }
        })
    }

    fn rename(&self) -> Result<PathBuf, Failure> {
        let mut name = self.folder.file_name().unwrap_or_default().to_owned();
        name.push(".old-");
        let free = (1..=u32::MAX)
            .map(|n: u32| {
                let mut name = name.clone();
                name.push(n.to_string());
                self.folder.with_file_name(name)
            })
            .find(|path| !path.exists())
            .expect("fewer than four billion folders are set aside");
        fs::rename(&self.folder, &free).map_err(|e| Failure::output(free.display(), &e))?;
        Ok(free)
    }

    /// Says that this process is here, in a file that it holds.
    fn register(&self, worker: &Worker) -> Result<Held, Failure> {
        let name = self.free(RUNNING, &worker.pid.to_string(), "json")?;
        let path = self.path(&name);
        let text = serde_json::to_string(worker).expect("plain data");
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|file| {
                let mut held = Held {
                    file,
                    path: path.clone(),
                };
                held.file.lock()?;
                held.file.write_all(text.as_bytes())?;
                Ok(held)
            })
            .map_err(|e| Failure::output(path.display(), &e))
    }

    /// Who is here, by file, as far as they tell.
    fn workers(&self) -> Result<Vec<(PathBuf, Option<Worker>)>, Failure> {
        let mut workers = Vec::new();
        for id in self.ids(RUNNING)? {
            let name = format!("{RUNNING}/{id}.json");
            let path = self.path(&name);
            if File::open(&path).is_ok_and(|file| is_held(&file)) {
                workers.push((path, self.read(&name).ok().flatten()));
            }
        }
        Ok(workers)
    }

    /// Who works here now, for who only looks. Nobody is disturbed: the lock of such a file is only ever
    /// wanted by its owner, who waits for it, and by others who look.
    pub(crate) fn working(&self) -> Vec<Worker> {
        let workers = self.workers().unwrap_or_default().into_iter();
        let mut workers: Vec<Worker> = workers
            .map(|(path, worker)| worker.unwrap_or_else(|| Worker::begins(&path)))
            .collect();
        workers.sort_by(|a, b| a.since.cmp(&b.since).then(a.pid.cmp(&b.pid)));
        workers
    }

    /// Who is here before this process is, in words.
    fn others(&self) -> Result<String, Failure> {
        let workers = self.workers()?.into_iter();
        Ok(in_words(workers.filter_map(|(_, worker)| worker)))
    }

    /// Who is here beside this process, in words.
    pub(crate) fn beside(&self) -> Result<String, Failure> {
        let workers = self.workers()?.into_iter();
        let others = workers.filter_map(|(_, worker)| worker);
        Ok(in_words(others.filter(|w| w.pid != std::process::id())))
    }
}

fn in_words(workers: impl Iterator<Item = Worker>) -> String {
    let texts: Vec<String> = workers.map(|worker| worker.text()).collect();
    match &texts[..] {
        [] => "another sweep works".into(),
        [one] => format!("another sweep ({one}) works"),
        several => format!("other sweeps ({}) work", several.join("; ")),
    }
}

/// Whether an error is what making a folder, or a file in it, meets while somebody renames that folder.
fn vanished(error: &std::io::Error) -> bool {
    // `create_dir_all` returns "already exists" if what was in its way is gone when it looks what it is.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::Store;
    use super::super::samples::store;

    #[test]
    fn the_first_repairs_and_the_second_sees_the_first() {
        let (_folder, store) = store();
        std::fs::write(store.path("records/.part-x"), "{").unwrap();
        let first = store.join("the first").unwrap();
        assert_eq!(first.says.len(), 1, "{:?}", first.says);
        assert!(!store.path("records/.part-x").exists());
        std::fs::write(store.path("records/.part-y"), "{").unwrap();
        // What a killed sweep left is nobody.
        std::fs::write(store.path("running/1.1.json"), "{}").unwrap();
        let other = Store::new(store.folder().to_owned());
        let second = other.join("the second").unwrap();
        let [says] = &second.says[..] else {
            panic!("{:?}", second.says)
        };
        let pid = std::process::id();
        assert!(says.starts_with(&format!("another sweep (process {pid} on ")));
        assert!(says.contains("`the first`"), "{says}");
        // It may be the first one's.
        assert!(store.path("records/.part-y").exists());
        assert!(!store.only(&first).unwrap() && !other.only(&second).unwrap());
        let third = store.join("the third").unwrap();
        let says = &third.says[0];
        assert!(
            says.contains("`the first`; process") && says.contains("`the second`"),
            "{says}"
        );
        drop((first, third));
        assert!(!store.join("").unwrap().says[0].contains("the first"));
        assert!(other.only(&second).unwrap());
        drop(second);
        let alone = store.join("").unwrap();
        assert!(!store.path("records/.part-y").exists());
        assert!(!alone.says.iter().any(|says| says.contains("sweep (")));
        drop(alone);
        assert_eq!(store.names("running").unwrap(), ["opening.lock"]);
    }

    #[test]
    fn who_assists_is_nobody_but_keeps_the_folder_from_being_repaired() {
        let (_folder, store) = store();
        let first = store.join("the first").unwrap();
        let assistance = store.assist().unwrap();
        drop(first);
        std::fs::write(store.path("records/.part-x"), "{").unwrap();
        let second = store.join("the second").unwrap();
        assert!(second.says[0].starts_with("another sweep works"));
        assert!(store.path("records/.part-x").exists());
        drop((assistance, second));
        drop(store.join("the third").unwrap());
        assert!(!store.path("records/.part-x").exists());
    }

    #[test]
    fn a_folder_is_set_aside_under_a_free_name_unless_somebody_works_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("x"));
        assert_eq!(store.set_aside().unwrap(), None);
        for expected in ["x.old-1", "x.old-2"] {
            let there = store.join("one").unwrap();
            let error = store.set_aside().unwrap_err();
            assert!(matches!(error, crate::exit::Failure::Changed(_)));
            let message = error.message();
            assert!(
                message.contains("`one`") && message.contains("--out"),
                "{message}"
            );
            drop(there);
            let aside = store.set_aside().unwrap().unwrap();
            assert!(aside.ends_with(expected), "{}", aside.display());
            assert!(!store.folder().exists());
        }
    }

    #[test]
    fn one_at_a_time_also_while_the_folder_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let inside = AtomicUsize::new(0);
        let path = folder.path().join("x");
        std::thread::scope(|scope| {
            for who in 0..4 {
                let (path, inside) = (&path, &inside);
                scope.spawn(move || {
                    for turn in 0..300 {
                        let store = Store::new(path.clone());
                        if (who + turn) % 3 == 0 {
                            // Refused or not: nobody is disturbed.
                            let _ = store.set_aside();
                            continue;
                        }
                        let marker = store.path("marker");
                        store
                            .exclusively(|| {
                                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                                std::fs::write(&marker, "").unwrap();
                                std::thread::yield_now();
                                assert!(marker.exists(), "set aside meanwhile");
                                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                                Ok(())
                            })
                            .unwrap();
                    }
                });
            }
        });
    }
}
