//! Keeps ids of the log out of a report, which is sent around, unless the definition says
//! `show_ids = true`. What the folder keeps (`experiment.json`, records, attachments) stays as it is.

use musicrec_api::{Account, Sample};

use crate::stages::prepare::Step;
use crate::sweep::{CleanedLog, Overview};
use crate::text::counted;

/// Takes what may hold ids out of a report's copy of the overview and says so; nothing where ids are
/// to be shown.
///
/// Samples of what cleaning did are cells of the log. Those of the columns of users and items are left
/// out, and those that are whole rows, as they are where a row is dropped for what it lacks.
pub(super) fn mask(overview: &mut Overview) -> Option<String> {
    if overview.report.show_ids {
        return None;
    }
    let mut left_out = 0;
    for log in &mut overview.cleanings {
        let ids = [log.columns.user.clone(), log.columns.item.clone()];
        let CleanedLog { funnel, folds, .. } = log;
        let steps = funnel
            .iter_mut()
            .chain(folds.iter_mut().flat_map(|fold| &mut fold.cleaned));
        for step in steps {
            left_out += of_step(step, &ids);
        }
    }
    let samples = match left_out {
        0 => String::new(),
        count => format!(
            "; {} of what cleaning did {} left out",
            counted(count, "sample"),
            if count == 1 { "is" } else { "are" }
        ),
    };
    Some(format!(
        "ids of users and items are not shown (show_ids = false): an item's number is its place by \
         how many users have it in the fit part{samples}"
    ))
}

/// Takes the samples out of a step that may hold ids; how many.
fn of_step(step: &mut Step, ids: &[String]) -> usize {
    // A source shows rows that it cannot read as a whole.
    let of_source = step.reach.is_empty();
    let mut left_out = 0;
    let mut keep = |account: &mut Account, shows_ids: &dyn Fn(&Sample) -> bool| {
        let before = account.samples.len();
        let of_ids = account.column.is_empty() || ids.contains(&account.column);
        account.samples.retain(|s| !of_ids && !shows_ids(s));
        left_out += before - account.samples.len();
    };
    for account in &mut step.dropped {
        keep(account, &|sample| of_source || may_be_a_row(&sample.before));
    }
    for account in &mut step.changed {
        keep(account, &|_| false);
    }
    left_out
}

/// Whether a text may be a whole row: its cells stand with commas between them, cut at the end.
fn may_be_a_row(text: &str) -> bool {
    text.contains(", ") || text.ends_with('…')
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Account, Sample};

    use super::of_step;
    use crate::stages::prepare::Step;

    fn account(column: &str, before: &str) -> Account {
        Account {
            column: column.into(),
            what: "found".into(),
            rows: 1,
            samples: vec![Sample {
                row: 1,
                before: before.into(),
                after: None,
            }],
        }
    }

    fn left(reach: &str, dropped: Vec<Account>, changed: Vec<Account>) -> (usize, Vec<String>) {
        let mut step = Step {
            name: "x".into(),
            reach: reach.into(),
            on: "log".into(),
            rows_in: 1,
            rows_out: 1,
            ids: None,
            dropped,
            changed,
            leaks: Vec::new(),
        };
        let count = of_step(&mut step, &["u".to_owned(), "i".to_owned()]);
        let accounts = step.dropped.iter().chain(&step.changed);
        let samples = accounts.flat_map(|a| &a.samples);
        (count, samples.map(|s| s.before.clone()).collect())
    }

    #[test]
    fn cells_of_ids_and_whole_rows_are_left_out() {
        let changed = vec![
            account("u", "U1"),
            account("i", "s1"),
            account("kind", "Play, loud"),
        ];
        assert_eq!(left("row", vec![], changed), (2, vec!["Play, loud".into()]));
        let dropped = || {
            vec![
                account("", "u1"),
                account("u", "guest"),
                account("time", "yesterday"),
                account("time", "u1, s1, , play"),
                account("time", "u1-with-a-very-long-name…"),
            ]
        };
        assert_eq!(
            left("log", dropped(), vec![]),
            (4, vec!["yesterday".into()])
        );
        // A row that a source could not read.
        let (count, left) = left("", dropped(), vec![account("plays", "2 ")]);
        assert_eq!((count, left), (5, vec!["2 ".into()]));
    }
}
