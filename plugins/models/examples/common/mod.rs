//! What the examples share: reading what is learned from, and telling time.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use musicrec_api::{Cells, Column, Events, Ids, Log, Roles, Text, Train};

/// Triples, or a log with a header.
pub(crate) fn read_train(path: &str) -> Result<Train, Box<dyn Error>> {
    let mut lines = BufReader::new(File::open(path)?);
    if lines.fill_buf()?.first() == Some(&b'#') {
        return read_log(&fs::read_to_string(path)?);
    }
    read_triples(path, lines)
}

/// A log: its first line is `# user item strength` and whatever columns more, its cells are separated by tabs, and empty ones
/// are missing. `time` is in unix seconds, `plays` are counts. Users and items that are integers are numbered in their order.
fn read_log(text: &str) -> Result<Train, Box<dyn Error>> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().trim_start_matches('#');
    let names: Vec<&str> = header.split_whitespace().collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    if let Some(row) = rows.iter().position(|row| row.len() != names.len()) {
        return Err(format!("row {}: expected {}", row + 1, names.join(", ")).into());
    }
    let column = |at: usize| {
        let cells = rows.iter().map(move |row| Some(row[at]));
        cells.map(|cell| cell.filter(|cell| !cell.is_empty()))
    };
    let columns = names.iter().enumerate().map(|(at, name)| Column {
        name: (*name).to_owned(),
        cells: Cells::Text(column(at).collect::<Text>()),
    });
    let there = |name: &str| names.contains(&name).then(|| name.to_owned());
    let roles = Roles {
        user: "user".to_owned(),
        item: "item".to_owned(),
        time: there("time"),
        event: None,
        plays: there("plays"),
        seconds: None,
    };
    let place = names.iter().position(|name| *name == "strength");
    let strengths = column(place.ok_or("there is no column `strength`")?);
    let strengths = strengths.map(|cell| cell.unwrap_or_default().parse());
    let strengths: Vec<f64> = strengths.collect::<Result<_, _>>()?;
    let numbers = (1..=rows.len() as u64).collect();
    let log = Log::new(columns.collect(), numbers, roles);
    Ok(Train::new(Events::from_log(Arc::new(log))?, &strengths))
}

/// Line by line, so that what is held is what is learned from.
fn read_triples(path: &str, mut lines: impl BufRead) -> Result<Train, Box<dyn Error>> {
    let (mut events, mut strengths) = (Events::default(), Vec::new());
    let (mut line, mut number) = (String::new(), 0);
    while lines.read_line(&mut line)? > 0 {
        number += 1;
        let mut cells = line.split_whitespace();
        let (Some(user), Some(item), Some(strength)) = (cells.next(), cells.next(), cells.next())
        else {
            return Err(format!("{path}:{number}: expected `user item strength`").into());
        };
        events.user.push(user.parse()?);
        events.item.push(item.parse()?);
        strengths.push(strength.parse()?);
        line.clear();
    }
    events.row = (0..events.user.len() as u32).collect();
    for (codes, ids) in [
        (&events.user, &mut events.users),
        (&events.item, &mut events.items),
    ] {
        let count = codes.iter().max().map_or(0, |last| *last as usize + 1);
        let mut there = vec![false; count];
        for &code in codes {
            there[code as usize] = true;
        }
        if there.contains(&false) {
            return Err(format!("{path}: users and items must be 0, 1, 2, … without gaps").into());
        }
        *ids = Arc::new(Ids::new((0..count).map(|id| id.to_string()).collect()));
    }
    Ok(Train::new(events, &strengths))
}

/// CPU time of all threads so far, in ticks of 10 ms; NaN where there is no /proc.
pub(crate) fn cpu_seconds() -> f64 {
    let read = || -> Option<f64> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name, in parentheses, may itself hold spaces and parentheses.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some((user + system) / 100.0)
    };
    read().unwrap_or(f64::NAN)
}
