//! Counting what makes items popular, event by event.

use musicrec_api::Train;

use crate::popularity::PopularityBy;

/// What an event counts for, apart from whose it is: 1 where listeners are counted.
pub(crate) fn amount(train: &Train, by: PopularityBy, event: u32) -> f64 {
    let event = event as usize;
    match by {
        PopularityBy::Users => 1.0,
        PopularityBy::Plays => match train.events.plays.get(event) {
            // The column is empty where the log has no play counts at all.
            Some(plays) if !plays.is_nan() => f64::from(plays),
            _ => 1.0,
        },
        PopularityBy::Weight => f64::from(train.weights.at(event)),
    }
}

/// Calls `take` for each user and item with the places that its events count for and how much: each place once if
/// listeners are counted, else with the sum of amounts. `place_of` says to which place an event belongs; `None` counts
/// nowhere. By user, item and place, ascending.
pub(crate) fn cells(
    train: &Train,
    by: PopularityBy,
    place_of: impl Fn(u32) -> Option<u32>,
    mut take: impl FnMut(u32, u32, u32, f64),
) {
    let events = &train.events;
    let pair = |event: u32| (events.user[event as usize], events.item[event as usize]);
    let mut counted: Vec<(u32, f64)> = Vec::new();
    let order = events.by_pair();
    for cell in order.chunk_by(|a, b| pair(*a) == pair(*b)) {
        counted.clear();
        let places = cell
            .iter()
            .filter_map(|&event| Some((place_of(event)?, event)));
        counted.extend(places.map(|(place, event)| (place, amount(train, by, event))));
        // Stable: amounts of a place are added in the order of events.
        counted.sort_by_key(|(place, _)| *place);
        let (user, item) = pair(cell[0]);
        for same in counted.chunk_by(|a, b| a.0 == b.0) {
            let sum = match by {
                PopularityBy::Users => 1.0,
                PopularityBy::Plays | PopularityBy::Weight => {
                    same.iter().map(|(_, amount)| amount).sum()
                }
            };
            take(user, item, same[0].0, sum);
        }
    }
}

/// What each item counts for in all events.
pub(crate) fn of_items(train: &Train, by: PopularityBy) -> Vec<f64> {
    let mut counts = vec![0.0; train.n_items()];
    cells(
        train,
        by,
        |_| Some(0),
        |_, item, _, count| {
            counts[item as usize] += count;
        },
    );
    counts
}

/// The same as shares of all that is counted; 0 where nothing is.
pub(crate) fn shares(mut counts: Vec<f64>) -> Vec<f64> {
    let all: f64 = counts.iter().sum();
    if all > 0.0 {
        for count in &mut counts {
            *count /= all;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Train};

    use super::{cells, of_items, shares};
    use crate::popularity::PopularityBy;

    fn train() -> Train {
        let pairs = [("u", "a"), ("v", "a"), ("u", "a"), ("u", "b"), ("u", "a")];
        let mut events = Events::from_pairs(pairs);
        events.plays = vec![4.0, 2.0, f32::NAN, 8.0, 16.0].into();
        Train::new(events, &[0.5, 0.25, 0.0, 2.0, 4.0])
    }

    #[test]
    fn events_of_a_user_and_an_item_are_counted_by_place() {
        let of = |by| {
            let mut found = Vec::new();
            let place = |event: u32| [Some(1), Some(1), Some(0), None, Some(1)][event as usize];
            cells(&train(), by, place, |user, item, place, count| {
                found.push((user, item, place, count));
            });
            found
        };
        let users = [(0, 0, 0, 1.0), (0, 0, 1, 1.0), (1, 0, 1, 1.0)];
        assert_eq!(of(PopularityBy::Users), users);
        let plays = [(0, 0, 0, 1.0), (0, 0, 1, 20.0), (1, 0, 1, 2.0)];
        assert_eq!(of(PopularityBy::Plays), plays);
        let weights = [(0, 0, 0, 0.0), (0, 0, 1, 4.5), (1, 0, 1, 0.25)];
        assert_eq!(of(PopularityBy::Weight), weights);
    }

    #[test]
    fn items_and_their_shares() {
        assert_eq!(of_items(&train(), PopularityBy::Users), [2.0, 1.0]);
        assert_eq!(of_items(&train(), PopularityBy::Plays), [23.0, 8.0]);
        assert_eq!(shares(vec![3.0, 1.0]), [0.75, 0.25]);
        assert_eq!(shares(vec![0.0]), [0.0]);
    }
}
