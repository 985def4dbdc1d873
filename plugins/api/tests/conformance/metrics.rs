//! Metrics that break a promise each.

use musicrec_api::{
    Better, BoundMetric, ChanceView, Identity, Kind, Measure, MeasureLists, MetricContext, Nature,
    Result, UserView,
};

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
        metric!($module $name, $example, $label, $user, $chance, Nature::default());
    };
    ($module:ident $name:literal, $example:literal, $label:literal, $user:expr, $chance:expr, $nature:expr) => {
        plugin!(Metric $module $name, $example, {
            fn depth(&self) -> usize {
                DEPTH
            }
            fn identity(&self) -> Identity {
                identity($label)
            }
            fn nature(&self) -> Nature {
                $nature
            }
            fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
                Ok(BoundMetric::per_user(Functions { user: $user, chance: $chance }))
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

metric!(lower_is_better "lower_is_better", "evaluation.metrics = [\"lower_is_better\"]", "lower_is_better@3", |view| -hits(view), |_| None, Nature::default().better(Better::Lower));
metric!(no_proportion "no_proportion", "evaluation.metrics = [\"no_proportion\"]", "no_proportion@3", hits, |_| None, Nature::default().proportion());
metric!(secret_reader "secret_reader", "evaluation.metrics = [\"secret_reader\"]", "secret_reader@3", first_item, |_| None, Nature::default().better(Better::Neither));
metric!(reader "reader", "evaluation.metrics = [\"reader\"]", "reader@3", first_item, |_| None, Nature::default().better(Better::Neither).reads_items());
metric!(says_lists "says_lists", "evaluation.metrics = [\"says_lists\"]", "says_lists@3", hits, |_| None, Nature::default().over_lists());

/// The number of the first item.
fn first_item(view: &UserView) -> f64 {
    view.list.first().map_or(-1.0, |&item| f64::from(item))
}

/// A metric over all lists of depth 3 from its function.
struct OfLists(fn(&[UserView]) -> f64);

impl MeasureLists for OfLists {
    fn value(&self, users: &[UserView]) -> f64 {
        (self.0)(users)
    }
}

macro_rules! of_lists {
    ($module:ident $name:literal, $example:literal, $label:literal, $value:expr, $nature:expr) => {
        plugin!(Metric $module $name, $example, {
            fn depth(&self) -> usize {
                DEPTH
            }
            fn identity(&self) -> Identity {
                identity($label)
            }
            fn nature(&self) -> Nature {
                $nature
            }
            fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
                Ok(BoundMetric::over_lists(OfLists($value)))
            }
        });
    };
}

of_lists!(pooled "pooled", "evaluation.metrics = [\"pooled\"]", "pooled@3", |users| users.iter().map(hits).sum(), Nature::default().over_lists());
of_lists!(hides_lists "hides_lists", "evaluation.metrics = [\"hides_lists\"]", "hides_lists@3", |users| users.iter().map(hits).sum(), Nature::default());
of_lists!(ratio "ratio", "evaluation.metrics = [\"ratio\"]", "ratio@3", |users| {
    users.iter().map(hits).sum::<f64>() / users.iter().map(|u| u.list.len().min(DEPTH) as f64).sum::<f64>()
}, Nature::default().over_lists());
of_lists!(deep "deep", "evaluation.metrics = [\"deep\"]", "deep@3", |users| users.iter().map(|u| u.list.len() as f64).sum(), Nature::default().over_lists());
of_lists!(secret_lists "secret_lists", "evaluation.metrics = [\"secret_lists\"]", "secret_lists@3", |users| {
    users.iter().map(first_item).sum()
}, Nature::default().over_lists());

#[test]
fn what_metrics_over_lists_break_is_found() {
    breaks_nothing(Kind::Metric, "pooled");
    breaks(Kind::Metric, "hides_lists", "its nature does not say so");
    breaks(Kind::Metric, "says_lists", "`bind` gives PerUser");
    breaks(Kind::Metric, "ratio", "not finite");
    breaks(Kind::Metric, "deep", "below its depth of 3");
    breaks(
        Kind::Metric,
        "secret_lists",
        "does not say that it reads items",
    );
}

#[test]
fn a_nature_that_is_not_so_is_found() {
    breaks_nothing(Kind::Metric, "lower_is_better");
    breaks_nothing(Kind::Metric, "reader");
    breaks(Kind::Metric, "no_proportion", "neither 0 nor 1");
    breaks(
        Kind::Metric,
        "secret_reader",
        "does not say that it reads items",
    );
}

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
