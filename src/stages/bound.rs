//! Metrics ready for a fold. Every call of one goes through here, so that whatever a faulty plugin
//! does ends in an error that names it: a number that is none, or a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use musicrec_api::{BoundMetric, ChanceView, Error, MetricContext, Nature, Result, UserView};

use super::fold::FoldData;
use crate::experiment::Metrics;
use crate::text::panic_text;

/// Sums and squares of numbers up to this are finite, so whatever is computed of them is too.
const LARGEST: f64 = 1e100;

/// A metric bound to a fold.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Its label: `recall@3`.
    label: String,
    /// How deep a list it looks at.
    pub(crate) depth: usize,
    pub(crate) nature: Nature,
    measure: BoundMetric,
}

/// The metrics ready for a fold.
pub(crate) fn bind(metrics: &Metrics, fold: &FoldData) -> Result<Vec<Bound>> {
    let context = MetricContext::new(fold.summary.candidates, &fold.fit);
    let context = context.with_hidden(&fold.limits.hidden);
    let labels = metrics.labels().into_iter();
    labels
        .zip(&metrics.0)
        .map(|(label, metric)| {
            let of = |error| Error::model(format!("metric `{label}`: {error}"));
            let (nature, depth) = (metric.nature(), metric.depth());
            let measure = guarded(&label, || metric.bind(&context))?.map_err(of)?;
            if nature.over_lists != matches!(measure, BoundMetric::OverLists(_)) {
                return Err(Error::model(format!(
                    "metric `{label}` says in `nature` that it is {} all lists, but `bind` gives \
                     the opposite (a bug of the plugin)",
                    if nature.over_lists {
                        "over"
                    } else {
                        "not over"
                    }
                )));
            }
            Ok(Bound {
                label,
                depth,
                nature,
                measure,
            })
        })
        .collect()
}

impl Bound {
    /// One user's value, of a metric that has such; `name` is the user's, for messages.
    pub(crate) fn user<'n>(&self, view: &UserView, name: impl FnOnce() -> &'n str) -> Result<f64> {
        self.guarded(|| self.unguarded(view, name))
    }

    /// The same within [`guarded`](Self::guarded), for one who has many users.
    pub(crate) fn unguarded<'n>(
        &self,
        view: &UserView,
        name: impl FnOnce() -> &'n str,
    ) -> Result<f64> {
        let value = match &self.measure {
            BoundMetric::PerUser(measure) => measure.user(view),
            BoundMetric::OverLists(measure) => measure.value(std::slice::from_ref(view)),
        };
        self.sound(value, || {
            format!("gave {} for user `{}`", shown(value), name())
        })
    }

    /// What asks this metric for values, where a panic of it is an error.
    pub(crate) fn guarded<T>(&self, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        guarded(&self.label, ask)?
    }

    /// The value of all lists together, of a metric that is over lists.
    pub(crate) fn over_lists(&self, views: &[UserView]) -> Result<f64> {
        let value = guarded(&self.label, || self.measure.value(views))?;
        self.sound(value, || format!("gave {}", shown(value)))
    }

    /// The closed form of one user's expectation, if there is one.
    pub(crate) fn chance<'n>(
        &self,
        view: &ChanceView,
        name: impl FnOnce() -> &'n str,
    ) -> Result<Option<f64>> {
        let Some(value) = guarded(&self.label, || self.measure.chance(view))? else {
            return Ok(None);
        };
        let what = || format!("says that chance gives {value} to user `{}`", name());
        self.sound(value, what).map(Some)
    }

    fn sound(&self, value: f64, what: impl FnOnce() -> String) -> Result<f64> {
        if value.abs() <= LARGEST {
            return Ok(value);
        }
        let rule = if value.is_finite() {
            format!(
                "a value must be between -{LARGEST:e} and {LARGEST:e}; weigh targets less strongly \
                 ([evaluation] targets), or measure something that grows less"
            )
        } else {
            "a value must be a finite number".to_owned()
        };
        let (label, what) = (&self.label, what());
        Err(Error::model(format!("metric `{label}` {what}: {rule}")))
    }
}

/// A value in a message, with few digits however large it is.
fn shown(value: f64) -> String {
    if value.is_finite() && value.abs() > 1e15 {
        format!("{value:.3e}")
    } else {
        value.to_string()
    }
}

/// What a metric does, where a panic is an error.
fn guarded<T>(label: &str, call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic_text(&*panic);
        Error::model(format!("metric `{label}`: {text}"))
    })
}
