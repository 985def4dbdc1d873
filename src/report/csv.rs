//! `leaderboard.csv`: for notebooks and spreadsheets.

use super::Summary;
use crate::compare::Difference;
use crate::text::csv_text;

impl Summary {
    /// `leaderboard.csv`: a line a variant, then floor and ceiling of each alternative of the cleaners.
    pub(crate) fn leaderboard_csv(&self) -> String {
        let labels = self.overview.labels();
        let mut header: Vec<String> = ["variant", "settings", "trials", "seeds", "rank", "group"]
            .map(str::to_owned)
            .into();
        for label in &labels {
            header.push(format!("test_{label}"));
            header.push(format!("test_{label}_low"));
            header.push(format!("test_{label}_high"));
        }
        header.extend(labels.iter().map(|l| format!("seed_sd_{l}")));
        header.extend(labels.iter().map(|l| format!("validation_{l}")));
        header.extend(
            [
                "difference",
                "difference_low",
                "difference_high",
                "difference_p_adjusted",
                "best_minus_this",
                "best_minus_this_low",
                "best_minus_this_high",
                "best_minus_this_p_adjusted",
                "p_chance",
                "p_chance_adjusted",
                "users",
                "users_hit",
                "users_tied",
                "fit_seconds",
                "rank_seconds",
                "records",
            ]
            .map(str::to_owned),
        );
        let width = header.len();
        let mut lines = Vec::new();
        for row in &self.leaderboard {
            let mut line = vec![
                row.variant.clone(),
                row.settings.clone(),
                row.trials.to_string(),
                row.seeds.to_string(),
                row.rank.map_or(String::new(), |r| r.to_string()),
                row.group.clone(),
            ];
            for label in &labels {
                let e = row.test[label];
                line.push(e.value.to_string());
                line.extend([e.low, e.high].map(number));
            }
            for values in [&row.seed_sd, &row.validation] {
                let value = |label| values.get(label).map_or(String::new(), f64::to_string);
                line.extend(labels.iter().map(value));
            }
            for difference in [&row.difference, &row.best_minus_this] {
                let of = |part: fn(&Difference) -> Option<f64>| {
                    number(difference.as_ref().and_then(part))
                };
                line.extend([
                    of(|d| Some(d.value)),
                    of(|d| d.low),
                    of(|d| d.high),
                    of(|d| d.p_adjusted),
                ]);
            }
            line.extend([row.p_chance, row.p_chance_adjusted].map(|v| v.to_string()));
            line.push(row.users.to_string());
            line.extend([row.users_hit, row.users_tied].map(|v| v.to_string()));
            line.extend([row.fit_seconds, row.rank_seconds].map(|v| v.to_string()));
            line.push(row.records.join(" "));
            lines.push(line);
        }
        for log in &self.overview.cleanings {
            let Some(floor) = &log.floor else { continue };
            for name in ["(random ranking)", "(best possible)"] {
                let mut line = vec![String::new(); width];
                line[0] = log.labeled(name);
                for (at, label) in labels.iter().enumerate() {
                    let m = &floor.metrics[label];
                    let values = if name == "(best possible)" {
                        [m.ceiling, None, None]
                    } else {
                        [Some(m.expected), Some(m.low), Some(m.high)]
                    };
                    for (offset, value) in values.into_iter().enumerate() {
                        line[6 + 3 * at + offset] = number(value);
                    }
                }
                lines.push(line);
            }
        }
        csv_text(header.iter().map(String::as_str), lines)
    }
}

/// Nothing where there is no number.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}
