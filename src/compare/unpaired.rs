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
        // Means 13 and 10, variances 52 and 20: by the formula t = -1.26025 with 17.508 degrees of
        // freedom; Student's density was integrated by Simpson's rule.
        let a: Vec<f64> = (0..12).map(|i| 2.0 + 2.0 * f64::from(i)).collect();
        let b: Vec<f64> = (0..15).map(|i| 3.0 + f64::from(i)).collect();
        let found = unpaired(&column(&a), &column(&b));
        assert_eq!(found.value, -3.0);
        let near = |found: Option<f64>, wanted: f64| {
            assert!((found.unwrap() - wanted).abs() < 1e-6, "{found:?} {wanted}");
        };
        near(found.low, -8.011_282_219_8);
        near(found.high, 2.011_282_219_8);
        near(found.p, 0.224_117_059_6);
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
