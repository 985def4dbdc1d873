//! What of a log's shape endangers a recommender or its evaluation.

use super::super::{Alert, Example, Interactions, Pairs, Severity, alert::EXAMPLES};
use super::{Cut, RecommenderView};

/// The cut that the default split makes, in hundredths (protocol P1: a fifth is test).
const DEFAULT: f64 = 0.8;

/// The core that most papers ask for.
const USUAL: u32 = 5;

impl RecommenderView {
    /// The cut that the default split makes.
    pub(crate) fn default_cut(&self) -> Option<&Cut> {
        self.cuts.iter().find(|cut| cut.at == DEFAULT)
    }

    /// Findings about the shape of the log, which must be the one that was looked at.
    pub(crate) fn alerts(&self, log: &Interactions, pairs: &Pairs) -> Vec<Alert> {
        let all = [
            self.cold_start(log, pairs),
            self.one_moment(log),
            self.one_row_users(log, pairs),
            self.sparse(log, pairs),
            self.head(log, pairs),
        ];
        all.into_iter().flatten().collect()
    }

    /// Many later rows are of users or items that nothing is known of.
    fn cold_start(&self, log: &Interactions, pairs: &Pairs) -> Option<Alert> {
        let cut = self.default_cut().filter(|cut| cut.cold > 0.1)?;
        let mut known = (
            vec![false; pairs.users()],
            vec![false; pairs.users_of_item.len()],
        );
        for row in (0..log.len()).filter(|&row| log.times[row] < cut.time) {
            known.0[log.users[row] as usize] = true;
            known.1[log.items[row] as usize] = true;
        }
        let is_cold = |&row: &usize| {
            let known = known.0[log.users[row] as usize] && known.1[log.items[row] as usize];
            log.times[row] >= cut.time && !known
        };
        let rows = (cut.cold * cut.rows_after as f64).round() as u64;
        let severity = if cut.cold > 0.3 {
            Severity::Warning
        } else {
            Severity::Note
        };
        Some(
            Alert::new(
                "view.cold_start",
                severity,
                (rows, cut.rows_after),
                "rows after the cut of the default split (the last fifth) are of \
                 users or items with no row before it",
            )
            .effect(
                "Models that know users and items by their ids alone cannot get \
                 these right; they lower every score alike and hide differences.",
            )
            .examples(examples(log, (0..log.len()).filter(is_cold)))
            .remedy(
                "Read the scores of warm and cold users apart, cut later, or use \
                 models that know content or popularity; do not drop cold rows \
                 silently.",
            ),
        )
    }

    /// No cut can be made.
    fn one_moment(&self, log: &Interactions) -> Option<Alert> {
        let weeks = self.weeks.as_ref().filter(|_| self.cuts.is_empty())?;
        let rows = log
            .times
            .iter()
            .filter(|&&time| time == weeks.first)
            .count();
        Some(
            Alert::new(
                "view.one_moment",
                Severity::Error,
                (rows as u64, self.rows),
                "so many rows have the first time that no split by time leaves \
                 anything before the cut",
            )
            .effect(
                "What comes later cannot be foretold from what came before: there \
                 is no before.",
            )
            .examples(examples(
                log,
                (0..log.len()).filter(|&row| log.times[row] == weeks.first),
            ))
            .remedy(
                "Check the column of times; without real times use \
                 `[splitter.random]` or `[splitter.held_out_users]`, and say so.",
            ),
        )
    }

    fn one_row_users(&self, log: &Interactions, pairs: &Pairs) -> Option<Alert> {
        let group = self
            .activity
            .first()
            .filter(|group| group.share_of_users > 0.2)?;
        let single = |&row: &usize| pairs.rows_of_user[log.users[row] as usize] == 1;
        Some(
            Alert::new(
                "users.one_row",
                Severity::Note,
                (group.rows, self.rows),
                format!(
                    "{} users ({:.0} % of all) have a single row",
                    group.users,
                    100.0 * group.share_of_users
                ),
            )
            .effect(
                "Nothing can be learned of a user from whose only row the answer \
                 must come; under a split by time they are cold or never asked.",
            )
            .examples(examples(log, (0..log.len()).filter(single)))
            .remedy(
                "Keep them for popularity; if a model shall not see them, drop them \
                 from what it learns from.",
            )
            .toml("[[cleaners]]\nmin_interactions = { users = 2, items = 0 }\n"),
        )
    }

