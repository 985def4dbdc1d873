//! The numbers of `report.json`, computed once more from the records and what lies beside them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::swept::{Swept, list, text};

/// The values of a metric by user.
type ByUser = BTreeMap<String, f64>;

/// What of a report does not follow from the records of its folder.
pub(crate) fn faults(swept: &Swept, report: &Value) -> Vec<String> {
    let mut check = Check {
        swept,
        report,
        found: Vec::new(),
    };
    check.choice();
    for row in list(&report["leaderboard"]) {
        check.row(row);
    }
    check.differences();
    check.segments();
    check.trials();
    check.found
}

struct Check<'s> {
    swept: &'s Swept,
    report: &'s Value,
    found: Vec<String>,
}

impl Check<'_> {
    fn near(&mut self, what: &str, said: &Value, computed: f64) {
        let near = |said: f64| (said - computed).abs() <= 1e-12 * (1.0 + computed.abs());
        if !said.as_f64().is_some_and(near) {
            self.found
                .push(format!("{what}: {said}, but the records say {computed}"));
        }
    }

    fn records(&self, row: &Value) -> Vec<Value> {
        let ids = list(&row["records"]).iter();
        ids.map(|id| self.swept.record(text(id))).collect()
    }

    /// Of each variant the trial that did best on validation is on the leaderboard.
    fn choice(&mut self) {
        let all = self.swept.lab.records(self.swept.folder);
        let select = text(&self.report["select"]);
        let mut of_variant: BTreeMap<&str, BTreeMap<String, [Vec<&Value>; 2]>> = BTreeMap::new();
        for record in all.values() {
            let result = &record["result"];
            let trials = of_variant
                .entry(text(&record["run"]["variant"]))
                .or_default();
            let roles = trials.entry(result["definition"].to_string()).or_default();
            roles[usize::from(result["role"] == "test")].push(record);
        }
        let rows = list(&self.report["leaderboard"]);
        if rows.len() != of_variant.len() {
            self.found.push(format!("{} rows", rows.len()));
        }
        for row in rows {
            let trials = of_variant[text(&row["variant"])].values();
            let value = |records: &[&Value]| mean(records.iter().map(|r| metric(r, select)));
            let best = trials.max_by(|a, b| value(&a[0]).total_cmp(&value(&b[0])));
            let [validation, test] = best.expect("a trial");
            let mut test = test.clone();
            test.sort_by_key(|record| record["result"]["repeat"].as_u64());
            let ids: Vec<&Value> = test.iter().map(|record| &record["id"]).collect();
            if list(&row["records"]).iter().collect::<Vec<_>>() != ids {
                self.found
                    .push(format!("{}: not the best on validation", row["variant"]));
            }
            for label in self.swept.labels() {
                let computed = mean(validation.iter().map(|r| metric(r, label)));
                let what = format!("{} {label} on validation", row["variant"]);
                self.near(&what, &row["validation"][label], computed);
            }
        }
    }

    /// What stands on the leaderboard of one variant, and that attachments bear it out.
    fn row(&mut self, row: &Value) {
        let records = self.records(row);
        let name = row["variant"].to_string();
        for label in self.swept.labels() {
            let values: Vec<f64> = records.iter().map(|r| metric(r, label)).collect();
            let said = &row["test"][label]["value"];
            self.near(
                &format!("{name} {label}"),
                said,
                mean(values.iter().copied()),
            );
            match row["seed_sd"].get(label) {
                Some(sd) => self.near(&format!("{name} sd of {label}"), sd, deviation(&values)),
                None if values.len() > 1 => self.found.push(format!("{name}: no sd of {label}")),
                None => {}
            }
            for record in &records {
                let by_user = self.per_user(record, label);
                if by_user.is_empty() {
                    continue;
                }
                let what = format!("{name} {label} of a record");
                let of_record = &record["result"]["metrics"][label];
                self.near(&what, of_record, mean(by_user.values().copied()));
                self.near(
                    &format!("{name} users"),
                    &row["users"],
                    by_user.len() as f64,
                );
            }
        }
        let of = |of: fn(&Value) -> f64| mean(records.iter().map(of));
        let seconds = |r: &Value, stage: &str| number(&r["run"]["stages"][stage]["seconds"]);
        let hit = of(|r| number(&r["result"]["users_hit"]));
        self.near(&format!("{name} hit"), &row["users_hit"], hit);
        let tied = of(|r| number(&r["result"]["users_tied"]));
        self.near(&format!("{name} tied"), &row["users_tied"], tied);
        let fit = mean(records.iter().map(|r| seconds(r, "fit")));
        self.near(&format!("{name} fit"), &row["fit_seconds"], fit);
        let rank = mean(
            records
                .iter()
                .map(|r| seconds(r, "rank") + seconds(r, "measure")),
        );
        self.near(&format!("{name} rank"), &row["rank_seconds"], rank);
        // Who is hit anywhere is hit within the deepest list.
        let deepest = self
            .swept
            .labels()
            .into_iter()
            .find(|l| *l == "hit_rate@10");
        if let Some(label) = deepest {
            let hits = records.iter().map(|r| self.per_user(r, label));
            let hits = mean(hits.map(|users| users.values().sum::<f64>()));
            self.near(&format!("{name} hit by user"), &row["users_hit"], hits);
        }
    }

    fn differences(&mut self) {
        let rows = list(&self.report["leaderboard"]);
        let row = |name: &Value| rows.iter().find(|row| row["variant"] == *name);
        let baseline = row(&self.report["comparison"]["baseline"]).expect("a baseline");
        for other in rows {
            if other["variant"] == baseline["variant"] {
                continue;
            }
            self.difference(other, baseline, &other["difference"]);
        }
        for pair in list(&self.report["pairs"]) {
            let [a, b] = ["a", "b"].map(|side| row(&pair[side]).expect("a row"));
            self.difference(a, b, pair);
        }
        let pairs = rows.len() * (rows.len() - 1) / 2;
        self.near(
            "pairs",
            &self.report["comparison"]["family_pairs"],
            pairs as f64,
        );
        self.near(
            "pairs",
            &list(&self.report["pairs"]).len().into(),
            pairs as f64,
        );
    }

    fn difference(&mut self, a: &Value, b: &Value, said: &Value) {
        let select = text(&self.report["select"]);
        let tables = |row: &Value| -> Vec<ByUser> {
            let records = self.records(row);
            records.iter().map(|r| self.per_user(r, select)).collect()
        };
        let (left, right) = (tables(a), tables(b));
        let own = |tables: &[ByUser], user: &String| mean(tables.iter().map(|t| t[user]));
        let users: Vec<&String> = left[0].keys().collect();
        let each: Vec<f64> = users
            .iter()
            .map(|user| own(&left, user) - own(&right, user))
            .map(|d| if d.abs() < 1e-12 { 0.0 } else { d })
            .collect();
        let what = format!("{} less {}", a["variant"], b["variant"]);
        let value = mean(each.iter().copied());
        self.near(&what, &said["value"], value);
        let count = |of: fn(&&f64) -> bool| each.iter().filter(of).count() as f64;
        self.near(&format!("{what} wins"), &said["wins"], count(|d| **d > 0.0));
        self.near(
            &format!("{what} ties"),
            &said["ties"],
            count(|d| **d == 0.0),
        );
        self.near(
            &format!("{what} losses"),
            &said["losses"],
            count(|d| **d < 0.0),
        );
        let reference = mean(users.iter().map(|user| own(&right, user)));
        if reference > 0.0 {
            self.near(
                &format!("{what} relative"),
                &said["relative"],
                value / reference,
            );
        }
        if deviation(&each) > 0.0 {
            self.near(&format!("{what} dz"), &said["dz"], value / deviation(&each));
        }
        // One seed of each, whichever.
        let both = left.iter().flat_map(|l| right.iter().map(move |r| (l, r)));
        let differ = both.map(|(l, r)| {
            let apart = users
                .iter()
                .filter(|user| (l[**user] - r[**user]).abs() > 1e-12);
            apart.count() as f64
        });
        self.near(&format!("{what} differ"), &said["differing"], mean(differ));
    }

    /// Means over the users of a segment, of the seeds' means.
    fn segments(&mut self) {
        let baseline = &self.report["comparison"]["baseline"];
        let value = |tables: &[ByUser]| mean(tables.iter().map(|t| mean(t.values().copied())));
        for said in list(&self.report["segments"]) {
            let own = self.in_segment(said, &said["variant"]);
            let what = format!("{} in {} {}", said["variant"], said["by"], said["segment"]);
            self.near(&what, &said["test"]["value"], value(&own));
            self.near(
                &format!("{what} users"),
                &said["users"],
                own[0].len() as f64,
            );
            if let Some(difference) = said["difference"].get("value") {
                let both = common(&own[0], &self.in_segment(said, baseline)[0]);
                let only = |tables: Vec<ByUser>| -> Vec<ByUser> {
                    let kept = |mut table: ByUser| {
                        table.retain(|user, _| both.contains(user));
                        table
                    };
                    tables.into_iter().map(kept).collect()
                };
                let base = only(self.in_segment(said, baseline));
                let computed = value(&only(own)) - value(&base);
                self.near(&format!("{what} difference"), difference, computed);
            }
        }
    }

    /// What a variant has in a segment by the deciding metric, a table a seed.
    fn in_segment(&self, said: &Value, variant: &Value) -> Vec<ByUser> {
        let select = text(&self.report["select"]);
        let mut rows = list(&self.report["leaderboard"]).iter();
        let row = rows.find(|row| row["variant"] == *variant).expect("a row");
        let tables = self.records(row).into_iter().map(|record| {
            let lines = self.lines(&record, "segments").into_iter();
            let own = lines.filter(|line| {
                line["by"] == text(&said["by"]) && line["segment"] == text(&said["segment"])
            });
            own.map(|line| (line["user"].clone(), parsed(&line[select])))
                .collect()
        });
        tables.collect()
    }

    /// All trials on validation, by the ids of the plan.
    fn trials(&mut self) {
        let variants = list(&self.report["variants"]).iter();
        let plans = variants.flat_map(|variant| list(&variant["trials"]));
        let plans: BTreeMap<Option<u64>, &Value> =
            plans.map(|plan| (plan["index"].as_u64(), plan)).collect();
        for trial in list(&self.report["trials"]) {
            if trial["failure"].is_string() {
                continue;
            }
            let ids = list(&plans[&trial["index"].as_u64()]["validation"]).iter();
            let records: Vec<Value> = ids.map(|id| self.swept.record(text(id))).collect();
            let name = format!("trial {}", trial["index"]);
            for label in self.swept.labels() {
                let computed = mean(records.iter().map(|r| metric(r, label)));
                self.near(
                    &format!("{name} {label}"),
                    &trial["validation"][label],
                    computed,
                );
            }
            let fit = mean(
                records
                    .iter()
                    .map(|r| number(&r["run"]["stages"]["fit"]["seconds"])),
            );
            self.near(&format!("{name} fit"), &trial["fit_seconds"], fit);
        }
    }

    fn lines(&self, record: &Value, what: &str) -> Vec<BTreeMap<String, String>> {
        let name = text(&record["result"]["attachments"][what]);
        let path = self.swept.lab.path(self.swept.folder).join(name);
        let mut reader = csv::Reader::from_path(path).expect("a table");
        let lines = reader.deserialize().map(|line| line.expect("a line"));
        lines.collect()
    }

    /// Nothing of a metric over all lists.
    fn per_user(&self, record: &Value, label: &str) -> ByUser {
        let lines = self.lines(record, "per_user").into_iter();
        let own = lines.filter_map(|line| Some((line["user"].clone(), parsed(line.get(label)?))));
        own.collect()
    }
}

/// Users of both: under another alternative of the cleaners a segment may have others.
fn common(a: &ByUser, b: &ByUser) -> BTreeSet<String> {
    a.keys()
        .filter(|user| b.contains_key(*user))
        .cloned()
        .collect()
}

fn metric(record: &Value, label: &str) -> f64 {
    number(&record["result"]["metrics"][label])
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

fn parsed(cell: &str) -> f64 {
    cell.parse().expect("a number")
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let center = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|v| (v - center).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}
