//! `musicrec-lab watch`: a sweep in progress, seen from another process.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::{no_color, print, say};
use crate::exit::{Failure, Failures};
use crate::watch::{State, View, Watcher, block, changes};

/// How soon Ctrl-C is heard.
const MOMENT: Duration = Duration::from_millis(50);

/// So often in a row a folder that was there may be gone: `--fresh` sets it aside and makes it anew.
const GONE: usize = 3;

/// See how far a sweep is that runs in another process, until it ends
///
/// Who works in the folder, on what part, how many trials are done, failed, running and to do, how long
/// the part will take, the best so far, what failed and why. It only looks: nothing is written, and no
/// sweep is held up. On a terminal it is drawn anew in place; in a pipe a line is printed when something
/// changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  musicrec-lab watch reports/quickstart
  musicrec-lab watch reports/quickstart --wait && musicrec-lab verify reports/quickstart
  musicrec-lab watch reports/quickstart --once --format json

Ends with the sweep: with 0 if all is done, with 1 if trials failed, with 130 if the sweep was interrupted
or killed before all was done. With --once it ends with 0 while a sweep works there.")]
pub(super) struct Arguments {
    /// The report folder of an experiment
    folder: PathBuf,

    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = interval)]
    interval: f64,

    /// Look once and say what there is
    #[arg(long)]
    once: bool,

    /// Wait for a folder that is not there yet: a sweep makes it once it has read and cleaned the log
    #[arg(long, conflicts_with = "once")]
    wait: bool,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: everything as a JSON object on a line, and another one whenever something changed
    Json,
}

fn interval(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("between 0.1 and 3600 seconds".to_owned())
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stop = on_interrupt()?;
    let mut watcher = Watcher::new(&arguments.folder);
    if arguments.once {
        let view = watcher.look()?;
        match arguments.format {
            Format::Json => print(&json(&view))?,
            Format::Text => print(&(block(&view, Timestamp::now()).join("\n") + "\n"))?,
        }
        return end(&view, arguments.format);
    }
    if arguments.wait && !watcher.is_there() {
        say(&format!("waiting for {}", arguments.folder.display()));
        while !watcher.is_there() {
            rest(arguments.interval, stop)?;
        }
    }
    let mut screen = Screen::new(arguments.format);
    let mut gone = 0;
    loop {
        match watcher.look() {
            Ok(view) => {
                gone = 0;
                screen.show(&view)?;
                if view.is_over() {
                    screen.leave();
                    return end(&view, arguments.format);
                }
                screen.before = Some(view);
            }
            Err(_) if screen.before.is_some() && gone < GONE => gone += 1,
            Err(failure) => return Err(failure),
        }
        if let Err(stopped) = rest(arguments.interval, stop) {
            screen.leave();
            return Err(stopped);
        }
    }
}

/// Where a view is shown, and the one before.
struct Screen {
    format: Format,
    /// What is drawn anew in place, on a terminal.
    bar: Option<ProgressBar>,
    before: Option<View>,
}

impl Screen {
    fn new(format: Format) -> Self {
        let on_terminal = format == Format::Text && std::io::stdout().is_terminal();
        let bar = || {
            let style = ProgressStyle::with_template("{msg}").expect("the template is a constant");
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout()).with_style(style)
        };
        Self {
            format,
            bar: on_terminal.then(bar),
            before: None,
        }
    }

    fn show(&self, view: &View) -> Result<(), Failure> {
        let now = Timestamp::now();
        if let Some(bar) = &self.bar {
            bar.set_message(fitted(block(view, now)));
            bar.tick();
            return Ok(());
        }
        match self.format {
            Format::Json => {
                let still = |view: &View| view.still();
                if self.before.as_ref().map(still) != Some(view.still()) {
                    print(&json(view))?;
                }
            }
            Format::Text => {
                for line in changes(self.before.as_ref(), view, now) {
                    print(&format!("{line}\n"))?;
                }
            }
        }
        Ok(())
    }

    /// What was drawn last stays.
    fn leave(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

/// Lines that fit the terminal, the first in bold and failures in red where colors are wanted.
fn fitted(lines: Vec<String>) -> String {
    let width = terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| width.0.into());
    let colors = !no_color();
    let line = |(at, line): (usize, String)| {
        let mut line = line;
        if line.chars().count() >= width {
            line = line
                .chars()
                .take(width.saturating_sub(2))
                .collect::<String>()
                + "…";
        }
        match (colors, at, line.trim_start().starts_with("failed:")) {
            (true, 0, _) => format!("\x1b[1m{line}\x1b[0m"),
            (true, _, true) => format!("\x1b[31m{line}\x1b[0m"),
            _ => line,
        }
    };
    let lines: Vec<String> = lines.into_iter().enumerate().map(line).collect();
    lines.join("\n")
}

fn json(view: &View) -> String {
    serde_json::to_string(view).expect("plain data") + "\n"
}

/// How it ended, in words where people read, and as an exit code.
fn end(view: &View, format: Format) -> Result<(), Failure> {
    if let Some(verdict) = view.verdict.as_ref().filter(|_| format == Format::Text) {
        print(&format!("\nVerdict: {verdict}\n"))?;
    }
    match view.state {
        State::Interrupted => {
            let command = view.command.as_deref().unwrap_or_default();
            Err(Failure::Interrupted(format!(
                "the sweep in {} has not ended, and nobody works there; the same command goes on with \
                 it: {command}",
                view.folder
            )))
        }
        State::Ended => {
            let failures = Failures {
                trials: view.failed,
                recommendations: view.recommendations_failed.is_some(),
            };
            failures.ended()
        }
        _ => Ok(()),
    }
}

/// Waits for the next look.
fn rest(seconds: f64, stop: &AtomicBool) -> Result<(), Failure> {
    let begun = Instant::now();
    let interval = Duration::from_secs_f64(seconds);
    while begun.elapsed() < interval {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted(
                "no longer watching; the sweep goes on without being watched".to_owned(),
            ));
        }
        std::thread::sleep(MOMENT.min(interval));
    }
    Ok(())
}

/// Ctrl-C (or SIGTERM) ends the watching and leaves the terminal as it was.
fn on_interrupt() -> Result<&'static AtomicBool, Failure> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))
        .map_err(|e| Failure::Output(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(&STOP)
}
