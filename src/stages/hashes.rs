//! What a cleaned log and a split are, in one word each: so that two people can see whether they have the
//! same.

use musicrec_api::{Events, Fold, Series, SeriesValue};
use sha2::{Digest, Sha256};

use super::fold::FoldData;
use crate::records::hexadecimal;

/// Hash of the events: ids, times, kinds and amounts in their order.
pub(crate) fn of_log(events: &Events) -> String {
    let mut hash = Sha256::new();
    let kinds = events.kinds.iter().map(String::as_str);
    texts(&mut hash, events.users.iter());
    texts(&mut hash, events.items.iter());
    texts(&mut hash, kinds);
    numbers(&mut hash, &events.user, u32::to_le_bytes);
    numbers(&mut hash, &events.item, u32::to_le_bytes);
    series(&mut hash, &events.time, i64::to_le_bytes);
    series(&mut hash, &events.kind, u32::to_le_bytes);
    series(&mut hash, &events.plays, f32::to_le_bytes);
    series(&mut hash, &events.seconds, f32::to_le_bytes);
    hexadecimal(&hash.finalize())
}

/// Hash of a fold: which events of the log are learned from, given and foretold.
pub(crate) fn of_fold(fold: &Fold) -> String {
    let mut hash = Sha256::new();
    for rows in [&fold.fit, &fold.given, &fold.targets] {
        numbers(&mut hash, rows, u32::to_le_bytes);
    }
    hexadecimal(&hash.finalize())
}

/// Hash of what a fold asks: who is asked for what and has heard what, what each counts, and which events
/// are learned from.
pub(crate) fn of_questions(fold: &FoldData) -> String {
    let mut hash = Sha256::new();
    numbers(&mut hash, &fold.fit.user, u32::to_le_bytes);
    numbers(&mut hash, &fold.fit.item, u32::to_le_bytes);
    series(&mut hash, &fold.fit.row, u32::to_le_bytes);
    numbers(&mut hash, &fold.who, u32::to_le_bytes);
    numbers(&mut hash, &fold.asked, u32::to_le_bytes);
    numbers(&mut hash, &fold.votes, f64::to_le_bytes);
    let (mut lengths, mut items, mut gains) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..fold.who.len() {
        let (heard, reachable) = (fold.heard.get(at), fold.reachable.get(at));
        let (wanted, targets) = (fold.wanted.get(at), fold.targets.get(at));
        let all = [heard.len(), reachable.len(), wanted.len(), targets.len()];
        lengths.extend(all.map(|length| length as u64));
        items.extend(heard);
        items.extend(reachable.iter().map(|target| target.0));
        items.extend(wanted.iter().flat_map(|target| [target.item, target.local]));
        gains.extend(reachable.iter().map(|target| target.1));
        gains.extend(wanted.iter().map(|target| target.gain));
        gains.extend(targets);
    }
    lengths.push(fold.summary.candidates as u64);
    numbers(&mut hash, &lengths, u64::to_le_bytes);
    numbers(&mut hash, &items, u32::to_le_bytes);
    numbers(&mut hash, &gains, f64::to_le_bytes);
    hexadecimal(&hash.finalize())
}

fn texts<'t>(hash: &mut Sha256, texts: impl ExactSizeIterator<Item = &'t str>) {
    hash.update((texts.len() as u64).to_le_bytes());
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
}

fn numbers<T: Copy, const N: usize>(hash: &mut Sha256, all: &[T], bytes: impl Fn(T) -> [u8; N]) {
    in_pieces(hash, all.iter().copied(), bytes);
}

fn series<T: SeriesValue, const N: usize>(
    hash: &mut Sha256,
    all: &Series<T>,
    bytes: impl Fn(T) -> [u8; N],
) {
    in_pieces(hash, all.iter(), bytes);
}

fn in_pieces<T, const N: usize>(
    hash: &mut Sha256,
    all: impl ExactSizeIterator<Item = T>,
    bytes: impl Fn(T) -> [u8; N],
) {
    hash.update((all.len() as u64).to_le_bytes());
    // A call of the hash for each number would take longer than the hash.
    let mut piece = Vec::with_capacity(N * 4096);
    for n in all {
        piece.extend(bytes(n));
        if piece.len() == N * 4096 {
            hash.update(&piece);
            piece.clear();
        }
    }
    hash.update(&piece);
}

#[cfg(test)]
mod tests {
    use musicrec_api::{Events, Fold, Role};

    use super::{of_fold, of_log};

    #[test]
    fn what_differs_has_another_hash() {
        let log = |pairs: [(&str, &str); 2]| Events::from_pairs(pairs);
        let one = of_log(&log([("u", "a"), ("v", "b")]));
        assert_eq!(one, of_log(&log([("u", "a"), ("v", "b")])));
        assert_eq!(one.len(), 64);
        // The same characters in other ids, another order, and another time.
        assert_ne!(one, of_log(&log([("ua", ""), ("v", "b")])));
        assert_ne!(one, of_log(&log([("v", "b"), ("u", "a")])));
        let mut timed = log([("u", "a"), ("v", "b")]);
        timed.time = vec![1, 2].into();
        assert_ne!(one, of_log(&timed));
        let fold = |fit, targets| of_fold(&Fold::new(Role::Test, fit, targets));
        assert_eq!(fold(vec![0, 1], vec![2]), fold(vec![1, 0], vec![2]));
        assert_ne!(fold(vec![0, 1], vec![2]), fold(vec![0], vec![1, 2]));
    }
}
