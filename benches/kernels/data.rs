//! Synthetic data: who heard what, with items as unequally popular as they are.

use musicrec_api::rng;
use musicrec_lab::kernels::Question;
use rand::RngExt as _;

/// Whether each benchmark is only run once, to see whether it works.
pub(crate) fn tiny() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// One thread, for kernels as such.
pub(crate) fn single() -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread can be started")
}

/// 6,000 users, 4,000 items and 800,000 pairs to learn from, 200,000 to foretell; a hundredth of that if tiny.
pub(crate) fn question() -> Question {
    let (users, items, pairs) = if tiny() {
        (60, 40, 1_000)
    } else {
        (6_000, 4_000, 1_000_000)
    };
    let mut random = rng(1);
    let mut heard = vec![false; users * items];
    let mut all = Vec::with_capacity(pairs);
    while all.len() < pairs {
        let user = random.random_range(0..users);
        // The third power of a number between 0 and 1 is mostly small: few items are heard by most.
        let item = (random.random::<f64>().powi(3) * items as f64) as usize;
        if !std::mem::replace(&mut heard[user * items + item], true) {
            all.push((user.to_string(), item.to_string()));
        }
    }
    let metrics = r#"[{"recall": {"k": 3}}, {"precision": {"k": 3}}, {"ndcg": {"k": 3}}]"#;
    let pairs = all
        .iter()
        .map(|(user, item)| (user.as_str(), item.as_str()));
    let question = Question::new(pairs, (all.len() * 4 / 5) as u32, metrics);
    question.expect("everybody has something to foretell")
}
