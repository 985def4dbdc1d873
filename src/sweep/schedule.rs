//! Which unit runs when, and on how many threads.

/// What a second thread adds to a fit that has one. Trials on a thread of their own waste nothing;
/// within a fit, threads wait for each other (shared/performance.md measured 1.6 to 1.9 times the
/// throughput for two trials on a thread each against one on two).
const GAIN_OF_A_THREAD: f64 = 0.6;

/// How many units run at once, of all threads, so that the last ends soonest; where several numbers
/// come to much the same, the most. `seconds` is what each unit takes on one thread.
pub(super) fn jobs(threads: usize, seconds: &[f64]) -> usize {
    let most = threads.min(seconds.len()).max(1);
    let ends: Vec<f64> = (1..=most)
        .map(|jobs| {
            let own = threads / jobs;
            let speed = 1.0 + GAIN_OF_A_THREAD * (own - 1) as f64;
            makespan(seconds, jobs) / speed
        })
        .collect();
    let soonest = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let good = |end: &f64| *end <= soonest * 1.02;
    1 + ends.iter().rposition(good).unwrap_or(0)
}

/// When the last of some units ends, the longest being taken first by whichever job is free.
fn makespan(seconds: &[f64], jobs: usize) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut ends = vec![0.0_f64; jobs];
    for second in sorted {
        let first = ends.iter_mut().min_by(|a: &&mut f64, b| a.total_cmp(b));
        *first.expect("at least one job") += second;
    }
    ends.into_iter().fold(0.0, f64::max)
}

/// The order in which units begin: the longest first, which shortens the sweep. Equal ones stay in the
/// order of the definition.
pub(super) fn order(seconds: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..seconds.len()).collect();
    order.sort_by(|&a, &b| seconds[b].total_cmp(&seconds[a]));
    order
}

#[cfg(test)]
mod tests {
    use super::{jobs, makespan, order};

    #[test]
    fn many_small_units_get_a_thread_each_and_few_large_ones_share() {
        assert_eq!(jobs(2, &[1.0; 12]), 2);
        assert_eq!(jobs(8, &[1.0; 100]), 8);
        assert_eq!(jobs(4, &[10.0]), 1);
        // One long one: it should have all threads, the small ones after it.
        assert_eq!(jobs(2, &[100.0, 1.0, 1.0]), 1);
        // Three equal ones on two threads: 2 rounds of one thread, or 3 of 1.6.
        assert_eq!(jobs(2, &[1.0; 3]), 1);
        assert_eq!(jobs(2, &[1.0; 4]), 2);
        assert_eq!(jobs(3, &[]), 1);
    }

    #[test]
    fn the_longest_begin_first() {
        assert_eq!(order(&[1.0, 3.0, 2.0, 3.0]), [1, 3, 2, 0]);
        assert_eq!(makespan(&[3.0, 1.0, 1.0, 1.0], 2), 3.0);
    }
}
