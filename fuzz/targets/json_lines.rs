//! Any bytes as a file of objects. The first byte chooses parameters, the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use musicrec_sources::JsonLines;

fuzz_target!(|input: &[u8]| {
    let [choice, file @ ..] = input else {
        return;
    };
    let bit = |place: u8| choice >> place & 1 == 1;
    let mut definition = serde_json::json!({
        "bad_rows": if bit(0) { "drop" } else { "error" },
    });
    if bit(1) {
        definition["fields"] = serde_json::json!({"user_id": "u.v", "song_id": "i.0", "x": "u.x"});
    } else {
        definition["user"] = "u".into();
        definition["item"] = "i".into();
    }
    musicrec_fuzz::read::<JsonLines>(file, definition);
});
