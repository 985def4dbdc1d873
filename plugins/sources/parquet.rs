//! Logs in Parquet files.

mod file;
mod pages;
mod reader;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use musicrec_api::{
    CheckContext, Ledger, Log, Problem, Result, Roles, Source, SourceContext, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::fault::Fault;
use crate::common::files;
use crate::common::input::Input;
use crate::common::parameters::Named;
use crate::common::roles::{Advice, Given};
use crate::common::{Found, OfFiles, twice, with_part};

const NAME: &str = "parquet";

/// Reads a log from Parquet files.
///
/// Only the columns that are wanted are read, one row group after the other. Pages may be packed with
/// Snappy, gzip or Zstandard. Texts, whole numbers, decimals, flags and UUIDs become text as one would
/// write them, so that an id is never rounded; fractional numbers too. In the columns of plays and seconds numbers stay
/// numbers. Timestamps and dates become times, and need no `parse_timestamps`: one without a zone is
/// taken for UTC, fractions of a second are cut off. A null is a missing cell, and so is a number that is
/// not one (NaN). Columns with columns or lists in them cannot be read.
///
/// Rows are counted from 1 over all files.
///
/// ```toml
/// [source.parquet]
/// path = "listens.parquet"
/// ```
///
/// A folder of files, of which some columns are read:
///
/// ```toml
/// [source.parquet]
/// path = "plays/part-*.parquet"
/// columns = ["listener", "track", "at"]
/// user = "listener"
/// item = "track"
/// time = "at"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Parquet {
    /// The file, relative to the folder of the definition, or a pattern for several with the same
    /// columns, which are read by name: `*` stands for any text in a name, `?` for one character,
    /// `[0-9]` for one of several, `**` for any folders; a file that is really called so is read
    /// alone. Either this or `files` must be given.
    pub path: Option<String>,
    /// Several files with the same columns, read in the order written, by the name of the part
    /// that each one is: `{ train = "a.parquet", test = "b.parquet" }`. The log gets a column more, which
    /// holds that name in each row. Patterns are allowed as in `path`.
    pub files: Named,
    /// Name of the column that `files` adds. Default `part`.
    pub part_column: String,
    /// The columns to read. Default: all, in their order.
    pub columns: Vec<String>,
    /// The column that tells who listened. Default `user_id`.
    pub user: Option<String>,
    /// The column that tells what was listened to. Default `song_id`.
    pub item: Option<String>,
    /// The column that tells when. Default `timestamp` if there is such a column, else the log has
    /// no times.
    pub time: Option<String>,
    /// The column that tells what happened (play, like, skip). Default `event_type` if there is
    /// such a column.
    pub event: Option<String>,
    /// The column of how many plays a row stands for. Default `play_count` if there is such a
    /// column.
    pub plays: Option<String>,
    /// The column of how many seconds were listened. Default `listen_seconds` if there is such a
    /// column.
    pub seconds: Option<String>,
}

impl Default for Parquet {
    fn default() -> Self {
        Self {
            path: None,
            files: Named::default(),
            part_column: "part".to_owned(),
            columns: Vec::new(),
            user: None,
            item: None,
            time: None,
            event: None,
            plays: None,
            seconds: None,
        }
    }
}

#[typetag::serde(name = "parquet")]
impl Source for Parquet {
    fn fingerprint(&self, context: &SourceContext) -> Result<String> {
        self.print(context.base)
    }

    fn read(
        &self,
        context: &SourceContext,
        _: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()> {
        let inputs = self.inputs(context.base)?;
        reader::read(self, &inputs, 0..inputs.len(), sink).map(drop)
    }

    fn pieces(&self, context: &SourceContext) -> Result<usize> {
        self.count(context.base)
    }

    fn read_piece(
        &self,
        context: &SourceContext,
        piece: usize,
        _: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<u64> {
        let (inputs, wanted) = self.piece(context.base, piece)?;
        reader::read(self, &inputs, wanted, sink)
    }

    fn columns(&self, context: &SourceContext) -> Option<Vec<String>> {
        self.named(context.base)
    }

    fn parts(&self, context: &SourceContext) -> Option<Roles> {
        OfFiles::parts(self, context.base)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        self.problems(context.base)
    }
}

register!(Source, Parquet, "parquet", revision = 1);

impl OfFiles for Parquet {
    fn inputs(&self, base: &Path) -> Result<Vec<Input>, Fault> {
        files::inputs(NAME, self.path.as_deref(), &self.files, base)
    }

    fn look_at(&self, input: &Input) -> Found {
        let names = file::open(input).and_then(|file| {
            let wanted = file.wanted(&self.columns, input)?;
            Ok(wanted.into_iter().map(|column| column.name).collect())
        });
        with_part(names.into(), input, &self.part_column)
    }

    fn roles(&self, names: &[String], input: &Input) -> Result<Roles, Vec<Fault>> {
        let given = Given([
            self.user.as_deref(),
            self.item.as_deref(),
            self.time.as_deref(),
            self.event.as_deref(),
            self.plays.as_deref(),
            self.seconds.as_deref(),
        ]);
        given.roles(names, input, |name| {
            if self.columns.is_empty() {
                Advice::None
            } else {
                Advice::Also(format!(", or add `{name}` to `source.parquet.columns`"))
            }
        })
    }

    fn contradictions(&self) -> Vec<Fault> {
        let fault = |(at, name)| {
            Fault::definition(
                format!("columns.{at}"),
                format!("`source.parquet.columns` names `{name}` twice"),
                "name each column once",
            )
        };
        twice(&self.columns).into_iter().map(fault).collect()
    }
}
