//! The scores of a few users for a panel of items.

#![expect(
    clippy::inline_always,
    reason = "instructions chosen at run time reach only what is inlined where they were chosen"
)]

use pulp::Simd;

use super::factors::{PANEL, TOGETHER};

/// How products are added up.
pub(super) trait Kernel: Copy {
    /// Calls `found(user, lane, score)` at least for all scores of a user that are not below their `least`. `panel`
    /// holds for each factor the values of all its items.
    fn scores(
        self,
        panel: &[f32],
        users: &[&[f32]; TOGETHER],
        least: &[f32; TOGETHER],
        found: impl FnMut(usize, usize, f32),
    );
}

/// Rounded once a step, by instructions of this kind.
#[derive(Clone, Copy)]
pub(super) struct Fused<S>(pub(super) S);

impl<S: Simd> Kernel for Fused<S> {
    #[inline(always)]
    fn scores(
        self,
        panel: &[f32],
        users: &[&[f32]; TOGETHER],
        least: &[f32; TOGETHER],
        mut found: impl FnMut(usize, usize, f32),
    ) {
        let simd = self.0;
        let lanes = S::F32_LANES;
        let factors = panel.len() / PANEL;
        // Slices of one length, so that the compiler checks no index within the loop.
        let users = users.map(|user| &user[..factors]);
        for start in (0..PANEL).step_by(2 * lanes) {
            let mut sums = [[simd.splat_f32s(0.0); 2]; TOGETHER];
            for (at, values) in panel.chunks_exact(PANEL).enumerate() {
                let (values, _) = S::as_simd_f32s(&values[start..start + 2 * lanes]);
                for user in 0..TOGETHER {
                    let factor = simd.splat_f32s(users[user][at]);
                    sums[user][0] = simd.mul_add_f32s(factor, values[0], sums[user][0]);
                    sums[user][1] = simd.mul_add_f32s(factor, values[1], sums[user][1]);
                }
            }
            for user in 0..TOGETHER {
                let bound = simd.splat_f32s(least[user]);
                for (register, sum) in sums[user].iter().enumerate() {
                    let reach = simd.greater_than_or_equal_f32s(*sum, bound);
                    if simd.first_true_m32s(reach) == lanes {
                        continue;
                    }
                    let first = start + register * lanes;
                    let scores: &[f32] = pulp::bytemuck::cast_slice(std::slice::from_ref(sum));
                    for (lane, &score) in scores.iter().enumerate() {
                        if score >= least[user] {
                            found(user, first + lane, score);
                        }
                    }
                }
            }
        }
    }
}

/// Rounded twice a step, which every machine can.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Kernel for Plain {
    #[inline(always)]
    fn scores(
        self,
        panel: &[f32],
        users: &[&[f32]; TOGETHER],
        least: &[f32; TOGETHER],
        mut found: impl FnMut(usize, usize, f32),
    ) {
        for user in 0..TOGETHER {
            let mut sums = [0.0; PANEL];
            for (values, &factor) in panel.chunks_exact(PANEL).zip(users[user]) {
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += factor * value;
                }
            }
            for (lane, &score) in sums.iter().enumerate() {
                if score >= least[user] {
                    found(user, lane, score);
                }
            }
        }
    }
}
