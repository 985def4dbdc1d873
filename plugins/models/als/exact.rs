//! Solving the equations of rows directly, in the coordinates of [`Basis`](super::basis::Basis).
//!
//! A row's equations are `(D + Σ w z zᵀ) v = Σ (1 + w) z`, factors × factors. With as many cells as that or more
//! they are solved as they stand. With fewer, n cells whose `s = √w D^(-½) z` are the rows of S, they are the same as
//! `(I + S Sᵀ) q = (1 + w) / √w` and `v = D^(-½) Sᵀ q`, n × n.
//!
//! As the z of all rows of the fixed side together give `Σ z zᵀ ≤ D`, the equations are conditioned no worse than
//! 1 to 1 + the greatest w, whatever the factors are.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use std::ops::RangeInclusive;

use pulp::Arch;

use super::equations::Equations;
use super::half_step::Unsolvable;
use super::lanes;
use super::symmetric::{NoPivot, TILE, add_products, factorize, inner_products, substitute};
use crate::aligned::Aligned;
use crate::kernel::{self, Kernel, Work};
use crate::real::{LANES, Real};

/// Cells whose products are summed tile by tile before the next: their rows stay in the cache.
const PANEL: usize = 64;

/// With at most this share of the factors as cells the n × n equations are solved: measured.
const SHORT: f64 = 0.75;

/// With at most so many cells they are solved for many rows at once: their matrices stay in the cache.
const SHORTEST: usize = 48;

/// Weights below would make 1 / √w, and above w, too large to calculate with.
const CALCULABLE: RangeInclusive<f64> = 1e-3..=1e12;

/// Whether equations with weights up to this one can be solved in such numbers: their condition is at most one more, so the
/// last three digits of f32 may be lost, and as much of f64.
pub(super) fn bears<T: Real>(weight: f64) -> bool {
    weight * T::EPSILON <= 1e3 * f64::from(f32::EPSILON)
}

/// What one thread needs, used anew for each row.
pub(super) struct Scratch<T> {
    matrix: Aligned<T>,
    /// Rows of the fixed side, scaled.
    gathered: Aligned<T>,
    inverse: Vec<T>,
    /// D^(-½), and what was added to D.
    roots: Vec<T>,
    added: Option<T>,
    /// The right side of equations, then, of n × n ones, their solution.
    short: Aligned<T>,
    terms: Vec<(usize, T)>,
    done: Vec<(usize, T)>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(width: usize) -> Self {
        let together = if width == 0 { 0 } else { LANES * SHORTEST };
        Self {
            matrix: Aligned::zeros((width * width).max(together * SHORTEST)),
            gathered: Aligned::zeros((width * width).max(together * width)),
            inverse: vec![T::zero(); width],
            roots: vec![T::zero(); width],
            added: None,
            short: Aligned::zeros(width.max(together)),
            terms: Vec::new(),
            done: Vec::with_capacity(width),
        }
    }
}

/// How many numbers a [`Scratch`] holds, roughly.
pub(super) fn scratch(width: f64) -> f64 {
    let together = (LANES * SHORTEST) as f64;
    let matrix = (width * width).max(together * SHORTEST as f64);
    let gathered = (width * width).max(together * width);
    matrix + gathered + width.max(together) + 2.0 * width
}

/// A row: its equations, and where the solution goes.
pub(super) type Row<'a, T> = (Equations<'a, T>, &'a mut [T]);

/// Solves for rows, whatever their order; it may change. Returns what they add to the loss, which is `Σ (1 + w) − bᵀv`
/// at the solution of equations with b on the right side.
pub(super) fn solve<T: Real>(
    arch: Arch,
    rows: &mut [Row<T>],
    scratch: &mut Scratch<T>,
) -> Result<f64, Unsolvable> {
    kernel::run(arch, Solve { rows, scratch })
}

struct Solve<'a, 'b, 'c, T> {
    rows: &'a mut [Row<'b, T>],
    scratch: &'c mut Scratch<T>,
}

impl<T: Real> Work for Solve<'_, '_, '_, T> {
    type Output = Result<f64, Unsolvable>;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> Result<f64, Unsolvable> {
        let mut loss = 0.0;
        let Self { rows, scratch } = self;
        rows.sort_by_key(|(equations, _)| equations.columns.len());
        let shortest = rows.partition_point(|(equations, _)| {
            let width = equations.diagonal.len();
            equations.columns.len() <= SHORTEST.min(short(width))
        });
        let (shortest, others) = rows.split_at_mut(shortest);
        for group in shortest.chunks_mut(LANES) {
            if group
                .iter()
                .all(|(equations, _)| equations.are_calculable())
            {
                loss += many(kernel, group, scratch);
                continue;
            }
            for row in group {
                loss += one(kernel, row, scratch)?;
            }
        }
        // Not within a closure: instructions chosen at run time reach only what is inlined.
        for row in others {
            loss += one(kernel, row, scratch)?;
        }
        Ok(loss)
    }
}

