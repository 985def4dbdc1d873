//! A metric with faults to choose from, for tests.

use musicrec_api::{
    BoundMetric, ChanceView, Error, Identity, MISSING, Measure, Metric, MetricContext, Nature,
    Result, UserView,
};
use serde::{Deserialize, Serialize};

/// Recall at 3 but for its fault; its label is `faulty`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Faulty {
    None,
    Nan,
    Infinite,
    Huge,
    /// No number, but for lists of a model only.
    NanInTrials,
    Panics,
    PanicsInTrials,
    BindPanics,
    BindFails,
    /// It says that it is over all lists, and gives users values.
    NotOverLists,
    ChancePanics,
    ChanceNan,
    /// Chance is said to be the share of targets among the candidates, as if one item were listed.
    ChanceWrong,
}

#[typetag::serde(name = "faulty")]
impl Metric for Faulty {
    fn depth(&self) -> usize {
        3
    }

    fn identity(&self) -> Identity {
        Identity {
            label: "faulty".into(),
            formula: String::new(),
            averaged_over: String::new(),
            source: String::new(),
        }
    }

    fn nature(&self) -> Nature {
        match self {
            Self::NotOverLists => Nature::default().over_lists(),
            _ => Nature::default(),
        }
    }

    fn bind(&self, _: &MetricContext) -> Result<BoundMetric> {
        assert!(*self != Self::BindPanics, "no bind");
        if *self == Self::BindFails {
            return Err(Error::data("there is no column"));
        }
        Ok(BoundMetric::per_user(*self))
    }
}

impl Measure for Faulty {
    fn user(&self, view: &UserView) -> f64 {
        let in_trial = view.list.first().is_some_and(|item| *item != MISSING);
        match self {
            Self::Nan => return f64::NAN,
            Self::Infinite => return f64::INFINITY,
            Self::Huge => return f64::MAX,
            Self::NanInTrials if in_trial => return f64::NAN,
            Self::Panics => panic!("no user"),
            Self::PanicsInTrials => assert!(!in_trial, "no user"),
            _ => {}
        }
        let hits = view.gains.iter().take(3).filter(|g| **g > 0.0).count();
        hits as f64 / view.targets.len() as f64
    }

    fn chance(&self, view: &ChanceView) -> Option<f64> {
        let share = view.reachable.len() as f64 / view.candidates as f64;
        match self {
            Self::ChancePanics => panic!("no chance"),
            Self::ChanceNan => Some(f64::NAN),
            Self::ChanceWrong => Some(share / view.targets.len() as f64),
            _ => Some(3.0 * share / view.targets.len() as f64),
        }
    }
}
