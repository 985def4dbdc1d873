//! What `benches/kernels` times: the lab's own ranking, measuring and bootstrap, without a sweep around them. No
//! interface for others: it changes with what it times.

use musicrec_api::{Events, Fold, Recommender, Result, Role, Train};
use ndarray::Array2;

use crate::experiment::{Evaluation, Metrics, Ties};
use crate::stages::ask::lists;
use crate::stages::bound::{Bound, bind};
use crate::stages::fold::{FoldData, ready};
use crate::stages::measure::measure_by;
use crate::stages::rank::Lists;

/// A test part ready to be asked about.
#[derive(Debug)]
pub struct Question {
    fold: FoldData,
    measures: Vec<Bound>,
    evaluation: Evaluation,
}

/// The lists of all who are asked.
#[derive(Debug)]
pub struct Answer(Lists);

impl Question {
    /// Of pairs of user and item: the first `fit` are learned from, the others foretold. `metrics` is JSON as in a
    /// record.
    ///
    /// # Errors
    /// If nobody can be asked, or a metric cannot be had.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        fit: u32,
        metrics: &str,
    ) -> Result<Self> {
        let events = Events::from_pairs(pairs);
        let fold = Fold::new(
            Role::Test,
            (0..fit).collect(),
            (fit..events.len() as u32).collect(),
        );
        let metrics: Metrics = serde_json::from_str(metrics).expect("metrics as in a record");
        let evaluation = Evaluation {
            metrics,
            targets: serde_json::from_str(r#"{"binary": {}}"#).expect("a built-in weighting"),
            ..Evaluation::default()
        };
        let fold = ready(&fold, None, &events, &[], &evaluation).map_err(|failed| failed.error)?;
        Ok(Self {
            measures: bind(&evaluation.metrics, &fold)?,
            fold,
            evaluation,
        })
    }

    /// What a model learns from.
    pub fn train(&self) -> Train {
        let fit = self.fold.fit.clone();
        let weights = vec![1.0; fit.len()];
        Train::new(fit, &weights)
    }

    /// Ranks for everybody who is asked, as deep as the metrics look.
    ///
    /// # Errors
    /// If a score is not a finite number.
    pub fn rank(&self, recommender: &dyn Recommender) -> Result<Answer> {
        let ties = self.evaluation.ties == Ties::Expected;
        let shape = (self.evaluation.depth(), ties);
        lists(recommender, &self.fold, None, shape, "timed").map(Answer)
    }

    /// The mean of each metric.
    ///
    /// # Errors
    /// If a metric panics or gives no finite number.
    pub fn measure(&self, answer: &Answer) -> Result<Vec<f64>> {
        let measured = measure_by(&self.measures, &self.fold, &answer.0)?;
        Ok(measured.means)
    }
}

/// The means of so many bootstrap samples of users, for each column of values.
pub fn bootstrap(values: &Array2<f64>, resamples: usize, seed: u64) -> Vec<Vec<f64>> {
    crate::compare::bootstrap(values, resamples, seed)
}
