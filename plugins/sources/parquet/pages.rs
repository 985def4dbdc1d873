//! The pages of a column, unpacked.
//!
//! Snappy and gzip are the library's work. For Zstandard it has only a library in C, so such pages are
//! taken packed, as if they were not, and unpacked here.

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::Length as _;
use parquet::file::serialized_reader::SerializedPageReader;
use ruzstd::decoding::StreamingDecoder;

/// What the library makes of a file. It panics over some that are damaged, which is an error like any other.
pub(super) fn calmly<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("for no reason given");
        Err(ParquetError::General(format!("it is damaged ({text})")))
    })
}

/// The most bytes that a page may have, unpacked.
const LARGEST_PAGE: u64 = 1 << 30;

/// The pages of a column in a row group.
pub(super) fn pages(
    file: &Arc<File>,
    group: &RowGroupMetaData,
    leaf: usize,
) -> Result<Box<dyn PageReader>> {
    let column = group.column(leaf);
    // The library takes a place before the beginning of the file for a mistake of its caller.
    let first = column.dictionary_page_offset();
    let begins = u64::try_from(first.unwrap_or(column.data_page_offset())).ok();
    let size = u64::try_from(column.compressed_size()).ok();
    let ends = begins
        .zip(size)
        .and_then(|(begins, size)| begins.checked_add(size));
    if ends.is_none_or(|ends| ends > file.len()) {
        return Err(ParquetError::EOF(
            "it is said to be where the file has nothing".to_owned(),
        ));
    }
    let rows = usize::try_from(group.num_rows()).ok();
    let rows = rows.filter(|_| column.num_values() == group.num_rows());
    let rows = rows.ok_or_else(|| {
        ParquetError::General("it has more or fewer values than its row group has rows".to_owned())
    })?;
    if !matches!(column.compression(), Compression::ZSTD(_)) {
        let pages = SerializedPageReader::new(Arc::clone(file), column, rows, None)?;
        return Ok(Box::new(pages));
    }
    let plain = column.clone().into_builder();
    let plain = plain.set_compression(Compression::UNCOMPRESSED).build()?;
    Ok(Box::new(Zstd(SerializedPageReader::new(
        Arc::clone(file),
        &plain,
        rows,
        None,
    )?)))
}

/// Pages that are packed with Zstandard.
struct Zstd(SerializedPageReader<File>);

/// The bytes of a page, unpacked from the offset on.
fn unpacked(packed: &[u8], from: u32) -> Result<Vec<u8>> {
    let damaged =
        |what: String| ParquetError::General(format!("a page cannot be unpacked: {what}"));
    let (plain, rest) = packed
        .split_at_checked(from as usize)
        .ok_or_else(|| damaged("it is too short".to_owned()))?;
    let mut bytes = plain.to_vec();
    if !rest.is_empty() {
        let frame = StreamingDecoder::new(rest).map_err(|e| damaged(e.to_string()))?;
        let read = frame.take(LARGEST_PAGE).read_to_end(&mut bytes);
        if read.map_err(|e| damaged(e.to_string()))? as u64 == LARGEST_PAGE {
            return Err(damaged("it has a GiB or more".to_owned()));
        }
    }
    Ok(bytes)
}

impl PageReader for Zstd {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.0.get_next_page()? else {
            return Ok(None);
        };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = unpacked(buf, 0)?.into();
            }
            Page::DataPageV2 {
                buf,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                if *is_compressed {
                    *buf = unpacked(
                        buf,
                        def_levels_byte_len.saturating_add(*rep_levels_byte_len),
                    )?
                    .into();
                }
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }
}

impl Iterator for Zstd {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
