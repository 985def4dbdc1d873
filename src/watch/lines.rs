//! A sweep as seen from outside, in words: a block that is drawn anew, or lines of what changed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::seconds;
use super::view::{Best, Counts, Failed, State, View};
use crate::records::Worker;
use crate::settings::trial_name;
use crate::text::one_line;

/// Failures that a block names; the others are counted.
const FAILURES: usize = 5;

/// Fits that a block names.
const RUNNING: usize = 6;

/// Characters of the bar.
const BAR: usize = 24;

/// Everything on a few lines, none of them broken, in which nothing acts on the terminal.
pub(crate) fn block(view: &View, now: Timestamp) -> Vec<String> {
    let mut lines = vec![format!(
        "{}{}: {}",
        view.name
            .as_ref()
            .map_or(String::new(), |n| format!("{n}, ")),
        view.folder,
        state(view)
    )];
    lines.extend(view.workers.iter().map(|w| format!("  {}", worker(w, now))));
    for part in &view.parts {
        lines.push(format!("  {}", bar(part)));
        if Some(part.part) == view.part {
            lines.extend(
                view.rung
                    .as_ref()
                    .map(|r| format!("    rung {} of {}: {}", r.number, r.of, r.what)),
            );
            lines.push(format!("    time left: {}", left(view)));
        }
    }
    lines.extend(view.best.iter().map(|b| format!("  {}", best(view, b))));
    for fit in view.running.iter().take(RUNNING) {
        let served = match fit.trials {
            0 | 1 => String::new(),
            trials => format!(" and {} more of the same fit", trials - 1),
        };
        let node = fit
            .node
            .as_ref()
            .map_or(String::new(), |node| format!(" on {node}"));
        lines.push(format!(
            "  runs:   {}{served}{node}, for {}",
            trial_name(&fit.variant, &fit.settings),
            duration(fit.seconds)
        ));
    }
    lines.extend(more(view.running.len(), RUNNING, "fit"));
    for ended in &view.finished {
        let metric = view.metric.as_deref().unwrap_or_default();
        let value = ended.value.map(|v| format!(", {metric} {v:.4}"));
        lines.push(format!(
            "  done:   {} on {}{} ({:.2} s)",
            trial_name(&ended.variant, &ended.settings),
            ended.part.name(),
            value.unwrap_or_default(),
            ended.seconds
        ));
    }
    lines.extend(
        view.failures
            .iter()
            .take(FAILURES)
            .map(|f| format!("  {}", failed(f))),
    );
    lines.extend(more(view.failures.len(), FAILURES, "failure"));
    lines.extend(recommendations(view).map(|line| format!("  {line}")));
    lines.iter().map(|line| one_line(line)).collect()
}

/// What changed, a line each; everything that matters if nothing was seen before.
pub(crate) fn changes(before: Option<&View>, view: &View, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none_or(|before| (before.state, &before.name) != (view.state, &view.name)) {
        let name = view
            .name
            .as_ref()
            .map_or(String::new(), |n| format!("{n}, "));
        lines.push(format!("{name}{}: {}", view.folder, state(view)));
    }
    let known: BTreeSet<_> = before
        .iter()
        .flat_map(|b| b.workers.iter().map(key))
        .collect();
    let here: BTreeSet<_> = view.workers.iter().map(key).collect();
    let came = view.workers.iter().filter(|w| !known.contains(&key(w)));
    lines.extend(came.map(|w| worker(w, now)));
    let gone = before.iter().flat_map(|b| &b.workers);
    let gone = gone.filter(|w| !here.contains(&key(w)));
    lines.extend(gone.map(|w| format!("process {} on {} has left", w.pid, w.host)));
    let told: BTreeSet<_> = before
        .iter()
        .flat_map(|b| b.failures.iter().map(told))
        .collect();
    let new = view
        .failures
        .iter()
        .filter(|f| !told.contains(&self::told(f)));
    lines.extend(new.map(failed));
    if before.is_none_or(|before| recommendations(before) != recommendations(view)) {
        lines.extend(recommendations(view));
    }
    let rung = |view: &View| view.rung.clone();
    if let Some(own) = &view.rung
        && before.is_none_or(|before| rung(before) != rung(view))
    {
        lines.push(format!("rung {} of {}: {}", own.number, own.of, own.what));
    }
    let counts = |view: &View| (view.part, view.parts.clone(), view.best.clone());
    if before.is_none_or(|before| counts(before) != counts(view)) {
        lines.extend(progress(view));
    }
    lines.iter().map(|line| one_line(line)).collect()
}

