//! What a release is judged by.

use super::AuditError;
use rescind::release::PrivateWeights;
use rescind::{Run, Tensor};
use rescind_data::Selection;
use std::ops::Range;

/// A number that may tell an unlearned release from a retrained one.
pub trait Statistic {
    /// Its name.
    fn name(&self) -> String;

    /// Its value for a release.
    ///
    /// # Errors
    /// Whatever computing it meets.
    fn of(&self, release: &[f32]) -> Result<f64, AuditError>;
}

/// The part of a release along a direction: with the difference of the two sides as direction, the
/// most powerful test between two Gaussian releases (Neyman & Pearson 1933).
pub struct Projection {
    name: String,
    range: Range<usize>,
    direction: Vec<f64>,
}

impl Projection {
    /// Along the difference of the two sides within `range` of the parameters; nothing if they
    /// agree there.
    pub fn within(
        name: String,
        range: Range<usize>,
        unlearned: &[f64],
        retrained: &[f64],
    ) -> Option<Self> {
        let pairs = unlearned
            .get(range.clone())?
            .iter()
            .zip(retrained.get(range.clone())?);
        let difference: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let length = rescind_curvature::norm(&difference);
        (length > 0.0).then(|| Projection {
            name,
            range,
            direction: difference.into_iter().map(|x| x / length).collect(),
        })
    }

    /// Along the whole difference, and along its part in every tensor of parameters: what was left
    /// without noise shows there.
    pub fn of_sides(
        tensors: &[Tensor],
        unlearned: &PrivateWeights,
        retrained: &PrivateWeights,
    ) -> Vec<Self> {
        let (unlearned, retrained) = (unlearned.values(), retrained.values());
        let whole = (
            "projection on the difference".to_owned(),
            0..unlearned.len(),
        );
        let mut begin = 0;
        let tensors = tensors.iter().map(|tensor| {
            let range = begin..begin + tensor.len();
            begin = range.end;
            let name = format!("projection on the difference in {}", tensor.name);
            (name, range)
        });
        std::iter::once(whole)
            .chain(tensors)
            .filter_map(|(name, range)| Projection::within(name, range, unlearned, retrained))
            .collect()
    }
}

impl Statistic for Projection {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn of(&self, release: &[f32]) -> Result<f64, AuditError> {
        let part = release.get(self.range.clone()).unwrap_or_default();
        let products = part.iter().zip(&self.direction);
        Ok(products.map(|(&w, &d)| f64::from(w) * d).sum())
    }
}

/// Mean loss on some of the records that were forgotten.
pub struct ForgottenLoss<'a> {
    run: &'a Run,
    records: Selection,
}

/// Records the loss is taken over, at most.
const MOST: usize = 100;

impl<'a> ForgottenLoss<'a> {
    /// On at most 100 records of the run's last request; nothing without one, or where the run's
    /// model is in another program.
    ///
    /// # Errors
    /// [`AuditError::Run`] never in practice: a request's records are among the run's.
    pub fn of_last_request(run: &'a Run) -> Result<Option<Self>, AuditError> {
        if run.model_is_absent() {
            return Ok(None);
        }
        let last = run.ledger().history().request_count();
        let Some(request) = run.answer(last)? else {
            return Ok(None);
        };
        let (all, some) = (request.forgotten.records(), request.forgotten.positions());
        let some = some.iter().take(MOST).copied().collect();
        let records = Selection::new(all, some).map_err(rescind::Error::from)?;
        Ok(Some(ForgottenLoss { run, records }))
    }
}

impl Statistic for ForgottenLoss<'_> {
    fn name(&self) -> String {
        "loss on the forgotten records".to_owned()
    }

    fn of(&self, release: &[f32]) -> Result<f64, AuditError> {
        let measured = self.run.measure_as_released(release, Some(&self.records))?;
        Ok(measured.loss)
    }
}
