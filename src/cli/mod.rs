//! The command line: one file a command.

mod check;
mod completions;
mod man;
mod markdown;
mod plugins;
mod progress;
mod schema;
mod sweep;
mod synth;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::{Failure, TABLE};
use crate::text::visible;

/// The experiment lab for music recommenders: which one, with which settings, gives my listeners the
/// best next three songs, and is the difference real?
#[derive(Debug, Parser)]
#[command(version, after_help = TABLE, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sweep(sweep::Arguments),
    Check(check::Arguments),
    Synth(synth::Arguments),
    Plugins(plugins::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the program with the arguments of the process.
pub(crate) fn run() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Synth(arguments) => synth::run(&arguments),
        Command::Plugins(arguments) => plugins::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Cli::command()),
        Command::Man(arguments) => man::run(&arguments, Cli::command()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match &failure {
                Failure::Faults(rendered) => say_rendered(rendered),
                failure => say(&failure.message()),
            }
            failure.code()
        }
    }
}

/// Prints to standard output. A reader who has seen enough (`| head`) is no error. Whatever cells of a
/// log are quoted, nothing acts on the terminal.
fn print(text: &str) -> Result<(), Failure> {
    print_rendered(&visible(text))
}

/// Like [`print`], for what is rendered with colors.
fn print_rendered(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::output("standard output", &e))
        }
        _ => Ok(()),
    }
}

/// Says something on standard error, which nobody may be reading any more (`2>&1 | head`). Nothing
/// in it acts on the terminal.
fn say(text: &str) {
    say_rendered(&visible(text));
}

/// Like [`say`], for what is rendered with colors.
fn say_rendered(text: &str) {
    use std::io::Write as _;
    // One write a line, so that lines of several threads do not mix. Where standard error is gone
    // there is no place left to say so.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Whether errors may be colored: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
fn color() -> bool {
    std::io::stderr().is_terminal() && !no_color()
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}
