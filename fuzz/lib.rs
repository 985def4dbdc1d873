//! What the targets have in common.

use std::sync::LazyLock;

use musicrec_api::{CheckContext, Ledger, Source, SourceContext};

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// Reads a file of these bytes with the source of the parameters given, whose `path` is set here. It must
/// be read or refused without a panic; what is told before is what stops the reading; rows come in order,
/// with the columns announced.
///
/// # Panics
/// If a promise is broken.
pub fn read<S: Source + serde::de::DeserializeOwned>(
    file: &[u8],
    mut parameters: serde_json::Value,
) {
    let folder = FOLDER.path();
    std::fs::write(folder.join("log"), file).expect("a file");
    parameters["path"] = "log".into();
    let source: S = serde_json::from_value(parameters).expect("parameters");
    let context = SourceContext::new(folder, 0);
    let problems = source.check(&CheckContext::new(folder));
    // What else is asked opens the file again, which takes longer than reading so little.
    if file.len() % 4 == 0 {
        let print = source.fingerprint(&context);
        assert_eq!(
            problems.is_empty(),
            print.is_ok(),
            "{problems:?}, {print:?}"
        );
    }
    let columns = std::cell::OnceCell::new();
    let (mut last, mut rows) = (0, 0);
    let read = source.read(&context, &mut Ledger::default(), &mut |chunk| {
        let columns = columns.get_or_init(|| source.columns(&context).expect("columns"));
        assert!(chunk.names().eq(columns));
        for &number in chunk.numbers() {
            assert!(number > last);
            last = number;
        }
        rows += chunk.rows();
        Ok(())
    });
    assert!(
        read.is_err() || (rows > 0 && problems.is_empty()),
        "{rows} rows, {problems:?}"
    );
}
