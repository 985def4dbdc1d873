//! Metrics that break a promise each.

use musicrec_api::{ChanceView, Identity, Kind, Measure, MetricContext, UserView};

use crate::{breaks, breaks_nothing};

const DEPTH: usize = 3;

/// A metric of depth 3 from its two functions.
struct Functions {
    user: fn(&UserView) -> f64,
    chance: fn(&ChanceView) -> Option<f64>,
}

impl Measure for Functions {
    fn user(&self, view: &UserView) -> f64 {
        (self.user)(view)
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        (self.chance)(view)
    }
}

fn identity(label: &str) -> Identity {
    Identity {
        label: label.to_owned(),
        formula: "f".to_owned(),
        averaged_over: "all users".to_owned(),
        source: "this file".to_owned(),
    }
}

/// Hits among the first three.
fn hits(view: &UserView) -> f64 {
    view.gains.iter().take(DEPTH).filter(|&&g| g > 0.0).count() as f64
}

fn chance_of_hits(view: &ChanceView) -> f64 {
    if view.candidates == 0 {
        return 0.0;
    }
    let places = DEPTH.min(view.candidates) as f64;
    places * view.reachable.len() as f64 / view.candidates as f64
}

macro_rules! metric {
    ($module:ident $name:literal, $example:literal, $label:literal, $user:expr, $chance:expr) => {
        plugin!(Metric $module $name, $example, {
            fn depth(&self) -> usize {
                DEPTH
            }
            fn identity(&self) -> Identity {
                identity($label)
            }
            fn bind(&self, _: &MetricContext) -> Box<dyn Measure> {
                Box::new(Functions { user: $user, chance: $chance })
            }
        });
    };
}

metric!(hits_found "hits_found", "evaluation.metrics = [\"hits_found\"]", "hits_found@3", hits, |view| Some(chance_of_hits(view)));
metric!(silent_on_chance "silent_on_chance", "evaluation.metrics = [\"silent_on_chance\"]", "silent_on_chance", hits, |_| None);
metric!(wrong_chance "wrong_chance", "evaluation.metrics = [\"wrong_chance\"]", "wrong_chance@3", hits, |view| {
    Some(chance_of_hits(view) * 1.2)
});
metric!(no_empty_list "no_empty_list", "evaluation.metrics = [\"no_empty_list\"]", "no_empty_list@3", |view| {
    hits(view) / view.list.len() as f64
}, |_| None);
metric!(bottomless "bottomless", "evaluation.metrics = [\"bottomless\"]", "bottomless@3", |view| {
    view.gains.iter().filter(|&&g| g > 0.0).count() as f64
}, |_| None);
metric!(upside_down "upside_down", "evaluation.metrics = [\"upside_down\"]", "upside_down@3", |view| -hits(view), |_| None);
metric!(other_label "other_label", "evaluation.metrics = [\"other_label\"]", "label@3", hits, |_| None);
metric!(panics_on_misses "panics_on_misses", "evaluation.metrics = [\"panics_on_misses\"]", "panics_on_misses@3", |view| view.gains[0], |_| None);

#[test]
fn what_metrics_break_is_found() {
    breaks_nothing(Kind::Metric, "hits_found");
    breaks_nothing(Kind::Metric, "silent_on_chance");
    breaks(
        Kind::Metric,
        "wrong_chance",
        "lists drawn by lot have a mean of",
    );
    let broken = musicrec_api::conformance::broken(Kind::Metric, "no_empty_list");
    let infinite = broken.iter().any(|b| b.contains("not finite"));
    assert!(infinite, "{broken:?}");
    breaks(Kind::Metric, "bottomless", "below its depth of 3");
    breaks(Kind::Metric, "upside_down", "higher must be better");
    breaks(Kind::Metric, "other_label", "does not begin with its name");
    breaks(
        Kind::Metric,
        "panics_on_misses",
        "it panics (index out of bounds",
    );
}
