//! A sample of trials, spread over variants and roles.

use std::collections::BTreeMap;

use musicrec_api::{derive_seed, rng};
use rand::seq::SliceRandom as _;

use crate::records::Record;

/// The places of `count` records: one of each variant and role, drawn by the seed, then a second one
/// of each, and so on. The same records in any order give the same sample.
pub(crate) fn sample(records: &[Record], count: usize, seed: u64) -> Vec<usize> {
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let group = (record.run.variant.as_str(), record.result.key.role.name());
        groups.entry(group).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups
        .into_iter()
        .map(|((variant, role), mut of_group)| {
            of_group.sort_by_key(|&at| &records[at].id);
            let own = derive_seed(seed, &format!("{variant}/{role}"));
            of_group.shuffle(&mut rng(own));
            of_group
        })
        .collect();
    groups.shuffle(&mut rng(seed));
    let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|round| groups.iter().filter_map(move |g| g.get(round)));
    let mut chosen: Vec<usize> = in_turn.take(count).copied().collect();
    chosen.sort_unstable();
    chosen
}
