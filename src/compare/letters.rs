//! Rank groups: letters that say which variants cannot be told apart.

/// A letter display: two variants share a letter exactly if `differ` does not hold of them. Variants
/// are numbered from the best, and the first letters go to the best.
///
/// Insert-and-absorb: Piepho, An Algorithm for a Letter-Based Representation of All-Pairwise
/// Comparisons, J. Comput. Graph. Statist. 2004.
pub(crate) fn letters(variants: usize, differ: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let mut groups = vec![vec![true; variants]];
    for b in 0..variants {
        for a in 0..b {
            if differ(a, b) {
                insert(&mut groups, a, b);
            }
        }
    }
    // The group that reaches furthest up comes first.
    groups.sort_by(|x, y| y.cmp(x));
    (0..variants)
        .map(|variant| {
            let member = groups.iter().enumerate().filter(|(_, g)| g[variant]);
            member.map(|(group, _)| letter(group)).collect()
        })
        .collect()
}

/// Splits every group that holds both in one without the first and one without the second, and drops
/// groups that another one holds whole.
fn insert(groups: &mut Vec<Vec<bool>>, a: usize, b: usize) {
    let (together, mut kept): (Vec<_>, Vec<_>) = groups.drain(..).partition(|g| g[a] && g[b]);
    let parts = together.into_iter().flat_map(|group| {
        [a, b].map(|without| {
            let mut group = group.clone();
            group[without] = false;
            group
        })
    });
    for part in parts {
        if !kept.iter().any(|k| within(&part, k)) {
            kept.retain(|k| !within(k, &part));
            kept.push(part);
        }
    }
    *groups = kept;
}

fn within(part: &[bool], whole: &[bool]) -> bool {
    part.iter().zip(whole).all(|(part, whole)| !part || *whole)
}

/// `a` to `z`, `A` to `Z`, then numbers in parentheses.
fn letter(group: usize) -> String {
    let known = ('a'..='z').chain('A'..='Z').nth(group);
    known.map_or_else(|| format!("({})", group + 1), String::from)
}

#[cfg(test)]
mod tests {
    use super::letters;

    fn of(variants: usize, different: &[(usize, usize)]) -> Vec<String> {
        letters(variants, |a, b| {
            different.contains(&(a, b)) || different.contains(&(b, a))
        })
    }

    #[test]
    fn groups_that_overlap_have_letters_in_common() {
        assert_eq!(of(0, &[]), [""; 0]);
        assert_eq!(of(3, &[]), ["a", "a", "a"]);
        assert_eq!(of(3, &[(0, 1), (0, 2), (1, 2)]), ["a", "b", "c"]);
        // The first and the last differ, the middle one is neither's better or worse.
        assert_eq!(of(3, &[(0, 2)]), ["a", "ab", "b"]);
    }

    /// Whatever the decisions: a letter in common exactly if not different, and no letter could go.
    #[test]
    fn letters_say_exactly_what_the_pairs_say() {
        let pairs: Vec<(usize, usize)> = (0..6).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        for decisions in 0..1_usize << pairs.len() {
            let different: Vec<_> = (0..pairs.len())
                .filter(|at| decisions >> at & 1 == 1)
                .map(|at| pairs[at])
                .collect();
            let letters = of(6, &different);
            for &(a, b) in &pairs {
                let shared = letters[a].chars().any(|c| letters[b].contains(c));
                assert_eq!(
                    shared,
                    !different.contains(&(a, b)),
                    "{different:?} {letters:?}"
                );
            }
        }
    }

    #[test]
    fn the_alphabet_does_not_end() {
        let letters = letters(60, |_, _| true);
        assert_eq!((letters[0].as_str(), letters[26].as_str()), ("a", "A"));
        assert_eq!(letters[59], "(60)");
    }
}
