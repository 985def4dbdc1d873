//! Rules on logs that can be counted by hand, and random lists under them.

use std::sync::Arc;

use musicrec_api::{Cells, Column, Events, Fold, Log, Role, Roles, Text};
use serde_json::json;

use super::{Limits, Obeyed, limits_of};
use crate::experiment::{Evaluation, Heard, Metrics, ProductRules, Rules};
use crate::stages::chance::{Chance, chance};
use crate::stages::fold::{FoldData, ready, ready_under};

/// Events of a user, an item, a kind and an artist each.
fn events(rows: &[[&str; 4]]) -> Events {
    let column = |name: &str, at: usize| {
        let cells = rows.iter().map(|row| Some(row[at].to_owned()));
        Column {
            name: name.to_owned(),
            cells: Cells::Text(cells.collect::<Text>()),
        }
    };
    let names = ["user", "song", "kind", "artist"];
    let columns = names.iter().enumerate().map(|(at, name)| column(name, at));
    let roles = Roles {
        user: "user".into(),
        item: "song".into(),
        time: None,
        event: Some("kind".into()),
        plays: None,
        seconds: None,
    };
    let numbers = (1..=rows.len() as u64).collect();
    Events::from_log(Arc::new(Log::new(columns.collect(), numbers, roles))).unwrap()
}

const ROWS: [[&str; 4]; 11] = [
    ["u", "a", "play", "x"],
    ["u", "b", "skip", "x"],
    ["v", "b", "play", "y"],
    ["v", "b", "play", "y"],
    ["v", "c", "play", "y"],
    ["v", "d", "play", ""],
    // What is to be foretold; nobody heard e before.
    ["u", "a", "play", "x"],
    ["u", "b", "play", "x"],
    ["u", "e", "play", "x"],
    ["u", "c", "skip", "x"],
    ["v", "c", "play", "x"],
];

fn obeyed(rules: &str, events: &Events) -> Result<Obeyed, String> {
    let written: Rules = toml::from_str(rules).unwrap();
    let rules = ProductRules::read(written, "".as_ref()).unwrap();
    Obeyed::of(&rules, events, "song").map_err(|failed| failed.error.to_string())
}

fn evaluation(heard: Heard) -> Evaluation {
    Evaluation {
        targets: serde_json::from_value(json!({ "binary": {} })).unwrap(),
        heard,
        ..Evaluation::default()
    }
}

fn fold(rules: &str, heard: Heard, given: bool) -> FoldData {
    let events = events(&ROWS);
    let fold = Fold::new(Role::Test, (0..6).collect(), (6..11).collect());
    let fold = if given {
        Fold::new(Role::Test, (2..6).collect(), (6..10).collect()).with_given(vec![0, 1])
    } else {
        fold
    };
    let rules = obeyed(rules, &events).unwrap();
    ready_under(&fold, None, &events, &[], (&evaluation(heard), &rules)).unwrap()
}

fn names(data: &FoldData, items: &[u32]) -> String {
    items.iter().map(|item| data.fit.items.get(*item)).collect()
}

fn targets(data: &FoldData, at: usize) -> String {
    let wanted = data.wanted.get(at).iter();
    wanted.map(|target| data.items.get(target.item)).collect()
}