/// How many cells make n × n equations the shorter ones.
fn short(width: usize) -> usize {
    (SHORT * width as f64) as usize
}

impl<T: Real> Equations<'_, T> {
    /// Whether the weights are neither too small nor too large for n × n equations.
    fn are_calculable(&self) -> bool {
        self.strengths
            .iter()
            .all(|&r| CALCULABLE.contains(&(self.alpha * f64::from(r))))
    }

    /// The cells: where the fixed side's row begins, and the weight.
    fn terms(&self) -> impl Iterator<Item = (usize, T)> {
        let width = self.diagonal.len();
        let cells = self.columns.iter().zip(self.strengths);
        cells.map(move |(&column, &r)| {
            let weight = T::narrow(self.alpha * f64::from(r));
            (column as usize * width, weight)
        })
    }
}

/// Solves for as many short rows as there are lanes.
#[inline(always)]
fn many<T: Real>(kernel: impl Kernel, rows: &mut [Row<T>], scratch: &mut Scratch<T>) -> f64 {
    let size = rows.iter().map(|(e, _)| e.columns.len()).max().unwrap_or(0);
    let matrix = &mut scratch.matrix.as_mut_slice()[..size * size * LANES];
    let right = &mut scratch.short.as_mut_slice()[..size * LANES];
    let mut gathered = scratch.gathered.as_mut_slice();
    // Beyond a row's own equations and for lanes without one: 1 · 0 = 0.
    right.fill(T::zero());
    matrix.fill(T::zero());
    for at in 0..size {
        matrix[(at * size + at) * LANES..][..LANES].fill(T::one());
    }
    let mut start = 0;
    for (lane, (equations, _)) in rows.iter().enumerate() {
        let (width, cells) = (equations.diagonal.len(), equations.columns.len());
        roots(equations, &mut scratch.roots, &mut scratch.added);
        let gathered = &mut gathered[start..][..cells * width];
        gather(equations, &scratch.roots, gathered, |at, value| {
            right[at * LANES + lane] = value;
        });
        inner_products(kernel, gathered, width, cells, |i, j, product| {
            let entry = &mut matrix[(i * size + j) * LANES + lane];
            *entry = if i == j { T::one() + product } else { product };
        });
        start += cells * width;
    }
    lanes::solve(kernel, matrix, size, right);
    let mut loss = 0.0;
    for (lane, (equations, v)) in rows.iter_mut().enumerate() {
        let (width, cells) = (equations.diagonal.len(), equations.columns.len());
        roots(equations, &mut scratch.roots, &mut scratch.added);
        let (these, others) = gathered.split_at_mut(cells * width);
        gathered = others;
        let solution = right.iter().skip(lane).step_by(LANES).copied();
        loss += loss_of_cells(equations, solution.clone());
        scatter(kernel, these, solution, &scratch.roots, v);
    }
    loss
}

/// What a row adds to the loss by the solution q of its n × n equations: `bᵀv` is `pᵀ S Sᵀ q` with p on their right side,
/// and `S Sᵀ q = p − q`.
#[inline(always)]
fn loss_of_cells<T: Real>(equations: &Equations<T>, solution: impl Iterator<Item = T>) -> f64 {
    let mut loss = 0.0;
    for ((_, weight), q) in equations.terms().zip(solution) {
        let confidence = 1.0 + weight.wide();
        let right = confidence / weight.wide().sqrt();
        loss += confidence - right * (right - q.wide());
    }
    loss
}

/// D^(-½), if it is not there already.
#[inline(always)]
fn roots<T: Real>(equations: &Equations<T>, roots: &mut [T], of: &mut Option<T>) {
    if *of != Some(equations.added) {
        for (root, &d) in roots.iter_mut().zip(equations.diagonal) {
            *root = T::one() / (d + equations.added).root();
        }
        *of = Some(equations.added);
    }
}

