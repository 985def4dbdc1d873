//! Where a trial broke off. A panic of a job's thread is part of the trial's record, so it is kept
//! instead of printed into the middle of whatever is on the terminal.

use std::any::Any;
use std::backtrace::Backtrace;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

use musicrec_api::{Error, Result};

use crate::text::panic_text;

/// The name of a job's threads begins so.
const JOB: &str = "job-";

/// By the name of the threads: where the last of them panicked.
static LAST: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);

/// The name that the threads of a job must have for this to work.
pub(crate) fn thread_name(job: usize) -> String {
    format!("{JOB}{job}")
}

/// Keeps panics of jobs from now on; those of other threads are printed as ever.
pub(crate) fn keep() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let ever = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            match thread.name().filter(|name| name.starts_with(JOB)) {
                Some(name) => {
                    let place = panic
                        .location()
                        .map_or(String::new(), |at| format!("at {at}\n"));
                    let text = format!("{place}{}", Backtrace::force_capture());
                    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
                    last.get_or_insert_default().insert(name.to_owned(), text);
                }
                None => ever(panic),
            }
        }));
    });
}

/// What went wrong, and where if it was a panic.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) error: Error,
    pub(crate) backtrace: Option<String>,
    /// What the process said last, if it was another one and did not outlive this.
    pub(crate) stderr: Option<String>,
    /// The most bytes that its process was seen to hold, if it was one of its own.
    pub(crate) held: Option<u64>,
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self {
            error,
            backtrace: None,
            stderr: None,
            held: None,
        }
    }
}

/// Does something on a thread of a job; a panic in it is an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T, Broken> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(Broken::from),
        Err(panic) => Err(broken(&*panic)),
    }
}

fn broken(panic: &(dyn Any + Send)) -> Broken {
    let thread = std::thread::current();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let own = thread.name().and_then(|name| last.as_mut()?.remove(name));
    Broken {
        error: Error::model(panic_text(panic)),
        backtrace: own,
        stderr: None,
        held: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{caught, keep, thread_name};

    #[test]
    fn a_panic_of_a_job_is_kept_with_its_place() {
        keep();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .thread_name(|_| thread_name(7))
            .build()
            .unwrap();
        let broken = pool
            .install(|| caught::<()>(|| panic!("no such thing")))
            .unwrap_err();
        assert!(broken.error.to_string().contains("no such thing"));
        let place = broken.backtrace.unwrap();
        assert!(place.starts_with("at src/panics.rs:"), "{place}");
        assert!(
            place.contains("a_panic_of_a_job_is_kept_with_its_place"),
            "{place}"
        );
        // In a task of the pool, which another thread may run.
        let nested =
            pool.install(|| caught(|| Ok(rayon::join(|| 1, || -> u32 { panic!("deeper") }))));
        assert!(
            nested
                .unwrap_err()
                .backtrace
                .unwrap()
                .contains("src/panics.rs")
        );
        let error = musicrec_api::Error::model("said");
        let said = pool.install(|| caught::<()>(|| Err(error))).unwrap_err();
        assert!(said.backtrace.is_none());
    }
}
