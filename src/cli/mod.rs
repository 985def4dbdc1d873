//! The command line: one file a command.

mod again;
mod audit;
mod cache;
mod changes;
mod check;
mod clean;
mod completions;
mod diff;
mod fit;
mod launch;
mod man;
mod markdown;
mod new_plugin;
mod plan;
mod plugins;
mod progress;
mod recommend;
mod report;
mod rerun;
mod schema;
mod show;
mod status;
mod sweep;
mod synth;
mod unit;
mod verify;
mod watch;
mod whole_file;
mod worker;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{CommandFactory as _, Parser, Subcommand};
use musicrec_api::duplicates;
use serde_json::{Value, json};

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
    Status(status::StatusArguments),
    Wait(status::WaitArguments),
    Retry(status::RetryArguments),
    Cancel(status::CancelArguments),
    Unit(unit::Arguments),
    Watch(watch::Arguments),
    Check(check::Arguments),
    Audit(audit::Arguments),
    Show(show::Arguments),
    Plan(plan::Arguments),
    Report(report::Arguments),
    Fit(fit::Arguments),
    Recommend(recommend::Arguments),
    Rerun(rerun::Arguments),
    Verify(verify::Arguments),
    Diff(diff::Arguments),
    Cache(cache::Arguments),
    Clean(clean::Arguments),
    Synth(synth::Arguments),
    Plugins(plugins::Arguments),
    NewPlugin(new_plugin::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the program with the arguments of the process.
pub(crate) fn run() -> ExitCode {
    let command = Cli::parse().command;
    let ended = one_plugin_a_name().and_then(|()| match command {
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Wait(arguments) => status::wait(&arguments),
        Command::Retry(arguments) => status::retry(&arguments),
        Command::Cancel(arguments) => status::cancel(&arguments),
        Command::Unit(arguments) => unit::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Recommend(arguments) => recommend::run(&arguments),
        Command::Rerun(arguments) => rerun::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Clean(arguments) => clean::run(&arguments),
        Command::Synth(arguments) => synth::run(&arguments),
        Command::Plugins(arguments) => plugins::run(&arguments),
        Command::NewPlugin(arguments) => new_plugin::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, described()),
        Command::Man(arguments) => man::run(&arguments, described()),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            match &failure {
                Failure::Faults(rendered) | Failure::DataFaults(rendered)
                    if !JSON.load(Ordering::Relaxed) =>
                {
                    say_rendered(rendered);
                }
                failure => say(&failure.message()),
            }
            failure.code()
        }
    }
}

/// Where two plugins have one name, what a definition means would hang on the order of linking.
fn one_plugin_a_name() -> Result<(), Failure> {
    let taken: Vec<String> = duplicates()
        .iter()
        .map(|group| {
            let modules: Vec<&str> = group.iter().map(|r| r.module).collect();
            format!(
                "{} plugins of this program are called `{}.{}`: {}",
                group.len(),
                group[0].kind.key(),
                group[0].name,
                modules.join(" and ")
            )
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Failure::Definition(format!(
        "{}; rename all but one (its file, and the name in `#[typetag::serde(name = …)]` and \
         `register!`), or do not link its crate",
        taken.join("; ")
    )))
}

/// The command line's own description, by the name of the running program, which may be another lab
/// with plugins of its own.
fn described() -> clap::Command {
    let command = Cli::command();
    let program = std::env::current_exe().ok();
    match program.as_deref().and_then(|p| p.file_stem()?.to_str()) {
        Some(name) => command.name(name.to_owned()),
        None => command,
    }
}

/// Prints to standard output. A reader who has seen enough (`| head`) is no error. Whatever cells of a
/// log are quoted, nothing acts on the terminal.
fn print(text: &str) -> Result<(), Failure> {
    print_rendered(&visible(text))
}

/// Like [`print()`], for what is rendered with colors.
fn print_rendered(text: &str) -> Result<(), Failure> {
    print_raw(text.as_bytes())
}

/// Like [`print()`], for what is no text, or goes to a file or another program as it is.
fn print_raw(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::output("standard output", &e))
        }
        _ => Ok(()),
    }
}

/// Says something on standard error, which nobody may be reading any more (`2>&1 | head`). Nothing
/// in it acts on the terminal.
fn say(text: &str) {
    if JSON.load(Ordering::Relaxed) {
        say_json("message", json!({ "text": text }));
    } else {
        say_rendered(&visible(text));
    }
}

/// Like [`say`], for what is rendered with colors.
fn say_as_it_is(rendered: &str) {
    if JSON.load(Ordering::Relaxed) {
        say(rendered.trim_end());
    } else {
        say_rendered(rendered);
    }
}

/// Whether all that is said on standard error is JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// From now on whatever is said is a JSON object a line.
fn speak_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// Says an event with its fields as a line of JSON.
fn say_json(event: &str, fields: Value) {
    let mut line = json!({ "time": jiff::Timestamp::now().to_string(), "event": event });
    if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
        line.extend(fields);
    }
    say_rendered(&line.to_string());
}

/// Like [`say`], for what is rendered with colors.
fn say_rendered(text: &str) {
    use std::io::Write as _;
    // One write a line, so that lines of several threads do not mix. Where standard error is gone
    // there is no place left to say so.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// The threads asked for, or as many as the machine has.
fn threads(asked: Option<u16>) -> usize {
    let available = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    asked.map_or_else(available, usize::from)
}

/// Lets what is parallel run on so many threads.
fn start_threads(asked: Option<u16>) -> Result<(), Failure> {
    let count = threads(asked);
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .map_err(|e| Failure::Output(format!("cannot start {count} threads: {e}")))
}

/// The first Ctrl-C (or SIGTERM) lets nothing more begin, a second one ends the program at once. Either
/// leaves the report folder whole.
fn on_interrupt() -> Result<&'static AtomicBool, Failure> {
    on_stop("stopping: what runs is finished and reported; once more (Ctrl-C) to stop at once")
}

/// The same, saying something else then.
fn on_stop(says: &'static str) -> Result<&'static AtomicBool, Failure> {
    static FLAG: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    HANDLER
        .get_or_init(|| {
            ctrlc::set_handler(move || {
                if FLAG.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                say(says);
            })
            .map_err(|e| e.to_string())
        })
        .clone()
        .map_err(|e| Failure::Output(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(&FLAG)
}

/// Whether errors may be colored: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
fn color() -> bool {
    std::io::stderr().is_terminal() && !no_color()
}

/// Prints what reports show on terminals, there in colors unless `NO_COLOR` is set.
fn print_view(view: &str) -> Result<(), Failure> {
    let view = visible(view);
    if std::io::stdout().is_terminal() && !no_color() {
        return print_rendered(&crate::report::colored(&view));
    }
    print_rendered(&view)
}

/// How wide the terminal is that standard output goes to. Piped output depends on no surroundings.
fn terminal_width() -> Option<usize> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let (width, _) = terminal_size::terminal_size_of(&out)?;
    Some(usize::from(width.0))
}

fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}
