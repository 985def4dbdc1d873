//! Every figure to the letter, and what must hold of figures whatever the data is.

mod fixture;

use std::path::Path;

use serde_json::json;

use self::fixture::{SELECT, Tried, grid, summary};
use super::{Figure, Figures};
use crate::compare::Estimate;
use crate::report::summary::Summary;

fn all(figures: &Figures) -> Vec<&Figure> {
    let Figures {
        dots,
        dots_narrow,
        marginals,
        heat_maps,
        parallel,
        trials,
        validation_test,
        pareto_time,
        pareto_memory,
        segments,
        periods,
        funnel,
        timeline,
    } = figures;
    let one = [
        dots,
        dots_narrow,
        trials,
        validation_test,
        pareto_time,
        pareto_memory,
        periods,
    ];
    let several = [marginals, heat_maps, parallel, segments, funnel, timeline];
    let one = one.into_iter().flatten();
    one.chain(several.into_iter().flatten()).collect()
}

/// ALS on a grid, its neighbors by user, and popularity, which chance explains.
fn usual() -> Summary {
    let mut neighbors = grid();
    neighbors.truncate(10);
    let mut summary = summary(&[
        ("als", grid()),
        ("user_neighbors", neighbors),
        ("popularity", vec![Vec::new()]),
    ]);
    summary.trials[3].validation.clear();
    summary.trials[3].test.clear();
    summary.trials[3].failure = Some("validation: not enough memory".to_owned());
    summary
}

#[test]
fn every_figure_is_drawn_as_committed() {
    let figures = Figures::of(&usual());
    let drawn = all(&figures);
    // One of each kind and more.
    assert!(figures.dots.is_some() && figures.trials.is_some() && figures.periods.is_some());
    assert!(figures.pareto_time.is_some() && figures.pareto_memory.is_some());
    assert!(figures.validation_test.is_some());
    let lengths = [&figures.marginals, &figures.heat_maps, &figures.parallel].map(Vec::len);
    assert_eq!(lengths, [6, 2, 2]);
    let lengths = [&figures.segments, &figures.funnel, &figures.timeline].map(Vec::len);
    assert_eq!(lengths, [1, 1, 1]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/charts/golden");
    for figure in &drawn {
        let path = folder.join(format!("{}.svg", figure.id));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &figure.svg).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == figure.svg,
            "{} is drawn otherwise; if that is meant: UPDATE=1 cargo test --lib",
            path.display()
        );
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, drawn.len(), "a file that nothing is compared with");
}

#[test]
fn alternative_texts_say_what_is_found() {
    let figures = Figures::of(&usual());
    let said = |figure: &Option<Figure>| figure.as_ref().unwrap().alt.clone();
    assert_eq!(
        said(&figures.dots),
        "ndcg@3 on test: als 0.0400 [0.0310, 0.0500]; user_neighbors 0.0280 [0.0190, 0.0380]; \
         popularity 0.0160 [0.0070, 0.0260]. Chance is expected to give 0.0100, and 95 % of random \
         rankings lie from 0.0040 to 0.0180. 2 of 3 variants are better than chance."
    );
    assert_eq!(
        figures.funnel[0].alt,
        "4,809 of 5,180 rows are left (92.8 %): drop_missing drops 196; drop_duplicates drops 175."
    );
    assert!(
        said(&figures.pareto_time).contains(
            "On the Pareto front: als: ndcg@3 0.0400 [0.0310, 0.0500], 4.000 s; user_neighbors"
        ),
        "{}",
        said(&figures.pareto_time)
    );
    assert!(said(&figures.trials).contains("1 trial failed."));
    let figures = all(&figures)
        .into_iter()
        .map(|f| (&f.id, &f.alt, &f.caption));
    for (id, alt, caption) in figures {
        assert!(alt.chars().any(|c| c.is_ascii_digit()), "{id}: {alt}");
        assert!(!caption.is_empty(), "{id}");
    }
}

