//! What the two parameters that matter most do together: means over all others.

use super::tried::{Axis, Tried, of, word};
use super::{Figure, Size};
use crate::report::charts::{Node, SMALL, fit, step, steps, width};
use crate::report::summary::{Summary, TrialRow};
use crate::report::text::value;
use crate::text::{counted, one_line};

const CELL: f64 = 58.0;
const ROW: f64 = 32.0;

/// Narrower cells hold no value.
const NARROW: f64 = 50.0;

/// The widest map.
const WIDTH: f64 = 720.0;

/// More values of a parameter make no map that could be read.
const MOST: usize = 24;

/// One a variant with at least two parameters of listed values.
pub(super) fn draw(summary: &Summary) -> Vec<Figure> {
    let select = &summary.overview.select;
    let all = Tried::all(summary);
    let all = all.iter().enumerate();
    all.filter_map(|(at, tried)| figure(&format!("heat-map-{at}"), select, tried))
        .collect()
}

/// The two axes that matter most, the more telling one down; the first of equals.
fn two<'t, 's>(tried: &'t Tried<'s>) -> Option<(&'t Axis<'s>, &'t Axis<'s>)> {
    let listed = |axis: &&Axis| axis.values.len() <= MOST;
    let mut axes: Vec<(&Axis, f64)> = tried
        .axes
        .iter()
        .filter(listed)
        .map(|axis| (axis, axis.matters(&tried.points)))
        .collect();
    axes.sort_by(|a, b| b.1.total_cmp(&a.1));
    match axes.as_slice() {
        // The longer one across: pages are wider than high where there is room, and scroll down.
        [(a, _), (b, _), ..] if a.values.len() > b.values.len() => Some((b, a)),
        [(a, _), (b, _), ..] => Some((a, b)),
        _ => None,
    }
}

/// Mean and number of trials of each cell, row by row.
type Cells = Vec<Vec<(f64, usize)>>;

fn cells(points: &[(&TrialRow, f64)], down: &Axis, across: &Axis) -> Cells {
    let mut cells = vec![vec![(0.0, 0); across.values.len()]; down.values.len()];
    for (trial, value) in points {
        let row = of(trial, down.name).and_then(|v| down.index(v));
        let column = of(trial, across.name).and_then(|v| across.index(v));
        if let Some((row, column)) = row.zip(column) {
            let cell: &mut (f64, usize) = &mut cells[row][column];
            cell.0 += value;
            cell.1 += 1;
        }
    }
    for (sum, n) in cells.iter_mut().flatten() {
        *sum /= (*n).max(1) as f64;
    }
    cells
}

