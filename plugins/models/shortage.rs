//! Lists that are shorter than they could be.

use musicrec_api::Asked;

/// Says how many of the users asked get fewer items than there are places and items left for them; nothing where
/// nobody does. Missing places count as misses, so it is well to know.
pub(crate) fn of<'a>(
    asked: &Asked,
    n_items: usize,
    list: impl Fn(u32) -> &'a [(u32, f64)],
) -> Option<String> {
    let mut short = 0;
    let mut empty = 0;
    for (&user, masked) in asked.users.iter().zip(&asked.masked) {
        let left = list(user)
            .iter()
            .filter(|(item, _)| masked.binary_search(item).is_err())
            .count();
        if left < asked.depth.min(n_items - masked.len()) {
            short += 1;
            empty += usize::from(left == 0);
        }
    }
    (short > 0).then(|| {
        format!(
            "{short} of {} users get fewer than {} items, {empty} of them none: what was heard is taken out, \
             and missing places count as misses",
            asked.users.len(),
            asked.depth
        )
    })
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Asked, Purpose};

    #[test]
    fn a_list_is_short_where_more_could_stand_in_it() {
        let lists = [
            vec![(0, 2.0), (1, 1.0)],
            vec![(0, 2.0), (1, 1.0)],
            vec![],
            vec![(2, 1.0)],
        ];
        let masked: [&[u32]; 4] = [&[], &[1], &[0, 1, 2], &[0, 1]];
        let asked = Asked::new(Purpose::Test, 2, (0..4).zip(masked));
        let said = super::of(&asked, 3, |user| lists[user as usize].as_slice()).unwrap();
        // All there is left is no shortage.
        assert!(
            said.starts_with("1 of 4 users get fewer than 2 items, 0 of them none"),
            "{said}"
        );
        let asked = Asked::new(Purpose::Test, 2, [(0, &[][..])]);
        let whole = super::of(&asked, 3, |user| lists[user as usize].as_slice());
        assert_eq!(whole, None);
    }
}
