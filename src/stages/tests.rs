//! The protocol's cases (`protocol.md`: golden cases, masks, cold items, means) over real folds.

use musicrec_api::{Events, Fold, Recommender, Result, Role, RowScorer, Scores, Users};
use serde_json::json;

use super::ask::lists;
use super::chance::chance;
use super::faulty::Faulty;
use super::fold::{FoldData, ready};
use super::measure::{Measured, measure};
use super::rank::rank;
use crate::experiment::{ColdItems, ColdUsers, Evaluation, Heard, Metrics, Ties};

/// A model that knows its scores: one list for all.
struct Fixed(Vec<f64>);

impl Recommender for Fixed {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

/// A fold that learns from the first `fit` pairs and foretells the others.
fn fold(pairs: &[(&str, &str)], fit: u32, evaluation: &Evaluation) -> Result<FoldData> {
    let events = Events::from_pairs(pairs.iter().copied());
    let targets = (fit..pairs.len() as u32).collect();
    let fold = Fold::new(Role::Test, (0..fit).collect(), targets);
    Ok(ready(&fold, None, &events, &[], evaluation)?)
}

/// What a model reaches whose scores are given by item.
fn reached(fold: &FoldData, scores: &[(&str, f64)], evaluation: &Evaluation) -> Measured {
    let items = fold.fit.items.iter();
    let score = |item: &str| scores.iter().find(|(i, _)| *i == item).map_or(0.0, |s| s.1);
    let model = Fixed(items.map(score).collect());
    let lists = rank(
        &model,
        &fold.asked,
        &fold.heard,
        (fold.fit.items.len(), 3),
        &|_| String::new(),
    );
    measure(&evaluation.metrics, fold, &lists.unwrap()).unwrap()
}

fn close(got: &[f64], expected: [f64; 3]) {
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }
}

/// `seen_item_target`: train {a}, test {a, b}, scores a9 b5 c4 d3.
#[test]
fn what_was_heard_leaves_both_lists_and_targets() {
    let pairs = [
        ("u1", "a"),
        ("u2", "b"),
        ("u2", "c"),
        ("u2", "d"),
        ("u1", "a"),
        ("u1", "b"),
    ];
    let scores = [("a", 9.0), ("b", 5.0), ("c", 4.0), ("d", 3.0)];
    let mut evaluation = Evaluation::default();
    let masked = fold(&pairs, 4, &evaluation).unwrap();
    assert_eq!(
        (masked.summary.targets, masked.summary.heard_removed),
        (1, 1)
    );
    // Recall and NDCG are 1; the one-sided bug would give .5 and .613.
    close(
        &reached(&masked, &scores, &evaluation).means,
        [1.0, 1.0 / 3.0, 1.0],
    );
    evaluation.heard = Heard::Keep;
    let kept = fold(&pairs, 4, &evaluation).unwrap();
    assert_eq!((kept.summary.targets, kept.summary.heard_removed), (2, 0));
    close(
        &reached(&kept, &scores, &evaluation).means,
        [1.0, 2.0 / 3.0, 1.0],
    );
}

/// `cold_item_target`: list a x y, targets a and one that nobody heard before.
#[test]
fn cold_items_are_misses_unless_dropped() {
    let pairs = [
        ("u2", "a"),
        ("u2", "x"),
        ("u2", "y"),
        ("u1", "z"),
        ("u1", "a"),
        ("u1", "COLD"),
    ];
    let scores = [("a", 9.0), ("x", 5.0), ("y", 4.0)];
    let mut evaluation = Evaluation::default();
    let miss = fold(&pairs, 4, &evaluation).unwrap();
    assert_eq!((miss.summary.targets, miss.summary.cold_items), (2, 1));
    let ndcg = 0.613_147_192_765_458_4;
    close(
        &reached(&miss, &scores, &evaluation).means,
        [0.5, 1.0 / 3.0, ndcg],
    );
    evaluation.cold_items = ColdItems::Drop;
    let drop = fold(&pairs, 4, &evaluation).unwrap();
    assert_eq!((drop.summary.targets, drop.summary.cold_items), (1, 1));
    close(
        &reached(&drop, &scores, &evaluation).means,
        [1.0, 1.0 / 3.0, 1.0],
    );
}

