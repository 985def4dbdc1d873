//! `report.html`: whole, alone, and with nothing in it that acts but our own script.

#[path = "../common/mod.rs"]
mod common;
mod hostile;
mod markup;
mod templates;

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use common::{Lab, PROJECT, SMALL};
use markup::{Page, Tag};

/// The sections in their order.
const SECTIONS: [&str; 14] = [
    "verdict",
    "leaderboard",
    "dots",
    "hyperparameters",
    "cost",
    "segments",
    "data",
    "timeline",
    "differences",
    "examples",
    "metrics",
    "protocol",
    "provenance",
    "how-to-read",
];

fn page(lab: &Lab, folder: &str) -> Page {
    let path = lab.path(folder).join("report.html");
    Page::read(&fs::read_to_string(path).expect("a page"))
}

/// A file that the page is made of.
fn part(name: &str) -> String {
    let path = format!("{PROJECT}/src/report/html/templates/{name}");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn sections(page: &Page) -> Vec<&str> {
    let sections = page.tags("section");
    sections.filter_map(|tag| tag.attribute("id")).collect()
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let page = page(&lab, "reports/small");
    assert_eq!(sections(&page), SECTIONS);
    alone(&page);
    referring(&page);
    // Headings go down one step at a time.
    let mut levels = page.all.iter().filter_map(|tag| match tag.name.as_str() {
        "h1" => Some(1),
        "h2" => Some(2),
        "h3" => Some(3),
        "h4" => Some(4),
        _ => None,
    });
    let mut before = levels.next();
    assert_eq!(before, Some(1));
    for level in levels {
        assert!(
            level > 1 && Some(level - 1) <= before,
            "h{level} after {before:?}"
        );
        before = Some(level);
    }
    for table in page.tags("table") {
        assert!(table.holds(&page, "caption"), "{table:?}");
        assert!(table.holds(&page, "thead"), "{table:?}");
    }
    for head in page.tags("th") {
        assert!(head.attribute("scope").is_some(), "{head:?}");
    }
    let root = page.tags("html").next().expect("a root");
    assert_eq!(root.attribute("lang"), Some("en"));
}

/// Nothing is fetched, and nothing runs but the one script that the policy names.
fn alone(page: &Page) {
    for tag in &page.all {
        let refused = [
            "link",
            "iframe",
            "object",
            "embed",
            "img",
            "image",
            "base",
            "form",
            "audio",
            "video",
            "source",
            "foreignObject",
            "use",
        ];
        assert!(!refused.contains(&tag.name.as_str()), "{tag:?}");
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on"), "{tag:?}");
            assert!(
                name != "src" && name != "srcset" && name != "style",
                "{tag:?}"
            );
            assert!(name != "href" || value.starts_with('#'), "{tag:?}");
        }
    }
    let scripts: Vec<&Tag> = page.tags("script").collect();
    assert_eq!(scripts.len(), 1);
    assert!(scripts[0].text == part("page.js"), "not our script");
    let hash = BASE64_STANDARD.encode(Sha256::digest(scripts[0].text.as_bytes()));
    let policies = page.tags("meta");
    let policy = policies
        .filter(|tag| tag.attribute("http-equiv") == Some("Content-Security-Policy"))
        .find_map(|tag| tag.attribute("content"))
        .expect("a policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(
        policy.contains(&format!("script-src 'sha256-{hash}'")),
        "{policy}"
    );
    let styles: Vec<&Tag> = page.tags("style").collect();
    assert_eq!(styles.len(), 1);
    assert!(styles[0].text.contains(&part("page.css")));
    for fetching in ["@import", "url(", "image-set("] {
        assert!(!styles[0].text.contains(fetching), "{fetching}");
    }
}

/// Ids are unique, and what is referred to is there.
fn referring(page: &Page) {
    let mut ids: Vec<&str> = page.all.iter().filter_map(|t| t.attribute("id")).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|two| two[0] == two[1]);
    assert_eq!(twice, None, "an id twice");
    for tag in &page.all {
        let links = tag.attribute("href").map(|link| &link[1..]);
        let labels = [
            "aria-labelledby",
            "aria-describedby",
            "aria-controls",
            "for",
        ];
        let labels = labels.iter().filter_map(|name| tag.attribute(name));
        for id in labels.flat_map(str::split_whitespace).chain(links) {
            assert!(ids.binary_search(&id).is_ok(), "{id}: {tag:?}");
        }
    }
}

#[test]
fn numbers_are_shown_rounded_and_kept_in_full() {
    let lab = Lab::small();
    lab.done(&["sweep", "small.toml"]);
    let page = page(&lab, "reports/small");
    let report = lab.report("reports/small");
    let leaderboard = page.by_id("leaderboard");
    let rows: Vec<&Tag> = leaderboard.below(&page, "tr").collect();
    // A line of headers, the rows, and floor and ceiling.
    let expected = report["leaderboard"].as_array().expect("rows");
    assert_eq!(rows.len(), 1 + expected.len() + 2);
    for (row, expected) in rows[1..].iter().zip(expected) {
        let values: Vec<f64> = row
            .below(&page, "td")
            .filter_map(|cell| cell.attribute("data-value")?.parse().ok())
            .collect();
        for value in [
            &expected["test"]["ndcg@3"]["value"],
            &expected["validation"]["ndcg@3"],
            &expected["p_chance_adjusted"],
            &expected["fit_seconds"],
        ] {
            assert!(
                values.contains(&value.as_f64().expect("a number")),
                "{value}: {row:?}"
            );
        }
    }
    let trials = page.by_id("trials").below(&page, "tr").count();
    assert_eq!(
        trials,
        1 + report["trials"].as_array().expect("trials").len()
    );
    for id in ["leaderboard", "trials"] {
        for head in page.by_id(id).below(&page, "th") {
            if head.attribute("scope") == Some("col") {
                assert_eq!(head.attribute("aria-sort"), Some("none"));
                assert!(head.holds(&page, "button"), "{head:?}");
            }
        }
        let filter = page
            .tags("input")
            .find(|tag| tag.attribute("data-filter") == Some(id));
        assert!(filter.is_some(), "{id}");
    }
}

#[test]
fn a_section_without_data_is_absent() {
    let lab = Lab::small();
    // One variant with one setting, alone, and no part to choose on.
    let alone = SMALL
        .replace("[model.popularity]\n\n", "")
        .replace("factors.grid = [4, 8]", "factors = 4")
        .replace("validation = 0.2\n", "validation = 0.0\n")
        .replace("[evaluation]", "[evaluation]\nadd_popularity = false");
    lab.write("alone.toml", alone);
    lab.done(&["sweep", "alone.toml", "--set", "name=alone"]);
    let page = page(&lab, "reports/alone");
    let there = sections(&page);
    for absent in ["hyperparameters", "differences"] {
        assert!(!there.contains(&absent), "{absent}: {there:?}");
    }
    let order: Vec<&&str> = SECTIONS.iter().filter(|s| there.contains(s)).collect();
    assert_eq!(there.iter().collect::<Vec<_>>(), order);
    let links = page.tags("a").filter_map(|tag| tag.attribute("href"));
    let links: Vec<&str> = links.map(|link| &link[1..]).collect();
    assert!(!links.contains(&"differences"), "{links:?}");
    referring(&page);
}
