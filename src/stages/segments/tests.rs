//! Segments of logs that can be divided by hand.

use std::sync::Arc;

use musicrec_api::{
    Cells, Column, Events, Fold, Log, Recommender, Result, Role, Roles, Scores, Text, Users,
};

use super::{Divided, Line, Lines, Of, Places, combine, divide, measure, thirds};
use crate::experiment::{ColdUsers, Evaluation, Heard};
use crate::stages::audit::Audited;
use crate::stages::fold::{FoldData, ready};
use crate::stages::rank::rank;

/// Cuts off the events from `fit` on and divides them.
fn divided(events: &Events, fit: u32, evaluation: &Evaluation) -> FoldData {
    let targets = (fit..events.len() as u32).collect();
    let fold = Fold::new(Role::Test, (0..fit).collect(), targets);
    let mut data = ready(&fold, None, events, &[], evaluation).unwrap();
    data.segments = divide(&Audited {
        fold: &fold,
        events,
        data: &data,
        funnel: &[],
        evaluation,
        uses_the_future: false,
        validated: false,
    })
    .unwrap();
    data
}

struct Fixed(Vec<f64>);

impl Recommender for Fixed {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

/// What a model reaches that scores items by place, best first.
fn reached<'f>(data: &'f FoldData, evaluation: &Evaluation) -> Lines<'f> {
    let items = data.fit.items.len();
    let model = Fixed((0..items).map(|at| (items - at) as f64).collect());
    let lists = rank(&model, &data.asked, &data.heard, (items, 3), &|_| {
        String::new()
    });
    let lists = lists.unwrap();
    let metrics = &evaluation.metrics;
    let measured = crate::stages::measure::measure(metrics, data, &lists).unwrap();
    let bound = crate::stages::bound::bind(metrics, data).unwrap();
    measure(&bound, data, &lists, &measured.per_user).unwrap()
}

/// Users and the value of a metric in a segment.
fn within(lines: &Lines, by: &str, segment: &str, metric: usize) -> Vec<(String, f64)> {
    let lines = lines.iter();
    let lines = lines.filter(|(l, _)| l.by == by && l.segment == segment);
    lines
        .map(|(l, values)| (l.user.to_owned(), values[metric]))
        .collect()
}

fn owned(values: &[(&str, f64)]) -> Vec<(String, f64)> {
    let values = values.iter();
    values.map(|(user, v)| ((*user).to_owned(), *v)).collect()
}

#[test]
fn equal_numbers_stay_together_in_their_third() {
    assert_eq!(thirds(&[5, 1, 1, 9, 3, 7], |_| 1), [1, 0, 0, 2, 1, 2]);
    assert_eq!(thirds(&[4, 4, 4], |_| 1), [1, 1, 1]);
    assert_eq!(thirds(&[], |_| 1), [0; 0]);
}

/// Pairs: a 4, b 3, c 1, d 1, so a is the head, b the middle, c and d are the tail; e is cold.
/// Lists: u1 c d, u2 c d, u3 b d, u5 a c d.
#[test]
fn activity_popularity_and_number_of_targets_by_hand() {
    let pairs = [
        ("u1", "a"),
        ("u1", "a"),
        ("u1", "a"),
        ("u1", "b"),
        ("u2", "a"),
        ("u2", "b"),
        ("u3", "a"),
        ("u3", "c"),
        ("u4", "a"),
        ("u4", "d"),
        ("u5", "b"),
        // What is foretold.
        ("u1", "c"),
        ("u1", "e"),
        ("u2", "c"),
        ("u2", "d"),
        ("u3", "b"),
        ("u3", "d"),
        ("u5", "a"),
    ];
    let evaluation = Evaluation::default();
    let data = divided(&Events::from_pairs(pairs), 11, &evaluation);
    let lines = reached(&data, &evaluation);
    let recall = |by: &str, segment: &str| within(&lines, by, segment, 0);
    for (by, segment, expected) in [
        ("activity", "low", &[("u5", 1.0)] as &[(&str, f64)]),
        ("activity", "middle", &[("u2", 1.0), ("u3", 1.0)]),
        ("activity", "high", &[("u1", 0.5)]),
        ("targets", "1", &[("u5", 1.0)]),
        (
            "targets",
            "2 to 4",
            &[("u1", 0.5), ("u2", 1.0), ("u3", 1.0)],
        ),
        ("targets", "5 and more", &[]),
        ("popularity", "head", &[("u5", 1.0)]),
        ("popularity", "middle", &[("u3", 1.0)]),
        (
            "popularity",
            "tail",
            &[("u1", 1.0), ("u2", 1.0), ("u3", 1.0)],
        ),
        ("popularity", "cold", &[("u1", 0.0)]),
    ] {
        assert_eq!(recall(by, segment), owned(expected), "{by} {segment}");
    }
    // Of u3's two hits only the one on the second place is in the tail.
    let ndcg = within(&lines, "popularity", "tail", 2);
    assert!(
        (ndcg[2].1 - 0.630_929_753_571_457_4).abs() < 1e-12,
        "{ndcg:?}"
    );
    // History is no question where nothing heard is a target.
    assert!(lines.iter().all(|(l, _)| l.by != "history"));
    let activity = &data.segments[0].division.segments;
    assert_eq!(activity[2].what, "4 events before");
    let popularity = &data.segments[2].division.segments;
    assert_eq!(popularity[2].what, "2 items, heard by 1 user");
}

