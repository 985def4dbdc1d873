//! Logs in text files of rows and columns.

mod columns;
mod fault;
mod input;
mod interner;
mod parameters;
mod reader;
#[cfg(test)]
mod tests;

use std::path::Path;

use musicrec_api::{
    CheckContext, Error, Ledger, Log, Problem, Result, Source, SourceContext, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use columns::differ;
use fault::Fault;
use input::Input;
pub use parameters::{BadRows, Delimiter, Files};

/// Reads a log from text files of rows and columns: comma-separated, tab-separated and the like.
///
/// Files packed with gzip or Zstandard are recognized by their first bytes, whatever they are
/// called, and unpacked on the way. Text must be UTF-8. Cells may be enclosed in `"`, with `""`
/// for a quote within. Empty lines are skipped, a byte order mark too. Every cell is taken as it
/// stands, spaces included: trimming and parsing are the cleaners' work.
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
    /// The file, relative to the folder of the definition. Either this or `files` must be given.
    pub path: Option<String>,
    /// Several files with the same columns, read in the order written, by the name of the part
    /// that each one is: `{ train = "a.tsv", test = "b.tsv" }`. The log gets a column more, which
    /// holds that name in each row.
    pub files: Files,
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
    /// What to do with rows that have more or fewer cells than there are columns, or bytes that
    /// are not UTF-8 text. Default `error`.
    pub bad_rows: BadRows,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            path: None,
            files: Files::default(),
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
        let inputs = self.inputs(context.base)?;
        // Columns are looked at before the bytes are hashed: a wrong name must not cost a minute.
        for input in &inputs {
            let names = self.names(input)?;
            self.roles(&names, input).map_err(first)?;
        }
        if self.path.is_some() {
            return Ok(format!("sha256:{}", inputs[0].sha256()?));
        }
        let mut hash = Sha256::new();
        for input in &inputs {
            let part = input.part.as_deref().unwrap_or_default();
            hash.update(format!("{part}\0{}\n", input.sha256()?));
        }
        Ok(format!("sha256:{}", input::hex(&hash.finalize())))
    }

    fn read(
        &self,
        context: &SourceContext,
        ledger: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()> {
        reader::read(self, &self.inputs(context.base)?, ledger, sink)
    }

    fn columns(&self, context: &SourceContext) -> Option<Vec<String>> {
        self.names(self.inputs(context.base).ok()?.first()?).ok()
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let faults = self.contradictions();
        let mut problems: Vec<Problem> = faults.into_iter().map(Problem::from).collect();
        let (inputs, fault) = match self.inputs(context.base) {
            Ok(inputs) => (inputs, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        problems.extend(fault.map(Problem::from));
        let mut first: Option<(&Input, Vec<String>)> = None;
        for input in &inputs {
            let (names, mut faults) = self.look_at(input);
            match (names, &first) {
                (None, _) => {}
                (Some(names), None) => {
                    faults.extend(self.roles(&names, input).err().into_iter().flatten());
                    first = Some((input, names));
                }
                (Some(names), Some((first, of))) => {
                    if faults.is_empty() && names != *of {
                        faults.push(differ(&names, input, of, first));
                    }
                }
            }
            for problem in faults.into_iter().map(Problem::from) {
                // What is wrong with `columns` or `header` is wrong for each file, and said once.
                let said = |p: &Problem| {
                    *p == problem
                        || p.parameter == problem.parameter && p.parameter != input.parameter
                };
                if !problems.iter().any(said) {
                    problems.push(problem);
                }
            }
        }
        problems
    }
}

register!(Source, Csv, "csv", revision = 1);

impl Csv {
    fn inputs(&self, base: &Path) -> Result<Vec<Input>, Fault> {
        let input = |path: &str, parameter: String, part| Input {
            path: base.join(path),
            parameter,
            part,
        };
        match (&self.path, self.files.0.is_empty()) {
            (Some(path), true) => Ok(vec![input(path, "path".to_owned(), None)]),
            (None, false) => Ok(self
                .files
                .0
                .iter()
                .map(|(part, path)| input(path, format!("files.{part}"), Some(part.clone())))
                .collect()),
            (None, true) => Err(Fault::definition(
                "",
                "the source `csv` needs a file",
                "set `source.csv.path = \"listens.csv\"`, or `source.csv.files = { train = \
                 \"a.csv\", test = \"b.csv\" }` for several",
            )),
            (Some(_), false) => Err(Fault::definition(
                "files",
                "both `source.csv.path` and `source.csv.files` are given",
                "remove one of them",
            )),
        }
    }
}

/// The error of the first of several faults.
fn first(faults: Vec<Fault>) -> Error {
    let first = faults.into_iter().next();
    first.expect("there is a fault").into()
}
