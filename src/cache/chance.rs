//! What random rankings reach, bit for bit.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use musicrec_api::{Result, derive_seed};

use super::bytes::{Reader, Writer, ensure};
use super::{Cache, Stage, keys};
use crate::experiment::Experiment;
use crate::stages::chance::Chance;
use crate::stages::fold::FoldData;
use crate::stages::periods;

/// What random rankings reach on the periods of the test part under an alternative of the cleaners, from
/// the cache or drawn.
///
/// # Errors
/// If a metric panics or gives no finite number.
pub(crate) fn floor(
    experiment: &Experiment,
    cleaning: usize,
    data: &str,
    folds: &[&FoldData],
    cache: &Cache,
    cancel: &AtomicBool,
) -> Result<Chance> {
    let metrics = &experiment.evaluation.metrics;
    let rankings = experiment.evaluation.null_rankings.get();
    let seed = derive_seed(experiment.seed, "null");
    let draw = || periods::chance(metrics, folds, rankings, seed, cancel);
    let of = |_| keys::chance(experiment, cleaning, data, folds, (rankings, seed));
    let Some(key) = cache.folder().and_then(of) else {
        return draw();
    };
    let shape = (metrics.0.len(), rankings);
    if let Some(kept) = cache.get(Stage::Chance, &key, |from| read(from, shape)) {
        return Ok(kept);
    }
    let begun = Instant::now();
    let chance = draw()?;
    // Draws that were cut short mean nothing.
    if cache.wants(Stage::Chance, begun.elapsed()) && !cancel.load(Ordering::Relaxed) {
        cache.put(Stage::Chance, &key, |to| write(to, &chance));
    }
    Ok(chance)
}

fn write(to: &mut Writer, chance: &Chance) -> io::Result<()> {
    to.numbers(&chance.expected)?;
    to.flags(&chance.exact)?;
    to.options(&chance.refuted)?;
    for null in &chance.null {
        to.numbers(null)?;
    }
    to.number(chance.users_hit)?;
    to.numbers(&chance.hit)?;
    to.options(&chance.ceiling)?;
    to.count(chance.ceiling_users_hit)
}

fn read(from: &mut Reader, (metrics, rankings): (usize, usize)) -> io::Result<Chance> {
    let chance = Chance {
        expected: from.exactly(metrics)?,
        exact: from.flags()?,
        refuted: from.options()?,
        null: (0..metrics)
            .map(|_| from.exactly(rankings))
            .collect::<Result<_, _>>()?,
        users_hit: from.number()?,
        hit: from.numbers()?,
        ceiling: from.options()?,
        ceiling_users_hit: from.count(0)?,
    };
    let lengths = [
        chance.exact.len(),
        chance.refuted.len(),
        chance.ceiling.len(),
    ];
    ensure(lengths == [metrics; 3], "a column has another length")?;
    Ok(chance)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{read, write};
    use crate::cache::Stage;
    use crate::cache::tests::small;
    use crate::stages::chance::Chance;

    #[test]
    fn every_bit_comes_back() {
        let chance = Chance {
            expected: vec![0.1 + 0.2, f64::MIN_POSITIVE / 8.0],
            exact: vec![true, false],
            refuted: vec![None, Some(-0.0)],
            null: vec![vec![0.0, 1.0 / 3.0, 1e-300], vec![-1.5, 2.0, f64::MAX]],
            users_hit: 12.3,
            hit: vec![0.25, 1.0 - 1e-16],
            ceiling: vec![Some(1.0), None],
            ceiling_users_hit: 7,
        };
        let (_folder, cache) = small();
        let key = json!({});
        cache.put(Stage::Chance, &key, |to| write(to, &chance));
        let back = |shape| cache.get(Stage::Chance, &key, |from| read(from, shape));
        let kept = back((2, 3)).unwrap();
        assert_eq!(kept, chance);
        assert_eq!(kept.refuted[1].unwrap().to_bits(), (-0.0_f64).to_bits());
        assert_eq!(kept.expected[1].to_bits(), chance.expected[1].to_bits());
        // Of another number of metrics or rankings it is nothing, and goes.
        assert_eq!(back((2, 4)), None);
        assert_eq!(back((2, 3)), None);
    }
}
