//! What is different on a node of a cluster: attempts are kept in the store, for the node may die; an engine
//! may want the place back at any time; and preparing and reporting are work of their own.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use musicrec_api::Error;

use super::death::ATTEMPTS;
use super::messages::{Answer, Ask};
use super::{Lost, lost};
use crate::exit::Failure;
use crate::panics::Broken;
use crate::records::{Attempt, Begun, End};
use crate::stages::unless_cancelled;
use crate::sweep::{Event, Listener, Sweep};

/// How long after a worker's death a signal to this process may arrive that belongs to it.
pub(super) const MOMENT: Duration = Duration::from_millis(200);

/// What the attempts at the first step are called.
pub(crate) const PREPARE: &str = "prepare";
/// What the attempts at the last step are called.
pub(crate) const REPORT: &str = "report";

impl Sweep<'_> {
    /// Where an engine places units: why one is not tried again, if it was tried too often. Attempts on other
    /// nodes count.
    pub(super) fn given_up(&self, unit: &str) -> Result<Option<Broken>, Failure> {
        if self.options.placed.is_none() {
            return Ok(None);
        }
        let in_vain = self.store.in_vain(unit)?;
        if in_vain.len() < ATTEMPTS as usize {
            return Ok(None);
        }
        let words: Vec<String> = in_vain.iter().map(Attempt::words).collect();
        Ok(Some(Broken {
            error: Error::model(format!(
                "it was tried {} times and came to no end: `run.stderr` of this record says what became of \
                 each; if that was no fault of the trial, run the same command with --retry-failed",
                in_vain.len()
            )),
            backtrace: None,
            stderr: Some(words.join("\n")),
            held: None,
        }))
    }

    /// Does something once, and where an engine placed this process keeps account of it, so that attempts
    /// after this node's death know. `attempt` becomes its number.
    pub(super) fn attempted<T>(
        &self,
        unit: &str,
        attempt: &mut u32,
        once: impl FnOnce(u32) -> Result<Result<T, Lost>, Failure>,
    ) -> Result<Result<T, Lost>, Failure> {
        let placed = self.options.placed.as_ref();
        let begun = placed.map(|placed| self.store.begin_attempt(unit, placed));
        let begun = begun.transpose()?;
        *attempt = begun.as_ref().map_or(*attempt + 1, Begun::number);
        let mut came = once(*attempt);
        if let (Some(_), Ok(Err(_))) = (&begun, &came) {
            // Who wants the place back may tell all processes at once, and the worker ended first.
            std::thread::sleep(MOMENT);
            if let Err(cancelled) = unless_cancelled(self.cancel) {
                came = Err(cancelled.into());
            }
        }
        if let Some(begun) = begun {
            begun.end(match &came {
                Ok(Ok(_)) => End::Done,
                Ok(Err(lost)) => End::Died(lost.words()),
                Err(Failure::Interrupted(_)) => End::Released,
                Err(failure) => End::Died(failure.message()),
            })?;
        }
        came
    }

    /// Has a worker keep what all trials rest on.
    pub(in crate::sweep) fn prepare_apart(&self, listener: &Listener) -> Result<(), Failure> {
        self.step_apart(PREPARE, &Ask::Prepare, listener)
    }

    /// Has a worker prepare a part of the log, which it was started for.
    pub(in crate::sweep) fn part_apart(
        &self,
        name: &str,
        listener: &Listener,
    ) -> Result<(), Failure> {
        self.step_apart(name, &Ask::Prepare, listener)
    }

    /// Has a worker make recommendations and report of a sweep that was planned then.
    pub(in crate::sweep) fn report_apart(
        &self,
        planned: &str,
        listener: &Listener,
    ) -> Result<(), Failure> {
        let planned = planned.to_owned();
        self.step_apart(REPORT, &Ask::Report { planned }, listener)
    }

    /// Has a worker do a step of the sweep that is no trial; `name` is what its attempts are called.
    fn step_apart(&self, name: &str, ask: &Ask, listener: &Listener) -> Result<(), Failure> {
        let mut attempt = 0;
        loop {
            if let Some(broken) = self.given_up(name)? {
                return Err(Failure::Output(format!(
                    "{name}: it was tried {ATTEMPTS} times and came to no end: {}; run the same command again \
                     to try it anew",
                    broken.stderr.unwrap_or_default().replace('\n', "; ")
                )));
            }
            let once = |_| {
                let mut worker = self.worker(self.stop())?;
                worker.ask(ask);
                let ended = worker.attend(self.limits(), self.stop(), |answer| match answer {
                    Answer::Over => Ok(Some(())),
                    _ => Ok(None),
                });
                match ended {
                    Ok(()) => Ok(Ok(())),
                    Err(undone) => lost(&worker, undone).map(Err),
                }
            };
            let Err(lost) = self.attempted(name, &mut attempt, once)? else {
                return Ok(());
            };
            if attempt >= ATTEMPTS || !lost.again {
                let said = lost.stderr.as_ref();
                return Err(Failure::Output(format!(
                    "{name}: {}{}",
                    lost.words(),
                    said.map_or(String::new(), |said| format!(", after saying: {said}"))
                )));
            }
            listener(Event::Note(&format!(
                "{name}: {}; it is tried again ({} of {ATTEMPTS})",
                lost.words(),
                attempt + 1
            )));
            unless_cancelled(self.cancel)?;
        }
    }

    /// What stops a fit in the middle: a trial that failed, where that is to stop all; on a node of a cluster
    /// the engine, which wants the place back.
    pub(super) fn stop(&self) -> &AtomicBool {
        match self.options.placed {
            Some(_) => self.cancel,
            None => &self.abort,
        }
    }
}