/// What must hold of every drawing.
fn sound(figures: &Figures) {
    let mut ids = std::collections::BTreeSet::new();
    for figure in all(figures) {
        let Figure { id, svg, .. } = figure;
        assert!(ids.insert(id.clone()), "{id} twice");
        let safe = |c: char| c.is_ascii_alphanumeric() || c == '-';
        assert!(id.chars().all(safe), "{id}");
        let parsed = roxmltree::Document::parse(svg);
        let parsed = parsed.unwrap_or_else(|fault| panic!("{id}: {fault}\n{svg}"));
        let root = parsed.root_element();
        let view = numbers(root.attribute("viewBox").unwrap());
        for node in parsed.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            assert!(
                [
                    "svg", "title", "desc", "g", "path", "rect", "circle", "text"
                ]
                .contains(&name),
                "{id}: {name}"
            );
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                match name {
                    "d" | "x" | "y" | "width" | "height" | "cx" | "cy" | "r" | "transform" => {
                        for word in value.split(|c: char| c.is_ascii_whitespace()) {
                            assert!(
                                !word.contains("NaN") && !word.contains("inf"),
                                "{id}: {value}"
                            );
                        }
                    }
                    "class" | "data-tip" | "data-key" | "role" | "aria-labelledby" | "viewBox"
                    | "id" => {}
                    other => panic!("{id}: attribute {other}"),
                }
                if ["x", "cx"].contains(&name) && !inside_moved(&node) {
                    let x: f64 = value.parse().unwrap();
                    assert!(
                        (0.0..=view[2]).contains(&x),
                        "{id}: {name}={value} of {}",
                        view[2]
                    );
                }
                if ["y", "cy"].contains(&name) && !inside_moved(&node) {
                    let y: f64 = value.parse().unwrap();
                    assert!(
                        (-0.1..=view[3]).contains(&y),
                        "{id}: {name}={value} of {}",
                        view[3]
                    );
                }
            }
        }
    }
}

fn inside_moved(node: &roxmltree::Node) -> bool {
    node.ancestors().any(|n| n.has_attribute("transform"))
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|word| word.parse().unwrap()).collect()
}

#[test]
fn drawings_are_well_formed_and_finite_whatever_the_data_is() {
    sound(&Figures::of(&usual()));
    // Nothing at all.
    let nothing = Figures::of(&summary(&[]));
    assert_eq!(nothing.dots, None);
    assert!(nothing.marginals.is_empty() && nothing.trials.is_none());
    sound(&nothing);
    // One variant with one trial.
    let one = Figures::of(&summary(&[("als", vec![Vec::new()])]));
    assert!(one.dots.is_some() && one.trials.is_none() && one.pareto_time.is_none());
    sound(&one);
    // All equal, below zero, no time, no memory, no interval.
    for value in [0.0, -0.25, 1.0, 1e-300, 1e9] {
        let mut odd = usual();
        for row in &mut odd.leaderboard {
            row.test = [(SELECT.to_owned(), Estimate::point(value))].into();
            row.fit_seconds = 0.0;
            row.peak_bytes = Some(0);
            for period in &mut row.periods {
                period.metrics = [(SELECT.to_owned(), value)].into();
                period.from = None;
            }
        }
        for segment in &mut odd.segments {
            segment.test = Estimate::point(value);
        }
        for trial in &mut odd.trials {
            trial.validation = [(SELECT.to_owned(), value)].into();
        }
        for log in &mut odd.overview.cleanings {
            log.floor = None;
            log.funnel[0].rows_in = 0;
            for step in &mut log.funnel {
                step.rows_out = 0;
            }
        }
        sound(&Figures::of(&odd));
    }
}

