//! Logs in files of JSON lines.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use musicrec_api::{
    Cells, CheckContext, Column, Error, Ledger, Log, Problem, Result, Roles, Source,
    SourceContext, Text, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Rows that are given to the lab at once: a log may be larger than memory.
const ROWS_A_CHUNK: usize = 100_000;

/// Reads a log from a file with a JSON object in each line, as exports and event streams have it.
///
/// Of each object the fields of user, item and time are read; what is missing or null is a missing
/// cell. Rows are the lines, counted from 1.
///
/// ```toml
/// [source.my_plugin]
/// path = "listens.jsonl"
/// item = "song_id"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MyPlugin {
    /// The file, relative to the folder of the definition.
    pub path: String,
    /// The field that tells who listened. Default `user_id`.
    #[serde(default = "user_id")]
    pub user: String,
    /// The field that tells what was listened to. Default `song_id`.
    #[serde(default = "song_id")]
    pub item: String,
    /// The field that tells when, in seconds since 1970 or as `2025-11-10T22:57:00Z`. Default
    /// `timestamp`.
    #[serde(default = "timestamp")]
    pub time: String,
}

fn user_id() -> String {
    "user_id".to_owned()
}

fn song_id() -> String {
    "song_id".to_owned()
}

fn timestamp() -> String {
    "timestamp".to_owned()
}

#[typetag::serde(name = "my_plugin")]
impl Source for MyPlugin {
    /// Names the content, so that records of other rows are not taken for records of these.
    fn fingerprint(&self, context: &SourceContext) -> Result<String> {
        let mut file = self.open(context)?;
        let mut hash = Sha256::new();
        loop {
            let bytes = file
                .fill_buf()
                .map_err(|e| Error::io(format!("cannot read {}", self.path), e))?;
            if bytes.is_empty() {
                break;
            }
            hash.update(bytes);
            let done = bytes.len();
            file.consume(done);
        }
        let digest: [u8; 32] = hash.finalize().into();
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn read(
        &self,
        context: &SourceContext,
        _: &mut Ledger,
        sink: &mut dyn FnMut(Log) -> Result<()>,
    ) -> Result<()> {
        let mut rows = Vec::new();
        let mut first = 1;
        for line in self.open(context)?.lines() {
            let number = first + rows.len() as u64;
            let line = line.map_err(|e| Error::io(format!("{}, line {number}", self.path), e))?;
            rows.push(self.cells(&line, number)?);
            if rows.len() == ROWS_A_CHUNK {
                sink(self.chunk(first, &rows))?;
                first += rows.len() as u64;
                rows.clear();
            }
        }
        if rows.is_empty() && first == 1 {
            return Err(Error::data(format!("{} is empty", self.path)));
        }
        if rows.is_empty() {
            return Ok(());
        }
        sink(self.chunk(first, &rows))
    }

    fn columns(&self, _: &SourceContext) -> Option<Vec<String>> {
        Some(self.names().map(str::to_owned).to_vec())
    }

    /// What is wrong with the parameters beyond their types, found before anything runs.
    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let path = context.base.join(&self.path);
        if path.is_file() {
            return Vec::new();
        }
        let problem = Problem::at("path", format!("there is no file {}", path.display()));
        vec![problem.remedy("paths are relative to the folder of the definition")]
    }
}

// Raise the revision whenever results change: records of the old code are then not used any more.
register!(Source, MyPlugin, "my_plugin", revision = 1);

impl MyPlugin {
    fn names(&self) -> [&str; 3] {
        [&self.user, &self.item, &self.time]
    }

    fn open(&self, context: &SourceContext) -> Result<BufReader<std::fs::File>> {
        let path: PathBuf = context.base.join(&self.path);
        std::fs::File::open(&path)
            .map(BufReader::new)
            .map_err(|e| Error::io(format!("cannot read {}", path.display()), e))
    }

    fn cells(&self, line: &str, number: u64) -> Result<[Option<String>; 3]> {
        let object: Value = serde_json::from_str(line)
            .map_err(|e| Error::data(format!("{}, line {number}: {e}", self.path)))?;
        Ok(self.names().map(|name| match &object[name] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }))
    }

    /// The rows as a log. Cleaners come later: every cell is text, as it stands in the file.
    fn chunk(&self, first: u64, rows: &[[Option<String>; 3]]) -> Log {
        let names = self.names();
        let columns = (0..names.len()).map(|at| Column {
            name: names[at].to_owned(),
            cells: Cells::Text(rows.iter().map(|row| row[at].as_deref()).collect::<Text>()),
        });
        let roles = Roles {
            user: self.user.clone(),
            item: self.item.clone(),
            time: Some(self.time.clone()),
            event: None,
            plays: None,
            seconds: None,
        };
        let numbers = (first..first + rows.len() as u64).collect();
        Log::new(columns.collect(), numbers, roles)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::MyPlugin;
    use musicrec_api::conformance;

    #[test]
    fn cells_are_text_or_missing() {
        let source: MyPlugin =
            serde_json::from_str(r#"{"path": "x.jsonl"}"#).expect("the rest has defaults");
        let cells = source.cells(r#"{"user_id": 7, "song_id": "a", "timestamp": null}"#, 1);
        let expected = [Some("7".to_owned()), Some("a".to_owned()), None];
        assert_eq!(cells.expect("a JSON object"), expected);
        let error = source.cells("{", 12).expect_err("half an object").to_string();
        assert!(error.contains("x.jsonl, line 12"), "{error}");
    }

    /// The example of the docs reads `listens.jsonl` of this crate.
    #[test]
    fn it_keeps_the_promises_of_a_source() {
        conformance::source_in("my_plugin", Path::new(env!("CARGO_MANIFEST_DIR")));
    }
}
