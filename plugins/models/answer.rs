//! Lists made elsewhere, read from a file: what models of others answer. Whatever no list can be is an
//! error with its line (protocol P18), so that nothing that is wrong is measured.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use musicrec_api::{Error, Ids, ReadyLists, Recommender, Result, Scores, Train, Users, nearest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to do with users and items that the fit part does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Unknown {
    /// The trial fails with the first of them.
    #[default]
    Error,
    /// Their rows are left out, and the record says how many these were.
    Drop,
}

/// What the columns of the file are called. Those of score and rank may be missing, unless they are named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) user: &'a str,
    pub(crate) item: &'a str,
    pub(crate) score: Option<&'a str>,
    pub(crate) rank: Option<&'a str>,
}

impl Columns<'static> {
    /// The names of a lab's own lists.
    pub(crate) const USUAL: Self = Self {
        user: "user",
        item: "item",
        score: None,
        rank: None,
    };
}

/// A file to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) path: &'a Path,
    /// What messages call the file.
    pub(crate) name: &'a str,
    pub(crate) columns: Columns<'a>,
    pub(crate) unknown: Unknown,
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Answer {
    lists: Vec<Vec<(u32, f64)>>,
    /// Rows that were left out because the fit part has no such user or item.
    pub(crate) unknown: usize,
    /// Rows in all.
    pub(crate) rows: usize,
}

/// How a row says where its item stands.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// The higher the better.
    Score(usize),
    /// From 1.
    Rank(usize),
    /// As the rows stand.
    Rows,
}

