//! What an outside model offers whose outputs are linear in its weights.

use crate::error::Failure;
use crate::outputs::OutputLoss;

/// Outputs that are linear in the weights and zero at the centre: `z_i(w) = J_i (w − c)`, k for each
/// record. A capability of a [`Model`](crate::Model); its losses are then convex, and the descent forgets with a
/// bound (docs/theory.md §3). That `J_i` is what is said of it only the model's owner can declare.
///
/// Records are positions; the same call gives the same bits whenever it is made.
pub trait Linearisation: Sync {
    /// c, d elements.
    fn centre(&self) -> &[f32];

    /// k, at least 1.
    fn outputs(&self) -> usize;

    /// The loss in the outputs.
    fn loss(&self) -> OutputLoss;

    /// What these records are to be told apart by.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn targets(&self, records: &[usize]) -> Result<Targets, Failure>;

    /// `J v` of these records, n × k.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn forward(&self, records: &[usize], v: &[f32]) -> Result<Vec<f32>, Failure>;

    /// Writes `Jᵀ u`, d elements, for u of shape n × k.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn transposed(&self, records: &[usize], u: &[f32], out: &mut [f32]) -> Result<(), Failure>;

    /// As [`forward`](Self::forward), in binary64.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn exact_forward(&self, records: &[usize], v: &[f64]) -> Result<Vec<f64>, Failure>;

    /// As [`transposed`](Self::transposed), in binary64.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn exact_transposed(
        &self,
        records: &[usize],
        u: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure>;

    /// Writes one row `u_iᵀ J_i` for each of these records, some of which may be the same; `rows`
    /// are n × d.
    ///
    /// # Errors
    /// Whatever the model meets.
    fn rows(&self, records: &[usize], u: &[f32], rows: &mut [f32]) -> Result<(), Failure> {
        let each = u.chunks_exact(self.outputs()).zip(records);
        for ((u, &record), row) in each.zip(rows.chunks_exact_mut(self.centre().len())) {
            self.transposed(&[record], u, row)?;
        }
        Ok(())
    }
}

/// The targets of some records.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The class of each, below k.
    Classes(Vec<u32>),
    /// k values for each.
    Values(Vec<f32>),
    /// The token of every position of each, below V, or [`NO_TOKEN`](crate::NO_TOKEN) where the
    /// position does not count.
    Tokens(Vec<u32>),
}
