//! A cell is a number or it is none: what is one is finite, and read back is the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use musicrec_cleaners::ParseNumbers;

fuzz_target!(|cell: &str| {
    let cleaner = ParseNumbers::default();
    let Some(number) = cleaner.number(cell) else {
        return;
    };
    assert!(number.is_finite(), "{cell:?} is {number}");
    assert_eq!(
        cleaner.number(&number.to_string()),
        Some(number),
        "{cell:?}"
    );
    assert_eq!(
        cleaner.number(&format!(" {cell}\t")),
        Some(number),
        "{cell:?}"
    );
});
