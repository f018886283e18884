//! 3×3 convolution of stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray 2016):
//! a quarter of the multiplications.
//!
//! A tile of 4×4 outputs is `Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` for a filter `g` and a 6×6 tile `d` of the
//! input; over tiles, channels and filters the element-wise product is 36 matrix products. The
//! transposed maps are the exact adjoints of this one, so a Hessian made of them stays symmetric:
//! with `Z = A ȳ Aᵀ`, the input's cotangent is `B(U ⊙ Z)Bᵀ` summed over overlapping tiles, the
//! filter's is `Gᵀ(V ⊙ Z)G`, and `Z` serves both.

mod tiling;
mod transforms;

use super::Convolution;
use crate::matrix::{View, ViewMut, multiply};
use crate::number::Number;
use crate::operations::affine::Term;
use crate::operations::{Prepared, Scratch, Sink, Weights};
use tiling::{Placed, Tiling};
use transforms::{
    LANES, POINTS, gather_filters, scatter_input, transform_cotangent, transform_filters,
    transform_input, transform_output,
};

/// Tiles handled at once: enough that reading and writing the filters' gradient once a block costs
/// little beside the products.
const TILE_BLOCK: usize = 192;
/// Below this many tiles the 36 small products lose to one large one.
const LEAST_TILES: usize = 16;

/// Whether this algorithm runs the convolution, and faster, on chunks of `records`.
pub(super) fn pays(c: &Convolution, records: usize) -> bool {
    c.kernel == [3, 3]
        && c.stride == [1, 1]
        && c.groups == 1
        && c.channels >= LANES
        && c.filters >= LANES
        && records * Tiling::of(c).per_record() >= LEAST_TILES
}

pub(super) fn scratch(c: &Convolution, records: usize) -> usize {
    let block = TILE_BLOCK.min(records * Tiling::of(c).per_record());
    // Two terms' inputs and cotangents, one set of input cotangents, the filters' gradient.
    POINTS * (block * (3 * c.channels + 2 * c.filters) + c.channels * c.filters)
}

pub(super) fn prepare<T: Number>(c: &Convolution, filters: &[T]) -> Vec<T> {
    let mut u = vec![T::zero(); POINTS * c.channels * c.filters];
    transform_filters(c.channels, c.filters, filters, &mut u);
    u
}

fn prepared<'a, T: Number>(w: Weights<'a, T>) -> &'a [T] {
    let Prepared::Winograd(u) = w.prepared else {
        unreachable!("filters were prepared for another algorithm")
    };
    u
}

pub(super) fn apply<T: Number>(
    c: &Convolution,
    records: usize,
    terms: &[(&[T], Weights<'_, T>)],
    y: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let tiling = Tiling::of(c);
    let (channels, filters) = (c.channels, c.filters);
    let total = records * tiling.per_record();
    let block = TILE_BLOCK.min(total);
    let [v, m, ..] = scratch.take([POINTS * block * channels, POINTS * block * filters, 0, 0]);
    for start in (0..total).step_by(block) {
        let at = Placed::alone(start..(start + block).min(total));
        let count = at.rows;
        for (j, &(x, w)) in terms.iter().enumerate() {
            transform_input(&tiling, channels, x, &at, v);
            for point in 0..POINTS {
                let out = &mut m[point * count * filters..][..count * filters];
                let left = View::new(&v[point * count * channels..], count, channels);
                let u = &prepared(w)[point * channels * filters..];
                let right = View::new(u, channels, filters);
                multiply(ViewMut::new(out, count, filters), j > 0, left, right);
            }
        }
        transform_output(&tiling, filters, m, &at, y);
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
    let tiling = Tiling::of(c);
    let (channels, filters) = (c.channels, c.filters);
    let total = records * tiling.per_record();
    let block = TILE_BLOCK.min(total);
    let [v, z, n, gradient] = scratch.take([
        terms.len() * POINTS * block * channels,
        terms.len() * POINTS * block * filters,
        POINTS * block * channels,
        POINTS * channels * filters,
    ]);
    if let Some(sink) = &mut xbar {
        sink.clear_unless_accumulating();
    }
    for start in (0..total).step_by(block) {
        let alone = Placed::alone(start..(start + block).min(total));
        let count = alone.rows;
        // The terms' tiles one below the other: the filters' gradient is one product, which passes
        // over it once. Terms with an input come first.
        let rows = terms.len() * count;
        let mut with_input = 0;
        for (j, term) in terms.iter().enumerate() {
            let at = Placed {
                first: j * count,
                rows,
                ..alone.clone()
            };
            transform_cotangent(&tiling, filters, term.ybar, &at, z);
            if let (Some(x), true) = (term.x, wbar.is_some()) {
                transform_input(&tiling, channels, x, &at, v);
                with_input = (j + 1) * count;
            }
        }
        for point in 0..POINTS {
            let z = &z[point * rows * filters..][..rows * filters];
            if xbar.is_some() {
                for (j, term) in terms.iter().enumerate() {
                    let out = &mut n[point * count * channels..][..count * channels];
                    let u = &prepared(term.w)[point * channels * filters..];
                    let right = View::new(u, channels, filters).t();
                    let left = View::new(&z[j * count * filters..], count, filters);
                    multiply(ViewMut::new(out, count, channels), j > 0, left, right);
                }
            }
            if wbar.is_some() {
                let out = &mut gradient[point * channels * filters..][..channels * filters];
                let left = View::new(&v[point * rows * channels..], with_input, channels).t();
                let right = View::new(z, with_input, filters);
                multiply(ViewMut::new(out, channels, filters), start > 0, left, right);
            }
        }
        if let Some(sink) = &mut xbar {
            scatter_input(&tiling, channels, n, &alone, sink.buffer);
        }
    }
    if let Some(wbar) = wbar {
        gather_filters(channels, filters, gradient, wbar);
    }
}
