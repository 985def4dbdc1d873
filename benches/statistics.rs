//! How long the statistics of a large comparison take, and how well their intervals cover.
//!
//! ```sh
//! cargo bench --bench statistics                 # 100,000 users, ten variants, three metrics
//! cargo bench --bench statistics -- coverage     # some minutes
//! cargo bench --bench statistics -- --test       # tiny: does it still work?
//! ```

#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the lab's own module, of which only a part is timed"
)]
#[path = "../src/compare/mod.rs"]
mod compare;

use std::time::Instant;

use compare::{Correction, Pairs, bca, bootstrap, letters};
use musicrec_api::rng;
use ndarray::{Array2, ArrayView1, Axis};
use rand::RngExt as _;

fn main() {
    if std::env::args().any(|a| a == "coverage") {
        coverage();
    } else {
        for (share, what) in [
            (0.2, "top 3: one user in five has a hit"),
            (1.0, "no value is 0"),
        ] {
            speed(share, what);
        }
    }
}

/// Values like those of NDCG@3: 0 for users without a hit, else one of a few values.
fn value(random: &mut impl rand::Rng, hit: f64) -> f64 {
    const VALUES: [f64; 9] = [1.0, 0.63, 0.5, 0.61, 0.39, 0.31, 0.47, 0.30, 0.23];
    if random.random::<f64>() < hit {
        VALUES[random.random_range(0..VALUES.len())]
    } else {
        0.0
    }
}

/// Whether it is only to be seen that all this works.
fn tiny() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

fn speed(share: f64, what: &str) {
    const VARIANTS: usize = 10;
    const METRICS: usize = 3;
    let (users, resamples) = if tiny() { (500, 50) } else { (100_000, 10_000) };
    let mut random = rng(1);
    let mut values = Array2::zeros((users, VARIANTS * METRICS));
    for mut row in values.outer_iter_mut() {
        if random.random::<f64>() < share {
            row.mapv_inplace(|_: f64| value(&mut random, if share < 1.0 { 0.5 } else { 1.0 }));
        }
    }
    println!("{users} users, {VARIANTS} variants, {METRICS} metrics; {what}");
    let all = Instant::now();
    let mut begun = Instant::now();
    let mut lap = |name: &str| {
        println!("  {name:<32} {:6.2} s", begun.elapsed().as_secs_f64());
        begun = Instant::now();
    };
    let samples = bootstrap(&values, resamples, 7);
    lap(&format!("{resamples} bootstrap resamples"));
    let columns = values.columns().into_iter().zip(&samples);
    let intervals: Vec<_> = columns
        .map(|(column, samples)| {
            bca(
                column.sum() / users as f64,
                users as f64,
                &column,
                samples.clone(),
            )
        })
        .collect();
    lap("30 intervals");
    let deciding = (0..VARIANTS).map(|at| values.select(Axis(1), &[at * METRICS]));
    let pairs = Pairs::new(deciding.collect(), 8);
    lap("sign flips of 45 pairs");
    let mut differences = Vec::new();
    for b in 0..VARIANTS {
        for a in 0..b {
            differences.push(pairs.difference(a, b, &samples[a * METRICS], &samples[b * METRICS]));
        }
    }
    lap("45 differences");
    let p: Vec<_> = differences.iter().map(|d| d.p).collect();
    let adjusted = Correction::Holm.adjust(&p);
    let place = |a: usize, b: usize| b * (b - 1) / 2 + a;
    let letters = letters(VARIANTS, |a, b| {
        adjusted[place(a, b)].is_some_and(|p| p < 0.05)
    });
    lap("adjustment and letters");
    println!("  {:<32} {:6.2} s", "all", all.elapsed().as_secs_f64());
    println!(
        "  first interval {:?}, letters {letters:?}",
        intervals[0].ends()
    );
}

/// How often an interval holds the truth, for samples of users from a known population.
fn coverage() {
    println!(
        "values of one variant, BCa (percentile): share of 2,000 samples that have an interval, coverage"
    );
    for users in [50, 215, 1_000] {
        for hit in [0.02, 0.05, 0.1, 0.2] {
            let [known, bca_covers, percentile_covers] = covers(users, hit, None);
            println!(
                "  {users:>5} users, {hit:4} hit: {known:.2}  {bca_covers:.3} ({percentile_covers:.3})"
            );
        }
    }
    println!("differences of two variants, symmetric (percentile)");
    for users in [50, 215, 1_000] {
        for (hit, other) in [(0.05, 0.05), (0.1, 0.05), (0.2, 0.1), (0.2, 0.02)] {
            let [known, symmetric, percentile] = covers(users, hit, Some(other));
            println!(
                "  {users:>5} users, {hit:4} and {other:4} hit: {known:.2}  {symmetric:.3} ({percentile:.3})"
            );
        }
    }
}

/// The share of samples with an interval, and its coverage and that of the percentile interval among
/// them.
fn covers(users: usize, hit: f64, other: Option<f64>) -> [f64; 3] {
    const SAMPLES: u64 = 2_000;
    const MEAN: f64 = (1.0 + 0.63 + 0.5 + 0.61 + 0.39 + 0.31 + 0.47 + 0.30 + 0.23) / 9.0;
    let truth = MEAN * (hit - other.unwrap_or(0.0));
    let (mut known, mut covered, mut by_percentile) = (0_u32, 0_u32, 0_u32);
    for sample in 0..SAMPLES {
        let mut random = rng(sample);
        let values = Array2::from_shape_fn((users, 2), |(_, column)| match (column, other) {
            (0, _) => value(&mut random, hit),
            (_, Some(other)) => value(&mut random, other),
            (_, None) => 0.0,
        });
        let samples = bootstrap(&values, 2_000, sample);
        let ends = if other.is_some() {
            let both = [0, 1].map(|at| values.select(Axis(1), &[at])).to_vec();
            let d = Pairs::new(both, sample).difference(0, 1, &samples[0], &samples[1]);
            d.low.zip(d.high)
        } else {
            let column: ArrayView1<f64> = values.column(0);
            let hits = column.iter().filter(|v| **v != 0.0).count() as f64;
            bca(
                column.sum() / users as f64,
                hits,
                &column,
                samples[0].clone(),
            )
            .ends()
        };
        let Some((low, high)) = ends else { continue };
        let mut means: Vec<f64> = samples[0]
            .iter()
            .zip(&samples[1])
            .map(|(a, b)| a - b)
            .collect();
        means.sort_by(f64::total_cmp);
        let plain = (
            compare::quantile(&means, 0.025),
            compare::quantile(&means, 0.975),
        );
        known += 1;
        covered += u32::from(low <= truth && truth <= high);
        by_percentile += u32::from(plain.0 <= truth && truth <= plain.1);
    }
    let share = |count: u32| f64::from(count) / f64::from(known.max(1));
    [
        f64::from(known) / SAMPLES as f64,
        share(covered),
        share(by_percentile),
    ]
}