/// One line on how far it is.
fn progress(view: &View) -> Option<String> {
    let part = match view.part {
        Some(part) => view.parts.iter().find(|p| p.part == part)?,
        // Before and after the trials what is done stands for all.
        None => view.parts.iter().rev().find(|p| p.done > 0)?,
    };
    let mut words = vec![format!("{}: {}", part.part.name(), counts(part))];
    if view.part.is_some() {
        words.push(format!("time left: {}", left(view)));
    }
    words.extend(view.best.iter().map(|b| best(view, b)));
    Some(words.join("; "))
}

fn key(worker: &Worker) -> (u32, String) {
    (worker.pid, worker.host.clone())
}

fn told(failed: &Failed) -> (&str, &str) {
    (&failed.id, &failed.message)
}

fn state(view: &View) -> String {
    match view.state {
        State::Preparing if view.name.is_none() => {
            "a sweep is reading and cleaning the log".to_owned()
        }
        State::Preparing => format!(
            "a sweep is reading and cleaning the log; what follows is that of {}",
            view.date.as_deref().unwrap_or_default()
        ),
        State::Running => match view.part {
            None => {
                "all trials have ended; what is left are recommendations and the report".to_owned()
            }
            Some(_) if view.running.is_empty() && view.workers.iter().all(Worker::is_elsewhere) => {
                "no fit runs now on the cluster".to_owned()
            }
            Some(_) if view.running.is_empty() => {
                "between the trials (random rankings are drawn, fits are made ready)".to_owned()
            }
            Some(part) => format!("trials run on {}", part.name()),
        },
        State::Finishing => "all is done; the report is being drawn".to_owned(),
        State::Ended => format!(
            "ended; nobody works there (the sweep of {})",
            view.date.as_deref().unwrap_or_default()
        ),
        State::Interrupted => format!(
            "not ended, and nobody works there: it was interrupted or killed{}",
            view.last.as_ref().map_or(String::new(), |last| format!(
                "; the last trial ended {last}"
            ))
        ),
    }
}

fn worker(worker: &Worker, now: Timestamp) -> String {
    let Worker {
        pid,
        host,
        since,
        command,
    } = worker;
    let since = since.parse::<Timestamp>().map_or(String::new(), |since| {
        let local = since
            .to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string();
        format!(" since {local} UTC ({} ago)", duration(seconds(since, now)))
    });
    if *pid == 0 {
        return format!("{host}: {command}{since}");
    }
    let command = if command.is_empty() {
        String::new()
    } else {
        format!(": {command}")
    };
    format!("process {pid} on {host}{since}{command}")
}

/// `12 of 40 done, 1 failed, 2 running, 25 to do`.
fn counts(part: &Counts) -> String {
    let mut words = vec![format!("{} of {} trials done", part.done, part.trials)];
    for (count, what) in [
        (part.failed, "failed"),
        (part.stopped, "stopped early"),
        (part.running, "running"),
        (part.to_do, "to do"),
    ] {
        if count > 0 {
            words.push(format!("{count} {what}"));
        }
    }
    words.join(", ")
}

fn bar(part: &Counts) -> String {
    let ended = part.done + part.failed + part.stopped;
    let full = (BAR * ended).checked_div(part.trials).unwrap_or(0);
    format!(
        "{:10} [{}{}] {}",
        part.part.name(),
        "=".repeat(full),
        " ".repeat(BAR - full),
        counts(part)
    )
}

