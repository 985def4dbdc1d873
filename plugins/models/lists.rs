//! Recommendations that were computed elsewhere.

use std::path::Path;

use musicrec_api::{
    CheckContext, Error, FitContext, Model, Problem, Purpose, Recommender, Result, Train, register,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Columns, Reading, Unknown};
use crate::files;

/// Recommendations computed elsewhere, read from CSV files: whoever made them, they meet the same questions,
/// masks, ties and statistics as all models.
///
/// A file has a line of column names and a row for each recommendation: user, item, and a score (the higher the
/// better) or a rank (from 1). With neither, a user's rows stand from best to worst. Other columns are not
/// looked at, so the lists that a sweep keeps can be read as they are. Ids are those of the cleaned log.
/// What no list can be (an item twice, a score that is no number, an unknown user) fails the trial, with its line.
///
/// Lists must be as good as those of a model: made from the fit part of the part that they are for, so the
/// validation part has a file of its own, and so has each of several periods. What a user heard may stand in a list:
/// it is taken out, so a list should hold enough to be as long without. A user without rows gets an empty
/// list, which counts as 0, and items that are not in a list are not recommended. The files' content is part of
/// a trial's id.
///
/// It cannot recommend at the end of a sweep, for its lists are not made from the whole log: name another model
/// by `recommendations.variant` where it may win.
///
/// ```toml
/// [model.lists]
/// validation = "theirs/validation.csv"
/// test = "theirs/test.csv"
/// unknown = "drop"
/// ```
///
/// Of several periods, in files `week-1.csv`, `week-2.csv` and so on:
///
/// ```toml
/// [model.lists]
/// test = "theirs/week-{period}.csv"
/// user = "listener"
/// item = "track"
/// rank = "place"
/// unknown = "drop"
/// ```
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lists {
    /// The file for the test part, relative to the folder of the definition. `{period}` in it stands for the
    /// number of the period, from 1.
    pub test: String,
    /// The same for the validation part. Must be given if the splitter makes one.
    #[serde(default)]
    pub validation: Option<String>,
    /// The column of users. Default `user`.
    #[serde(default = "user")]
    pub user: String,
    /// The column of items. Default `item`.
    #[serde(default = "item")]
    pub item: String,
    /// The column of scores. Default `score` if there is such a column.
    #[serde(default)]
    pub score: Option<String>,
    /// The column of ranks, if there are no scores. Default `rank` if there is such a column.
    #[serde(default)]
    pub rank: Option<String>,
    /// What to do with rows of users and items that the fit part does not have. Default `error`.
    #[serde(default)]
    pub unknown: Unknown,
}

fn user() -> String {
    Columns::USUAL.user.to_owned()
}

fn item() -> String {
    Columns::USUAL.item.to_owned()
}

/// Stands for the number of a period.
const PERIOD: &str = "{period}";

#[typetag::serde(name = "lists")]
impl Model for Lists {
    fn fit(&self, train: &Train, context: &FitContext) -> Result<Box<dyn Recommender>> {
        context.check_cancelled()?;
        let asked = context.asked;
        // Who does not say what for wants what stands for the model.
        let purpose = asked.map_or(Purpose::Test, |asked| asked.purpose);
        let template = match purpose {
            Purpose::Test => &self.test,
            Purpose::Validation => self.validation.as_ref().ok_or_else(|| {
                Error::model(
                    "there are no lists for the validation part; name their file by `validation`, or take \
                     a split without one",
                )
            })?,
            _ => {
                return Err(Error::model(
                    "`lists` has the lists of the parts it was given, and none made from the whole log; name \
                     the model to recommend with by `recommendations.variant`",
                ));
            }
        };
        let period = asked.map_or(1, |asked| asked.period);
        let name = template.replace(PERIOD, &period.to_string());
        let columns = Columns {
            user: &self.user,
            item: &self.item,
            score: self.score.as_deref(),
            rank: self.rank.as_deref(),
        };
        let reading = Reading {
            path: &context.base.join(&name),
            name: &name,
            columns,
            unknown: self.unknown,
        };
        let answer = reading.read(train)?;
        if answer.rows == 0 {
            return Err(Error::model(format!(
                "{name} has no row below its column names, so nobody would have a list; write the lists \
                 there, or take `lists` out of the comparison"
            )));
        }
        if answer.unknown > 0 {
            let text = format!(
                "{} of {} rows of {name} name users or items that the fit part does not have",
                answer.unknown, answer.rows
            );
            context.note("left out", text);
        }
        Ok(answer.recommender(None))
    }

