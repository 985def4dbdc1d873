//! What was found broken, and code that must not panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, Kind, Result};

/// Collects the broken promises of one plugin.
pub(super) struct Promises {
    subject: String,
    setting: String,
    broken: Vec<String>,
    refusal: Option<String>,
}

impl Promises {
    pub(super) fn of(kind: Kind, name: &str) -> Self {
        Self {
            subject: format!("{}.{name}", kind.key()),
            setting: String::new(),
            broken: Vec::new(),
            refusal: None,
        }
    }

    /// What follows is about the plugin with these parameters.
    pub(super) fn with(&mut self, setting: &str) {
        setting.clone_into(&mut self.setting);
    }

    /// Books a broken promise unless it holds.
    pub(super) fn that(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if holds {
            return;
        }
        let what = what();
        let setting = match self.setting.as_str() {
            "" => String::new(),
            setting => format!(" with {setting}"),
        };
        let line = format!("{}{setting}: {what}", self.subject);
        if !self.broken.contains(&line) {
            self.broken.push(line);
        }
    }

    /// Runs code of the plugin; a panic in it is a broken promise.
    pub(super) fn calm<T>(&mut self, doing: &str, run: impl FnOnce() -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(value) => Some(value),
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("without a message");
                self.that(false, || {
                    format!("{doing}: it panics ({text}); where it can fail, it returns an Error that says what to do")
                });
                None
            }
        }
    }

    /// Like [`Promises::calm`] for code that may refuse: an error must say something.
    pub(super) fn fallible<T>(
        &mut self,
        doing: &str,
        run: impl FnOnce() -> Result<T>,
    ) -> Option<T> {
        match self.calm(doing, run)? {
            Ok(value) => Some(value),
            Err(error) => {
                let text = error.to_string();
                self.that(text.trim().chars().count() >= 10, || {
                    format!("{doing}: its error `{text}` does not say what is wrong")
                });
                self.that(!matches!(error, Error::Cancelled), || {
                    format!("{doing}: it says that it was cancelled, but nobody asked it to stop")
                });
                self.refusal.get_or_insert(text);
                None
            }
        }
    }

    /// The first error that the plugin gave, for a message.
    pub(super) fn refusal(&self) -> String {
        match &self.refusal {
            Some(text) => format!(" (it says: {text})"),
            None => String::new(),
        }
    }

    pub(super) fn broken(self) -> Vec<String> {
        self.broken
    }
}

/// Runs code on a pool of so many threads.
pub(super) fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a machine has a few threads")
        .install(run)
}

/// The numbers of threads that must make no difference.
pub(super) const THREADS: [usize; 3] = [1, 2, 3];
