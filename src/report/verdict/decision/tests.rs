//! The decision never says another thing than the verdict.

use super::super::tests::{overview, row};
use super::super::verdict;
use super::{Decision, Tone, decision};
use crate::compare::Difference;
use crate::report::summary::Row;

/// Differences that are a gain, a loss, not shown, and shown by too few users.
fn differences() -> [Difference; 4] {
    [
        Difference::example(0.01, 0.005, 80, 0.001),
        Difference::example(-0.01, 0.005, 80, 0.02),
        Difference::example(0.001, 0.02, 80, 0.6),
        Difference::example(0.001, 0.02, 4, 0.6),
    ]
}

/// Verdict and decision on ALS, popularity and a third variant, of which one was best on validation.
fn both(rows: &[Row]) -> (String, Decision) {
    let overview = overview();
    (verdict(&overview, rows), decision(&overview, rows))
}

#[test]
fn it_says_what_the_verdict_says() {
    let mut seen = Vec::new();
    for best in ["als", "popularity"] {
        for ranked in [Some(1), None] {
            for to_baseline in differences() {
                for to_other in differences() {
                    let mut als = row("als", 0.05, ranked, best == "als");
                    let mut popularity = row("popularity", 0.04, Some(2), best == "popularity");
                    let mut other = row("other", 0.03, Some(3), false);
                    als.difference = Some(to_baseline);
                    other.difference = Some(to_other);
                    // All pairs, the one on validation less each other one.
                    other.best_minus_this = Some(to_other);
                    popularity.best_minus_this = (best == "als").then_some(to_baseline);
                    let rows = [als, popularity, other];
                    let (verdict, decision) = both(&rows);
                    let what = format!("{verdict}\n{decision:?}");
                    for name in ["als", "popularity", "other"] {
                        if verdict.contains(&format!("Use `{name}`")) {
                            assert_eq!(decision.ship, format!("Ship `{name}`"), "{what}");
                        }
                    }
                    let says = |words: &str| verdict.contains(words);
                    if says("; better than `popularity`") {
                        assert_eq!(decision.ship, "Ship `als`", "{what}");
                        let clear = to_baseline.p_adjusted.unwrap() < 0.01;
                        assert_eq!(decision.tone == Tone::Sure, clear, "{what}");
                        assert_eq!(decision.sure.starts_with("Sure"), clear, "{what}");
                        assert_eq!(
                            says("On test it is worse than"),
                            decision.sure.contains("But on test"),
                            "{what}"
                        );
                    }
                    if says("prefer none of them yet") {
                        assert_eq!(decision.tone, Tone::Nothing, "{what}");
                    }
                    if says("it cannot be told from `popularity`")
                        || says("too few to tell the two apart")
                    {
                        assert_eq!(
                            decision.ship, "Ship the simpler of `als` and `popularity`",
                            "{what}"
                        );
                    }
                    seen.push(decision.ship);
                }
            }
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "Ship `als`",
            "Ship `other`",
            "Ship `popularity`",
            "Ship none of them yet",
            "Ship the simpler of `als` and `popularity`",
            "Ship the simplest of `popularity` and those like it",
        ]
    );
}

#[test]
fn nothing_is_shipped_that_chance_explains_or_nobody_asked() {
    let chance = [
        row("als", 0.012, None, true),
        row("popularity", 0.009, None, false),
    ];
    let (_, decision) = both(&chance);
    assert_eq!(decision.tone, Tone::Nothing);
    assert_eq!(decision.ship, "Ship none of them yet");
    assert_eq!(decision.row, Some(0));
    let mut few = row("als", 0.5, Some(1), true);
    few.users = 5;
    assert_eq!(both(&[few]).1.tone, Tone::Nothing);
    let (_, nobody) = both(&[]);
    assert_eq!((nobody.tone, nobody.row), (Tone::Nothing, None));
}

#[test]
fn how_often_chance_would_do_it_is_said_in_words() {
    let sure = |p| super::span(&Difference::example(0.01, 0.005, 80, p));
    assert!(sure(0.0001).contains("less than once in 1,000 times, p < 0.001"));
    assert!(sure(0.001).contains("once in 1,000 times, p = 0.001"));
    assert!(sure(0.012).contains("12 times in 1,000, p = 0.012"));
    assert!(sure(0.6).contains("60 times in 100, p = 0.600"));
}
