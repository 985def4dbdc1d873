//! The bootstrap over users.

use criterion::Criterion;
use musicrec_api::rng;
use musicrec_lab::kernels::bootstrap;
use ndarray::Array2;
use rand::RngExt as _;

use crate::data::{single, tiny};

pub(crate) fn bootstraps(criterion: &mut Criterion) {
    let (users, resamples) = if tiny() { (100, 10) } else { (6_000, 1_000) };
    let mut random = rng(1);
    // Two users in three have no hit.
    let values = Array2::from_shape_fn((users, 9), |(user, _)| {
        let value: f64 = random.random();
        if user % 3 == 0 { value } else { 0.0 }
    });
    let pool = single();
    let mut group = criterion.benchmark_group("bootstrap");
    group.sample_size(10);
    group.bench_function("nine_columns", |bencher| {
        bencher.iter(|| pool.install(|| bootstrap(&values, resamples, 7)));
    });
    group.finish();
}
