//! The gallery shows what the program draws.

use std::fs;

use crate::common::{Lab, experiment, set_path, shared};
use crate::definitions::EXTERNAL;
use crate::{project, read};

/// Sections in which nothing differs from run to run: no seconds, no machine, no looks at the test part.
const SECTIONS: [&str; 5] = ["dots", "segments", "differences", "examples", "metrics"];

/// A section of a page as it stands there.
fn section<'p>(page: &'p str, id: &str) -> &'p str {
    let begins = format!("<section id=\"{id}\"");
    let (_, rest) = page.split_once(&begins).expect(&begins);
    rest.split("</section>").next().expect("its end")
}

fn check(name: &str, data: Option<&str>) {
    let mut arguments = vec!["sweep".to_owned(), experiment(name)];
    if let Some(data) = data {
        let Some(path) = shared(data) else { return };
        arguments.extend(["--set".to_owned(), set_path("source.csv.path", &path)]);
    }
    let lab = Lab::new();
    lab.done(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let drawn = read(&lab.path(format!("reports/{name}/report.html")));
    let shown = read(&project(&format!("reports/gallery/{name}.html")));
    for id in SECTIONS {
        assert!(
            section(&drawn, id) == section(&shown, id),
            "reports/gallery/{name}.html is stale, section {id}; if the change is meant: \
             reports/gallery/make.sh"
        );
    }
}

#[test]
fn every_page_of_the_gallery_is_what_a_sweep_draws() {
    check("quickstart", None);
    for (name, data) in EXTERNAL {
        check(name, Some(data));
    }
}

#[test]
fn every_file_of_the_gallery_is_shown() {
    let text = read(&project("reports/gallery/README.md"));
    let mut files = 0;
    for entry in fs::read_dir(project("reports/gallery")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        files += 1;
        assert!(
            name == "README.md" || text.contains(&format!("({name})")),
            "{name} is not in reports/gallery/README.md"
        );
    }
    assert!(files > 10, "{files}");
}
