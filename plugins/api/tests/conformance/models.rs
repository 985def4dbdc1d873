//! Models that break a promise each.

use std::sync::atomic::{AtomicU64, Ordering};

use musicrec_api::{
    Error, FitContext, Kind, Recommender, Result, RowScorer, Scores, Train, Users, derive_seed,
};
use ndarray::ArrayViewMut2;

use crate::{breaks, breaks_nothing};

/// One score an item.
pub(crate) struct Same(pub(crate) Vec<f64>);

impl Recommender for Same {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Everybody(&self.0))
    }
}

/// Scores as a function of the users asked, of one of them, and of the item.
struct ByRow(fn(&[u32], u32, usize) -> f32);

impl Recommender for ByRow {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(self))
    }
}

impl RowScorer for ByRow {
    fn score(&self, users: &[u32], mut out: ArrayViewMut2<f32>) {
        for (&user, mut row) in users.iter().zip(out.rows_mut()) {
            for (item, score) in row.iter_mut().enumerate() {
                *score = (self.0)(users, user, item);
            }
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what `fit` returns")]
pub(crate) fn same(train: &Train, score: f64) -> Result<Box<dyn Recommender>> {
    Ok(Box::new(Same(vec![score; train.n_items()])))
}

/// The seed of a constant, as if it were a score.
fn drawn(seed: u64) -> f64 {
    derive_seed(seed, "score") as f64
}

static CALLS: AtomicU64 = AtomicU64::new(0);

plugin!(Model fine "fine", "[model.fine]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, 1.0)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model counts_its_calls "counts_its_calls", "[model.counts_its_calls]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, CALLS.fetch_add(1, Ordering::Relaxed) as f64)
    }
    fn is_stochastic(&self) -> bool {
        true
    }
});

plugin!(Model counts_threads "counts_threads", "[model.counts_threads]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, rayon::current_num_threads() as f64)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model not_a_number "not_a_number", "[model.not_a_number]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, f64::NAN)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model divides_by_users "divides_by_users", "[model.divides_by_users]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        // No interactions at all: a division by zero.
        same(train, (train.events.len() / train.n_users()) as f64)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model refuses_in_silence "refuses_in_silence", "[model.refuses_in_silence]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        if train.n_users() < 2 {
            return Err(Error::model(""));
        }
        same(train, 1.0)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model forgets_an_item "forgets_an_item", "[model.forgets_an_item]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(Same(vec![1.0; train.n_items().saturating_sub(1)])))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model hides_its_seed "hides_its_seed", "[model.hides_its_seed]", {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, drawn(context.seed))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model only_says_it_draws "only_says_it_draws", "[model.only_says_it_draws]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, 1.0)
    }
    fn is_stochastic(&self) -> bool {
        true
    }
});

plugin!(Model hides_that_it_weighs "hides_that_it_weighs", "[model.hides_that_it_weighs]", {
    fn fit(&self, train: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        same(train, train.interactions.data().iter().map(|&w| f64::from(w)).sum())
    }
    fn is_stochastic(&self) -> bool {
        false
    }
    fn reads_weights(&self) -> bool {
        false
    }
});

plugin!(Model counts_who_asks "counts_who_asks", "[model.counts_who_asks]", {
    fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(ByRow(|users, _, _| users.len() as f32)))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

/// Whoever is folded in gets scores by what is given.
pub(crate) struct FoldsIn(pub(crate) fn(&Train) -> Vec<f64>);

impl Recommender for FoldsIn {
    fn scores(&self, _: &Users) -> Result<Scores<'_>> {
        Ok(Scores::Rows(&Zero))
    }

    fn fold_in(&self, given: &Train) -> Result<Option<Box<dyn Recommender + '_>>> {
        Ok(Some(Box::new(Same((self.0)(given)))))
    }
}

struct Zero;

impl RowScorer for Zero {
    fn score(&self, _: &[u32], mut out: ArrayViewMut2<f32>) {
        out.fill(0.0);
    }
}

plugin!(Model folds_in "folds_in", "[model.folds_in]", {
    fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(FoldsIn(|given| vec![2.0; given.n_items()])))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model counts_the_held_out "counts_the_held_out", "[model.counts_the_held_out]", {
    fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        let count = |given: &Train| vec![given.n_users() as f64; given.n_items()];
        Ok(Box::new(FoldsIn(count)))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model scores_the_held_out_short "scores_the_held_out_short", "[model.scores_the_held_out_short]", {
    fn fit(&self, _: &Train, _: &FitContext) -> Result<Box<dyn Recommender>> {
        Ok(Box::new(FoldsIn(|_| vec![1.0])))
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

plugin!(Model stops_its_own_way "stops_its_own_way", "[model.stops_its_own_way]", {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        if context.check_cancelled().is_err() {
            return Err(Error::model("the user has asked to stop"));
        }
        same(train, 1.0)
    }
    fn is_stochastic(&self) -> bool {
        false
    }
});

#[test]
fn what_models_break_is_found() {
    breaks_nothing(Kind::Model, "fine");
    breaks(
        Kind::Model,
        "counts_its_calls",
        "same seed it gives other scores",
    );
    breaks(Kind::Model, "counts_threads", "(threads: 2, 3)");
    breaks(Kind::Model, "not_a_number", "a score is NaN");
    breaks(
        Kind::Model,
        "divides_by_users",
        "fitting on no interactions at all: it panics",
    );
    breaks(
        Kind::Model,
        "refuses_in_silence",
        "does not say what is wrong",
    );
    breaks(
        Kind::Model,
        "hides_its_seed",
        "`is_stochastic` says that it does not",
    );
    breaks(Kind::Model, "only_says_it_draws", "but it does not");
    breaks(Kind::Model, "hides_that_it_weighs", "`reads_weights` says");
    breaks(
        Kind::Model,
        "counts_who_asks",
        "which other users are asked",
    );
    breaks(Kind::Model, "stops_its_own_way", "asked to stop");
    breaks_nothing(Kind::Model, "folds_in");
    breaks(Kind::Model, "counts_the_held_out", "depend on who else is");
    breaks(
        Kind::Model,
        "scores_the_held_out_short",
        "1 scores for 40 items",
    );
    let broken = musicrec_api::conformance::broken(Kind::Model, "forgets_an_item");
    assert!(broken[0].contains("39 scores for 40 items"), "{broken:?}");
}

/// The messages come as one panic, with all that is broken.
#[test]
#[should_panic(expected = "a score is NaN")]
fn the_checks_fail_a_test() {
    musicrec_api::conformance::model("not_a_number");
}

#[test]
#[should_panic(expected = "no such plugin is linked")]
fn a_plugin_that_is_not_there_is_said_to_be_missing() {
    musicrec_api::conformance::model("fien");
}
