//! How long the units of a step will take that an engine runs: by what they are estimated to cost, measured
//! against what those of the same variant took.

use std::collections::BTreeMap;

use jiff::Timestamp;
use musicrec_api::Role;

use super::Sweep;
use super::estimate::{Speeds, unit_seconds};
use super::placed::Fate;
use super::steps::Step;
use super::units::Unit;
use crate::exit::Failure;
use crate::records::{Attempt, End, Store};
use crate::stages::fold::Summary;

/// The least that a unit is thought to cost: what ends at once costs something too.
const LEAST_COST: f64 = 1e-9;

/// The least that a fit is thought to take, in seconds.
const LEAST_SECONDS: f64 = 1e-6;

/// A unit: its variant, and what it is estimated to cost, if anything tells.
#[derive(Debug, Clone, Copy)]
struct Estimated {
    variant: usize,
    cost: Option<f64>,
}

impl Estimated {
    fn cost(self) -> f64 {
        self.cost.unwrap_or(1.0).max(LEAST_COST)
    }
}

/// The open units of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Left {
    /// Wall seconds of each.
    pub(crate) seconds: Vec<f64>,
}

impl Left {
    /// Wall seconds of all, so many at once.
    pub(crate) fn at_once(&self, running: usize) -> f64 {
        let all: f64 = self.seconds.iter().sum();
        let longest = self.seconds.iter().copied().fold(0.0, f64::max);
        (all / running.max(1) as f64).max(longest)
    }
}

impl Sweep<'_> {
    /// What is left of a step of trials; `None` where nothing tells, as long as no trial has a record.
    pub(crate) fn left(&mut self, step: Step) -> Result<Option<Left>, Failure> {
        if !matches!(step, Step::Validation(_) | Step::Test) {
            return Ok(None);
        }
        let known = self.known()?;
        let speeds = Speeds::learn(&self.overview, &self.experiment.trials(), &known);
        // Records of other steps tell too, on the threads that they had.
        let threads = known.values().map(|run| run.threads).max();
        let left = self.in_step(step, |sweep, units, ended| {
            let (mut done, mut open) = (Vec::new(), Vec::new());
            let (mut took, mut ids) = (BTreeMap::new(), Vec::new());
            for unit in units {
                let fates = unit
                    .members
                    .iter()
                    .map(|member| ended.fate(&member.key.id()));
                let fates: Vec<Fate> = fates.collect();
                let estimated = Estimated {
                    variant: unit.fitted().variant,
                    cost: sweep.cost(unit, &speeds),
                };
                if fates.contains(&Fate::Open) {
                    open.push(estimated);
                    ids.push(unit.id.as_str());
                } else if fates.iter().all(|fate| *fate == Fate::Done)
                    && let Some(seconds) = sweep.took(unit)?
                {
                    done.push((estimated, seconds));
                    took.insert(unit.id.clone(), seconds);
                }
            }
            let attempts = Attempts::of(&sweep.store)?;
            let (beside, running) = (attempts.beside(&took), attempts.running(Timestamp::now()));
            let all = seconds(&done, &open, threads);
            Ok(all.map(|all| {
                let rest = all.into_iter().zip(ids).map(|(own, id)| {
                    let gone = running.get(id).copied().unwrap_or(0.0);
                    (own + beside - gone).max(0.0)
                });
                Left {
                    seconds: rest.collect(),
                }
            }))
        })?;
        Ok(left.flatten())
    }

    /// Seconds of a unit on one thread, as far as models and records tell.
    fn cost(&self, unit: &Unit, speeds: &Speeds) -> Option<f64> {
        let folds = &self.overview.cleanings[unit.fitted().cleaning].folds;
        let role: Role = unit.role();
        let own: Vec<&Summary> = folds.iter().filter(|fold| fold.role == role).collect();
        unit_seconds(speeds, unit, &own)
    }

    /// Wall seconds that a unit took by the records of its trials, which lie on the way of one fit.
    fn took(&self, unit: &Unit) -> Result<Option<f64>, Failure> {
        let (mut fit, mut rank) = (0.0_f64, 0.0);
        for member in &unit.members {
            let Some(record) = self.store.record(&member.key.id())? else {
                return Ok(None);
            };
            fit = fit.max(record.run.fit_seconds());
            rank += record.run.rank_seconds();
        }
        Ok(Some(fit + rank))
    }
}

/// What attempts at units tell.
struct Attempts(BTreeMap<String, Attempt>);

