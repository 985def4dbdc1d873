//! `musicrec-lab completions`: what a shell completes.

use clap::{Args, Command};
use clap_complete::Shell;

use super::print;
use crate::exit::Failure;

/// Print the completions of a shell
///
/// They are those of this program: plugins of other crates that are linked into it are completed too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bash  musicrec-lab completions bash > ~/.local/share/bash-completion/completions/musicrec-lab
  zsh   musicrec-lab completions zsh > a folder of $fpath/_musicrec-lab
  fish  musicrec-lab completions fish > ~/.config/fish/completions/musicrec-lab.fish")]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, &name, &mut script);
    let mut script = String::from_utf8_lossy(&script).replace('\t', "    ");
    if arguments.shell == Shell::Bash {
        // clap_complete 4.6 writes a hyphen in the program's name in two ways, and commands are not found.
        script = script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    }
    print(&script)
}
