//! Inner products of all pairs of rows of a sparse matrix: what neighbors, random walks and linear models
//! are made of.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use musicrec_api::{Error, FitContext, InteractionMatrix, Result};
use ndarray::Array2;
use rayon::prelude::*;

use crate::real::Real;

/// Up to so many rows their products are kept in full, which is 256 MiB at most; beyond, they are
/// computed a row at a time and forgotten. Fixed, so that results depend on the data alone.
const KEPT: usize = 8192;

/// How many rows an index of 2 bytes tells apart.
const NARROW: usize = 1 << 16;

/// Rows of products that are computed together. Fixed, as everything that decides an order is.
pub(crate) const BLOCK: usize = 64;

/// Rows and columns of a tile in which a matrix is mirrored: a line of the cache.
const TILE: usize = 16;

/// A matrix from both sides. It holds no zeros, and the products of two cells of one column are above
/// 0, so a sum of products is 0 only where there are none.
#[derive(Debug)]
pub(crate) struct Sides {
    /// The rows whose products are asked for.
    pub(crate) rows: InteractionMatrix,
    /// The same cells with the columns in rows.
    pub(crate) columns: InteractionMatrix,
    /// Whether all cells are 1.
    ones: bool,
}

impl Sides {
    /// Of a matrix with the rows in question in its columns; zeros are left out.
    pub(crate) fn of_columns(matrix: &InteractionMatrix) -> Self {
        let columns = without_zeros(matrix);
        Self {
            rows: transposed(&columns),
            ones: columns.data().iter().all(|&x| x == 1.0),
            columns,
        }
    }

    /// Sums of squares of the rows.
    pub(crate) fn squares(&self) -> Vec<f64> {
        let squares = self.rows.outer_iterator();
        squares
            .map(|row| row.data().iter().map(|&x| f64::from(x).powi(2)).sum())
            .collect()
    }
}

/// The same cells with the columns in rows.
pub(crate) fn transposed(matrix: &InteractionMatrix) -> InteractionMatrix {
    matrix.transpose_view().to_csr()
}

fn without_zeros(matrix: &InteractionMatrix) -> InteractionMatrix {
    if matrix.data().iter().all(|&x| x != 0.0) {
        return matrix.clone();
    }
    let rows = matrix.outer_iterator().map(|row| {
        let cells = row.iter().filter(|&(_, &x)| x != 0.0);
        cells.map(|(column, &x)| (column as u32, x)).collect()
    });
    from_rows(matrix.cols(), rows)
}

/// A matrix of rows that ascend by column.
pub(crate) fn from_rows(
    columns: usize,
    rows: impl IntoIterator<Item = Vec<(u32, f32)>>,
) -> InteractionMatrix {
    let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in rows {
        indices.extend(row.iter().map(|(column, _)| *column));
        values.extend(row.iter().map(|(_, value)| *value));
        starts.push(indices.len());
    }
    InteractionMatrix::new((starts.len() - 1, columns), starts, indices, values)
}

/// Products of all pairs of rows, kept or computed when they are asked for. Sums are taken in f64 and
/// rounded to f32, so neither way gives other bits.
#[derive(Debug)]
pub(crate) struct Products {
    /// What they are products of.
    pub(crate) sides: Arc<Sides>,
    kept: Option<Array2<f32>>,
}

impl Products {
    pub(crate) fn new(sides: Arc<Sides>, context: &FitContext) -> Result<Self> {
        let size = sides.rows.rows();
        let kept = (size <= KEPT)
            .then(|| symmetric::<f32>(&sides, context))
            .transpose()?;
        Ok(Self { sides, kept })
    }

    /// All of them, where they are kept.
    pub(crate) fn kept(&self) -> Option<&Array2<f32>> {
        self.kept.as_ref()
    }

