use std::collections::BTreeSet;

use super::super::testing::{Plan, log, messy, shared};
use super::super::{Interactions, Pairs};
use super::shape::{Quantiles, Weeks};
use super::{RecommenderView, view};

const PLAN: Plan = Plan {
    users: 60,
    items: 80,
    rows: 900,
    popularity: 0.8,
    taste: 0.2,
    activity: 0.8,
};

fn of(log: &Interactions) -> RecommenderView {
    view(log, &Pairs::of(log))
}

#[test]
fn a_small_log_by_hand() {
    const DAY: i64 = 86_400;
    // Two users, three items; u1 repeats s0.
    let rows = [
        (0, 0, 0),
        (0, 1, DAY),
        (1, 0, 4 * DAY),
        (1, 0, 5 * DAY),
        (0, 2, 20 * DAY),
    ];
    let view = of(&log(&rows));
    assert_eq!(
        (view.rows, view.users, view.items, view.pairs),
        (5, 2, 3, 4)
    );
    assert_eq!(view.density, 4.0 / 6.0);
    assert_eq!(
        (view.items_per_user.least, view.items_per_user.most),
        (1, 3)
    );
    assert_eq!(view.tail.one_user, 2.0 / 3.0);
    let groups: Vec<(u32, u64, u64)> = view
        .activity
        .iter()
        .map(|g| (g.from, g.users, g.rows))
        .collect();
    assert_eq!(
        groups,
        [(1, 0, 0), (2, 2, 5), (5, 0, 0), (10, 0, 0), (50, 0, 0)]
    );
    // Half of five rows are two: the cut is at the third, and u1 is new then.
    let cut = &view.cuts[0];
    assert_eq!((cut.time, cut.rows_before, cut.rows_after), (4 * DAY, 2, 3));
    assert_eq!(
        (cut.cold_users, cut.cold_items, cut.cold),
        (2.0 / 3.0, 1.0 / 3.0, 1.0)
    );
    assert_eq!((cut.new_pairs, cut.cold_pairs, cut.repeats), (2, 1.0, 0.0));
    assert_eq!((cut.users_after, cut.users_with_history), (2, 0.5));
    // At 60 % the fourth row is a repeat.
    assert_eq!(view.cuts[1].repeats, 0.5);
    // The first day is a Thursday: weeks begin on days -3, 4, 11 and 18.
    let weeks = view.weeks.unwrap();
    assert_eq!(
        (weeks.days, weeks.days_with_rows, weeks.width),
        (21, Some(5), 1)
    );
    assert_eq!((weeks.monday, weeks.rows), (-3 * DAY, vec![2, 2, 0, 1]));
}

#[test]
fn quantiles_leave_out_what_is_not_there() {
    let counts: Vec<u32> = (0..=100).collect();
    let quantiles = Quantiles::of(&counts);
    assert_eq!(
        (
            quantiles.least,
            quantiles.quarter,
            quantiles.median,
            quantiles.three_quarters
        ),
        (1, 25, 50, 75)
    );
    assert_eq!(
        (quantiles.nine_tenths, quantiles.hundredth, quantiles.most),
        (90, 99, 100)
    );
    assert_eq!(quantiles.mean, 50.5);
    assert_eq!(Quantiles::of(&[0, 0]), Quantiles::default());
}

#[test]
fn a_long_time_is_drawn_in_wider_steps() {
    let times = [-62_000_000_000, 0, 4_000_000_000];
    let weeks = Weeks::of(&times).unwrap();
    assert!(weeks.rows.len() <= 160 && weeks.width > 600, "{weeks:?}");
    assert_eq!(weeks.rows.iter().sum::<u64>(), 3);
    assert_eq!(weeks.days_with_rows, None);
}