#[test]
fn what_is_blocked_leaves_lists_and_targets() {
    // e is in no list that a model could make, and no target either.
    let data = fold("block = [\"b\", \"e\", \"q\", \"b\"]", Heard::Keep, false);
    assert_eq!(names(&data, &data.limits.hidden), "b");
    assert_eq!(data.summary.candidates, 3);
    assert_eq!([targets(&data, 0), targets(&data, 1)], ["ac", "c"]);
    let used = data.summary.rules.as_ref().unwrap();
    assert_eq!(
        (used.hidden_items, used.hidden_removed, used.avoided_removed),
        (1, 2, 0)
    );
    let list = &used.lists[0];
    assert_eq!((list.ids, list.unknown), (3, 1));
    assert_eq!(list.first_unknown.as_deref(), Some("number 3 of the list"));
    // Both lists: what is allowed and not blocked.
    let data = fold(
        "allow = [\"a\", \"b\", \"c\"]\nblock = [\"c\"]",
        Heard::Keep,
        false,
    );
    assert_eq!(names(&data, &data.limits.hidden), "cd");
    assert_eq!(data.who.len(), 1);
    assert_eq!(targets(&data, 0), "ab");
    assert_eq!(data.summary.users_without_target, 1);
    // What was heard is counted as that, and stands in one of the two.
    let data = fold("block = [\"b\", \"e\"]", Heard::Mask, false);
    let used = data.summary.rules.as_ref().unwrap();
    assert_eq!((data.summary.heard_removed, used.hidden_removed), (3, 1));
    assert_eq!(names(&data, data.heard.get(0)), "a");
}

#[test]
fn what_a_user_avoids_is_of_the_past_alone() {
    for given in [false, true] {
        let data = fold("avoid = [\"skip\"]", Heard::Keep, given);
        // u skips c only later.
        assert_eq!(names(&data, data.heard.get(0)), "b", "given: {given}");
        assert_eq!(targets(&data, 0), "ace");
        let used = data.summary.rules.as_ref().unwrap();
        assert_eq!((used.avoided_removed, used.hidden_removed), (1, 0));
        assert!(data.limits.hidden.is_empty());
    }
    let data = fold("avoid = [\"skip\"]", Heard::Mask, false);
    let masked = fold("", Heard::Mask, false);
    assert_eq!(data.heard, masked.heard);
    assert_eq!(data.summary.heard_removed, masked.summary.heard_removed);
    assert_eq!(masked.summary.rules, None);
}

#[test]
fn values_of_items_are_those_of_the_fit_part() {
    let data = fold(
        "block = [\"a\"]\nat_most = { artist = 1 }",
        Heard::Keep,
        false,
    );
    let [cap] = &data.limits.caps[..] else {
        panic!("one column")
    };
    // b is of y more often than of x, which nothing but a is then; d is of nobody.
    let of = |name: &str| {
        let item = data.fit.items.iter().position(|item| item == name).unwrap();
        cap.of_item[item]
    };
    assert_eq!([of("a"), of("b"), of("c"), of("d")], [0, 1, 1, u32::MAX]);
    assert_eq!((cap.values(), cap.limited()), (2, 2));
    assert_eq!(cap.longest(&[]), 2);
    assert_eq!(cap.longest(&[1]), 2);
    assert_eq!(cap.longest(&[1, 2]), 1);
    assert_eq!(cap.longest(&[1, 2, 3]), 0);
}

#[test]
fn what_a_log_does_not_have_is_refused() {
    let events = events(&ROWS);
    for (rules, says) in [
        (
            "avoid = [\"skp\"]",
            "a `skp`; did you mean `skip`?; it has play, skip",
        ),
        (
            "allow = [\"q\"]",
            "leaves nothing to recommend: none of its 1 ids",
        ),
        ("at_most = { genre = 2 }", "`genre`"),
    ] {
        let error = obeyed(rules, &events).unwrap_err();
        assert!(error.contains(says), "no `{says}` in: {error}");
    }
    let pairs = Events::from_pairs([("u", "a")]);
    let error = obeyed("avoid = [\"skip\"]", &pairs).unwrap_err();
    assert!(error.contains("it has no kinds of event"), "{error}");
}

/// A user who has heard nothing of six items but one that nobody else has, and looks for the first two and the last.
fn six() -> FoldData {
    let fit = ["a", "b", "c", "d", "e", "f"].map(|item| ("w", item));
    let future = ["a", "b", "f"].map(|item| ("u", item));
    let events = Events::from_pairs(fit.into_iter().chain([("u", "own")]).chain(future));
    let fold = Fold::new(Role::Test, (0..7).collect(), (7..10).collect());
    ready(&fold, None, &events, &[], &evaluation(Heard::Mask)).unwrap()
}

