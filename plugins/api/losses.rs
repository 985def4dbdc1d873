//! What a model minimizes, step by step.

use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// The loss after each step of a fit. The lab makes one a fit, gives it by
/// [`FitContext::with_losses`](crate::FitContext::with_losses) and puts what it holds into the trial's record.
#[derive(Debug, Default)]
pub struct Losses(Mutex<Vec<f64>>);

impl Losses {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of the steps from the first to the `steps`th, or as many as there were.
    pub fn until(&self, steps: usize) -> Vec<f64> {
        let losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        losses[..steps.min(losses.len())].to_vec()
    }

    /// Adds the loss after `step`, counted from 1.
    pub(crate) fn add(&self, step: usize, loss: f64) -> Result<()> {
        let mut losses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if step != losses.len() + 1 {
            return Err(Error::model(format!(
                "the model tells its loss after step {step}, but that of step {} is due",
                losses.len() + 1
            )));
        }
        if !loss.is_finite() {
            return Err(Error::model(format!(
                "the loss after step {step} is {loss}, not a finite number"
            )));
        }
        losses.push(loss);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Losses;
    use crate::FitContext;

    #[test]
    fn losses_come_step_by_step_and_are_numbers() {
        let losses = Losses::new();
        let context = FitContext::new(0).with_losses(&losses);
        context.loss(1, 5.0).unwrap();
        context.loss(2, 4.5).unwrap();
        assert_eq!(
            (losses.until(1), losses.until(9)),
            (vec![5.0], vec![5.0, 4.5])
        );
        let error = context.loss(2, 4.0).unwrap_err().to_string();
        assert!(error.contains("that of step 3 is due"), "{error}");
        assert!(context.loss(3, f64::NAN).is_err());
        // Nobody who asks, nothing that happens.
        FitContext::new(0).loss(7, f64::NAN).unwrap();
    }
}
