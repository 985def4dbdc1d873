//! What a person sees while a sweep runs: a bar with the running best and the time left on a terminal,
//! else a line as each trial ends; for programs a JSON object a line. All on standard error, so that
//! standard output stays the report.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{say, say_json};
use crate::records::{Outcome, Record};
use crate::report::Summary;
use crate::settings::trial_name;
use crate::sweep::{Begin, Event, Overview};
use crate::text::visible;

/// A bar for those who see standard error, none for a pipe: of so many things, or a sign of life where
/// their number is not known.
pub(super) fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.with_style(style.progress_chars("=> "))
}

/// For whom progress is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// A bar on a terminal, lines elsewhere.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Shows events of a sweep.
#[derive(Debug)]
pub(super) struct Progress {
    form: Form,
    quiet: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    select: String,
    /// What each trial is called, by the ids of its records: variant and settings.
    names: HashMap<String, (String, String)>,
    bar: Option<ProgressBar>,
    best: Option<(f64, String)>,
    running: Option<Running>,
}

impl State {
    fn names(&mut self, overview: &Overview) {
        self.select.clone_from(&overview.select);
        for variant in &overview.variants {
            for trial in &variant.trials {
                for id in trial.ids() {
                    // Of equal trials the first one runs.
                    let name = || (variant.name.clone(), trial.settings.clone());
                    self.names.entry(id.to_owned()).or_insert_with(name);
                }
            }
        }
    }

    /// What a trial is called: variant and settings.
    fn named(&self, record: &Record) -> (String, String) {
        let unnamed = || (record.run.variant.clone(), String::new());
        self.names.get(&record.id).cloned().unwrap_or_else(unnamed)
    }

    /// The same as one text.
    fn name(&self, record: &Record) -> String {
        let (variant, settings) = self.named(record);
        trial_name(&variant, &settings)
    }
}

/// The trials of a part that run.
#[derive(Debug)]
struct Running {
    begin: Begin,
    since: Instant,
    /// Trials that have ended, those with a record from before included.
    ended: usize,
    /// What those that ended now were expected to take, in seconds on one thread.
    worked: f64,
}

impl Running {
    /// Seconds until the last ends, from what the trials that ended took against what they were
    /// expected to take; by the expectation alone before the first.
    fn left(&self) -> f64 {
        let open = (self.begin.seconds - self.worked).max(0.0);
        if self.worked > 0.0 {
            open * self.since.elapsed().as_secs_f64() / self.worked
        } else {
            open / (self.begin.jobs * self.begin.threads) as f64
        }
    }
}

impl Progress {
    /// In the form given; if quiet, nothing but failures.
    pub(super) fn new(form: Form, quiet: bool) -> Self {
        if form == Form::Json {
            super::speak_json();
        }
        Self {
            form,
            quiet,
            state: Mutex::default(),
        }
    }

