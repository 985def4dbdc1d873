//! What holds for the folds of every splitter. The lab and the conformance kit ask the same, so
//! that a splitter which passes the one is not refused by the other.

use crate::{Events, Fold, Role};

/// What is wrong with the folds that a splitter made of `events`, a sentence each; nothing if they
/// are sound.
///
/// - There is a test fold.
/// - Fit and targets are not empty; all parts are ascending, each event once, and events of the log.
/// - Fit, given and targets of a fold have no event in common, and no user of the given part has an
///   event in the fit part.
/// - No event is a target of two folds, and nothing of a validation fold is a target of the test.
/// - Without the future: all that is learned from or given is before all that is foretold, the
///   validation part is before the test part, and periods of a role are in the order of time. Equal
///   times are not before each other.
pub fn fold_faults(events: &Events, folds: &[Fold], uses_the_future: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !folds.iter().any(|fold| fold.role == Role::Test) {
        faults.push("there is no fold of role test".to_owned());
    }
    let names = names(folds);
    for (fold, name) in folds.iter().zip(&names) {
        faults.extend(shape(events, fold, name));
    }
    if !faults.is_empty() {
        // The rest takes indices for granted.
        return faults;
    }
    let mut marks = vec![0u32; events.len()];
    for (at, (fold, name)) in folds.iter().zip(&names).enumerate() {
        faults.extend(overlaps(events, fold, name, &mut marks, at as u32));
    }
    faults.extend(shared(events, folds, &names));
    if !uses_the_future && !events.time.is_empty() {
        faults.extend(future(events, folds, &names));
    }
    faults
}

/// `the test fold`, or `test fold 2 of 3`.
fn names(folds: &[Fold]) -> Vec<String> {
    let of_role = |folds: &[Fold], role| folds.iter().filter(|f| f.role == role).count();
    let name = |(at, fold): (usize, &Fold)| match of_role(folds, fold.role) {
        1 => format!("the {} fold", fold.role.name()),
        all => {
            let number = of_role(&folds[..=at], fold.role);
            format!("{} fold {number} of {all}", fold.role.name())
        }
    };
    folds.iter().enumerate().map(name).collect()
}

