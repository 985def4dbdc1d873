//! What Slurm's accounting has measured of jobs: `sacct`.

use musicrec_api::{Error, Job, Result, Usage};

use super::NO_SLURM;
use super::queue::named;
use crate::command::run;

/// What is asked for. What was typed stands last, for it may hold the separator.
const FIELDS: &str = "JobID,State,ExitCode,NodeList,ElapsedRaw,TimelimitRaw,CPUTimeRAW,TotalCPU,MaxRSS,AllocTRES,\
                      Comment,SubmitLine";

/// What `sacct` says where a site keeps no accounts.
const DISABLED: &str = "Slurm accounting storage is disabled";

/// Nothing where there is no accounting.
pub(super) fn usage(jobs: &[Job]) -> Result<Option<Vec<Usage>>> {
    let numbers: Vec<&str> = jobs
        .iter()
        .filter_map(|job| job.id.split(':').next())
        .collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    let words = [
        "--parsable2".to_owned(),
        "--noheader".to_owned(),
        // A task that was requeued has a row each time; and so has a number that was given twice.
        "--duplicates".to_owned(),
        "--noconvert".to_owned(),
        format!("--jobs={}", numbers.join(",")),
        format!("--format={FIELDS}"),
    ];
    match run("sacct", &words, NO_SLURM) {
        Ok(said) => Ok(Some(read(&said, jobs))),
        Err(Error::Engine(text)) if text.contains(DISABLED) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The runs of the units of some jobs, in the order of `sacct`. Rows of a task's steps (`7_3.batch`) follow that of the task.
fn read(said: &str, jobs: &[Job]) -> Vec<Usage> {
    let mut found: Vec<Usage> = Vec::new();
    // Whether the steps of the last task are of one of the jobs.
    let mut own = false;
    for line in said.lines() {
        let cells: Vec<&str> = line.splitn(FIELDS.split(',').count(), '|').collect();
        let [
            id,
            state,
            exit,
            node,
            elapsed,
            limit,
            reserved,
            cpu,
            memory,
            allocated,
            comment,
            typed,
        ] = cells[..]
        else {
            continue;
        };
        if id.contains('.') {
            if let Some(task) = found.last_mut().filter(|_| own) {
                task.memory = task.memory.max(bytes(memory));
            }
            continue;
        }
        let unit = unit(id, (comment, typed), jobs);
        own = false;
        // Tasks that never ran have no node.
        let (Some(unit), false) = (unit, elapsed.is_empty() || node == "None assigned") else {
            continue;
        };
        own = true;
        let ended = !["RUNNING", "SUSPENDED", "COMPLETING"].contains(&state);
        found.push(Usage {
            unit,
            // `CANCELLED by 1000`.
            state: state.split(' ').next().unwrap_or_default().to_owned(),
            ended,
            exit_code: exited(exit).filter(|_| ["COMPLETED", "FAILED"].contains(&state)),
            node: Some(node.to_owned()),
            seconds: elapsed.parse().unwrap_or(0.0),
            seconds_reserved: limited(limit),
            // Slurm knows what was used when a step is over.
            cpu_seconds: seconds(cpu).filter(|_| ended),
            cpu_seconds_reserved: reserved.parse().unwrap_or(0.0),
            memory: None,
            memory_reserved: allocated
                .split(',')
                .find_map(|resource| bytes(resource.strip_prefix("mem=")?)),
        });
    }
    found
}

/// The number of the unit that a task of one of the jobs ran; nothing if it is of another one. Most sites keep no
/// comments, but all what was typed.
fn unit(id: &str, (comment, typed): (&str, &str), jobs: &[Job]) -> Option<u32> {
    let (number, task) = id.split_once('_')?;
    let task: u32 = task.parse().ok()?;
    let given = typed
        .split_ascii_whitespace()
        .find_map(|word| word.strip_prefix("--comment="));
    let token = given.unwrap_or(comment);
    let id = named(number, token);
    let job = jobs.iter().find(|job| job.id == id)?;
    // Tasks are counted from the first unit.
    Some(job.units.first()? + task)
}

/// `3` of `3:0`; nothing if a signal ended it (`0:9`).
fn exited(text: &str) -> Option<u8> {
    let (code, signal) = text.split_once(':')?;
    code.parse().ok().filter(|_| signal == "0")
}

/// A time limit in minutes as seconds. A year is what Slurm notes of a task that has no limit, before it ends.
fn limited(minutes: &str) -> Option<f64> {
    let minutes: u32 = minutes.parse().ok()?;
    (minutes < 365 * 24 * 60).then(|| 60.0 * f64::from(minutes))
}

/// `1-02:03:04`, `02:03:04` or `03:04.567` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse().ok()?, clock),
        None => (0.0, text),
    };
    let mut sum: f64 = 0.0;
    for part in clock.split(':') {
        sum = 60.0 * sum + part.parse::<f64>().ok()?;
    }
    Some(86_400.0 * days + sum)
}

