//! Each way of solving the equations of a row directly, against plain ones in f64.

use ndarray::{Array1, Array2};
use pulp::Arch;

use super::agreement::gauss;
use crate::als::equations::Equations;
use crate::als::exact::{self, Scratch};
use crate::als::gram::gram;
use crate::als::half_step::Unsolvable;
use crate::als::lanes;
use crate::als::symmetric::{NoPivot, TILE, add_products, factorize, substitute};
use crate::kernel::{self, Kernel, Plain, Work};
use crate::real::{LANES, Real};

fn number(at: usize) -> f64 {
    ((at * 7919 + 13) % 1009) as f64 / 504.5 - 1.0
}

/// A positive definite matrix and a right side.
fn system(size: usize, salt: usize) -> (Array2<f64>, Array1<f64>) {
    let m = Array2::from_shape_fn((size, size), |(i, j)| number(i * 131 + j * 17 + salt));
    let a = m.dot(&m.t()) + Array2::<f64>::eye(size);
    (a, Array1::from_shape_fn(size, |i| number(i + salt)))
}

/// What the equations say, over a dense matrix.
fn wanted(equations: &Equations<f64>) -> Array1<f64> {
    let width = equations.diagonal.len();
    let mut a = Array2::zeros((width, width));
    let mut b = Array1::zeros(width);
    for (at, d) in equations.diagonal.iter().enumerate() {
        a[(at, at)] = d + equations.added;
    }
    for (&column, &r) in equations.columns.iter().zip(equations.strengths) {
        let z = &equations.fixed[column as usize * width..][..width];
        let weight = equations.alpha * f64::from(r);
        for i in 0..width {
            b[i] += (1.0 + weight) * z[i];
            for j in 0..width {
                a[(i, j)] += weight * z[i] * z[j];
            }
        }
    }
    gauss(a, b)
}

/// Rows of so many cells each, solved as a batch; the largest difference from what is wanted.
fn off<T: Real>(width: usize, cells: &[usize], added: f64, strength: impl Fn(usize) -> f32) -> f64 {
    let many = cells.iter().max().unwrap() + 1;
    let fixed: Vec<f64> = (0..many * width).map(|at| 0.3 * number(at)).collect();
    let diagonal: Vec<f64> = (0..width).map(|at| 1.0 + (at % 3) as f64).collect();
    let columns: Vec<u32> = (0..many as u32).rev().collect();
    let strengths: Vec<f32> = (0..many).map(strength).collect();
    let narrow = |of: &[f64]| of.iter().map(|&x| T::narrow(x)).collect::<Vec<T>>();
    let (narrow_fixed, narrow_diagonal) = (narrow(&fixed), narrow(&diagonal));
    let mut found = vec![T::zero(); cells.len() * width];
    let mut rows: Vec<exact::Row<T>> = cells
        .iter()
        .zip(found.chunks_exact_mut(width))
        .map(|(&cells, v)| {
            let equations = Equations {
                fixed: &narrow_fixed,
                columns: &columns[..cells],
                strengths: &strengths[..cells],
                alpha: 2.0,
                diagonal: &narrow_diagonal,
                added: T::narrow(added),
            };
            (equations, v)
        })
        .collect();
    exact::solve(Arch::new(), &mut rows, &mut Scratch::new(width)).unwrap();
    let mut most: f64 = 0.0;
    for (&cells, found) in cells.iter().zip(found.chunks_exact(width)) {
        let equations = Equations {
            fixed: &fixed,
            columns: &columns[..cells],
            strengths: &strengths[..cells],
            alpha: 2.0,
            diagonal: &diagonal,
            added,
        };
        let pairs = found.iter().zip(wanted(&equations));
        most = pairs.fold(most, |most, (found, wanted)| {
            most.max((found.wide() - wanted).abs())
        });
    }
    most
}

