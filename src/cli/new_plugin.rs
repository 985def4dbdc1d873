//! `musicrec-lab new-plugin`: a crate with a plugin of one's own, and with a lab that has it.

mod names;
mod texts;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use musicrec_api::{Kind, registrations};

use super::print;
use crate::exit::Failure;

/// Make a crate with a plugin of your own, and a lab that has it
///
/// The crate stands outside of the lab's folder, holds a small plugin that works, with its tests and
/// an experiment, and builds a program that is this lab with your plugin in it. Change the plugin
/// into what you need; plugins/GUIDE.md walks you through it in ten minutes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab new-plugin metric hit_rate --path my-lab
  musicrec-lab new-plugin model heard_together --path ../heard-together

What each kind does:
  source     reads or makes a log            cleaner    repairs a log or drops rows of it
  splitter   cuts train, validation, test    weighting  says how strong an interaction is
  model      scores items for users          metric     judges ranked lists
  launcher   runs a sweep's units elsewhere")]
pub(super) struct Arguments {
    /// What the plugin is
    #[arg(value_enum)]
    kind: PluginKind,

    /// Its name in definitions (of a launcher: in cluster files) and reports, in snake case: `hit_rate`
    name: String,

    /// The folder to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    path: PathBuf,

    /// The folder of musicrec-lab itself [default: the one this is called in, else where this program was built from]
    #[arg(long, value_name = "DIR")]
    lab: Option<PathBuf>,
}

/// The kinds as words of the command line; those of a definition are understood too.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PluginKind {
    #[value(alias = "sources")]
    Source,
    #[value(alias = "cleaners")]
    Cleaner,
    #[value(alias = "splitters")]
    Splitter,
    #[value(alias = "weightings")]
    Weighting,
    #[value(alias = "models")]
    Model,
    #[value(alias = "metrics")]
    Metric,
    #[value(alias = "launchers")]
    Launcher,
}

impl PluginKind {
    fn kind(self) -> Kind {
        match self {
            Self::Source => Kind::Source,
            Self::Cleaner => Kind::Cleaner,
            Self::Splitter => Kind::Splitter,
            Self::Weighting => Kind::Weighting,
            Self::Model => Kind::Model,
            Self::Metric => Kind::Metric,
            Self::Launcher => Kind::Launcher,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let kind = arguments.kind.kind();
    let name = arguments.name.as_str();
    let taken: Vec<&str> = registrations()
        .iter()
        .filter(|r| r.kind == kind)
        .map(|r| r.name)
        .collect();
    names::check(kind, name, &taken).map_err(Failure::Definition)?;
    let lab = lab(arguments.lab.as_deref())?;
    let folder = &arguments.path;
    free(folder, &lab)?;
    let files = texts::files(kind, name, &lab).map_err(Failure::Definition)?;
    for (file, text) in &files {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| Failure::output(path.display(), &e))?;
    }
    let lock = folder.join("Cargo.lock");
    fs::copy(lab.join("Cargo.lock"), &lock).map_err(|e| Failure::output(lock.display(), &e))?;
    print(&texts::next_steps(kind, name, folder, &lab))
}

/// The folder of the lab, in which the crate finds what it is built with.
fn lab(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let built_from = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = match given {
        Some(folder) => folder.to_path_buf(),
        None => around().unwrap_or(built_from),
    };
    let folder = folder.as_path();
    let needed = [
        "Cargo.toml",
        "Cargo.lock",
        "src/lib.rs",
        "plugins/api/Cargo.toml",
    ];
    if let Some(missing) = needed.iter().find(|file| !folder.join(file).is_file()) {
        let what = match given {
            None => {
                "the folder that this program was built from is not there any more, or not whole"
            }
            Some(_) => "this is not the folder of musicrec-lab",
        };
        return Err(Failure::Definition(format!(
            "{what}: there is no file {}; the crate is built with the lab's own source, so give its \
             folder with --lab",
            folder.join(missing).display()
        )));
    }
    std::path::absolute(folder)
        .and_then(|folder| folder.canonicalize())
        .map_err(|e| Failure::Definition(format!("cannot use {}: {e}", folder.display())))
}

/// The lab's folder that the program is called in, if it is called in one: a copied program remembers
/// another.
fn around() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_lab = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest
            .lines()
            .any(|line| line == "name = \"musicrec-lab\"")
    };
    here.ancestors().find(is_lab).map(Path::to_path_buf)
}

/// Nothing is overwritten, and Cargo must not take the crate for a part of the lab.
fn free(folder: &Path, lab: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Failure::Output(format!(
                    "{shown} is not empty; give a folder to make with --path, or add the plugin to \
                     the crate that is there by hand: a file src/NAME.rs and a line `mod NAME;` in \
                     src/main.rs"
                )));
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            return Err(Failure::Output(format!(
                "{shown} is a file; give a folder to make with --path"
            )));
        }
        Err(e) => return Err(Failure::output(shown, &e)),
    }
    let place = std::path::absolute(folder).map_err(|e| Failure::output(&shown, &e))?;
    if place.starts_with(lab.join("plugins")) {
        return Err(Failure::Definition(format!(
            "{shown} is among the lab's own plugins; the crate stands by itself, so give a --path \
             outside of {}. (A plugin that is to become part of the lab needs no crate: see `Adding a \
             plugin` in src/README.md.)",
            lab.display()
        )));
    }
    Ok(())
}
