//! Batch-norm statistics on the records that stay (THEORY §6).

use crate::Error;
use crate::run::Run;
use rescind_data::{Selection, epoch_order};

impl Run {
    /// The statistics that the batch norms of weights `w` meet on these records: the mean over
    /// minibatches of the training's size of each one's mean and unbiased variance, as
    /// re-estimating them after weight averaging does (Izmailov et al. 2018). A function of `w`
    /// and of these records alone; empty without batch norm.
    pub(crate) fn statistics_on(&self, on: &Selection, w: &[f32]) -> Result<Vec<f32>, Error> {
        if self.network.statistic_count() == 0 {
            return Ok(Vec::new());
        }
        let evaluator = self
            .model(self.network.initial_statistics())
            .evaluator::<f32>()?;
        let order = epoch_order(on, self.config.training.seed, 0);
        // A mean over records, so that a small last minibatch counts for little; one of a single
        // record has no variance.
        let (mut inputs, mut labels) = (Vec::new(), Vec::new());
        let mut sums = vec![0.0_f64; self.network.statistic_count()];
        let mut counted = 0;
        let batches = order.chunks(self.config.training.batch.max(2));
        for batch in batches.filter(|batch| batch.len() > 1) {
            self.records
                .train
                .copy_batch(batch, &mut inputs, &mut labels)?;
            let own = evaluator.batch_statistics(w, &inputs)?;
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += f64::from(own) * batch.len() as f64;
            }
            counted += batch.len();
        }
        if counted == 0 {
            return Err(Error::NoRecords);
        }
        Ok(sums
            .into_iter()
            .map(|sum| (sum / counted as f64) as f32)
            .collect())
    }
}
