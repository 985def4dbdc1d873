//! Logs in files of JSON objects.

mod documents;
mod fields;
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
use crate::common::roles::{Advice, Given};
use crate::common::{Found, OfFiles, with_part};

const NAME: &str = "json_lines";

/// Reads a log from text files of JSON objects: one a line, or all in one array.
///
/// Which of the two a file is, its first character tells. Files packed with gzip or Zstandard are
/// recognized by their first bytes, whatever they are called, and unpacked on the way. A file is never
/// held whole, an array neither; an object may have 16 MiB. Empty lines are skipped.
///
/// A field becomes a column of text: a text as it is, numbers, `true` and `false` as they are written.
/// A field that is `null` or not there is a missing cell. Rows are counted from 1 over all files; one
/// that is dropped keeps its number.
///
/// ```toml
/// [source.json_lines]
/// path = "listens.jsonl.gz"
/// ```
///
/// Fields within others:
///
/// ```toml
/// [source.json_lines]
/// path = "listenbrainz/*.listens"
/// user = "user"
/// item = "track"
/// time = "time"
///
/// [source.json_lines.fields]
/// user = "user_name"
/// track = "track_metadata.track_name"
/// artist = "track_metadata.artist_name"
/// time = "listened_at"
/// ```
///
/// A history a person, whose name is in none of them:
///
/// ```toml
/// [source.json_lines]
/// files = { anna = "anna/Streaming_History_Audio_*.json", ben = "ben/Streaming_History_Audio_*.json" }
/// part_column = "user_id"
/// item = "spotify_track_uri"
/// time = "ts"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonLines {
    /// The file, relative to the folder of the definition, or a pattern for several, which are read by
    /// name: `*` stands for any text in a name, `?` for one character, `[0-9]` for one of several, `**`
    /// for any folders; a file that is really called so is read alone. Either this or `files` must be
    /// given.
    pub path: Option<String>,
    /// Several files, read in the order written, by the name of the part that each one is:
    /// `{ train = "a.jsonl", test = "b.jsonl" }`. The log gets a column more, which holds that name in
    /// each row. Patterns are allowed as in `path`.
    pub files: Named,
    /// Name of the column that `files` adds. Default `part`.
    pub part_column: String,
    /// The columns, each with the path of its field: the name of a field, or several with points
    /// between them for a field within others (`track_metadata.track_name`); a number stands for an
    /// entry of a list, counted from 0 (`artists.0`). Default: each field of the first object that
    /// holds neither an object nor a list, by its own name.
    pub fields: Named,
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
    /// What to do with lines or entries that are no object, or hold an object or a list in a field that
    /// is a column. Default `error`.
    pub bad_rows: BadRows,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self {
            path: None,
            files: Named::default(),
            part_column: "part".to_owned(),
            fields: Named::default(),
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

#[typetag::serde(name = "json_lines")]
impl Source for JsonLines {
    fn fingerprint(&self, context: &SourceContext) -> Result<String> {
        self.print(context.base)
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
        self.named(context.base)
    }

    fn parts(&self, context: &SourceContext) -> Option<Roles> {
        OfFiles::parts(self, context.base)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        self.problems(context.base)
    }
}

register!(Source, JsonLines, "json_lines", revision = 1);

impl OfFiles for JsonLines {
    fn inputs(&self, base: &Path) -> Result<Vec<Input>, Fault> {
        files::inputs(NAME, self.path.as_deref(), &self.files, base)
    }

    fn look_at(&self, input: &Input) -> Found {
        let names = match self.fields.0.as_slice() {
            [] => reader::first_fields(input),
            given => {
                let first = match self.bad_rows {
                    BadRows::Error => reader::first_fields(input).map(|_| ()),
                    BadRows::Drop => reader::has_any(input),
                };
                first.map(|()| given.iter().map(|(name, _)| name.clone()).collect())
            }
        };
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
            Advice::Also(format!(
                ", or make one of a field with `source.json_lines.fields.{name} = \"…\"`"
            ))
        })
    }

    fn contradictions(&self) -> Vec<Fault> {
        fields::contradictions(&self.fields)
    }

    fn names_in_each(&self) -> bool {
        false
    }
}
