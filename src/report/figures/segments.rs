//! What each variant reaches in segments of the test part, one figure a way to divide it.

use super::variants::{entry, key, listed, position, with_interval};
use super::{Figure, Size};
use crate::report::charts::{Legend, Node, Scale, TEXT, across, color, fit, mark, short, width};
use crate::report::segments::InSegment;
use crate::report::summary::Summary;
use crate::report::text::count;
use crate::stages::segments::Of;
use crate::text::{counted, one_line};

const WIDTH: f64 = 420.0;

/// The height of a variant and of the room between segments.
const LINE: f64 = 15.0;
const BETWEEN: f64 = 12.0;

/// See the module.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let mut ways: Vec<&str> = Vec::new();
    for segment in &summary.segments {
        if !ways.contains(&segment.by.as_str()) {
            ways.push(&segment.by);
        }
    }
    let ways = ways.into_iter().enumerate();
    ways.map(|(at, by)| {
        let own = summary.segments.iter().filter(|s| s.by == by);
        figure(
            summary,
            &format!("segments-{at}"),
            by,
            &own.collect::<Vec<_>>(),
        )
    })
    .collect()
}

fn figure(summary: &Summary, id: &str, by: &str, own: &[&InSegment]) -> Figure {
    let select = &summary.overview.select;
    let mut names: Vec<&str> = Vec::new();
    for segment in own {
        if !names.contains(&segment.segment.as_str()) {
            names.push(&segment.segment);
        }
    }
    let mut legend = Legend::default();
    for (at, row) in summary.leaderboard.iter().enumerate() {
        if own.iter().any(|s| s.variant == row.variant) {
            entry(&mut legend, Some(at), &row.variant);
        }
    }
    let (legend, height) = legend.draw((6.0, 0.0), WIDTH - 12.0);
    let labels = names.iter().map(|name| width(name, TEXT));
    let left = labels.fold(70.0, f64::max).min(130.0) + 14.0;
    let ends = own.iter().flat_map(|s| {
        let (low, high) = s.test.ends().unzip();
        [Some(s.test.value), low, high].into_iter().flatten()
    });
    let mut shown: Vec<f64> = ends.collect();
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if least > 0.0 && least < 0.4 * most {
        shown.push(0.0);
    }
    let scale = Scale::linear(shown, (left, WIDTH - 14.0));
    let top = height + 12.0;
    let mut y = top;
    let mut rows = Vec::new();
    for name in names {
        let inside: Vec<&InSegment> = own.iter().copied().filter(|s| s.segment == name).collect();
        // Room for the name and the number of users below it.
        let high = (LINE * inside.len() as f64).max(34.0);
        rows.push(segment(summary, &inside, &scale, (left, y), high));
        y += high + BETWEEN;
    }
    let bottom = y - 0.5 * BETWEEN;
    let mut body = vec![
        legend,
        across(&scale, top, bottom, &format!("{select} on test")),
    ];
    body.extend(rows);
    let by = one_line(by);
    let of = own.first().map_or(Of::Users, |s| s.of);
    Figure::new(
        (id, Size::Small),
        format!("{select} by {by}"),
        caption(select, of, own.iter().any(|s| s.few)),
        alt(select, own),
        (WIDTH, bottom + 42.0),
        body,
    )
}

fn segment(
    summary: &Summary,
    inside: &[&InSegment],
    scale: &Scale,
    (left, top): (f64, f64),
    high: f64,
) -> Node {
    let Some(first) = inside.first() else {
        return Node::group("segment");
    };
    let few = inside.iter().all(|s| s.few);
    let mut group = Node::group(if few { "segment few" } else { "segment" });
    let name = one_line(&first.segment);
    let middle = top + 0.5 * high;
    let shown = fit(&name, TEXT, left - 14.0);
    let what = if first.what.is_empty() {
        name.clone()
    } else {
        format!("{name}: {}", one_line(&first.what))
    };
    group.push(Node::text("name end", (left - 10.0, middle - 1.0), &shown).tip(what));
    let users = format!("{} users", count(first.users));
    group.push(Node::text("note end", (left - 10.0, middle + 14.0), &users));
    let start = middle - 0.5 * LINE * (inside.len() as f64 - 1.0);
    for (at, one) in inside.iter().enumerate() {
        let y = start + LINE * at as f64;
        let position = position(&summary.leaderboard, &one.variant);
        let class = if one.few {
            "v-none".to_owned()
        } else {
            color(position)
        };
        let mut row = Node::group(&class).tip(format!(
            "{}, {name}: {}, {}",
            one_line(&one.variant),
            with_interval(&one.test),
            counted(one.users, "user")
        ));
        if let Some(position) = position {
            row = row.key(key(position));
        }
        if let Some((low, high)) = one.test.ends() {
            let (a, b) = (short(scale.at(low)), short(scale.at(high)));
            row.push(Node::path("whisker", format!("M{a} {0}H{b}", short(y))));
        }
        row.push(mark(position, (scale.at(one.test.value), y), 5.0, ""));
        group.push(row);
    }
    group
}

fn caption(select: &str, of: Of, few: bool) -> String {
    let mut text = match of {
        Of::Users => format!("{select} on test, the mean over the users of each segment"),
        Of::Targets => format!(
            "{select} on test with the targets of each segment only, the mean over the users who have such"
        ),
    };
    text += ", with its 95 % interval where there are enough users for one.";
    if few {
        text += " Gray: fewer than 30 users, too few to make anything of.";
    }
    text += " There are many segments, so some differ by chance alone.";
    text
}

fn alt(select: &str, own: &[&InSegment]) -> String {
    let each = own.iter().map(|s| {
        format!(
            "{}, {} ({}): {}",
            one_line(&s.segment),
            one_line(&s.variant),
            counted(s.users, "user"),
            with_interval(&s.test)
        )
    });
    format!(
        "{select} on test by segment and variant. {}.",
        listed(each, 12)
    )
}
