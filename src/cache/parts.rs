//! What units keep for each other that prepare a log together: rows that were read and divided, rows that were cleaned, and
//! an account of both.

use std::io;

use musicrec_api::{Cleaner, Error, Result};
use serde_json::{Value, json};

use super::bytes::{Reader, Writer};
use super::{Cache, Stage, keys};
use crate::experiment::Experiment;

/// Of which rows something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Rows of a piece of the source whose users are of a group.
    Divided { piece: usize, group: usize },
    /// The account of a piece, which is written last.
    Piece(usize),
    /// Rows of a group, cleaned, and the account of it.
    Group(usize),
}

/// What is kept for one alternative of the cleaners.
pub(crate) struct Parts<'c> {
    cache: &'c Cache,
    key: Value,
}

impl<'c> Parts<'c> {
    /// `None` without a cache, or if it cannot be told what the program is.
    pub(crate) fn of(
        experiment: &Experiment,
        cleaners: &[Box<dyn Cleaner>],
        data: &str,
        cache: &'c Cache,
    ) -> Option<Self> {
        let key = keys::cleaned(experiment, cleaners, data)?;
        cache.keeps(Stage::Parts).then_some(Self { cache, key })
    }

    fn key(&self, part: Part) -> Value {
        let part = match part {
            Part::Divided { piece, group } => json!({"piece": piece, "group": group}),
            Part::Piece(piece) => json!({ "piece": piece }),
            Part::Group(group) => json!({ "group": group }),
        };
        json!({"stage": "parts", "of": self.key, "part": part})
    }

    /// Whether it is there.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.cache.has(Stage::Parts, &self.key(part))
    }

    /// Keeps something.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(crate) fn put(
        &self,
        part: Part,
        fill: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) -> Result<()> {
        self.cache.put(Stage::Parts, &self.key(part), fill);
        if self.has(part) {
            return Ok(());
        }
        let folder = self.cache.folder().unwrap_or_else(|| "".as_ref());
        let what = format!("parts of the log could not be kept in {}", folder.display());
        Err(Error::io(what, io::Error::other("is there room?")))
    }

    /// Reads something that another unit has kept.
    ///
    /// # Errors
    /// If it is not there or damaged.
    pub(crate) fn get<T>(
        &self,
        part: Part,
        take: impl FnOnce(&mut Reader) -> io::Result<T>,
    ) -> Result<T> {
        self.cache.get(Stage::Parts, &self.key(part), take).ok_or_else(|| {
            Error::data(
                "a part of the log that another unit has read is gone or damaged; run the same command again, \
                 which makes it anew",
            )
        })
    }
}
