//! How much a step may cost, beside retraining (docs/newton.md).

use super::choices::{Preconditioning, SolverChoice};
use super::settings::NewtonSettings;
use crate::model::Model;

/// Operations that any step may take, whatever retraining takes: some seconds.
const ALWAYS: f64 = 1e12;
/// Products that a solve takes, more or less, with the default damping and tolerance.
const SOLVE: f64 = 30.0;
/// Passes over each of the curvature's records besides: to see how large it is, and whether the fit is
/// kept.
const BESIDES: f64 = 10.0;
/// Fewest records that the curvature is taken over.
const FEWEST: usize = 100;
/// A gradient, and a product likewise, as forward passes.
const FORWARD_PASSES: f64 = 3.0;

/// What is known of retraining beforehand.
#[derive(Clone, Copy)]
pub(super) struct Retraining {
    /// Floating-point operations of a record's outputs.
    flops: f64,
    /// Records that stay.
    records: usize,
    /// Most epochs.
    epochs: u64,
}

impl Retraining {
    pub fn of(model: &dyn Model, records: usize, epochs: u64) -> Self {
        let flops = match model.flops_per_record() {
            Some(flops) => flops as f64,
            // At least: every parameter is multiplied and added once.
            None => 2.0 * model.description().parameters() as f64,
        };
        Self {
            flops,
            records,
            epochs,
        }
    }
}

impl NewtonSettings {
    /// These settings, cut down until the step takes no more than `work` of what retraining takes: first
    /// the sketch is given up, then records of the curvature. From public numbers alone.
    pub(super) fn fitted(&self, retraining: Retraining) -> Self {
        let (Some(share), SolverChoice::Cg { stopping }) = (self.work, self.solver) else {
            return self.clone();
        };
        let (all, epochs) = (retraining.records, retraining.epochs as f64);
        let gradient = FORWARD_PASSES * retraining.flops.max(1.0);
        let most = (share * epochs * all as f64).max(ALWAYS / gradient);
        let wanted = self.subsample.map_or(all, |records| records.min(all));
        let sketch = match self.preconditioning {
            Preconditioning::Nystrom { rank, records } => {
                let over = records.map_or(wanted, |records| records.min(wanted));
                rank as f64 * over as f64
            }
            Preconditioning::None => 0.0,
        };
        // Which records the outputs are curved at takes their outputs.
        let drawn = all as f64 / FORWARD_PASSES;
        let products = SOLVE.min(stopping.max_products as f64) + BESIDES;
        let solve = |records: usize| products * records as f64;
        let whole = if wanted < all { drawn } else { 0.0 };
        if whole + sketch + solve(wanted) <= most {
            return self.clone();
        }
        let mut less = self.clone();
        less.preconditioning = Preconditioning::None;
        if whole + solve(wanted) > most {
            let records = ((most - drawn).max(0.0) / products) as usize;
            let records = records.max(FEWEST).min(wanted);
            less.subsample = (records < all).then_some(records);
        }
        less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes over a record that a step takes at most, with the settings as they are.
    fn passes(settings: &NewtonSettings, all: usize) -> f64 {
        let records = settings.subsample.unwrap_or(all).min(all);
        let sketch = match settings.preconditioning {
            Preconditioning::Nystrom { rank, .. } => rank * 2000.min(records),
            Preconditioning::None => 0,
        };
        let drawn = if records < all { all as f64 / 3.0 } else { 0.0 };
        40.0 * records as f64 + sketch as f64 + drawn
    }

    #[test]
    fn a_step_on_a_costly_network_takes_a_tenth_of_retraining() {
        let asked = NewtonSettings::default();
        // AllCNN on 10 000 pictures and 14 epochs, on 50 000 and 31; ResNet-18 on 8000 and 20.
        for (flops, records, epochs) in
            [(5.6e8, 10_000, 14), (5.6e8, 50_000, 31), (1.1e9, 8000, 20)]
        {
            let retraining = Retraining {
                flops,
                records,
                epochs,
            };
            let fitted = asked.fitted(retraining);
            let whole = (epochs as usize * records) as f64;
            assert!(passes(&asked, records) > 0.1 * whole, "{records}");
            let taken = passes(&fitted, records) / whole;
            assert!((0.08..=0.1).contains(&taken), "{taken} {fitted:?}");
            let less = NewtonSettings {
                work: Some(0.06),
                ..asked.clone()
            };
            assert!(passes(&less.fitted(retraining), records) <= 0.06 * whole);
            // Where nobody says how much, nothing is changed.
            let any = NewtonSettings {
                work: None,
                ..asked.clone()
            };
            assert_eq!(any.fitted(retraining), any);
        }
    }

    #[test]
    fn a_step_of_some_seconds_is_taken_as_it_is() {
        let asked = NewtonSettings::default();
        // The MLP of the results, and one epoch of it.
        for epochs in [31, 1] {
            let retraining = Retraining {
                flops: 5.3e4,
                records: 59_000,
                epochs,
            };
            assert_eq!(asked.fitted(retraining), asked);
        }
        // Never fewer records than tell anything.
        let retraining = Retraining {
            flops: 1e12,
            records: 400,
            epochs: 1,
        };
        assert_eq!(asked.fitted(retraining).subsample, Some(FEWEST));
    }
}
