//! The maps between pictures or filters and the transformed domain, and their adjoints.

use super::tiling::{Placed, Tiling};
use crate::kernel::kernel;
use crate::number::Number;

/// Points of the transformed domain.
pub(super) const POINTS: usize = 36;
/// Channels handled side by side in a transform.
pub(super) const LANES: usize = 16;

/// A 6×6 grid (or a smaller one in its corner) of channel lanes.
type Block<T> = [[T; LANES]; POINTS];

/// `out[o][j] = f(column j of src)[o]` for the first `width` columns.
#[inline(always)]
fn along_columns<T: Number, const I: usize, const O: usize>(
    src: &Block<T>,
    out: &mut Block<T>,
    width: usize,
    f: impl Fn([T; I]) -> [T; O],
) {
    for j in 0..width {
        for l in 0..LANES {
            let column = f(std::array::from_fn(|i| src[i * 6 + j][l]));
            for (o, value) in column.into_iter().enumerate() {
                out[o * 6 + j][l] = value;
            }
        }
    }
}

/// `out[i][o] = f(row i of src)[o]` for the first `height` rows.
#[inline(always)]
fn along_rows<T: Number, const I: usize, const O: usize>(
    src: &Block<T>,
    out: &mut Block<T>,
    height: usize,
    f: impl Fn([T; I]) -> [T; O],
) {
    for i in 0..height {
        for l in 0..LANES {
            let row = f(std::array::from_fn(|j| src[i * 6 + j][l]));
            for (o, value) in row.into_iter().enumerate() {
                out[i * 6 + o][l] = value;
            }
        }
    }
}

/// `Bᵀd`.
#[inline(always)]
fn input_1d<T: Number>(d: [T; 6]) -> [T; 6] {
    let (two, four, five) = (T::of(2.0), T::of(4.0), T::of(5.0));
    let (a, b) = (d[4] - four * d[2], d[3] - four * d[1]);
    let (c, e) = (d[4] - d[2], two * (d[3] - d[1]));
    [
        four * d[0] - five * d[2] + d[4],
        a + b,
        a - b,
        c + e,
        c - e,
        four * d[1] - five * d[3] + d[5],
    ]
}

/// `Bn`, the adjoint of [`input_1d`].
#[inline(always)]
fn input_adjoint_1d<T: Number>(n: [T; 6]) -> [T; 6] {
    let (two, four, five) = (T::of(2.0), T::of(4.0), T::of(5.0));
    let (sum_near, difference_near) = (n[1] + n[2], n[1] - n[2]);
    let (sum_far, difference_far) = (n[3] + n[4], n[3] - n[4]);
    [
        four * n[0],
        four * (n[5] - difference_near) - two * difference_far,
        -five * n[0] - four * sum_near - sum_far,
        difference_near + two * difference_far - five * n[5],
        n[0] + sum_near + sum_far,
        n[5],
    ]
}

/// `Aᵀm`.
#[inline(always)]
fn output_1d<T: Number>(m: [T; 6]) -> [T; 4] {
    let (two, four, eight) = (T::of(2.0), T::of(4.0), T::of(8.0));
    let (s, t) = (m[1] + m[2], m[1] - m[2]);
    let (u, v) = (m[3] + m[4], m[3] - m[4]);
    [
        m[0] + s + u,
        t + two * v,
        s + four * u,
        t + eight * v + m[5],
    ]
}

/// `Ay`, the adjoint of [`output_1d`].
#[inline(always)]
fn output_adjoint_1d<T: Number>(y: [T; 4]) -> [T; 6] {
    let (two, four, eight) = (T::of(2.0), T::of(4.0), T::of(8.0));
    let (even, odd) = (y[0] + y[2], y[1] + y[3]);
    let (even_far, odd_far) = (y[0] + four * y[2], two * y[1] + eight * y[3]);
    [
        y[0],
        even + odd,
        even - odd,
        even_far + odd_far,
        even_far - odd_far,
        y[3],
    ]
}

