//! Links between the `README.md` of the project lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::PROJECT;
use crate::read;

/// All `README.md` of the project.
fn readmes(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                readmes(&path, found);
            }
        } else if name == "README.md" {
            found.push(path);
        }
    }
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    markdown.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !fence && !inside
    })
}

#[test]
fn links_between_readmes_lead_somewhere() {
    let mut files = Vec::new();
    readmes(Path::new(PROJECT), &mut files);
    let mut dead = Vec::new();
    let mut checked = 0;
    for file in &files {
        let text = read(file);
        for (at, line) in prose(&text) {
            for link in line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
            {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                checked += 1;
                let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if target.is_empty() {
                    file.clone()
                } else {
                    file.parent().expect("a folder").join(target)
                };
                let leads = target.exists()
                    && (anchor.is_empty()
                        || prose(&read(&target)).any(|(_, line)| {
                            line.starts_with('#') && slug(line.trim_start_matches('#')) == anchor
                        }));
                if !leads {
                    dead.push(format!("{}:{}: {link}", file.display(), at + 1));
                }
            }
        }
    }
    assert!(checked > 10, "only {checked} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}
