//! Models only score; here is the one place that ranks: heard items are masked, the highest scores
//! come first, ties go to the smaller item id (which is the smaller index), and `[rules]` hold.

mod asked;
mod bound;
mod capped;
mod factors;
mod kernel;
mod ready;

use std::cmp::Ordering;

use musicrec_api::{Error, Recommender, Result, RowScorer, Scores, Users};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

use super::fold::Ragged;
pub(crate) use asked::Asked;
use capped::Greedy;
use factors::Catalogue;

use super::measure::gain;
use super::ties::Cut;

/// Users whose scores are computed together: enough for a blocked product, and few enough that the
/// scores of 50,000 items stay within a few megabytes a thread. Fixed, so that results cannot
/// depend on the number of threads.
const BATCH: usize = 64;

/// Lists up to this long are kept in order as they grow; of longer ones all that may be on them is collected and sorted
/// at the end.
const SORTED: usize = 256;

/// Scores that are looked at together for one that may be on a list.
const PANEL: usize = 64;
/// As many of them are compared at once as the compiler finds registers for.
const LANES: usize = 8;

/// The best items of each user asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lists {
    /// Items and their scores, best first.
    pub(crate) ranked: Ragged<(u32, f64)>,
    /// Whether the item behind the last place has the same score as the one on it.
    pub(crate) tied: Vec<bool>,
    /// What the end of each list cut off from items of equal score, where that was asked for.
    pub(crate) cut: Option<Vec<Cut>>,
}

/// For each user asked, targets and their gains, ascending by item.
type Targets = Ragged<(u32, f64)>;

impl Lists {
    /// No lists yet, which say what their ends cut off if `cut`.
    fn new(cut: bool) -> Self {
        Self {
            cut: cut.then(Vec::new),
            ..Self::default()
        }
    }

    /// Adds a list of up to `depth` of the best, of which one more is given where there is one. Whether there is a tie
    /// at its end is returned.
    fn add(&mut self, best: &[(u32, f64)], depth: usize) -> bool {
        let tied = best.len() > depth && best[depth].1 == best[depth - 1].1;
        self.ranked.push(best.iter().take(depth).copied());
        self.tied.push(tied);
        if let Some(cut) = &mut self.cut {
            cut.push(Cut::default());
        }
        tied
    }

    /// Adds a list as it is.
    fn put(&mut self, (list, tied): (&[(u32, f64)], bool)) {
        self.ranked.push(list.iter().copied());
        self.tied.push(tied);
    }

    /// What the end of the list added last cut off.
    fn cut_off(&mut self, cut: Cut) {
        if let Some(last) = self.cut.as_mut().and_then(|all| all.last_mut()) {
            *last = cut;
        }
    }

    /// The last item of the list added last and its score.
    fn last(&self) -> (u32, f64) {
        let list = self.ranked.all().last();
        *list.expect("who asks has added a full list")
    }

    /// The lists of batches, one after the other.
    fn joined(batches: Vec<Self>, cut: bool) -> Self {
        let mut all = Self::new(cut);
        for batch in batches {
            all.ranked.append(batch.ranked);
            all.tied.extend(batch.tied);
            if let (Some(all), Some(batch)) = (&mut all.cut, batch.cut) {
                all.extend(batch);
            }
        }
        all
    }

    /// Whether places `depth` and `depth + 1` of a user's list have the same score, were the list
    /// that long; `depth` is at most that of the lists.
    pub(crate) fn tied_at(&self, user: usize, depth: usize) -> bool {
        match self.ranked.get(user) {
            list if list.len() > depth => list[depth].1 == list[depth - 1].1,
            _ => self.tied[user],
        }
    }
}

/// The `depth` best of `n_items` items that each of `users` has not heard; shorter where there are
/// fewer.
///
/// # Errors
/// If a score is not a finite number: names the user.
pub(crate) fn rank<'a>(
    recommender: &dyn Recommender,
    users: &[u32],
    asked: impl Into<Asked<'a>>,
    shape: (usize, usize),
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    rank_cut(recommender, users, asked.into(), shape, name_of)
}

