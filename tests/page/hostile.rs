//! Names of users, songs, events, variants, files and columns that want to be more than text.

use std::fs;

use crate::common::{Lab, SMALL, pairs, time};
use crate::{Page, alone, page, referring};

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

/// The page of a sweep in which everything that has a name has a hostile one.
fn swept() -> (Lab, Page, String) {
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
    let text = fs::read_to_string(lab.path("out/small/report.html")).expect("a page");
    let page = page(&lab, "out/small");
    (lab, page, text)
}

#[test]
fn nothing_of_the_data_acts() {
    let (_lab, page, text) = swept();
    alone(&page);
    referring(&page);
    let ours = [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "header",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "button",
        "nav",
        "ol",
        "ul",
        "li",
        "main",
        "section",
        "article",
        "footer",
        "script",
        "dl",
        "dt",
        "dd",
        "b",
        "span",
        "small",
        "code",
        "pre",
        "bdi",
        "label",
        "input",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
        "details",
        "summary",
        // Figures.
        "svg",
        "desc",
        "g",
        "path",
        "line",
        "rect",
        "circle",
        "polygon",
        "polyline",
        "text",
        "tspan",
    ];
    for tag in &page.all {
        assert!(ours.contains(&tag.name.as_str()), "{tag:?}");
    }
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(hidden), "{:?}", text.find(hidden));
    // What is shown is what stands there: nothing was computed, and nothing is lost.
    let shown = |wanted: &str| page.all.iter().any(|tag| tag.text.contains(wanted));
    for wanted in [
        "</td><script>als'`'</script> {{ x }}",
        "<script>alert('x')</script>",
        "{{ 7 * 7 }}{% raw %}",
        "<b onclick='x'>col</b>",
        "x'<y>.toml",
    ] {
        assert!(shown(wanted), "{wanted} is not shown");
    }
    assert!(!text.contains("49{%"), "a template ran");
}

#[test]
fn what_others_wrote_cannot_turn_the_words_around_it() {
    let (_lab, page, _) = swept();
    let isolated = |tag: &&crate::Tag| tag.text.contains("شبكة") && tag.name != "title";
    let found: Vec<&crate::Tag> = page.all.iter().filter(isolated).collect();
    assert!(!found.is_empty(), "no Arabic name is shown");
    for tag in found {
        // Figures isolate by CSS.
        assert!(
            ["bdi", "text", "tspan", "desc"].contains(&tag.name.as_str()),
            "{tag:?}"
        );
    }
}
