//! Looks on while an engine runs a sweep, from whatever process: the store tells what has ended, the engine
//! whether anything may still come.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use musicrec_api::{Look, Role};

use super::plan::Plan;
use super::submissions::{self, Complaint, FOLDER};
use crate::exit::Failure;
use crate::experiment::Experiment;
use crate::records::Store;
use crate::sweep::placed::{Fate, UnitState};
use crate::sweep::steps::{Step, Width};
use crate::sweep::{Begin, Event, Listener, Sweep};
use crate::text::counted;

/// How often the store is looked at; less often where a look takes long.
const LOOK: Duration = Duration::from_millis(500);
/// Of the time, looks take one part in so many at most.
const SHARE: u32 = 20;
/// How often the engine is asked, which is a service that others use too.
const ASK: Duration = Duration::from_secs(5);

/// How long an engine may be silent before nobody waits for it any longer. Controllers that are started anew
/// take minutes.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Follows the sweep of a store, under its full path, until it is over; returns how many of its trials failed.
///
/// # Errors
/// If nothing is left that would bring it to its end, or the user does not want to look any longer.
pub(crate) fn follow(
    store: &Store,
    cancel: &AtomicBool,
    listener: &Listener,
) -> Result<usize, Failure> {
    let plan = Plan::read(store)?;
    let experiment = plan.experiment()?;
    let mut follower = Follower {
        plan: &plan,
        experiment: &experiment,
        store,
        cancel,
        listener,
        asked: None,
        silent: None,
        said: BTreeSet::new(),
    };
    let mut failed = 0;
    for width in &plan.steps {
        failed += follower.step(width)?;
    }
    Ok(failed)
}

struct Follower<'f> {
    plan: &'f Plan,
    experiment: &'f Experiment,
    store: &'f Store,
    cancel: &'f AtomicBool,
    listener: &'f Listener<'f>,
    /// When the engine was asked last.
    asked: Option<Instant>,
    /// Since when it does not answer.
    silent: Option<Instant>,
    /// What it has been quoted with.
    said: BTreeSet<String>,
}

