use musicrec_api::rng;
use rand::RngExt as _;

use super::super::testing::{log, messy, shared, tab_separated};
use super::super::{Interactions, Pairs};
use super::{Activity, Kind, Reading, activity};

const DAY: i64 = 86_400;

/// Listeners of sixty days: some sessions each, songs of two to five minutes, each song an item of
/// 2,000 by a taste of 200.
fn listeners(users: u32, seed: u64) -> Vec<(u32, u32, i64)> {
    let mut random = rng(seed);
    let mut rows = Vec::new();
    for user in 0..users {
        let hour = random.random_range(7..20);
        let taste = random.random_range(0..1800);
        for day in 0..60 {
            if random.random::<f64>() < 0.3 {
                let mut time = day * DAY + hour * 3600 + random.random_range(0..7200);
                for _ in 0..random.random_range(2..25) {
                    rows.push((user, taste + random.random_range(0..200), time));
                    time += random.random_range(120..300);
                }
            }
        }
    }
    rows
}

fn of(rows: &[(u32, u32, i64)]) -> Activity {
    let log = log(rows);
    activity(&log, &Pairs::of(&log))
}

/// The kinds that were found, with the users.
fn found(activity: &Activity) -> Vec<(Kind, Vec<&str>)> {
    activity
        .suspicions
        .iter()
        .map(|one| {
            (
                one.kind,
                one.suspects.iter().map(|s| s.user.as_str()).collect(),
            )
        })
        .collect()
}

#[test]
fn listeners_are_left_alone() {
    for seed in 0..20 {
        let activity = of(&listeners(100, seed));
        assert_eq!(activity.clock.reading, Reading::Events);
        assert_eq!(activity.alerts("user_id"), []);
    }
}

#[test]
fn each_planted_bot_is_found_and_nobody_else() {
    for seed in 0..10 {
        let mut random = rng(seed);
        let plain = listeners(100, seed);
        let mut item = || random.random_range(0..2000u32);
        // Two hundred rows in an hour, uneven.
        let fast: Vec<_> = (0..200)
            .map(|n| (100, item(), 5 * DAY + n * 17 + n * n % 17))
            .collect();
        // Every four minutes or so for three days and nights.
        let awake: Vec<_> = (0..1000)
            .map(|n| (100, item(), 5 * DAY + n * 260 + n * n % 61))
            .collect();
        // Four times a day, to the second; sixty rows.
        let regular: Vec<_> = (0..60).map(|n| (100, item(), n * DAY / 4)).collect();
        // One song in ninety of a hundred rows.
        let single: Vec<_> = (0..100)
            .map(|n| (100, if n % 10 == 0 { item() } else { 7 }, n * 7919 * 3))
            .collect();
        // Every minute for a day.
        let many: Vec<_> = (0..1300)
            .map(|n| (100, item(), 9 * DAY + n * 62 + n * n % 31))
            .collect();
        let at_once: Vec<_> = (0..15u32).map(|n| (100, n, 9 * DAY)).collect();
        for (kind, bot) in [
            (Kind::TooFast, fast),
            (Kind::NoPause, awake),
            (Kind::Regular, regular),
            (Kind::SingleItem, single),
            (Kind::TooManyADay, many),
            (Kind::SameSecond, at_once),
        ] {
            let rows = [plain.clone(), bot.clone()].concat();
            let activity = of(&rows);
            assert_eq!(found(&activity), [(kind, vec!["u100"])], "{seed}");
            let alerts = activity.alerts("user_id");
            assert_eq!((alerts.len(), alerts[0].rows), (1, bot.len() as u64));
            assert!(alerts[0].examples[0].row > plain.len() as u64);
            assert_eq!(
                alerts[0].toml,
                "[[cleaners]]\nkeep_rows = { column = \"user_id\", not_values = [\"u100\"] }\n"
            );
        }
    }
}

#[test]
fn more_than_a_day_is_told_from_seconds_and_from_plays() {
    let mut plain = listeners(50, 1);
    let first = plain.len();
    // Twelve rows in a day, of three hours each.
    plain.extend((0..12).map(|n| (50, n, 3 * DAY + i64::from(n) * 7000)));
    let mut log = log(&plain);
    log.seconds = vec![100.0; log.len()];
    log.seconds[3] = f32::NAN;
    log.seconds[first..].fill(10_800.0);
    let pairs = Pairs::of(&log);
    let by_seconds = activity(&log, &pairs);
    assert_eq!(found(&by_seconds), [(Kind::MoreThanADay, vec!["u50"])]);
    // The last may go on after the day.
    assert_eq!(by_seconds.suspicions[0].suspects[0].figure, 33.0);
    assert_eq!(by_seconds.suspicions[0].suspects[0].row, first as u64 + 1);
    // Three hundred plays of thirty seconds, twelve times: but so many plays are not those of a day.
    log.seconds.clear();
    log.plays = vec![1.0; log.len()];
    log.plays[first..].fill(300.0);
    assert_eq!(found(&activity(&log, &pairs)), []);
    let mut rows = plain[..first].to_vec();
    rows.extend((0..60).map(|n| {
        (
            50,
            n,
            3 * DAY + i64::from(n) * 1200 + i64::from(n * n % 900),
        )
    }));
    let mut log = super::super::testing::log(&rows);
    log.plays = vec![1.0; log.len()];
    log.plays[first..].fill(60.0);
    let by_plays = activity(&log, &Pairs::of(&log));
    assert_eq!(found(&by_plays), [(Kind::MoreThanADay, vec!["u50"])]);
}

