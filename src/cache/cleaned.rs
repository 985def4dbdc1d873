//! The cleaned log, kept where reading and cleaning took longer than reading it back. Only the log and the
//! account of cleaning are kept: events are made of the log anew, which takes little and checks it.

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use musicrec_api::Log;
use serde_json::Value;

use super::bytes::Writer;
use super::parts::Parts;
use super::segments::{self, Layout};
use super::{Cache, Stage, keys};
use crate::experiment::{Cleaning, Experiment};
use crate::report::count;
use crate::stages::Failed;
use crate::stages::prepare::apart::{Apart, gather};
use crate::stages::prepare::{OnDisk, Prepared, Step, fingerprint, prepare};
use crate::text::one_line;

/// The log of an experiment cleaned by one of its alternatives, from the cache or from the source, whose
/// fingerprint is given. Reading and cleaning takes a part of so much memory, or of what is free; other units may have
/// done most of it.
pub(crate) fn prepared(
    experiment: &Experiment,
    cleaning: &Cleaning,
    data: &str,
    (cache, memory, apart): (&Cache, Option<u64>, Option<Apart>),
    cancel: &AtomicBool,
) -> Result<Prepared, Failed> {
    let anew = || {
        let (cleaners, room) = (&cleaning.cleaners[..], cache.room(memory));
        let parts = Parts::of(experiment, cleaners, data, cache);
        match apart.zip(parts) {
            Some((apart, parts)) => gather(experiment, cleaners, apart, (&parts, &room), cancel),
            None => prepare(experiment, cleaners, cancel, &room),
        }
    };
    let of = |_| keys::cleaned(experiment, &cleaning.cleaners, data);
    let Some(key) = cache.folder().and_then(of) else {
        return anew();
    };
    let begun = Instant::now();
    let kept = get(cache, &key);
    if let Some(prepared) = kept.and_then(typed) {
        let of = match one_line(&cleaning.label) {
            label if label.is_empty() => label,
            label => format!(" of {label}"),
        };
        cache.tell(&format!(
            "cleaned log{of}: from the cache, {} rows in {:.1} s; --cache off reads anew",
            count(prepared.events.len()),
            begun.elapsed().as_secs_f64()
        ));
        return Ok(prepared);
    }
    let begun = Instant::now();
    let prepared = anew()?;
    // A file that was changed while it was read is not what its fingerprint says.
    let same = || fingerprint(experiment).is_ok_and(|now| now == data);
    if let Some(log) = &prepared.events.log
        && cache.wants(Stage::Cleaned, begun.elapsed())
        && same()
    {
        let on_disk = prepared.on_disk.as_ref();
        cache.put(Stage::Cleaned, &key, |to| {
            write(to, log, &prepared.funnel, on_disk)
        });
    }
    Ok(prepared)
}

/// Whether the cleaned log of every alternative is there. What is in it is seen when it is read.
pub(crate) fn are_kept(experiment: &Experiment, data: &str, cache: &Cache) -> bool {
    experiment.cleanings.iter().all(|cleaning| {
        keys::cleaned(experiment, &cleaning.cleaners, data)
            .is_some_and(|key| cache.has(Stage::Cleaned, &key))
    })
}

/// The events of a log, as the stage that is spared makes them.
fn typed((log, funnel): (Log, Vec<Step>)) -> Option<Prepared> {
    Prepared::of((log, funnel, None)).ok()
}

fn get(cache: &Cache, key: &Value) -> Option<(Log, Vec<Step>)> {
    let ((funnel, layout), file, begins) = cache.get_open(Stage::Cleaned, key, |from| {
        Ok((from.json::<Vec<Step>>()?, Layout::read(from)?))
    })?;
    Some((layout.log(file, begins), funnel))
}