/// The rows of S, and to `right` what is on the right side of the n × n equations.
#[inline(always)]
fn gather<T: Real>(
    equations: &Equations<T>,
    roots: &[T],
    gathered: &mut [T],
    mut right: impl FnMut(usize, T),
) {
    let width = roots.len();
    let rows = gathered.chunks_exact_mut(width);
    for (at, ((start, weight), row)) in equations.terms().zip(rows).enumerate() {
        let root = weight.root();
        right(at, (T::one() + weight) / root);
        let z = &equations.fixed[start..][..width];
        for ((s, &z), &scale) in row.iter_mut().zip(z).zip(roots) {
            *s = root * scale * z;
        }
    }
}

/// `v = D^(-½) Sᵀ q`.
#[inline(always)]
fn scatter<T: Real>(
    kernel: impl Kernel,
    gathered: &[T],
    solution: impl Iterator<Item = T>,
    roots: &[T],
    v: &mut [T],
) {
    v.fill(T::zero());
    for (row, q) in gathered.chunks_exact(roots.len()).zip(solution) {
        kernel.add_scaled(v, q, row);
    }
    for (v, &root) in v.iter_mut().zip(roots) {
        *v = *v * root;
    }
}

/// Solves for one row.
#[inline(always)]
fn one<T: Real>(
    kernel: impl Kernel,
    (equations, v): &mut Row<T>,
    scratch: &mut Scratch<T>,
) -> Result<f64, Unsolvable> {
    let cells = equations.columns.len();
    let solved = if cells <= short(v.len()) && equations.are_calculable() {
        by_cells(kernel, equations, v, scratch)
    } else {
        by_factors(kernel, equations, v, scratch)
    };
    solved.map_err(|_: NoPivot| {
        let is_finite = equations.terms().all(|(start, weight)| {
            let z = &equations.fixed[start..][..v.len()];
            z.iter().all(|&z| (weight * z * z).wide().is_finite())
        });
        if is_finite {
            Unsolvable::NotPositiveDefinite
        } else {
            Unsolvable::NotFinite
        }
    })
}

/// By its equations as they stand.
#[inline(always)]
fn by_factors<T: Real>(
    kernel: impl Kernel,
    equations: &Equations<T>,
    v: &mut [T],
    scratch: &mut Scratch<T>,
) -> Result<f64, NoPivot> {
    let width = v.len();
    let Scratch {
        matrix,
        inverse,
        short,
        terms,
        done,
        ..
    } = scratch;
    let b = &mut short.as_mut_slice()[..width];
    terms.clear();
    terms.extend(equations.terms());
    let matrix = &mut matrix.as_mut_slice()[..width * width];
    matrix.fill(T::zero());
    for (at, &d) in equations.diagonal.iter().enumerate() {
        matrix[at * width + at] = d + equations.added;
    }
    v.fill(T::zero());
    for terms in terms.chunks(PANEL) {
        for &(start, weight) in terms {
            kernel.add_scaled(v, T::one() + weight, &equations.fixed[start..][..width]);
        }
        add_products(kernel, matrix, width, equations.fixed, terms);
    }
    factorize(kernel, matrix, width, width, inverse, done)?;
    b.copy_from_slice(v);
    substitute(kernel, matrix, width, width, inverse, v);
    let total: f64 = terms.iter().map(|(_, weight)| 1.0 + weight.wide()).sum();
    Ok(total - kernel.dot(b, v).wide())
}

/// By the n × n ones.
#[inline(always)]
fn by_cells<T: Real>(
    kernel: impl Kernel,
    equations: &Equations<T>,
    v: &mut [T],
    scratch: &mut Scratch<T>,
) -> Result<f64, NoPivot> {
    let (width, cells) = (v.len(), equations.columns.len());
    let stride = cells.next_multiple_of(TILE);
    let matrix = &mut scratch.matrix.as_mut_slice()[..stride * stride];
    let gathered = &mut scratch.gathered.as_mut_slice()[..cells * width];
    let right = &mut scratch.short.as_mut_slice()[..stride];
    let inverse = &mut scratch.inverse;
    roots(equations, &mut scratch.roots, &mut scratch.added);
    right.fill(T::zero());
    gather(equations, &scratch.roots, gathered, |at, value| {
        right[at] = value;
    });
    inner_products(kernel, gathered, width, cells, |i, j, product| {
        matrix[i * stride + j] = product;
    });
    for (at, row) in matrix.chunks_exact_mut(stride).take(cells).enumerate() {
        row[at] = row[at] + T::one();
        row[cells..].fill(T::zero());
    }
    factorize(kernel, matrix, stride, cells, inverse, &mut scratch.done)?;
    substitute(kernel, matrix, stride, cells, inverse, right);
    scatter(kernel, gathered, right.iter().copied(), &scratch.roots, v);
    Ok(loss_of_cells(equations, right.iter().copied()))
}
