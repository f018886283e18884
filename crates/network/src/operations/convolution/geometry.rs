//! The sizes of a two-dimensional convolution.

/// `y = w ∗ x` (cross-correlation, as PyTorch's `Conv2d`), `w` stored as
/// filters × channels-per-group × kernel rows × kernel columns.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    pub channels: usize,
    pub filters: usize,
    /// Rows and columns of the kernel, and likewise below.
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub groups: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
}

impl Convolution {
    pub fn channels_per_group(&self) -> usize {
        self.channels / self.groups
    }

    pub fn filters_per_group(&self) -> usize {
        self.filters / self.groups
    }

    /// Weights of one filter.
    pub fn patch_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels_per_group()
    }

    pub fn positions(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub fn flops(&self) -> usize {
        2 * self.positions() * self.filters * self.patch_len()
    }

    /// Whether output pixel and input pixel are the same: the input itself is the matrix of patches.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }
}