fn write(to: &mut Writer, log: &Log, funnel: &[Step], on_disk: Option<&OnDisk>) -> io::Result<()> {
    to.json(&funnel)?;
    match on_disk {
        // It is written there as here, and does not go through memory.
        Some(on_disk) => on_disk.copy(to),
        None => segments::write(to, log),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use musicrec_api::{
        Account, Cells, Column, Events, Log, MISSING, MISSING_TIME, Roles, Sample, Text, rng,
    };
    use rand::{Rng, RngExt as _};
    use serde_json::json;

    use super::{get, typed, write};
    use crate::cache::Stage;
    use crate::cache::tests::small;
    use crate::stages::census::Ids;
    use crate::stages::hashes::of_log;
    use crate::stages::prepare::Step;

    /// A distinct text that one would not expect.
    fn odd(random: &mut impl Rng, at: usize) -> String {
        match random.random_range(0..7) {
            0 => format!("{at}\u{1f3b5}\u{200d}\u{1f469}"),
            1 => format!("{}{at}", "x".repeat(300)),
            2 => format!(" \"{at}\",\n"),
            3 => format!("\0{at}"),
            4 => format!("caf\u{e9} {at}"),
            _ => at.to_string(),
        }
    }

    /// Texts of which some are used by no row, one is empty, and some cells are missing unless all must
    /// be there.
    fn texts(random: &mut impl Rng, rows: usize, whole: bool) -> Text {
        let mut values: Vec<String> = (0..random.random_range(1..40))
            .map(|at| odd(random, at))
            .collect();
        let mut code = || match random.random_range(0..10) {
            0 if !whole => MISSING,
            _ => random.random_range(0..values.len() as u32),
        };
        let codes = (0..rows).map(|_| code()).collect();
        // An id that is blank is no id.
        if !whole || rows == 0 {
            values.push(String::new());
        }
        Text {
            codes,
            values: values.into_iter().collect(),
        }
    }

    /// A log with and without times, kinds, plays and seconds, and with columns of no part.
    fn log(seed: u64) -> Log {
        let random = &mut rng(seed);
        let rows = random.random_range(0..200);
        let mut columns = Vec::new();
        let mut add = |name: &str, cells| {
            let name = name.to_owned();
            columns.push(Column { name, cells });
        };
        add("user", Cells::Text(texts(random, rows, true)));
        add("", Cells::Text(texts(random, rows, false)));
        add("item", Cells::Text(texts(random, rows, true)));
        let numbers = |random: &mut dyn Rng| -> Vec<f64> {
            let special = [f64::NAN, -0.0, f64::MAX, 1e-310, f64::INFINITY];
            let mut number = || match random.random_range(0..10) {
                at if at < special.len() => special[at],
                _ => random.random_range(-1e6..1e6),
            };
            (0..rows).map(|_| number()).collect()
        };
        let mut has = || random.random_range(0..2) == 1;
        let (timed, kinds, plays, seconds) = (has(), has(), has(), has());
        if timed {
            let mut time = || random.random_range(-1_000_000..2_000_000_000);
            add("time", Cells::Time((0..rows).map(|_| time()).collect()));
        }
        let missing: Vec<i64> = (0..rows as i64)
            .map(|at| if at % 3 == 0 { MISSING_TIME } else { at })
            .collect();
        add("released", Cells::Time(missing));
        if kinds {
            add("event", Cells::Text(texts(random, rows, false)));
        }
        if plays {
            add("plays", Cells::Number(numbers(random)));
        }
        if seconds {
            add("seconds", Cells::Number(numbers(random)));
        }
        let role = |there: bool, name: &str| there.then(|| name.to_owned());
        let roles = Roles {
            user: "user".into(),
            item: "item".into(),
            time: role(timed, "time"),
            event: role(kinds, "event"),
            plays: role(plays, "plays"),
            seconds: role(seconds, "seconds"),
        };
        let numbers = (0..rows as u64).map(|row| 3 * row + 1).collect();
        Log::new(columns, numbers, roles)
    }

    fn funnel() -> Vec<Step> {
        let account = Account {
            column: "user".into(),
            what: "trimmed".into(),
            rows: u64::MAX,
            samples: vec![Sample {
                row: 7,
                before: " \u{1f3b5}".into(),
                after: None,
            }],
        };
        vec![Step {
            name: "normalize_ids".into(),
            reach: "row".into(),
            on: "log".into(),
            rows_in: 10,
            rows_out: 9,
            ids: Some(Ids::new((4, 9), (3, 8))),
            dropped: vec![],
            changed: vec![account],
            leaks: vec!["all rows".into()],
        }]
    }

    fn same(a: &Log, b: &Log) {
        assert_eq!((a.numbers(), a.roles()), (b.numbers(), b.roles()));
        assert_eq!(a.columns().len(), b.columns().len());
        for (a, b) in a.columns().iter().zip(b.columns()) {
            assert_eq!(a.name, b.name);
            match (&a.cells, &b.cells) {
                // No number is equal to a missing one, so bits are compared.
                (Cells::Number(a), Cells::Number(b)) => {
                    let bits = |of: &[f64]| of.iter().map(|n| n.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(a), bits(b));
                }
                // Texts are numbered anew.
                (Cells::Text(a), Cells::Text(b)) => {
                    assert_eq!(a.codes.len(), b.codes.len());
                    assert!((0..a.codes.len()).all(|row| a.get(row) == b.get(row)));
                }
                (a, b) => assert_eq!(a, b),
            }
        }
    }

    #[test]
    fn any_log_comes_back_as_it_was() {
        let (_folder, cache) = small();
        let mut typed_logs = 0;
        for seed in 0..200 {
            let (log, key) = (log(seed), json!(seed));
            cache.put(Stage::Cleaned, &key, |to| write(to, &log, &funnel(), None));
            let (found, steps) = get(&cache, &key).expect("just written");
            same(&found, &log);
            assert_eq!(steps, funnel());
            let Ok(events) = Events::from_log(Arc::new(log)) else {
                assert!(typed((found, steps)).is_none());
                continue;
            };
            typed_logs += 1;
            let prepared = typed((found, steps)).expect("the same log");
            assert_eq!(of_log(&prepared.events), of_log(&events));
            assert_eq!(prepared.events.row, events.row);
            assert_eq!(prepared.columns, *events.log.as_ref().unwrap().roles());
        }
        assert!(typed_logs > 100, "{typed_logs}");
    }
}
