//! Ranking for everybody, and measuring the lists.

use criterion::{BenchmarkId, Criterion};
use musicrec_api::{FitContext, Model, Recommender, Train};

use crate::data::{question, single, tiny};

fn fitted<'t>(model: &'t dyn Model, train: &'t Train) -> Box<dyn Recommender + 't> {
    model.fit(train, &FitContext::new(1)).expect("a fit")
}

fn model(text: &str) -> Box<dyn Model> {
    serde_json::from_str(text).expect("built-in models are linked")
}

/// By factors, where most items are skipped, and by one order for all.
pub(crate) fn rank(criterion: &mut Criterion) {
    let question = question();
    let train = question.train();
    let pool = single();
    let mut group = criterion.benchmark_group("rank");
    for factors in if tiny() { [4, 8] } else { [64, 128] } {
        let als = model(&format!(
            r#"{{"als": {{"factors": {factors}, "iterations": 3}}}}"#
        ));
        let recommender = fitted(&*als, &train);
        group.bench_function(BenchmarkId::new("factors", factors), |bencher| {
            bencher.iter(|| pool.install(|| question.rank(&*recommender).expect("lists")));
        });
        group.bench_function(
            BenchmarkId::new("factors_all_threads", factors),
            |bencher| {
                bencher.iter(|| question.rank(&*recommender).expect("lists"));
            },
        );
    }
    let popularity = model(r#"{"popularity": {}}"#);
    let recommender = fitted(&*popularity, &train);
    group.bench_function("everybody", |bencher| {
        bencher.iter(|| pool.install(|| question.rank(&*recommender).expect("lists")));
    });
    group.finish();
}

/// Recall, precision and NDCG at 3.
pub(crate) fn measure(criterion: &mut Criterion) {
    let question = question();
    let train = question.train();
    let pool = single();
    let popularity = model(r#"{"popularity": {}}"#);
    let answer = question
        .rank(&*fitted(&*popularity, &train))
        .expect("lists");
    criterion.bench_function("measure/three_metrics", |bencher| {
        bencher.iter(|| pool.install(|| question.measure(&answer).expect("values")));
    });
}