impl Attempts {
    fn of(store: &Store) -> Result<Self, Failure> {
        let mut known = BTreeMap::new();
        store.follow_attempts(&mut known)?;
        Ok(Self(known))
    }

    /// What a unit takes beside its fit, by those that are done and what their records say: a process is
    /// started, what is prepared is read.
    fn beside(&self, done: &BTreeMap<String, f64>) -> f64 {
        let well = self
            .0
            .values()
            .filter(|attempt| attempt.how == Some(End::Done));
        let beside = well.filter_map(|attempt| {
            let own = attempt.seconds()? - done.get(&attempt.unit)?;
            Some(own.max(0.0))
        });
        let (sum, count) = beside.fold((0.0, 0.0), |(sum, count), own| (sum + own, count + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Seconds since the units began that run now, by the last attempt at each.
    fn running(&self, now: Timestamp) -> BTreeMap<&str, f64> {
        let mut last: BTreeMap<&str, &Attempt> = BTreeMap::new();
        for attempt in self.0.values() {
            let known = last.entry(&attempt.unit).or_insert(attempt);
            if known.begun < attempt.begun {
                *known = attempt;
            }
        }
        let open = last
            .into_iter()
            .filter(|(_, attempt)| attempt.ended.is_none());
        let since = |attempt: &Attempt| Some(now.duration_since(attempt.begun.parse().ok()?));
        open.filter_map(|(unit, attempt)| Some((unit, since(attempt)?.as_secs_f64().max(0.0))))
            .collect()
    }
}

/// Wall seconds of the open units by those of the done ones: of the same variant if one is done, else of all;
/// and where none is, by their costs alone on so many threads.
fn seconds(
    done: &[(Estimated, f64)],
    open: &[Estimated],
    threads: Option<usize>,
) -> Option<Vec<f64>> {
    let of = |alike: &dyn Fn(&Estimated) -> bool| {
        let alike = done.iter().filter(|(unit, _)| alike(unit));
        let points = alike.map(|(unit, seconds)| (unit.cost(), *seconds));
        Curve::through(&points.collect::<Vec<_>>())
    };
    let own = |unit: &Estimated| {
        let same = |other: &Estimated| other.cost.is_some() == unit.cost.is_some();
        let curve = of(&|other| other.variant == unit.variant && same(other))
            .or_else(|| of(&same))
            .or_else(|| unit.cost.and(threads).map(Curve::of_threads));
        match curve {
            Some(curve) => Some(curve.at(unit.cost())),
            // Nothing is alike: as long as any.
            None if done.is_empty() => None,
            None => Some(done.iter().map(|(_, took)| took).sum::<f64>() / done.len() as f64),
        }
    };
    open.iter().map(own).collect()
}

/// Seconds by cost: `base + slope · cost^power`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Curve {
    base: f64,
    slope: f64,
    power: f64,
}

impl Curve {
    /// As models count, on threads that share all of it.
    fn of_threads(threads: usize) -> Self {
        Self {
            base: 0.0,
            slope: 1.0 / threads as f64,
            power: 1.0,
        }
    }

    /// Through costs and seconds: the line with the least relative errors that neither falls nor begins below
    /// zero. One cost does not tell how time grows: then halfway (by factors) between not at all and as the
    /// cost does.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let &(first, _) = points.first()?;
        let count = points.len() as f64;
        let mean = points.iter().map(|(_, took)| took).sum::<f64>() / count;
        if points.iter().all(|(cost, _)| *cost == first) {
            return Some(Self {
                base: 0.0,
                slope: mean / first.sqrt(),
                power: 0.5,
            });
        }
        // Normal equations of `base / s + slope · c / s = 1`.
        let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            let all = points
                .iter()
                .map(|(cost, took)| of(*cost, took.max(LEAST_SECONDS)));
            all.sum()
        };
        let (uu, uv, vv) = (
            sum(&|_, s| 1.0 / (s * s)),
            sum(&|c, s| c / (s * s)),
            sum(&|c, s| c * c / (s * s)),
        );
        let (u, v) = (sum(&|_, s| 1.0 / s), sum(&|c, s| c / s));
        let determinant = uu * vv - uv * uv;
        let (base, slope) = (
            (u * vv - v * uv) / determinant,
            (v * uu - u * uv) / determinant,
        );
        let (base, slope) = match () {
            () if slope <= 0.0 || !slope.is_finite() => (mean, 0.0),
            () if base < 0.0 => (0.0, v / vv),
            () => (base, slope),
        };
        Some(Self {
            base,
            slope,
            power: 1.0,
        })
    }

