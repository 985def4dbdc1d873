//! Adjustment of p-values for how many questions are asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How p-values of a family of comparisons are adjusted for their number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Correction {
    /// Holm 1979: the probability of any false claim in the family is at most 5 %.
    #[default]
    Holm,
    /// Benjamini & Hochberg 1995: at most 5 % of the claims are false on average.
    BenjaminiHochberg,
}

impl Correction {
    /// Its name as reports write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Holm => "Holm",
            Self::BenjaminiHochberg => "Benjamini-Hochberg",
        }
    }

    /// The adjusted p-values of a family, in the order given.
    ///
    /// A question without an answer (too few users differ) still counts, as if its p were 1: the
    /// family is declared before its data are seen.
    pub(crate) fn adjust(self, p: &[Option<f64>]) -> Vec<Option<f64>> {
        let all: Vec<f64> = p.iter().map(|p| p.unwrap_or(1.0)).collect();
        let adjusted = match self {
            Self::Holm => holm(&all),
            Self::BenjaminiHochberg => benjamini_hochberg(&all),
        };
        let known = p.iter().zip(adjusted);
        known.map(|(p, adjusted)| p.map(|_| adjusted)).collect()
    }
}

/// The places of p-values in ascending order.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

/// Step-down: the least p times the number of tests, the next times one less, never descending.
/// Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scand. J. Statist. 1979.
fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0_f64;
    for (place, at) in ascending(p).into_iter().enumerate() {
        least = least.max(p[at] * (p.len() - place) as f64).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

/// Step-up: the greatest p as it is, the next below times m / (m − 1), …, never ascending.
/// Benjamini & Hochberg, Controlling the False Discovery Rate, JRSS B 1995.
fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut most = 1.0_f64;
    for (place, at) in ascending(p).into_iter().enumerate().rev() {
        most = most.min(p[at] * p.len() as f64 / (place + 1) as f64);
        adjusted[at] = most;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::Correction;

    /// Benjamini & Hochberg 1995, section 3.2: fifteen tests of a medical trial.
    const PAPER: [f64; 15] = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0000,
    ];

    fn adjusted(correction: Correction, p: &[f64]) -> Vec<f64> {
        let p: Vec<Option<f64>> = p.iter().copied().map(Some).collect();
        let adjusted = correction.adjust(&p).into_iter();
        adjusted.map(|p| p.expect("adjusted")).collect()
    }

    #[test]
    fn the_papers_example_has_three_claims_by_holm_and_four_by_benjamini_and_hochberg() {
        let claims = |correction| {
            let adjusted = adjusted(correction, &PAPER);
            adjusted.iter().filter(|p| **p <= 0.05).count()
        };
        assert_eq!(claims(Correction::Holm), 3);
        assert_eq!(claims(Correction::BenjaminiHochberg), 4);
    }

    #[test]
    fn values_are_those_of_statsmodels() {
        // statsmodels: multipletests([.01, .04, .03, .005, .5], method="holm"), "fdr_bh"
        let p = [0.01, 0.04, 0.03, 0.005, 0.5];
        for (correction, expected) in [
            (Correction::Holm, [0.04, 0.09, 0.09, 0.025, 0.5]),
            (
                Correction::BenjaminiHochberg,
                [0.025, 0.05, 0.05, 0.025, 0.5],
            ),
        ] {
            for (got, expected) in adjusted(correction, &p).iter().zip(expected) {
                assert!(
                    (got - expected).abs() < 1e-12,
                    "{correction:?} {got} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_question_without_an_answer_counts() {
        let adjusted = Correction::Holm.adjust(&[Some(0.02), None, None]);
        assert_eq!(adjusted, [Some(0.06), None, None]);
        assert_eq!(Correction::BenjaminiHochberg.adjust(&[]), []);
    }
}
