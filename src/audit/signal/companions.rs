//! What stands beside what: how often two items have the same user, in a log and in what chance makes
//! of it.

use musicrec_api::derive_seed;
use rayon::prelude::*;

use super::swaps::Sets;

/// Most steps of counting in one log: how often an item stands beside an anchor.
const STEPS: usize = 4_000_000;
/// Anchors that are counted at a stretch.
const ANCHORS: usize = 64;

/// What is counted of a log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// The statistic, without what does not depend on who has what.
    pub(super) statistic: f64,
    /// Σ C·(C − 1).
    pub(super) shared: f64,
}

/// What of the log is counted; the same for all draws, since their margins are the same.
pub(super) struct Plan {
    /// Users of each item.
    pub(super) degrees: Vec<u32>,
    /// Items whose companions are counted, ascending.
    pub(super) anchors: Vec<u32>,
    /// The place of an item in `anchors`, or `u32::MAX`.
    place: Vec<u32>,
    /// Σ E² / (1 + E) over anchors and all other items.
    pub(super) scale: f64,
    /// E of two items is this times their numbers of users.
    kappa: f64,
    /// About how many companions are counted.
    pub(super) steps: usize,
}

impl Plan {
    pub(super) fn of(sets: &Sets, seed: u64) -> Option<Self> {
        if sets.users() < 2 {
            return None;
        }
        let items = sets.items.iter().max().map_or(0, |&i| i as usize + 1);
        let (mut degrees, mut steps_of) = (vec![0u32; items], vec![0usize; items]);
        let mut beside = 0.0;
        for user in 0..sets.users() {
            let of = sets.of(user);
            beside += (of.len() * (of.len() - 1)) as f64;
            for &item in of {
                degrees[item as usize] += 1;
                steps_of[item as usize] += of.len();
            }
        }
        let sum = sets.items.len() as f64;
        let squares: f64 = degrees.iter().map(|&d| f64::from(d).powi(2)).sum();
        if beside == 0.0 || sum * sum <= squares {
            return None;
        }
        let kappa = beside / (sum * sum - squares);
        let salt = derive_seed(seed, "anchors");
        let mut anchors: Vec<u32> = (0..items as u32)
            .filter(|&i| degrees[i as usize] > 1)
            .collect();
        anchors.sort_by_cached_key(|&item| (mixed(salt ^ u64::from(item)), item));
        let mut steps = 0;
        anchors.retain(|&item| {
            let of = steps_of[item as usize];
            let fits = steps + of <= STEPS;
            steps += if fits { of } else { 0 };
            fits
        });
        anchors.sort_unstable();
        let mut place = vec![u32::MAX; items];
        for (at, &item) in anchors.iter().enumerate() {
            place[item as usize] = at as u32;
        }
        let mut plan = Self {
            degrees,
            anchors,
            place,
            scale: 0.0,
            kappa,
            steps,
        };
        plan.scale = plan.scale();
        (plan.scale > 0.0).then_some(plan)
    }

    fn expected(&self, a: u32, b: u32) -> f64 {
        self.kappa * f64::from(a) * f64::from(b)
    }

    /// Σ E² / (1 + E), item by number of users and not one by one.
    fn scale(&self) -> f64 {
        let most = self.degrees.iter().max().map_or(0, |&d| d as usize);
        let (mut all, mut of_anchors) = (vec![0u32; most + 1], vec![0u32; most + 1]);
        self.degrees.iter().for_each(|&d| all[d as usize] += 1);
        for &anchor in &self.anchors {
            of_anchors[self.degrees[anchor as usize] as usize] += 1;
        }
        let present = |counts: &[u32]| {
            let some = counts.iter().enumerate().filter(|&(_, &n)| n > 0);
            some.map(|(d, &n)| (d as u32, f64::from(n)))
                .collect::<Vec<_>>()
        };
        let (all, of_anchors) = (present(&all), present(&of_anchors));
        let mut sum = 0.0;
        for &(a, anchors) in &of_anchors {
            for &(b, others) in &all {
                let e = self.expected(a, b);
                // An item is no companion of itself.
                let others = if a == b { others - 1.0 } else { others };
                sum += anchors * others * e * e / (1.0 + e);
            }
        }
        sum
    }

