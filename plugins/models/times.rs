//! Ages of events: what models that ask when something was heard have in common.

use std::sync::Arc;

use musicrec_api::arithmetic::exp2;
use musicrec_api::{
    CheckContext, Error, Events, InteractionMatrix, Positive, Problem, Result, Train,
};

const SECONDS_A_DAY: f64 = 86_400.0;

/// That there are times, if there is any event.
///
/// # Errors
/// If not: then `model` cannot do without.
pub(crate) fn ensure_times(events: &Events, model: &str) -> Result<()> {
    if events.time.is_empty() && !events.is_empty() {
        return Err(
            Error::definition(format!("{model}: the log has no times")).with_remedy(format!(
                "name its column of times with `time` in the source, or use {WITHOUT}"
            )),
        );
    }
    Ok(())
}

/// What to use on a log without times.
const WITHOUT: &str = "a model that needs none";

/// The same where it is known before anything runs; `parameter` is what needs times.
pub(crate) fn no_times(context: &CheckContext, parameter: &str) -> Option<Problem> {
    context.missing_times(parameter, WITHOUT)
}

/// The present as far as a model may know it, the latest time of the fit part, and the events from which it is counted
/// back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present<'a> {
    events: &'a Events,
    now: i64,
}

impl<'a> Present<'a> {
    /// # Errors
    /// If there are events without times.
    pub(crate) fn of(train: &'a Train, model: &str) -> Result<Self> {
        ensure_times(&train.events, model)?;
        Ok(Self {
            events: &train.events,
            // Without events nothing is older than the present.
            now: train.events.period().map_or(i64::MIN, |(_, last)| last),
        })
    }

    /// How many days ago an event was.
    pub(crate) fn age(&self, event: u32) -> f64 {
        days(self.now, self.events.time.at(event as usize))
    }
}

fn days(from: i64, to: i64) -> f64 {
    from.saturating_sub(to).max(0) as f64 / SECONDS_A_DAY
}

/// What is left of 1 after so many days.
pub(crate) fn faded(age: f64, half_life_days: Positive) -> f64 {
    exp2(-age / half_life_days.get())
}

/// The events of each user from the first to the last; at equal times in the order of the log.
pub(crate) fn in_order(events: &Events) -> Vec<Vec<u32>> {
    let mut of_user = vec![Vec::new(); events.users.len()];
    for (event, &user) in (0..).zip(&events.user) {
        of_user[user as usize].push(event);
    }
    for own in &mut of_user {
        let when = |&event: &u32| {
            (
                events.time.at(event as usize),
                events.row.at(event as usize),
            )
        };
        own.sort_unstable_by_key(when);
    }
    of_user
}

/// The amount of each event, faded with the days since the user's own last event of an amount above 0. For the order of
/// a user's own scores it is the same as days since the present, but who has not been here for long does not fade
/// to nothing.
pub(crate) fn faded_by_user(
    events: &Events,
    amounts: &[f64],
    half_life_days: Positive,
) -> Vec<f64> {
    let mut last = vec![i64::MIN; events.users.len()];
    let rows = || events.user.iter().zip(&events.time).zip(amounts);
    for ((&user, time), &amount) in rows() {
        let last = &mut last[user as usize];
        if amount > 0.0 && time > *last {
            *last = time;
        }
    }
    rows()
        .map(|((&user, time), amount)| {
            amount * faded(days(last[user as usize], time), half_life_days)
        })
        .collect()
}

/// The strength that the weighting gave each event.
pub(crate) fn weights(train: &Train) -> Vec<f64> {
    train.weights.iter().map(f64::from).collect()
}

/// The interactions of the same events with other strengths.
pub(crate) fn with_weights(train: &Train, weights: &[f64]) -> InteractionMatrix {
    Train::new(Arc::clone(&train.events), weights).interactions
}

#[cfg(test)]
pub(crate) mod tests {
    use musicrec_api::{Events, Positive, Train};

    use crate::train::tests::timed;

    use super::{Present, ensure_times, faded_by_user, in_order};

    pub(crate) const DAY: i64 = 86_400;

    pub(crate) fn positive(value: f64) -> Positive {
        Positive::new(value).unwrap()
    }

    /// User, item, day, each of weight 1.
    pub(crate) fn train(rows: &[(&str, &str, i64)]) -> Train {
        let events = Events::from_pairs(rows.iter().map(|&(user, item, _)| (user, item)));
        let events = timed(events, &rows.iter().map(|row| row.2).collect::<Vec<_>>());
        Train::new(events, &vec![1.0; rows.len()])
    }

    #[test]
    fn ages_are_days_before_the_last_event() {
        let train = train(&[("u", "a", 3), ("v", "b", 10), ("u", "b", 9)]);
        let present = Present::of(&train, "a model").unwrap();
        assert_eq!([0, 1, 2].map(|event| present.age(event)), [7.0, 0.0, 1.0]);
    }

    #[test]
    fn a_log_without_times_is_a_fault_unless_it_is_empty() {
        let error = ensure_times(&Events::from_pairs([("u", "a")]), "markov").unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("markov: the log has no times") && error.contains("`time`"));
        assert!(ensure_times(&Events::default(), "markov").is_ok());
    }

    #[test]
    fn equal_times_keep_the_order_of_the_log() {
        let train = train(&[("u", "b", 2), ("u", "a", 2), ("v", "a", 0), ("u", "c", 1)]);
        assert_eq!(in_order(&train.events), [vec![3, 0, 1], vec![2]]);
    }

    #[test]
    fn users_fade_from_their_own_last_event_that_counts() {
        let train = train(&[("u", "a", 0), ("u", "b", 2), ("v", "a", 90), ("u", "c", 3)]);
        let faded = faded_by_user(&train.events, &[3.0, 1.0, 2.0, 0.0], positive(2.0));
        assert_eq!(faded, [1.5, 1.0, 2.0, 0.0]);
    }
}
