//! What models of all kinds ask of the fit part, and how factors are saved.

use std::sync::Arc;

use musicrec_api::{Error, FitContext, InteractionMatrix, Result, Tensors, Train};
use ndarray::{Array2, ArrayRef2};

use crate::products::transposed;

/// That there is something to learn from.
///
/// # Errors
/// If the fit part holds no interaction: then `model` cannot do without.
pub(crate) fn ensure_interactions(train: &Train, model: &str) -> Result<()> {
    if train.interactions.nnz() > 0 {
        return Ok(());
    }
    Err(Error::model(format!(
        "{model} has nothing to learn from: the fit part holds no interaction of weight above 0; choose \
         another weighting, or a split that leaves more in the fit part"
    )))
}

/// Room for a matrix.
///
/// # Errors
/// If a definition asks for more than there is.
pub(crate) fn reserve<T>(model: &str, rows: usize, columns: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    rows.checked_mul(columns)
        .and_then(|cells| values.try_reserve_exact(cells).ok())
        .ok_or_else(|| {
            Error::model(format!(
                "{model} needs a matrix of {rows} × {columns}, more than fits in memory; choose fewer \
                 `factors`"
            ))
        })?;
    Ok(values)
}

/// The same interactions with the items in rows: they depend on the data alone, so all fits share them.
pub(crate) fn by_item(train: &Train, context: &FitContext) -> Result<Arc<InteractionMatrix>> {
    context.shared("by_item", || Ok(transposed(&train.interactions)))
}

/// Factors as a saved model has them.
pub(crate) fn save_factors<'a>(
    users: &'a ArrayRef2<f32>,
    items: &'a ArrayRef2<f32>,
) -> Tensors<'a> {
    let mut saved = Tensors::default();
    saved.insert_matrix("users", users);
    saved.insert_matrix("items", items);
    saved
}

/// The factors of users and items that [`save_factors`] gave, of a model that learned from these interactions.
///
/// # Errors
/// If they do not fit these, or each other.
pub(crate) fn saved_factors(
    saved: &mut Tensors,
    interactions: &InteractionMatrix,
) -> Result<[Array2<f32>; 2]> {
    let users = saved.take_matrix("users", interactions.rows())?;
    let items = saved.take_matrix("items", interactions.cols())?;
    if users.ncols() == items.ncols() {
        return Ok([users, items]);
    }
    Err(Error::data(format!(
        "users have {} factors and items {}",
        users.ncols(),
        items.ncols()
    )))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use musicrec_api::{
        Cells, Column, Events, Log, Recommender, Roles, Scores, Text, Train, Users,
    };
    use ndarray::Array2;

    /// The scores of all of a train's users, of a model that gives rows.
    pub(crate) fn scores(fitted: &dyn Recommender, of: &Train) -> Array2<f32> {
        let users: Vec<u32> = (0..of.n_users() as u32).collect();
        let Scores::Rows(scorer) = fitted.scores(&Users::new(&users)).unwrap() else {
            panic!("rows are expected");
        };
        let mut out = Array2::from_elem((of.n_users(), of.n_items()), f32::NAN);
        scorer.score(&users, out.view_mut());
        out
    }

    /// That scores are those expected, but for rounding.
    pub(crate) fn assert_near(found: &Array2<f32>, expected: &Array2<f64>) {
        let apart = (found.mapv(f64::from) - expected).mapv(f64::abs);
        assert!(apart.iter().all(|&apart| apart < 1e-6), "{found}");
    }

    /// What is told of people: user, item of the fit part, day; each of weight 1.
    pub(crate) fn told(fit: &Train, rows: &[(&str, &str, i64)]) -> Train {
        let pairs = rows.iter().map(|&(user, item, _)| (user, item));
        let events = Events::from_pairs(pairs);
        let mut events = timed(events, &rows.iter().map(|row| row.2).collect::<Vec<_>>());
        let place = |item: &str| fit.events.items.iter().position(|known| known == item);
        let items = rows
            .iter()
            .map(|row| place(row.1).expect("a known item") as u32);
        events.item = items.collect();
        events.items = Arc::clone(&fit.events.items);
        Train::new(events, &vec![1.0; rows.len()])
    }

    /// Events of a log with the columns given, of which the first two are user and item; empty cells are missing.
    pub(crate) fn logged<const N: usize>(names: &[&str; N], rows: &[[&str; N]]) -> Events {
        let columns = names.iter().enumerate().map(|(at, name)| {
            let cells = rows
                .iter()
                .map(|row| Some(row[at]).filter(|cell| !cell.is_empty()));
            Column {
                name: (*name).to_owned(),
                cells: Cells::Text(cells.collect::<Text>()),
            }
        });
        let roles = Roles {
            user: names[0].to_owned(),
            item: names[1].to_owned(),
            time: None,
            event: None,
            plays: None,
            seconds: None,
        };
        let numbers = (1..=rows.len() as u64).collect();
        Events::from_log(Arc::new(Log::new(columns.collect(), numbers, roles))).unwrap()
    }

    /// The same events on the days given.
    pub(crate) fn timed(mut events: Events, days: &[i64]) -> Events {
        events.time = days.iter().map(|day| day * 86_400).collect();
        events
    }
}
