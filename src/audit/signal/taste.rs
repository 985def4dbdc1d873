//! Do users' items go together? Co-occurrence against what activity and popularity explain.

use musicrec_api::derive_seed;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Pairs;
use super::chance::t_tail;
use super::companions::{Counts, Plan, mixed};
use super::swaps::{Sets, Strata, trade};

/// Most pairs of user and item that are looked at; beyond that, those of users chosen by a hash.
const PAIRS: usize = 200_000;
/// Work of all draws together, in pairs and steps; a small log has more draws.
const WORK: usize = 32_000_000;

/// Whether users' items go together, beyond what the activity of users and the popularity of items
/// explain: that is what makes a personal recommendation possible.
///
/// For two items, C counts the users who have both, and E is its mean over the log and over logs in
/// which users of about the same activity have traded items ([`super::swaps`]), so that neither activity
/// nor popularity can pass for taste. The statistic is the sum of (C² − C − 2·C·E) / (1 + E) over pairs
/// of items, which is ((C − E)² − C) / (1 + E) but for what is the same in all these logs: as of a
/// chi-square for frequent pairs, as of a count of coincidences for rare ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Taste {
    /// Users looked at: those with two items or more, a sample if the log is large.
    pub(crate) users: u64,
    /// Items looked at: those with two users or more among these.
    pub(crate) items: u64,
    /// Pairs of user and item looked at.
    pub(crate) pairs: u64,
    /// Items whose companions were counted; all, or a sample if there are too many.
    pub(crate) anchors: u64,
    /// Logs drawn by chance.
    pub(crate) draws: u32,
    /// How far the log is from the mean of those, in their standard deviations.
    pub(crate) z: f64,
    /// The probability of such a log by chance, by Student's t with `draws` − 1 degrees of freedom.
    pub(crate) p: f64,
    /// How often two users who share an item share another one, over how often they would by chance:
    /// 1 without taste.
    pub(crate) shared_again: f64,
    /// By how much the companions of an item differ from chance: the root mean square of C / E − 1,
    /// weighted by E² / (1 + E), without what chance does; 0 without taste. Here E is in proportion to
    /// the users of both items.
    pub(crate) unevenness: f64,
    /// The unevenness that would have been found four times in five, at the level of the verdict.
    pub(crate) detectable: f64,
}

impl Taste {
    /// `None` if no two users share an item, or no user has two.
    pub(crate) fn of(pairs: &Pairs, seed: u64) -> Option<Self> {
        let sets = working_set(pairs, seed);
        let plan = Plan::of(&sets, seed)?;
        let strata = Strata::of(&sets);
        // From a state between: the log and all draws are then equally far from it, so that the log
        // is one of them if chance made it, however well the trades mix (Besag & Clifford 1989).
        let mut between = sets.clone();
        trade(&mut between, &strata, derive_seed(seed, "between"));
        let work = sets.items.len() * 6 + plan.steps;
        let draws = (WORK / work.max(1)).clamp(20, 200) as u32;
        let drawn = (0..draws).into_par_iter().map(|draw| {
            let mut drawn = between.clone();
            trade(
                &mut drawn,
                &strata,
                derive_seed(seed, &format!("draw {draw}")),
            );
            drawn
        });
        let mut logs: Vec<Sets> = drawn.collect();
        logs.push(sets);
        let mut by_chance = plan.count(&logs);
        let (Some(sets), Some(observed)) = (logs.pop(), by_chance.pop()) else {
            return None;
        };
        let n = f64::from(draws);
        let mean = |of: fn(&Counts) -> f64| by_chance.iter().map(of).sum::<f64>() / n;
        let center = mean(|c| c.statistic);
        let squares: f64 = by_chance
            .iter()
            .map(|c| (c.statistic - center).powi(2))
            .sum();
        let deviation = (squares / (n - 1.0)).sqrt();
        if deviation <= 1e-9 * center.abs() {
            return None;
        }
        let z = (observed.statistic - center) / deviation;
        let t = z / (1.0 + 1.0 / n).sqrt();
        let shared = mean(|c| c.shared);
        let uneven = |excess: f64| (excess.max(0.0) / plan.scale).sqrt();
        Some(Self {
            users: sets.users() as u64,
            items: plan.degrees.iter().filter(|&&d| d > 0).count() as u64,
            pairs: sets.items.len() as u64,
            anchors: plan.anchors.len() as u64,
            draws,
            z,
            p: t_tail(t, n - 1.0),
            shared_again: if shared > 0.0 {
                observed.shared / shared
            } else {
                1.0
            },
            unevenness: uneven(observed.statistic - center),
            // 3.5 standard deviations are needed, 0.84 more for a power of four in five.
            detectable: uneven(4.34 * deviation),
        })
    }
}

/// The users and items looked at: users with two items or more, items with two users or more. A user
/// with more than an eighth of all that can be looked at is left out: nobody is there to trade with.
fn working_set(pairs: &Pairs, seed: u64) -> Sets {
    let mut users: Vec<usize> = (0..pairs.users())
        .filter(|&user| (2..=PAIRS / 8).contains(&pairs.items_of(user).len()))
        .collect();
    let total: usize = users.iter().map(|&user| pairs.items_of(user).len()).sum();
    if total > PAIRS {
        let salt = derive_seed(seed, "users");
        users.sort_by_cached_key(|&user| (mixed(salt ^ user as u64), user));
        let mut kept = 0;
        users.retain(|&user| {
            kept += pairs.items_of(user).len();
            kept <= PAIRS
        });
        users.sort_unstable();
    }
    let mut degrees = vec![0u32; pairs.users_of_item.len()];
    for &user in &users {
        for &item in pairs.items_of(user) {
            degrees[item as usize] += 1;
        }
    }
    // Items in a row, so that counters lie close together.
    let mut place = vec![u32::MAX; degrees.len()];
    let shared = degrees
        .iter()
        .enumerate()
        .filter(|&(_, &degree)| degree > 1);
    for (new, (item, _)) in shared.enumerate() {
        place[item] = new as u32;
    }
    let mut sets = Sets::default();
    for user in users {
        let items = pairs
            .items_of(user)
            .iter()
            .map(|&item| place[item as usize]);
        let items: Vec<u32> = items.filter(|&item| item != u32::MAX).collect();
        if items.len() > 1 {
            sets.push(items);
        }
    }
    sets
}
