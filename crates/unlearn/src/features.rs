//! What a model offers whose outputs are linear in features that no weight changes.

use crate::error::Failure;
use crate::linearisation::Targets;
use crate::outputs::OutputLoss;
use rescind_data::{Digest, Selection};

/// Outputs that are a matrix of weights times features: `z_i = V φ_i`, where V is `w − c` at k × p
/// [`places`](Self::places), and no other weight moves anything. A capability of a
/// [`Model`](crate::Model) that is linear in its weights: a head, or regression on the inputs
/// (docs/theory.md §11).
///
/// Records are positions; the same call gives the same bits whenever it is made.
pub trait FixedFeatures: Sync {
    /// k.
    fn outputs(&self) -> usize;

    /// p, a constant included where there is one.
    fn width(&self) -> usize;

    /// The loss in the outputs.
    fn loss(&self) -> OutputLoss;

    /// Where the elements of V are among the weights, k × p.
    fn places(&self) -> Vec<usize>;

    /// φ of these records, n × p.
    ///
    /// # Errors
    /// Records that can no longer be read; whatever the model meets.
    fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure>;

    /// What these records are to be told apart by.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    fn targets(&self, records: &[usize]) -> Result<Targets, Failure>;

    /// What tells the features and targets of these records from what they may be another time, to
    /// the last bit: sums over others lose a record by what was never added. Where they follow from
    /// the records' contents alone, as by default, nothing does.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    fn fingerprint(&self, _records: &Selection) -> Result<Digest, Failure> {
        Ok(Digest::from([0; 32]))
    }
}