#[test]
fn rows_of_any_length_are_solved_whichever_way_is_taken() {
    for width in [16, 32, 64, 128] {
        // By lanes, by cells and by factors: all lengths around the limits between them, in one batch.
        let lengths: Vec<usize> = (1..50).chain([63, 64, 65, 95, 96, 97, 130, 300]).collect();
        for added in [0.0, 0.7] {
            let wide = off::<f64>(width, &lengths, added, |at| 1.0 + (at % 7) as f32);
            assert!(wide < 1e-10, "{width} factors, {added}: f64 is {wide} off");
            let narrow = off::<f32>(width, &lengths, added, |at| 1.0 + (at % 7) as f32);
            assert!(
                narrow < 2e-4,
                "{width} factors, {added}: f32 is {narrow} off"
            );
        }
    }
}

#[test]
fn weights_that_are_zero_tiny_or_strong_are_solved_for_too() {
    for strength in [0.0, 1e-30, 1e-9, 499.0] {
        let mixed = |at: usize| if at % 3 == 1 { strength } else { 1.0 };
        let wide = off::<f64>(32, &[1, 2, 5, 20, 40, 70], 0.0, mixed);
        assert!(wide < 1e-9, "{strength}: f64 is {wide} off");
        let narrow = off::<f32>(32, &[1, 2, 5, 20, 40, 70], 0.0, mixed);
        assert!(narrow < 2e-3, "{strength}: f32 is {narrow} off");
    }
}

/// A system in tiles, factorized and solved by one kernel.
struct InTiles<'a> {
    a: &'a Array2<f64>,
    b: &'a Array1<f64>,
}

impl Work for InTiles<'_> {
    type Output = Result<Vec<f64>, NoPivot>;

    fn run<K: Kernel>(self, kernel: K) -> Self::Output {
        let size = self.b.len();
        let stride = size.next_multiple_of(TILE);
        let mut matrix = vec![0.0; stride * stride];
        for ((i, j), &value) in self.a.indexed_iter() {
            // Below the diagonal nothing may be read.
            matrix[i * stride + j] = if i <= j { value } else { f64::NAN };
        }
        let (mut inverse, mut b) = (vec![0.0; stride], self.b.to_vec());
        b.resize(stride, 0.0);
        factorize(
            kernel,
            &mut matrix,
            stride,
            size,
            &mut inverse,
            &mut Vec::new(),
        )?;
        substitute(kernel, &matrix, stride, size, &inverse, &mut b);
        b.truncate(size);
        Ok(b)
    }
}

#[test]
fn systems_of_all_sizes_around_a_tile_are_solved_by_all_instructions() {
    for size in [1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 65, 100] {
        let (a, b) = system(size, 0);
        let wanted = gauss(a.clone(), b.clone());
        let fast = kernel::run(Arch::new(), InTiles { a: &a, b: &b }).unwrap();
        let plain = InTiles { a: &a, b: &b }.run(Plain).unwrap();
        for (at, wanted) in wanted.iter().enumerate() {
            assert!(
                (fast[at] - wanted).abs() < 1e-8,
                "{size}: {} {wanted}",
                fast[at]
            );
            assert!(
                (plain[at] - wanted).abs() < 1e-8,
                "{size}: {} {wanted}",
                plain[at]
            );
        }
    }
}

#[test]
fn singular_indefinite_and_nan_are_refused() {
    let y = Array2::from_shape_fn((40, 3), |(i, j)| (i * j) as f64 + 0.3);
    let singular = y.dot(&y.t());
    for a in [
        singular,
        ndarray::array![[0.0]],
        ndarray::array![[1.0, 2.0], [2.0, 1.0]],
        ndarray::array![[f64::NAN]],
        ndarray::array![[f64::INFINITY]],
    ] {
        let b = Array1::ones(a.nrows());
        assert_eq!(
            kernel::run(Arch::new(), InTiles { a: &a, b: &b }),
            Err(NoPivot)
        );
    }
}

struct InLanes<'a>(&'a mut [f64], usize, &'a mut [f64]);

impl Work for InLanes<'_> {
    type Output = ();

    fn run<K: Kernel>(self, kernel: K) {
        lanes::solve(kernel, self.0, self.1, self.2);
    }
}

