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
         popularity in the fit part{samples}"
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
