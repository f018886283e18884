//! How to release.

use crate::exit::Failure;
use crate::options::quantity;
use clap::Args;
use rescind::ReleaseChoice;
use rescind::ledger::Budget;
use rescind_privacy::NoiseChoice;
use rescind_privacy::{Delta, Epsilon, NoiseScale};

/// Without --sigma or --epsilon nothing is released.
#[derive(Args)]
#[command(next_help_heading = "Release")]
pub struct ReleaseOptions {
    /// Release weights with noise of this standard deviation; what it promises is computed and
    /// printed, however little that is
    #[arg(long, value_name = "SIGMA", value_parser = quantity(NoiseScale::new), conflicts_with = "epsilon")]
    sigma: Option<NoiseScale>,

    /// Release weights with the least noise that keeps this promise; refused (exit status 3) where
    /// that would destroy the model
    #[arg(long, value_parser = quantity(Epsilon::new))]
    epsilon: Option<Epsilon>,

    /// What may come on top of the factor e^epsilon (not the probability that epsilon fails); well
    /// below one over the number of records
    #[arg(long, value_name = "PROBABILITY", value_parser = quantity(Delta::new), default_value = "1e-5")]
    delta: Delta,

    /// With --epsilon: release even if the noise outweighs the weights
    #[arg(long, requires = "epsilon")]
    accept_noise: bool,

    /// Refuse a release after which any request, past ones included, would have an epsilon above
    /// this. It becomes the run's budget, which later releases keep without being told; a run that
    /// has one keeps it, and refuses another here (change it with rescind amend)
    #[arg(long, value_name = "EPSILON", value_parser = quantity(Epsilon::new))]
    budget: Option<Epsilon>,

    /// The delta of the budget [default: that of --delta]
    #[arg(long, value_name = "PROBABILITY", value_parser = quantity(Delta::new), requires = "budget")]
    budget_delta: Option<Delta>,

    /// INSECURE, for experiments alone: noise from this seed, which whoever knows it can take off
    /// again; the certificate says so
    #[arg(long, value_name = "SEED")]
    insecure_noise_seed: Option<u64>,
}

impl ReleaseOptions {
    /// What was asked for; nothing where nothing is to be released.
    pub fn choice(&self) -> Result<Option<ReleaseChoice>, Failure> {
        let delta = self.delta.value();
        let noise = match (self.sigma, self.epsilon) {
            (Some(sigma), _) => NoiseChoice::Sigma {
                sigma: sigma.value(),
                delta,
            },
            (None, Some(epsilon)) => NoiseChoice::Promise {
                epsilon: epsilon.value(),
                delta,
            },
            (None, None) if self.budget.is_some() || self.insecure_noise_seed.is_some() => {
                return Err(Failure::usage(
                    "--budget and --insecure-noise-seed are about a release: give --sigma or \
                     --epsilon too",
                ));
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(ReleaseChoice {
            noise,
            accept_noise: self.accept_noise,
            insecure_noise_seed: self.insecure_noise_seed,
            budget: self.budget.map(|epsilon| Budget {
                epsilon: epsilon.value(),
                delta: self.budget_delta.unwrap_or(self.delta).value(),
            }),
        }))
    }
}
