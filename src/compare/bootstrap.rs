//! The bootstrap over users.

use musicrec_api::rng;
use ndarray::Array2;
use rand::RngExt as _;

use super::resample::{Weigh, blocks};

/// The means of `resamples` bootstrap samples of users, for every column of `values` (users ×
/// columns) at once: all columns share the samples, so differences of columns are paired.
///
/// Efron & Tibshirani, An Introduction to the Bootstrap, 1993. How often each user is drawn depends
/// on the seed and the number of users alone, so a column's samples stay the same (but for rounding)
/// whatever stands beside it.
pub(crate) fn bootstrap(values: &Array2<f64>, resamples: usize, seed: u64) -> Vec<Vec<f64>> {
    let (users, columns) = values.dim();
    let blocks = blocks(values, resamples, seed, &Multinomial, |sums| {
        sums.to_owned()
    });
    (0..columns)
        .map(|column| {
            let sums = blocks.iter().flat_map(|b| b.column(column).to_vec());
            sums.map(|sum| sum / users as f64).collect()
        })
        .collect()
}

/// As many users as there are, drawn with replacement.
struct Multinomial;

impl Weigh for Multinomial {
    fn weigh(&self, seed: u64, slots: &[u32], weights: &mut [f64]) {
        let mut random = rng(seed);
        let users = slots.len() as u32;
        for _ in 0..users {
            let user = random.random_range(0..users);
            weights[slots[user as usize] as usize] += 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use musicrec_api::{derive_seed, rng};
    use ndarray::Array2;
    use rand::RngExt as _;

    use super::bootstrap;

    #[test]
    fn means_are_those_of_users_drawn_one_by_one() {
        // Every third user has no value at all and is left out of the product.
        let values = Array2::from_shape_fn((101, 3), |(user, column)| {
            if user % 3 == 0 {
                0.0
            } else {
                ((user * 7 + column * 5) % 11) as f64 / 7.0
            }
        });
        let samples = bootstrap(&values, 70, 9);
        for sample in [0, 1, 63, 64, 69] {
            let mut random = rng(derive_seed(9, &sample.to_string()));
            let drawn: Vec<usize> = (0..101)
                .map(|_| random.random_range(0..101_u32) as usize)
                .collect();
            for (column, samples) in samples.iter().enumerate() {
                let sum: f64 = drawn.iter().map(|&user| values[[user, column]]).sum();
                assert!((samples[sample] - sum / 101.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn columns_share_their_samples() {
        let values = Array2::from_shape_fn((50, 2), |(user, column)| (user + 7 * column) as f64);
        let samples = bootstrap(&values, 20, 3);
        for (a, b) in samples[0].iter().zip(&samples[1]) {
            assert!((b - a - 7.0).abs() < 1e-9);
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let values = Array2::from_shape_fn((500, 4), |(user, column)| {
            (user * (column + 3) % 17) as f64 / 3.0
        });
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool").install(|| bootstrap(&values, 333, 5))
        };
        assert_eq!(of(1), of(3));
    }

    #[test]
    fn nobody_and_nothing_are_no_trouble() {
        assert_eq!(bootstrap(&Array2::zeros((4, 0)), 10, 1).len(), 0);
        assert_eq!(bootstrap(&Array2::zeros((4, 1)), 3, 1), [[0.0; 3]]);
    }
}