impl Reading<'_> {
    /// Reads the lists of users of `train`.
    ///
    /// # Errors
    /// With file, line and remedy.
    pub(crate) fn read(&self, train: &Train) -> Result<Answer> {
        let file = File::open(self.path)
            .map_err(|error| Error::io(format!("cannot read {}", self.name), error))?;
        let mut file = BufReader::new(file);
        // The reader counts a line where its `\n` is read, which of `\r\n` belongs to the next record.
        let first = file.fill_buf().unwrap_or_default();
        let end = first.iter().position(|&byte| byte == b'\n').unwrap_or(0);
        let behind = u64::from(end > 0 && first[end - 1] == b'\r');
        let mut reader = ReaderBuilder::new().from_reader(file);
        let header = reader.headers().map_err(|error| self.broken(&error))?;
        let (user, item, order) = self.places(header)?;
        let (users, items) = (&train.events.users, &train.events.items);
        let (user_of, item_of) = (numbers(users), numbers(items));
        let mut answer = Answer {
            lists: vec![Vec::new(); users.len()],
            unknown: 0,
            rows: 0,
        };
        let mut lines: HashMap<(u32, u32), u64> = HashMap::new();
        let mut ranks: HashMap<(u32, u64), u64> = HashMap::new();
        let mut row = StringRecord::new();
        while reader
            .read_record(&mut row)
            .map_err(|error| self.broken(&error))?
        {
            let line = row.position().map_or(0, csv::Position::line) + behind;
            answer.rows += 1;
            let found = (user_of.get(&row[user]), item_of.get(&row[item]));
            let (Some(&of), Some(&what)) = found else {
                if self.unknown == Unknown::Drop {
                    answer.unknown += 1;
                    continue;
                }
                return Err(match found.0 {
                    None => self.stranger(line, "user", &row[user], users),
                    Some(_) => self.stranger(line, "item", &row[item], items),
                });
            };
            if let Some(first) = lines.insert((of, what), line) {
                return Err(self.at(
                    line,
                    &format!(
                        "user `{}` has item `{}` in line {first} already; an item stands in a list once",
                        &row[user], &row[item]
                    ),
                ));
            }
            let list = &mut answer.lists[of as usize];
            let score = match order {
                Order::Score(at) => self.score(line, &row[at])?,
                Order::Rank(at) => {
                    let rank = self.rank(line, &row[at])?;
                    if let Some(first) = ranks.insert((of, rank), line) {
                        return Err(self.at(
                            line,
                            &format!(
                                "user `{}` has another item at rank {rank}, in line {first}; a place is \
                                 taken once",
                                &row[user]
                            ),
                        ));
                    }
                    -(rank as f64)
                }
                Order::Rows => -(list.len() as f64 + 1.0),
            };
            list.push((what, score));
        }
        Ok(answer)
    }

    /// Where user, item and order are in a row.
    fn places(&self, header: &StringRecord) -> Result<(usize, usize, Order)> {
        let place = |name: &str| header.iter().position(|column| column == name);
        let required = |name: &str, what: &str| {
            place(name).ok_or_else(|| {
                let there: Vec<&str> = header.iter().collect();
                let columns = match there.as_slice() {
                    [] => "it is empty".to_owned(),
                    there => format!("its first line names {}", there.join(", ")),
                };
                let near = nearest(name, there.iter().copied());
                let near = near.map_or(String::new(), |near| format!("; is it `{near}`?"));
                Error::model(format!(
                    "{}: there is no column `{name}` for {what}, {columns}{near}; the first line names \
                     the columns, for example user,item,score",
                    self.name
                ))
            })
        };
        let Columns {
            user,
            item,
            score,
            rank,
        } = self.columns;
        let (user, item) = (required(user, "the user")?, required(item, "the item")?);
        let order = match (score, rank) {
            (Some(score), _) => Order::Score(required(score, "the score")?),
            (None, Some(rank)) => Order::Rank(required(rank, "the rank")?),
            (None, None) => match (place("score"), place("rank")) {
                (Some(score), _) => Order::Score(score),
                (None, Some(rank)) => Order::Rank(rank),
                (None, None) => {
                    self.no_slip(header)?;
                    Order::Rows
                }
            },
        };
        Ok((user, item, order))
    }

    /// A score under a name that is almost right would be ignored, and the order of rows taken for the answer.
    fn no_slip(&self, header: &StringRecord) -> Result<()> {
        let slip = header.iter().find_map(|column| {
            let name = column.trim().to_lowercase();
            Some((column, nearest(&name, ["score", "rank"])?))
        });
        match slip {
            None => Ok(()),
            Some((column, meant)) => Err(Error::model(format!(
                "{}: there is a column `{column}`, but none `{meant}`; call it `{meant}` if it orders the \
                 items, or something else if the order of the rows does",
                self.name
            ))),
        }
    }

    fn score(&self, line: u64, cell: &str) -> Result<f64> {
        match cell.trim().parse::<f64>() {
            Ok(score) if score.is_finite() => Ok(score),
            _ => Err(self.at(
                line,
                &format!("the score `{cell}` is not a finite number; leave out what has no score"),
            )),
        }
    }

    fn rank(&self, line: u64, cell: &str) -> Result<u64> {
        match cell.trim().parse::<u64>() {
            Ok(rank) if rank >= 1 => Ok(rank),
            _ => Err(self.at(
                line,
                &format!("the rank `{cell}` is not a whole number from 1"),
            )),
        }
    }

    fn stranger(&self, line: u64, what: &str, id: &str, known: &Ids) -> Error {
        let near = nearest(id.trim(), known.iter().take(MOST_LOOKED_AT));
        let near = near.filter(|near| near.trim() == id.trim());
        let near = near.map_or(String::new(), |near| format!("; is it `{near}`?"));
        self.at(
            line,
            &format!(
                "there is no {what} `{id}` among the {} {what}s that may be learned from{near}; use \
                 their ids as the cleaned log has them",
                known.len()
            ),
        )
    }

    fn at(&self, line: u64, what: &str) -> Error {
        Error::model(format!("{}, line {line}: {what}", self.name))
    }

    /// What the CSV reader says.
    fn broken(&self, error: &csv::Error) -> Error {
        Error::model(format!(
            "{}: {error}; it must be CSV in UTF-8 with a line of column names and as many cells in each row",
            self.name
        ))
    }
}

/// Ids are compared with a wrong one until so many.
const MOST_LOOKED_AT: usize = 100_000;

fn numbers(ids: &Ids) -> HashMap<&str, u32> {
    ids.iter().zip(0..).collect()
}

impl Answer {
    /// How many users have a list of at least one item.
    pub(crate) fn answered(&self) -> usize {
        self.lists.iter().filter(|list| !list.is_empty()).count()
    }

    /// A recommender of these lists, who can be asked about the users given, or about anybody.
    pub(crate) fn recommender(self, asked: Option<&[u32]>) -> Box<dyn Recommender> {
        let mut may_ask = vec![asked.is_none(); self.lists.len()];
        for &user in asked.into_iter().flatten() {
            may_ask[user as usize] = true;
        }
        Box::new(Listed {
            lists: ReadyLists::new(self.lists),
            may_ask,
        })
    }
}

/// Lists for those who were asked about when they were made.
struct Listed {
    lists: ReadyLists,
    may_ask: Vec<bool>,
}

impl Recommender for Listed {
    fn scores(&self, users: &Users) -> Result<Scores<'_>> {
        let stranger = users.indices.iter().find(|u| !self.may_ask[**u as usize]);
        match stranger {
            None => Ok(Scores::Lists(&self.lists)),
            Some(user) => Err(Error::model(format!(
                "the lists were made for others: user number {user} was not among those asked about (a bug \
                 of the lab)"
            ))),
        }
    }
}
