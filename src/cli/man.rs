//! `musicrec-lab man`: manual pages.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use super::print;
use crate::exit::Failure;

/// Write the manual pages, one a command, into a folder; without one, print that of the program
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab man | man -l -
  musicrec-lab man ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// The folder, made if it is not there
    #[arg(value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failure> {
    // The command `help` is no news on a manual page.
    command = command.disable_help_subcommand(true);
    command.build();
    let Some(folder) = &arguments.folder else {
        return print(&page(&command)?.1);
    };
    let failed = |e: &std::io::Error| Failure::output(folder.display(), e);
    std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    let commands = command.get_subcommands().filter(|c| !c.is_hide_set());
    for command in std::iter::once(&command).chain(commands) {
        let (name, text) = page(command)?;
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| Failure::output(path.display(), &e))?;
    }
    Ok(())
}

/// The file's name and text of one page.
fn page(command: &Command) -> Result<(String, String), Failure> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text)
        .map_err(|e| Failure::output("the manual page", &e))?;
    Ok((
        man.get_filename(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}
