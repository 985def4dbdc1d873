//! A log and a definition in which everything that has a name has one that wants to be more than text.

use super::{Lab, SMALL, pairs, time};

const NAMES: [&str; 16] = [
    "<script>alert('x')</script>",
    "</style><script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"quoted\" onmouseover=\"alert(1)",
    "'single' onfocus='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "{% include 'page.js' %}",
    "<!-- comment",
    "]]>&lt;b&gt;&#60;i&#62;",
    "javascript:alert(1)",
    "\u{202e}drawkcab \u{2066}isolated",
    "شبكة الموسيقى",
    "🎵👩‍🎤🎶",
    "`tick",
    "two\nlines\u{7}\u{1b}[31m",
    "<svg><use href='#x'/></svg>",
];

fn names() -> Vec<String> {
    let mut names = NAMES.map(str::to_owned).to_vec();
    names.push(format!("<{}", "x".repeat(299)));
    names
}

fn log() -> Vec<u8> {
    let names = names();
    let name = |kind: char, number: u64| match names.get(number as usize) {
        Some(name) => format!("{name}{kind}"),
        None => format!("{kind}{number}"),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fine = "writing to memory";
    let header = [
        "user_id",
        "song_id",
        "timestamp",
        "event_type",
        "<b onclick='x'>col</b>",
    ];
    writer.write_record(header).expect(fine);
    for (row, (user, item)) in pairs(600).enumerate() {
        // A column of items, so that its values are segments.
        let genre = &names[item as usize % names.len()];
        let (user, item) = (name('u', user), name('s', item));
        let (time, event) = (time(row).to_string(), &names[row % names.len()]);
        writer
            .write_record([&user, &item, &time, event, genre])
            .expect(fine);
    }
    writer.into_inner().expect(fine)
}

/// A sweep in which everything that has a name has a hostile one. Its page is `out/small/report.html`.
pub(crate) fn swept() -> Lab {
    let lab = Lab::new();
    lab.write("<i>log & \"co\".csv", log());
    let definition = SMALL
        .replace("log.csv", "<i>log & \\\"co\\\".csv")
        .replace(
            "[model.als]",
            "[model.als]\nlabel = \"</td><script>als'`'</script> {{ x }} \\u202e\"",
        )
        .replace(
            "[splitter.global_time]",
            "[[cleaners]]\nmissing_markers = { columns = [\"event_type\"], markers = [\"`tick\", \
             \"<script>alert('x')</script>\", \"{{ 7 * 7 }}{% raw %}\"] }\n\n\
             [[cleaners]]\ndrop_missing = { columns = [\"event_type\"] }\n\n\
             [splitter.global_time]",
        )
        .replace(
            "[evaluation]",
            "[report]\nshow_ids = true\n\n[evaluation]\nsegments = [\"<b onclick='x'>col</b>\"]",
        );
    lab.write("x'<y>.toml", definition);
    lab.done(&["sweep", "x'<y>.toml", "--out", "out"]);
    lab
}
