//! Sources that break a promise each.

use std::sync::atomic::{AtomicU64, Ordering};

use musicrec_api::{Cells, Column, Error, Kind, Ledger, Log, Result, Roles, SourceContext, Text};

use crate::{breaks, breaks_nothing};

/// Two rows from the number given on.
fn chunk(first: u64, item: &str) -> Log {
    let text = |cells: [&str; 2]| Cells::Text(cells.into_iter().map(Some).collect::<Text>());
    let column = |name: &str, cells| Column {
        name: name.to_owned(),
        cells,
    };
    let roles = Roles {
        user: "user".to_owned(),
        item: "item".to_owned(),
        time: None,
        event: None,
        plays: None,
        seconds: None,
    };
    let columns = vec![
        column("user", text(["u", "v"])),
        column("item", text([item, "b"])),
    ];
    Log::new(columns, vec![first, first + 1], roles)
}

static CALLS: AtomicU64 = AtomicU64::new(0);

fn call() -> String {
    CALLS.fetch_add(1, Ordering::Relaxed).to_string()
}

type Sink<'a> = &'a mut dyn FnMut(Log) -> Result<()>;

macro_rules! source {
    ($module:ident $name:literal, $example:literal, $fingerprint:expr, $columns:expr, $read:expr) => {
        plugin!(Source $module $name, $example, {
            fn fingerprint(&self, _: &SourceContext) -> Result<String> {
                Ok($fingerprint)
            }
            fn columns(&self, _: &SourceContext) -> Option<Vec<String>> {
                let columns: &[&str] = &$columns;
                Some(columns.iter().map(|&c| c.to_owned()).collect())
            }
            fn read(&self, _: &SourceContext, _: &mut Ledger, sink: Sink) -> Result<()> {
                let read: fn(Sink) -> Result<()> = $read;
                read(sink)
            }
        });
    };
}

/// Two chunks of two rows.
fn steady(sink: Sink) -> Result<()> {
    sink(chunk(1, "a"))?;
    sink(chunk(4, "c"))
}

source!(four_rows "four_rows", "[source.four_rows]", "4".to_owned(), ["user", "item"], steady);
source!(restless "restless", "[source.restless]", "1".to_owned(), ["user", "item"], |sink| {
    sink(chunk(1, &call()))
});
source!(renamed "renamed", "[source.renamed]", call(), ["user", "item"], steady);
source!(other_columns "other_columns", "[source.other_columns]", "1".to_owned(), ["user"], steady);
source!(from_one_again "from_one_again", "[source.from_one_again]", "1".to_owned(), ["user", "item"], |sink| {
    sink(chunk(1, "a"))?;
    sink(chunk(1, "c"))
});
source!(goes_on "goes_on", "[source.goes_on]", "1".to_owned(), ["user", "item"], |sink| {
    let _ = sink(chunk(1, "a"));
    let _ = sink(chunk(3, "c"));
    Ok(())
});
source!(empty "empty", "[source.empty]", "1".to_owned(), ["user", "item"], |_| Ok(()));
source!(no_file "no_file", "[source.no_file]", "1".to_owned(), ["user", "item"], |_| {
    Err(Error::data("there is no file listens.jsonl"))
});

#[test]
fn what_sources_break_is_found() {
    breaks_nothing(Kind::Source, "four_rows");
    breaks(Kind::Source, "restless", "it gives other rows");
    breaks(Kind::Source, "renamed", "records would not be found");
    breaks(Kind::Source, "other_columns", "it announces the columns");
    breaks(Kind::Source, "from_one_again", "comes after");
    breaks(Kind::Source, "goes_on", "`sink(chunk)?`");
    breaks(Kind::Source, "empty", "no row, but no error either");
    breaks(Kind::Source, "no_file", "call `conformance::source_in`");
}