/// The same, and where targets are given, what the ends of the lists cut off from items of equal
/// score. Where a list holds few items of a value, it is the one that comes of going down the whole ranking and leaving
/// out each item of whose value there are so many already.
///
/// # Errors
/// If a score is not a finite number: names the user. If it is asked what lists of few items of a value cut off.
pub(crate) fn rank_cut(
    recommender: &dyn Recommender,
    users: &[u32],
    asked: Asked,
    (n_items, depth): (usize, usize),
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    let depth = depth.min(n_items);
    if asked.targets.is_some() && !asked.limits.caps.is_empty() {
        return Err(Error::definition(UNDEFINED));
    }
    let fits = |scored: usize| {
        if scored == n_items {
            return Ok(());
        }
        Err(Error::model(format!(
            "the model scored {scored} items, but there are {n_items}"
        )))
    };
    match recommender.scores(&Users::new(users))? {
        Scores::Everybody(scores) => {
            fits(scores.len())?;
            everybody(scores, users, asked, depth)
        }
        Scores::Factors {
            users: user_factors,
            items,
        } => {
            fits(items.nrows())?;
            let standard = user_factors.as_standard_layout();
            if let Some(catalogue) = Catalogue::new(&standard, &items) {
                if asked.limits.caps.is_empty() {
                    Ok(catalogue.rank(users, asked, depth))
                } else {
                    let deeper = |users: &[u32], heard: &Ragged<u32>, depth| {
                        catalogue.rank(users, (heard, asked.limits), depth)
                    };
                    Ok(capped::deeper(deeper, users, asked, (n_items, depth)))
                }
            } else {
                // Some score may not be finite: it is looked for, and its user named.
                let product = Product {
                    users: user_factors,
                    items,
                };
                by_rows(&product, n_items, users, asked, depth, name_of)
            }
        }
        Scores::Rows(scorer) => by_rows(scorer, n_items, users, asked, depth, name_of),
        Scores::Lists(lists) => ready::rank(lists, users, asked, (n_items, depth), name_of),
    }
}

/// Why expectations over orders of equal scores and lists of few items of a value exclude one another.
pub(crate) const UNDEFINED: &str = "ties = \"expected\" cannot be together with [rules.at_most]: which items of equal \
    score fit on a list depends on their order, so the mean over all orders has no closed form; leave `ties` out, \
    then equal scores stand in the order of ids";

impl Cut {
    /// Of the items behind the end of a list, for a user with these targets.
    fn of(items: impl Iterator<Item = u32>, targets: &[(u32, f64)]) -> Self {
        let mut cut = Self::default();
        for item in items {
            cut.items += 1;
            cut.gains
                .extend(Some(gain(targets, item)).filter(|g| *g > 0.0));
        }
        cut
    }
}

/// One order for all: walk down it and leave out what the user heard.
fn everybody<'a>(
    scores: &[f64],
    users: &[u32],
    asked: impl Into<Asked<'a>>,
    depth: usize,
) -> Result<Lists> {
    let Asked {
        heard,
        targets,
        limits,
    } = asked.into();
    if let Some(item) = scores.iter().position(|s| !s.is_finite()) {
        return Err(Error::model(format!(
            "the score of item number {item} is {}, not a finite number",
            scores[item]
        )));
    }
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|&a, &b| {
        scores[b as usize]
            .total_cmp(&scores[a as usize])
            .then(a.cmp(&b))
    });
    if !limits.hidden.is_empty() {
        order.retain(|item| limits.shows(*item));
    }
    let batches = (0..users.len().div_ceil(BATCH)).into_par_iter();
    let own = || (Vec::new(), Greedy::new(limits));
    let batches = batches.map_init(own, |(best, greedy), batch| {
        let mut lists = Lists::new(targets.is_some());
        for at in batch * BATCH..users.len().min((batch + 1) * BATCH) {
            let heard = heard.get(at);
            let unheard = order
                .iter()
                .filter(|item| heard.binary_search(item).is_err())
                .map(|&item| (item, scores[item as usize]));
            if !limits.caps.is_empty() {
                let limit = greedy.limit(heard, depth);
                let found = greedy.list(unheard, true, limit);
                lists.put(found.expect("there is nothing behind the whole order"));
                continue;
            }
            best.clear();
            best.extend(unheard.clone().take(depth + 1));
            let tied = lists.add(best, depth);
            if let Some(targets) = targets.filter(|_| tied) {
                let (_, last) = lists.last();
                let equal = unheard.skip(depth).take_while(|(_, score)| *score == last);
                lists.cut_off(Cut::of(equal.map(|(item, _)| item), targets.get(at)));
            }
        }
        lists
    });
    Ok(Lists::joined(batches.collect(), targets.is_some()))
}

/// Low-rank factors as a scorer of rows: a blocked matrix product.
struct Product<'a> {
    users: ArrayView2<'a, f32>,
    items: ArrayView2<'a, f32>,
}

impl RowScorer for Product<'_> {
    fn score(&self, users: &[u32], mut out: ndarray::ArrayViewMut2<f32>) {
        let rows: Vec<usize> = users.iter().map(|&u| u as usize).collect();
        let batch = self.users.select(Axis(0), &rows);
        musicrec_api::arithmetic::general_mat_mul(1.0, &batch, &self.items.t(), 0.0, &mut out);
    }
}

