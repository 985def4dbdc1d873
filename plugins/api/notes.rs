//! What a fit has to say besides its result.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Something that a fit said: kept in the trial's record, whether it succeeds or fails, and never part of
/// its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is: `stderr`, say.
    pub what: String,
    /// What was said.
    pub text: String,
}

/// Collects notes. The lab makes one a trial and gives it by
/// [`FitContext::with_notes`](crate::FitContext::with_notes).
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Note>>);

impl Notes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of them so far, in the order they were made.
    pub fn all(&self) -> Vec<Note> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.clone()
    }

    pub(crate) fn add(&self, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
    }
}
