//! What to say of activity that no listener has.

use super::super::{Alert, Example, Severity};
use super::{Activity, Kind, Reading, Suspicion};

/// Users that are written into a definition; more of them make it unreadable.
const NAMED: usize = 50;

impl Activity {
    /// Findings about users that are none; `column` is that of users.
    pub(crate) fn alerts(&self, column: &str) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = Vec::new();
        if self.clock.reading == Reading::Entry {
            let gap = match self.clock.usual_gap.unwrap_or(0.0) {
                0.0 => "in the same second as the one before".to_owned(),
                gap => format!("within {gap:.0} seconds of the one before"),
            };
            let what = format!(
                "times look like entry, not like listening: half of the users have \
                 half of their rows {gap}"
            );
            alerts.push(
                Alert::new("times.entry", Severity::Note, (self.rows, self.rows), what)
                    .effect(
                        "The order within a sitting says how things were shown or typed in, \
                         not what was heard after what; models of sequences and sessions \
                         learn the form, not the taste.",
                    )
                    .remedy(
                        "Trust the day, not the order within it: no sessions, no next-item \
                         questions. Rates and pauses were not judged.",
                    ),
            );
        }
        alerts.extend(
            self.suspicions
                .iter()
                .map(|one| self.suspicion(one, column)),
        );
        alerts.extend(self.copied(column));
        alerts.extend(self.alike(column));
        alerts.extend(self.bulk_alert());
        alerts
    }

    fn suspicion(&self, one: &Suspicion, column: &str) -> Alert {
        let (id, severity, what, effect) = match one.kind {
            Kind::MoreThanADay => (
                "users.more_than_a_day",
                Severity::Warning,
                "listened to more within 24 hours than there is time in them",
                "Many players share the account, or a program plays: its plays say \
                 nothing about a taste and make items popular that nobody hears.",
            ),
            Kind::TooFast => (
                "users.too_fast",
                Severity::Warning,
                "have more rows within an hour than can be played",
                "A program plays, or rows were imported: it teaches a model the \
                 program's order and makes items popular that nobody hears.",
            ),
            Kind::TooManyADay => (
                "users.too_many_a_day",
                Severity::Warning,
                "have more rows within 24 hours than can be played",
                "A program plays, or rows were imported: it teaches a model the \
                 program's order and makes items popular that nobody hears.",
            ),
            Kind::NoPause => (
                "users.no_pause",
                Severity::Warning,
                "never pause long enough to sleep, for two days and more",
                "A program or a shop plays, not a listener; such users weigh most \
                 in every sum over rows.",
            ),
            Kind::Regular => (
                "users.regular",
                Severity::Warning,
                "have the same number of seconds between most of their rows",
                "A program plays by the clock; what it plays is no taste.",
            ),
            Kind::SingleItem => (
                "users.single_item",
                Severity::Warning,
                "have one item in nearly all of their rows",
                "Their plays make one item popular and say nothing about any other.",
            ),
            Kind::SameSecond => (
                "users.same_second",
                Severity::Note,
                "have many different items in one second",
                "The rows were written at once, so that their order and their gaps \
                 mean nothing; models of sequences learn the writer.",
            ),
        };
        let (users, verb) = count(one.users, "user");
        let examples = one.suspects.iter().map(|suspect| Example {
            row: suspect.row,
            value: format!("{}: {} {}", suspect.user, figure(suspect.figure), one.unit),
        });
        let names: Vec<&str> = one
            .suspects
            .iter()
            .map(|suspect| suspect.user.as_str())
            .collect();
        let found = Alert::new(
            id,
            severity,
            (one.rows, self.rows),
            format!("{users} {}", verb(what)),
        )
        .column(column)
        .effect(effect)
        .examples(examples);
        without(found, column, &names, one.users)
    }

    fn copied(&self, column: &str) -> Option<Alert> {
        let of = &self.copies;
        (of.copied_users > 0).then(|| {
            let some = &of.found[..(of.copied_users as usize).min(super::KEPT)];
            let (users, verb) = count(of.copied_users, "user");
            let found = Alert::new(
                "users.copied",
                Severity::Warning,
                (of.copied_rows, self.rows),
                format!(
                    "{users} {}",
                    verb("have the items of another user at the same times")
                ),
            )
            .column(column)
            .effect(
                "One listener under two names: the second copy foretells the first, \
                 so that neighbors look better than they are, and everything it \
                 plays counts twice.",
            )
            .examples(some.iter().map(example));
            let names: Vec<&str> = some.iter().map(|copy| copy.user.as_str()).collect();
            without(found, column, &names, of.copied_users)
        })
    }

    fn alike(&self, column: &str) -> Option<Alert> {
        let of = &self.copies;
        (of.alike_users > 0).then(|| {
            let copied = (of.copied_users as usize).min(super::KEPT);
            let (users, verb) = count(of.alike_users, "user");
            Alert::new(
                "users.alike",
                Severity::Note,
                (of.alike_rows, self.rows),
                format!(
                    "{users} {}",
                    verb(
                        "have nearly the same items as another user, more than chance and \
                         popularity bring about"
                    )
                ),
            )
            .column(column)
            .effect(
                "One listener under two names, or many who were given the same \
                 list; neighbors then look better than they are.",
            )
            .examples(of.found[copied..].iter().map(example))
            .remedy(
                "Ask where these users come from; merge or drop them if they are no \
                 two listeners.",
            )
        })
    }

    fn bulk_alert(&self) -> Option<Alert> {
        let most = self.bulk.first()?;
        let rows = self
            .bulk
            .iter()
            .filter(|bulk| bulk.seconds == most.seconds)
            .map(|bulk| bulk.rows)
            .sum();
        let unit = if most.seconds == 1 { "second" } else { "day" };
        Some(
            Alert::new(
                "times.bulk",
                Severity::Warning,
                (rows, self.rows),
                format!(
                    "much of the log was written at once: far more rows in one {unit} \
                     than in others (usually {})",
                    most.usual
                ),
            )
            .effect(
                "These times are those of an import, not of listening: a split by \
                 time cuts where the import was, and what is recent is not.",
            )
            .examples(self.bulk.iter().map(|bulk| Example {
                row: bulk.row,
                value: format!("{} rows at {} (seconds since 1970)", bulk.rows, bulk.time),
            }))
            .remedy(
                "Find the times at which it happened, or leave these rows out of a \
                 split by time.",
            ),
        )
    }
}

