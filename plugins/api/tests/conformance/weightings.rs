//! Weightings that break a promise each.

use std::sync::atomic::{AtomicU64, Ordering};

use musicrec_api::{Events, Kind, Result, Tensors, Weigh};

use crate::{breaks, breaks_nothing};

/// Weights by what was learned and the events.
#[derive(Debug)]
struct Learned(f64, fn(f64, &Events) -> Vec<f64>);

impl Weigh for Learned {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        Ok((self.1)(self.0, events))
    }
}

fn all(weight: f64, events: &Events) -> Vec<f64> {
    vec![weight; events.len()]
}

static CALLS: AtomicU64 = AtomicU64::new(0);

macro_rules! weighting {
    ($module:ident $name:literal, $example:literal, $learn:expr, $weigh:expr) => {
        plugin!(Weighting $module $name, $example, {
            fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
                let learn: fn(&Events) -> f64 = $learn;
                Ok(Box::new(Learned(learn(events), $weigh)))
            }
        });
    };
}

weighting!(events_seen "events_seen", "[weighting.events_seen]", |e| e.len() as f64, all);
weighting!(users_to_come "users_to_come", "[weighting.users_to_come]", |e| {
    // The table has those of later parts too.
    e.log.as_ref().map_or(1.0, |log| log.rows() as f64)
}, all);
weighting!(below_zero "below_zero", "[weighting.below_zero]", |_| -1.0, all);
weighting!(without_end "without_end", "[weighting.without_end]", |e| 1.0 / (e.len() as f64 - 1.0).max(0.0), all);
weighting!(one_too_few "one_too_few", "[weighting.one_too_few]", |_| 1.0, |w, e| {
    vec![w; e.len().saturating_sub(1)]
});
weighting!(counts_fits "counts_fits", "[weighting.counts_fits]", |_| {
    CALLS.fetch_add(1, Ordering::Relaxed) as f64
}, all);
weighting!(needs_times "needs_times", "[weighting.needs_times]", |e| e.time.at(0) as f64, all);

/// The same weight for every event, which it can be asked to keep.
#[derive(Debug)]
struct Constant(f64);

impl Weigh for Constant {
    fn weigh(&self, events: &Events) -> Result<Vec<f64>> {
        Ok(all(self.0, events))
    }

    fn save(&self) -> Option<Tensors<'_>> {
        let mut saved = Tensors::default();
        saved.insert("weight", vec![1], vec![self.0]);
        Some(saved)
    }
}

plugin!(Weighting saves_weights "saves_weights", "[weighting.saves_weights]", {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Constant(events.len() as f64)))
    }
    fn load(&self, mut saved: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Constant(saved.take_list("weight", 1)?[0])))
    }
});
plugin!(Weighting loads_others "loads_others", "[weighting.loads_others]", {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Constant(events.len() as f64)))
    }
    fn load(&self, _: Tensors) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Constant(1.0)))
    }
});
plugin!(Weighting loads_nothing "loads_nothing", "[weighting.loads_nothing]", {
    fn fit(&self, events: &Events) -> Result<Box<dyn Weigh>> {
        Ok(Box::new(Constant(events.len() as f64)))
    }
});

#[test]
fn what_weightings_break_is_found() {
    breaks_nothing(Kind::Weighting, "saves_weights");
    breaks(
        Kind::Weighting,
        "loads_others",
        "gives people it has not learned from other weights",
    );
    breaks(
        Kind::Weighting,
        "loads_nothing",
        "the weighting `loads_nothing` cannot be loaded",
    );
    breaks_nothing(Kind::Weighting, "events_seen");
    breaks(
        Kind::Weighting,
        "users_to_come",
        "depend on the part that is to be foretold",
    );
    breaks(Kind::Weighting, "below_zero", "a weight is -1");
    breaks(Kind::Weighting, "without_end", "a weight is inf");
    breaks(Kind::Weighting, "one_too_few", "weights for");
    breaks(Kind::Weighting, "needs_times", "it panics");
    let broken = musicrec_api::conformance::broken(Kind::Weighting, "counts_fits");
    assert!(broken[0].contains("weighing again"), "{broken:?}");
}
