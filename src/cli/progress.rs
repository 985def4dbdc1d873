//! What a person sees while trials run: a bar with the running best on a terminal, else a line as
//! each trial ends. All on standard error, so that standard output stays the report.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use musicrec_api::Role;

use super::say;
use crate::records::{Outcome, Record};
use crate::sweep::{Event, Overview};
use crate::text::visible;

/// Shows events of a sweep.
#[derive(Debug)]
pub(super) struct Progress {
    select: String,
    /// What each trial is called, by the ids of its records.
    names: HashMap<String, String>,
    quiet: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bar: Option<ProgressBar>,
    best: Option<(f64, String)>,
    role: Option<Role>,
}

impl Progress {
    /// Shows the running best by the deciding metric.
    pub(super) fn new(overview: &Overview, quiet: bool) -> Self {
        let mut names = HashMap::new();
        for variant in &overview.variants {
            for trial in &variant.trials {
                let name = match trial.settings.as_str() {
                    "" => variant.name.clone(),
                    settings => format!("{} ({settings})", variant.name),
                };
                for id in trial.ids() {
                    // Of equal trials the first one runs.
                    names.entry(id.to_owned()).or_insert_with(|| name.clone());
                }
            }
        }
        Self {
            select: overview.select.clone(),
            names,
            quiet,
            state: Mutex::default(),
        }
    }

    pub(super) fn on(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begin {
                role,
                trials,
                seeds,
                known,
                equal,
            } => self.begin(&mut state, role, seeds, [trials, known, equal]),
            Event::Trial(record) => self.trial(&mut state, record),
            Event::Conflict(record, path) => self.conflict(&state, record, path),
            Event::End => {
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
            }
            Event::Recommending if !self.quiet => {
                say("recommending: fitting the best variant on the whole log");
            }
            Event::Drawing(rankings) if !self.quiet => {
                say(&format!("drawing {rankings} random rankings"));
            }
            Event::Recommending | Event::Drawing(_) => {}
        }
    }

    fn begin(
        &self,
        state: &mut State,
        role: Role,
        seeds: bool,
        [trials, known, equal]: [usize; 3],
    ) {
        *state = State {
            role: Some(role),
            ..State::default()
        };
        if self.quiet {
            return;
        }
        if equal > 0 {
            say(&format!(
                "{}: {equal} of {} trials are equal to others and are not run twice",
                role.name(),
                trials + equal
            ));
        }
        if known > 0 {
            say(&format!(
                "{}: {known} of {trials} trials have a record already and are not run again",
                role.name()
            ));
        }
        if known == trials {
            return;
        }
        if std::io::stderr().is_terminal() {
            let style = "{prefix} [{bar:30}] {pos}/{len} trials, {elapsed} gone, {eta} left{msg}";
            let bar = ProgressBar::new(trials as u64)
                .with_style(
                    ProgressStyle::with_template(style)
                        .expect("the template is a constant")
                        .progress_chars("=> "),
                )
                .with_prefix(role.name())
                .with_position(known as u64);
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            state.bar = Some(bar);
        } else {
            say(&format!(
                "{}: running {} trials{}",
                role.name(),
                trials - known,
                if seeds {
                    " (each seed of a stochastic model is one)"
                } else {
                    ""
                }
            ));
        }
    }

    /// Never silent: one of the two results is wrong.
    fn conflict(&self, state: &State, record: &Record, path: &Path) {
        let line = format!(
            "warning: {}: {} came to another result than its record, which stays; the second one is \
             {}, see the warnings of the report",
            state.role.map_or("", Role::name),
            self.name(record),
            path.display()
        );
        match &state.bar {
            Some(bar) => bar.suspend(|| say(&line)),
            None => say(&line),
        }
    }

    fn name<'a>(&'a self, record: &'a Record) -> &'a String {
        self.names.get(&record.id).unwrap_or(&record.run.variant)
    }

    fn trial(&self, state: &mut State, record: &Record) {
        let variant = self.name(record);
        let role = state.role.map_or("", Role::name);
        let line = match (&record.result.outcome, record.metric(&self.select)) {
            (Outcome::Failed { message }, _) => format!("{role}: {variant} failed: {message}"),
            (_, Some(value)) => {
                if state.best.as_ref().is_none_or(|(best, _)| value > *best) {
                    state.best = Some((value, variant.clone()));
                }
                let seconds = record.run.fit_seconds + record.run.rank_seconds;
                format!(
                    "{role}: {variant} {} {value:.4} ({seconds:.2} s)",
                    self.select
                )
            }
            (_, None) => return,
        };
        let failed = matches!(record.result.outcome, Outcome::Failed { .. });
        match &state.bar {
            Some(bar) => {
                if failed {
                    bar.println(visible(&line));
                }
                if let Some((value, variant)) = &state.best {
                    bar.set_message(format!(", best {variant} {} {value:.4}", self.select));
                }
                bar.inc(1);
            }
            None if failed || !self.quiet => say(&line),
            None => {}
        }
    }
}