fn figure(id: &str, select: &str, tried: &Tried) -> Option<Figure> {
    // Means would be over what happened to be drawn or left.
    if !tried.means_compare() {
        return None;
    }
    let (down, across) = two(tried)?;
    let cells = cells(&tried.points, down, across);
    let known = cells.iter().flatten().filter(|(_, n)| *n > 0);
    let known: Vec<f64> = known.map(|(mean, _)| *mean).collect();
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);

    let rows: Vec<String> = down.values.iter().map(|v| word(v)).collect();
    let widest = rows.iter().map(|r| width(r, SMALL)).fold(0.0, f64::max);
    let left = (widest + 16.0).clamp(40.0, 150.0);
    let columns = across.values.len() as f64;
    let cell = CELL
        .max((340.0 - left) / columns)
        .min((WIDTH - left - 8.0) / columns);
    let total = (left + cell * columns + 8.0).max(340.0);
    let (down_name, across_name) = (one_line(down.name), one_line(across.name));
    let top = 54.0;
    let bottom = top + ROW * rows.len() as f64;

    let mut body = vec![steps((low, high), value, (2.0, 0.0))];
    let name = fit(&format!("{down_name} ↓"), SMALL, total);
    body.push(Node::text("what", (2.0, top - 10.0), &name));
    let name = fit(&across_name, SMALL, total - left);
    body.push(Node::text(
        "what middle",
        (left + 0.5 * cell * columns, bottom + 34.0),
        &name,
    ));
    for (at, v) in across.values.iter().enumerate() {
        let x = left + cell * (at as f64 + 0.5);
        let text = fit(&word(v), SMALL, cell - 4.0);
        body.push(Node::text("tick middle", (x, bottom + 16.0), &text));
    }
    let chosen = tried.points.iter().find(|(trial, _)| trial.chosen);
    let chosen = chosen.and_then(|(trial, _)| {
        let row = down.index(of(trial, down.name)?)?;
        Some((row, across.index(of(trial, across.name)?)?))
    });
    for (at, row) in rows.iter().enumerate() {
        let y = top + ROW * at as f64;
        let text = fit(row, SMALL, left - 10.0);
        body.push(Node::text(
            "tick end",
            (left - 8.0, y + 0.5 * ROW + 4.0),
            &text,
        ));
        for (column, (mean, n)) in cells[at].iter().enumerate() {
            let place = (left + cell * column as f64, y);
            if *n == 0 {
                let size = (cell - 2.0, ROW - 2.0);
                body.push(Node::rect("empty", (place.0 + 1.0, y + 1.0), size));
                continue;
            }
            let across = word(across.values[column]);
            let tip = format!(
                "{down_name}={row}, {across_name}={across}: {select} {}, {}",
                value(*mean),
                match n {
                    1 => "1 trial".to_owned(),
                    n => format!("mean of {n} trials"),
                }
            );
            body.push(filled(*mean, (low, high), place, cell).tip(tip));
        }
    }
    if let Some((row, column)) = chosen {
        let (x, y) = (left + cell * column as f64, top + ROW * row as f64);
        body.push(Node::rect("chosen", (x, y), (cell, ROW)));
    }
    let size = if total > 440.0 {
        Size::Wide
    } else {
        Size::Small
    };
    let caption = caption(select, tried, (&down_name, &across_name));
    let alt = alt(select, (down, across), &cells);
    let title = format!("{} by {down_name} and {across_name}", tried.name());
    let height = bottom + 42.0;
    Some(Figure::new(
        (id, size),
        title,
        caption,
        alt,
        (total, height),
        body,
    ))
}

/// A cell of a width with its value, if that has room.
fn filled(mean: f64, ends: (f64, f64), (x, y): (f64, f64), cell: f64) -> Node {
    let size = (cell - 2.0, ROW - 2.0);
    let mut group = Node::group(&format!("cell {}", step(mean, ends)));
    group.push(Node::rect("", (x + 1.0, y + 1.0), size));
    if cell >= NARROW {
        let place = (x + 0.5 * cell, y + 0.5 * ROW + 4.0);
        group.push(Node::text("number middle", place, &value(mean)));
    }
    group
}

fn caption(select: &str, tried: &Tried, (down, across): (&str, &str)) -> String {
    let mut text = format!("{select} on validation by {down} (down) and {across} (across)");
    if tried.axes.len() > 2 {
        text += ", the two that matter most by themselves: each cell is the mean over all trials with these \
                 two values";
    }
    text += "; the darker in light colors, the brighter in dark ones, the better.";
    if tried.points.iter().any(|(trial, _)| trial.chosen) {
        text += " The frame is the cell of the chosen trial.";
    }
    text + &tried.lacking()
}

fn alt(select: &str, (down, across): (&Axis, &Axis), cells: &Cells) -> String {
    let each = cells.iter().enumerate().flat_map(|(row, cells)| {
        let filled = cells.iter().enumerate().filter(|(_, (_, n))| *n > 0);
        filled.map(move |(column, (mean, _))| (row, column, *mean))
    });
    let each: Vec<(usize, usize, f64)> = each.collect();
    let said = |(row, column, mean): &(usize, usize, f64)| {
        format!(
            "{} with {}={} and {}={}",
            value(*mean),
            one_line(down.name),
            word(down.values[*row]),
            one_line(across.name),
            word(across.values[*column])
        )
    };
    let best = each.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    let worst = each.iter().min_by(|a, b| a.2.total_cmp(&b.2));
    match best.zip(worst) {
        Some((best, worst)) => format!(
            "{}: the highest mean {select} on validation is {}, the lowest {}.",
            counted(each.len(), "cell"),
            said(best),
            said(worst)
        ),
        None => String::new(),
    }
}
