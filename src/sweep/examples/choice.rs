//! Which users are shown: a rule without chance, so that nobody can pick those that suit.

/// The largest gains and losses that are shown, each.
const EXTREMES: usize = 2;

const GAINS: [&str; EXTREMES] = ["largest gain", "second largest gain"];
const MEDIAN: &str = "median difference";
const LOSSES: [&str; EXTREMES] = ["largest loss", "second largest loss"];

/// The places of the users to show and why, from the difference of each; users are in the order of
/// their ids, and of equals the first counts. Nobody is shown twice.
pub(super) fn choose(differences: &[f64]) -> Vec<(usize, &'static str)> {
    let mut falling: Vec<usize> = (0..differences.len()).collect();
    let mut rising = falling.clone();
    // Stable sorts: equals stay in the order of their ids.
    falling.sort_by(|&a, &b| differences[b].total_cmp(&differences[a]));
    rising.sort_by(|&a, &b| differences[a].total_cmp(&differences[b]));
    let gains = falling.iter().take_while(|&&at| differences[at] > 0.0);
    let losses = rising.iter().take_while(|&&at| differences[at] < 0.0);
    let mut chosen: Vec<(usize, &str)> = gains.copied().zip(GAINS).collect();
    let losses: Vec<(usize, &str)> = losses.copied().zip(LOSSES).collect();
    let taken = |at: usize| {
        let both = chosen.iter().chain(&losses);
        both.map(|of| of.0).any(|other| other == at)
    };
    let middle = rising.get(differences.len().saturating_sub(1) / 2);
    let median = middle.and_then(|&middle| {
        let alike = |at: &usize| differences[*at].total_cmp(&differences[middle]).is_eq();
        (0..differences.len()).filter(alike).find(|&at| !taken(at))
    });
    chosen.extend(median.map(|at| (at, MEDIAN)));
    chosen.extend(losses);
    chosen
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn extremes_and_the_middle_are_chosen_and_ties_go_by_id() {
        let chosen = choose(&[0.0, 0.5, -0.2, 0.5, 0.0, 0.7, -0.9, 0.0, -0.2]);
        assert_eq!(
            chosen,
            [
                (5, "largest gain"),
                (1, "second largest gain"),
                (0, "median difference"),
                (6, "largest loss"),
                (2, "second largest loss"),
            ]
        );
    }

    #[test]
    fn nobody_is_chosen_twice_and_no_gain_is_made_up() {
        let places = |differences: &[f64]| -> Vec<usize> {
            choose(differences).into_iter().map(|of| of.0).collect()
        };
        assert_eq!(places(&[]), [0; 0]);
        assert_eq!(choose(&[0.0, 0.0]), [(0, "median difference")]);
        assert_eq!(choose(&[0.1]), [(0, "largest gain")]);
        assert_eq!(choose(&[-0.1]), [(0, "largest loss")]);
        // The middle one is a gain that is shown already.
        assert_eq!(places(&[0.1, 0.2, 0.3]), [2, 1]);
        assert_eq!(places(&[0.1, 0.2]), [1, 0]);
        assert_eq!(places(&[-0.1, 0.2, 0.3, -0.4]), [2, 1, 3, 0]);
        for count in 0..12_u32 {
            let differences: Vec<f64> = (0..count).map(|n| f64::from(n % 5) - 2.0).collect();
            let mut all = places(&differences);
            let shown = all.len();
            all.sort_unstable();
            all.dedup();
            assert!(all.len() == shown && shown <= 5, "{count}");
        }
    }
}
