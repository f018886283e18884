//! How the damped system may be solved.

use rescind_curvature::Stopping;
use serde::{Deserialize, Serialize};

/// The solver of `(B + λI) x = b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SolverChoice {
    /// Conjugate gradients, preconditioned where asked for: the method of choice for a
    /// positive-definite system.
    Cg {
        /// When it stops.
        stopping: Stopping,
    },
    /// MINRES, which also takes indefinite systems: for diagnosis.
    Minres {
        /// When it stops.
        stopping: Stopping,
    },
    /// LiSSA (Agarwal et al. 2017), the base paper's.
    Lissa {
        /// Chains averaged (s1), at least 1.
        chains: u64,
        /// Steps of each (s2), at least 1.
        depth: u64,
        /// The scale s, above every minibatch's norm; estimated if absent.
        scale: Option<f64>,
        /// Records in a minibatch, at least 1.
        minibatch: usize,
        /// Relative residual that counts as converged, in [0, 1).
        relative_tolerance: f64,
    },
    /// Cholesky of the assembled matrix: the reference, for small models.
    Dense {
        /// Most parameters accepted.
        max_dimension: usize,
    },
}

/// What CG is helped with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Preconditioning {
    /// Nothing.
    None,
    /// A randomised Nyström sketch of the Gauss–Newton matrix (Frangella, Tropp & Udell 2023),
    /// made once for a run and reused by its later requests.
    Nystrom {
        /// Rank of the sketch, at least 1: one product each.
        rank: usize,
        /// Take the sketch over this many of the curvature's records; over all if absent.
        records: Option<usize>,
    },
}
