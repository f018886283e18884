//! Convolution as a matrix product over the matrix of patches (`im2col`), a block of rows at a time
//! so that the patches stay in cache. Runs any geometry.

use super::Convolution;
use crate::kernel;
use crate::matrix::{View, ViewMut, multiply};
use crate::number::Number;
use crate::operations::affine::Term;
use crate::operations::{Prepared, Scratch, Sink, Weights};
use std::ops::Range;

/// Elements of one block of patches: 1 MiB in single precision, within a second-level cache.
const BLOCK_ELEMENTS: usize = 1 << 18;
/// Rows that a block has at least: each block reads and writes the whole filter gradient.
const LEAST_ROWS: usize = 256;

/// Every filter with its channels last, as the patches have them. Filters stay rows: within one
/// they move no further than a cache reaches.
pub(super) fn prepare<T: Number>(c: &Convolution, filters: &[T]) -> Vec<T> {
    let mut reordered = vec![T::zero(); filters.len()];
    let (channels, offsets) = (c.channels_per_group(), c.kernel[0] * c.kernel[1]);
    let pairs = reordered
        .chunks_exact_mut(c.patch_len())
        .zip(filters.chunks_exact(c.patch_len()));
    for (to, from) in pairs {
        for (offset, to) in to.chunks_exact_mut(channels).enumerate() {
            for (to, from) in to.iter_mut().zip(from[offset..].iter().step_by(offsets)) {
                *to = *from;
            }
        }
    }
    reordered
}

/// Adds filters with their channels last to filters in the stored order.
fn add_reordered<T: Number>(c: &Convolution, from: &[T], filters: &mut [T]) {
    let (channels, offsets) = (c.channels_per_group(), c.kernel[0] * c.kernel[1]);
    let pairs = filters
        .chunks_exact_mut(c.patch_len())
        .zip(from.chunks_exact(c.patch_len()));
    for (to, from) in pairs {
        for (channel, to) in to.chunks_exact_mut(offsets).enumerate() {
            for (to, from) in to.iter_mut().zip(from[channel..].iter().step_by(channels)) {
                *to += *from;
            }
        }
    }
}

fn block_rows(c: &Convolution, records: usize) -> usize {
    (BLOCK_ELEMENTS / c.patch_len())
        .clamp(LEAST_ROWS, 4096)
        .min(records * c.positions())
}

pub(super) fn scratch(c: &Convolution, records: usize) -> usize {
    let rows = block_rows(c, records);
    // Patches and their cotangents for two terms, output cotangents, and the filters' gradient.
    rows * (3 * c.patch_len() + 2 * c.filters_per_group()) + c.filters * c.patch_len()
}

/// A group's filters as a matrix, filter × patch.
fn matrix<'a, T: Number>(c: &Convolution, w: Weights<'a, T>, group: usize) -> View<'a, T> {
    let filters = match w.prepared {
        Prepared::Columns(reordered) => reordered,
        _ => w.values,
    };
    let (rows, cols) = (c.filters_per_group(), c.patch_len());
    View::new(&filters[group * rows * cols..][..rows * cols], rows, cols)
}

/// The rows of `picture-shaped` data that belong to a group, as a matrix.
fn group_rows<'a, T>(
    data: &'a [T],
    width: usize,
    group_width: usize,
    group: usize,
    rows: &Range<usize>,
) -> View<'a, T> {
    View::strided(
        &data[rows.start * width + group * group_width..],
        rows.len(),
        group_width,
        width,
    )
}