    fn at(self, cost: f64) -> f64 {
        self.base + self.slope * cost.powf(self.power)
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempts, Estimated, Left, seconds};
    use crate::records::{Attempt, End, Placed};

    fn unit(variant: usize, cost: Option<f64>) -> Estimated {
        Estimated { variant, cost }
    }

    fn assert_near(found: Option<Vec<f64>>, expected: &[f64]) {
        let found = found.expect("something tells");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6 * expected,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn large_fits_that_come_last_are_not_taken_for_small_ones() {
        // A second, and a quarter of one for each of the cost.
        let done = [(unit(0, Some(8.0)), 3.0), (unit(0, Some(16.0)), 5.0)];
        let open = [unit(0, Some(64.0)), unit(0, Some(128.0))];
        assert_near(seconds(&done, &open, Some(4)), &[17.0, 33.0]);
        // One of another variant is as fast for what it costs, unless one of its own is done.
        let other = [unit(1, Some(8.0)), unit(1, Some(32.0))];
        assert_near(seconds(&done, &other, None), &[3.0, 9.0]);
        let mut done = done.to_vec();
        done.push((unit(1, Some(8.0)), 80.0));
        assert_near(seconds(&done, &other, None), &[80.0, 160.0]);
    }

    #[test]
    fn time_neither_falls_with_the_cost_nor_begins_below_zero() {
        let falling = [(unit(0, Some(1.0)), 3.0), (unit(0, Some(2.0)), 1.0)];
        assert_near(seconds(&falling, &[unit(0, Some(9.0))], None), &[2.0]);
        let steep = [(unit(0, Some(1.0)), 1.0), (unit(0, Some(2.0)), 4.0)];
        // The slope that is as much too small for the one as it is too large for the other, by squares.
        assert_near(seconds(&steep, &[unit(0, Some(10.0))], None), &[12.0]);
    }

    #[test]
    fn what_has_no_cost_takes_what_its_variant_took() {
        let done = [
            (unit(0, None), 3.0),
            (unit(0, None), 5.0),
            (unit(1, Some(9.0)), 1.0),
        ];
        let open = [unit(0, None), unit(2, None), unit(1, Some(36.0))];
        assert_near(seconds(&done, &open, None), &[4.0, 4.0, 2.0]);
        // No foreign model is done yet: as long as any.
        assert_near(seconds(&done[2..], &open[..1], None), &[1.0]);
    }

    #[test]
    fn before_the_first_is_done_costs_alone_tell_if_there_are_any() {
        assert_eq!(
            seconds(&[], &[unit(0, Some(8.0))], Some(4)),
            Some(vec![2.0])
        );
        assert_eq!(seconds(&[], &[unit(0, Some(8.0))], None), None);
        assert_eq!(seconds(&[], &[unit(0, None)], Some(4)), None);
    }

    #[test]
    fn attempts_tell_what_runs_and_what_a_unit_takes_beside_its_fit() {
        let attempt = |unit: &str, begun: &str, ended: Option<&str>| Attempt {
            unit: unit.to_owned(),
            number: 1,
            placed: Placed {
                node: "n1".to_owned(),
                job: None,
                output: None,
            },
            pid: 1,
            begun: format!("2026-01-01T10:00:{begun}Z"),
            ended: ended.map(|ended| format!("2026-01-01T10:00:{ended}Z")),
            how: ended.map(|_| End::Done),
        };
        let all = [
            attempt("a", "00", Some("08")),
            attempt("b", "00", Some("05")),
            // Its node died, and it began anew.
            attempt("c", "01", None),
            attempt("c", "20", None),
            // It was done the second time.
            attempt("d", "01", None),
            attempt("d", "10", Some("12")),
        ];
        let all = all.into_iter().enumerate();
        let attempts = Attempts(all.map(|(at, one)| (at.to_string(), one)).collect());
        let done = [("a", 6.0), ("b", 1.0)].map(|(unit, took)| (unit.to_owned(), took));
        assert_eq!(attempts.beside(&done.into()), 3.0);
        let running = attempts.running("2026-01-01T10:00:50Z".parse().unwrap());
        assert_eq!(running, [("c", 30.0)].into());
    }

    #[test]
    fn nothing_is_over_before_the_longest() {
        let left = Left {
            seconds: vec![1.0, 1.0, 30.0],
        };
        assert_eq!(left.at_once(2), 30.0);
        assert_eq!(left.at_once(1), 32.0);
    }
}
