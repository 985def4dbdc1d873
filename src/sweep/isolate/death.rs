//! How a worker came to its end, in words that say what to do.

use std::process::ExitStatus;
use std::time::Duration;

use crate::text::counted;

/// How often a unit is tried before its trials fail.
pub(super) const ATTEMPTS: u32 = 3;

/// Why a worker is no more.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Death {
    /// It ended by itself, or was ended from outside.
    Ended(ExitStatus),
    /// What it did took longer than this.
    TooLong(Duration),
    /// It held more than it may.
    TooLarge { held: u64, limit: u64 },
}

impl Death {
    /// Whether another attempt could end otherwise. A crash may be an accident: of the machine, of
    /// what runs beside it. Time is a limit that somebody has set so that nothing takes longer; three
    /// attempts would take three times as long. Memory is counted by process, so neighbors have no part
    /// in it, but what earlier units of the process left behind has.
    pub(super) fn worth_another(&self, first_of_its_worker: bool) -> bool {
        match self {
            Self::Ended(_) => true,
            Self::TooLong(_) => false,
            Self::TooLarge { .. } => !first_of_its_worker,
        }
    }

    /// What happened, shortly.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Ended(status) => format!("the process that ran the fit ended with {status}"),
            Self::TooLong(limit) => format!(
                "the fit was stopped: it was not done after {}, which is what --timeout allows",
                counted(limit.as_secs() as usize, "second")
            ),
            Self::TooLarge { held, limit } => format!(
                "the fit was stopped: its process held {:.2} GB, and --memory-per-job allows {:.2} GB, \
                 the log included",
                *held as f64 / 1e9,
                *limit as f64 / 1e9
            ),
        }
    }

    /// The message of a trial that failed so.
    pub(super) fn message(&self, attempts: u32) -> String {
        let advice = match self {
            Self::Ended(status) if signal(*status) == Some(9) => {
                "it was killed from outside, mostly by the system for want of memory: run fewer at once \
                 (--jobs), or make the model smaller (fewer `factors`, say)"
            }
            Self::Ended(status) if signal(*status).is_some() => {
                "it crashed in a plugin or a library under it (a stack overflow, an abort, a fault of \
                 native code); its last lines, if it said any, are in `run.stderr` of this record"
            }
            Self::Ended(_) => {
                "a plugin, or a library under it, ended the process by itself; its last lines, if it \
                 said any, are in `run.stderr` of this record"
            }
            Self::TooLong(_) => {
                "raise --timeout, or make the model smaller (fewer `iterations`, say)"
            }
            Self::TooLarge { .. } => {
                "raise --memory-per-job, or make the model smaller (fewer `factors`, say)"
            }
        };
        let times = match attempts {
            1 => String::new(),
            n => format!(" in the last of {n} attempts"),
        };
        format!(
            "{}{times}; {advice}; then run the same command with --retry-failed",
            self.what()
        )
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// Elsewhere there are none.
#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::Death;

    #[test]
    fn each_end_says_what_was_seen_and_what_to_do() {
        let ended = |raw| Death::Ended(ExitStatus::from_raw(raw));
        for (death, phrases) in [
            (ended(9), ["SIGKILL", "--jobs"]),
            (ended(11), ["SIGSEGV", "run.stderr"]),
            (ended(3 << 8), ["exit status: 3", "by itself"]),
            (
                Death::TooLong(Duration::from_secs(1)),
                ["after 1 second,", "raise --timeout"],
            ),
            (
                Death::TooLarge {
                    held: 3_000_000_000,
                    limit: 2_000_000_000,
                },
                ["3.00 GB", "raise --memory-per-job"],
            ),
        ] {
            let message = death.message(3);
            for phrase in phrases {
                assert!(message.contains(phrase), "{message}");
            }
            assert!(message.contains("3 attempts") && message.contains("--retry-failed"));
        }
    }

    #[test]
    fn limits_are_no_accidents() {
        let crash = Death::Ended(ExitStatus::from_raw(6));
        let time = Death::TooLong(Duration::from_secs(1));
        let memory = Death::TooLarge { held: 2, limit: 1 };
        for first in [true, false] {
            assert!(crash.worth_another(first));
            assert!(!time.worth_another(first));
            assert_eq!(memory.worth_another(first), !first);
        }
    }
}
