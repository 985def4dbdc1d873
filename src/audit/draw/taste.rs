//! What there is to learn, and what a recommender sees of the log, in words and tables.

use super::{Bars, Block, section, table, text};
use crate::audit::{Activity, Audit, RecommenderView, Signal};
use crate::report::{count, probability};
use crate::text::percent;

/// The sections of what comes after cleaning.
pub(super) fn after(audit: &Audit, blocks: &mut Vec<Block>) {
    signal(&audit.signal, blocks);
    view(&audit.view, blocks);
    activity(&audit.activity, blocks);
}

fn signal(signal: &Signal, blocks: &mut Vec<Block>) {
    blocks.push(section("Is there anything to learn?"));
    blocks.push(text(&signal.statement));
    let mut rows = Vec::new();
    if let Some(found) = &signal.popularity {
        rows.push([
            "popularity: share of rows of the tenth of items with most".to_owned(),
            percent(found.top_tenth),
            percent(found.top_tenth_by_chance),
            probability(found.p),
        ]);
    }
    if let Some(found) = &signal.stability {
        rows.push([
            "its stability: rank correlation of an earlier and a later half".to_owned(),
            format!("{:.2}", found.correlation),
            "0".to_owned(),
            probability(found.p),
        ]);
    }
    if let Some(found) = &signal.taste {
        rows.push([
            "taste: two users who share an item share another one, times as often as by chance"
                .to_owned(),
            format!("{:.2}", found.shared_again),
            "1".to_owned(),
            probability(found.p),
        ]);
    }
    if let Some(found) = &signal.repeats {
        rows.push([
            "repeats: rows of an item that the user has had".to_owned(),
            percent(found.share),
            percent(found.share_by_chance),
            probability(found.p),
        ]);
    }
    if !rows.is_empty() {
        blocks.push(table(["question", "found", "by chance", "p"], 1, rows));
    }
}

fn view(view: &RecommenderView, blocks: &mut Vec<Block>) {
    blocks.push(section("What a recommender sees"));
    let sizes = [
        ("rows", count(view.rows)),
        ("users", count(view.users)),
        ("items", count(view.items)),
        ("different pairs of user and item", count(view.pairs)),
        ("density", percent(view.density)),
        ("items of a user, median", count(view.items_per_user.median)),
        (
            "users of an item, median",
            count(view.users_per_item.median),
        ),
        ("items with one user", percent(view.tail.one_user)),
        (
            "items with fewer than five users",
            percent(view.tail.below_five_users),
        ),
        (
            "rows of the hundredth of items with most",
            percent(view.tail.top_hundredth),
        ),
        (
            "rows of the fifth of items with most",
            percent(view.tail.top_fifth),
        ),
    ];
    let rows = sizes
        .into_iter()
        .map(|(what, value)| [what.to_owned(), value]);
    blocks.push(table(["after cleaning", ""], 1, rows.collect()));
    let groups = view.activity.iter().map(|group| {
        let to = match group.to {
            None => "or more".to_owned(),
            Some(to) if to == group.from => String::new(),
            Some(to) => format!("to {}", count(to)),
        };
        [
            format!("{} {to} rows", count(group.from)).replace("  ", " "),
            count(group.users),
            percent(group.share_of_users),
            count(group.rows),
            percent(group.share_of_rows),
        ]
    });
    blocks.push(table(
        ["users with", "users", "share", "rows", "share of rows"],
        1,
        groups.collect(),
    ));
    later(view, blocks);
}

/// What a split by time and a k-core would find.
fn later(view: &RecommenderView, blocks: &mut Vec<Block>) {
    if !view.cuts.is_empty() {
        blocks.push(text(
            "Cut by time, what a later part would find new, by where it is cut:",
        ));
        let rows = view.cuts.iter().map(|cut| {
            [
                percent(cut.at),
                count(cut.rows_after),
                percent(cut.cold_users),
                percent(cut.cold_items),
                percent(cut.cold),
                percent(cut.repeats),
                percent(cut.users_with_history),
            ]
        });
        blocks.push(table(
            [
                "rows before",
                "rows after",
                "of new users",
                "of new items",
                "of either",
                "repeats",
                "users with a past",
            ],
            1,
            rows.collect(),
        ));
    }
    if !view.cores.is_empty() {
        blocks.push(text("What is left if users and items with fewer than k of each other are dropped until all have k (k-core):"));
        let rows = view.cores.iter().map(|core| {
            [
                core.k.to_string(),
                count(core.rows),
                percent(core.share_of_rows),
                count(core.users),
                count(core.items),
            ]
        });
        blocks.push(table(
            ["k", "rows", "share", "users", "items"],
            1,
            rows.collect(),
        ));
    }
    if view.items > 0 {
        let tail = [
            ("1 % of the items", view.tail.top_hundredth),
            ("10 %", view.tail.top_tenth),
            ("20 %", view.tail.top_fifth),
        ];
        blocks.push(Block::Bars(Bars {
            title: "Rows of the items with most".to_owned(),
            all: tail
                .iter()
                .map(|(name, share)| ((*name).to_owned(), (share * view.rows as f64).round()))
                .collect(),
            upright: false,
        }));
    }
}

fn activity(activity: &Activity, blocks: &mut Vec<Block>) {
    blocks.push(section("Activity that no listener has"));
    let mut rows: Vec<[String; 5]> = Vec::new();
    for suspicion in &activity.suspicions {
        let who = suspicion
            .suspects
            .first()
            .map_or(String::new(), |s| s.user.clone());
        rows.push([
            suspicion.kind.name().to_owned(),
            who,
            format!("{} {}", suspicion.limit, suspicion.unit),
            count(suspicion.users),
            count(suspicion.rows),
        ]);
    }
    let copies = &activity.copies;
    for (what, users, of) in [
        (
            "the items of another user at the same times",
            copies.copied_users,
            copies.copied_rows,
        ),
        (
            "nearly the items of another user",
            copies.alike_users,
            copies.alike_rows,
        ),
    ] {
        if users > 0 {
            let who = copies
                .found
                .first()
                .map_or(String::new(), |copy| copy.user.clone());
            rows.push([what.to_owned(), who, String::new(), count(users), count(of)]);
        }
    }
    if rows.is_empty() {
        blocks.push(text("None that the audit looks for: rates, days without a pause, one item again and again, clockwork, copies of users."));
    } else {
        blocks.push(table(
            ["what", "most rows", "from", "users", "rows"],
            3,
            rows,
        ));
    }
}