#[test]
fn new_and_repeated_targets_by_hand() {
    let pairs = [
        ("u1", "a"),
        ("u1", "b"),
        ("u2", "c"),
        // u1 repeats b and meets c; u2 meets a.
        ("u1", "b"),
        ("u1", "c"),
        ("u2", "a"),
    ];
    let evaluation = Evaluation {
        heard: Heard::Keep,
        ..Evaluation::default()
    };
    let data = divided(&Events::from_pairs(pairs), 3, &evaluation);
    let lines = reached(&data, &evaluation);
    // Nothing is masked, so everybody's list is a b c.
    let ndcg = |segment: &str| within(&lines, "history", segment, 2);
    assert_eq!(ndcg("new"), owned(&[("u1", 0.5), ("u2", 1.0)]));
    let repeat = ndcg("repeat");
    assert_eq!((repeat.len(), repeat[0].0.as_str()), (1, "u1"));
    assert!((repeat[0].1 - 0.630_929_753_571_457_4).abs() < 1e-12);
}

/// A log of users, songs, genres and countries; empty cells are missing.
fn log(rows: &[[&str; 4]]) -> Events {
    let names = ["user_id", "song_id", "genre", "country"];
    let columns = names.iter().enumerate().map(|(at, name)| {
        let text: Text = rows
            .iter()
            .map(|row| Some(row[at]).filter(|cell| !cell.is_empty()))
            .collect();
        Column {
            name: (*name).to_owned(),
            cells: Cells::Text(text),
        }
    });
    let roles = Roles {
        user: "user_id".into(),
        item: "song_id".into(),
        time: None,
        event: None,
        plays: None,
        seconds: None,
    };
    let numbers = (1..=rows.len() as u64).collect();
    Events::from_log(Arc::new(Log::new(columns.collect(), numbers, roles))).unwrap()
}

fn by<'d>(data: &'d FoldData, column: &str) -> &'d Divided {
    let mut segments = data.segments.iter();
    segments.find(|s| s.division.by == column).expect(column)
}

fn names(divided: &Divided) -> Vec<&str> {
    let segments = divided.division.segments.iter();
    segments.map(|s| s.name.as_str()).collect()
}

#[test]
fn a_column_is_of_items_or_of_users_as_the_data_says() {
    let events = log(&[
        ["u1", "a", "rock", "de"],
        ["u1", "b", "pop", "de"],
        ["u2", "a", "rock", "fr"],
        ["u2", "c", "pop", "fr"],
        ["u2", "a", "rock", ""],
        // What is foretold is not looked at: u1 is still of de, z of nothing known.
        ["u1", "c", "jazz", "us"],
        ["u2", "b", "jazz", "us"],
        ["u2", "z", "jazz", "us"],
    ]);
    let evaluation = Evaluation {
        segments: vec!["genre".into(), "country".into()],
        ..Evaluation::default()
    };
    let data = divided(&events, 5, &evaluation);
    let genre = by(&data, "genre");
    assert_eq!(genre.division.of, Of::Targets);
    assert_eq!(names(genre), ["pop", "(missing)"]);
    let Places::Targets(places) = &genre.places else {
        panic!("{genre:?}")
    };
    assert_eq!((places.get(0), places.get(1)), (&[0][..], &[0, 1][..]));
    let country = by(&data, "country");
    assert_eq!(country.division.of, Of::Users);
    assert_eq!(names(country), ["de", "fr"]);
    let Places::Users(places) = &country.places else {
        panic!("{country:?}")
    };
    assert_eq!(*places, [0, 1]);
}

#[test]
fn users_held_out_are_divided_by_what_is_given_of_them() {
    let events = log(&[
        ["u1", "a", "rock", "de"],
        ["u1", "b", "pop", "de"],
        ["u2", "a", "rock", "fr"],
        ["u2", "c", "pop", "fr"],
        // Given of x and y.
        ["x", "a", "rock", "fr"],
        ["y", "b", "pop", "us"],
        ["y", "c", "pop", "us"],
        // Foretold of them.
        ["x", "c", "pop", "fr"],
        ["y", "a", "rock", "de"],
    ]);
    let evaluation = Evaluation {
        segments: vec!["genre".into(), "country".into()],
        ..Evaluation::default()
    };
    let fold = Fold::new(Role::Test, (0..4).collect(), vec![7, 8]).with_given(vec![4, 5, 6]);
    let data = ready(&fold, None, &events, &[], &evaluation).unwrap();
    let divided = divide(&Audited {
        fold: &fold,
        events: &events,
        data: &data,
        funnel: &[],
        evaluation: &evaluation,
        uses_the_future: true,
        validated: false,
    })
    .unwrap();
    let by = |column: &str| divided.iter().find(|d| d.division.by == column).unwrap();
    assert_eq!(by("genre").division.of, Of::Targets);
    let country = by("country");
    assert_eq!(
        (country.division.of, names(country)),
        (Of::Users, vec!["fr", "us"])
    );
    let Places::Users(places) = &country.places else {
        panic!("{country:?}")
    };
    assert_eq!(*places, [0, 1]);
    let whats = by("activity")
        .division
        .segments
        .iter()
        .map(|s| s.what.as_str());
    let whats: Vec<&str> = whats.collect();
    assert!(
        whats.contains(&"1 event before") && whats.contains(&"2 events before"),
        "{whats:?}"
    );
}