fn left(view: &View) -> String {
    if view.rung.is_some() {
        return "unknown (who goes on is decided from rung to rung)".to_owned();
    }
    let names: Vec<String> = view
        .seconds_unknown
        .iter()
        .map(|n| format!("`{n}`"))
        .collect();
    match (view.seconds_left, names.is_empty()) {
        (None, _) => "unknown until the first fit has ended".to_owned(),
        (Some(left), true) => format!("about {}", duration(left)),
        (Some(left), false) => format!(
            "about {} and what {} takes, of which no fit has ended yet",
            duration(left),
            names.join(", ")
        ),
    }
}

fn best(view: &View, best: &Best) -> String {
    format!(
        "best so far: {}, {} {:.4} on {}",
        trial_name(&best.variant, &best.settings),
        view.metric.as_deref().unwrap_or_default(),
        best.value,
        best.part.name()
    )
}

fn failed(failed: &Failed) -> String {
    format!(
        "failed: {} on {}: {}",
        trial_name(&failed.variant, &failed.settings),
        failed.part.name(),
        failed.message
    )
}

fn recommendations(view: &View) -> Option<String> {
    let message = view.recommendations_failed.as_ref()?;
    Some(format!("failed: recommendations by {message}"))
}

fn more(all: usize, shown: usize, what: &str) -> Option<String> {
    let more = all.checked_sub(shown).filter(|more| *more > 0)?;
    Some(format!(
        "  and {}",
        crate::text::counted(more, &format!("more {what}"))
    ))
}

/// A time as one would say it.
fn duration(seconds: f64) -> String {
    match seconds.max(0.0).ceil() {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use musicrec_api::Role;

    use super::super::view::{Best, Counts, Failed, State, View};
    use super::{block, changes};

    fn view() -> View {
        let mut view = View::of_nothing("reports/x".into(), Vec::new(), State::Running);
        view.name = Some("x".into());
        view.metric = Some("ndcg@3".into());
        view.part = Some(Role::Validation);
        view.parts = vec![Counts {
            part: Role::Validation,
            trials: 4,
            done: 1,
            failed: 0,
            stopped: 0,
            running: 1,
            to_do: 2,
        }];
        view
    }

    #[test]
    fn only_what_changed_is_said() {
        let now = Timestamp::UNIX_EPOCH;
        let before = view();
        let first = changes(None, &before, now);
        let counts = "validation: 1 of 4 trials done, 1 running, 2 to do; time left: unknown until the first \
                      fit has ended";
        assert_eq!(first.last().map(String::as_str), Some(counts));
        let mut after = view();
        after.seconds_left = Some(12.0);
        assert_eq!(changes(Some(&before), &after, now), [""; 0]);
        after.parts[0].failed = 1;
        after.parts[0].to_do = 1;
        after.best = Some(Best {
            part: Role::Validation,
            variant: "als".into(),
            settings: "factors=8".into(),
            value: 0.25,
        });
        after.failures.push(Failed {
            id: "a".into(),
            part: Role::Validation,
            variant: "als".into(),
            settings: "factors=4".into(),
            message: "it\u{1b}[2Jdiverged\nbadly".into(),
        });
        assert_eq!(
            changes(Some(&before), &after, now),
            [
                "failed: als (factors=4) on validation: it [2Jdiverged badly",
                "validation: 1 of 4 trials done, 1 failed, 1 running, 1 to do; time left: about 12 s; \
                 best so far: als (factors=8), ndcg@3 0.2500 on validation",
            ]
        );
        assert_eq!(changes(Some(&after), &after, now), [""; 0]);
        let drawn = block(&after, now);
        assert!(drawn.iter().all(|line| !line.contains(['\n', '\u{1b}'])));
        let bar = "  validation [============            ] 1 of 4 trials done, 1 failed";
        assert!(drawn[1].starts_with(bar), "{drawn:?}");
    }
}
