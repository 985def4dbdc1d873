//! Events by the pair of user and item that they are of.

use crate::Events;

impl Events {
    /// The numbers of the events by user, those of a user by item, and those of a pair in their own order: in time that
    /// grows with the events and the tables, for nothing is compared.
    pub fn by_pair(&self) -> Vec<u32> {
        // By the less significant first, so that a stable sort by the other keeps it.
        let by_item = sorted(0..self.len() as u32, &self.item, self.items.len());
        sorted(by_item.into_iter(), &self.user, self.users.len())
    }
}

/// Events by their code, which is below `codes`, those of equal ones in the order given.
fn sorted(events: impl Iterator<Item = u32>, code_of: &[u32], codes: usize) -> Vec<u32> {
    let mut next = vec![0_u32; codes];
    for &code in code_of {
        next[code as usize] += 1;
    }
    let mut start = 0;
    for next in &mut next {
        start += std::mem::replace(next, start);
    }
    let mut sorted = vec![0; code_of.len()];
    for event in events {
        let place = &mut next[code_of[event as usize] as usize];
        sorted[*place as usize] = event;
        *place += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use crate::Events;

    #[test]
    fn pairs_are_sorted_and_their_events_keep_their_order() {
        let pairs = ["vb", "ua", "vb", "ub", "va", "ua", "vb"];
        let events = Events::from_pairs(pairs.iter().map(|pair| pair.split_at(1)));
        assert_eq!(events.by_pair(), [1, 5, 3, 4, 0, 2, 6]);
        let nothing = Events::from_pairs([]);
        assert_eq!(nothing.by_pair(), [0_u32; 0]);
    }
}