/// `Gg`.
#[inline(always)]
fn filter_1d<T: Number>(g: [T; 3]) -> [T; 6] {
    let (quarter, sixth) = (T::of(0.25), T::of(1.0 / 6.0));
    let near = -(g[0] + g[2]) * sixth;
    let far = g[0] * T::of(1.0 / 24.0) + g[2] * sixth;
    let (odd, half_odd) = (g[1] * sixth, g[1] * T::of(1.0 / 12.0));
    [
        g[0] * quarter,
        near - odd,
        near + odd,
        far + half_odd,
        far - half_odd,
        g[2],
    ]
}

/// `Gᵀu`, the adjoint of [`filter_1d`].
#[inline(always)]
fn filter_adjoint_1d<T: Number>(u: [T; 6]) -> [T; 3] {
    let sixth = T::of(1.0 / 6.0);
    let (sum_near, sum_far) = ((u[1] + u[2]) * sixth, u[3] + u[4]);
    [
        u[0] * T::of(0.25) - sum_near + sum_far * T::of(1.0 / 24.0),
        (u[2] - u[1]) * sixth + (u[3] - u[4]) * T::of(1.0 / 12.0),
        sum_far * sixth - sum_near + u[5],
    ]
}

/// Copies up to `LANES` values, the rest zero.
#[inline(always)]
fn load<T: Number>(from: &[T], width: usize, to: &mut [T; LANES]) {
    if width == LANES {
        to.copy_from_slice(&from[..LANES]);
    } else {
        to.fill(T::zero());
        to[..width].copy_from_slice(&from[..width]);
    }
}

/// Copies up to `LANES` values out.
#[inline(always)]
fn store<T: Number>(from: &[T; LANES], width: usize, to: &mut [T]) {
    if width == LANES {
        to[..LANES].copy_from_slice(from);
    } else {
        to[..width].copy_from_slice(&from[..width]);
    }
}

kernel! {
    /// `v[point][tile][channel] = (Bᵀ d B)[point]`.
    pub(super) fn transform_input<T>(tiling: &Tiling, channels: usize, x: &[T], at: &Placed, v: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for (row, tile) in at.each() {
            let place = tiling.place(tile);
            for start in (0..channels).step_by(LANES) {
                let width = LANES.min(channels - start);
                for i in 0..6 {
                    for j in 0..6 {
                        match tiling.input_pixel(place, i, j) {
                            Some(pixel) => load(&x[pixel * channels + start..], width, &mut d[i * 6 + j]),
                            None => d[i * 6 + j] = [T::zero(); LANES],
                        }
                    }
                }
                along_columns(&d, &mut half, 6, input_1d);
                along_rows(&half, &mut d, 6, input_1d);
                for (point, lanes) in d.iter().enumerate() {
                    store(lanes, width, &mut v[(point * at.rows + row) * channels + start..]);
                }
            }
        }
    }
}

kernel! {
    /// `x += B n Bᵀ` over overlapping tiles: the adjoint of `transform_input`.
    pub(super) fn scatter_input<T>(tiling: &Tiling, channels: usize, n: &[T], at: &Placed, x: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for (row, tile) in at.each() {
            let place = tiling.place(tile);
            for start in (0..channels).step_by(LANES) {
                let width = LANES.min(channels - start);
                for (point, lanes) in d.iter_mut().enumerate() {
                    load(&n[(point * at.rows + row) * channels + start..], width, lanes);
                }
                along_columns(&d, &mut half, 6, input_adjoint_1d);
                along_rows(&half, &mut d, 6, input_adjoint_1d);
                for i in 0..6 {
                    for j in 0..6 {
                        if let Some(pixel) = tiling.input_pixel(place, i, j) {
                            let out = &mut x[pixel * channels + start..][..width];
                            for (o, &value) in out.iter_mut().zip(&d[i * 6 + j]) {
                                *o += value;
                            }
                        }
                    }
                }
            }
        }
    }
}

