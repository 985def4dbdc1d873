use std::num::NonZeroUsize;
use std::path::Path;

use musicrec_api::{CheckContext, Events, FitContext, MISSING, Model, NonNegative, Train};
use ndarray::{Array2, array};

use super::{Among, SegmentPopularity};
use crate::popularity::PopularityBy;
use crate::train::tests::{assert_near, logged, scores};

const COLUMNS: [&str; 4] = ["user", "item", "country", "device"];
/// u and v are of DE, w and x of FR, y of neither; u and w use the web, v and x a phone; v was once in FR.
const LOG: [[&str; 4]; 10] = [
    ["u", "a", "DE", "web"],
    ["u", "b", "DE", "web"],
    ["v", "a", "DE", "phone"],
    ["v", "a", "DE", "phone"],
    ["v", "c", "FR", "phone"],
    ["w", "c", "FR", "web"],
    ["w", "c", "FR", ""],
    ["x", "b", "FR", "phone"],
    ["x", "c", "", "phone"],
    ["y", "d", "", "web"],
];

fn train() -> Train {
    let events = logged(&COLUMNS, &LOG);
    let weights: Vec<f64> = (0..events.len()).map(|event| 1.0 + event as f64).collect();
    Train::new(events, &weights)
}

fn model(columns: &[&str]) -> SegmentPopularity {
    SegmentPopularity {
        columns: columns.iter().map(|&name| name.to_owned()).collect(),
        shrink: NonNegative::new(2.0).unwrap(),
        min_users: NonZeroUsize::MIN,
        ..SegmentPopularity::default()
    }
}

fn of(model: &SegmentPopularity) -> Array2<f32> {
    scores(
        &*model.fit(&train(), &FitContext::new(0)).unwrap(),
        &train(),
    )
}

#[test]
fn segments_are_mixed_with_what_they_are_a_part_of() {
    // Of five users 2, 2, 3 and 1 hear a, b, c and d. DE: 2, 1, 1, 0; FR: 0, 1, 2, 0.
    let all = [0.4, 0.4, 0.6, 0.2];
    let mix = |n: [f64; 4], users: f64, s: [f64; 4]| -> [f64; 4] {
        std::array::from_fn(|i| (n[i] + 2.0 * s[i]) / (users + 2.0))
    };
    let de = mix([2.0, 1.0, 1.0, 0.0], 2.0, all);
    let fr = mix([0.0, 1.0, 2.0, 0.0], 2.0, all);
    assert_near(&of(&model(&["country"])), &array![de, de, fr, fr, all]);
    let fine = array![
        mix([1.0, 1.0, 0.0, 0.0], 1.0, de),
        mix([1.0, 0.0, 1.0, 0.0], 1.0, de),
        mix([0.0, 0.0, 1.0, 0.0], 1.0, fr),
        mix([0.0, 1.0, 1.0, 0.0], 1.0, fr),
        all
    ];
    assert_near(&of(&model(&["country", "device"])), &fine);
    // Segments of one user are too small.
    let large = SegmentPopularity {
        min_users: NonZeroUsize::new(2).unwrap(),
        ..model(&["country", "device"])
    };
    assert_eq!(of(&large), of(&model(&["country"])));
}

#[test]
fn events_may_count_where_they_were() {
    // In FR c was heard by v and w, b by x.
    let events = SegmentPopularity {
        among: Among::Events,
        shrink: NonNegative::new(0.0).unwrap(),
        ..model(&["country"])
    };
    let de = [1.0, 0.5, 0.0, 0.0];
    let fr = [0.0, 1.0 / 3.0, 2.0 / 3.0, 0.0];
    let all = [0.4, 0.4, 0.6, 0.2];
    assert_near(&of(&events), &array![de, de, fr, fr, all]);
    let weights = SegmentPopularity {
        by: PopularityBy::Weight,
        ..events
    };
    // Weights are 1, 2, 3, … in the order of the log.
    let de = [4.0, 1.0, 0.0, 0.0];
    let fr = [0.0, 8.0 / 3.0, 18.0 / 3.0, 0.0];
    let all = [8.0 / 5.0, 2.0, 27.0 / 5.0, 2.0];
    assert_near(&of(&weights), &array![de, de, fr, fr, all]);
}

#[test]
fn people_are_folded_in_by_the_values_of_what_is_given() {
    let given = [
        ["p", "a", "FR", "web"],
        ["p", "b", "DE", "web"],
        ["q", "b", "US", "phone"],
    ];
    let whole = logged(&COLUMNS, &[&LOG[..], &given[..]].concat());
    let (fit, _, items) = whole.select(&(0..10).collect::<Vec<_>>()).compact();
    let (told, _, _) = whole.select(&[10, 11, 12]).told_to(&fit, &items);
    let model = model(&["country", "device"]);
    let fit = Train::new(fit, &[1.0; 10]);
    let told = Train::new(told, &[1.0; 3]);
    let fitted = model.fit(&fit, &FitContext::new(0)).unwrap();
    let learned = scores(&*fitted, &fit);
    let folded = scores(&*fitted.fold_in(&told).unwrap().unwrap(), &told);
    // Of DE and FR the smaller text, on the web: like u. In the US nobody else is: like y.
    assert_eq!(folded.row(0), learned.row(0));
    assert_eq!(folded.row(1), learned.row(4));
}

#[test]
fn what_was_saved_must_fit() {
    let (train, model) = (train(), model(&["country", "device"]));
    let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
    let saved = fitted.save().unwrap().into_owned();
    let mut others = saved.clone();
    // Of five people: in DE on a phone and on the web, in FR likewise, nowhere.
    let (shape, chains) = others.take_u32("chains").unwrap();
    let m = MISSING;
    assert_eq!(chains, [0, 1, 0, 0, 1, 3, 1, 2, m, m]);
    let load = |saved| model.load(saved, train.interactions.clone()).map(|_| ());
    assert!(load(saved.clone()).is_ok());
    for (place, segment) in [(1, 4), (0, MISSING), (8, 2)] {
        let (mut wrong, mut chains) = (saved.clone(), chains.clone());
        chains[place] = segment;
        wrong.insert("chains", shape.clone(), chains);
        assert!(load(wrong).is_err(), "{place}");
    }
    let mut wrong = saved;
    wrong.insert_texts("levels.0.values", ["FR", "DE"]);
    let error = load(wrong).unwrap_err().to_string();
    assert!(error.contains("`country`"), "{error}");
}

#[test]
fn a_column_that_the_log_lacks_is_found_early_or_at_the_latest_when_it_is_looked_for() {
    let model = model(&["country", "devise"]);
    let columns = COLUMNS.map(str::to_owned);
    let context = CheckContext::new(Path::new("")).with_columns(&columns);
    let problems = model.check(&context);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].parameter, "columns.1");
    let fit = |train: &Train| match model.fit(train, &FitContext::new(0)) {
        Ok(_) => panic!("there is no such column"),
        Err(error) => error.to_string(),
    };
    let error = fit(&train());
    assert!(
        error.contains("`devise`; it has user, item, country, device"),
        "{error}"
    );
    let error = fit(&Train::new(Events::from_pairs([("u", "a")]), &[1.0]));
    assert!(error.contains("no log"), "{error}");
}

#[test]
fn without_a_column_it_says_what_to_do() {
    let model = model(&[]);
    let problems = model.check(&CheckContext::new(Path::new("")));
    assert_eq!(problems[0].parameter, "columns");
    let Err(error) = model.fit(&train(), &FitContext::new(0)) else {
        panic!("there are no segments");
    };
    assert!(error.to_string().contains("`popularity`"), "{error}");
}
