//! What is found, in words, and what to do about it.

use super::super::{Alert, Severity};
use super::{Found, Signal, Strength};

impl Strength {
    /// Its name, as in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weak => "weak",
            Self::Moderate => "moderate",
            Self::Strong => "strong",
        }
    }
}

impl Signal {
    /// What there is to learn, as a plain statement.
    pub(super) fn verdict(&self) -> String {
        let mut text = match self.found {
            Found::TooLittle => {
                "Too little to tell: the log is too short to show whether there is \
                 anything to learn."
                    .to_owned()
            }
            Found::Nothing => "No signal: users and items look drawn independently and uniformly. \
                               Nothing that a recommender learns from this log can beat a random \
                               ranking."
                .to_owned(),
            Found::Repeats => format!(
                "Repeats only ({}): users come back to what they have had. Items that are new to a \
                 user cannot be ranked better than at random.",
                self.strength.name()
            ),
            Found::Popularity if self.repeated() => format!(
                "Popularity ({}) and repeats: some items are more popular than others, and users come \
                 back to what they have had. For items that are new to a user it does not matter who \
                 the user is.",
                self.strength.name()
            ),
            Found::Popularity => format!(
                "Popularity only ({}): some items are more popular than others, but who the user is \
                 does not matter. No personal model can beat the most popular items.",
                self.strength.name()
            ),
            Found::Taste => format!(
                "Taste: {}. Users' items go together beyond what popularity explains; two users who \
                 share an item share another one {:.2} times as often as by chance.",
                self.strength.name(),
                self.taste.as_ref().map_or(1.0, |taste| taste.shared_again)
            ),
        };
        if matches!(
            self.found,
            Found::Nothing | Found::Popularity | Found::Repeats
        ) {
            text += &self.could_have_been();
        }
        if self.unstable() {
            text += " What is popular in the earlier half says nothing about the later half.";
        }
        text
    }

    /// What would have been found.
    fn could_have_been(&self) -> String {
        let Some(taste) = &self.taste else {
            return " Taste could not be looked for: no two users share items.".to_owned();
        };
        // Beyond a deviation of its own size a companion is frequent or absent: nothing is finer.
        if taste.detectable > 1.0 {
            return " Only a very strong taste would have been seen in so few rows.".to_owned();
        }
        format!(
            " A taste by which the companions of an item differ from chance by {:.0} % would have \
             been seen four times in five.",
            100.0 * taste.detectable.max(super::MATTERS)
        )
    }

    /// What of this endangers a recommender or its evaluation.
    pub(crate) fn alerts(&self) -> Vec<Alert> {
        let alert =
            |id, severity, what: &str| Alert::new(id, severity, (self.rows, self.rows), what);
        let mut alerts = Vec::new();
        match self.found {
            Found::TooLittle => alerts.push(
                alert(
                    "signal.too_little",
                    Severity::Warning,
                    "the log holds too little to show whether there is anything to learn",
                )
                .effect("Whatever a model scores on it is mostly chance.")
                .remedy("Get a log of more users and rows before comparing models."),
            ),
            Found::Nothing => alerts.push(
                alert(
                    "signal.none",
                    Severity::Error,
                    "users and items look drawn independently and uniformly",
                )
                .effect(
                    "Nothing that is learned from it can beat a random ranking; \
                     whichever model or parameter looks best does so by chance.",
                )
                .remedy(
                    "Do not tune on it. Look for what broke the link between users and \
                     items: ids anonymized row by row, columns shuffled or joined \
                     wrongly, made-up data.",
                ),
            ),
            Found::Repeats => alerts.push(
                alert(
                    "signal.repeats_only",
                    Severity::Warning,
                    "users come back to what they have had, but neither popularity nor \
                     taste shows",
                )
                .effect(
                    "Items new to a user cannot be ranked better than at random; only \
                     lists that may hold what was heard can be good.",
                )
                .remedy(
                    "Let lists hold what was heard (`heard = \"keep\"` in `[evaluation]`), and do \
                     not tune on new items.",
                ),
            ),
            Found::Popularity => alerts.push(
                alert(
                    "signal.popularity_only",
                    Severity::Warning,
                    "items that are new to a user differ in popularity only, whoever \
                     the user is",
                )
                .effect(
                    "For new items a personal model can at best equal `popularity`; \
                     where it seems better, that is chance.",
                )
                .remedy(
                    "Use `popularity` or a model of time; do not tune personal models \
                     on this log.",
                ),
            ),
            Found::Taste if self.strength == Strength::Weak => alerts.push(
                alert(
                    "signal.weak_taste",
                    Severity::Note,
                    "users' items go together only a little beyond popularity",
                )
                .effect(
                    "Personal models will differ little from `popularity`; small tests \
                     cannot tell them apart.",
                )
                .remedy(
                    "Compare with `popularity` as the baseline, over several seeds and \
                     periods, and look at the intervals.",
                ),
            ),
            Found::Taste => {}
        }
        if self.unstable() {
            alerts.push(
                alert(
                    "signal.unstable",
                    Severity::Warning,
                    "what is popular in the earlier half of the log says nothing about \
                     the later half",
                )
                .effect(
                    "Under a split by time, popularity of the past and all that leans \
                     on it mislead.",
                )
                .remedy(
                    "Weigh recent events more (`[weighting.recency]`), or test on \
                     periods that are short.",
                ),
            );
        }
        alerts
    }
}