/// Users without targets and users without a past are counted, not averaged.
#[test]
fn the_mean_is_over_users_with_targets_and_a_past() {
    let pairs = [
        ("u1", "a"),
        ("u2", "b"),
        ("u3", "c"),
        // u1 has a target, u2 only what was heard, u4 has no past; u3 does nothing.
        ("u1", "b"),
        ("u2", "b"),
        ("u4", "a"),
    ];
    let evaluation = Evaluation::default();
    let data = fold(&pairs, 3, &evaluation).unwrap();
    let summary = &data.summary;
    assert_eq!(
        (
            summary.users,
            summary.cold_users,
            summary.users_without_target
        ),
        (1, 1, 1)
    );
    let measured = reached(&data, &[("b", 1.0)], &evaluation);
    close(&measured.means, [1.0, 1.0 / 3.0, 1.0]);
    assert_eq!((measured.per_user.nrows(), measured.users_hit), (1, 1));
}

#[test]
fn a_fold_that_asks_nothing_is_an_error_that_says_why() {
    let pairs = [("u1", "a"), ("u1", "a"), ("u2", "b")];
    let error = fold(&pairs, 1, &Evaluation::default())
        .unwrap_err()
        .to_string();
    for words in [
        "no user",
        "test part",
        "1 are unknown",
        "1 pairs were heard",
    ] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

/// `random_expectation`: 10 candidates, 2 targets, k = 3.
#[test]
fn chance_is_exact_and_the_draws_agree_with_it() {
    let mut pairs: Vec<(String, String)> = (0..10)
        .map(|i| ("other".to_owned(), format!("i{i}")))
        .collect();
    pairs.push(("u1".into(), "kept".into()));
    pairs.push(("u1".into(), "i3".into()));
    pairs.push(("u1".into(), "i7".into()));
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(u, i)| (u.as_str(), i.as_str()))
        .collect();
    let evaluation = Evaluation::default();
    let data = fold(&pairs, 11, &evaluation).unwrap();
    let chance = chance(&evaluation.metrics, &data, 40_000, 1, &false.into()).unwrap();
    close(&chance.expected, [0.3, 0.2, 0.261_314_719_276_545_9]);
    assert!(chance.exact.iter().all(|exact| *exact));
    assert!(
        (chance.users_hit - 0.533_333_333_333).abs() < 1e-9,
        "{}",
        chance.users_hit
    );
    for (null, expected) in chance.null.iter().zip(&chance.expected) {
        let mean = null.iter().sum::<f64>() / null.len() as f64;
        // Standard error of 40,000 draws is below .0015.
        assert!((mean - expected).abs() < 0.006, "{mean} is not {expected}");
    }
    let ceiling: Vec<f64> = chance.ceiling.iter().copied().flatten().collect();
    close(&ceiling, [1.0, 2.0 / 3.0, 1.0]);
}

/// A fold of users who heard an item each of their own and look for some of `items` others.
fn asking(users: usize, items: usize, targets: impl Fn(usize) -> usize) -> FoldData {
    let mut pairs: Vec<(String, String)> = (0..items)
        .map(|item| ("other".to_owned(), format!("i{item}")))
        .collect();
    pairs.extend((0..users).map(|user| (format!("u{user}"), format!("own{user}"))));
    let fit = pairs.len() as u32;
    for user in 0..users {
        let wanted = (0..targets(user)).map(|at| format!("i{}", (user + 7 * at) % items));
        pairs.extend(wanted.map(|item| (format!("u{user}"), item)));
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(u, i)| (&**u, &**i)).collect();
    fold(&pairs, fit, &Evaluation::default()).unwrap()
}

/// The folds differ in how often random lists hit: in half of them, and in one of a thousand.
#[test]
fn the_built_in_closed_forms_are_never_refuted() {
    let metrics = Evaluation::default().metrics;
    for data in [
        asking(1, 9, |_| 2),
        asking(1, 3_000, |_| 1),
        asking(4, 500, |user| 1 + user),
        asking(30, 200, |user| 1 + user % 20),
        asking(5, 3, |_| 3),
    ] {
        for seed in 0..400 {
            let chance = chance(&metrics, &data, 100, seed, &false.into()).unwrap();
            assert_eq!(chance.refuted, [None; 3], "seed {seed}: {chance:?}");
            assert!(chance.exact.iter().all(|exact| *exact));
        }
    }
}

