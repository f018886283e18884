//! The preconditioner that a run keeps from request to request.

use crate::Error;
use crate::methods::newton::Preconditioning;
use crate::run::{Access, Run, io_error, read, replace};
use rescind_curvature::NystromPreconditioner;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A sketch, and what was asked for when it was made.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// [`Preconditioning`] as JSON: the binary format cannot read tagged enums.
    preconditioning: String,
    sketch: NystromPreconditioner<f32>,
}

/// What a file of one begins with; the BLAKE3 of the rest follows.
const MAGIC: &[u8; 18] = b"rescind-nystrom-1\n";

impl Run {
    fn sketch_path(&self) -> PathBuf {
        self.private("preconditioner").join("nystrom.bin")
    }

    /// The sketch kept for these settings. One that is missing, damaged or other is none: making
    /// it again costs time and nothing else.
    pub(crate) fn kept_sketch(
        &self,
        wanted: Preconditioning,
    ) -> Option<NystromPreconditioner<f32>> {
        let bytes = read(&self.sketch_path()).ok()?;
        let (hash, body) = bytes
            .strip_prefix(MAGIC)?
            .split_at_checked(blake3::OUT_LEN)?;
        if blake3::hash(body).as_bytes() != hash {
            return None;
        }
        let kept: Kept = postcard::from_bytes(body).ok()?;
        let made_for: Preconditioning = serde_json::from_str(&kept.preconditioning).ok()?;
        (made_for == wanted).then_some(kept.sketch)
    }

    /// Keeps a sketch.
    pub(crate) fn keep_sketch(
        &self,
        preconditioning: Preconditioning,
        sketch: &NystromPreconditioner<f32>,
    ) -> Result<(), Error> {
        let path = self.sketch_path();
        let encode =
            |e: String| -> Error { io_error(&path, "encode it")(std::io::Error::other(e)).into() };
        let preconditioning =
            serde_json::to_string(&preconditioning).map_err(|e| encode(e.to_string()))?;
        // Written as a `Kept` is, without a copy of what may be large.
        let kept = (preconditioning, sketch);
        let body = postcard::to_stdvec(&kept).map_err(|e| encode(e.to_string()))?;
        let bytes = [MAGIC, blake3::hash(&body).as_bytes().as_slice(), &body].concat();
        crate::run::private_folder(&self.private("preconditioner"))?;
        Ok(replace(&path, &bytes, Access::Private)?)
    }
}
