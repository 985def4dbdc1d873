//! The built-in models: one file a plugin.

mod aligned;
mod als;
mod answer;
mod artist_top;
mod bands;
mod blend;
mod bpr;
mod counts;
mod ease;
mod fallback;
mod features;
mod files;
mod item_knn;
mod kernel;
mod lists;
mod markov;
mod neighbors;
mod nested;
mod p3_alpha;
mod personal_top;
mod popularity;
mod process;
mod products;
mod pure_svd;
mod random;
mod real;
mod recency_knn;
mod recent_popularity;
mod rp3_beta;
mod segment_popularity;
mod similarity;
mod slim;
mod times;
mod train;
mod trending;
mod user_knn;

pub use als::{Als, Solver};
pub use answer::Unknown;
pub use artist_top::ArtistTop;
pub use blend::{Blend, BlendBy};
pub use bpr::Bpr;
pub use ease::{Ease, Precision};
pub use fallback::Fallback;
pub use features::FeatureWeighting;
pub use item_knn::ItemKnn;
pub use lists::Lists;
pub use markov::Markov;
pub use p3_alpha::P3Alpha;
pub use personal_top::{PersonalBy, PersonalTop};
pub use popularity::{Popularity, PopularityBy};
pub use process::Process;
pub use pure_svd::PureSvd;
pub use random::Random;
pub use recency_knn::RecencyKnn;
pub use recent_popularity::RecentPopularity;
pub use rp3_beta::Rp3Beta;
pub use segment_popularity::{Among, SegmentPopularity};
pub use similarity::Similarity;
pub use slim::Slim;
pub use trending::{Growth, Trending};
pub use user_knn::UserKnn;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use musicrec_api::{FitContext, Kind, Model, Train, conformance, registrations};

    use crate::train::tests::{logged, scores, timed};
    /// These need the files of their examples, and a Python: see `tests/conformance.rs` of the lab.
    const WITH_FILES: [&str; 2] = ["lists", "process"];

    #[test]
    fn every_model_keeps_its_promises() {
        let all = registrations()
            .into_iter()
            .map(|plugin| (plugin.kind, plugin.name));
        for (kind, name) in all.filter(|(_, name)| !WITH_FILES.contains(name)) {
            conformance::check(kind, name);
        }
        let models = registrations()
            .into_iter()
            .filter(|r| r.kind == Kind::Model);
        assert!(models.count() > WITH_FILES.len());
    }

    /// Nothing but the history makes a user's scores in these models, so whoever is told of it scores like who learned.
    #[test]
    fn whose_history_is_told_scores_like_whoever_was_learned_from() {
        let rows: Vec<[String; 4]> = (0..600_u64)
            .map(|row| {
                let drawn = row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                let (user, item) = (drawn % 23, (drawn / 23 % 9) * (drawn / 207 % 5));
                let country = ["DE", "FR", "US", ""][(drawn / 1000 % 4) as usize];
                [
                    user.to_string(),
                    item.to_string(),
                    format!("a{}", item % 7),
                    country.to_owned(),
                ]
            })
            .collect();
        let rows: Vec<[&str; 4]> = rows
            .iter()
            .map(|row| [&row[0], &row[1], &row[2], &row[3]].map(String::as_str))
            .collect();
        let names = ["user", "item", "artist_id", "country"];
        let days: Vec<i64> = (0..600).map(|row| row * 7919 % 365).collect();
        let train = Train::new(
            timed(logged(&names, &rows), &days),
            &(0..600).map(|row| f64::from(row % 4)).collect::<Vec<_>>(),
        );
        for model in [
            r#"{"artist_top": {}}"#,
            r#"{"item_knn": {}}"#,
            r#"{"markov": {"ahead": 3, "session_gap_hours": 48}}"#,
            r#"{"personal_top": {"by": "weight", "half_life_days": 10}}"#,
            r#"{"recency_knn": {"half_life_days": 3, "similarity_half_life_days": 90}}"#,
            r#"{"segment_popularity": {"columns": ["country", "artist_id"], "min_users": 2}}"#,
        ] {
            let model: Box<dyn Model> = serde_json::from_str(model).unwrap();
            let fitted = model.fit(&train, &FitContext::new(0)).unwrap();
            let folded = fitted.fold_in(&train).unwrap().unwrap();
            let (learned, told) = (scores(&*fitted, &train), scores(&*folded, &train));
            assert_eq!(told, learned, "{model:?}");
            assert!(learned.iter().any(|&score| score != learned[[0, 0]]));
        }
    }
}