fn by_rows(
    scorer: &dyn RowScorer,
    n_items: usize,
    users: &[u32],
    asked: Asked,
    depth: usize,
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    let Asked {
        heard,
        targets,
        limits,
    } = asked;
    let batches = users.par_chunks(BATCH).enumerate();
    let buffers = || {
        (
            Array2::<f32>::zeros((BATCH.min(users.len()), n_items)),
            Vec::new(),
            Greedy::new(limits),
        )
    };
    let batches = batches.map_init(buffers, |(scores, found, greedy), (batch, users)| {
        let mut lists = Lists::new(targets.is_some());
        let mut scores = scores.slice_axis_mut(Axis(0), Slice::from(..users.len()));
        // As new for each batch: a scorer may leave out what is 0.
        scores.fill(0.0);
        scorer.score(users, scores.view_mut());
        for (at, mut row) in scores.rows_mut().into_iter().enumerate() {
            let row = row
                .as_slice_mut()
                .expect("rows of an array in standard layout are contiguous");
            // All of them, for a search that ends early is not one of whole registers.
            if row.iter().fold(false, |found, s| found | !s.is_finite()) {
                return Err(Error::model(format!(
                    "a score for user {} is not a finite number",
                    name_of(users[at])
                )));
            }
            let asked = batch * BATCH + at;
            for &item in heard.get(asked).iter().chain(&limits.hidden) {
                row[item as usize] = f32::NEG_INFINITY;
            }
            if !limits.caps.is_empty() {
                let limit = greedy.limit(heard.get(asked), depth);
                lists.put(greedy.of_row(row, limit, found));
                continue;
            }
            best(row, depth, found);
            let tied = lists.add(found, depth);
            if let Some(targets) = targets.filter(|_| tied) {
                // Ties go to the smaller item, so what is behind the last one is cut off.
                let (last, score) = lists.last();
                let behind = last + 1..n_items as u32;
                let equal = behind.filter(|&i| f64::from(row[i as usize]) == score);
                lists.cut_off(Cut::of(equal, targets.get(asked)));
            }
        }
        Ok(lists)
    });
    let batches = batches.collect::<Vec<Result<Lists>>>().into_iter();
    Ok(Lists::joined(
        batches.collect::<Result<_>>()?,
        targets.is_some(),
    ))
}

/// The order of lists: the better score first, of equal ones the smaller item. Scores are finite.
fn best_first(a: &(u32, f64), b: &(u32, f64)) -> Ordering {
    let by_score = b.1.partial_cmp(&a.1).expect("scores are finite");
    by_score.then(a.0.cmp(&b.0))
}

/// The best of a row whose masked entries are minus infinity, one more than `depth` where there are so many. Items are
/// met in ascending order and only a strictly better one displaces another, so ties stay with the smaller item.
fn best(row: &[f32], depth: usize, items: &mut Vec<(u32, f64)>) {
    items.clear();
    if depth > SORTED {
        let all = (0..)
            .zip(row)
            .filter(|(_, score)| **score > f32::NEG_INFINITY);
        items.extend(all.map(|(item, &score)| (item, f64::from(score))));
        if items.len() > depth + 1 {
            items.select_nth_unstable_by(depth, best_first);
            items.truncate(depth + 1);
        }
        items.sort_unstable_by(best_first);
        return;
    }
    let mut least = f32::NEG_INFINITY;
    for (panel, scores) in row.chunks(PANEL).enumerate() {
        // Nearly all have nothing that is good enough, which whole registers tell.
        if largest(scores) <= least {
            continue;
        }
        for (item, &score) in (panel * PANEL..).zip(scores) {
            if score <= least {
                continue;
            }
            let at = items.partition_point(|&(_, s)| s >= f64::from(score));
            if items.len() > depth {
                items.pop();
            }
            items.insert(at, (item as u32, f64::from(score)));
            if items.len() > depth {
                least = items[depth].1 as f32;
            }
        }
    }
}