fn drawn(data: &FoldData, rankings: usize) -> Chance {
    let metrics: Metrics = serde_json::from_value(json!([
        { "recall": { "k": 3 } }, { "precision": { "k": 3 } }, { "ndcg": { "k": 3 } },
    ]))
    .unwrap();
    chance(&metrics, data, rankings, 5, &false.into()).unwrap()
}

#[test]
fn random_lists_obey_what_is_hidden_exactly() {
    let mut data = six();
    data.limits = Limits {
        hidden: vec![2, 4],
        caps: Vec::new(),
    };
    data.summary.candidates -= 2;
    // Of a, b, d and f three are listed.
    let chance = drawn(&data, 2_000);
    assert_eq!(chance.exact, [true; 3]);
    assert!((chance.expected[0] - 0.75).abs() < 1e-12);
    // The same of a metric that reads which items they are.
    let metrics: Metrics =
        serde_json::from_value(json!([{ "recall": { "k": 3 } }, { "coverage": { "k": 3 } }]))
            .unwrap();
    let beside = super::super::chance::chance(&metrics, &data, 200, 5, &false.into()).unwrap();
    assert_eq!(beside.null[0][..], chance.null[0][..200]);
    // Three of the five that somebody could be shown.
    assert!(
        (beside.expected[1] - 0.6).abs() < 1e-12,
        "{:?}",
        beside.expected
    );
}

#[test]
fn random_lists_of_few_items_of_a_value_are_drawn() {
    let mut data = six();
    // a, b and c are of one value, d and e of another, and f and `own` of none.
    let column = [Some(0), Some(0), Some(0), Some(1), Some(1), None, None].to_vec();
    data.limits = limits_of(Vec::new(), [(1, &column)]);
    let rankings = 20_000;
    let chance = drawn(&data, rankings);
    assert_eq!(
        (&chance.exact[..], &chance.refuted[..]),
        (&[false; 3][..], &[None; 3][..])
    );
    // All orders of the six: what is on the list that each comes to.
    let (mut orders, mut recall, mut hits) = (0.0, 0.0, 0.0);
    permutations(&mut vec![0, 1, 2, 3, 4, 5], 0, &mut |order| {
        let mut list: Vec<usize> = Vec::new();
        for &item in order {
            let same = |other: &usize| column[*other].is_some() && column[*other] == column[item];
            if list.len() < 3 && !list.iter().any(same) {
                list.push(item);
            }
        }
        let found = list.iter().filter(|item| [0, 1, 5].contains(*item)).count();
        orders += 1.0;
        recall += found as f64 / 3.0;
        hits += f64::from(found > 0);
    });
    assert_eq!(orders, 720.0);
    // Six standard errors of a share at most.
    let close = |got: f64, wanted: f64| (got - wanted).abs() < 6.0 * 0.5 / (rankings as f64).sqrt();
    assert!(
        close(chance.expected[0], recall / orders),
        "{:?} {recall}",
        chance.expected
    );
    assert!(close(chance.hit[0], hits / orders), "{:?}", chance.hit);
    // The best list holds f, and of a and b one.
    assert!((chance.ceiling[0].unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!((chance.ceiling[1].unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!(chance.null[0].iter().all(|recall| *recall < 0.7));
    // Of several columns the stricter decides.
    let none = vec![Some(0); 7];
    data.limits = limits_of(Vec::new(), [(1, &column), (1, &none)]);
    let chance = drawn(&data, 100);
    assert!((chance.ceiling[0].unwrap() - 1.0 / 3.0).abs() < 1e-12);
}

fn permutations(items: &mut Vec<usize>, at: usize, each: &mut dyn FnMut(&[usize])) {
    if at == items.len() {
        each(items);
        return;
    }
    for other in at..items.len() {
        items.swap(at, other);
        permutations(items, at + 1, each);
        items.swap(at, other);
    }
}