/// `300M`, `1.5G` or `141049856` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &text[digits.len()..] {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    Some((number * 1024_f64.powi(power)) as u64)
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Job, Usage};

    use super::{bytes, limited, read, seconds};

    /// What `sacct` printed in `tests/cluster`, from which `selftest` writes it anew.
    const SAMPLE: &str = include_str!("../../../tests/cluster/samples/sacct");

    #[test]
    fn runs_are_told_from_those_of_others() {
        let job = |id: &str, units: [u32; 6]| Job {
            id: id.to_owned(),
            step: 1,
            units: units.to_vec(),
        };
        let ours = [job("1:musicrec-ours", [10, 11, 12, 13, 14, 15])];
        let found = read(SAMPLE, &ours);
        let told: Vec<_> = found
            .iter()
            .map(|run| (run.unit, &*run.state, run.ended, run.exit_code))
            .collect();
        assert_eq!(
            told,
            [
                (10, "COMPLETED", true, Some(0)),
                (11, "FAILED", true, Some(3)),
                (12, "FAILED", true, None),
                (13, "REQUEUED", true, None),
                (14, "CANCELLED", true, None),
                (15, "RUNNING", false, None),
                (13, "COMPLETED", true, Some(0)),
            ]
        );
        let first = Usage {
            unit: 10,
            state: "COMPLETED".to_owned(),
            ended: true,
            exit_code: Some(0),
            node: Some("n1".to_owned()),
            seconds: found[0].seconds,
            seconds_reserved: Some(300.0),
            cpu_seconds: found[0].cpu_seconds,
            cpu_seconds_reserved: found[0].seconds,
            memory: found[0].memory,
            memory_reserved: Some(300 << 20),
        };
        assert_eq!(found[0], first);
        // It held 120 MB and computed for 3 s.
        assert!(found[0].memory.is_some_and(|held| held > 120 << 20));
        assert!(found[0].cpu_seconds.is_some_and(|used| used > 3.0) && found[0].seconds >= 3.0);
        assert_eq!(found[1].memory, None);
        assert_eq!(found[5].cpu_seconds, None);
        // The number that ours had, given to somebody else.
        assert_eq!(read(SAMPLE, &[job("1:musicrec-lost", [0; 6])]), []);
    }

    #[test]
    fn what_waits_or_never_ran_is_not_there() {
        let jobs = [Job {
            id: "7:ours".to_owned(),
            step: 0,
            units: vec![0, 1, 2, 3],
        }];
        let said = "7_[2-3]|PENDING|0:0|None assigned|0|5|0|00:00:00|||ours|sbatch a\n\
                    7_1|CANCELLED by 0|0:0|None assigned|0|5|0|00:00:00|||ours|sbatch a\n\
                    7_0.batch|COMPLETED|0:0|n1|9||9|00:09|99|cpu=1||\n\
                    7_0|COMPLETED|0:0|n1|9|UNLIMITED|9|00:09||cpu=1|ours|sbatch a|b\n";
        let found = read(said, &jobs);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (
                found[0].memory,
                found[0].memory_reserved,
                found[0].seconds_reserved
            ),
            (None, None, None)
        );
    }

    #[test]
    fn amounts_are_read_as_slurm_writes_them() {
        for (text, amount) in [
            ("00:01.644", Some(1.644)),
            ("02:03:04", Some(7384.0)),
            ("1-02:03:04", Some(93_784.0)),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(seconds(text), amount, "{text}");
        }
        for (text, amount) in [("5", Some(300.0)), ("UNLIMITED", None), ("525600", None)] {
            assert_eq!(limited(text), amount, "{text}");
        }
        for (text, amount) in [
            ("141049856", Some(141_049_856)),
            ("300M", Some(300 << 20)),
            ("1.5G", Some(3 << 29)),
            ("12K", Some(12 << 10)),
            ("", None),
            ("8Mn", None),
        ] {
            assert_eq!(bytes(text), amount, "{text}");
        }
    }
}
