//! What a reader must know before trusting the numbers.

use musicrec_api::{MISSING_TIME, Role, time_text};

use super::{CleanedLog, Overview};
use crate::stages::audit::State;
use crate::stages::fold::Summary;
use crate::stages::prepare::Step;

impl Overview {
    /// See the module.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.of_each(to_look_at);
        warnings.extend(self.of_each(large_drops));
        warnings.extend(self.of_each(|log| self.too_deep(log)));
        warnings.extend(self.of_each(lost));
        warnings.extend(self.of_each(wrong_chance));
        warnings.extend(self.learns_longer());
        if !self.only.is_empty() {
            warnings.push(format!(
                "this is a part of the experiment, --only {}; a sweep without --only reports the whole, \
                 and may score another setting on test",
                self.only.join(" --only ")
            ));
        }
        warnings
    }

    /// What is to be said of the log under each alternative of the cleaners: once if it is true of
    /// all, else of whom.
    fn of_each(&self, warnings: impl Fn(&CleanedLog) -> Vec<String>) -> Vec<String> {
        let all: Vec<Vec<String>> = self.cleanings.iter().map(warnings).collect();
        let mut distinct: Vec<&String> = Vec::new();
        for warning in all.iter().flatten() {
            if !distinct.contains(&warning) {
                distinct.push(warning);
            }
        }
        let of = |warning: &String| {
            let whose = self.cleanings.iter().zip(&all);
            let whose = whose.filter(|(_, own)| own.contains(warning));
            let labels: Vec<String> = whose.map(|(c, _)| format!("`{}`", c.label)).collect();
            if labels.len() == all.len() {
                warning.clone()
            } else {
                format!("with {}: {warning}", labels.join(", "))
            }
        };
        distinct.into_iter().map(of).collect()
    }

    /// Metrics that look at more places than any list can have.
    fn too_deep(&self, log: &CleanedLog) -> Vec<String> {
        let fewest = log.folds.iter().min_by_key(|f| f.candidates);
        let too_deep = |fold: &Summary| {
            let metrics = self.metrics.iter();
            let deep = metrics.filter(|m| m.depth > fold.candidates);
            let warning = deep.map(|m| {
                format!(
                    "{} looks at {} places, but only {} items can be recommended in the {}",
                    m.identity.label,
                    m.depth,
                    fold.candidates,
                    fold.part()
                )
            });
            warning.collect()
        };
        fewest.map_or_else(Vec::new, too_deep)
    }

    /// Where the split cuts alternatives of the cleaners at different times, those that are cut later
    /// learn from what is the future of the others.
    fn learns_longer(&self) -> Option<String> {
        let test = |log: &CleanedLog| log.folds.iter().find(|f| f.role == Role::Test).cloned();
        let tests = self.cleanings.iter();
        let tests: Vec<(&str, Summary)> = tests
            .filter_map(|log| Some((log.label.as_str(), test(log)?)))
            .collect();
        let first = tests.iter().min_by_key(|(_, f)| f.evaluated.from)?;
        let last = tests.iter().max_by_key(|(_, f)| f.ahead)?;
        if self.uses_the_future || last.1.ahead == 0 {
            return None;
        }
        let from = |fold: &Summary| time_text(fold.evaluated.from.unwrap_or(MISSING_TIME));
        Some(format!(
            "the alternatives of the cleaners are cut at different times: the test part begins {} \
             with `{}` and {} with `{}`, which so learns from {} events that are not before the \
             test part of the other; this, too, may be why one does better",
            from(&first.1),
            first.0,
            from(&last.1),
            last.0,
            last.1.ahead
        ))
    }
}

/// What the audit warns of.
fn to_look_at(log: &CleanedLog) -> Vec<String> {
    let warnings = log.audit().into_iter();
    let warnings = warnings.filter(|check| check.state == State::Warning);
    warnings.map(|check| check.says.clone()).collect()
}

/// Metrics whose closed form is not what random rankings reach.
fn wrong_chance(log: &CleanedLog) -> Vec<String> {
    let Some(floor) = &log.floor else {
        return Vec::new();
    };
    let metrics = floor.metrics.iter();
    let wrong = metrics.filter_map(|(label, m)| Some((label, m.refuted?, m.expected)));
    wrong
        .map(|(label, said, drawn)| {
            format!(
                "the metric `{label}` says that chance gives {}, but {} random rankings gave {}; the \
                 drawn value is used: its `chance` is wrong",
                number(said),
                floor.rankings,
                number(drawn)
            )
        })
        .collect()
}

/// A number in a sentence: four digits, however small it is.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (0.001..1000.0).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

fn large_drops(log: &CleanedLog) -> Vec<String> {
    let large = |step: &&Step| (step.rows_in - step.rows_out) * 10 > step.rows_in;
    let steps = log.funnel.iter().filter(large);
    steps.map(|step| step.account(&log.funnel)).collect()
}

/// Parts of which a tenth and more is left out because other alternatives of the cleaners do not ask
/// it.
fn lost(log: &CleanedLog) -> Vec<String> {
    let much = |fold: &&Summary| {
        fold.lost_users * 10 > fold.users + fold.lost_users
            || fold.lost_targets * 10 > fold.targets + fold.lost_targets
    };
    let warning = |fold: &Summary| {
        format!(
            "{} of {} users and {} of {} targets of the {} are left out, for not every \
             alternative of the cleaners asks about them; recommending such a target to a user who \
             is still asked counts as a miss, which favors the alternatives that lose less",
            fold.lost_users,
            fold.users + fold.lost_users,
            fold.lost_targets,
            fold.targets + fold.lost_targets,
            fold.part()
        )
    };
    log.folds.iter().filter(much).map(warning).collect()
}
