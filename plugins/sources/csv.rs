//! Logs in text files of rows and columns.

mod input;
mod interner;
mod parameters;
mod reader;
#[cfg(test)]
mod tests;

use musicrec_api::{Error, Ledger, Log, Result, Roles, Source, SourceContext, nearest, register};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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
        let inputs = self.inputs(context)?;
        // Columns are looked at before the bytes are hashed: a wrong name must not cost a minute.
        for input in &inputs {
            self.roles(&self.names(input)?, input)?;
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
        reader::read(self, &self.inputs(context)?, ledger, sink)
    }
}

register!(Source, Csv, "csv", revision = 1);

impl Csv {
    fn inputs(&self, context: &SourceContext) -> Result<Vec<Input>> {
        let input = |path: &str, key: String, part| Input {
            path: context.base.join(path),
            key,
            part,
        };
        match (&self.path, self.files.0.is_empty()) {
            (Some(path), true) => Ok(vec![input(path, "source.csv.path".to_owned(), None)]),
            (None, false) => Ok(self
                .files
                .0
                .iter()
                .map(|(part, path)| {
                    let key = format!("source.csv.files.{part}");
                    input(path, key, Some(part.clone()))
                })
                .collect()),
            (None, true) => Err(Error::definition(
                "the source `csv` needs a file: set `source.csv.path = \"listens.csv\"`, or \
                 `source.csv.files = { train = \"a.csv\", test = \"b.csv\" }` for several",
            )),
            (Some(_), false) => Err(Error::definition(
                "both `source.csv.path` and `source.csv.files` are given; remove one of them",
            )),
        }
    }

    /// The columns of a file, in their order.
    fn names(&self, input: &Input) -> Result<Vec<String>> {
        let mut rows = reader::rows(self, input)?;
        let mut first = ::csv::ByteRecord::new();
        reader::next(&mut rows, &mut first, input)?;
        self.names_from(&first, input)
    }

