//! Any bytes as a Parquet file. The first byte chooses parameters, the rest is the file.

#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use musicrec_sources::Parquet;

/// The library panics over some damaged files, which the source catches; libFuzzer's hook would end
/// the process before. A panic that is not caught still does.
static CALM: Once = Once::new();

fuzz_target!(|input: &[u8]| {
    CALM.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let [choice, file @ ..] = input else {
        return;
    };
    let mut definition = serde_json::json!({});
    if choice & 1 == 1 {
        definition["plays"] = "n".into();
        definition["seconds"] = "f".into();
    }
    if choice & 2 == 2 {
        definition["columns"] = serde_json::json!(["user_id", "song_id"]);
    }
    musicrec_fuzz::read::<Parquet>(file, definition);
});
