//! What the audit counts on logs that can be counted by hand.

use musicrec_api::{Events, Fold, Result, Role};
use serde_json::json;

use super::{Audited, Check, State, audit};
use crate::experiment::{ColdUsers, Evaluation, Heard};
use crate::stages::fold::{FoldData, ready};

/// A log with the time of each event, cut by place.
struct Cut {
    events: Events,
    fold: Fold,
}

impl Cut {
    fn new(log: &[(&str, &str, i64)], targets: &[u32]) -> Self {
        let mut events = Events::from_pairs(log.iter().map(|row| (row.0, row.1)));
        events.time = log.iter().map(|row| row.2).collect();
        let fit = (0..log.len() as u32).filter(|row| !targets.contains(row));
        let fold = Fold::new(Role::Test, fit.collect(), targets.to_vec());
        Self { events, fold }
    }

    fn ready(&self, evaluation: &Evaluation) -> FoldData {
        ready(&self.fold, None, &self.events, &[], evaluation).unwrap()
    }

    fn audit(
        &self,
        data: &FoldData,
        evaluation: &Evaluation,
        uses_the_future: bool,
    ) -> Result<Vec<Check>> {
        audit(&Audited {
            fold: &self.fold,
            events: &self.events,
            data,
            funnel: &[],
            evaluation,
            uses_the_future,
            validated: true,
        })
    }

    fn checks(&self, evaluation: &Evaluation, uses_the_future: bool) -> Vec<Check> {
        let data = self.ready(evaluation);
        self.audit(&data, evaluation, uses_the_future).unwrap()
    }
}

fn of<'c>(checks: &'c [Check], name: &str) -> &'c Check {
    checks.iter().find(|c| c.name == name).expect(name)
}

/// u1 repeats a and meets c; u2 meets d, which is in no fit part; u3 only repeats; u4 has no past.
fn by_hand() -> Cut {
    let log = [
        ("u1", "a", 1),
        ("u1", "b", 2),
        ("u2", "a", 3),
        ("u3", "c", 4),
        ("u1", "a", 5),
        ("u1", "c", 6),
        ("u2", "d", 7),
        ("u4", "a", 8),
        ("u3", "c", 9),
    ];
    Cut::new(&log, &[4, 5, 6, 7, 8])
}

fn keeping() -> Evaluation {
    Evaluation {
        heard: Heard::Keep,
        ..Evaluation::default()
    }
}

#[test]
fn what_is_counted_is_what_is_there() {
    let checks = by_hand().checks(&Evaluation::default(), false);
    let expected = [
        (
            "time_order",
            State::Ok,
            json!({ "fit_until": 4, "evaluated_from": 5, "fit_not_before": 0 }),
        ),
        (
            "duplicates",
            State::Ok,
            json!({ "copies": 0, "evaluated": 5 }),
        ),
        (
            "heard_targets",
            State::Ok,
            json!({ "heard_targets": 0, "targets": 2, "removed": 2 }),
        ),
        (
            "repeats",
            State::Ok,
            json!({ "repeats": 2, "pairs": 5, "share": 0.4 }),
        ),
        (
            "fitted_on_the_fit_part",
            State::Ok,
            json!({ "fit_events": 4, "leaks": 0 }),
        ),
        ("refit", State::Ok, json!({ "fit_events": 4 })),
        (
            "cold_users",
            State::Note,
            json!({ "cold_users": 1, "cold_asked": 0, "users_with_targets": 3 }),
        ),
        (
            "cold_items",
            State::Note,
            json!({ "cold_targets": 1, "targets": 2 }),
        ),
        (
            "candidates",
            State::Note,
            json!({ "candidates": 3, "fewest_left": 1, "users_with_short_lists": 2 }),
        ),
        (
            "targets",
            State::Ok,
            json!({ "targets": 2, "least_weight": 1.0, "median_weight": 1.0, "median_a_user": 1 }),
        ),
        (
            "users",
            State::Ok,
            json!({ "users": 2, "evaluated_users": 4, "without_target": 1, "cold_users": 1,
                "cold_asked": 0, "lost_users": 0 }),
        ),
    ];
    assert_eq!(checks.len(), expected.len());
    for (check, (name, state, counts)) in checks.iter().zip(expected) {
        assert_eq!((check.name.as_str(), check.state), (name, state));
        assert_eq!(json!(check.counts), counts, "{name}");
    }
}