#[test]
fn each_lane_has_the_solution_of_its_own_system() {
    for size in [1, 2, 9, 30] {
        let systems: Vec<_> = (0..LANES).map(|lane| system(size, lane * 37)).collect();
        let matrix: Vec<f64> = (0..size * size * LANES)
            .map(|at| systems[at % LANES].0[(at / LANES / size, at / LANES % size)])
            .collect();
        let right: Vec<f64> = (0..size * LANES)
            .map(|at| systems[at % LANES].1[at / LANES])
            .collect();
        let (mut fast, mut plain) = (right.clone(), right);
        kernel::run(Arch::new(), InLanes(&mut matrix.clone(), size, &mut fast));
        InLanes(&mut matrix.clone(), size, &mut plain).run(Plain);
        for (lane, (a, b)) in systems.into_iter().enumerate() {
            for (at, wanted) in gauss(a, b).iter().enumerate() {
                for found in [&fast, &plain] {
                    let found = found[at * LANES + lane];
                    assert!((found - wanted).abs() < 1e-8, "{size}: {found} {wanted}");
                }
            }
        }
    }
}

struct Products<'a>(&'a [f64], &'a mut [f64], usize);

impl Work for Products<'_> {
    type Output = ();

    fn run<K: Kernel>(self, kernel: K) {
        let terms: Vec<(usize, f64)> = (0..self.0.len() / self.2)
            .map(|row| (row * self.2, 1.0 + row as f64))
            .collect();
        add_products(kernel, self.1, self.2, self.0, &terms);
    }
}

#[test]
fn sums_of_products_are_those_of_plain_loops() {
    for width in [16, 48] {
        let from: Vec<f64> = (0..5 * width).map(number).collect();
        let mut fast: Vec<f64> = (0..width * width).map(|at| at as f64).collect();
        let mut plain = fast.clone();
        kernel::run(Arch::new(), Products(&from, &mut fast, width));
        Products(&from, &mut plain, width).run(Plain);
        for i in 0..width {
            for j in i..width {
                let sum = (0..5)
                    .map(|row| (1.0 + row as f64) * from[row * width + i] * from[row * width + j]);
                let wanted = (i * width + j) as f64 + sum.sum::<f64>();
                assert!((fast[i * width + j] - wanted).abs() < 1e-10);
                assert!((plain[i * width + j] - wanted).abs() < 1e-10);
            }
        }
    }
}

#[test]
fn the_gram_matrix_is_the_product_of_all_rows_and_symmetric() {
    let y = Array2::from_shape_fn((1500, 19), |(i, j)| number(i * 19 + j) as f32);
    let wide = y.mapv(f64::from);
    let gram = gram(&y.view());
    assert!(super::largest_difference(&gram, &wide.t().dot(&wide)) < 1e-9);
    assert_eq!(gram, gram.t());
    let nobody = Array2::<f32>::zeros((0, 19));
    assert_eq!(
        crate::als::gram::gram(&nobody.view()),
        Array2::<f64>::zeros((19, 19))
    );
}

/// Weights beyond what f32 bears are solved for in f64, and what f64 does not bear is said.
#[test]
fn strong_rows_are_solved_in_double_precision() {
    let cells = super::scattered(60, 40, 0.2);
    let strong = super::matrix(
        (60, 40),
        &cells
            .iter()
            .map(|(&r, (user, item))| {
                let r = if user == 7 { r * 1e6 } else { r };
                (user as usize, item as usize, r)
            })
            .collect::<Vec<_>>(),
    );
    let als = super::als(&serde_json::json!({"factors": 5, "solver": "exact", "iterations": 1}));
    let (fixed, step) = (
        super::start((40, 5), |x| x),
        crate::als::half_step::HalfStep::new(&als, &strong),
    );
    let (mut wide, mut narrow) = (Array2::zeros((60, 5)), Array2::zeros((60, 5)));
    step.solve(&fixed, &mut wide).unwrap();
    step.solve(&fixed.mapv(|x| x as f32), &mut narrow).unwrap();
    let size = wide.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    assert!(super::largest_difference(&wide, &super::wide(&narrow)) < 1e-5 * size);
    let infinite = super::matrix((1, 2), &[(0, 0, f32::INFINITY), (0, 1, 1.0)]);
    let step = crate::als::half_step::HalfStep::new(&als, &infinite);
    let fixed = super::start((2, 5), |x| x as f32);
    assert_eq!(
        step.solve(&fixed, &mut Array2::zeros((1, 5))),
        Err(Unsolvable::NotFinite)
    );
}