    /// Calls `each` with every row's index, and its products above 0 with others than itself, by
    /// ascending index or not; gives what it returns, in the order of rows.
    pub(crate) fn each_row<T: Send>(
        &self,
        context: &FitContext,
        each: impl Fn(usize, &mut dyn Iterator<Item = (u32, f32)>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let size = self.sides.rows.rows();
        let blocks: Vec<Vec<T>> = (0..size.div_ceil(BLOCK))
            .into_par_iter()
            .map_init(
                || Accumulator::new(if self.kept.is_some() { 0 } else { size }),
                |accumulator, block| {
                    context.check_cancelled()?;
                    let rows = block * BLOCK..size.min((block + 1) * BLOCK);
                    let of_row = |row: usize| {
                        if let Some(kept) = &self.kept {
                            let others = kept.row(row);
                            let others = others.iter().enumerate();
                            let mut others = others
                                .map(|(other, &product)| (other as u32, product))
                                .filter(|&(other, product)| {
                                    product != 0.0 && other as usize != row
                                });
                            return each(row, &mut others);
                        }
                        accumulator.of_row(&self.sides, row, |others| each(row, others))
                    };
                    Ok(rows.map(of_row).collect())
                },
            )
            .collect::<Result<_>>()?;
        Ok(blocks.into_iter().flatten().collect())
    }
}

/// Sums by index, of which only those that were touched are looked at and put back to 0.
#[derive(Debug)]
pub(crate) struct Accumulator {
    sums: Vec<f64>,
    touched: Vec<u32>,
}

impl Accumulator {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            sums: vec![0.0; size],
            touched: Vec::new(),
        }
    }

    fn of_row<T>(
        &mut self,
        sides: &Sides,
        row: usize,
        take: impl FnOnce(&mut dyn Iterator<Item = (u32, f32)>) -> T,
    ) -> T {
        let (columns, values) = cells(&sides.rows, row);
        self.of_cells(&sides.columns, columns, values, |others| {
            take(&mut others.filter(|&(other, _)| other as usize != row))
        })
    }

    /// Products of a row given by its cells with all rows of a matrix, whose columns are given; those
    /// that are not 0.
    pub(crate) fn of_cells<T>(
        &mut self,
        by_column: &InteractionMatrix,
        columns: &[u32],
        values: &[f32],
        take: impl FnOnce(&mut dyn Iterator<Item = (u32, f32)>) -> T,
    ) -> T {
        for (&column, &value) in columns.iter().zip(values) {
            let value = f64::from(value);
            let (others, weights) = cells(by_column, column as usize);
            for (&other, &weight) in others.iter().zip(weights) {
                self.add(other, value * f64::from(weight));
            }
        }
        self.drain(|sum| sum as f32, take)
    }

    /// Adds to a sum what is not 0.
    #[inline]
    pub(crate) fn add(&mut self, index: u32, more: f64) {
        let sum = &mut self.sums[index as usize];
        if *sum == 0.0 {
            self.touched.push(index);
        }
        *sum += more;
    }

    /// What was added since the last time, with what `of` makes of each sum, where that is not 0.
    pub(crate) fn drain<T>(
        &mut self,
        of: impl Fn(f64) -> f32,
        take: impl FnOnce(&mut dyn Iterator<Item = (u32, f32)>) -> T,
    ) -> T {
        let sums = &mut self.sums;
        let mut others = self
            .touched
            .iter()
            .map(|&other| (other, of(sums[other as usize])))
            .filter(|(_, sum)| *sum != 0.0);
        let taken = take(&mut others);
        for other in self.touched.drain(..) {
            sums[other as usize] = 0.0;
        }
        taken
    }
}

/// Indices and values of a row.
pub(crate) fn cells(matrix: &InteractionMatrix, row: usize) -> (&[u32], &[f32]) {
    let starts = matrix.indptr();
    let range = starts.outer_inds_sz(row);
    (&matrix.indices()[range.clone()], &matrix.data()[range])
}

/// All products of all rows, each row's with itself included.
///
/// # Errors
/// If they do not fit in memory.
pub(crate) fn symmetric<T: Real>(sides: &Sides, context: &FitContext) -> Result<Array2<T>> {
    let size = sides.rows.rows();
    let mut products = Vec::new();
    let room = size
        .checked_mul(size)
        .filter(|&cells| products.try_reserve_exact(cells).is_ok());
    let Some(room) = room else {
        let products = in_words(size, size_of::<T>());
        return Err(Error::model(format!(
            "{products}, more than there is memory for"
        )));
    };
    products.resize(room, T::zero());
    let sums = Sums::of(sides);
    // The upper half: the products of a row with those behind it, and with itself.
    products
        .par_chunks_mut((BLOCK * size).max(1))
        .enumerate()
        .try_for_each_init(
            || sums.zeros(),
            |own, (block, products)| {
                context.check_cancelled()?;
                for (at, out) in products.chunks_exact_mut(size).enumerate() {
                    let row = block * BLOCK + at;
                    sums.of_row(row, own, &mut out[row..]);
                }
                Ok(())
            },
        )?;
    mirror(&mut products, size, Half::Upper);
    Ok(Array2::from_shape_vec((size, size), products).expect("as many as made room for"))
}

/// Bytes of the products of so many rows that are kept.
pub(crate) fn kept_bytes(rows: f64) -> f64 {
    if rows <= KEPT as f64 {
        4.0 * rows * rows
    } else {
        0.0
    }
}

/// How much the products of all pairs of items take, in words.
pub(crate) fn in_words(items: usize, bytes: usize) -> String {
    let all = items as f64 * items as f64 * bytes as f64;
    format!(
        "the products of all pairs of {items} items are {items} × {items} numbers of {bytes} bytes, {:.1} GB",
        all / 1e9
    )
}

/// The products of a row with itself and those behind it.
struct Sums<'a> {
    sides: &'a Sides,
    /// Where among the cells by column each cell by row is: those behind it are of the same column and later rows.
    places: Vec<usize>,
    /// The rows of each column in 2 bytes, where so few tell them apart.
    narrow: Option<Vec<u16>>,
}

/// Zeros to add to. An index of 2 bytes always lies in an array of 2¹⁶, so that none has to be checked.
enum Zeros {
    /// How many columns have both.
    Counts(Vec<u32>),
    /// Sums of products.
    Numbers(Vec<f64>),
}

