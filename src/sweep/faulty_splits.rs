//! What becomes of splitters that break their promises.

use musicrec_api::{Events, Fold, Result, Role, Splitter};
use serde::{Deserialize, Serialize};

use super::tests::{Lab, NOTHING, log};
use crate::exit::Failure;
use crate::experiment::Compared;

/// A splitter with faults to choose from, for logs in the order of time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Faulty {
    None,
    LearnsLater,
    GivesLater,
    Overlaps,
    KnowsTheHeldOut,
    ChoosesByTheTest,
    NoTest,
    NoSuchEvent,
    AsksTwice,
}

#[typetag::serde(name = "faulty")]
impl Splitter for Faulty {
    fn split(&self, events: &Events, _: u64) -> Result<Vec<Fold>> {
        let n = events.len() as u32;
        let test = |fit, targets| Fold::new(Role::Test, fit, targets);
        let of = |user: u32, all: Vec<u32>| -> [Vec<u32>; 2] {
            let (own, others) = all.iter().partition(|&&e| events.user[e as usize] == user);
            [own, others]
        };
        let past: Vec<u32> = (0..400).collect();
        let future: Vec<u32> = (400..n).collect();
        Ok(match self {
            Self::None => vec![test(past, future)],
            Self::LearnsLater => vec![test((1..401).collect(), (401..n).chain([0]).collect())],
            Self::GivesLater => {
                let [own, others] = of(3, past);
                let mut asked = of(3, future)[0].clone();
                let later = asked.split_off(1);
                vec![test(others, asked).with_given([own, later].concat())]
            }
            Self::Overlaps => vec![test((0..410).collect(), future)],
            Self::KnowsTheHeldOut => {
                let [own, _] = of(3, (300..400).collect());
                vec![test((0..300).collect(), future).with_given(own)]
            }
            Self::ChoosesByTheTest => vec![
                Fold::new(Role::Validation, (0..300).collect(), (300..420).collect()),
                test(past, future),
            ],
            Self::NoTest => vec![Fold::new(Role::Validation, past, future)],
            Self::NoSuchEvent => vec![test(past, vec![n])],
            Self::AsksTwice => {
                vec![test(past.clone(), future), test(past, (500..n).collect())]
            }
        })
    }

    fn uses_the_future(&self) -> bool {
        false
    }
}

#[test]
fn a_splitter_that_breaks_its_promises_is_an_error_that_names_it() {
    let of = |fault: Faulty| {
        let mut lab = Lab::new(&log(), &[("", NOTHING)], &[Compared::Model]);
        lab.experiment.splitter = Box::new(fault);
        lab
    };
    let cases = [
        (
            Faulty::LearnsLater,
            "learns from events that are not before those it asks for",
        ),
        (Faulty::Overlaps, "learns from events that it asks for"),
        (
            Faulty::KnowsTheHeldOut,
            "gives a history of user `12`, whom it learns from too",
        ),
        (
            Faulty::ChoosesByTheTest,
            "settings are chosen by what is to be foretold",
        ),
        (Faulty::NoTest, "there is no fold of role test"),
        (
            Faulty::NoSuchEvent,
            "targets of the test fold has events there are not",
        ),
        (
            Faulty::AsksTwice,
            "test fold 2 of 2 asks for events that test fold 1 of 2 asks for",
        ),
        (
            Faulty::GivesLater,
            "is given events that are not before those it asks for",
        ),
    ];
    for (fault, says) in cases {
        // With its place in the definition.
        let Failure::Faults(text) = of(fault).refused() else {
            panic!("{fault:?} is no fault of the definition")
        };
        for words in ["the splitter `faulty` breaks its promises", says] {
            assert!(text.contains(words), "{fault:?}: no `{words}` in: {text}");
        }
    }
    // With nothing wrong it is only refused for having no validation part.
    let text = of(Faulty::None).refused().message();
    assert!(!text.contains("promises"), "{text}");
}
