//! What a file says of itself: its columns and their types.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, Repetition};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::pages::calmly;
use super::values::Meaning;
use crate::common::chunk::MOST_COLUMNS;
use crate::common::fault::Fault;
use crate::common::input::Input;
use crate::common::{listed, twice};

/// A Parquet file whose footer has been read.
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    pub(super) metadata: ParquetMetaData,
}

/// A column that is read.
pub(super) struct Column {
    pub(super) name: String,
    /// Its place among the columns of the file.
    pub(super) place: usize,
    pub(super) meaning: Meaning,
}

/// Opens a file and reads its footer.
pub(super) fn open(input: &Input) -> Result<Opened, Fault> {
    let file = input.file()?;
    let metadata =
        calmly(|| ParquetMetaDataReader::new().parse_and_finish(&file)).map_err(|error| {
            let what = said(&error);
            Fault::data(
                &input.parameter,
                format!(
                    "{} is no Parquet file, or it was cut short ({what})",
                    input.shown()
                ),
                format!(
                    "set `{}` to a Parquet file, or read text with `[source.csv]` or \
                     `[source.json_lines]`",
                    input.key()
                ),
            )
        })?;
    Ok(Opened {
        file: Arc::new(file),
        metadata,
    })
}

/// An error of the library without the word that it puts before.
pub(super) fn said(error: &ParquetError) -> String {
    match error {
        ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::NYI(text) => {
            text.clone()
        }
        other => other.to_string(),
    }
}

impl Opened {
    /// The columns of those names, or all if there are none, in the order of the names or of the file.
    pub(super) fn wanted(&self, names: &[String], input: &Input) -> Result<Vec<Column>, Fault> {
        let schema = self.metadata.file_metadata().schema_descr();
        let fields = schema.root_schema().get_fields();
        let known: Vec<String> = fields.iter().map(|f| f.name().to_owned()).collect();
        let shown = input.shown();
        let of_file = |what: String, remedy: &str| Fault::data(&input.parameter, what, remedy);
        if known.is_empty() {
            return Err(of_file(
                format!("{shown} has no columns"),
                "set the path to a file with rows",
            ));
        }
        if known.len() > MOST_COLUMNS {
            let what = format!(
                "{shown} has {} columns, more than the {MOST_COLUMNS} that a log may have",
                known.len()
            );
            return Err(of_file(what, "write the file again with fewer"));
        }
        if let Some((_, name)) = twice(&known).first() {
            let what = format!("{shown} has two columns `{name}`");
            return Err(of_file(
                what,
                "write the file again with one of them renamed",
            ));
        }
        let places = if names.is_empty() {
            (0..known.len()).collect()
        } else {
            let place = |(at, name): (usize, &String)| {
                let absent = || {
                    let what = format!("{shown} has no column `{name}`");
                    Fault::definition(
                        format!("columns.{at}"),
                        what,
                        format!("it has {}", listed(&known)),
                    )
                    .suggest(name, known.iter().map(String::as_str))
                };
                known.iter().position(|k| k == name).ok_or_else(absent)
            };
            names
                .iter()
                .enumerate()
                .map(place)
                .collect::<Result<Vec<usize>, Fault>>()?
        };
        let column = |place: usize| {
            let field = &fields[place];
            let refused = |what: &str| {
                let message = format!("{shown}: the column `{}` {what}", field.name());
                let remedy = "list those that are to be read in `source.parquet.columns`, without \
                              this one, or write the file again with it as text";
                Fault::definition("columns", message, remedy)
            };
            let info = field.get_basic_info();
            if field.is_group()
                || (info.has_repetition() && info.repetition() == Repetition::REPEATED)
            {
                return Err(refused("holds columns or lists, which cannot be read"));
            }
            // Nested columns take several places among the leaves.
            let root = |leaf: &usize| schema.get_column_root_idx(*leaf) == place;
            let leaf = (0..schema.num_columns()).find(root);
            let leaf = leaf.ok_or_else(|| refused("has no place in the file"))?;
            let meaning = Meaning::of(&schema.column(leaf))
                .map_err(|what| refused(&format!("holds {what}, which cannot be read")))?;
            self.packing(leaf).map_err(|what| refused(&what))?;
            Ok(Column {
                name: field.name().to_owned(),
                place: leaf,
                meaning,
            })
        };
        places.into_iter().map(column).collect()
    }

    /// Whether a column can be unpacked in all row groups; what is wrong with it if not.
    fn packing(&self, leaf: usize) -> Result<(), String> {
        for group in self.metadata.row_groups() {
            let Some(column) = group.columns().get(leaf) else {
                return Err("is missing in a row group".to_owned());
            };
            match column.compression() {
                Compression::UNCOMPRESSED
                | Compression::SNAPPY
                | Compression::GZIP(_)
                | Compression::ZSTD(_) => {}
                other => {
                    return Err(format!(
                        "is packed with {other}, which cannot be unpacked here; Snappy, gzip and \
                         Zstandard can"
                    ));
                }
            }
        }
        Ok(())
    }
}