/// Row by row, with sets, as the words say.
#[test]
fn cuts_are_what_counting_row_by_row_gives() {
    for seed in 0..5 {
        let log = PLAN.log(seed);
        for cut in of(&log).cuts {
            let (before, after): (Vec<usize>, Vec<usize>) =
                (0..log.len()).partition(|&row| log.times[row] < cut.time);
            let of = |rows: &[usize], side: &[u32]| {
                rows.iter().map(|&row| side[row]).collect::<BTreeSet<_>>()
            };
            let (users, items) = (of(&before, &log.users), of(&before, &log.items));
            let pair = |&row: &usize| (log.users[row], log.items[row]);
            let known: BTreeSet<_> = before.iter().map(pair).collect();
            let share = |yes: &dyn Fn(&usize) -> bool| {
                after.iter().filter(|row| yes(row)).count() as f64 / after.len() as f64
            };
            let new_user = |&row: &usize| !users.contains(&log.users[row]);
            let new_item = |&row: &usize| !items.contains(&log.items[row]);
            assert_eq!(cut.cold_users, share(&new_user));
            assert_eq!(cut.cold_items, share(&new_item));
            assert_eq!(cut.cold, share(&|row| new_user(row) || new_item(row)));
            assert_eq!(cut.repeats, share(&|row| known.contains(&pair(row))));
            let later = of(&after, &log.users);
            assert_eq!(cut.users_after, later.len() as u64);
            let both = later.intersection(&users).count() as f64;
            assert_eq!(cut.users_with_history, both / later.len() as f64);
            let new: BTreeSet<_> = after
                .iter()
                .map(pair)
                .filter(|p| !known.contains(p))
                .collect();
            let cold = new
                .iter()
                .filter(|p| !users.contains(&p.0) || !items.contains(&p.1))
                .count();
            assert_eq!(
                (cut.new_pairs, cut.cold_pairs),
                (new.len() as u64, cold as f64 / new.len() as f64)
            );
        }
    }
}

#[test]
fn cores_are_what_dropping_again_and_again_leaves() {
    for seed in 0..5 {
        let log = PLAN.log(seed);
        for core in of(&log).cores {
            let mut rows: Vec<usize> = (0..log.len()).collect();
            loop {
                let pairs: BTreeSet<(u32, u32)> =
                    rows.iter().map(|&r| (log.users[r], log.items[r])).collect();
                let enough = |row: usize| {
                    let user = pairs.iter().filter(|p| p.0 == log.users[row]).count();
                    let item = pairs.iter().filter(|p| p.1 == log.items[row]).count();
                    user.min(item) >= core.k as usize
                };
                let kept: Vec<usize> = rows.iter().copied().filter(|&row| enough(row)).collect();
                if kept.len() == rows.len() {
                    assert_eq!(core.pairs, pairs.len() as u64);
                    break;
                }
                rows = kept;
            }
            let distinct = |side: &[u32]| {
                rows.iter()
                    .map(|&row| side[row])
                    .collect::<BTreeSet<_>>()
                    .len() as u64
            };
            assert_eq!(core.rows, rows.len() as u64, "{core:?}");
            assert_eq!(
                (core.users, core.items),
                (distinct(&log.users), distinct(&log.items))
            );
        }
    }
}

#[test]
fn findings_have_rows_and_what_is_sound_has_none() {
    // Each day has users and songs of its own.
    let fleeting: Vec<(u32, u32, i64)> =
        (0..500).map(|n| (n, n / 2, i64::from(n) * 3600)).collect();
    let fleeting = log(&fleeting);
    let pairs = Pairs::of(&fleeting);
    let alerts = view(&fleeting, &pairs).alerts(&fleeting, &pairs);
    let ids: Vec<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids, ["view.cold_start", "users.one_row", "view.sparse"]);
    assert_eq!((alerts[0].rows, alerts[0].share), (100, 1.0));
    assert_eq!(alerts[0].examples[0].row, 401);
    assert_eq!((alerts[1].rows, alerts[2].rows), (500, 500));
    assert!(alerts[2].toml.is_empty(), "nothing would be left");

    let sound = Plan {
        rows: 4000,
        popularity: 0.2,
        activity: 0.2,
        ..PLAN
    }
    .log(1);
    let pairs = Pairs::of(&sound);
    assert_eq!(view(&sound, &pairs).alerts(&sound, &pairs), []);

    let at_once = log(&(0..100).map(|n| (n % 9, n % 7, 5)).collect::<Vec<_>>());
    let pairs = Pairs::of(&at_once);
    let alerts = view(&at_once, &pairs).alerts(&at_once, &pairs);
    assert_eq!(alerts[0].id, "view.one_moment");
    let empty = Interactions::default();
    let pairs = Pairs::of(&empty);
    assert_eq!(view(&empty, &pairs).alerts(&empty, &pairs), []);
}

#[test]
fn the_sample() {
    let Some(file) = shared("music_interactions_messy.csv") else {
        return;
    };
    let view = of(&messy(&file));
    assert_eq!(
        (view.rows, view.users, view.items, view.pairs),
        (4809, 220, 649, 4731)
    );
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(
        serde_json::from_str::<RecommenderView>(&text).unwrap(),
        view
    );
}
