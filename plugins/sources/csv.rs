//! Logs in text files of rows and columns.

mod columns;
mod delimiter;
mod reader;
#[cfg(test)]
mod tests;

use std::path::Path;

use musicrec_api::{
    CheckContext, Ledger, Log, Problem, Result, Roles, Source, SourceContext, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::fault::Fault;
use crate::common::files;
use crate::common::input::Input;
use crate::common::parameters::{BadRows, Named};
use crate::common::roles::Given;
use crate::common::{Found, OfFiles};
pub use delimiter::Delimiter;

const NAME: &str = "csv";

/// Reads a log from text files of rows and columns: comma-separated, tab-separated and the like.
///
/// Files packed with gzip or Zstandard are recognized by their first bytes, whatever they are
/// called, and unpacked on the way. Text must be UTF-8. Cells may be enclosed in `"`, with `""`
/// for a quote within. Empty lines are skipped, a byte order mark too. Every cell is taken as it
/// stands, spaces included: trimming and parsing are the cleaners' work. A row may have 16 MiB, and
/// 65,536 columns.
///
/// A quote that is never closed takes the lines behind it for a part of its cell. So a cell of several
/// lines that look like rows is not believed: such a row is a bad one.
///
/// Rows are counted from 1 without the header, over all files; a row that is dropped keeps its
/// number.
///
/// ```toml
/// [source.csv]
/// path = "listens.csv.gz"
/// ```
///
/// Tab-separated, without a header and without times:
///
/// ```toml
/// [source.csv]
/// path = "lastfm/plays.tsv"
/// delimiter = "\t"
/// header = false
/// columns = ["user", "artist", "plays"]
/// user = "user"
/// item = "artist"
/// plays = "plays"
/// ```
///
/// A file for each month:
///
/// ```toml
/// [source.csv]
/// path = "logs/2025-*.csv.gz"
/// ```
///
/// A published split, for the splitter `given`:
///
/// ```toml
/// [source.csv]
/// files = { train = "train.tsv.gz", test = "test.tsv.gz" }
/// delimiter = "\t"
/// header = false
/// columns = ["user_id", "song_id"]
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Csv {
    /// The file, relative to the folder of the definition, or a pattern for several with the same
    /// columns, which are read by name: `*` stands for any text in a name, `?` for one character,
    /// `[0-9]` for one of several, `**` for any folders; a file that is really called so is read
    /// alone. Either this or `files` must be given.
    pub path: Option<String>,
    /// Several files with the same columns, read in the order written, by the name of the part
    /// that each one is: `{ train = "a.tsv", test = "b.tsv" }`. The log gets a column more, which
    /// holds that name in each row. Patterns are allowed as in `path`.
    pub files: Named,
    /// Name of the column that `files` adds. Default `part`.
    pub part_column: String,
    /// What separates cells, one ASCII character. Default `,`; a tab is written `"\t"`.
    pub delimiter: Delimiter,
    /// Whether `"` encloses cells. Default true; false for files in which it is a character like
    /// any other, as in many tab-separated ones.
    pub quotes: bool,
    /// Whether the first line of each file names the columns. Default true.
    pub header: bool,
    /// Names of the columns of files without a header (`header = false`), in their order.
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
    /// What to do with rows that have more or fewer cells than there are columns, bytes that are not
    /// UTF-8 text, or a quote that is closed many rows later. Default `error`.
    pub bad_rows: BadRows,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            path: None,
            files: Named::default(),
            part_column: "part".to_owned(),
            delimiter: Delimiter::default(),
            quotes: true,
            header: true,
            columns: Vec::new(),
            user: None,
            item: None,
            time: None,
            event: None,
            plays: None,
            seconds: None,
            bad_rows: BadRows::default(),
        }
    }
}

#[typetag::serde(name = "csv")]
impl Source for Csv {
    fn fingerprint(&self, context: &SourceContext) -> Result<String> {
        self.print(context.base)
    }

    fn read(
        &self,
        context: &SourceContext,
        ledger: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()> {
        let inputs = self.inputs(context.base)?;
        reader::read(self, &inputs, 0..inputs.len(), ledger, sink).map(drop)
    }

    fn pieces(&self, context: &SourceContext) -> Result<usize> {
        self.count(context.base)
    }

    fn read_piece(
        &self,
        context: &SourceContext,
        piece: usize,
        ledger: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<u64> {
        let (inputs, wanted) = self.piece(context.base, piece)?;
        reader::read(self, &inputs, wanted, ledger, sink)
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

register!(Source, Csv, "csv", revision = 1);

impl Csv {
    /// The cells of the first line of the first file, whether it is a header or a row; none if the
    /// file holds nothing but empty lines.
    pub fn first_line(&self, base: &Path) -> Result<Vec<String>> {
        let first = reader::first(self, &self.inputs(base)?[0])?;
        let cells = first.iter().map(String::from_utf8_lossy);
        Ok(cells.map(std::borrow::Cow::into_owned).collect())
    }
}

impl OfFiles for Csv {
    fn inputs(&self, base: &Path) -> Result<Vec<Input>, Fault> {
        files::inputs(NAME, self.path.as_deref(), &self.files, base)
    }

    fn look_at(&self, input: &Input) -> Found {
        match reader::first(self, input) {
            Ok(first) => self.columns_in(&first, input),
            Err(fault) => Err(fault).into(),
        }
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
        given.roles(names, input, |name| self.why_absent(name, names))
    }

    fn contradictions(&self) -> Vec<Fault> {
        self.contradicting_columns()
    }
}
