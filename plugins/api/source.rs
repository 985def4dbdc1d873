//! Where logs come from.

use std::fmt::Debug;
use std::path::Path;

use crate::{CheckContext, Ledger, Log, Problem, Result, Roles};

/// What a source is told besides its own parameters.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SourceContext<'a> {
    /// Relative paths of the definition are relative to this folder.
    pub base: &'a Path,
    /// Seed for sources that make their log.
    pub seed: u64,
}

impl<'a> SourceContext<'a> {
    /// A context for the folder and seed given.
    pub fn new(base: &'a Path, seed: u64) -> Self {
        Self { base, seed }
    }
}

/// Reads or makes a log, in chunks, because a log may be larger than memory.
#[typetag::serde]
pub trait Source: Debug + Send + Sync {
    /// Names the content: a hash that changes whenever the rows do (of the bytes of a file, or of
    /// all that a generator depends on). Part of every trial's id. Also fails early, with the
    /// remedy, when the source cannot be read at all.
    fn fingerprint(&self, context: &SourceContext) -> Result<String>;

    /// Gives the rows to `sink`, chunk after chunk with ascending row numbers. Rows that the
    /// definition allows to drop (ragged ones, say) are booked in the ledger; anything else that
    /// cannot be read is an error with its file and row. A log without any row is an error too.
    fn read(
        &self,
        context: &SourceContext,
        ledger: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()>;

    /// How many pieces it has that can be read by themselves, on different machines even: files, say. One unless the
    /// source says otherwise.
    fn pieces(&self, context: &SourceContext) -> Result<usize> {
        let _ = context;
        Ok(1)
    }

    /// Reads a piece, from 0, whose rows are numbered from 1, and gives how many numbers it has taken, those of dropped
    /// rows included. All pieces in their order, each numbered on from the one before, are what [`Source::read`] gives.
    fn read_piece(
        &self,
        context: &SourceContext,
        piece: usize,
        ledger: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<u64> {
        debug_assert_eq!(piece, 0, "there is one piece");
        let mut last = 0;
        self.read(context, ledger, &mut |chunk| {
            if chunk.rows() > 0 {
                last = chunk.number(chunk.rows() - 1);
            }
            sink(chunk)
        })?;
        Ok(last)
    }

    /// The names of the log's columns, where they can be told without reading its rows (from a
    /// header, say). `None` also where the source cannot be opened: [`Source::check`] says that.
    fn columns(&self, context: &SourceContext) -> Option<Vec<String>> {
        let _ = context;
        None
    }

    /// Which of its columns plays which part, as the log will have it, where that can be told without reading
    /// rows. `None` unless the source says otherwise, and where something is wrong with it.
    fn parts(&self, context: &SourceContext) -> Option<Roles> {
        let _ = context;
        None
    }

    /// What is wrong with the parameters beyond their types: found before anything runs, all of it
    /// at once. Nothing unless the plugin says so.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let _ = context;
        Vec::new()
    }
}
