//! The built-in sources: one file a plugin.

mod common;
mod csv;
mod json_lines;
mod parquet;
pub mod synthetic;

pub use common::parameters::{BadRows, Named};
pub use csv::{Csv, Delimiter};
pub use json_lines::JsonLines;
pub use parquet::Parquet;
pub use synthetic::Synthetic;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use musicrec_api::{Kind, conformance};

    /// The files that the examples name, as far as this is the only place where they are tried.
    fn files_of_the_examples(folder: &Path) {
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        write("listens.csv.gz", b"user_id,song_id\nu1,s1\n");
        write("logs/2025-01.csv.gz", b"user_id,song_id\nu1,s1\n");
        write("listens.jsonl.gz", b"{\"user_id\": 1, \"song_id\": null}\n");
        let listens = include_bytes!("parquet/tests/zstd_pages_v1.parquet");
        write("listens.parquet", listens);
        let plays = include_bytes!("parquet/tests/plays.parquet");
        write("plays/part-0.parquet", plays);
        write("plays/part-1.parquet", plays);
    }

    #[test]
    fn sources_of_files_keep_their_promises() {
        let folder = tempfile::tempdir().unwrap();
        files_of_the_examples(folder.path());
        for name in ["csv", "json_lines", "parquet"] {
            let broken = conformance::broken_in(Kind::Source, name, folder.path());
            assert!(broken.is_empty(), "\n- {}", broken.join("\n- "));
        }
    }

    #[test]
    fn synthetic_keeps_the_promises_of_a_source() {
        conformance::source("synthetic");
    }
}
