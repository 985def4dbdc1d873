//! Templates of the user in the place of those built in, and what is wrong with them.

use std::fs;

use crate::common::{Ended, Lab, SMALL};
use crate::{page, sections};

/// The small experiment with a folder of templates.
fn lab() -> Lab {
    let lab = Lab::small();
    lab.write("mine/page.css", ":root { --accent: #a0f }\n");
    let definition = SMALL.replace(
        "[evaluation]",
        "[report]\ntemplates = \"mine\"\n\n[evaluation]",
    );
    lab.write("small.toml", definition);
    lab
}

fn drawn(lab: &Lab) -> String {
    fs::read_to_string(lab.path("reports/small/report.html")).expect("a page")
}

/// Redraws with a file that is wrong: the page of before stays, and everything else is there.
fn refused(lab: &Lab, file: &str, content: &str) -> Ended {
    let before = drawn(lab);
    let path = lab.write(&format!("mine/{file}"), content);
    let other = lab.path("reports/small/report.md");
    let text = fs::read(&other).expect("another form");
    fs::remove_file(&other).expect("the file");
    let ended = lab.run(&["sweep", "small.toml"]).expect(2);
    assert_eq!(drawn(lab), before);
    // All else is written.
    assert_eq!(fs::read(&other).expect("another form"), text);
    fs::remove_file(path).expect("the file");
    ended
}

#[test]
fn a_file_of_the_user_takes_the_place_of_the_built_in_one() {
    let lab = lab();
    lab.write(
        "mine/metrics.html",
        "<p>Ask {{ report.name }} about {{ report.metrics[0].label }}.</p>\n",
    );
    lab.write("mine/protocol.html", "");
    lab.done(&["sweep", "small.toml"]);
    let page = page(&lab, "reports/small");
    assert!(
        page.tags("p")
            .any(|p| p.text == "Ask small about recall@3.")
    );
    // A section that draws nothing is absent.
    assert!(!sections(&page).contains(&"protocol"));
    assert!(drawn(&lab).contains("--accent: #a0f"));
    assert!(!drawn(&lab).contains("--accent: #0b5cad"));
}

#[test]
fn what_is_wrong_with_a_template_is_said_with_its_place() {
    let lab = lab();
    lab.done(&["sweep", "small.toml"]);
    refused(&lab, "dots.html", "<p>\n{% if %}</p>\n")
        .says(&["mine/dots.html, line 2", "syntax error"]);
    refused(&lab, "verdict.html", "\n\n{{ report.verdickt }}\n")
        .says(&["mine/verdict.html, line 3", "undefined"]);
    refused(&lab, "macros.html", "").says(&[
        "the built-in template leaderboard.html, line ",
        "see whether one of mine lacks",
    ]);
    refused(&lab, "vredict.html", "").says(&[
        "mine/vredict.html",
        "verdict.html",
        "no part of report.html",
    ]);
    lab.done(&["sweep", "small.toml"]);
}

#[test]
fn a_template_cannot_forget_to_escape() {
    let lab = lab();
    lab.write(
        "mine/metrics.html",
        "<p title=\"{{ report.leaderboard[0].variant }}\">{{ report.leaderboard[0].variant }}</p>\n",
    );
    let path = lab.path("small.toml");
    let definition = fs::read_to_string(&path).expect("a definition");
    let label = "[model.als]\nlabel = 'a\"<b>&c'";
    let alone = definition
        .replace("[model.popularity]\n\n", "")
        .replace("[model.als]", label);
    fs::write(
        path,
        alone.replace("[evaluation]", "[evaluation]\nadd_popularity = false"),
    )
    .expect("a file");
    lab.done(&["sweep", "small.toml"]);
    let page = page(&lab, "reports/small");
    let own = page
        .tags("p")
        .find(|p| p.attribute("title") == Some("a\"<b>&c"));
    assert_eq!(own.expect("the paragraph").text, "a\"<b>&c");
}