#[test]
fn a_wrong_closed_form_gives_way_to_what_was_drawn() {
    let data = asking(30, 200, |user| 1 + user % 20);
    let of = |fault| {
        let metrics = Metrics(vec![Box::new(fault)]);
        chance(&metrics, &data, 2_000, 1, &false.into()).unwrap()
    };
    let (right, wrong) = (of(Faulty::None), of(Faulty::ChanceWrong));
    assert_eq!(
        (&right.exact[..], &right.refuted[..]),
        (&[true][..], &[None][..])
    );
    assert!(!wrong.exact[0]);
    let said = wrong.refuted[0].unwrap();
    assert!((3.0 * said - right.expected[0]).abs() < 1e-12, "{said}");
    let drawn = wrong.null[0].iter().sum::<f64>() / 2_000.0;
    assert!((wrong.expected[0] - drawn).abs() < 1e-15);
    assert_eq!(right.null, wrong.null);
}

#[test]
fn a_faulty_metric_is_an_error_that_names_it() {
    let pairs = [("u2", "a"), ("u2", "b"), ("u17", "c"), ("u17", "a")];
    let evaluation = Evaluation::default();
    let data = fold(&pairs, 3, &evaluation).unwrap();
    let lists = rank(&Fixed(vec![0.0; 3]), &[0], &data.heard, (3, 3), &|_| {
        String::new()
    });
    let lists = lists.unwrap();
    let number = "a value must be a finite number";
    let range = "a value must be between -1e100 and 1e100";
    let bug = "panicked (a bug of the plugin): ";
    let of_chance = [
        (Faulty::Nan, format!("gave NaN for user `u17`: {number}")),
        (
            Faulty::Infinite,
            format!("gave inf for user `u17`: {number}"),
        ),
        (Faulty::Huge, range.to_owned()),
        (Faulty::Panics, format!("`faulty`: {bug}no user")),
        (Faulty::BindPanics, format!("`faulty`: {bug}no bind")),
        (Faulty::BindFails, "`faulty`: there is no column".to_owned()),
        (
            Faulty::NotOverLists,
            "says in `nature` that it is over all lists".to_owned(),
        ),
        (Faulty::ChancePanics, format!("`faulty`: {bug}no chance")),
        (
            Faulty::ChanceNan,
            format!("says that chance gives NaN to user `u17`: {number}"),
        ),
    ];
    for (fault, says) in of_chance {
        let metrics = Metrics(vec![Box::new(fault)]);
        let error = chance(&metrics, &data, 100, 1, &false.into()).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("metric `faulty`"), "{error}");
        assert!(error.contains(&says), "no `{says}` in: {error}");
    }
    let of_trials = [
        (Faulty::NanInTrials, "gave NaN for user `u17`"),
        (Faulty::PanicsInTrials, "`faulty`: panicked"),
    ];
    for (fault, says) in of_trials {
        let metrics = Metrics(vec![Box::new(fault)]);
        chance(&metrics, &data, 100, 1, &false.into()).unwrap();
        let error = measure(&metrics, &data, &lists).unwrap_err().to_string();
        assert!(error.contains(says), "no `{says}` in: {error}");
    }
    let metrics = Metrics(vec![Box::new(Faulty::None)]);
    assert_eq!(measure(&metrics, &data, &lists).unwrap().means, [1.0]);
}

/// Rows of scores, the same for each user.
struct Rows(Vec<f64>);

impl RowScorer for Rows {
    fn score(&self, _: &[u32], mut out: ndarray::ArrayViewMut2<f32>) {
        for mut row in out.rows_mut() {
            for (cell, score) in row.iter_mut().zip(&self.0) {
                *cell = *score as f32;
            }
        }
    }
}

impl Recommender for Rows {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }
}

fn metrics(definition: serde_json::Value) -> Metrics {
    serde_json::from_value(definition).unwrap()
}

