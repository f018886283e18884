//! Where an operation is evaluated: its weights, its input, and what the forward pass left.

/// A parameter vector as one operation sees it: its own slice, the same values rearranged for fast
/// products, and the frozen statistics (batch norm only).
pub(crate) struct Weights<'a, T> {
    pub values: &'a [T],
    pub prepared: &'a Prepared<T>,
    pub statistics: &'a [T],
}

impl<T> Clone for Weights<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Weights<'_, T> {}

/// An operation's parameters rearranged once per call.
pub(crate) enum Prepared<T> {
    /// Used as they are.
    Plain,
    /// A convolution's filters with their channels last.
    Columns(Vec<T>),
    /// A convolution's filters in the Winograd domain, point × channel × filter.
    Winograd(Vec<T>),
}

/// What the forward pass leaves for the derivatives, beyond input and output.
#[derive(Default)]
pub(crate) struct Saved<T> {
    pub reals: Vec<T>,
    pub indices: Vec<u32>,
}

/// An operation evaluated on a chunk.
pub(crate) struct Point<'a, T> {
    pub records: usize,
    pub weights: Weights<'a, T>,
    pub x: &'a [T],
    pub saved: &'a Saved<T>,
}
