//! Means and differences within a segment, by hand.

use super::estimates;

#[test]
fn differences_are_over_the_users_of_both() {
    let owned = |values: &[(&str, f64)]| -> Vec<(String, f64)> {
        values.iter().map(|(u, v)| ((*u).to_owned(), *v)).collect()
    };
    let base = owned(&[("u1", 0.0), ("u2", 1.0)]);
    let other = owned(&[("u1", 1.0), ("u2", 1.0)]);
    // Under other cleaners the segment has another user.
    let apart = owned(&[("u2", 3.0), ("u9", 0.0)]);
    let rows: [&[(String, f64)]; 4] = [&base, &other, &apart, &[]];
    let found = estimates(&rows, Some(0), 500, 1);
    let mean = |row: usize| found[row].0.map(|e| e.value);
    assert_eq!(
        [mean(0), mean(1), mean(2), mean(3)],
        [Some(0.5), Some(1.0), Some(1.5), None]
    );
    assert_eq!(found[0].1, None);
    let difference = found[1].1.unwrap();
    assert_eq!(difference.value, 0.5);
    // Two users say nothing about an interval.
    assert_eq!(difference.ends(), None);
    let alone = found[2].1.unwrap();
    assert_eq!((alone.value, alone.ends()), (2.0, None));
    assert_eq!(found[3].1, None);
    let without = estimates(&rows, None, 500, 1);
    assert!(without.iter().all(|(_, difference)| difference.is_none()));
}