    /// Counts the companions of the anchors in all logs; what is expected of two items is their mean
    /// over the logs, the one asked about included, so that none of them is special.
    pub(super) fn count(&self, logs: &[Sets]) -> Vec<Counts> {
        let indices: Vec<Sets> = logs.par_iter().map(|sets| self.index(sets)).collect();
        let parts: Vec<Vec<Counts>> = self
            .anchors
            .par_chunks(ANCHORS)
            .enumerate()
            .map(|(part, anchors)| {
                let mut counter = Counter::new(self.degrees.len(), logs.len());
                for (at, &anchor) in anchors.iter().enumerate() {
                    for (log, (sets, index)) in logs.iter().zip(&indices).enumerate() {
                        counter.count(log, sets, index.of(part * ANCHORS + at), anchor);
                    }
                    counter.sum();
                }
                counter.counts
            })
            .collect();
        let mut counts = vec![Counts::default(); logs.len()];
        for part in parts {
            for (sum, one) in counts.iter_mut().zip(part) {
                sum.statistic += one.statistic;
                sum.shared += one.shared;
            }
        }
        counts
    }

    /// The users of each anchor.
    fn index(&self, sets: &Sets) -> Sets {
        let mut starts = vec![0usize; self.anchors.len() + 1];
        let place = |item: u32| Some(self.place[item as usize]).filter(|&place| place != u32::MAX);
        for at in sets.items.iter().filter_map(|&item| place(item)) {
            starts[at as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut users = vec![0u32; starts[self.anchors.len()]];
        let mut next = starts.clone();
        for user in 0..sets.users() {
            for at in sets.of(user).iter().filter_map(|&item| place(item)) {
                let next = &mut next[at as usize];
                users[*next] = user as u32;
                *next += 1;
            }
        }
        Sets {
            starts,
            items: users,
        }
    }
}

/// Companions of one anchor in all logs, and what comes of the anchors so far.
struct Counter {
    /// How often each item stands beside the anchor in the log at hand.
    beside: Vec<u32>,
    /// The same summed over all logs.
    in_all: Vec<u32>,
    /// Items that stand beside it in some log.
    met: Vec<u32>,
    /// Items beside it and how often, log by log.
    companions: Vec<(u32, u32)>,
    /// Where those of each log end.
    ends: Vec<usize>,
    counts: Vec<Counts>,
}

impl Counter {
    fn new(items: usize, logs: usize) -> Self {
        Self {
            beside: vec![0; items],
            in_all: vec![0; items],
            met: Vec::new(),
            companions: Vec::new(),
            ends: vec![0; logs],
            counts: vec![Counts::default(); logs],
        }
    }

    fn count(&mut self, log: usize, sets: &Sets, users: &[u32], anchor: u32) {
        let begin = self.companions.len();
        for &user in users {
            for &item in sets.of(user as usize) {
                let count = &mut self.beside[item as usize];
                if *count == 0 {
                    self.companions.push((item, 0));
                }
                *count += 1;
            }
        }
        for (item, count) in &mut self.companions[begin..] {
            *count = std::mem::take(&mut self.beside[*item as usize]);
            if *item == anchor {
                *count = 0;
                continue;
            }
            let in_all = &mut self.in_all[*item as usize];
            if *in_all == 0 {
                self.met.push(*item);
            }
            *in_all += *count;
        }
        self.ends[log] = self.companions.len();
    }

    /// Adds the anchor to the sums and forgets it.
    fn sum(&mut self) {
        let logs = self.counts.len() as f64;
        let mut begin = 0;
        for (counts, &end) in self.counts.iter_mut().zip(&self.ends) {
            for &(item, count) in &self.companions[begin..end] {
                let (c, e) = (
                    f64::from(count),
                    f64::from(self.in_all[item as usize]) / logs,
                );
                counts.statistic += (c * c - c - 2.0 * c * e) / (1.0 + e);
                counts.shared += c * (c - 1.0);
            }
            begin = end;
        }
        self.companions.clear();
        for item in self.met.drain(..) {
            self.in_all[item as usize] = 0;
        }
    }
}

/// Bits of a number spread over all 64 (the finalizer of `splitmix64`).
pub(super) fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
