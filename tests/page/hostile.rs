//! Names of users, songs, events, variants, files and columns that want to be more than text.

use std::fs;

use crate::common::{Lab, hostile};
use crate::{Page, alone, page, referring};

/// The page with its text.
fn swept() -> (Lab, Page, String) {
    let lab = hostile::swept();
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
