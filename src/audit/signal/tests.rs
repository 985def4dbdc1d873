use super::super::testing::{Plan, messy, shared, tab_separated};
use super::super::{Interactions, Pairs};
use super::{Found, Signal, Strength, signal};

const PLAN: Plan = Plan {
    users: 220,
    items: 300,
    rows: 5000,
    popularity: 0.0,
    taste: 0.0,
    activity: 0.4,
};

fn of(log: &Interactions) -> Signal {
    signal(log, &Pairs::of(log), 1)
}

#[test]
fn what_was_planted_is_found() {
    for seed in 0..2 {
        let none = of(&PLAN.log(seed));
        assert_eq!(none.found, Found::Nothing, "{none:?}");
        assert!(none.statement.starts_with("No signal"));
        assert_eq!(none.alerts()[0].id, "signal.none");
        let popular = of(&Plan {
            popularity: 0.6,
            ..PLAN
        }
        .log(seed));
        assert_eq!(
            (popular.found, popular.strength),
            (Found::Popularity, Strength::Strong),
            "{popular:?}"
        );
        let both = of(&Plan {
            popularity: 0.6,
            taste: 1.0,
            ..PLAN
        }
        .log(seed));
        assert_eq!(
            (both.found, both.strength),
            (Found::Taste, Strength::Strong),
            "{both:?}"
        );
        let taste = of(&Plan { taste: 1.0, ..PLAN }.log(seed));
        assert_eq!(taste.found, Found::Taste, "{taste:?}");
        assert!(taste.alerts().is_empty());
    }
}

#[test]
fn popularity_that_turns_is_told() {
    let mut log = Plan {
        popularity: 0.8,
        rows: 8000,
        ..PLAN
    }
    .log(3);
    assert!(
        of(&log)
            .alerts()
            .iter()
            .all(|alert| alert.id != "signal.unstable")
    );
    for row in 4000..8000 {
        log.items[row] = (log.items[row] + 150) % 300;
    }
    let signal = of(&log);
    assert!(
        signal
            .statement
            .ends_with("says nothing about the later half."),
        "{signal:?}"
    );
    assert!(
        signal
            .alerts()
            .iter()
            .any(|alert| alert.id == "signal.unstable")
    );
}

#[test]
fn short_logs_are_told() {
    for rows in [0, 1, 5, 100] {
        let signal = of(&Plan { rows, ..PLAN }.log(1));
        assert_eq!(signal.found, Found::TooLittle, "{signal:?}");
        assert_eq!(signal.alerts().len(), 1);
    }
    let one_user = of(&Plan { users: 1, ..PLAN }.log(1));
    assert_eq!(one_user.taste, None);
}

#[test]
fn the_same_for_any_number_of_threads() {
    let log = Plan { taste: 0.3, ..PLAN }.log(1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| of(&log))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn json_reads_back_as_the_same() {
    let signal = of(&PLAN.log(1));
    let text = serde_json::to_string(&signal).unwrap();
    assert_eq!(serde_json::from_str::<Signal>(&text).unwrap(), signal);
}

#[test]
fn the_sample_holds_no_signal() {
    let Some(file) = shared("music_interactions_messy.csv") else {
        return;
    };
    let log = messy(&file);
    assert_eq!(Pairs::of(&log).len(), 4731);
    let signal = of(&log);
    assert_eq!(signal.found, Found::Nothing, "{signal:?}");
}

#[test]
fn public_logs_hold_taste() {
    for (name, time) in [
        ("lastfm_2k/plays.tsv", None),
        ("amazon_music/ratings.tsv", Some(3)),
        ("movielens_100k/ratings.tsv", Some(3)),
        ("gowalla/train.tsv.gz", None),
    ] {
        let Some(file) = shared(name) else { return };
        let signal = of(&tab_separated(&file, time));
        assert_eq!(
            (signal.found, signal.strength),
            (Found::Taste, Strength::Strong),
            "{name}: {signal:?}"
        );
        assert!(signal.alerts().is_empty(), "{name}");
        if let Some(stability) = &signal.stability {
            assert!(stability.lift_of_top > 2.0, "{name}: {stability:?}");
        }
    }
}
