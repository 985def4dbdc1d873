//! Where results come from: program, machine, time.

use std::time::Instant;

use musicrec_api::arithmetic;
use serde::{Deserialize, Serialize};

use crate::records::{Run, instructions};

/// What produced the last sweep into a folder. Never compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Provenance {
    /// The lab's version.
    pub(crate) version: String,
    /// The commit that the program was built from, and whether its sources were changed since.
    pub(crate) commit: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// Operating system, processor architecture and model.
    pub(crate) machine: String,
    /// The class of instruction sets that it computed with.
    #[serde(default)]
    pub(crate) instructions: String,
    /// Whether it computed so that every machine gives the same bits.
    #[serde(default)]
    pub(crate) portable: bool,
    /// Threads of the sweep.
    pub(crate) threads: usize,
    /// Wall seconds of the sweep, reading included; what had a record already took none.
    pub(crate) wall_seconds: f64,
    /// Processor seconds of all its threads and workers, where the system tells.
    pub(crate) cpu_seconds: Option<f64>,
}

impl Provenance {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("MUSICREC_COMMIT").to_owned(),
            rustc: env!("MUSICREC_RUSTC").to_owned(),
            machine: Run::machine(),
            instructions: instructions(),
            portable: arithmetic::portable(),
            threads,
            wall_seconds: 0.0,
            cpu_seconds: None,
        }
    }

    /// Takes the time of a sweep that began then.
    pub(super) fn ended(&mut self, begun: Begun) {
        self.wall_seconds = begun.wall.elapsed().as_secs_f64();
        let cpu = cpu_seconds().zip(begun.cpu);
        self.cpu_seconds = cpu.map(|(now, then)| now - then);
    }
}

/// The moment at which a sweep began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    wall: Instant,
    /// Processor seconds until then. They are not 0: a process that becomes another program (as
    /// `cargo run` does) keeps its own, and those of the compilers that it waited for.
    cpu: Option<f64>,
}

impl Begun {
    pub(super) fn now() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_seconds(),
        }
    }
}

/// Processor seconds of this process and of those that it started and that have ended, user and system,
/// on Linux.
fn cpu_seconds() -> Option<f64> {
    // Clock ticks are hundredths of a second on every Linux that Rust runs on (USER_HZ).
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    let all: Option<f64> = (11..=14).map(ticks).sum();
    Some(all? / TICKS)
}

#[cfg(test)]
mod tests {
    use super::{Begun, Provenance};

    #[test]
    fn work_takes_processor_time() {
        let begun = Begun::now();
        let mut provenance = Provenance::new(1);
        let mut sum = 0.0_f64;
        // However little of the machine is left for this test, some day it has had two ticks of the clock.
        while provenance.wall_seconds < 0.02
            || provenance.cpu_seconds.is_some_and(|spent| spent < 0.02)
        {
            sum += sum.sin() + 1.0;
            provenance.ended(begun);
        }
        assert!(sum > 0.0);
        if cfg!(target_os = "linux") {
            assert!(provenance.cpu_seconds.is_some_and(|s| s < 1e6));
        }
    }

    #[test]
    fn what_was_spent_before_the_sweep_is_not_its_own() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let with = |before: f64| {
            let mut begun = Begun::now();
            begun.cpu = begun.cpu.map(|cpu| cpu - before);
            let mut provenance = Provenance::new(1);
            provenance.ended(begun);
            provenance.cpu_seconds.unwrap()
        };
        // Other tests run meanwhile, but not for an hour.
        assert!((0.0..3_600.0).contains(&with(0.0)));
        assert!(with(3_600.0) >= 3_600.0);
    }
}
