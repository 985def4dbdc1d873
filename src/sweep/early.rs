//! Early stopping on validation: which trials no fit reaches, by the records that are there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use musicrec_api::Role;

use super::Sweep;
use super::units::{Unit, units};
use crate::early_stopping::{Point, Unreached, Watch};
use crate::exit::Failure;
use crate::experiment::EarlyStopping;

/// The points on the way of each fit on validation, by the id of its unit: the steps, ascending, and the id of the
/// record.
pub(super) type Points = HashMap<String, Vec<(usize, String)>>;

impl Sweep<'_> {
    /// The rule, if a definition has one.
    pub(super) fn early_stopping(&self) -> Option<&EarlyStopping> {
        let search = self.experiment.search.as_ref()?;
        search.early_stopping.as_ref()
    }

    /// What is known of the fit of a unit; `None` where fits do not end early.
    pub(super) fn watch(&self, unit: &Unit) -> Result<Option<Watch>, Failure> {
        let rule = self.early_stopping();
        let rule = rule.filter(|_| unit.role() == Role::Validation);
        rule.map(|rule| self.known_of(rule, &unit.id)).transpose()
    }

    /// The trials of a unit that its fit has not reached, and will not.
    pub(super) fn unreached(&self, unit: &Unit) -> Result<BTreeSet<String>, Failure> {
        let watch = self.watch(unit)?;
        let Some((after, _)) = watch.and_then(|watch| watch.ended()) else {
            return Ok(BTreeSet::new());
        };
        let behind = unit.members.iter().filter(|member| member.steps > after);
        Ok(behind.map(|member| member.key.id()).collect())
    }

    /// The trials that no fit reaches, as far as the records tell, by the ids of their records.
    pub(super) fn all_unreached(&self) -> Result<BTreeMap<String, Unreached>, Failure> {
        let mut all = BTreeMap::new();
        let Some(rule) = self.early_stopping() else {
            return Ok(all);
        };
        for (unit, points) in self.points() {
            if let Some((after, best)) = self.known_of(rule, unit)?.ended() {
                let behind = points.iter().filter(|(steps, _)| *steps > after);
                all.extend(behind.map(|(of, id)| {
                    let of = *of;
                    (id.clone(), Unreached { after, of, best })
                }));
            }
        }
        Ok(all)
    }

    /// Notes in the plan which trials no fit reached, and that their records are not needed. With several seeds one that
    /// ended before is enough.
    pub(super) fn note_unreached(&mut self) -> Result<(), Failure> {
        let found = self.all_unreached()?;
        for id in found.keys() {
            self.ran.remove(id);
        }
        for row in &mut self.overview.variants {
            let Some(early) = &mut row.early else {
                continue;
            };
            early.stopped.clear();
            for trial in &row.trials {
                let unreached = trial.validation.iter().filter_map(|id| found.get(id));
                let first = unreached.min_by_key(|unreached| unreached.after);
                early
                    .stopped
                    .extend(first.map(|first| (trial.index, *first)));
            }
        }
        Ok(())
    }

    /// What the records tell of the fit of a unit.
    fn known_of(&self, rule: &EarlyStopping, unit: &str) -> Result<Watch, Failure> {
        let points = self.points().get(unit).map_or(&[][..], Vec::as_slice);
        let point = |(steps, id): &(usize, String)| {
            let record = self.store.whole_record(id)?;
            let value = record.and_then(|record| record.metric(&self.overview.select));
            let point = match value {
                Some(value) => Point::Value(value),
                None if self.store.failed(id)?.is_some() => Point::Failed,
                None => Point::Open,
            };
            Ok((*steps, point))
        };
        let points = points.iter().map(point).collect::<Result<_, Failure>>()?;
        Ok(Watch::new(rule, points))
    }

    fn points(&self) -> &Points {
        self.points.get_or_init(|| {
            let trials = self.experiment.trials();
            let units = units(self.keys(Role::Validation, &trials));
            let points = units.into_iter().map(|unit| {
                let members = unit.members.iter();
                let mut points: Vec<(usize, String)> = members
                    .map(|member| (member.steps, member.key.id()))
                    .collect();
                // Equal trials are one point.
                points.dedup();
                (unit.id, points)
            });
            points.collect()
        })
    }
}
