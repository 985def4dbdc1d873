//! What an engine has measured of a submission, beside what was reserved for it: by this a person chooses how
//! much to ask for.

use std::collections::BTreeMap;

use bytesize::ByteSize;
use musicrec_api::Usage;
use serde::Serialize;

use super::submissions::Submission;
use crate::exit::Failure;
use crate::text::{counted, percent};

/// Seconds of processors that a run takes on average, from which on the share that it used is worth telling.
const SHORT: f64 = 5.0;

/// What the units of a submission used.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// How many runs of units have ended, by the engine's words: `COMPLETED`, `FAILED (75)`.
    pub(crate) ended: BTreeMap<String, usize>,
    /// Seconds of processors used and reserved, by all runs that have ended.
    pub(crate) cpu_seconds: f64,
    pub(crate) cpu_seconds_reserved: f64,
    /// The unit that held most memory, in bytes.
    pub(crate) memory: Option<Peak>,
    /// The unit that ran longest, in seconds.
    pub(crate) longest: Option<Peak>,
    /// Every run of a unit.
    pub(crate) runs: Vec<Usage>,
}

/// The most that a unit used of something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Peak {
    pub(crate) unit: u32,
    pub(crate) node: Option<String>,
    pub(crate) used: f64,
    /// What it had of it, if that was limited.
    pub(crate) reserved: Option<f64>,
}

impl Submission {
    /// What the engine has measured of its units; nothing if it measures nothing or none has run.
    pub(super) fn measured(&self) -> Result<Option<Measured>, Failure> {
        let launcher = self.launcher()?;
        let engine = launcher.engine().filter(|_| !self.jobs.is_empty());
        let usage = engine.map(|engine| engine.usage(&self.jobs)).transpose()?;
        let runs = usage.flatten().filter(|runs| !runs.is_empty());
        Ok(runs.map(Measured::of))
    }
}

impl Measured {
    fn of(runs: Vec<Usage>) -> Self {
        let over: Vec<&Usage> = runs.iter().filter(|run| run.ended).collect();
        let mut ended = BTreeMap::new();
        for run in &over {
            let word = match run.exit_code {
                Some(code) if code != 0 => format!("{} ({code})", run.state),
                _ => run.state.clone(),
            };
            *ended.entry(word).or_default() += 1;
        }
        let most = |used: fn(&Usage) -> Option<f64>, reserved: fn(&Usage) -> Option<f64>| {
            let known = over.iter().filter_map(|run| Some((*run, used(run)?)));
            let (run, used) = known.max_by(|a, b| a.1.total_cmp(&b.1))?;
            Some(Peak {
                unit: run.unit,
                node: run.node.clone(),
                used,
                reserved: reserved(run),
            })
        };
        Self {
            ended,
            cpu_seconds: over.iter().filter_map(|run| run.cpu_seconds).sum(),
            cpu_seconds_reserved: over.iter().map(|run| run.cpu_seconds_reserved).sum(),
            memory: most(
                |run| run.memory.map(|bytes| bytes as f64),
                |run| run.memory_reserved.map(|bytes| bytes as f64),
            ),
            longest: most(|run| Some(run.seconds), |run| run.seconds_reserved),
            runs,
        }
    }

    /// In words, for a person who chooses how much to ask for.
    pub(crate) fn lines(&self) -> Vec<String> {
        let runs: usize = self.ended.values().sum();
        if runs == 0 {
            return Vec::new();
        }
        let words = self
            .ended
            .iter()
            .map(|(word, count)| format!("{count} {word}"));
        let words: Vec<String> = words.collect();
        let mut lines = vec![format!(
            "{} of units ended: {}",
            counted(runs, "run"),
            words.join(", ")
        )];
        let used = hours(self.cpu_seconds);
        // Engines count whole seconds: of short runs they know little.
        lines.push(if self.cpu_seconds_reserved < SHORT * runs as f64 {
            format!("processors: {used} used")
        } else {
            format!(
                "processors: {used} used of {} reserved ({})",
                hours(self.cpu_seconds_reserved),
                percent(self.cpu_seconds / self.cpu_seconds_reserved)
            )
        });
        let bytes = |bytes: f64| ByteSize(bytes as u64).display().iec().to_string();
        lines.extend(
            self.memory
                .as_ref()
                .map(|peak| peak.line("memory", "reserved", bytes)),
        );
        lines.extend(
            self.longest
                .as_ref()
                .map(|peak| peak.line("time", "allowed", hours)),
        );
        lines
    }
}

impl Peak {
    fn line(&self, what: &str, given: &str, amount: impl Fn(f64) -> String) -> String {
        let node = self
            .node
            .as_ref()
            .map_or(String::new(), |node| format!(" on {node}"));
        let share = self.reserved.filter(|reserved| *reserved > 0.0);
        let share = share.map_or(String::new(), |reserved| {
            format!(
                " of {} {given} ({})",
                amount(reserved),
                percent(self.used / reserved)
            )
        });
        format!(
            "{what}: at most {}{share}, by unit {}{node}",
            amount(self.used),
            self.unit
        )
    }
}

/// Seconds as people count the time of processors: `14 s`, `3.5 min`, `12.0 h`.
fn hours(seconds: f64) -> String {
    match seconds {
        few if few < 100.0 => format!("{few:.0} s"),
        some if some < 6000.0 => format!("{:.1} min", some / 60.0),
        many => format!("{:.1} h", many / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::Usage;

    use super::Measured;

    fn run(unit: u32, state: &str, used: (f64, f64, u64)) -> Usage {
        let (seconds, cpu, memory) = used;
        Usage {
            unit,
            state: state.to_owned(),
            ended: state != "RUNNING",
            exit_code: (state == "FAILED").then_some(75),
            node: Some("n1".to_owned()),
            seconds,
            seconds_reserved: Some(7200.0),
            cpu_seconds: Some(cpu),
            cpu_seconds_reserved: 4.0 * seconds,
            memory: Some(memory),
            memory_reserved: Some(8 << 30),
        }
    }

    #[test]
    fn what_was_used_stands_beside_what_was_reserved() {
        let measured = Measured::of(vec![
            run(3, "COMPLETED", (600.0, 1200.0, 2 << 30)),
            run(4, "COMPLETED", (1800.0, 1200.0, 1 << 30)),
            run(5, "FAILED", (0.0, 0.0, 0)),
            run(6, "RUNNING", (9000.0, 0.0, 7 << 30)),
        ]);
        assert_eq!(
            measured.lines(),
            [
                "3 runs of units ended: 2 COMPLETED, 1 FAILED (75)",
                "processors: 40.0 min used of 2.7 h reserved (25.0 %)",
                "memory: at most 2.0 GiB of 8.0 GiB reserved (25.0 %), by unit 3 on n1",
                "time: at most 30.0 min of 2.0 h allowed (25.0 %), by unit 4 on n1",
            ]
        );
    }

    #[test]
    fn what_is_not_measured_is_not_said() {
        let mut bare = run(1, "COMPLETED", (60.0, 0.0, 0));
        (bare.memory, bare.seconds_reserved, bare.node) = (None, None, None);
        let lines = Measured::of(vec![bare]).lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], "time: at most 60 s, by unit 1");
        assert_eq!(
            Measured::of(vec![run(6, "RUNNING", (1.0, 0.0, 0))]).lines(),
            [""; 0]
        );
    }
}
