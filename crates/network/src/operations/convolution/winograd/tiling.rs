//! Where tiles lie in a picture and in the transformed domain.

use crate::operations::Convolution;
use std::ops::Range;

/// How outputs are cut into 4×4 tiles.
#[derive(Clone, Copy)]
pub(super) struct Tiling {
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
    tiles: [usize; 2],
}

impl Tiling {
    pub fn of(c: &Convolution) -> Self {
        let tiles = [c.output[0].div_ceil(4), c.output[1].div_ceil(4)];
        Tiling {
            input: c.input,
            output: c.output,
            padding: c.padding,
            tiles,
        }
    }

    pub fn per_record(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// Record, and first output row and column, of a tile.
    #[inline(always)]
    pub fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (record, within) = (tile / self.per_record(), tile % self.per_record());
        (
            record,
            within / self.tiles[1] * 4,
            within % self.tiles[1] * 4,
        )
    }

    /// Pixel index of cell (i, j) of a tile's 6×6 input, if it is not padding.
    #[inline(always)]
    pub fn input_pixel(&self, tile: (usize, usize, usize), i: usize, j: usize) -> Option<usize> {
        let (record, y, x) = tile;
        let row = (y + i).wrapping_sub(self.padding[0]);
        let column = (x + j).wrapping_sub(self.padding[1]);
        (row < self.input[0] && column < self.input[1])
            .then(|| (record * self.input[0] + row) * self.input[1] + column)
    }

    /// Pixel index of cell (i, j) of a tile's 4×4 output, if it is inside the picture.
    #[inline(always)]
    pub fn output_pixel(&self, tile: (usize, usize, usize), i: usize, j: usize) -> Option<usize> {
        let (record, y, x) = tile;
        let (row, column) = (y + i, x + j);
        (row < self.output[0] && column < self.output[1])
            .then(|| (record * self.output[0] + row) * self.output[1] + column)
    }
}

/// Tiles and where they go: tile `tiles.start + t` is row `first + t` of the `rows` that every point
/// of the transformed domain has.
#[derive(Clone)]
pub(super) struct Placed {
    pub tiles: Range<usize>,
    pub first: usize,
    pub rows: usize,
}

impl Placed {
    pub fn alone(tiles: Range<usize>) -> Self {
        Placed {
            first: 0,
            rows: tiles.len(),
            tiles,
        }
    }

    /// Every tile with its row.
    #[inline(always)]
    pub fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        (self.first..).zip(self.tiles.clone())
    }
}
