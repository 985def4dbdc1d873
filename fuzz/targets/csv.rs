//! Any bytes as a file of rows. The first byte chooses parameters, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use musicrec_sources::Csv;

fuzz_target!(|input: &[u8]| {
    let [choice, file @ ..] = input else {
        return;
    };
    let bit = |place: u8| choice >> place & 1 == 1;
    let mut definition = serde_json::json!({
        "delimiter": if bit(0) { ";" } else { "," },
        "quotes": !bit(1),
        "bad_rows": if bit(2) { "drop" } else { "error" },
    });
    if bit(3) {
        definition["header"] = false.into();
        definition["columns"] = serde_json::json!(["user_id", "song_id"]);
    }
    if bit(4) {
        definition["user"] = "u".into();
        definition["item"] = "i".into();
    }
    musicrec_fuzz::read::<Csv>(file, definition);
});