    /// Few items a user, so that the core that papers use is small.
    fn sparse(&self, log: &Interactions, pairs: &Pairs) -> Option<Alert> {
        let core = self.cores.iter().find(|core| core.k == USUAL)?;
        let enough =
            self.items_per_user.median >= USUAL && self.users_per_item.mean >= f64::from(USUAL);
        if enough || self.rows == 0 {
            return None;
        }
        let few = |&row: &usize| {
            let user = log.users[row] as usize;
            pairs.starts[user + 1] - pairs.starts[user] < USUAL as usize
                || pairs.users_of_item[log.items[row] as usize] < USUAL
        };
        let kept = 100.0 * core.share_of_rows;
        let (remedy, toml) = if core.share_of_rows >= 0.25 {
            (
                format!(
                    "Let models learn from the {USUAL}-core, which keeps {kept:.0} % of \
                     the rows, {} users and {} items; the test part stays whole.",
                    core.users, core.items
                ),
                format!(
                    "[[cleaners]]\nmin_interactions = {{ users = {USUAL}, items = {USUAL} }}\n"
                ),
            )
        } else {
            (
                format!(
                    "A {USUAL}-core would keep only {kept:.1} % of the rows: keep the \
                     log whole, merge items (artists instead of songs), or get a longer \
                     log."
                ),
                String::new(),
            )
        };
        let rows = self.rows - core.rows;
        Some(
            Alert::new(
                "view.sparse",
                Severity::Note,
                (rows, self.rows),
                format!(
                    "the log is sparse: half of the users have at most {} items, an \
                     item has {:.1} users on average; rows outside of the {USUAL}-core",
                    self.items_per_user.median, self.users_per_item.mean
                ),
            )
            .effect(
                "Models of ids learn little of users and items that are seen a few \
                 times, and their lists for these are mostly popularity.",
            )
            .examples(examples(log, (0..log.len()).filter(few)))
            .remedy(remedy)
            .toml(toml),
        )
    }

    /// A few items have most of the rows.
    fn head(&self, log: &Interactions, pairs: &Pairs) -> Option<Alert> {
        if self.items < 100 || self.tail.top_hundredth < 0.5 {
            return None;
        }
        let mut order: Vec<u32> = (0..pairs.rows_of_item.len() as u32).collect();
        order.sort_unstable_by_key(|&item| {
            (std::cmp::Reverse(pairs.rows_of_item[item as usize]), item)
        });
        order.truncate((self.items / 100).max(1) as usize);
        let rows: u64 = order
            .iter()
            .map(|&item| u64::from(pairs.rows_of_item[item as usize]))
            .sum();
        order.sort_unstable();
        let is_head = |&row: &usize| order.binary_search(&log.items[row]).is_ok();
        Some(
            Alert::new(
                "view.head",
                Severity::Warning,
                (rows, self.rows),
                "a hundredth of the items has most of the rows",
            )
            .effect(
                "`popularity` is hard to beat, and a score over all rows says how \
                 well a model knows the head.",
            )
            .examples(examples(log, (0..log.len()).filter(is_head)))
            .remedy(
                "Measure coverage and novelty beside accuracy, and look for items \
                 that are no items (jingles, placeholders).",
            ),
        )
    }
}

/// The first of some rows, as user and item.
fn examples(log: &Interactions, rows: impl Iterator<Item = usize>) -> Vec<Example> {
    let example = |row: usize| Example {
        row: log.rows[row],
        value: format!(
            "{}, {}",
            &log.user_ids[log.users[row] as usize], &log.item_ids[log.items[row] as usize]
        ),
    };
    rows.take(EXAMPLES).map(example).collect()
}
