//! The preconditioner that a run keeps from request to request.

use super::choices::Preconditioning;
use crate::error::Error;
use crate::methods::method::Kept;
use rescind_curvature::NystromPreconditioner;
use serde::{Deserialize, Serialize};

/// Where it is kept.
const NAME: &str = "nystrom";

/// A sketch, and what was asked for when it was made.
#[derive(Serialize, Deserialize)]
struct Sketch {
    /// [`Preconditioning`] as JSON: the binary format cannot read tagged enums.
    preconditioning: String,
    sketch: NystromPreconditioner<f32>,
}

/// The sketch kept for these settings. One that is missing or other is none: making it again costs
/// time and nothing else.
pub(super) fn kept(kept: &dyn Kept, wanted: Preconditioning) -> Option<NystromPreconditioner<f32>> {
    let found: Sketch = postcard::from_bytes(&kept.bytes(NAME)?).ok()?;
    let made_for: Preconditioning = serde_json::from_str(&found.preconditioning).ok()?;
    (made_for == wanted).then_some(found.sketch)
}

/// Keeps a sketch.
pub(super) fn keep(
    kept: &dyn Kept,
    preconditioning: Preconditioning,
    sketch: &NystromPreconditioner<f32>,
) -> Result<(), Error> {
    let storage = |error: String| Error::Storage(error.into());
    let preconditioning =
        serde_json::to_string(&preconditioning).map_err(|e| storage(e.to_string()))?;
    // Written as a `Sketch` is, without a copy of what may be large.
    let bytes =
        postcard::to_stdvec(&(preconditioning, sketch)).map_err(|e| storage(e.to_string()))?;
    kept.keep(NAME, &bytes)
}
