//! The files that a process is given. What they are is said in the docs of the plugin.

use std::fs;
use std::path::Path;

use csv::Writer;
use musicrec_api::{Asked, Error, Events, FitContext, MISSING_TIME, Result, Train, View};
use serde_json::json;

use super::Process;
use crate::files::absolute;

/// Seeds are below this, a prime, so that every library takes them.
const SEEDS: u64 = (1 << 31) - 1;

/// What is asked, and the folder that tells it.
pub(super) struct Exchange<'a> {
    pub(super) folder: &'a Path,
    pub(super) train: &'a Train,
    pub(super) asked: &'a Asked<'a>,
}

impl Exchange<'_> {
    /// `request.json`.
    pub(super) fn request(&self, process: &Process, context: &FitContext) -> Result<()> {
        let asked = self.asked;
        let request = json!({
            "part": asked.purpose.name(),
            "period": asked.period,
            "seed": context.seed % SEEDS,
            "threads": rayon::current_num_threads(),
            "depth": asked.depth,
            "items": asked.depth.saturating_add(1).min(self.train.n_items()),
            "parameters": process.parameters,
            "definition_folder": absolute(context.base),
        });
        let path = self.folder.join("request.json");
        fs::write(&path, format!("{request:#}\n"))
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    }

    /// All others.
    pub(super) fn data(&self, process: &Process) -> Result<()> {
        let Train {
            interactions,
            events,
            ..
        } = self.train;
        let (users, items) = (&events.users, &events.items);
        self.table("train.csv", &["user", "item", "weight"], |table| {
            for (user, row) in interactions.outer_iterator().enumerate() {
                for (item, weight) in row.iter() {
                    let (user, item) = (users.get(user as u32), items.get(item as u32));
                    table.write_record([user, item, &weight.to_string()])?;
                }
            }
            Ok(())
        })?;
        self.table("users.csv", &["user"], |table| {
            let mut asked = self.asked.users.iter();
            asked.try_for_each(|&user| table.write_record([users.get(user)]))
        })?;
        self.table("items.csv", &["item"], |table| {
            let mut all = items.iter();
            all.try_for_each(|item| table.write_record([item]))
        })?;
        self.table("masked.csv", &["user", "item"], |table| {
            for (&user, masked) in self.asked.users.iter().zip(&self.asked.masked) {
                for &item in &**masked {
                    table.write_record([users.get(user), items.get(item)])?;
                }
            }
            Ok(())
        })?;
        if process.events || !process.columns.is_empty() {
            self.events(events, &process.columns)?;
        }
        Ok(())
    }

    fn events(&self, events: &Events, columns: &[String]) -> Result<()> {
        let log = match (&events.log, columns.first()) {
            (None, Some(first)) => {
                return Err(Error::model(format!(
                    "`columns` asks for `{first}`, but nothing is left of the log but users and items"
                )));
            }
            (log, _) => log.as_ref(),
        };
        let views = columns.iter().filter_map(|name| Some(log?.view(name)));
        let views: Vec<View> = views.collect::<Result<_>>()?;
        let has = [
            ("time", !events.time.is_empty()),
            ("kind", !events.kind.is_empty()),
            ("plays", !events.plays.is_empty()),
            ("seconds", !events.seconds.is_empty()),
        ];
        let typed = has.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
        let header = ["user", "item"].into_iter().chain(typed);
        let header: Vec<&str> = header.chain(columns.iter().map(String::as_str)).collect();
        let number = |number: f32| match number {
            missing if missing.is_nan() => String::new(),
            number => number.to_string(),
        };
        self.table("events.csv", &header, |table| {
            for event in 0..events.len() {
                table.write_field(events.users.get(events.user[event]))?;
                table.write_field(events.items.get(events.item[event]))?;
                match events.time.get(event) {
                    None => {}
                    Some(MISSING_TIME) => table.write_field("")?,
                    Some(time) => table.write_field(time.to_string())?,
                }
                if !events.kind.is_empty() {
                    table.write_field(events.kind_name(event).unwrap_or(""))?;
                }
                for numbers in [&events.plays, &events.seconds] {
                    if let Some(of) = numbers.get(event) {
                        table.write_field(number(of))?;
                    }
                }
                for view in &views {
                    let row = events.row.at(event) as usize;
                    table.write_field(view.show(row).as_ref())?;
                }
                table.write_record(None::<&[u8]>)?;
            }
            Ok(())
        })
    }

    fn table(
        &self,
        name: &str,
        header: &[&str],
        rows: impl FnOnce(&mut Writer<fs::File>) -> csv::Result<()>,
    ) -> Result<()> {
        let path = self.folder.join(name);
        let write = || {
            let mut table = Writer::from_path(&path)?;
            table.write_record(header)?;
            rows(&mut table)?;
            Ok(table.flush()?)
        };
        write().map_err(|error: csv::Error| {
            Error::io(
                format!("cannot write {}", path.display()),
                std::io::Error::other(error),
            )
        })
    }
}