impl Follower<'_> {
    /// Waits until a step is over and tells of its trials; returns how many failed.
    fn step(&mut self, width: &Width) -> Result<usize, Failure> {
        let options = self.plan.options(self.store, 1);
        let (mut told, mut begun) = (None, false);
        let mut lives = true;
        loop {
            let looked = Instant::now();
            // What the first step leaves, and that the last is over, stands in a file of the folder.
            let mut sweep = Sweep::unread(self.experiment, &options, self.cancel, &self.plan.data)?;
            let states = sweep.states(width.step)?;
            if let Some(states) = &states {
                let open = states.iter().any(UnitState::is_open);
                if open && !begun {
                    (self.listener)(Event::Planned(sweep.overview()));
                    self.begin(width.step, states);
                    begun = true;
                }
                let failed = self.tell(width.step, states, &mut told)?;
                if !open {
                    if begun && role(width.step).is_some() {
                        (self.listener)(Event::End);
                    }
                    return Ok(failed);
                }
            }
            if !lives {
                return Err(self.stranded(width, states.as_deref()));
            }
            lives = self.lives()?;
            // What has ended since the look is found by another one.
            if lives {
                self.rest(LOOK.max(looked.elapsed() * SHARE))?;
            }
        }
    }

    fn begin(&self, step: Step, states: &[UnitState]) {
        let Some(role) = role(step) else {
            (self.listener)(Event::Note(match step {
                Step::Divide => "waiting for the pieces of the log to be read",
                Step::Clean => "waiting for the groups of users to be cleaned",
                Step::Prepare => "waiting for the log to be prepared",
                _ => "waiting for recommendations and report",
            }));
            return;
        };
        let fates = states.iter().flat_map(|state| &state.trials);
        let count = |fate| fates.clone().filter(|(_, own)| *own == fate).count();
        let open = count(Fate::Open);
        (self.listener)(Event::Begin(Begin {
            role,
            trials: fates.clone().count(),
            seeds: false,
            known: count(Fate::Done),
            failed: count(Fate::Failed),
            equal: 0,
            fits: states.iter().filter(|state| state.is_open()).count(),
            jobs: 1,
            threads: 1,
            // How long each takes is not known: all count the same.
            seconds: open as f64,
        }));
    }

    /// Tells of the trials that have ended since the last look; returns how many have failed in all. `told` are
    /// those that had ended then, nothing before the first look: what had ended before that is known.
    fn tell(
        &self,
        step: Step,
        states: &[UnitState],
        told: &mut Option<BTreeSet<String>>,
    ) -> Result<usize, Failure> {
        if role(step).is_none() {
            return Ok(0);
        }
        let mut failed = 0;
        let mut ended = BTreeSet::new();
        for (id, fate) in states.iter().flat_map(|state| &state.trials) {
            if let Fate::Open | Fate::Unreached = fate {
                continue;
            }
            failed += usize::from(*fate == Fate::Failed);
            if told.as_ref().is_some_and(|told| !told.contains(id)) {
                let record = match fate {
                    Fate::Failed => self.store.failed(id)?,
                    _ => self.store.record(id)?,
                };
                if let Some(record) = record {
                    (self.listener)(Event::Trial(&record, 1.0));
                }
            }
            ended.insert(id.clone());
        }
        *told = Some(ended);
        Ok(failed)
    }

    /// Whether anything may still come of what was submitted.
    fn lives(&mut self) -> Result<bool, Failure> {
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK) {
            return Ok(true);
        }
        self.asked = Some(Instant::now());
        let mut lives = false;
        let mut silent = None;
        for mut submission in submissions::all(self.store)? {
            let look = match submission.look(self.store) {
                Ok(look) => look,
                // An engine that is down mostly comes back.
                Err(Failure::Engine(text)) => {
                    let since = *silent.insert(self.silent.unwrap_or_else(Instant::now));
                    if since.elapsed() > SILENCE {
                        return Err(Failure::Engine(format!(
                            "{text}; nobody waits for it any longer: run the same command again once it answers"
                        )));
                    }
                    Look {
                        says: vec![format!("{text}; it is asked again")],
                        unknown: true,
                        ..Look::default()
                    }
                }
                Err(failure) => return Err(failure),
            };
            lives |= look.lives();
            for says in look.says {
                if self.said.insert(says.clone()) {
                    (self.listener)(Event::Alarm(&says));
                }
            }
        }
        self.silent = silent;
        Ok(lives)
    }

    fn rest(&self, duration: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while begun.elapsed() < duration {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted(format!(
                    "no longer looking on; what was submitted goes on. `musicrec-lab status {0}` shows how \
                     far it is, `musicrec-lab wait {0}` waits, `musicrec-lab cancel {0}` ends it",
                    self.store.folder().display()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Why it will not come to its end by itself.
    fn stranded(&self, width: &Width, states: Option<&[UnitState]>) -> Failure {
        let fates = states.into_iter().flatten().flat_map(|state| &state.trials);
        let open = fates.filter(|(_, fate)| *fate == Fate::Open).count();
        let name = width.name();
        let what = match open {
            _ if role(width.step).is_none() => format!("the step `{name}` is not done"),
            0 => format!("the step `{name}` has not begun"),
            open => format!("of the step `{name}` {} no record", counted_have(open)),
        };
        let said = match submissions::last_complaint(self.store) {
            Complaint::Said(said) => said,
            Complaint::Silent => format!(
                "the units complained of nothing; what they printed is in {}",
                self.store.path(FOLDER).display()
            ),
            Complaint::Nothing => format!(
                "no unit has printed anything: do the nodes see {} under this path?",
                self.store.folder().display()
            ),
        };
        Failure::Engine(format!(
            "nothing that was submitted runs or waits any more, but {what}: {said}. Mend that if it is not \
             by chance, then give the same command again, which submits what is missing"
        ))
    }
}

fn counted_have(trials: usize) -> String {
    let have = if trials == 1 { "has" } else { "have" };
    format!("{} {have}", counted(trials, "trial"))
}

/// The part that a step's trials are of.
fn role(step: Step) -> Option<Role> {
    match step {
        Step::Validation(_) => Some(Role::Validation),
        Step::Test => Some(Role::Test),
        Step::Divide | Step::Clean | Step::Prepare | Step::Report => None,
    }
}