pub(super) fn apply<T: Number>(
    c: &Convolution,
    records: usize,
    terms: &[(&[T], Weights<'_, T>)],
    y: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let total = records * c.positions();
    let block = block_rows(c, records);
    let (patch, width) = (c.patch_len(), c.filters_per_group());
    let [patches, ..] = scratch.take([block * patch, 0, 0, 0]);
    for group in 0..c.groups {
        for start in (0..total).step_by(block) {
            let rows = start..(start + block).min(total);
            for (j, &(x, w)) in terms.iter().enumerate() {
                let left = patch_view(c, x, group, &rows, patches);
                let out = &mut y[rows.start * c.filters + group * width..];
                let out = ViewMut::strided(out, rows.len(), width, c.filters);
                multiply(out, j > 0, left, matrix(c, w, group).t());
            }
        }
    }
}

pub(super) fn transpose<T: Number>(
    c: &Convolution,
    records: usize,
    terms: &[Term<'_, T>],
    mut xbar: Option<Sink<'_, T>>,
    wbar: Option<&mut [T]>,
    scratch: &mut Scratch<T>,
) {
    let total = records * c.positions();
    let block = block_rows(c, records);
    let (patch, width) = (c.patch_len(), c.filters_per_group());
    let [patches, cotangents, gradient, ybars] = scratch.take([
        terms.len() * block * patch,
        block * patch,
        c.filters * patch,
        terms.len() * block * width,
    ]);
    if let Some(sink) = &mut xbar {
        sink.clear_unless_accumulating();
    }
    for group in 0..c.groups {
        for start in (0..total).step_by(block) {
            let rows = start..(start + block).min(total);
            if let Some(sink) = &mut xbar {
                for (j, term) in terms.iter().enumerate() {
                    let ybar = group_rows(term.ybar, c.filters, width, group, &rows);
                    let w = matrix(c, term.w, group);
                    if c.is_pointwise() {
                        let inner = c.channels_per_group();
                        let out = &mut sink.buffer[rows.start * c.channels + group * inner..];
                        let out = ViewMut::strided(out, rows.len(), inner, c.channels);
                        multiply(out, true, ybar, w);
                    } else {
                        multiply(ViewMut::new(cotangents, rows.len(), patch), j > 0, ybar, w);
                    }
                }
                if !c.is_pointwise() {
                    scatter(c, cotangents, group, &rows, sink.buffer);
                }
            }
            if wbar.is_some() {
                // The terms' rows one below the other: one product, which passes over the gradient
                // once.
                let mut height = 0;
                for term in terms {
                    let Some(x) = term.x else { continue };
                    gather(c, x, group, &rows, &mut patches[height * patch..]);
                    let from = term.ybar[rows.start * c.filters..].chunks_exact(c.filters);
                    let to = ybars[height * width..].chunks_exact_mut(width);
                    for (to, from) in to.zip(from).take(rows.len()) {
                        to.copy_from_slice(&from[group * width..][..width]);
                    }
                    height += rows.len();
                }
                let out = &mut gradient[group * patch * width..][..patch * width];
                let ybar = View::new(ybars, height, width).t();
                let right = View::new(patches, height, patch);
                multiply(ViewMut::new(out, width, patch), start > 0, ybar, right);
            }
        }
    }
    if let Some(wbar) = wbar {
        add_reordered(c, gradient, wbar);
    }
}

/// The patches of output rows `rows`, gathered into `patches` unless the input already is them.
fn patch_view<'a, T: Number>(
    c: &Convolution,
    x: &'a [T],
    group: usize,
    rows: &Range<usize>,
    patches: &'a mut [T],
) -> View<'a, T> {
    if c.is_pointwise() {
        return group_rows(x, c.channels, c.channels_per_group(), group, rows);
    }
    gather(c, x, group, rows, patches);
    View::new(patches, rows.len(), c.patch_len())
}

/// For each output row and kernel row, where in the picture its run of pixels lies.
///
/// Calls `f(start in the patch, start in the picture, pixels)`; what it does not mention is padding.
#[inline(always)]
fn for_each_run(
    c: &Convolution,
    row: usize,
    patch_start: usize,
    mut f: impl FnMut(usize, usize, usize),
) {
    let [height, width] = c.input;
    let channels = c.channels_per_group();
    let (record, position) = (row / c.positions(), row % c.positions());
    let (oy, ox) = (position / c.output[1], position % c.output[1]);
    let left = (ox * c.stride[1]) as isize - c.padding[1] as isize;
    let first = (-left).clamp(0, c.kernel[1] as isize) as usize;
    let last = (width as isize - left).clamp(first as isize, c.kernel[1] as isize) as usize;
    for ky in 0..c.kernel[0] {
        let iy = (oy * c.stride[0] + ky) as isize - c.padding[0] as isize;
        if iy < 0 || iy >= height as isize || first == last {
            continue;
        }
        let pixel = (record * height + iy as usize) * width + (left + first as isize) as usize;
        f(
            patch_start + (ky * c.kernel[1] + first) * channels,
            pixel,
            last - first,
        );
    }
}

fn gather<T: Number>(
    c: &Convolution,
    x: &[T],
    group: usize,
    rows: &Range<usize>,
    patches: &mut [T],
) {
    let channels = c.channels_per_group();
    let patch = c.patch_len();
    let padded = c.padding != [0, 0];
    for (i, row) in rows.clone().enumerate() {
        if padded {
            patches[i * patch..][..patch].fill(T::zero());
        }
        for_each_run(c, row, i * patch, |start, pixel, pixels| {
            if c.groups == 1 {
                let len = pixels * channels;
                patches[start..][..len].copy_from_slice(&x[pixel * channels..][..len]);
            } else {
                for p in 0..pixels {
                    let from = &x[(pixel + p) * c.channels + group * channels..][..channels];
                    patches[start + p * channels..][..channels].copy_from_slice(from);
                }
            }
        });
    }
}

fn scatter<T: Number>(
    c: &Convolution,
    patches: &[T],
    group: usize,
    rows: &Range<usize>,
    x: &mut [T],
) {
    let channels = c.channels_per_group();
    let patch = c.patch_len();
    for (i, row) in rows.clone().enumerate() {
        for_each_run(c, row, i * patch, |start, pixel, pixels| {
            if c.groups == 1 {
                let len = pixels * channels;
                kernel::add(&mut x[pixel * channels..][..len], &patches[start..][..len]);
            } else {
                for p in 0..pixels {
                    let to = &mut x[(pixel + p) * c.channels + group * channels..][..channels];
                    kernel::add(to, &patches[start + p * channels..][..channels]);
                }
            }
        });
    }
}
