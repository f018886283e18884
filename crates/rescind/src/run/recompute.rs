//! What a certificate quotes, computed again.

use super::{Run, StateRecord};
use crate::forgetting::MethodReport;
use crate::ledger::Ledger;
use crate::methods::newton::{self, NewtonTask};
use crate::training::TrainingState;
use crate::verify::Recomputed;
use crate::{Error, NetworkObjective, exact_gradient_norm};
use rescind_data::Manifest;

/// An iterate and the one before it.
struct Pair {
    before: Option<TrainingState>,
    record: StateRecord,
    after: TrainingState,
}

impl Run {
    /// Computes again, in double precision, what the certificate of a release quotes from records
    /// and private weights: for [`verify`](crate::verify::verify()).
    ///
    /// # Errors
    /// [`Error::IterateGone`] unless the private weights of the release are kept.
    pub fn recompute(&self, release: u64) -> Result<Recomputed, Error> {
        let pair = self.iterate_of(release)?;
        let (record, w) = (&pair.record, &pair.after.weights.parameters);
        let mut recomputed = Recomputed {
            manifest: Manifest::root(&self.manifest),
            retained: record.retained.len() as u64,
            distance_from_centre: self.ball.distance(w),
            gradient_norm_before: None,
            gradient_norm_after: None,
            residual: None,
            theorem_residual: None,
        };
        if self.config.parameterisation.is_convex() && record.scaling == self.records.scaling {
            let (model, exact) = (self.model(Vec::new()), pair.after.exact.as_deref());
            let retain = self.convex_objective(&model, &record.retained)?;
            let norm_at = |w: &[f64]| {
                let mut gradient = vec![0.0; w.len()];
                retain.exact_gradient(w, &mut gradient)?;
                Ok::<f64, Error>(rescind_curvature::norm(&gradient))
            };
            recomputed.gradient_norm_after = exact.map(norm_at).transpose()?;
            let before = pair
                .before
                .as_ref()
                .and_then(|state| state.exact.as_deref());
            recomputed.gradient_norm_before = before.map(norm_at).transpose()?;
            return Ok(recomputed);
        }
        let (Some(before), Some(request)) = (&pair.before, record.requests.last()) else {
            return Ok(recomputed);
        };
        // Inputs scaled by later constants would give other numbers.
        let MethodReport::Newton { report } = &request.method else {
            return Ok(recomputed);
        };
        if record.scaling != self.records.scaling {
            return Ok(recomputed);
        }
        let model = self.model(before.weights.statistics.clone());
        let retain = NetworkObjective::new(&model, &self.records.train, &record.retained)?;
        let forget = NetworkObjective::new(&model, &self.records.train, &request.forgotten)?;
        let start = &before.weights.parameters;
        recomputed.gradient_norm_before = Some(exact_gradient_norm(&retain, start)?);
        recomputed.gradient_norm_after = Some(exact_gradient_norm(&retain, w)?);
        if !report.projected {
            let task = NewtonTask {
                weights: start,
                retain: &retain,
                forget: &forget,
                ball: &self.ball,
                proved_gradient_bound: None,
                kept: None,
            };
            let (residual, theorem) = newton::residuals(&task, report, w)?;
            recomputed.residual = Some(residual);
            recomputed.theorem_residual = Some(theorem);
        }
        Ok(recomputed)
    }

    /// The iterate that the ledger names for a release.
    pub(super) fn iterate(&self, release: u64) -> Result<(StateRecord, TrainingState), Error> {
        let pair = self.iterate_of(release)?;
        Ok((pair.record, pair.after))
    }

    /// The same and the iterate before it.
    fn iterate_of(&self, release: u64) -> Result<Pair, Error> {
        let gone = || Error::IterateGone { release };
        let history = Ledger::open_existing(&self.root)?.history()?;
        let named = history
            .releases()
            .find(|row| row.number == release)
            .ok_or_else(gone)?
            .state;
        let mut previous = None;
        for number in self.store.numbers()? {
            if self.store.digest_of(number)? == named {
                let before = match previous {
                    Some(number) => self.store.read(&self.network, Some(number))?,
                    None => None,
                };
                let found = self.store.read(&self.network, Some(number))?;
                let (record, after) = found.ok_or_else(gone)?;
                let before = before.map(|(_, state)| state);
                return Ok(Pair {
                    before,
                    record,
                    after,
                });
            }
            previous = Some(number);
        }
        Err(gone())
    }
}
