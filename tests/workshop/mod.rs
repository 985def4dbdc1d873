//! A place to make crates in and to run Cargo on them, and a guide taken to pieces.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Ended, Lab};

/// Crates of the lab's workspace, which are optimized here as they are for its own tests.
const OF_THE_LAB: [&str; 9] = [
    "musicrec-api",
    "musicrec-cleaners",
    "musicrec-lab",
    "musicrec-launchers",
    "musicrec-metrics",
    "musicrec-models",
    "musicrec-sources",
    "musicrec-splitters",
    "musicrec-weightings",
];

/// A folder under `target/new-plugin` that stays from run to run, so that a second run builds little.
pub(crate) struct Workshop {
    folder: PathBuf,
    target: PathBuf,
}

impl Workshop {
    pub(crate) fn new(name: &str) -> Self {
        // `target/tmp` of the folder that these tests are built in.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let target = target.parent().expect("it is in a folder").to_path_buf();
        let folder = target.join("new-plugin").join(name);
        let workshop = Self { folder, target };
        let optimized: String = OF_THE_LAB
            .iter()
            .flat_map(|name| [name, ".opt-level = 1\n"])
            .collect();
        let config = format!(
            "[build]\ntarget-dir = '{}'\n\n[net]\noffline = true\n\n[profile.dev.package]\n{optimized}",
            workshop.target.display()
        );
        workshop.write("../.cargo/config.toml", &config);
        workshop
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Removes all that was made before.
    pub(crate) fn clear(&self) {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).expect("a folder of ours");
        }
        fs::create_dir_all(&self.folder).expect("a folder");
    }

    /// Writes a file if it differs: Cargo goes by when files were written.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        if fs::read_to_string(&path).is_ok_and(|now| now == text) {
            return;
        }
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(&path, text).expect("a file to write");
    }

    /// Makes a crate with a plugin, and gives its folder.
    pub(crate) fn make(&self, kind: &str, name: &str) -> String {
        let lab = Lab::new();
        lab.done(&["new-plugin", kind, name, "--path", "made"]);
        for file in lab.files("made") {
            let text = fs::read_to_string(lab.path("made").join(&file)).expect("a text");
            self.write(&format!("{name}/{file}"), &text);
        }
        name.to_owned()
    }

    /// Puts crates together in one workspace, so that they are built in one go.
    pub(crate) fn gather(&self, crates: &[String]) {
        let mut shared = String::new();
        for member in crates {
            let file = format!("{member}/Cargo.toml");
            let manifest = fs::read_to_string(self.path(&file)).expect("a manifest");
            let (own, rest) = manifest
                .split_once("\n[workspace]\n")
                .unwrap_or((&manifest, &shared));
            let rest = rest.to_owned();
            self.write(&file, own);
            shared = rest;
        }
        let list: Vec<String> = crates.iter().map(|member| format!("{member:?}")).collect();
        let head = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{}]\n",
            list.join(", ")
        );
        self.write("Cargo.toml", &(head + &shared));
        // Cargo adds the crates to it.
        if !self.path("Cargo.lock").exists() {
            let lock = fs::read_to_string(self.path(&format!("{}/Cargo.lock", crates[0])));
            self.write("Cargo.lock", &lock.expect("a lock file"));
        }
    }

    /// The program that a crate builds.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    pub(crate) fn run_program(&self, program: &Path, folder: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(program);
        command.args(arguments);
        self.finish(command, folder, arguments)
    }

    /// Runs `cargo …` or `musicrec-lab …` in a folder.
    pub(crate) fn run(&self, folder: &str, command: &str) -> Ended {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut run = match words[0] {
            "cargo" => Command::new(std::env::var_os("CARGO").expect("tests are run by Cargo")),
            "musicrec-lab" => Command::new(env!("CARGO_BIN_EXE_musicrec-lab")),
            other => panic!("`{other}` is no command of these tests"),
        };
        run.args(&words[1..]);
        self.finish(run, folder, &words)
    }

    /// The same, and it must succeed.
    pub(crate) fn done(&self, folder: &str, command: &str) -> Ended {
        self.run(folder, command).expect(0)
    }

    fn finish(&self, mut command: Command, folder: &str, words: &[&str]) -> Ended {
        // What Cargo tells the tests of the lab is not true of a crate that they build.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let told = text.starts_with("CARGO_") && text != "CARGO_HOME";
            if told || text == "NO_COLOR" || text == "RUST_BACKTRACE" {
                command.env_remove(&name);
            }
        }
        let output = command
            .current_dir(self.path(folder))
            .env("MUSICREC_CACHE", "off")
            .stdin(Stdio::null())
            .output()
            .expect("a program");
        Ended::new(words, &output)
    }
}

/// A block of code in a page of Markdown.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    /// What stands behind the language: the name of a file, say.
    pub(crate) rest: &'a str,
    pub(crate) text: &'a str,
}

/// The blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').expect("a block has lines");
        let (text, after) = after.split_once("\n```\n").expect("a block has an end");
        let (language, of_it) = info.split_once(' ').unwrap_or((info, ""));
        found.push(Block {
            language,
            rest: of_it.trim(),
            text,
        });
        // A block may follow at once.
        rest = after;
    }
    found
}
