//! Records that lie elsewhere than when the run was made.

use super::Run;
use super::config::Origin;
use super::create::absolute;
use crate::error::Error;
use rescind_data::{DataSource, reload};
use rescind_unlearn::Error as ModelError;
use std::mem::discriminant;
use std::path::Path;

impl Run {
    /// Reads the records of a network's run from another place from here on, once every record
    /// that is still trained on was found there.
    ///
    /// Test records are not in the manifest: whether they are the same nobody checks, and no promise
    /// rests on them.
    ///
    /// # Errors
    /// [`Error::NotANetwork`]; a source of another kind, one that cannot be read or lacks records;
    /// as [`open`](Self::open).
    pub fn read_from(root: &Path, source: DataSource) -> Result<(), Error> {
        let run = Run::open(root)?;
        let Origin::Config(config) = &run.setup.origin else {
            return Err(Error::NotANetwork {
                what: "where its records are",
            });
        };
        let source = absolute(source)?;
        if discriminant(&source) != discriminant(&config.data) {
            return Err(ModelError::Setting {
                setting: "the place of the records",
                found: source.to_string(),
                expected: "a source of the kind that the run was made with",
            }
            .into());
        }
        reload(&source, &run.setup.manifest, &run.retained).map_err(ModelError::from)?;
        Ok(run.ledger.set_source(&source)?)
    }
}
