//! An audit as one page that needs nothing but a browser.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment};

use super::{Bars, Block, Document};
use crate::report::charts::{CSS, Node, SMALL, Scale, Size, TEXT, document, fit, width};
use crate::report::count;
use crate::report::html::words;
use crate::text::{one_line, percent};

const PAGE: &str = include_str!("page.html");
/// The style that the report has too.
const STYLE: &str = include_str!("../../report/html/templates/page.css");
const WIDTH: f64 = 720.0;
const ROW: f64 = 24.0;
const HEIGHT: f64 = 90.0;

/// The page.
pub(crate) fn html(document: &Document) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("shown", |text: String| one_line(&text));
    environment.add_filter("words", |text: String| {
        Value::from_safe_string(words(&text))
    });
    environment.add_filter("count", |rows: u64| count(rows));
    environment.add_filter("percent", percent);
    let mut drawn = 0;
    let blocks: Vec<Value> = document
        .blocks
        .iter()
        .map(|block| match block {
            Block::Bars(bars) => {
                drawn += 1;
                let figure = Value::from_safe_string(figure(bars, drawn));
                Value::from_pairs([
                    ("block", Value::from("figure")),
                    ("title", Value::from(&bars.title)),
                    ("figure", figure),
                ])
            }
            block => Value::from(Serde(block)),
        })
        .collect();
    let context = Value::from_pairs([
        ("document", Value::from(Serde(document))),
        ("blocks", Value::from(blocks)),
        ("style", Value::from_safe_string(format!("{CSS}\n{STYLE}"))),
        ("version", Value::from(env!("CARGO_PKG_VERSION"))),
    ]);
    let page = environment.render_named_str("audit.html", PAGE, context);
    page.expect("the template is a constant, and tested")
}

fn figure(bars: &Bars, number: usize) -> String {
    let id = format!("bars-{number}");
    let most = bars.all.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let about = format!(
        "{}: {} bars, the largest {}.",
        bars.title,
        bars.all.len(),
        count(most as u64)
    );
    if bars.upright {
        let each = WIDTH / bars.all.len().max(1) as f64;
        let scale = Scale::from_zero([most], (0.0, HEIGHT));
        let nodes = bars.all.iter().enumerate().map(|(at, (name, value))| {
            let (x, high) = (each * at as f64, scale.at(*value));
            let mut bar =
                Node::group("step").tip(format!("{}: {}", one_line(name), count(*value as u64)));
            bar.push(Node::rect("hit", (x, 0.0), (each, HEIGHT)));
            bar.push(Node::rect(
                "kept",
                (x + each * 0.1, HEIGHT - high),
                (each * 0.8, high),
            ));
            bar
        });
        let mut nodes: Vec<Node> = nodes.collect();
        let (first, last) = (bars.all.first(), bars.all.last());
        if let (Some((first, _)), Some((last, _))) = (first, last) {
            nodes.push(Node::text("number", (0.0, HEIGHT + 16.0), first));
            nodes.push(Node::text("number end", (WIDTH, HEIGHT + 16.0), last));
        }
        return document(
            &id,
            Size::Wide,
            (WIDTH, HEIGHT + 22.0),
            (&bars.title, &about),
            nodes,
        );
    }
    let names = bars
        .all
        .iter()
        .map(|(name, _)| width(&one_line(name), TEXT));
    let left = names.fold(60.0, f64::max).min(260.0) + 14.0;
    let right = WIDTH - width(&count(most as u64), SMALL) - 24.0;
    let scale = Scale::from_zero([most], (left, right));
    let nodes = bars.all.iter().enumerate().map(|(at, (name, value))| {
        let y = ROW * at as f64;
        let name = fit(&one_line(name), TEXT, left - 14.0);
        let mut bar = Node::group("step").tip(format!("{name}: {}", count(*value as u64)));
        bar.push(Node::text("name end", (left - 8.0, y + 16.5), &name));
        bar.push(Node::rect(
            "kept",
            (left, y + 4.0),
            (scale.at(*value) - left, ROW - 8.0),
        ));
        bar.with(Node::text(
            "number",
            (right + 14.0, y + 16.0),
            &count(*value as u64),
        ))
    });
    let nodes: Vec<Node> = nodes.collect();
    let high = ROW * bars.all.len() as f64 + 6.0;
    document(&id, Size::Wide, (WIDTH, high), (&bars.title, &about), nodes)
}