#[test]
fn drawings_of_odd_times_are_sound() {
    for (from, step) in [
        (i64::MIN, 3600),
        (i64::MAX, 1),
        (0, i64::MAX),
        (-62_135_596_800, 2_592_000 * 400),
    ] {
        let mut odd = usual();
        let timeline = odd.overview.cleanings[0].timeline.as_mut().unwrap();
        (timeline.from, timeline.step) = (from, step);
        sound(&Figures::of(&odd));
    }
    let mut many = usual();
    let timeline = many.overview.cleanings[0].timeline.as_mut().unwrap();
    let cut = timeline.cuts[0].clone();
    timeline.cuts = vec![cut; 12];
    let drawn = Figures::of(&many);
    sound(&drawn);
    // Names of cuts at one time stand one above the other.
    let parsed = roxmltree::Document::parse(&drawn.timeline[0].svg).unwrap();
    let names = parsed.descendants().filter(|n| {
        n.attribute("data-tip")
            .is_some_and(|t| t.starts_with("validation: from"))
    });
    let heights: std::collections::BTreeSet<&str> =
        names.filter_map(|n| n.attribute("y")).collect();
    assert_eq!(heights.len(), 12);
}

/// Names that would act on a page, in a drawing, or on the direction of writing.
fn hostile() -> Vec<String> {
    vec![
        "<script>alert(1)</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".to_owned(),
        "' onload='alert(1)".to_owned(),
        "]]></title><svg onload=alert(1)>".to_owned(),
        "<!-- &amp; &#x3c;script&#x3e; -->".to_owned(),
        "\u{202e}gnp.exe\u{202c} \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627}"
            .to_owned(),
        "\u{1f3b5}\u{1f469}\u{200d}\u{1f3a4}\u{1f1e9}\u{1f1ea}".repeat(12),
        "\0\u{1}\u{b}\u{fffe}\u{7f}\u{85}".to_owned(),
        "W".repeat(300),
        String::new(),
    ]
}

#[test]
fn hostile_names_stay_text_and_inside_the_drawing() {
    for name in hostile() {
        let leaked: &'static str = Box::leak(name.clone().into_boxed_str());
        let grid: Vec<Tried> = grid()
            .into_iter()
            .map(|mut tried| {
                tried[2] = (leaked, json!(format!("{name}{}", tried[2].1)));
                tried
            })
            .collect();
        let mut odd = summary(&[(&name, grid), ("other", vec![Vec::new()])]);
        name.clone_into(&mut odd.overview.select);
        // Values are found by the metric's name.
        for trial in &mut odd.trials {
            let value = trial.validation[SELECT];
            trial.validation = [(name.clone(), value)].into();
            trial.test = [(name.clone(), value)].into();
        }
        for row in &mut odd.leaderboard {
            row.settings.clone_from(&name);
            let test = row.test[SELECT];
            row.test = [(name.clone(), test)].into();
            for period in &mut row.periods {
                period.metrics = [(name.clone(), 0.5)].into();
            }
        }
        for segment in &mut odd.segments {
            segment.by.clone_from(&name);
            segment.what.clone_from(&name);
            segment.segment += &name;
        }
        for log in &mut odd.overview.cleanings {
            log.label.clone_from(&name);
            log.funnel[1].name.clone_from(&name);
            log.timeline.as_mut().unwrap().cuts[0]
                .what
                .clone_from(&name);
        }
        odd.trials[1].failure = Some(name.clone());
        let figures = Figures::of(&odd);
        assert_eq!(all(&figures).len(), 15, "{name:?}");
        // Elements and attributes are those of charts only: nothing of the name became markup.
        sound(&figures);
        for figure in all(&figures) {
            let hidden = |c: char| crate::text::hidden(c) && c != '\n';
            assert!(!figure.svg.contains(hidden), "{}: {name:?}", figure.id);
            readable(figure);
        }
    }
}

#[test]
fn texts_lie_within_the_drawing_and_not_on_one_another() {
    for figure in all(&Figures::of(&usual())) {
        readable(figure);
    }
}

