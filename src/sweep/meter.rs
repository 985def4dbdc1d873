//! What a stage takes: wall seconds, processor seconds of its threads, peak memory of the process. The
//! last two are read from `/proc` and absent where there is none.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::records::Spent;

/// Measures the job that runs on one pool of threads.
#[derive(Debug)]
pub(super) struct Meter {
    /// Where the system keeps the processor time of each thread of the pool.
    threads: Vec<PathBuf>,
    peaks: Arc<Peaks>,
    /// The place of the job among those that run.
    job: usize,
}

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    wall: Instant,
    cpu: Option<f64>,
}

impl Meter {
    /// To be made outside of the pool, which it asks who its threads are.
    pub(super) fn new(pool: &rayon::ThreadPool, peaks: Arc<Peaks>, job: usize) -> Self {
        let threads = pool.broadcast(|_| {
            let own = std::fs::read_link("/proc/thread-self").ok()?;
            Some(PathBuf::from("/proc").join(own).join("schedstat"))
        });
        Self {
            threads: threads.into_iter().flatten().collect(),
            peaks,
            job,
        }
    }

    /// Measures nothing: the work is done in another process.
    pub(super) fn idle() -> Self {
        Self {
            threads: Vec::new(),
            peaks: Peaks::new(0),
            job: 0,
        }
    }

    /// Begins a stage.
    pub(super) fn begin(&self) -> Moment {
        self.peaks.begin(self.job);
        self.now()
    }

    /// Ends a stage that began then.
    pub(super) fn end(&self, begun: Moment) -> Spent {
        let mut spent = self.since(begun);
        spent.peak_bytes = self.peaks.end(self.job);
        spent
    }

    /// Now, without a stage that begins or ends.
    pub(super) fn now(&self) -> Moment {
        Moment {
            wall: Instant::now(),
            cpu: self.cpu(),
        }
    }

    /// Time since a moment.
    pub(super) fn since(&self, begun: Moment) -> Spent {
        Spent {
            seconds: begun.wall.elapsed().as_secs_f64(),
            cpu_seconds: self.cpu().zip(begun.cpu).map(|(now, then)| now - then),
            peak_bytes: None,
        }
    }

    fn cpu(&self) -> Option<f64> {
        let of = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).ok()?;
            // The first number: nanoseconds on a processor.
            text.split_whitespace().next()?.parse::<f64>().ok()
        };
        let nanoseconds = self.threads.iter().map(of).sum::<Option<f64>>()?;
        (!self.threads.is_empty()).then_some(nanoseconds / 1e9)
    }
}

/// The most memory that the process has held since each job last began a stage. The system keeps one
/// mark for the whole process, which is read and set back whenever any job begins or ends one.
#[derive(Debug, Default)]
pub(super) struct Peaks(Mutex<Vec<Option<u64>>>);

impl Peaks {
    pub(super) fn new(jobs: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![None; jobs])))
    }

    fn begin(&self, job: usize) {
        let mut peaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut peaks);
        peaks[job] = None;
        // What is held now is held in the stage, whatever was held before.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }

    fn end(&self, job: usize) -> Option<u64> {
        let mut peaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut peaks);
        peaks[job]
    }
}

fn note(peaks: &mut [Option<u64>]) {
    let now = super::memory::peak();
    for peak in peaks {
        *peak = (*peak).max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use super::{Meter, Peaks};

    #[test]
    fn a_stage_has_its_own_time_and_memory() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap();
        let meter = Meter::new(&pool, Peaks::new(1), 0);
        let work = || {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(40) {
                black_box(0.5_f64.sin());
            }
        };
        let begun = meter.begin();
        pool.install(work);
        let busy = meter.end(begun);
        let begun = meter.begin();
        // Not on a thread of the pool.
        work();
        let idle = meter.end(begun);
        assert!(busy.seconds >= 0.04 && idle.seconds >= 0.04);
        let (busy_cpu, idle_cpu) = (busy.cpu_seconds.unwrap(), idle.cpu_seconds.unwrap());
        assert!(busy_cpu > idle_cpu + 0.005, "{busy_cpu} {idle_cpu}");
        let begun = meter.begin();
        let large = black_box(vec![1_u8; 80_000_000]);
        let held = meter.end(begun).peak_bytes.unwrap();
        drop(large);
        let begun = meter.begin();
        let after = meter.end(begun).peak_bytes.unwrap();
        assert!(held > after + 40_000_000, "{held} {after}");
    }
}
