//! What the documentation says holds: its definitions run, its links lead somewhere, its tables and
//! samples are those of the program.

#[path = "../common/mod.rs"]
mod common;
mod definitions;
mod gallery;
mod links;
mod sample;
mod tables;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::PROJECT;

fn project(name: &str) -> PathBuf {
    Path::new(PROJECT).join(name)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// A fenced block of a Markdown text.
struct Block {
    /// What follows the opening fence.
    language: String,
    /// The line of the opening fence.
    line: usize,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in markdown.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                found.push(Block {
                    language: language.to_owned(),
                    line: at + 1,
                    text: String::new(),
                });
            }
        } else if let Some(block) = found.last_mut().filter(|_| inside) {
            let _ = writeln!(block.text, "{line}");
        }
    }
    found
}