/// No text is cut by the edge of its drawing or lies on another one.
fn readable(figure: &Figure) {
    {
        let parsed = roxmltree::Document::parse(&figure.svg).unwrap();
        let view = numbers(parsed.root_element().attribute("viewBox").unwrap());
        let mut boxes: Vec<(f64, f64, f64, String)> = Vec::new();
        for node in parsed
            .descendants()
            .filter(|n| n.tag_name().name() == "text")
        {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
            let moved = node.ancestors().find_map(|n| n.attribute("transform"));
            let moved = moved.map_or(vec![0.0, 0.0], |m| {
                numbers(m.trim_start_matches("translate(").trim_end_matches(')'))
            });
            let class = node.attribute("class").unwrap();
            let text = node.text().unwrap_or_default();
            let size = if class.contains("name") { 13.0 } else { 12.0 };
            let wide = crate::report::charts::width(text, size);
            let x = moved[0] + number("x");
            let left = if class.contains("middle") {
                x - 0.5 * wide
            } else if class.contains("end") {
                x - wide
            } else {
                x
            };
            let y = moved[1] + number("y");
            // The estimate is on the safe side, so a little more than the drawing may be taken.
            assert!(
                left >= -2.0 && left + wide <= view[2] + 2.0,
                "{}: {text} from {left} to {}",
                figure.id,
                left + wide
            );
            assert!(y >= 8.0 && y <= view[3], "{}: {text} at {y}", figure.id);
            for (other_left, other_right, other_y, other) in &boxes {
                let apart = left >= *other_right
                    || left + wide <= *other_left
                    || (y - other_y).abs() >= 11.0;
                assert!(apart, "{}: `{text}` lies on `{other}`", figure.id);
            }
            boxes.push((left, left + wide, y, text.to_owned()));
        }
        assert!(!boxes.is_empty());
    }
}

#[test]
fn what_is_drawn_at_random_has_no_line_of_means_and_no_map() {
    let mut drawn = usual();
    drawn.overview.variants[0].ranges = serde_json::from_value(json!([
        {"parameter": "alpha", "values": ["1", "10"], "interval": {"lowest": 1.0, "highest": 10.0, "scale": "log_uniform"}},
        {"parameter": "factors", "values": ["8", "32"], "interval": {"lowest": 8.0, "highest": 32.0, "scale": "uniform"}},
    ]))
    .unwrap();
    let figures = Figures::of(&drawn);
    let lines = |at: usize| figures.marginals[at].svg.contains("class=\"line over\"");
    // Where something was drawn, means are over other values of it; the other variant is as before.
    assert_eq!(
        [lines(0), lines(1), lines(2), lines(3)],
        [false, false, false, true]
    );
    assert_eq!(figures.heat_maps.len(), 1);
    assert_eq!(figures.heat_maps[0].id, "heat-map-1");
}

#[test]
fn trials_stopped_early_are_shown_apart() {
    let mut halved = usual();
    for at in [0, 1, 2] {
        halved.trials[at].validation.clear();
        halved.trials[at].stopped = Some("stopped after 5 of 15 iterations".to_owned());
        halved.trials[at].stopped_at = Some(0.01);
    }
    let figures = Figures::of(&halved);
    sound(&figures);
    let trials = figures.trials.as_ref().unwrap();
    assert!(trials.svg.contains("stopped after 5 of 15 iterations"));
    assert!(
        trials.alt.contains("3 trials stopped early."),
        "{}",
        trials.alt
    );
    assert!(!figures.marginals[0].svg.contains("class=\"line over\""));
    assert!(
        figures.marginals[0]
            .caption
            .contains("4 trials failed or were stopped early")
    );
    assert_eq!(figures.heat_maps.len(), 1);
}

#[test]
fn a_thousand_trials_are_drawn_small() {
    let tried = (0..1000).map(|at| {
        vec![
            ("alpha", json!(f64::from(at % 10 + 1))),
            ("factors", json!(8 * (at / 10 % 10 + 1))),
            ("regularization", json!(0.001 * f64::from(at / 100 + 1))),
        ]
    });
    let figures = Figures::of(&summary(&[
        ("als", tried.collect()),
        ("popularity", vec![Vec::new()]),
    ]));
    sound(&figures);
    let size: usize = all(&figures).iter().map(|f| f.svg.len()).sum();
    assert!(size < 1_000_000, "{size}");
    let parallel = &figures.parallel[0].svg;
    let lines = parallel.matches("data-key=\"t").count();
    assert_eq!(lines, 1000);
    assert!(parallel.len() < 200_000, "{}", parallel.len());
}