fn parts(fold: &Fold) -> [(&'static str, &[u32]); 3] {
    [
        ("fit", &fold.fit),
        ("given", &fold.given),
        ("targets", &fold.targets),
    ]
}

fn shape(events: &Events, fold: &Fold, name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (part, list) in parts(fold) {
        if list.is_empty() && part != "given" {
            faults.push(format!(
                "{part} of {name} is empty; return an Error that says which part, why, and what to \
                 change"
            ));
        }
        if !list.windows(2).all(|pair| pair[0] < pair[1]) {
            faults.push(format!("{part} of {name} is not ascending, each once"));
        }
        if list.iter().any(|&e| e as usize >= events.len()) {
            faults.push(format!("{part} of {name} has events there are not"));
        }
    }
    faults
}

/// `marks` is scratch of one entry an event, below `4 * number` before.
fn overlaps(
    events: &Events,
    fold: &Fold,
    name: &str,
    marks: &mut [u32],
    number: u32,
) -> Vec<String> {
    let mut faults = Vec::new();
    let base = 4 * number;
    for (at, (part, list)) in (1..).zip(parts(fold)) {
        let mut met = [false; 4];
        for &event in list {
            let mark = &mut marks[event as usize];
            if *mark > base {
                met[(*mark - base) as usize] = true;
            }
            *mark = base + at;
        }
        let what = match part {
            "given" if met[1] => Some("gives as history events that it learns from"),
            "targets" if met[1] => Some("learns from events that it asks for"),
            "targets" if met[2] => Some("gives as history events that it asks for"),
            _ => None,
        };
        faults.extend(what.map(|what| format!("{name} {what}")));
    }
    let mut learned = vec![false; events.users.len()];
    for &event in &fold.fit {
        learned[events.user[event as usize] as usize] = true;
    }
    let user = |event: &&u32| learned[events.user[**event as usize] as usize];
    if let Some(&event) = fold.given.iter().find(user) {
        faults.push(format!(
            "{name} gives a history of user `{}`, whom it learns from too: users are either held out \
             whole or not at all",
            events.users.get(events.user[event as usize])
        ));
    }
    faults
}

/// What several folds may not share.
fn shared(events: &Events, folds: &[Fold], names: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut asked = vec![u32::MAX; events.len()];
    for (at, fold) in folds.iter().enumerate() {
        let twice = fold.targets.iter().filter_map(|&event| {
            let before = std::mem::replace(&mut asked[event as usize], at as u32) as usize;
            folds.get(before).filter(|other| other.role == fold.role)?;
            Some(before)
        });
        if let Some(other) = twice.min() {
            let other = &names[other];
            faults.push(format!(
                "{} asks for events that {other} asks for",
                names[at]
            ));
        }
    }
    let mut tested = vec![false; events.len()];
    for fold in folds.iter().filter(|f| f.role == Role::Test) {
        for &event in &fold.targets {
            tested[event as usize] = true;
        }
    }
    let validation = folds.iter().zip(names);
    for (fold, name) in validation.filter(|(f, _)| f.role == Role::Validation) {
        for (part, list) in parts(fold) {
            if list.iter().any(|&event| tested[event as usize]) {
                faults.push(format!(
                    "{part} of {name} holds events of the test part, so that settings are chosen by \
                     what is to be foretold"
                ));
            }
        }
    }
    faults
}

/// What is not in the order of time, for splitters that say all is.
fn future(events: &Events, folds: &[Fold], names: &[String]) -> Vec<String> {
    let time = |event: &u32| events.time.at(*event as usize);
    let first = |fold: &Fold| fold.targets.iter().map(time).min();
    let mut faults = Vec::new();
    for (fold, name) in folds.iter().zip(names) {
        for (list, what) in [(&fold.fit, "learns from"), (&fold.given, "is given")] {
            let last = list.iter().map(time).max();
            if last.is_some() && last >= first(fold) {
                faults.push(format!(
                    "{name} {what} events that are not before those it asks for, but \
                     `uses_the_future` says that it does not"
                ));
            }
        }
    }
    let of = |role| folds.iter().filter(move |f| f.role == role);
    for role in [Role::Validation, Role::Test] {
        let starts: Vec<_> = of(role).map(first).collect();
        if !starts.is_sorted() {
            faults.push(format!(
                "the {} folds are not in the order of time",
                role.name()
            ));
        }
    }
    let chosen = of(Role::Validation).flat_map(|f| &f.targets).map(time);
    let tested = of(Role::Test).filter_map(first).min();
    if let (Some(last), Some(first)) = (chosen.max(), tested)
        && last >= first
    {
        faults.push(
            "settings are chosen by what is not before the test part, but `uses_the_future` says \
             that it does not"
                .to_owned(),
        );
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::fold_faults;
    use crate::{Events, Fold, Role};

    /// Events 0 to 5 of the users u, v, u, v, w, w at the times 1 to 6.
    fn log() -> Events {
        let users = ["u", "v", "u", "v", "w", "w"];
        let mut events = Events::from_pairs(users.map(|user| (user, "a")));
        events.time = (1..=6).collect();
        events
    }

    fn test(fit: &[u32], given: &[u32], targets: &[u32]) -> Fold {
        Fold::new(Role::Test, fit.to_vec(), targets.to_vec()).with_given(given.to_vec())
    }

    fn validation(fit: &[u32], targets: &[u32]) -> Fold {
        Fold::new(Role::Validation, fit.to_vec(), targets.to_vec())
    }

    #[test]
    fn sound_folds_have_no_faults() {
        let sound = [
            vec![test(&[0, 1, 2, 3], &[], &[4, 5])],
            vec![test(&[0, 1, 2, 3], &[4], &[5])],
            vec![
                validation(&[0, 1], &[2, 3]),
                test(&[0, 1, 2, 3], &[], &[4, 5]),
            ],
            vec![
                test(&[0, 1], &[], &[2, 3]),
                test(&[0, 1, 2, 3], &[], &[4, 5]),
            ],
        ];
        for folds in sound {
            assert_eq!(fold_faults(&log(), &folds, false), [""; 0], "{folds:?}");
        }
        let random = [validation(&[0, 4], &[2]), test(&[0, 2, 4], &[], &[1, 3])];
        assert_eq!(fold_faults(&log(), &random, true), [""; 0]);
    }

    #[test]
    fn each_fault_is_named() {
        let unsorted = Fold {
            fit: vec![1, 0],
            ..test(&[0], &[], &[5])
        };
        let cases = [
            (vec![validation(&[0], &[1])], "no fold of role test"),
            (vec![test(&[], &[], &[5])], "fit of the test fold is empty"),
            (
                vec![test(&[0], &[], &[])],
                "targets of the test fold is empty",
            ),
            (vec![unsorted], "fit of the test fold is not ascending"),
            (
                vec![test(&[0], &[9], &[5])],
                "given of the test fold has events there are not",
            ),
            (
                vec![test(&[0, 3], &[], &[3, 5])],
                "learns from events that it asks for",
            ),
            (
                vec![test(&[0, 1], &[1], &[5])],
                "gives as history events that it learns from",
            ),
            (
                vec![test(&[0], &[4], &[4, 5])],
                "gives as history events that it asks for",
            ),
            (
                vec![test(&[0, 1], &[2], &[5])],
                "a history of user `u`, whom it learns from too",
            ),
            (
                vec![test(&[0], &[], &[2, 3]), test(&[0, 1], &[], &[3, 4])],
                "test fold 2 of 2 asks for events that test fold 1 of 2 asks for",
            ),
            (
                vec![validation(&[0], &[1, 4]), test(&[0], &[], &[4, 5])],
                "targets of the validation fold holds events of the test part",
            ),
            (
                vec![test(&[0, 5], &[], &[4])],
                "the test fold learns from events that are not before",
            ),
            (
                vec![test(&[0], &[5], &[4])],
                "the test fold is given events that are not before",
            ),
            (
                vec![test(&[0], &[], &[4]), test(&[0], &[], &[3])],
                "the test folds are not in the order of time",
            ),
            (
                vec![validation(&[0], &[1, 3]), test(&[0], &[], &[2])],
                "settings are chosen by what is not before the test part",
            ),
        ];
        for (folds, expected) in cases {
            let faults = fold_faults(&log(), &folds, false);
            assert!(
                faults.iter().any(|fault| fault.contains(expected)),
                "no `{expected}` in {faults:?}"
            );
        }
        // Equal times are not before each other.
        let mut tied = log();
        tied.time = vec![1, 2, 3, 3, 3, 4].into();
        let folds = [test(&[0, 1, 2], &[], &[3, 4, 5])];
        assert_eq!(fold_faults(&tied, &folds, false).len(), 1);
        assert_eq!(fold_faults(&tied, &folds, true), [""; 0]);
    }
}