fn example(copy: &super::copies::Copy) -> Example {
    Example {
        row: copy.row,
        value: format!(
            "{} is like {}: {} items shared",
            copy.user, copy.of, copy.shared
        ),
    }
}

/// A number of users, and what turns a verb for many into one for that number.
fn count(users: u64, one: &str) -> (String, impl Fn(&str) -> String) {
    let number = if users == 1 {
        format!("1 {one}")
    } else {
        format!("{users} {one}s")
    };
    let verb = move |what: &str| match what.split_once(' ') {
        Some(("have", rest)) if users == 1 => format!("has {rest}").replace("their", "its"),
        Some(("never", rest)) if users == 1 => {
            format!("never {}", rest.replacen("pause", "pauses", 1))
        }
        _ => what.to_owned(),
    };
    (number, verb)
}

fn figure(figure: f64) -> String {
    if figure < 10.0 && figure.fract() != 0.0 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.0}")
    }
}

/// Adds how to drop users.
fn without(alert: Alert, column: &str, names: &[&str], users: u64) -> Alert {
    if users as usize > NAMED.min(names.len()) {
        return alert.remedy(
            "Drop these users before anything is learned; there are too many to \
             name them in a definition, so find what they have in common (a \
             device, a country, the first letters of their ids).",
        );
    }
    let list = |names: &[&str]| {
        let quoted = names
            .iter()
            .map(|name| toml::Value::from(*name).to_string());
        quoted.collect::<Vec<_>>().join(", ")
    };
    alert
        .remedy("Look at their rows; drop these users if they are no listeners.")
        .toml(format!(
            "[[cleaners]]\nkeep_rows = {{ column = {}, not_values = [{}] }}\n",
            toml::Value::from(column),
            list(names)
        ))
}
