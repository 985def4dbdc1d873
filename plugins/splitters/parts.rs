//! What the splitters share: arithmetic of shares, parts and the faults they may have.

use musicrec_api::{Error, Events, Fold, Problem, Result, Share, ShareOrZero};

/// Keeps noise of binary fractions (0.1 + 0.2 > 0.3) from moving a count by one.
const EPSILON: f64 = 1e-9;

/// `share` of `n`, rounded down.
pub(crate) fn floor_share(share: f64, n: usize) -> usize {
    (share * n as f64 + EPSILON).floor() as usize
}

/// `share` of `n`, rounded to the nearest whole number, halves up.
pub(crate) fn round_share(share: f64, n: usize) -> usize {
    floor_share(share + 0.5 / n as f64, n)
}

/// The default shares: validation 0.16, test 0.2.
pub(crate) fn default_shares() -> (ShareOrZero, Share) {
    (
        ShareOrZero::new(0.16).expect("0.16 is a share"),
        Share::new(0.2).expect("0.2 is a share"),
    )
}

/// What validation and test leave for train.
///
/// # Errors
/// If that is nothing.
pub(crate) fn train_share(splitter: &str, validation: ShareOrZero, test: Share) -> Result<f64> {
    match too_large(validation, test) {
        Some(problem) => Err(problem.error(&format!("{splitter}: "))),
        None => Ok(1.0 - test.get() - validation.get()),
    }
}

/// The problem of shares that leave nothing to learn from.
pub(crate) fn too_large(validation: ShareOrZero, test: Share) -> Option<Problem> {
    if 1.0 - test.get() - validation.get() > EPSILON {
        return None;
    }
    // Which of the two was written is not known here, but a default was not.
    let parameter = if validation == default_shares().0 {
        "test"
    } else {
        "validation"
    };
    let message = format!(
        "`validation = {}` and `test = {}` leave nothing to learn from",
        validation.get(),
        test.get()
    );
    Some(Problem::at(parameter, message).remedy("together they must be below 1"))
}

/// There must be events, and they must have times.
pub(crate) fn check_times(splitter: &str, events: &Events) -> Result<()> {
    check_events(splitter, events)?;
    if events.time.is_empty() {
        return Err(Error::definition(format!(
            "{splitter}: the log has no times; name its column of times with `time` in the source, or \
             use a splitter that needs none: `random` or `given`"
        )));
    }
    Ok(())
}

/// There must be events.
pub(crate) fn check_events(splitter: &str, events: &Events) -> Result<()> {
    if events.is_empty() {
        return Err(Error::data(format!(
            "{splitter}: there is no event to split; look at what the cleaners dropped"
        )));
    }
    Ok(())
}

/// The events of the three parts while they are being sorted out.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
    pub(crate) test: Vec<u32>,
}

impl Parts {
    /// The folds, once no part that was asked for is empty; `why` says what to do about one.
    pub(crate) fn folds(
        self,
        splitter: &str,
        with_validation: bool,
        why: impl Fn(&str) -> String,
    ) -> Result<Vec<Fold>> {
        let empty = [
            ("train", self.train.is_empty()),
            ("validation", with_validation && self.validation.is_empty()),
            ("test", self.test.is_empty()),
        ]
        .into_iter()
        .find(|(_, empty)| *empty);
        if let Some((part, _)) = empty {
            return Err(Error::data(format!(
                "{splitter}: the {part} part would be empty: {}",
                why(part)
            )));
        }
        Ok(Fold::of_parts(self.train, self.validation, self.test))
    }
}

