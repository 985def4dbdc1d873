//! Fits by their log: which run, which are over, and what they took.

use std::collections::BTreeMap;

use jiff::Timestamp;
use musicrec_api::Role;

use super::placed::AtWork;
use super::seconds;
use crate::records::{Fit, FitEvent, Worker};

/// Fits in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Fits {
    pub(super) all: Vec<Span>,
}

/// A fit and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub(super) unit: String,
    pub(super) role: Role,
    /// The ids of the trials that it serves.
    pub(super) trials: Vec<String>,
    pub(super) pid: u32,
    pub(super) began: Timestamp,
    /// When it was over, and whether all went well; of one that runs, or whose process died, nothing.
    pub(super) over: Option<(Timestamp, bool)>,
}

impl Span {
    /// Wall seconds, until now if it is not over.
    pub(super) fn seconds(&self, now: Timestamp) -> f64 {
        seconds(self.began, self.over.map_or(now, |(over, _)| over)).max(0.0)
    }
}

impl Fits {
    /// Adds lines of the log. What ends without a beginning was cut off in front.
    pub(super) fn extend(&mut self, lines: Vec<Fit>) {
        for fit in lines {
            let Ok(time) = fit.time.parse::<Timestamp>() else {
                continue;
            };
            if fit.event == FitEvent::Begin {
                self.all.push(Span {
                    unit: fit.unit,
                    role: fit.role,
                    trials: fit.trials,
                    pid: fit.pid,
                    began: time,
                    over: None,
                });
                continue;
            }
            let is_it = |span: &&mut Span| {
                span.over.is_none()
                    && (span.pid, span.role, &span.unit) == (fit.pid, fit.role, &fit.unit)
            };
            if let Some(span) = self.all.iter_mut().rev().find(is_it) {
                span.over = Some((time, fit.event == FitEvent::End));
            }
        }
    }

    /// Those that one of these processes began since it came, and those of units on other nodes, of which only
    /// those run that are `placed`, each the last time that it began: who dies there ends no line here.
    pub(super) fn of(&self, workers: &[Worker], placed: &AtWork) -> Vec<&Span> {
        let mut last = BTreeMap::new();
        for (at, span) in self.all.iter().enumerate() {
            last.insert(&span.unit, at);
        }
        let mine = |at: usize, span: &Span, worker: &Worker| {
            let since = worker.since.parse::<Timestamp>();
            let runs = || placed.contains_key(&span.unit) && last[&span.unit] == at;
            since.is_ok_and(|since| since <= span.began)
                && if worker.is_elsewhere() {
                    span.over.is_some() || runs()
                } else {
                    worker.pid == span.pid
                }
        };
        let all = self.all.iter().enumerate();
        let own = all.filter(|(at, span)| workers.iter().any(|worker| mine(*at, span, worker)));
        own.map(|(_, span)| span).collect()
    }
}
