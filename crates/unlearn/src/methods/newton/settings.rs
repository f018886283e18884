//! What a Newton step is asked to do.

use super::choices::{Preconditioning, SolverChoice};
use super::constants::Constants;
use super::damping::Damping;
use crate::error::Error;
use crate::objective::Curvature;
use crate::setting::require;
use rescind_curvature::Stopping;
use serde::{Deserialize, Serialize};

/// Settings of a Newton step. [`Default`] is what forgets best; [`NewtonSettings::zhang2024`] is
/// the base paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewtonSettings {
    /// The curvature B of the system.
    pub curvature: Curvature,
    /// The right-hand side b of the system.
    pub right_hand_side: RightHandSide,
    /// The damping λ.
    pub damping: Damping,
    /// How the system is solved.
    pub solver: SolverChoice,
    /// Helps CG; without effect on the other solvers.
    pub preconditioning: Preconditioning,
    /// Take the curvature over about this many of the retained records, drawn by `seed` where the
    /// outputs are curved and weighted to make up for it; over all of them if absent.
    pub subsample: Option<usize>,
    /// Most that the step may take, as a share of what retraining takes, above 0: curvature and sketch are
    /// cut down to it, unless they take a few seconds at most. If absent, they are taken as they are.
    pub work: Option<f64>,
    /// Most by which the mean loss over records that stay may grow with the step, as a share of what
    /// there is of it and of what training has gained, at least 0; half the share of the records that go
    /// is the most in any case. A step that exceeds it is taken again with more damping, or refused
    /// where the damping was given; if absent, nobody looks.
    pub loss_growth: Option<f64>,
    /// Constants the theorem's bound needs and the run cannot know.
    pub constants: Constants,
    /// Compute residual and gradient norms again in double precision, over all retained records,
    /// for a certificate to quote and an auditor to compute once more; done anyway where a bound
    /// rests on them.
    pub check: bool,
    /// Seed of the subsample, of LiSSA's minibatches, and of the random directions of the
    /// preconditioner and of a damping from the spectrum. The bound on the least eigenvalue, whose
    /// probability a promise pays for, draws its start in secret.
    pub seed: u64,
}

/// Which right-hand side (docs/theory.md §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RightHandSide {
    /// `∇F_r(w*)`, the paper's: where training has not converged the step mostly goes on training.
    RetainGradient,
    /// `−(n_u/n_r) ∇F_u(w*)`: takes away the pull of the forgotten records and nothing else. At a
    /// stationary point of the full objective the two are equal.
    ForgetInfluence,
}

impl Default for NewtonSettings {
    /// Gauss–Newton over 10 000 retained records, forget-set influence, `λ = 0.02 λ_max/√n`, CG to a
    /// tenth of the right-hand side, preconditioned by a sketch of rank 32 over 2000 records.
    fn default() -> Self {
        NewtonSettings {
            curvature: Curvature::GaussNewton,
            right_hand_side: RightHandSide::ForgetInfluence,
            damping: Damping::Sampling { scale: 0.02 },
            solver: SolverChoice::Cg {
                stopping: Stopping {
                    relative_tolerance: 0.1,
                    max_products: 100,
                },
            },
            preconditioning: Preconditioning::Nystrom {
                rank: 32,
                records: Some(2000),
            },
            subsample: Some(10_000),
            work: Some(0.1),
            loss_growth: Some(0.1),
            constants: Constants::default(),
            check: false,
            seed: 0,
        }
    }
}

impl NewtonSettings {
    /// The base paper's choices: the Hessian, the retain gradient, and LiSSA with `chains` (s1)
    /// chains of `depth` (s2) steps of `minibatch` records, at the given scale and damping λ.
    pub fn zhang2024(chains: u64, depth: u64, scale: f64, minibatch: usize, damping: f64) -> Self {
        NewtonSettings {
            curvature: Curvature::Hessian,
            right_hand_side: RightHandSide::RetainGradient,
            damping: Damping::Given { value: damping },
            solver: SolverChoice::Lissa {
                chains,
                depth,
                scale: Some(scale),
                minibatch,
                relative_tolerance: 0.0,
            },
            preconditioning: Preconditioning::None,
            subsample: None,
            work: None,
            loss_growth: None,
            constants: Constants::default(),
            check: false,
            seed: 0,
        }
    }

    /// Whether the step is looked at in double precision.
    pub(super) fn checks(&self) -> bool {
        self.check || self.constants.hessian_lipschitz.is_some()
    }

    /// Checks what the solvers do not check themselves.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first setting out of range.
    pub fn validate(&self) -> Result<(), Error> {
        if let Some(records) = self.subsample {
            require(
                records > 0,
                "the curvature's subsample",
                0.0,
                "at least 1 record",
            )?;
        }
        if let SolverChoice::Lissa { minibatch, .. } = self.solver {
            require(minibatch > 0, "LiSSA's minibatch", 0.0, "at least 1 record")?;
        }
        if let Some(work) = self.work {
            let valid = work > 0.0 && work.is_finite();
            require(valid, "the step's work", work, "a share above 0")?;
        }
        if let Some(growth) = self.loss_growth {
            let valid = growth >= 0.0 && growth.is_finite();
            require(valid, "the loss's growth", growth, "finite, at least 0")?;
        }
        self.damping.validate()?;
        self.constants.validate()
    }
}
