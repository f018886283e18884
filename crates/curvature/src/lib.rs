//! Linear operators, damped solvers, preconditioners and spectra: what certified unlearning asks of
//! a curvature matrix it can only multiply with. This crate knows nothing of networks.
//!
//! - An operator is anything that implements [`LinearOperator`]; [`Damped`] adds the damping λ and
//!   is the system every [`Solver`] takes: [`Cg`], [`Minres`], [`Lissa`], [`Cholesky`].
//! - Errors are for unusable input alone. How a solve ended is a value, [`Ending`], beside a
//!   residual recomputed from scratch, in the [`Solution`].
//! - [`NystromPreconditioner`] and [`DiagonalPreconditioner`] are prepared once, stored, and used at
//!   any damping.
//! - [`SpectrumEstimate`] bounds the extreme eigenvalues with a stated probability of failure;
//!   [`SuggestedDamping`] turns it into a damping, [`SpectralDensity`] into a plot.
//! - Every long computation reports to a [`Control`], which can stop it.
//!
//! Vectors are slices of `f32` or `f64`; sums accumulate in `f64` in a fixed order, so the same
//! input gives the same bits whatever the number of threads.
//!
//! ```
//! use rescind_curvature::{Cg, Control, Damped, DenseOperator, Ending, Solver, Stopping};
//!
//! let h = DenseOperator::new(2, vec![2.0, 1.0, 1.0, -0.5])?; // indefinite: λ_min is about -0.85
//! let g = [0.0, 1.0];
//! let cg = Cg::new(Stopping { relative_tolerance: 1e-10, max_products: 100 });
//!
//! let refused = cg.solve(&Damped::new(&h, 0.0)?, &g, &mut Control::default())?;
//! assert_eq!(refused.ending, Ending::NegativeCurvature { curvature: -0.5, damping_above: 0.5 });
//!
//! let solved = cg.solve(&Damped::new(&h, 1.5)?, &g, &mut Control::default())?;
//! assert_eq!(solved.ending, Ending::Converged);
//! assert!(solved.relative_residual <= 1e-10);
//! let exact: [f64; 2] = [-0.4, 1.4]; // 3.5 x₀ + x₁ = 0 and x₀ + x₁ = 1
//! assert!((solved.x[0] - exact[0]).abs() < 1e-9 && (solved.x[1] - exact[1]).abs() < 1e-9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

mod blocks;
mod control;
mod dense;
mod operator;
mod precondition;
mod random;
mod real;
mod setting;
mod solve;
mod spectrum;
mod tall;
mod vector;

pub use blocks::{BlockFactor, BlockSums, Coupling, SymmetricBlocks};
pub use control::{Control, Progress};
pub use operator::{
    Counted, Damped, DenseOperator, LinearOperator, NotSquare, SampledOperator, Scaled, Summed,
    UnequalDimensions,
};
pub use precondition::{
    DenseRows, DiagonalAt, DiagonalPreconditioner, NystromAt, NystromPreconditioner,
    NystromSettings, Preconditioner, PreconditionerError, RowPreconditioner, Rows,
};
pub use real::Real;
pub use setting::InvalidSetting;
pub use solve::{
    Cg, Cholesky, Ending, Lissa, Minres, ScaleEstimate, ScaleSettings, Solution, SolveError,
    Solver, Stopping,
};
pub use spectrum::{
    DensitySettings, LanczosSettings, SpectralDensity, SpectrumError, SpectrumEstimate,
    SuggestedDamping,
};
pub use vector::{dot, norm};
