//! What the examples share: reading triples, and telling time.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use musicrec_api::{Events, Ids, Train};

/// Line by line, so that what is held is what is learned from.
pub(crate) fn read_train(path: &str) -> Result<Train, Box<dyn Error>> {
    let mut lines = BufReader::new(File::open(path)?);
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
