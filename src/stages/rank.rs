//! Models only score; here is the one place that ranks: heard items are masked, the highest scores
//! come first, ties go to the smaller item id (which is the smaller index).

mod factors;
mod kernel;

use musicrec_api::{Error, Recommender, Result, RowScorer, Scores, Users};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::fold::Ragged;
use factors::Catalogue;

use super::measure::gain;
use super::ties::Cut;

/// Users whose scores are computed together: enough for a blocked product, and few enough that the
/// scores of 50,000 items stay within a few megabytes a thread. Fixed, so that results cannot
/// depend on the number of threads.
const BATCH: usize = 64;

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
pub(crate) fn rank(
    recommender: &dyn Recommender,
    users: &[u32],
    heard: &Ragged<u32>,
    (n_items, depth): (usize, usize),
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    rank_cut(recommender, users, heard, None, (n_items, depth), name_of)
}

/// The same, and where targets are given, what the ends of the lists cut off from items of equal
/// score.
///
/// # Errors
/// If a score is not a finite number: names the user.
pub(crate) fn rank_cut(
    recommender: &dyn Recommender,
    users: &[u32],
    heard: &Ragged<u32>,
    targets: Option<&Targets>,
    (n_items, depth): (usize, usize),
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Lists> {
    let depth = depth.min(n_items);
    let fits = |scored: usize| {
        if scored == n_items {
            return Ok(());
        }
        Err(Error::model(format!(
            "the model scored {scored} items, but there are {n_items}"
        )))
    };
    let all: Vec<Best> = match recommender.scores(&Users::new(users))? {
        Scores::Everybody(scores) => {
            fits(scores.len())?;
            everybody(scores, users, (heard, targets), depth)?
        }
        Scores::Factors {
            users: user_factors,
            items,
        } => {
            fits(items.nrows())?;
            let standard = user_factors.as_standard_layout();
            if let Some(catalogue) = Catalogue::new(&standard, &items) {
                catalogue.rank(users, (heard, targets), depth)
            } else {
                // Some score may not be finite: it is looked for, and its user named.
                let product = Product {
                    users: user_factors,
                    items,
                };
                by_rows(&product, n_items, users, (heard, targets), depth, name_of)?
            }
        }
        Scores::Rows(scorer) => by_rows(scorer, n_items, users, (heard, targets), depth, name_of)?,
    };
    let mut lists = Lists {
        cut: targets.map(|_| Vec::new()),
        ..Lists::default()
    };
    for best in all {
        lists.tied.push(best.tied);
        lists.ranked.push(best.items);
        if let Some(cut) = &mut lists.cut {
            cut.push(best.cut);
        }
    }
    Ok(lists)
}

#[derive(Debug, Clone, Default)]
struct Best {
    items: Vec<(u32, f64)>,
    tied: bool,
    cut: Cut,
}

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
fn everybody(
    scores: &[f64],
    users: &[u32],
    (heard, targets): (&Ragged<u32>, Option<&Targets>),
    depth: usize,
) -> Result<Vec<Best>> {
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
    Ok((0..users.len())
        .into_par_iter()
        .map(|at| {
            let heard = heard.get(at);
            let unheard = order
                .iter()
                .filter(|item| heard.binary_search(item).is_err())
                .map(|&item| (item, scores[item as usize]));
            let mut items: Vec<(u32, f64)> = unheard.clone().take(depth + 1).collect();
            let tied = cut(&mut items, depth);
            let cut = match targets {
                Some(targets) if tied => {
                    let last = items[depth - 1].1;
                    let equal = unheard.skip(depth).take_while(|(_, score)| *score == last);
                    Cut::of(equal.map(|(item, _)| item), targets.get(at))
                }
                _ => Cut::default(),
            };
            Best { items, tied, cut }
        })
        .collect())
}

/// Cuts a list of up to `depth + 1` entries and says whether the cut went through a tie.
fn cut(items: &mut Vec<(u32, f64)>, depth: usize) -> bool {
    let tied = items.len() > depth && items[depth].1 == items[depth - 1].1;
    items.truncate(depth);
    tied
}

/// Low-rank factors as a scorer of rows: a blocked matrix product.
struct Product<'a> {
    users: ArrayView2<'a, f32>,
    items: ArrayView2<'a, f32>,
}