/// The three cases of ties of the golden file, through both ways of ranking.
#[test]
fn ties_are_averaged_as_mcsherry_and_najork_do() {
    // By case: the scores of a, b, c, d; the targets; recall, precision, NDCG in the order of ids and
    // averaged.
    let cases = [
        (
            [1.0, 1.0, 1.0, 0.0],
            "c",
            [1.0, 1.0 / 3.0, 0.5],
            [1.0, 1.0 / 3.0, 0.710_309_917_857_152_6],
        ),
        (
            [1.0, 1.0, 1.0, 1.0],
            "d",
            [0.0, 0.0, 0.0],
            [0.75, 0.25, 0.532_732_438_392_864_4],
        ),
        (
            [2.0, 1.0, 1.0, 1.0],
            "bd",
            [0.5, 1.0 / 3.0, 0.386_852_807_234_541_63],
            [2.0 / 3.0, 4.0 / 9.0, 0.462_284_269_078_180_54],
        ),
    ];
    let evaluation = Evaluation::default();
    for (scores, targets, by_id, averaged) in cases {
        let others = ["a", "b", "c", "d"].map(|item| ("other", item));
        // What u heard has the best score and is masked.
        let heard = [("u", "heard")];
        let targets = targets.chars().map(String::from).collect::<Vec<_>>();
        let asked: Vec<(&str, &str)> = targets.iter().map(|t| ("u", t.as_str())).collect();
        let data = fold(&[&others[..], &heard, &asked].concat(), 5, &evaluation).unwrap();
        let scores = [&scores[..], &[9.0]].concat();
        let models: [Box<dyn Recommender>; 2] =
            [Box::new(Fixed(scores.clone())), Box::new(Rows(scores))];
        for model in models {
            for (targets, expected) in [(None, by_id), (Some(&data.reachable), averaged)] {
                let name = |_| String::new();
                let lists = rank(&*model, &data.asked, (&data.heard, targets), (5, 3), &name);
                let measured = measure(&evaluation.metrics, &data, &lists.unwrap()).unwrap();
                close(&measured.means, expected);
                assert_eq!(measured.per_user.row(0).to_vec(), measured.means);
            }
        }
    }
}

/// Of four users asked, x and y have no past: whatever the ranking, x hits with b, the second most
/// popular item, and y misses, for z is the last of all. The best possible ranking hits all the same.
#[test]
fn users_without_a_past_have_the_same_list_in_every_random_ranking() {
    let known = [
        ("u", "a"),
        ("v", "a"),
        ("w", "a"),
        ("w", "b"),
        ("u", "b"),
        ("w", "c"),
        ("w", "d"),
        ("w", "e"),
        ("w", "z"),
    ];
    let asked = [("u", "c"), ("v", "d"), ("x", "b"), ("y", "z")];
    let pairs = [&known[..], &asked].concat();
    let metrics = metrics(json!([{ "recall": { "k": 2 } }, { "novelty": { "k": 2 } },
        { "coverage": { "k": 2 } }]));
    for ties in [Ties::ItemId, Ties::Expected] {
        let evaluation = Evaluation {
            cold_users: ColdUsers::Popularity,
            ties,
            ..Evaluation::default()
        };
        let data = fold(&pairs, 9, &evaluation).unwrap();
        assert_eq!(data.summary.cold_asked, 2);
        let chance = chance(&metrics, &data, 20_000, 1, &false.into()).unwrap();
        // u draws two of c, d, e, z; v two of five.
        let expected = (0.5 + 0.4 + 1.0 + 0.0) / 4.0;
        assert!((chance.expected[0] - expected).abs() < 1e-12, "{chance:?}");
        assert!(chance.exact[0]);
        let drawn = chance.null[0].iter().sum::<f64>() / 20_000.0;
        assert!((drawn - expected).abs() < 0.01, "{drawn} is not {expected}");
        let least = chance.null[0].iter().copied().fold(f64::MAX, f64::min);
        let most = chance.null[0].iter().copied().fold(f64::MIN, f64::max);
        assert_eq!((least, most), (0.25, 0.75));
        assert!((chance.users_hit - 1.9).abs() < 1e-12, "{chance:?}");
        assert_eq!(chance.hit[2..], [1.0, 0.0]);
        assert_eq!(chance.ceiling[0], Some(1.0));
        // a and b are in every draw, with two others at most of u's and v's four places.
        let coverage = &chance.null[2];
        assert!(coverage.iter().all(|c| *c >= 4.0 / 6.0 - 1e-12));
        // Lists of a and b: of three users three heard a, and two b.
        let cold = (3.0 / 2.0_f64).log2() / 2.0;
        let novelty = chance.null[1].iter().copied().fold(f64::MAX, f64::min);
        assert!(novelty >= cold / 2.0, "{novelty}");
        // What a model gets of these users is the same, so a random one is no better than chance.
        let model = Rows((0..6).map(f64::from).collect());
        let shape = (2, ties == Ties::Expected);
        let lists = lists(&model, &data, None, shape, "rows").unwrap();
        let measured = measure(&metrics, &data, &lists).unwrap();
        assert_eq!(
            (measured.per_user[[2, 0]], measured.per_user[[3, 0]]),
            (1.0, 0.0)
        );
    }
}

