//! Membership inference: can forgotten records still be told from records never seen?
//!
//! Attackers are always scored on records they were not fitted to, forgotten records against
//! unseen ones of the same classes in equal number. A model that has forgotten gives them an area
//! under the curve of one half; where retraining itself does not, retraining is the measure.

mod attackers;
mod error;
mod features;
mod folds;
mod interval;
mod likelihood;
mod membership;
mod performance;

pub use attackers::Attacker;
pub use error::AttackError;
pub use features::Features;
pub use interval::Estimate;
pub use likelihood::{
    ShadowPlan, ShadowTask, ShadowWeights, likelihood_ratio_attack, likelihood_ratios,
};
pub(crate) use membership::strongest;
pub use membership::{Attack, AttackSettings, Observed, membership};
pub use performance::{Performance, roc};