impl<'a> Sums<'a> {
    fn of(sides: &'a Sides) -> Self {
        let narrow = |&row: &u32| u16::try_from(row).ok();
        let rows = sides.columns.indices();
        let starts = sides.columns.indptr();
        let mut next: Vec<usize> = starts.iter_outer_sz().map(|cells| cells.start).collect();
        let columns = sides.rows.indices().iter();
        let places = columns.map(|&column| {
            let next = &mut next[column as usize];
            *next += 1;
            *next - 1
        });
        Self {
            sides,
            places: places.collect(),
            narrow: rows.iter().map(narrow).collect(),
        }
    }

    fn zeros(&self) -> Zeros {
        match &self.narrow {
            Some(_) if self.sides.ones => Zeros::Counts(vec![0; NARROW]),
            Some(_) => Zeros::Numbers(vec![0.0; NARROW]),
            None => Zeros::Numbers(vec![0.0; self.sides.rows.rows()]),
        }
    }

    /// Puts the products of a row with itself and those behind it into `out`.
    fn of_row<T: Real>(&self, row: usize, zeros: &mut Zeros, out: &mut [T]) {
        let (columns, values) = cells(&self.sides.rows, row);
        let starts = self.sides.columns.indptr();
        let places = &self.places[self.sides.rows.indptr().outer_inds_sz(row)];
        // The cells of each column from this row on, and the row's own in it.
        let columns = columns.iter().zip(places).zip(values);
        let columns = columns.map(|((&column, &place), &value)| {
            let end = starts.outer_inds_sz(column as usize).end;
            (place..end, f64::from(value))
        });
        let weights = self.sides.columns.data();
        match (zeros, &self.narrow) {
            (Zeros::Counts(counts), Some(narrow)) => {
                let counts: &mut [u32; NARROW] = counts.first_chunk_mut().expect("as made");
                for (cells, _) in columns {
                    for &other in &narrow[cells] {
                        counts[usize::from(other)] += 1;
                    }
                }
                take(out, &mut counts[row..], f64::from);
            }
            (Zeros::Numbers(sums), Some(narrow)) => {
                let sums: &mut [f64; NARROW] = sums.first_chunk_mut().expect("as made");
                for (cells, value) in columns {
                    for (&other, &weight) in narrow[cells.clone()].iter().zip(&weights[cells]) {
                        sums[usize::from(other)] += value * f64::from(weight);
                    }
                }
                take(out, &mut sums[row..], |sum| sum);
            }
            (Zeros::Numbers(sums), None) => {
                let others = self.sides.columns.indices();
                for (cells, value) in columns {
                    for (&other, &weight) in others[cells.clone()].iter().zip(&weights[cells]) {
                        sums[other as usize] += value * f64::from(weight);
                    }
                }
                take(out, &mut sums[row..], |sum| sum);
            }
            (Zeros::Counts(_), None) => unreachable!("counts are for few rows"),
        }
    }
}

/// Moves sums out, and leaves zeros.
fn take<S: Copy + Default, T: Real>(out: &mut [T], sums: &mut [S], wide: impl Fn(S) -> f64) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = T::narrow(wide(std::mem::take(sum)));
    }
}

/// Which half of a symmetric matrix holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Upper,
    Lower,
}

/// Fills the other half of a symmetric matrix of `size` rows.
pub(crate) fn mirror<T: Copy + Send + Sync>(matrix: &mut [T], size: usize, of: Half) {
    // By blocks of rows: what stands before a block is read, the block itself written, or the other way round.
    for first in (0..size).step_by(BLOCK) {
        let last = size.min(first + BLOCK);
        let (before, rest) = matrix.split_at_mut(first * size);
        let block = &mut rest[..(last - first) * size];
        match of {
            Half::Upper => {
                // Below the diagonal: what stands above it, in the rows before and in the block itself. By tiles, so
                // that what is read down a column is still there for the next one.
                block
                    .par_chunks_mut(TILE * size)
                    .enumerate()
                    .for_each(|(tile, rows)| {
                        for left in (0..first).step_by(TILE) {
                            for (at, row) in rows.chunks_exact_mut(size).enumerate() {
                                let column = first + tile * TILE + at;
                                for (at, out) in
                                    row[left..first.min(left + TILE)].iter_mut().enumerate()
                                {
                                    *out = before[(left + at) * size + column];
                                }
                            }
                        }
                    });
            }
            Half::Lower => {
                before
                    .par_chunks_exact_mut(size)
                    .enumerate()
                    .for_each(|(row, out)| {
                        for (at, out) in out[first..last].iter_mut().enumerate() {
                            *out = block[at * size + row];
                        }
                    });
            }
        }
        for row in 0..last - first {
            for column in 0..row {
                let (below, above) = (row * size + first + column, column * size + first + row);
                match of {
                    Half::Upper => block[below] = block[above],
                    Half::Lower => block[above] = block[below],
                }
            }
        }
    }
}