/// The events of each user, in the order of users and, within a user, of events.
pub(crate) fn by_user(events: &Events) -> Vec<Vec<u32>> {
    let mut of_user = vec![Vec::new(); events.users.len()];
    for (event, &user) in events.user.iter().enumerate() {
        of_user[user as usize].push(event as u32);
    }
    of_user
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{floor_share, round_share};
    use std::path::Path;

    use musicrec_api::{CheckContext, Events, Fold, Problem, Role, Splitter};

    /// Events of given users and times; each of another item.
    pub(crate) fn timed(cells: &[(&str, i64)]) -> Events {
        let items: Vec<String> = (0..cells.len()).map(|i| i.to_string()).collect();
        let pairs = cells
            .iter()
            .zip(&items)
            .map(|(c, item)| (c.0, item.as_str()));
        let mut events = Events::from_pairs(pairs);
        events.time = cells.iter().map(|c| c.1).collect();
        events
    }

    /// A splitter as a definition writes it.
    pub(crate) fn parse(json: &str) -> Box<dyn Splitter> {
        serde_json::from_str(json).unwrap()
    }

    /// What a splitter, as a definition writes it, says of a log with the columns user, item and
    /// part.
    pub(crate) fn check(json: &str) -> Vec<Problem> {
        let columns = ["user", "item", "part"].map(str::to_owned);
        let context = CheckContext::new(Path::new(""));
        parse(json).check(&context.with_columns(&columns))
    }

    /// Train, validation and test of folds, which must fit together.
    pub(crate) fn parts(folds: &[Fold]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let test = folds.last().unwrap();
        assert_eq!(test.role, Role::Test);
        if folds.len() == 1 {
            return (test.fit.clone(), Vec::new(), test.targets.clone());
        }
        let validation = &folds[0];
        assert_eq!((folds.len(), validation.role), (2, Role::Validation));
        let mut both = [validation.fit.clone(), validation.targets.clone()].concat();
        both.sort_unstable();
        assert_eq!(both, test.fit);
        (
            validation.fit.clone(),
            validation.targets.clone(),
            test.targets.clone(),
        )
    }

    #[test]
    fn noise_of_binary_fractions_moves_no_count() {
        // 1 - 0.1 - 0.2 is 0.7000000000000001, 1 - 0.7 is 0.30000000000000004, 0.57 * 100 is 56.99….
        assert_eq!(floor_share(1.0 - 0.1 - 0.2, 10), 7);
        assert_eq!(floor_share(0.57, 100), 57);
        assert_eq!(floor_share(0.29, 100), 29);
        assert_eq!(floor_share(0.64, 4809), 3077);
        assert_eq!(round_share(0.2, 2), 0);
        assert_eq!(round_share(0.2, 3), 1);
        assert_eq!(round_share(0.1, 5), 1);
        assert_eq!(round_share(0.7, 10), 7);
    }

    #[test]
    fn shares_that_leave_nothing_are_told_before_the_run() {
        for splitter in ["global_time", "random", "rolling_time", "held_out_users"] {
            let place = |shares: &str| {
                let problems = check(&format!(r#"{{"{splitter}": {{{shares}}}}}"#));
                assert!(problems.len() < 2);
                problems.first().map(|p| p.parameter.clone())
            };
            assert_eq!(
                place(r#""validation": 0.5, "test": 0.5"#).unwrap(),
                "validation"
            );
            assert_eq!(place(r#""test": 0.84"#).unwrap(), "test");
            assert_eq!(place(r#""validation": 0.8"#).unwrap(), "validation");
            assert_eq!(place(r#""validation": 0.7"#), None);
        }
        let problem = &check(r#"{"random": {"validation": 0.75, "test": 0.5}}"#)[0];
        let message = "`validation = 0.75` and `test = 0.5` leave nothing to learn from";
        assert_eq!(problem.message, message);
        let remedy = Some("together they must be below 1");
        assert_eq!(problem.remedy.as_deref(), remedy);
    }

    #[test]
    fn whether_there_is_a_validation_part_is_known_before_the_run() {
        for (json, expected) in [
            (r#"{"global_time": {}}"#, Some(true)),
            (r#"{"global_time": {"validation": 0}}"#, Some(false)),
            (r#"{"random": {}}"#, Some(true)),
            (r#"{"random": {"validation": 0}}"#, Some(false)),
            (r#"{"leave_last": {}}"#, Some(true)),
            (r#"{"leave_last": {"validation": 0}}"#, Some(false)),
            (r#"{"rolling_time": {}}"#, Some(true)),
            (r#"{"rolling_time": {"validation": 0}}"#, Some(false)),
            (r#"{"held_out_users": {}}"#, Some(true)),
            (r#"{"held_out_users": {"validation": 0}}"#, Some(false)),
            (r#"{"given": {}}"#, None),
            (r#"{"given": {"validation": []}}"#, Some(false)),
        ] {
            assert_eq!(parse(json).makes_validation(), expected, "{json}");
        }
    }
}
