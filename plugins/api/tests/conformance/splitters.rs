//! Splitters that break a promise each.

use musicrec_api::{Error, Events, Fold, Kind, Result, Role, derive_seed};

use crate::{breaks, breaks_nothing};

/// The events in three parts of equal length, in the order of time.
fn thirds(events: &Events) -> Result<[Vec<u32>; 3]> {
    let mut order: Vec<u32> = (0..events.len() as u32).collect();
    if events.time.is_empty() || events.len() < 30 {
        return Err(Error::data("too few events, or no times to split them by"));
    }
    order.sort_by_key(|&e| events.time[e as usize]);
    let third = events.len() / 3;
    Ok([
        order[..third].to_vec(),
        order[third..2 * third].to_vec(),
        order[2 * third..].to_vec(),
    ])
}

macro_rules! splitter {
    ($module:ident $name:literal, $example:literal, $future:literal, $word:expr, $split:expr) => {
        plugin!(Splitter $module $name, $example, {
            fn split(&self, events: &Events, seed: u64) -> Result<Vec<Fold>> {
                let split: fn([Vec<u32>; 3], u64) -> Vec<Fold> = $split;
                Ok(split(thirds(events)?, seed))
            }
            fn uses_the_future(&self) -> bool {
                $future
            }
            fn makes_validation(&self) -> Option<bool> {
                $word
            }
        });
    };
}

splitter!(in_thirds "in_thirds", "[splitter.in_thirds]", false, Some(true), |[a, b, c], _| {
    Fold::of_parts(a, b, c)
});
splitter!(overlaps "overlaps", "[splitter.overlaps]", true, None, |[a, b, c], _| {
    Fold::of_parts([a, c.clone()].concat(), b, c)
});
splitter!(sees_the_test "sees_the_test", "[splitter.sees_the_test]", true, None, |[a, b, c], _| {
    vec![
        Fold::new(Role::Validation, [a.clone(), c.clone()].concat(), b),
        Fold::new(Role::Test, a, c),
    ]
});
splitter!(two_tests "two_tests", "[splitter.two_tests]", false, None, |[a, b, c], _| {
    vec![Fold::new(Role::Test, a.clone(), b), Fold::new(Role::Test, a, c)]
});
splitter!(from_the_end "from_the_end", "[splitter.from_the_end]", false, None, |[a, b, c], _| {
    Fold::of_parts(c, b, a)
});
splitter!(breaks_its_word "breaks_its_word", "[splitter.breaks_its_word]", false, Some(true), |[a, b, c], _| {
    Fold::of_parts([a, b].concat(), Vec::new(), c)
});
splitter!(nothing_to_ask "nothing_to_ask", "[splitter.nothing_to_ask]", false, None, |[a, ..], _| {
    Fold::of_parts(a, Vec::new(), Vec::new())
});
splitter!(by_address "by_address", "[splitter.by_address]", true, None, |[a, b, c], seed| {
    // Where a list happens to lie in memory stands for all that no seed decides.
    let kept = Box::leak(Box::new(0_u64));
    let drawn = derive_seed(seed, &format!("{kept:p}")) % a.len() as u64;
    let (left, right) = a.split_at(drawn as usize);
    Fold::of_parts(right.to_vec(), [left, &b].concat(), c)
});

#[test]
fn what_splitters_break_is_found() {
    breaks_nothing(Kind::Splitter, "in_thirds");
    breaks(Kind::Splitter, "overlaps", "test");
    breaks(
        Kind::Splitter,
        "sees_the_test",
        "settings are chosen by what is to be foretold",
    );
    breaks(Kind::Splitter, "two_tests", "2 folds of role test, not one");
    breaks(
        Kind::Splitter,
        "from_the_end",
        "`uses_the_future` says that it does not",
    );
    breaks(Kind::Splitter, "breaks_its_word", "`makes_validation` says");
    breaks(
        Kind::Splitter,
        "nothing_to_ask",
        "targets of the test fold is empty",
    );
    breaks(Kind::Splitter, "by_address", "gives other folds");
}
