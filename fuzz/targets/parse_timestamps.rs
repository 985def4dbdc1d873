//! Any text as a format, any as a cell: what is a time is one that can be written, and its second
//! and text are the same by every way there is.
//!
//! The input is a byte that chooses the zone, the format up to the first line break, and the cell.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use musicrec_api::time_text;
use musicrec_cleaners::{ParseTimestamps, TimeFormat, Zone};

static ZONES: LazyLock<Vec<Zone>> = LazyLock::new(|| {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
    ];
    names.map(|name| Zone::new(name).expect("a zone")).into()
});

/// Formats of the same texts, of which the first is read by a shorter way.
const TWINS: [&str; 2] = ["%Y-%m-%d %H:%M:%S", "%F %T"];

fn cleaner(format: &str, zone: &Zone) -> Option<ParseTimestamps> {
    Some(ParseTimestamps {
        formats: vec![TimeFormat::new(format).ok()?],
        zone: zone.clone(),
        ..ParseTimestamps::default()
    })
}

fuzz_target!(|input: (u8, &str)| {
    let (zone, text) = input;
    let zone = &ZONES[usize::from(zone) % ZONES.len()];
    let (format, cell) = text.split_once('\n').unwrap_or((TWINS[0], text));
    let Some(given) = cleaner(format, zone) else {
        return;
    };
    if let Some(time) = given.time(cell) {
        let written = time_text(time);
        let again = cleaner("rfc3339", zone).expect("a format").time(&written);
        assert_eq!(again, Some(time), "{cell:?} in {format:?} is {written}");
    }
    let [short, long] = TWINS.map(|twin| cleaner(twin, zone).expect("a format").time(cell));
    assert_eq!(short, long, "{cell:?}");
});