impl RowScorer for Product<'_> {
    fn score(&self, users: &[u32], mut out: ndarray::ArrayViewMut2<f32>) {
        let rows: Vec<usize> = users.iter().map(|&u| u as usize).collect();
        let batch = self.users.select(ndarray::Axis(0), &rows);
        musicrec_api::arithmetic::general_mat_mul(1.0, &batch, &self.items.t(), 0.0, &mut out);
    }
}

fn by_rows(
    scorer: &dyn RowScorer,
    n_items: usize,
    users: &[u32],
    (heard, targets): (&Ragged<u32>, Option<&Targets>),
    depth: usize,
    name_of: &(dyn Fn(u32) -> String + Sync),
) -> Result<Vec<Best>> {
    let batches: Vec<Vec<Best>> = users
        .par_chunks(BATCH)
        .enumerate()
        .map(|(batch, users)| {
            let mut scores = Array2::<f32>::zeros((users.len(), n_items));
            scorer.score(users, scores.view_mut());
            scores
                .rows_mut()
                .into_iter()
                .enumerate()
                .map(|(at, mut row)| {
                    let row = row
                        .as_slice_mut()
                        .expect("rows of a new array are contiguous");
                    if row.iter().any(|s| !s.is_finite()) {
                        return Err(Error::model(format!(
                            "a score for user {} is not a finite number",
                            name_of(users[at])
                        )));
                    }
                    let asked = batch * BATCH + at;
                    for &item in heard.get(asked) {
                        row[item as usize] = f32::NEG_INFINITY;
                    }
                    let mut best = best(row, depth);
                    if let Some(targets) = targets.filter(|_| best.tied) {
                        // Ties go to the smaller item, so what is behind the last one is cut off.
                        let (last, score) = best.items[depth - 1];
                        let behind = last + 1..n_items as u32;
                        let equal = behind.filter(|&i| f64::from(row[i as usize]) == score);
                        best.cut = Cut::of(equal, targets.get(asked));
                    }
                    Ok(best)
                })
                .collect()
        })
        .collect::<Result<_>>()?;
    Ok(batches.into_iter().flatten().collect())
}

/// The best of a row whose masked entries are minus infinity. Items are met in ascending order and
/// only a strictly better one displaces another, so ties stay with the smaller item.
fn best(row: &[f32], depth: usize) -> Best {
    let mut items: Vec<(u32, f64)> = Vec::with_capacity(depth + 2);
    let mut least = f32::NEG_INFINITY;
    for (item, &score) in row.iter().enumerate() {
        if score <= least {
            continue;
        }
        let at = items.partition_point(|&(_, s)| s >= f64::from(score));
        items.insert(at, (item as u32, f64::from(score)));
        if items.len() > depth + 1 {
            items.pop();
        }
        if items.len() == depth + 1 {
            least = items[depth].1 as f32;
        }
    }
    let tied = cut(&mut items, depth);
    Best {
        items,
        tied,
        cut: Cut::default(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::{Best, Lists, best, everybody, rank};
    use crate::stages::fold::Ragged;
    use musicrec_api::{Recommender, Result, Scores, Users};

    fn items(best: &Best) -> Vec<u32> {
        best.items.iter().map(|(item, _)| *item).collect()
    }

    #[test]
    fn ties_go_to_the_smaller_item_and_are_noticed_at_the_cut() {
        let row = best(&[1.0, 2.0, 1.0, 1.0], 2);
        assert_eq!((items(&row), row.tied), (vec![1, 0], true));
        let row = best(&[1.0, 3.0, 2.0, 1.0], 2);
        assert_eq!((items(&row), row.tied), (vec![1, 2], false));
        let row = best(&[0.0, f32::NEG_INFINITY, 0.5], 3);
        assert_eq!((items(&row), row.tied), (vec![2, 0], false));
    }

    #[test]
    fn ties_are_noticed_at_any_place_of_a_longer_list() {
        let mut lists = Lists::default();
        for (row, depth) in [(&[3.0, 2.0, 2.0, 1.0], 4), (&[3.0, 2.0, 1.0, 1.0], 3)] {
            let best = best(row, depth);
            lists.tied.push(best.tied);
            lists.ranked.push(best.items);
        }
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
        let lists: Vec<_> = lists.iter().map(items).collect();
        assert_eq!(lists, [vec![0, 2], vec![1, 0], vec![]]);
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