kernel! {
    /// `y = Aᵀ m A`, tile by tile.
    pub(super) fn transform_output<T>(tiling: &Tiling, filters: usize, m: &[T], at: &Placed, y: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for (row, tile) in at.each() {
            let place = tiling.place(tile);
            for start in (0..filters).step_by(LANES) {
                let width = LANES.min(filters - start);
                for (point, lanes) in d.iter_mut().enumerate() {
                    load(&m[(point * at.rows + row) * filters + start..], width, lanes);
                }
                along_columns(&d, &mut half, 6, output_1d);
                along_rows(&half, &mut d, 4, output_1d);
                for i in 0..4 {
                    for j in 0..4 {
                        if let Some(pixel) = tiling.output_pixel(place, i, j) {
                            store(&d[i * 6 + j], width, &mut y[pixel * filters + start..]);
                        }
                    }
                }
            }
        }
    }
}

kernel! {
    /// `z[point][tile][filter] = (A ȳ Aᵀ)[point]`: the adjoint of `transform_output`.
    pub(super) fn transform_cotangent<T>(tiling: &Tiling, filters: usize, ybar: &[T], at: &Placed, z: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for (row, tile) in at.each() {
            let place = tiling.place(tile);
            for start in (0..filters).step_by(LANES) {
                let width = LANES.min(filters - start);
                for i in 0..4 {
                    for j in 0..4 {
                        match tiling.output_pixel(place, i, j) {
                            Some(pixel) => load(&ybar[pixel * filters + start..], width, &mut d[i * 6 + j]),
                            None => d[i * 6 + j] = [T::zero(); LANES],
                        }
                    }
                }
                along_columns(&d, &mut half, 4, output_adjoint_1d);
                along_rows(&half, &mut d, 6, output_adjoint_1d);
                for (point, lanes) in d.iter().enumerate() {
                    store(lanes, width, &mut z[(point * at.rows + row) * filters + start..]);
                }
            }
        }
    }
}

kernel! {
    /// `u[point][channel][filter] = (G g Gᵀ)[point]`.
    pub(super) fn transform_filters<T>(channels: usize, filters: usize, w: &[T], u: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for channel in 0..channels {
            for start in (0..filters).step_by(LANES) {
                let width = LANES.min(filters - start);
                for l in 0..width {
                    let g = &w[((start + l) * channels + channel) * 9..][..9];
                    for i in 0..3 {
                        for j in 0..3 {
                            d[i * 6 + j][l] = g[i * 3 + j];
                        }
                    }
                }
                along_columns(&d, &mut half, 3, filter_1d);
                along_rows(&half, &mut d, 6, filter_1d);
                for (point, lanes) in d.iter().enumerate() {
                    store(lanes, width, &mut u[(point * channels + channel) * filters + start..]);
                }
            }
        }
    }
}

kernel! {
    /// `w += Gᵀ u G`: the adjoint of `transform_filters`.
    pub(super) fn gather_filters<T>(channels: usize, filters: usize, u: &[T], w: &mut [T]) {
        let (mut d, mut half) = ([[T::zero(); LANES]; POINTS], [[T::zero(); LANES]; POINTS]);
        for channel in 0..channels {
            for start in (0..filters).step_by(LANES) {
                let width = LANES.min(filters - start);
                for (point, lanes) in d.iter_mut().enumerate() {
                    load(&u[(point * channels + channel) * filters + start..], width, lanes);
                }
                along_columns(&d, &mut half, 6, filter_adjoint_1d);
                along_rows(&half, &mut d, 3, filter_adjoint_1d);
                for l in 0..width {
                    let g = &mut w[((start + l) * channels + channel) * 9..][..9];
                    for i in 0..3 {
                        for j in 0..3 {
                            g[i * 3 + j] += d[i * 6 + j][l];
                        }
                    }
                }
            }
        }
    }
}
