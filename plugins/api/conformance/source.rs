//! What a source promises.

use std::path::Path;

use super::promises::{Promises, THREADS, on_threads};
use crate::{CheckContext, Error, Ledger, Log, Result, Source, SourceContext};

const SEED: u64 = 7;

/// Whether it could be tried at all.
pub(super) fn behavior(source: &dyn Source, folder: &Path, promises: &mut Promises) -> bool {
    let context = SourceContext::new(folder, SEED);
    let fingerprint = promises.fallible("naming its content", || source.fingerprint(&context));
    let columns = promises.calm("naming its columns", || source.columns(&context));
    let parts = promises.calm("naming the parts of its columns", || source.parts(&context));
    let first = promises.fallible("reading", || read(source, &context));
    let (Some(fingerprint), Some(columns), Some(chunks)) = (fingerprint, columns, first) else {
        return false;
    };
    promises.that(!fingerprint.trim().is_empty(), || {
        "its fingerprint is empty".to_owned()
    });
    let again = promises.fallible("naming its content", || source.fingerprint(&context));
    promises.that(again.as_ref() == Some(&fingerprint), || {
        format!("its fingerprint was {fingerprint}, then {again:?}: records would not be found")
    });
    let complaints = promises.calm("checking its parameters", || {
        source.check(&CheckContext::new(folder))
    });
    for complaint in complaints.into_iter().flatten() {
        promises.that(false, || {
            format!(
                "it can be read, but its `check` says: {}",
                complaint.message
            )
        });
    }
    well_formed(&chunks, columns.as_deref(), promises);
    if let Some(Some(parts)) = parts {
        let same = chunks.iter().all(|chunk| *chunk.roles() == parts);
        promises.that(same, || {
            format!("it announces the roles {parts:?}, but its log has others")
        });
    }
    let shown: Vec<Vec<String>> = rows(&chunks);
    promises.that(!shown.is_empty(), || {
        "it gives no row, but no error either".to_owned()
    });
    for threads in THREADS {
        let again = promises.fallible("reading again", || {
            on_threads(threads, || read(source, &context))
        });
        promises.that(again.is_none_or(|again| rows(&again) == shown), || {
            format!("read again, on {threads} threads, it gives other rows")
        });
    }
    if !chunks.is_empty() {
        stops(source, &context, promises);
        in_pieces(source, &context, &chunks, promises);
    }
    true
}

fn read(source: &dyn Source, context: &SourceContext) -> Result<Vec<Log>> {
    let mut chunks = Vec::new();
    source.read(context, &mut Ledger::default(), &mut |chunk| {
        chunks.push(chunk);
        Ok(())
    })?;
    Ok(chunks)
}

fn well_formed(chunks: &[Log], columns: Option<&[String]>, promises: &mut Promises) {
    let mut last = 0;
    for chunk in chunks {
        for &number in chunk.numbers() {
            promises.that(number > last, || {
                format!(
                    "row number {number} comes after {last}; rows are counted from 1, ascending, \
                     each once, also from chunk to chunk"
                )
            });
            last = number;
        }
        let names: Vec<&str> = chunk.columns().iter().map(|c| c.name.as_str()).collect();
        if let Some(columns) = columns {
            promises.that(columns == names, || {
                format!("it announces the columns {columns:?}, but gives {names:?}")
            });
        }
        let roles = chunk.roles();
        let optional = [&roles.time, &roles.event, &roles.plays, &roles.seconds];
        let named = [&roles.user, &roles.item]
            .into_iter()
            .chain(optional.into_iter().flatten());
        for role in named {
            promises.that(names.contains(&role.as_str()), || {
                format!("its roles name a column `{role}` that it does not have")
            });
        }
    }
    promises.fallible("joining its chunks", || Log::concat(chunks.to_vec()));
}

/// Number and cells of each row.
fn rows(chunks: &[Log]) -> Vec<Vec<String>> {
    let row = |log: &Log, row: usize| {
        let cells = log.columns().into_iter().map(|c| {
            let missing = if c.cells.is_missing(row) {
                "missing"
            } else {
                ""
            };
            format!("{missing}{}", c.cells.show(row))
        });
        [log.numbers()[row].to_string()]
            .into_iter()
            .chain(cells)
            .collect()
    };
    chunks
        .iter()
        .flat_map(|log| (0..log.rows()).map(move |at| row(log, at)))
        .collect()
}

/// The pieces, each read by itself and numbered on, are the whole.
fn in_pieces(source: &dyn Source, context: &SourceContext, whole: &[Log], promises: &mut Promises) {
    let read = promises.fallible("reading it in pieces", || {
        let (mut chunks, mut before) = (Vec::new(), 0);
        let pieces = source.pieces(context)?;
        if pieces == 1 {
            return Ok(None);
        }
        for piece in 0..pieces {
            let taken =
                source.read_piece(context, piece, &mut Ledger::default(), &mut |chunk| {
                    let columns = chunk.columns().into_iter().cloned().collect();
                    let numbers = chunk.numbers().iter().map(|number| before + number);
                    chunks.push(Log::new(columns, numbers.collect(), chunk.roles().clone()));
                    Ok(())
                })?;
            before += taken;
        }
        Ok(Some(chunks))
    });
    if let Some(Some(chunks)) = read {
        promises.that(rows(&chunks) == rows(whole), || {
            "its pieces, one after the other, are not what reading it whole gives".to_owned()
        });
    }
}

/// Where the lab cannot take more, reading ends with the lab's own error.
fn stops(source: &dyn Source, context: &SourceContext, promises: &mut Promises) {
    let mut chunks = 0;
    let ended = promises.calm("being stopped", || {
        source.read(context, &mut Ledger::default(), &mut |_| {
            chunks += 1;
            Err(Error::Cancelled)
        })
    });
    let told = matches!(ended, Some(Err(Error::Cancelled)) | None);
    promises.that(told && chunks <= 1, || {
        format!(
            "after an error of what takes its rows it went on (chunks given: {chunks}); give that \
             error back at once: `sink(chunk)?`"
        )
    });
}