    fn is_stochastic(&self) -> bool {
        false
    }

    fn unsaved(&self) -> Option<String> {
        Some("it has learned nothing, and its lists are in a file already".to_owned())
    }

    fn reads_weights(&self) -> bool {
        false
    }

    fn fingerprint(&self, base: &Path) -> Result<Option<String>> {
        let files: Vec<String> = self.files(base).map(|(_, name)| name).collect();
        files::fingerprint(base, files.iter().map(String::as_str)).map(Some)
    }

    fn check(&self, context: &CheckContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (parameter, name) in self.files(context.base) {
            let remedy = "give its path from the folder of the definition";
            problems.extend(files::missing(context.base, &name, parameter, remedy));
        }
        if self.validation.is_none() && context.validates == Some(true) {
            let what = "the splitter makes a validation part, for which there are no lists";
            let remedy = "name their file by `validation`, or split without (`validation = 0` where the \
                          splitter has it)";
            problems.push(Problem::at("validation", what).remedy(remedy));
        }
        if self.score.is_some() && self.rank.is_some() {
            let what = "both `score` and `rank` are named, and one of them must decide";
            problems.push(Problem::at("rank", what).remedy("remove one of them"));
        }
        problems
    }
}

register!(Model, Lists, "lists", revision = 1);