#[test]
fn users_without_a_past_have_no_events_before() {
    let evaluation = Evaluation {
        cold_users: ColdUsers::Popularity,
        ..Evaluation::default()
    };
    let pairs = [
        ("u1", "a"),
        ("u2", "b"),
        ("u1", "b"),
        ("x", "a"),
        ("y", "b"),
    ];
    let data = divided(&Events::from_pairs(pairs), 2, &evaluation);
    let activity = &by(&data, "activity").division.segments;
    assert!(
        activity.iter().any(|s| s.what == "no events before"),
        "{activity:?}"
    );
}

#[test]
fn a_column_of_many_values_has_one_segment_for_the_rare_ones() {
    let owned: Vec<[String; 4]> = (0..15)
        .flat_map(|user| {
            let row = |item: &str, user: usize| {
                [
                    format!("u{user:02}"),
                    item.to_owned(),
                    "x".into(),
                    format!("c{user:02}"),
                ]
            };
            [row("a", user), row("b", user)]
        })
        .chain((0..15).map(|user| [format!("u{user:02}"), "c".into(), "x".into(), String::new()]))
        .collect();
    let rows: Vec<[&str; 4]> = owned
        .iter()
        .map(|r| [0, 1, 2, 3].map(|at| r[at].as_str()))
        .collect();
    let evaluation = Evaluation {
        segments: vec!["country".into()],
        ..Evaluation::default()
    };
    let data = divided(&log(&rows), 30, &evaluation);
    let names = names(by(&data, "country"));
    assert_eq!(names.len(), 13);
    assert_eq!((names[0], names[11], names[12]), ("c00", "c11", "(other)"));
    let other = &by(&data, "country").division.segments[12];
    assert_eq!(other.what, "3 further values");
}

#[test]
fn a_column_that_is_not_there_is_an_error_that_names_those_there_are() {
    let events = log(&[["u1", "a", "rock", "de"], ["u1", "b", "pop", "de"]]);
    let evaluation = Evaluation {
        segments: vec!["gender".into()],
        ..Evaluation::default()
    };
    let fold = Fold::new(Role::Test, vec![0], vec![1]);
    let data = ready(&fold, None, &events, &[], &evaluation).unwrap();
    let error = divide(&Audited {
        fold: &fold,
        events: &events,
        data: &data,
        funnel: &[],
        evaluation: &evaluation,
        uses_the_future: false,
        validated: false,
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no column `gender`"), "{error}");
    assert!(error.contains("country"), "{error}");
}

#[test]
fn the_columns_of_users_and_items_divide_nothing() {
    let events = log(&[["u1", "a", "rock", "de"], ["u1", "b", "pop", "de"]]);
    for (column, part) in [("user_id", "user"), ("song_id", "item")] {
        let evaluation = Evaluation {
            segments: vec![column.into()],
            ..Evaluation::default()
        };
        let fold = Fold::new(Role::Test, vec![0], vec![1]);
        let data = ready(&fold, None, &events, &[], &evaluation).unwrap();
        let error = divide(&Audited {
            fold: &fold,
            events: &events,
            data: &data,
            funnel: &[],
            evaluation: &evaluation,
            uses_the_future: false,
            validated: false,
        });
        let error = error.unwrap_err().to_string();
        let words = format!("`{column}`, which plays the part of the {part}");
        assert!(error.contains(&words), "{error}");
    }
}

#[test]
fn periods_are_averaged_over_those_with_the_user_in_the_segment() {
    let lines = |lines: &[(&'static str, &'static str, f64)]| {
        let mut all = Lines::default();
        for &(segment, user, value) in lines {
            let by = "activity";
            all.push(Line { by, segment, user }, [value]);
        }
        all
    };
    let first = lines(&[("low", "u1", 1.0), ("low", "u2", 0.0)]);
    let second = lines(&[("low", "u1", 0.5), ("high", "u2", 1.0)]);
    let expected = lines(&[("low", "u1", 0.75), ("low", "u2", 0.0), ("high", "u2", 1.0)]);
    assert_eq!(combine(vec![first.clone(), second]), expected);
    assert_eq!(combine(vec![first.clone()]), first);
}
