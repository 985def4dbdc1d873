//! Fits any built-in model on triples or a log from a text file and writes its scores, so that other programs
//! can be compared with it (`benches/agreement`).
//!
//! ```text
//! scores_dump TRAIN OUT MODEL [SEED]
//! ```
//!
//! TRAIN holds `user item strength` a line, separated by white space; users and items must be the
//! integers from 0 on, without gaps. Or, for models that ask more, it is a log whose first line is
//! `# user item strength` and further columns, separated by tabs, among them `time` (unix seconds) and `plays`. MODEL is JSON as in a record, e.g. `{"ease": {"regularization": 100}}`.
//! OUT gets the scores of all items for all users as f32, row by row, little-endian; with `-` they are
//! computed and thrown away, to be timed. One JSON line on standard output gives shapes, and wall and CPU
//! seconds of fit and scores.

mod common;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use musicrec_api::{FitContext, Model, Recommender, Scores, Users};
use ndarray::Array2;
use rayon::prelude::*;

use common::{cpu_seconds, read_train};
use musicrec_models as _;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, out, model, rest @ ..] = arguments.as_slice() else {
        return Err("usage: scores_dump TRAIN OUT MODEL [SEED]".into());
    };
    let model: Box<dyn Model> = serde_json::from_str(model)?;
    let seed = rest.first().map_or(Ok(0), |seed| seed.parse())?;
    let train = read_train(train)?;

    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let fitted = model.fit(&train, &FitContext::new(seed))?;
    let fit = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);

    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let mut file = (out != "-")
        .then(|| File::create(out).map(BufWriter::new))
        .transpose()?;
    let users: Vec<u32> = (0..train.n_users() as u32).collect();
    let mut sum = 0.0;
    // Bounded memory: some batches at a time.
    for users in users.chunks(64 * 64) {
        let blocks = users
            .par_chunks(64)
            .map(|users| rows(&*fitted, users, train.n_items()))
            .collect::<musicrec_api::Result<Vec<_>>>()?;
        for block in blocks {
            sum += block.iter().map(|&x| f64::from(x)).sum::<f64>();
            if let Some(file) = &mut file {
                for score in block {
                    file.write_all(&score.to_le_bytes())?;
                }
            }
        }
    }
    let scores = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let line = serde_json::json!({
        "users": train.n_users(), "items": train.n_items(), "interactions": train.interactions.nnz(),
        "sum": sum, "fit_wall_seconds": fit.0, "fit_cpu_seconds": fit.1,
        "scores_wall_seconds": scores.0, "scores_cpu_seconds": scores.1,
    });
    println!("{line}");
    Ok(())
}

fn rows(
    fitted: &dyn Recommender,
    users: &[u32],
    items: usize,
) -> musicrec_api::Result<Array2<f32>> {
    let mut out = Array2::zeros((users.len(), items));
    match fitted.scores(&Users::new(users))? {
        Scores::Everybody(scores) => {
            for mut row in out.rows_mut() {
                for (out, &score) in row.iter_mut().zip(scores) {
                    *out = score as f32;
                }
            }
        }
        Scores::Factors { users: x, items: y } => {
            for (mut row, &user) in out.rows_mut().into_iter().zip(users) {
                row.assign(&y.dot(&x.row(user as usize)));
            }
        }
        Scores::Rows(scorer) => scorer.score(users, out.view_mut()),
        Scores::Lists(_) => {
            return Err(musicrec_api::Error::model(
                "a model that gives lists has no scores of all items to dump",
            ));
        }
    }
    Ok(out)
}