impl Lists {
    /// The files there must be, with the parameters that name them: of several periods the first, and whichever
    /// follow it without a gap.
    fn files<'a>(&'a self, base: &'a Path) -> impl Iterator<Item = (&'static str, String)> + 'a {
        let templates = [
            ("test", Some(&self.test)),
            ("validation", self.validation.as_ref()),
        ];
        let given = templates.into_iter().filter_map(|(at, of)| Some((at, of?)));
        given.flat_map(move |(parameter, template)| {
            let of_period = move |number: usize| template.replace(PERIOD, &number.to_string());
            let later = (2..)
                .map(of_period)
                .take_while(move |name| template.contains(PERIOD) && base.join(name).is_file());
            std::iter::once(of_period(1))
                .chain(later)
                .map(move |name| (parameter, name))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use musicrec_api::{
        Asked, CheckContext, Events, FitContext, Model, Notes, Purpose, Scores, Train, Users,
    };
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::Lists;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn lists(parameters: Value) -> Lists {
        serde_json::from_value(parameters).expect("parameters of `lists`")
    }

    /// The items of u and v in some period of a part, and the notes.
    fn fit(
        lists: &Lists,
        folder: &TempDir,
        (purpose, period): (Purpose, usize),
    ) -> Result<(Vec<String>, Vec<String>), String> {
        let train = Train::new(
            Events::from_pairs([("u", "a"), ("u", "b"), ("v", "b"), ("v", "c")]),
            &[1.0; 4],
        );
        let notes = Notes::new();
        let asked = Asked::new(purpose, 2, [(0, &[0, 1][..]), (1, &[1, 2])]).in_period(period);
        let context = FitContext::new(0)
            .with_asked(&asked)
            .with_base(folder.path())
            .with_notes(&notes);
        let fitted = lists.fit(&train, &context).map_err(|e| e.to_string())?;
        let scores = fitted.scores(&Users::new(&[0, 1])).expect("scores");
        let Scores::Lists(lists) = scores else {
            panic!("these are no lists");
        };
        let of = |user| {
            let list = lists.get(user).expect("a list").iter();
            list.map(|(item, score)| format!("{}{score}", train.events.items.get(*item)))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let notes = notes
            .all()
            .into_iter()
            .map(|n| format!("{}: {}", n.what, n.text));
        Ok((vec![of(0), of(1)], notes.collect()))
    }

    #[test]
    fn each_part_and_period_has_a_file_of_its_own() {
        let folder = folder(&[
            ("val.csv", "user,item,score\nu,c,0.5\nv,a,2\n"),
            ("test-1.csv", "user,item,score\nu,c,1\nv,a,1\n"),
            ("test-2.csv", "user,item,score\nu,c,2\nv,a,1\n"),
        ]);
        let lists = lists(json!({"validation": "val.csv", "test": "test-{period}.csv"}));
        let of = |purpose, period| fit(&lists, &folder, (purpose, period));
        assert_eq!(of(Purpose::Validation, 1).unwrap().0, ["c0.5", "a2"]);
        assert_eq!(of(Purpose::Test, 1).unwrap().0, ["c1", "a1"]);
        assert_eq!(of(Purpose::Test, 2).unwrap().0, ["c2", "a1"]);
        assert_eq!(of(Purpose::Test, 1).unwrap().1, Vec::<String>::new());
        let error = of(Purpose::Test, 3).unwrap_err();
        assert!(error.contains("cannot read test-3.csv"), "{error}");
        let error = of(Purpose::Recommendations, 1).unwrap_err();
        assert!(error.contains("`recommendations.variant`"), "{error}");
    }

    #[test]
    fn columns_may_be_named_and_strangers_left_out() {
        let text = "who,what,place\nu,c,2\nu,a,1\nx,a,1\nv,z,1\n";
        let folder = folder(&[("test.csv", text)]);
        let named = |unknown: &str| {
            let lists = json!({
                "test": "test.csv", "user": "who", "item": "what", "rank": "place", "unknown": unknown,
            });
            fit(&self::lists(lists), &folder, (Purpose::Test, 1))
        };
        let error = named("error").unwrap_err();
        assert!(
            error.starts_with("test.csv, line 4: there is no user `x` among the 2 users"),
            "{error}"
        );
        let (found, notes) = named("drop").unwrap();
        assert_eq!(found, ["c-2 a-1", ""]);
        assert_eq!(
            notes[0],
            "left out: 2 of 4 rows of test.csv name users or items that the fit part does not have"
        );
        assert_eq!(notes.len(), 1);
        let lists = self::lists(
            json!({"test": "test.csv", "user": "who", "item": "what", "score": "points"}),
        );
        let error = fit(&lists, &folder, (Purpose::Test, 1)).unwrap_err();
        assert!(
            error.contains("no column `points` for the score"),
            "{error}"
        );
    }

    #[test]
    fn a_file_without_lists_is_no_answer() {
        let folder = folder(&[("test.csv", "user,item,score\n")]);
        let lists = lists(json!({"test": "test.csv"}));
        let error = fit(&lists, &folder, (Purpose::Test, 1)).unwrap_err();
        assert!(error.starts_with("test.csv has no row below"), "{error}");
    }

    #[test]
    fn a_score_under_a_name_that_is_almost_right_is_not_taken_for_no_score() {
        let lists = lists(json!({"test": "test.csv"}));
        let of = |header: &str| {
            let folder = folder(&[("test.csv", &format!("{header}\nu,c,1\nv,a,2\nv,b,3\n"))]);
            fit(&lists, &folder, (Purpose::Test, 1)).map(|fitted| fitted.0)
        };
        for (header, meant) in [("scores", "score"), ("Rank", "rank"), ("socre", "score")] {
            let error = of(&format!("user,item,{header}")).unwrap_err();
            assert!(
                error.contains(&format!("a column `{header}`, but none `{meant}`")),
                "{error}"
            );
        }
        assert_eq!(of("user,item,title").unwrap(), ["c-1", "a-1 b-2"]);
        assert_eq!(of("user,item,score").unwrap(), ["c1", "a2 b3"]);
    }

    #[test]
    fn what_is_missing_is_found_before_anything_runs_and_content_counts() {
        let folder = folder(&[("1.csv", "x"), ("2.csv", "y")]);
        let context = CheckContext::new(folder.path()).with_validation(true);
        let check = |parameters: Value| {
            let problems = lists(parameters).check(&context);
            problems
                .into_iter()
                .map(|p| p.parameter)
                .collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(
            check(json!({"test": "{period}.csv", "validation": "1.csv"})),
            none
        );
        assert_eq!(check(json!({"test": "1.csv"})), ["validation"]);
        assert_eq!(
            check(json!({"test": "x.csv", "validation": "y.csv", "score": "a", "rank": "b"})),
            ["test", "validation", "rank"]
        );
        let of = |test: &str| {
            lists(json!({"test": test}))
                .fingerprint(folder.path())
                .unwrap()
        };
        let before = (of("1.csv"), of("{period}.csv"));
        fs::write(folder.path().join("2.csv"), "z").unwrap();
        assert_eq!(of("1.csv"), before.0);
        assert_ne!(of("{period}.csv"), before.1);
    }
}
