//! An iteration of ALS: both half-steps, and what a fit takes besides.

use criterion::{BenchmarkId, Criterion};
use musicrec_api::{FitContext, Model};

use crate::data::{question, single, tiny};

pub(crate) fn half_steps(criterion: &mut Criterion) {
    let train = question().train();
    let pool = single();
    let mut group = criterion.benchmark_group("als_iteration");
    group.sample_size(10);
    for solver in ["conjugate_gradients", "exact"] {
        for factors in if tiny() { [4, 8] } else { [64, 128] } {
            let text = format!(
                r#"{{"als": {{"factors": {factors}, "iterations": 1, "solver": "{solver}"}}}}"#
            );
            let als: Box<dyn Model> = serde_json::from_str(&text).expect("ALS is linked");
            group.bench_function(BenchmarkId::new(solver, factors), |bencher| {
                bencher
                    .iter(|| pool.install(|| als.fit(&train, &FitContext::new(1)).expect("a fit")));
            });
        }
    }
    group.finish();
}