    /// The columns, given the first line of the file.
    fn names_from(&self, first: &::csv::ByteRecord, input: &Input) -> Result<Vec<String>> {
        let shown = input.shown();
        if first.is_empty() {
            return Err(Error::data(format!(
                "{shown} holds nothing but empty lines; set `{}` to a file with rows",
                input.key
            )));
        }
        if self.header && !self.columns.is_empty() {
            return Err(Error::definition(
                "`source.csv.columns` names the columns of a file without a header; remove it, or \
                 set `source.csv.header = false` if the first line is a row already",
            ));
        }
        let mut names = self.columns.clone();
        if self.header {
            names = Vec::with_capacity(first.len());
            for (at, name) in first.iter().enumerate() {
                let name = std::str::from_utf8(name).map_err(|_| {
                    Error::data(format!(
                        "{shown}: the header is not UTF-8; convert the file (iconv -f LATIN1 -t \
                         UTF-8), or set `source.csv.header = false` if it has none"
                    ))
                })?;
                names.push(match name.trim() {
                    // Some tools write an index column without a name.
                    "" => format!("column_{}", at + 1),
                    name => name.to_owned(),
                });
            }
        } else if names.is_empty() {
            return Err(Error::definition(format!(
                "a file without a header needs names: {shown} has {} columns (the first row is {}); \
                 set `source.csv.columns = [\"user_id\", \"song_id\", …]`",
                first.len(),
                reader::shown(first, ", ")
            )));
        } else if names.len() != first.len() {
            return Err(Error::definition(format!(
                "`source.csv.columns` has {} names, but the first row of {shown} has {} cells ({}); \
                 name each column once{}",
                names.len(),
                first.len(),
                reader::shown(first, ", "),
                self.delimiter_hint(first)
            )));
        }
        if input.part.is_some() {
            names.push(self.part_column.clone());
        }
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(self.twice(name, input, at + 1 == names.len()));
            }
        }
        Ok(names)
    }

    fn twice(&self, name: &str, input: &Input, last: bool) -> Error {
        let shown = input.shown();
        if last && input.part.is_some() {
            return Error::definition(format!(
                "{shown} has a column `{name}` already, the name of the one that `source.csv.files` \
                 adds; set `source.csv.part_column` to another"
            ));
        }
        if self.header {
            return Error::data(format!(
                "{shown}: the header names the column `{name}` twice; rename one there, or, if the \
                 first line is a row already, set `source.csv.header = false` and \
                 `source.csv.columns`"
            ));
        }
        Error::definition(format!(
            "`source.csv.columns` names `{name}` twice; each column needs a name of its own"
        ))
    }

    /// Says so if a line that came out as one cell holds what usually separates cells.
    fn delimiter_hint(&self, first: &::csv::ByteRecord) -> &'static str {
        if first.len() != 1 {
            return "";
        }
        let held = [
            (
                b'\t',
                "; are cells separated by tabs? Set `source.csv.delimiter = \"\\t\"`",
            ),
            (
                b';',
                "; are cells separated by semicolons? Set `source.csv.delimiter = \";\"`",
            ),
            (
                b'|',
                "; are cells separated by bars? Set `source.csv.delimiter = \"|\"`",
            ),
            (
                b',',
                "; are cells separated by commas? Set `source.csv.delimiter = \",\"`",
            ),
        ];
        held.iter()
            .find(|(byte, _)| *byte != self.delimiter.byte() && first[0].contains(byte))
            .map_or("", |(_, hint)| hint)
    }

    /// Which of a file's columns plays which part.
    fn roles(&self, names: &[String], input: &Input) -> Result<Roles> {
        let has = |name: &str| names.iter().any(|n| n == name);
        let absent = |key: &str, name: &str, given: bool| {
            let near = nearest(name, names.iter().map(String::as_str));
            let joined = names.join("\t");
            let line = ::csv::ByteRecord::from(vec![joined.as_bytes()]);
            let hint = match near {
                _ if names.len() == 1 && !self.delimiter_hint(&line).is_empty() => {
                    self.delimiter_hint(&line).to_owned()
                }
                Some(near) => format!("; set `source.csv.{key} = \"{near}\"` if that is the one"),
                None if given => format!("; correct `source.csv.{key}`"),
                None => format!(
                    "; name the column of each {key} with `source.csv.{key} = \"…\"`{}",
                    if self.header {
                        ", or, if the first line is a row already, set `source.csv.header = false` \
                         and `source.csv.columns`"
                    } else {
                        ""
                    }
                ),
            };
            Error::definition(format!(
                "{} has no column `{name}`; it has {}{hint}",
                input.shown(),
                names.join(", ")
            ))
        };
        let required = |key: &str, given: &Option<String>, default: &str| match given {
            Some(name) if has(name) => Ok(name.clone()),
            Some(name) => Err(absent(key, name, true)),
            None if has(default) => Ok(default.to_owned()),
            None => Err(absent(key, default, false)),
        };
        let optional = |key: &str, given: &Option<String>, default: &str| match given {
            None if !has(default) => Ok(None),
            given => required(key, given, default).map(Some),
        };
        let roles = Roles {
            user: required("user", &self.user, "user_id")?,
            item: required("item", &self.item, "song_id")?,
            time: optional("time", &self.time, "timestamp")?,
            event: optional("event", &self.event, "event_type")?,
            plays: optional("plays", &self.plays, "play_count")?,
            seconds: optional("seconds", &self.seconds, "listen_seconds")?,
        };
        let taken = [
            ("user", Some(&roles.user)),
            ("item", Some(&roles.item)),
            ("time", roles.time.as_ref()),
            ("event", roles.event.as_ref()),
            ("plays", roles.plays.as_ref()),
            ("seconds", roles.seconds.as_ref()),
        ];
        for (at, (key, name)) in taken.iter().enumerate() {
            let earlier = taken[..at].iter().find(|(_, n)| n.is_some() && n == name);
            if let (Some((other, _)), Some(name)) = (earlier, name) {
                return Err(Error::definition(format!(
                    "`source.csv.{other}` and `source.csv.{key}` are both the column `{name}`; one \
                     of them must be another column"
                )));
            }
        }
        Ok(roles)
    }
}
