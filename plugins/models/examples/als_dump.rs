//! Fits ALS on triples from a text file and writes its factors, so that other programs can be
//! compared with it (`benches/agreement`).
//!
//! ```text
//! als_dump TRAIN OUT PARAMETERS [SEED] [START]
//! ```
//!
//! TRAIN holds `user item strength` a line, separated by white space; users and items must be the
//! integers from 0 on, without gaps. PARAMETERS is JSON as in a record, e.g. `{"factors": 64}`.
//! OUT.users.f32 and OUT.items.f32 get the factors, row by row, little-endian; with START,
//! START.users.f32 and START.items.f32 are where the fit starts. One JSON line on standard output
//! gives shapes, loss, and wall and CPU seconds of the fit alone.

mod common;

use std::error::Error;
use std::fs;
use std::time::Instant;

use musicrec_api::{FitContext, Model, Scores, StartingFactors, Users};
use musicrec_models::Als;
use ndarray::{Array2, ArrayView2};

use common::{cpu_seconds, read_train};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, out, parameters, rest @ ..] = arguments.as_slice() else {
        return Err("usage: als_dump TRAIN OUT PARAMETERS [SEED] [START]".into());
    };
    let als: Als = serde_json::from_str(parameters)?;
    let seed = rest.first().map_or(Ok(0), |seed| seed.parse())?;
    let train = read_train(train)?;
    let factors = als.factors.get();
    let start = match rest.get(1) {
        Some(start) => Some(StartingFactors {
            users: read_matrix(&format!("{start}.users.f32"), train.n_users(), factors)?,
            items: read_matrix(&format!("{start}.items.f32"), train.n_items(), factors)?,
        }),
        None => None,
    };
    let context = FitContext::new(seed);
    let context = match &start {
        Some(start) => context.with_start(start),
        None => context,
    };

    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let fitted = als.fit(&train, &context)?;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);

    let Scores::Factors { users, items } = fitted.scores(&Users::new(&[]))? else {
        unreachable!("ALS has factors");
    };
    write_matrix(&format!("{out}.users.f32"), &users)?;
    write_matrix(&format!("{out}.items.f32"), &items)?;
    let line = serde_json::json!({
        "users": users.nrows(), "items": items.nrows(), "factors": factors,
        "interactions": train.interactions.nnz(),
        "loss": als.loss(&train.interactions, &users, &items),
        "wall_seconds": wall, "cpu_seconds": cpu,
    });
    println!("{line}");
    Ok(())
}

fn read_matrix(path: &str, rows: usize, columns: usize) -> Result<Array2<f32>, Box<dyn Error>> {
    let (values, rest) = {
        let bytes = fs::read(path)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let values: Vec<f32> = numbers.iter().map(|&b| f32::from_le_bytes(b)).collect();
        (values, rest.len())
    };
    if values.len() != rows * columns || rest != 0 {
        return Err(format!("{path}: expected {rows} × {columns} numbers of 4 bytes").into());
    }
    Ok(Array2::from_shape_vec((rows, columns), values)?)
}

fn write_matrix(path: &str, matrix: &ArrayView2<f32>) -> std::io::Result<()> {
    let bytes: Vec<u8> = matrix.iter().flat_map(|x| x.to_le_bytes()).collect();
    fs::write(path, bytes)
}
