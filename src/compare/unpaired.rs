//! Comparison of two means over users who cannot be paired.

use ndarray::{Array2, Axis};
use serde::Serialize;

use super::interval::informative;
use super::{INFORMATIVE, mean_sd, normal};

/// A difference of means over different users or questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Unpaired {
    /// Mean of the one less mean of the other.
    pub(crate) value: f64,
    /// Ends of the 95 % interval by Welch's t; none where fewer than [`INFORMATIVE`] users of a side
    /// have another value than the usual one.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// Two-sided p-value of Welch's t-test, likewise.
    pub(crate) p: Option<f64>,
}

/// The mean of `b` less that of `a`, each a row a user and a column a seed.
///
/// Welch, The generalization of Student's problem, Biometrika 1947. Where the same people are asked
/// other questions, their values go together and the interval is wider than it would have to be.
pub(crate) fn unpaired(a: &Array2<f64>, b: &Array2<f64>) -> Unpaired {
    let means = |seeds: &Array2<f64>| -> Vec<f64> {
        (seeds.sum_axis(Axis(1)) / seeds.ncols().max(1) as f64).to_vec()
    };
    let (of_a, of_b) = (means(a), means(b));
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_sd(&of_a), mean_sd(&of_b));
    let value = mean_b - mean_a;
    let point = Unpaired {
        value,
        low: None,
        high: None,
        p: None,
    };
    let few = |seeds: &Array2<f64>| informative(&seeds.view()) < INFORMATIVE as f64;
    if of_a.len() < 2 || of_b.len() < 2 || few(a) || few(b) {
        return point;
    }
    let (part_a, part_b) = (
        sd_a * sd_a / of_a.len() as f64,
        sd_b * sd_b / of_b.len() as f64,
    );
    let variance = part_a + part_b;
    let freedom = variance * variance
        / (part_a * part_a / (of_a.len() as f64 - 1.0)
            + part_b * part_b / (of_b.len() as f64 - 1.0));
    let error = variance.sqrt();
    let half = normal::t_quantile(0.975, freedom) * error;
    Unpaired {
        low: Some(value - half),
        high: Some(value + half),
        p: Some(normal::two_sided_t(value / error, freedom)),
        ..point
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::unpaired;

    fn column(values: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((values.len(), 1), |(user, _)| values[user])
    }

    #[test]
    fn it_is_the_t_test_of_welch() {
        // By the formula: means 11 and 8.5, variances 36.67 and 15, t = -1.1536, 18.2 degrees of freedom.
        let a: Vec<f64> = (0..10).map(|i| 2.0 + 2.0 * f64::from(i)).collect();
        let b: Vec<f64> = (0..12).map(|i| 3.0 + f64::from(i)).collect();
        let b: Vec<f64> = b
            .iter()
            .map(|v| v + if *v > 8.0 { 0.5 } else { -0.5 })
            .collect();
        let found = unpaired(&column(&a), &column(&b));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let part = |v: &[f64]| {
            let m = mean(v);
            let squares: f64 = v.iter().map(|x| (x - m) * (x - m)).sum();
            squares / (v.len() as f64 - 1.0) / v.len() as f64
        };
        let error = (part(&a) + part(&b)).sqrt();
        assert!((found.value - (mean(&b) - mean(&a))).abs() < 1e-12);
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        // Between the normal's 1.96 and Student's 2.23 at 10 degrees of freedom.
        let half = (high - low) / 2.0 / error;
        assert!(half > 1.96 && half < 2.23, "{half}");
        assert!((f64::midpoint(low, high) - found.value).abs() < 1e-12);
        let p = found.p.unwrap();
        assert_eq!(p < 0.05, low > 0.0 || high < 0.0);
    }

    #[test]
    fn few_informative_users_say_nothing() {
        let mut few = vec![0.0; 50];
        few[0] = 1.0;
        let many: Vec<f64> = (0..50).map(f64::from).collect();
        let found = unpaired(&column(&few), &column(&many));
        assert_eq!((found.low, found.p), (None, None));
        assert!(found.value > 0.0);
    }
}
