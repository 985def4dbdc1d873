//! Sums of scaled rows of a sparse matrix, for sixteen people at once.
//!
//! The rows that one of them asks for are asked for by others too, if they are many of few. So a number of the matrix
//! is read once and added to the sums of all sixteen, each scaled by what it counts for, which is 0 for who did not
//! ask. The columns are cut into bands, the sums of one of which the nearest cache holds.
//!
//! Every sum runs in the order of the rows, and adding `0 · x` changes no sum that began with 0, so it has the bits of
//! one computed alone.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::ops::Range;

use musicrec_api::InteractionMatrix;
use ndarray::{ArrayViewMut2, Axis, Slice};
use pulp::Arch;

use crate::aligned::Aligned;
use crate::kernel::{self, Kernel, MOST_PARTS, Work};
use crate::neighbors::multiply;
use crate::products::cells;
use crate::real::LANES;

/// Columns of a band.
const WIDTH: usize = 512;
/// Numbers of a row in a band, in the mean, below which finding where they begin takes longer than adding them.
const FEW: usize = 8;

/// Whose sums are computed together.
type Together = [f32; LANES];

/// A matrix to be multiplied by sparse rows.
#[derive(Debug)]
pub(crate) struct Bands {
    /// None where they would be too many for what a row holds.
    bands: Vec<Band>,
    arch: Arch,
}

/// Some columns of the matrix.
#[derive(Debug)]
struct Band {
    columns: Range<usize>,
    /// Where each row begins in the others, and where the last one ends.
    starts: Vec<usize>,
    /// Columns, from the first of the band.
    indices: Vec<u16>,
    values: Vec<f32>,
}

impl Bands {
    pub(crate) fn new(matrix: &InteractionMatrix) -> Self {
        let columns = matrix.cols();
        let worth = FEW * matrix.rows() * columns.div_ceil(WIDTH) <= matrix.nnz();
        let starts = (0..if worth { columns } else { 0 }).step_by(WIDTH);
        let bands = starts.map(|start| Band::of(matrix, start..columns.min(start + WIDTH)));
        Self {
            bands: bands.collect(),
            arch: Arch::new(),
        }
    }

    /// Rows of the product of `left` and `matrix`, which these are the bands of. Sums run in the order of the columns
    /// of `left`, and have the bits of [`multiply`].
    pub(crate) fn multiply(
        &self,
        left: &InteractionMatrix,
        matrix: &InteractionMatrix,
        rows: &[u32],
        mut out: ArrayViewMut2<f32>,
    ) {
        if self.bands.is_empty() {
            return multiply(left, matrix, rows, out);
        }
        // Those who ask for many rows have more of them in common.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(cells(left, rows[at] as usize).0.len()));
        let mut union = Union::new(left.cols());
        let mut sums = Aligned::<f32>::zeros(WIDTH * LANES);
        for together in order.chunks(LANES) {
            let all = union.fill(left, together.iter().map(|&at| rows[at]));
            if all * 2 < union.rows.len() * 3 {
                // Who has little in common is better off alone.
                for &at in together {
                    let row = out.slice_axis_mut(Axis(0), Slice::from(at..=at));
                    multiply(left, matrix, &rows[at..=at], row);
                }
                continue;
            }
            for band in &self.bands {
                let (sums, _) = sums.as_mut_slice().as_chunks_mut();
                let sums: &mut [Together] = &mut sums[..band.columns.len()];
                sums.fill([0.0; LANES]);
                let work = Sums {
                    band,
                    union: &union,
                    totals: sums,
                };
                kernel::run(self.arch, work);
                for (lane, &at) in together.iter().enumerate() {
                    let mut row = out.row_mut(at);
                    let row = row.as_slice_mut().expect("rows are contiguous");
                    for (out, sum) in row[band.columns.clone()].iter_mut().zip(&*sums) {
                        *out = sum[lane];
                    }
                }
            }
        }
    }
}

impl Band {
    fn of(matrix: &InteractionMatrix, columns: Range<usize>) -> Self {
        let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in 0..matrix.rows() {
            let (all, numbers) = cells(matrix, row);
            let place = |column| all.partition_point(|&known| (known as usize) < column);
            let here = place(columns.start)..place(columns.end);
            indices.extend(
                all[here.clone()]
                    .iter()
                    .map(|&column| (column as usize - columns.start) as u16),
            );
            values.extend(&numbers[here]);
            starts.push(indices.len());
        }
        Self {
            columns,
            starts,
            indices,
            values,
        }
    }
}