/// Metrics that read items or are over all lists: their chance is drawn, they have no ceiling, and those of
/// hits beside them are what they are alone.
#[test]
fn random_lists_have_real_items_where_a_metric_reads_them() {
    let data = asking(30, 50, |user| 1 + user % 5);
    let hits = json!([{ "recall": {} }, { "ndcg": {} }]);
    let of = |definition| chance(&metrics(definition), &data, 300, 1, &false.into()).unwrap();
    let alone = of(hits);
    let names = [
        "coverage",
        "recall",
        "gini",
        "novelty",
        "ndcg",
        "micro_precision",
        "serendipity",
        "popularity_bias",
    ];
    let all = of(names.map(|name| json!({ name: {} })).into());
    let at = |name| names.iter().position(|n| *n == name).unwrap();
    for (one, name) in ["recall", "ndcg"].into_iter().enumerate() {
        assert_eq!(all.null[at(name)], alone.null[one]);
        assert_eq!(all.expected[at(name)], alone.expected[one]);
        assert_eq!(all.ceiling[at(name)], alone.ceiling[one]);
        assert!(all.exact[at(name)]);
    }
    assert_eq!(all.ceiling.iter().flatten().count(), 2);
    assert_eq!(all.exact.iter().filter(|exact| **exact).count(), 2);
    // 80 items, each heard by one of 31 users, and one of them masked for each user asked.
    assert!((all.expected[at("popularity_bias")] - 1.0 / 31.0).abs() < 1e-12);
    assert!((all.expected[at("novelty")] - 31f64.log2()).abs() < 1e-12);
    // 90 of them in 30 lists: an item is missed by a list with probability 1 - 3/79 (or surely).
    let missed = 50.0 / 80.0 * (76f64 / 79.0).powi(30) + 30.0 / 80.0 * (76f64 / 79.0).powi(29);
    let coverage = all.expected[at("coverage")];
    assert!(
        (coverage - (1.0 - missed)).abs() < 0.005,
        "{coverage}, {}",
        1.0 - missed
    );
    assert!(all.expected[at("gini")] > 0.2 && all.expected[at("gini")] < 0.8);
    // The recall of pooled precision: hits of three places.
    let precision = of(json!([{ "precision": {} }])).expected[0];
    assert!((all.expected[at("micro_precision")] - precision).abs() < 0.005);
}

/// One number over all lists stands among the means and has no column.
#[test]
fn a_metric_over_all_lists_has_no_value_of_users() {
    let data = asking(3, 9, |_| 2);
    let metrics = metrics(json!([{ "recall": {} }, { "coverage": {} }, { "precision": {} }]));
    let scores = Fixed((0..12).map(f64::from).collect());
    let name = |_| String::new();
    let lists = rank(&scores, &data.asked, &data.heard, (12, 3), &name).unwrap();
    let measured = measure(&metrics, &data, &lists).unwrap();
    assert_eq!(measured.per_user.dim(), (3, 2));
    let column = |at: usize| measured.per_user.column(at).mean().unwrap();
    // Three items at the end of the alphabet are each somebody's own: own0, own1, own2 and i8.
    assert_eq!(measured.means, [column(0), 4.0 / 12.0, column(1)]);
}