/// The largest of a panel of scores, minus infinity if there is none.
fn largest(scores: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let (panels, rest) = scores.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for panel in panels {
        for (lane, &score) in lanes.iter_mut().zip(panel) {
            *lane = larger(*lane, score);
        }
    }
    lanes
        .into_iter()
        .chain(rest.iter().copied())
        .fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::{Lists, best, everybody, rank};
    use crate::stages::fold::Ragged;
    use musicrec_api::{Recommender, Result, Scores, Users};

    fn items(lists: &Lists, user: usize) -> Vec<u32> {
        let list = lists.ranked.get(user).iter();
        list.map(|(item, _)| *item).collect()
    }

    fn of_rows(rows: &[(&[f32], usize)]) -> Lists {
        let (mut lists, mut found) = (Lists::default(), Vec::new());
        for (row, depth) in rows {
            best(row, *depth, &mut found);
            lists.add(&found, *depth);
        }
        lists
    }

    #[test]
    fn ties_go_to_the_smaller_item_and_are_noticed_at_the_cut() {
        let lists = of_rows(&[
            (&[1.0, 2.0, 1.0, 1.0], 2),
            (&[1.0, 3.0, 2.0, 1.0], 2),
            (&[0.0, f32::NEG_INFINITY, 0.5], 3),
        ]);
        let of_users = [0, 1, 2].map(|user| items(&lists, user));
        assert_eq!(of_users, [vec![1, 0], vec![1, 2], vec![2, 0]]);
        assert_eq!(lists.tied, [true, false, false]);
    }

    #[test]
    fn ties_are_noticed_at_any_place_of_a_longer_list() {
        let lists = of_rows(&[(&[3.0, 2.0, 2.0, 1.0], 4), (&[3.0, 2.0, 1.0, 1.0], 3)]);
        let at = |user| [1, 2, 3].map(|depth| lists.tied_at(user, depth));
        assert_eq!(at(0), [false, true, false]);
        assert_eq!(at(1), [false, false, true]);
    }

    #[test]
    fn one_list_for_all_leaves_out_what_each_heard() {
        let mut heard = Ragged::default();
        heard.push([1]);
        heard.push([]);
        heard.push([0, 1, 2]);
        let lists = everybody(&[1.0, 5.0, 1.0], &[0, 1, 2], (&heard, None), 2).unwrap();
        let lists = [0, 1, 2].map(|user| items(&lists, user));
        assert_eq!(lists, [vec![0, 2], vec![1, 0], vec![]]);
    }

    /// Rows longer than a panel, with ties and masked items in it, against sorting everything.
    #[test]
    fn the_best_are_those_of_the_whole_row_sorted() {
        for (length, depth) in [(1, 1), (63, 5), (64, 3), (200, 4), (1000, 10)] {
            let mut row: Vec<f32> = (0..length)
                .map(|item: i32| (item * 37 % 101 - 50) as f32)
                .collect();
            for masked in row.iter_mut().skip(2).step_by(3) {
                *masked = f32::NEG_INFINITY;
            }
            let mut sorted: Vec<(u32, f64)> = (0..)
                .zip(&row)
                .filter(|(_, score)| score.is_finite())
                .map(|(item, &score)| (item, f64::from(score)))
                .collect();
            sorted.sort_by(super::best_first);
            sorted.truncate(depth + 1);
            let mut found = Vec::new();
            best(&row, depth, &mut found);
            assert_eq!(found, sorted, "{length} {depth}");
        }
    }

    struct Owned(ndarray::Array2<f32>, ndarray::Array2<f32>);

    impl Recommender for Owned {
        fn scores(&self, _: &Users) -> Result<Scores<'_>> {
            Ok(Scores::Factors {
                users: self.0.view(),
                items: self.1.view(),
            })
        }
    }

    #[test]
    fn factors_are_multiplied_masked_and_checked() {
        let mut heard = Ragged::default();
        heard.push([2]);
        let model = Owned(
            array![[9.0, 9.0], [1.0, 2.0]],
            array![[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]],
        );
        let lists = rank(&model, &[1], &heard, (3, 2), &|u| u.to_string()).unwrap();
        assert_eq!(lists.ranked.get(0), [(1, 2.0), (0, 1.0)]);
        let broken = Owned(
            array![[f32::NAN, 0.0]],
            array![[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]],
        );
        let error = rank(&broken, &[0], &heard, (3, 2), &|_| "ann".into()).unwrap_err();
        assert!(error.to_string().contains("user ann"), "{error}");
    }

    #[test]
    fn a_list_is_no_deeper_than_the_catalogue_and_scores_must_fit_it() {
        let mut heard = Ragged::default();
        heard.push([]);
        let model = Owned(array![[1.0]], array![[1.0], [3.0]]);
        let lists = rank(&model, &[0], &heard, (2, usize::MAX), &|_| String::new()).unwrap();
        assert_eq!(lists.ranked.get(0), [(1, 3.0), (0, 1.0)]);
        let error = rank(&model, &[0], &heard, (3, 1), &|_| String::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("scored 2 items, but there are 3"),
            "{error}"
        );
    }
}
