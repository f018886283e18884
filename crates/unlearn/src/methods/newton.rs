//! One damped Newton step towards the retrained weights (Zhang, Dong, Wang & Li, ICML 2024;
//! docs/theory.md §2).

mod bounds;
mod choices;
mod constants;
mod damping;
mod effort;
mod exact;
mod fit;
mod kept;
mod least;
mod lipschitz;
mod method;
mod report;
mod settings;
mod solver;
mod step;
mod task;

pub use choices::{Preconditioning, SolverChoice};
pub use constants::{Constants, HessianLipschitz};
pub use damping::{ChosenDamping, Damping, interrupted};
pub use lipschitz::{LipschitzEstimate, LipschitzSettings};
pub(super) use method::most_go;
pub use report::{ExactCheck, NewtonReport};
pub use settings::{NewtonSettings, RightHandSide};
pub use step::{NewtonOutcome, step};
pub use task::NewtonTask;