    /// What trials are called, and the metric that decides.
    pub(super) fn names(&self, overview: &Overview) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.names(overview);
    }

    /// Says something, unless quiet.
    pub(super) fn says(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// The report is written; only programs want to be told apart from the rest of the output.
    pub(super) fn end(&self, summary: &Summary, report: &Path) {
        if self.form == Form::Json {
            say_json(
                "end",
                json!({ "report": report, "finished": summary.overview.finished, "verdict": summary.verdict }),
            );
        }
    }

    pub(super) fn on(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned(overview) => state.names(overview),
            Event::Begin(begin) => self.begin(&mut state, begin),
            Event::Trial(record, seconds) => self.trial(&mut state, record, seconds),
            Event::Conflict(record, path) => conflict(&state, record, path),
            Event::End => {
                state.running = None;
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
            }
            Event::Rung(words, names) => {
                for (id, variant, settings) in names {
                    let name = (variant.clone(), settings.clone());
                    state.names.insert(id.clone(), name);
                }
                self.says(words);
            }
            Event::Note(text) => self.says(text),
            Event::Alarm(text) => say(&format!("note: {text}")),
            Event::Recommending => {
                self.says("recommending: fitting the best variant on the whole log");
            }
            Event::Drawing(rankings) => self.says(&format!("drawing {rankings} random rankings")),
        }
    }

    fn begin(&self, state: &mut State, begin: Begin) {
        let Begin { trials, known, .. } = begin;
        state.best = None;
        state.running = Some(Running {
            begin,
            since: Instant::now(),
            ended: known + begin.failed,
            worked: 0.0,
        });
        if self.quiet {
            return;
        }
        if self.form == Form::Json {
            say_json("begin", begun(&begin));
            return;
        }
        let role = begin.role.name();
        if begin.equal > 0 {
            say(&format!(
                "{role}: {} of {} trials are equal to others and are not run twice",
                begin.equal,
                trials + begin.equal
            ));
        }
        if known > 0 {
            say(&format!(
                "{role}: {known} of {trials} trials have a record already and are not run again"
            ));
        }
        if begin.failed > 0 {
            say(&format!(
                "{role}: {} of {trials} trials failed before and are not tried again \
                 (--retry-failed tries them)",
                begin.failed
            ));
        }
        let runs = trials - known - begin.failed;
        if runs == 0 {
            return;
        }
        if std::io::stderr().is_terminal() {
            let style = "{prefix} [{bar:30}] {pos}/{len} trials, {elapsed} gone{msg}";
            let bar = bar(Some(trials as u64), style)
                .with_prefix(role)
                .with_position((known + begin.failed) as u64);
            bar.enable_steady_tick(Duration::from_millis(200));
            state.bar = Some(bar);
        } else {
            say(&format!(
                "{role}: running {runs} trials{}",
                how(&begin, runs)
            ));
        }
    }

    fn trial(&self, state: &mut State, record: &Record, seconds: f64) {
        let named = state.named(record);
        let Some(running) = &mut state.running else {
            return;
        };
        running.ended += 1;
        running.worked += seconds;
        let (ended, of, left) = (running.ended, running.begin.trials, running.left());
        let role = running.begin.role.name();
        let name = state.name(record);
        let value = record.metric(&state.select);
        if let Some(value) = value
            && state.best.as_ref().is_none_or(|(best, _)| value > *best)
        {
            state.best = Some((value, name.clone()));
        }
        let took = record.run.fit_seconds() + record.run.rank_seconds();
        let failure = match &record.result.outcome {
            Outcome::Failed { message } => Some(message),
            Outcome::Done { .. } => None,
        };
        if self.form == Form::Json && (failure.is_some() || !self.quiet) {
            say_json(
                "trial",
                json!({
                    "role": role, "id": record.id, "variant": named.0, "settings": named.1,
                    "status": if failure.is_some() { "failed" } else { "done" },
                    "message": failure, "metric": state.select, "value": value,
                    "seconds": took, "kept": record.run.kept, "ended": ended, "trials": of, "seconds_left": left,
                    "best": state.best.as_ref().map(|(_, name)| name),
                    "best_value": state.best.as_ref().map(|(value, _)| value),
                }),
            );
            return;
        }
        let line = match (failure, value) {
            (Some(message), _) => format!("{role}: {name} failed: {message}"),
            (None, Some(value)) if record.run.kept => {
                format!(
                    "{role}: {name} {} {value:.4} (lists from the cache)",
                    state.select
                )
            }
            (None, Some(value)) => {
                format!("{role}: {name} {} {value:.4} ({took:.2} s)", state.select)
            }
            (None, None) => return,
        };
        match &state.bar {
            Some(bar) => {
                if failure.is_some() {
                    bar.println(visible(&line));
                }
                let best = state.best.as_ref().map_or(String::new(), |(value, name)| {
                    format!(", best {name} {} {value:.4}", state.select)
                });
                bar.set_message(format!(", {} left{best}", duration(left)));
                bar.inc(1);
            }
            None if failure.is_some() || !self.quiet => {
                let left = if ended < of && left >= 10.0 {
                    format!(", {ended} of {of}, about {} of {role} left", duration(left))
                } else {
                    String::new()
                };
                say(&format!("{line}{left}"));
            }
            None => {}
        }
    }
}

/// Never silent: one of the two results is wrong.
fn conflict(state: &State, record: &Record, path: &Path) {
    let line = format!(
        "warning: {}: {} came to another result than its record, which stays; the second one is {}, \
         see the warnings of the report",
        record.result.key.role.name(),
        state.name(record),
        path.display()
    );
    match &state.bar {
        Some(bar) => bar.suspend(|| say(&line)),
        None => say(&line),
    }
}

/// How trials run, where that is not one by one.
fn how(begin: &Begin, runs: usize) -> String {
    let mut how = String::new();
    if begin.seeds {
        how += " (each seed of a stochastic model is one)";
    }
    if begin.fits < runs {
        let _ = write!(how, " by {} fits", begin.fits);
    }
    if begin.jobs > 1 {
        let _ = write!(how, ", {} at once", begin.jobs);
    }
    how
}

fn begun(begin: &Begin) -> Value {
    json!({
        "role": begin.role.name(), "trials": begin.trials, "known": begin.known,
        "failed_before": begin.failed, "equal": begin.equal, "fits": begin.fits, "jobs": begin.jobs,
        "threads": begin.threads, "expected_cpu_seconds": begin.seconds,
    })
}

/// A time that is left, as one would say it.
fn duration(seconds: f64) -> String {
    match seconds.ceil() {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}