#[test]
fn users_without_a_past_who_are_answered_by_popularity_are_asked() {
    let skipped = by_hand().checks(&Evaluation::default(), false);
    let says = &of(&skipped, "cold_users").says;
    assert!(
        says.contains("1 of 3 users") && says.ends_with("are not asked"),
        "{says}"
    );
    let says = &of(&skipped, "users").says;
    assert!(says.contains("1 without a past"), "{says}");
    let asking = Evaluation {
        cold_users: ColdUsers::Popularity,
        ..Evaluation::default()
    };
    let checks = by_hand().checks(&asking, false);
    let cold = of(&checks, "cold_users");
    assert_eq!(
        json!(cold.counts),
        json!({ "cold_users": 1, "cold_asked": 1, "users_with_targets": 3 })
    );
    assert_eq!(cold.state, State::Warning);
    assert!(
        cold.says.starts_with(
            "1 of 3 users with targets in the test part (33.3 %) have no past and are \
                               answered by popularity whatever the model"
        ),
        "{}",
        cold.says
    );
    let users = of(&checks, "users");
    assert_eq!(
        (&users.counts["users"], &users.counts["cold_asked"]),
        (&json!(3), &json!(1))
    );
    assert!(
        users
            .says
            .starts_with("3 of 4 users of the test part are in every mean"),
        "{}",
        users.says
    );
    assert!(
        users.says.ends_with("left out: 1 without a target"),
        "{}",
        users.says
    );
}

#[test]
fn a_few_users_who_are_answered_by_popularity_are_a_note() {
    let names: Vec<String> = (0..10).map(|user| format!("u{user:02}")).collect();
    let mut log: Vec<(&str, &str, i64)> = names[1..].iter().map(|user| (&**user, "a", 1)).collect();
    log.push(("other", "b", 1));
    let fit = log.len() as u32;
    log.extend(names.iter().map(|user| (&**user, "b", 2)));
    let targets: Vec<u32> = (fit..log.len() as u32).collect();
    let asking = Evaluation {
        cold_users: ColdUsers::Popularity,
        ..Evaluation::default()
    };
    let checks = Cut::new(&log, &targets).checks(&asking, false);
    let cold = of(&checks, "cold_users");
    assert_eq!(cold.state, State::Note, "{}", cold.says);
    assert!(cold.says.contains("1 of 10 users"), "{}", cold.says);
}

#[test]
fn where_heard_items_are_kept_they_are_counted() {
    let checks = by_hand().checks(&keeping(), false);
    let heard = of(&checks, "heard_targets");
    assert_eq!(heard.state, State::Note);
    assert_eq!(
        json!(heard.counts),
        json!({ "heard_targets": 2, "targets": 4, "removed": 0 })
    );
    assert!(heard.says.contains("50.0 %"), "{}", heard.says);
}

#[test]
fn a_masked_target_stops_the_sweep() {
    let cut = by_hand();
    // As if the mask had been forgotten.
    let data = cut.ready(&keeping());
    let error = cut.audit(&data, &Evaluation::default(), false).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("2 of 4 targets of the test part"), "{error}");
}

/// u1 is asked about time 5 and u2 about time 3; of the three events learned from, the one of time 9 is
/// later than both. The row of u2 and a stands in both parts.
#[test]
fn what_is_learned_from_the_future_has_its_share() {
    let log = [
        ("u1", "a", 1),
        ("u1", "b", 9),
        ("u2", "a", 3),
        ("u1", "c", 5),
        ("u2", "b", 8),
        ("u2", "a", 3),
    ];
    let cut = Cut::new(&log, &[3, 4, 5]);
    let checks = cut.checks(&Evaluation::default(), true);
    let order = of(&checks, "time_order");
    assert_eq!(order.state, State::Warning);
    assert_eq!(order.counts["share_later"], json!(1.0 / 3.0));
    assert!(order.says.contains("33.3 %"), "{}", order.says);
    let copies = of(&checks, "duplicates");
    assert_eq!(
        (copies.state, &copies.counts["copies"]),
        (State::Note, &json!(1))
    );
    let kept = cut.checks(&keeping(), true);
    assert_eq!(of(&kept, "duplicates").state, State::Warning);
    // A splitter that says it does not use the future, and does.
    let order = cut.checks(&Evaluation::default(), false);
    assert_eq!(of(&order, "time_order").state, State::Warning);
    assert_eq!(of(&order, "time_order").counts["fit_not_before"], 2);
}

#[test]
fn without_times_nothing_is_claimed() {
    let mut cut = by_hand();
    cut.events.time = musicrec_api::Series::default();
    let checks = cut.checks(&Evaluation::default(), false);
    for name in ["time_order", "duplicates"] {
        assert_eq!(of(&checks, name).state, State::Note, "{name}");
    }
}