#[test]
fn only_plays_count_as_heard() {
    let mut rows = listeners(50, 1);
    let first = rows.len();
    rows.extend((0..300).map(|n| (50, n, 3 * DAY + i64::from(n) * 11 + i64::from(n * n % 5))));
    let mut log = log(&rows);
    log.kinds = vec!["skip".to_owned(), "play".to_owned()];
    log.events = vec![1; log.len()];
    let pairs = Pairs::of(&log);
    assert_eq!(
        found(&activity(&log, &pairs)),
        [(Kind::TooFast, vec!["u50"])]
    );
    log.events[first..].fill(0);
    assert_eq!(found(&activity(&log, &pairs)), []);
}

#[test]
fn copies_are_found_with_their_times_and_without() {
    for seed in 0..10 {
        let mut rows = listeners(100, seed);
        let of_user = |user: u32| {
            rows.iter()
                .copied()
                .filter(|r| r.0 == user)
                .collect::<Vec<_>>()
        };
        let (a, b) = (of_user(3), of_user(40));
        let copied = a.len();
        // All but every twentieth row; the second at other times.
        rows.extend(
            a.into_iter()
                .enumerate()
                .filter(|(n, _)| n % 20 > 0)
                .map(|(_, r)| (100, r.1, r.2)),
        );
        rows.extend(b.into_iter().map(|r| (101, r.1, r.2 + 1000)));
        let activity = of(&rows);
        let copies = &activity.copies;
        assert_eq!(
            (copies.copied_users, copies.alike_users),
            (1, 1),
            "{copies:?}"
        );
        assert_eq!(copies.copied_rows, (copied - copied.div_ceil(20)) as u64);
        let found: Vec<(&str, &str)> = copies
            .found
            .iter()
            .map(|c| (c.user.as_str(), c.of.as_str()))
            .collect();
        assert_eq!(found, [("u100", "u3"), ("u101", "u40")]);
        let same = |at: usize| copies.found[at].same_times.unwrap();
        assert!(same(0) > 0.9 && same(1) < 0.1, "{copies:?}");
        let ids: Vec<String> = activity
            .alerts("u")
            .into_iter()
            .map(|alert| alert.id)
            .collect();
        assert_eq!(ids, ["users.copied", "users.alike"]);
    }
}

#[test]
fn few_items_that_everybody_has_are_no_copies() {
    // 300 users with most of eight items each: many sets are equal.
    let mut random = rng(5);
    let mut rows = Vec::new();
    for user in 0..300 {
        for item in 0..8 {
            if random.random::<f64>() < 0.85 {
                rows.push((user, item, random.random_range(0..100 * DAY)));
            }
        }
    }
    assert_eq!(of(&rows).copies.alike_users, 0);
}

#[test]
fn imports_are_found() {
    let mut rows = listeners(100, 3);
    rows.extend((0..150).map(|n| (n % 100, 500 + n, 30 * DAY)));
    let activity = of(&rows);
    assert_eq!(
        (
            activity.bulk.len(),
            activity.bulk[0].rows,
            activity.bulk[0].seconds
        ),
        (1, 150, 1)
    );
    assert_eq!(activity.alerts("u")[0].id, "times.bulk");
    // The same rows over a day are a fifth of a log.
    let mut rows = listeners(20, 3);
    let many = rows.len() as u32 / 4;
    rows.extend((0..many).map(|n| (n % 20, n, 30 * DAY + i64::from(n % 80_000) * 17 % DAY)));
    let activity = of(&rows);
    assert!(
        activity
            .bulk
            .iter()
            .any(|bulk| (bulk.time, bulk.seconds) == (30 * DAY, 86_400))
    );
}

#[test]
fn steps_of_times_are_seen() {
    let rows = listeners(50, 2);
    for (step, reading) in [
        (60, Reading::Events),
        (3600, Reading::Coarse),
        (DAY, Reading::Coarse),
    ] {
        // Days of another time zone begin at another hour.
        let rounded: Vec<_> = rows
            .iter()
            .map(|r| (r.0, r.1, r.2 / step * step + 1800 % step))
            .collect();
        let activity = of(&rounded);
        assert_eq!(
            (i64::from(activity.clock.step), activity.clock.reading),
            (step, reading)
        );
        assert_eq!(activity.alerts("u"), []);
    }
    let entered: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(n, r)| (r.0, r.1, n as i64 * 3))
        .collect();
    let activity = of(&entered);
    assert_eq!(activity.clock.reading, Reading::Entry);
    assert_eq!(activity.alerts("u")[0].id, "times.entry");
}

#[test]
fn public_logs_raise_no_false_alarm() {
    for (name, time, reading) in [
        ("lastfm_2k/plays.tsv", None, Reading::None),
        ("amazon_music/ratings.tsv", Some(3), Reading::Coarse),
        ("movielens_100k/ratings.tsv", Some(3), Reading::Entry),
    ] {
        let Some(file) = shared(name) else { return };
        let log = tab_separated(&file, time);
        let activity = activity(&log, &Pairs::of(&log));
        assert_eq!(activity.clock.reading, reading, "{name}");
        let mut ids: Vec<String> = activity
            .alerts("u")
            .into_iter()
            .map(|alert| alert.id)
            .collect();
        ids.retain(|id| id != "times.entry");
        assert!(ids.is_empty(), "{name}: {ids:?}");
    }
    let Some(file) = shared("music_interactions_messy.csv") else {
        return;
    };
    let log = messy(&file);
    assert_eq!(activity(&log, &Pairs::of(&log)).alerts("u"), []);
}

#[test]
fn an_empty_log_is_no_trouble() {
    let empty = Interactions::default();
    assert_eq!(activity(&empty, &Pairs::of(&empty)).alerts("u"), []);
}
