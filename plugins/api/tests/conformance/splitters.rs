//! Splitters that break a promise each.

use musicrec_api::{Error, Events, Fold, Kind, Result, Role, derive_seed};

use crate::{breaks, breaks_nothing};

/// The events in three parts of equal length, in the order of time.
fn thirds(events: &Events) -> Result<[Vec<u32>; 3]> {
    let mut order: Vec<u32> = (0..events.len() as u32).collect();
    if events.time.is_empty() || events.len() < 30 {
        return Err(Error::data("too few events, or no times to split them by"));
    }
    order.sort_by_key(|&e| events.time.at(e as usize));
    let third = events.len() / 3;
    if [third, 2 * third].iter().any(|&at| {
        let time = |at: usize| events.time.at(order[at] as usize);
        time(at - 1) == time(at)
    }) {
        return Err(Error::data("events of one time lie on both sides of a cut"));
    }
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
splitter!(no_test "no_test", "[splitter.no_test]", false, None, |[a, b, _], _| {
    vec![Fold::new(Role::Validation, a, b)]
});
splitter!(in_periods "in_periods", "[splitter.in_periods]", false, Some(false), |[a, b, c], _| {
    vec![Fold::new(Role::Test, a.clone(), b.clone()), Fold::new(Role::Test, [a, b].concat(), c)]
});
splitter!(asks_twice "asks_twice", "[splitter.asks_twice]", false, None, |[a, b, c], _| {
    vec![Fold::new(Role::Test, a.clone(), [b, c.clone()].concat()), Fold::new(Role::Test, a, c)]
});
splitter!(later_first "later_first", "[splitter.later_first]", false, None, |[a, b, c], _| {
    vec![Fold::new(Role::Test, [a.clone(), b.clone()].concat(), c), Fold::new(Role::Test, a, b)]
});
splitter!(knows_the_held_out "knows_the_held_out", "[splitter.knows_the_held_out]", false, None, |[a, b, c], _| {
    vec![Fold::new(Role::Test, a, c).with_given(b)]
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
    breaks(Kind::Splitter, "no_test", "there is no fold of role test");
    breaks_nothing(Kind::Splitter, "in_periods");
    breaks(
        Kind::Splitter,
        "asks_twice",
        "test fold 2 of 2 asks for events",
    );
    breaks(Kind::Splitter, "later_first", "not in the order of time");
    breaks(
        Kind::Splitter,
        "knows_the_held_out",
        "whom it learns from too",
    );
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
