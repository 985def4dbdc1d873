//! What changed in the results, variant by variant, and whether it is more than noise.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use musicrec_api::derive_seed;
use ndarray::{Array2, Axis, concatenate};
use serde::Serialize;

use super::side::{Side, Variant};
use super::{Change, changes};
use crate::compare::{Correction, Difference, LEVEL, Pairs, Unpaired, bootstrap, unpaired};
use crate::exit::Failure;

/// A variant of both folders, `b` seen from `a`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    /// Its name in `a`.
    pub(crate) variant: String,
    /// Its name in `b`: another only if the chosen trials have the same settings.
    pub(crate) variant_b: String,
    /// What distinguishes the chosen trial from the others of the variant.
    pub(crate) settings_a: String,
    pub(crate) settings_b: String,
    /// Settings of the chosen trials that differ.
    pub(crate) changed: Vec<Change>,
    /// Whether they have the same records, so that nothing can differ.
    pub(crate) same_records: bool,
    /// The side that has no result: `a`, `b` or `both`.
    pub(crate) missing: Option<&'static str>,
    pub(crate) metrics: Vec<MetricChange>,
    /// On the deciding metric, user by user.
    pub(crate) difference: Option<Difference>,
    /// The same where users cannot be paired.
    pub(crate) unpaired: Option<Unpaired>,
    /// The p-value adjusted for all variants compared.
    pub(crate) p_adjusted: Option<f64>,
}

impl Compared {
    /// Whether the difference on the deciding metric is more than noise.
    pub(crate) fn is_shown(&self) -> bool {
        self.p_adjusted.is_some_and(|p| p < LEVEL)
    }

    /// Its name, or both if it has another one in each.
    pub(crate) fn name(&self) -> String {
        if self.variant == self.variant_b {
            self.variant.clone()
        } else {
            format!("{} / {}", self.variant, self.variant_b)
        }
    }
}

/// A metric on test, a mean over users and seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MetricChange {
    pub(crate) metric: String,
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) difference: f64,
    /// The difference by `a`; none if that is 0 and `b` is not.
    pub(crate) relative: Option<f64>,
}

pub(super) struct Results {
    pub(super) metric: String,
    pub(super) paired: bool,
    pub(super) pairing: String,
    pub(super) variants: Vec<Compared>,
    pub(super) only_a: Vec<String>,
    pub(super) only_b: Vec<String>,
}

pub(super) fn compare(a: &Side, b: &Side) -> Result<Results, Failure> {
    let metric = a.overview.select.clone();
    let paired = a.overview.test_part == b.overview.test_part;
    let mut pairing = if paired {
        format!("both ask the same on test, so {metric} is compared user by user")
    } else {
        let why = if a.overview.fingerprint == b.overview.fingerprint {
            "the split, the cleaners or the rules of evaluation make another test part of the same data"
        } else {
            "the data is another"
        };
        format!(
            "the test parts differ ({why}), so users are not compared with themselves: differences \
             rest on two independent means, which shows less"
        )
    };
    if metric != b.overview.select {
        let _ = write!(
            pairing,
            "; the deciding metric is that of a ({metric}), in b it is {}",
            b.overview.select
        );
    }
    let matched = matched(a, b);
    let mut variants = Vec::new();
    for &(of_a, of_b) in &matched {
        variants.push(one((a, of_a), (b, of_b), &metric, paired)?);
    }
    adjust(&mut variants, a.overview.correction);
    let only = |side: &Side, place: fn(&(&Variant, &Variant)) -> *const Variant| {
        let taken: BTreeSet<*const Variant> = matched
            .iter()
            .map(|&(of_a, of_b)| place(&(of_a, of_b)))
            .collect();
        let rest = side
            .variants
            .iter()
            .filter(|v| !taken.contains(&std::ptr::from_ref(*v)));
        rest.map(|v| v.name.clone()).collect()
    };
    Ok(Results {
        metric,
        paired,
        pairing,
        only_a: only(a, |pair| std::ptr::from_ref(pair.0)),
        only_b: only(b, |pair| std::ptr::from_ref(pair.1)),
        variants,
    })
}