/// The rows that some people ask for, ascending, and what each counts for whom.
struct Union {
    rows: Vec<u32>,
    factors: Vec<Together>,
    /// Of all rows, those that somebody asks for; nobody between two uses.
    asked: Vec<bool>,
    /// Where each of them is in `rows`; of others anything.
    places: Vec<u32>,
}

impl Union {
    fn new(rows: usize) -> Self {
        Self {
            rows: Vec::new(),
            factors: Vec::new(),
            asked: vec![false; rows],
            places: vec![0; rows],
        }
    }

    /// Takes in the rows of `left` that people have. How many cells that were is returned.
    fn fill(
        &mut self,
        left: &InteractionMatrix,
        people: impl Iterator<Item = u32> + Clone,
    ) -> usize {
        let mut all = 0;
        for person in people.clone() {
            let (rows, _) = cells(left, person as usize);
            all += rows.len();
            for &row in rows {
                self.asked[row as usize] = true;
            }
        }
        self.rows.clear();
        for (row, (asked, place)) in (0..).zip(self.asked.iter_mut().zip(&mut self.places)) {
            if std::mem::take(asked) {
                *place = self.rows.len() as u32;
                self.rows.push(row);
            }
        }
        self.factors.clear();
        self.factors.resize(self.rows.len(), [0.0; LANES]);
        for (lane, person) in people.enumerate() {
            let (rows, factors) = cells(left, person as usize);
            for (&row, &factor) in rows.iter().zip(factors) {
                self.factors[self.places[row as usize] as usize][lane] = factor;
            }
        }
        all
    }
}

/// Adds the rows of a band that are asked for, scaled.
struct Sums<'a> {
    band: &'a Band,
    union: &'a Union,
    totals: &'a mut [Together],
}

impl Work for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) {
        let parts = K::parts::<f32>();
        let Band {
            starts,
            indices,
            values,
            ..
        } = self.band;
        for (&row, factors) in self.union.rows.iter().zip(&self.union.factors) {
            let here = starts[row as usize]..starts[row as usize + 1];
            let mut scale = [kernel.splat(0.0); MOST_PARTS];
            scale[..parts].copy_from_slice(K::registers(factors));
            for (&column, &value) in indices[here.clone()].iter().zip(&values[here]) {
                let value = kernel.splat(value);
                let sums = K::registers_mut(&mut self.totals[usize::from(column)]);
                for part in 0..parts {
                    sums[part] = kernel.add(sums[part], kernel.multiply(scale[part], value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{Bands, WIDTH};
    use crate::neighbors::multiply;
    use crate::products::from_rows;

    /// Together, alone, and of a matrix of too few numbers; more people than are taken together.
    #[test]
    fn products_have_the_bits_of_those_of_each_alone() {
        for (width, per_row, bands) in [(3 * WIDTH - 5, 90, 3), (7, 3, 0), (9_000, 40, 0)] {
            let cell = |row: usize, at: usize| {
                let column = (at * (width / per_row) + row % 2) as u32;
                (column, 1.0 / (1 + row * 7 + at * 3) as f32 - 0.01)
            };
            let right = (0..300).map(|row| (0..per_row).map(|at| cell(row, at)).collect());
            let right = from_rows(width, right);
            // The last ones have next to nothing in common.
            let left = (0..40_usize).map(|row| {
                let columns = (row..300).step_by(if row < 25 { row / 4 + 1 } else { 70 });
                columns.map(|c| (c as u32, 1.0 + c as f32 / 9.0)).collect()
            });
            let left = from_rows(300, left);
            let prepared = Bands::new(&right);
            assert_eq!(prepared.bands.len(), bands);
            let rows: Vec<u32> = (0..40).rev().filter(|row| row % 9 != 4).collect();
            let mut out = Array2::from_elem((rows.len(), width), f32::NAN);
            prepared.multiply(&left, &right, &rows, out.view_mut());
            let mut plain = Array2::zeros(out.dim());
            multiply(&left, &right, &rows, plain.view_mut());
            assert_eq!(out, plain);
        }
    }

    #[test]
    fn without_columns_there_is_nothing() {
        let none = from_rows(0, [vec![]]);
        let mut out = Array2::zeros((1, 0));
        let bands = Bands::new(&none);
        bands.multiply(&from_rows(1, [vec![]]), &none, &[0], out.view_mut());
    }
}