/// Variants of one name, and of the others those whose chosen trials have one setting.
fn matched<'s>(a: &'s Side, b: &'s Side) -> Vec<(&'s Variant, &'s Variant)> {
    let named = |side: &'s Side, name: &str| side.variants.iter().find(|v| v.name == name);
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut pairs = Vec::new();
    for of_a in &a.variants {
        let same_name = named(b, &of_a.name);
        let same_settings = || {
            b.variants.iter().find(|of_b| {
                named(a, &of_b.name).is_none()
                    && !taken.contains(of_b.name.as_str())
                    && !of_a.records.is_empty()
                    && of_a.own() == of_b.own()
            })
        };
        if let Some(of_b) = same_name.or_else(same_settings) {
            taken.insert(&of_b.name);
            pairs.push((of_a, of_b));
        }
    }
    pairs
}

fn one(
    (a, of_a): (&Side, &Variant),
    (b, of_b): (&Side, &Variant),
    metric: &str,
    paired: bool,
) -> Result<Compared, Failure> {
    let (values_a, values_b) = (of_a.metrics(), of_b.metrics());
    let metrics = values_a.iter().filter_map(|(label, &a)| {
        let &b = values_b.get(label)?;
        Some(MetricChange {
            metric: label.clone(),
            a,
            b,
            difference: b - a,
            relative: match (a, b) {
                (0.0, 0.0) => Some(0.0),
                (0.0, _) => None,
                (a, b) => Some((b - a) / a),
            },
        })
    });
    let mut compared = Compared {
        variant: of_a.name.clone(),
        variant_b: of_b.name.clone(),
        settings_a: of_a.settings.clone(),
        settings_b: of_b.settings.clone(),
        changed: changes(&of_a.own(), &of_b.own()),
        same_records: !of_a.records.is_empty() && of_a.ids() == of_b.ids(),
        missing: match (of_a.records.is_empty(), of_b.records.is_empty()) {
            (false, false) => None,
            (true, false) => Some("a"),
            (false, true) => Some("b"),
            (true, true) => Some("both"),
        },
        metrics: metrics.collect(),
        difference: None,
        unpaired: None,
        p_adjusted: None,
    };
    let (Some(users_a), Some(users_b)) = (a.by_user(of_a, metric)?, b.by_user(of_b, metric)?)
    else {
        return Ok(compared);
    };
    let seed = a.overview.shared["seed"].as_u64().unwrap_or(0);
    match users_b.in_order_of(&users_a.users).filter(|_| paired) {
        Some(seeds_b) => {
            let resamples = a.overview.resamples;
            compared.difference = Some(difference(users_a.seeds, seeds_b, resamples, seed));
        }
        None => compared.unpaired = Some(unpaired(&users_a.seeds, &users_b.seeds)),
    }
    Ok(compared)
}

/// The mean of `b` less that of `a`, user by user.
fn difference(a: Array2<f64>, b: Array2<f64>, resamples: usize, seed: u64) -> Difference {
    let mean = |seeds: &Array2<f64>| {
        let mean = seeds.sum_axis(Axis(1)) / seeds.ncols().max(1) as f64;
        mean.insert_axis(Axis(1))
    };
    let both = concatenate(Axis(1), &[mean(&a).view(), mean(&b).view()]).expect("the same users");
    let samples = bootstrap(&both, resamples, derive_seed(seed, "bootstrap"));
    let pairs = Pairs::new(vec![a, b], derive_seed(seed, "randomization"));
    pairs.difference(1, 0, &samples[1], &samples[0])
}

impl super::side::ByUser {
    /// The values with the users in the order given, if they are the same users.
    fn in_order_of(&self, users: &[String]) -> Option<Array2<f64>> {
        if self.users == users {
            return Some(self.seeds.clone());
        }
        let place: std::collections::HashMap<&String, usize> = self.users.iter().zip(0..).collect();
        let rows: Option<Vec<usize>> = users.iter().map(|user| place.get(user).copied()).collect();
        rows.filter(|rows| rows.len() == self.users.len())
            .map(|rows| self.seeds.select(Axis(0), &rows))
    }
}

/// Adjusts p-values for how many variants are compared. What has the same records asks nothing.
fn adjust(variants: &mut [Compared], correction: Correction) {
    let compared =
        |v: &&mut Compared| !v.same_records && (v.difference.is_some() || v.unpaired.is_some());
    let mut of_family: Vec<&mut Compared> = variants.iter_mut().filter(compared).collect();
    let p: Vec<Option<f64>> = of_family
        .iter()
        .map(|v| v.difference.map_or_else(|| v.unpaired?.p, |d| d.p))
        .collect();
    let size = p.len();
    for (variant, adjusted) in of_family.iter_mut().zip(correction.adjust(&p)) {
        variant.p_adjusted = adjusted;
        variant.difference = variant.difference.map(|d| d.in_family(adjusted, size));
    }
}
