//! The table that a run's records are of.

use super::Run;
use super::config::Origin;
use super::setup::Setup;
use crate::error::Error;
use rescind_data::{
    DataSource, Encoding, Missing, PositionRanges, Provenance, Selection, TableSummary,
};
use rescind_unlearn::Error as ModelError;

/// Inputs beyond this make gradients and curvature so large that training and forgetting fail, or
/// take steps that overshoot.
const WIDE: f32 = 10.0;

/// A column whose inputs are large, and not scaled.
#[derive(Clone, Debug, PartialEq)]
pub struct WideColumn {
    /// Its name.
    pub name: String,
    /// The least of its numbers.
    pub low: f32,
    /// The greatest.
    pub high: f32,
}

impl Run {
    /// What was found in the table that its records are of, once they have been read.
    #[must_use]
    pub fn table(&self) -> Option<&TableSummary> {
        self.classifier().ok()?.table()
    }

    /// The columns of its table, once that has been read, whose inputs are large and not scaled.
    #[must_use]
    pub fn wide_columns(&self) -> Vec<WideColumn> {
        let scaling = self.setup.model.scaling();
        if scaling.is_some_and(|scaling| *scaling.provenance() != Provenance::None) {
            return Vec::new();
        }
        let columns = self.table().map_or(&[][..], |table| &table.inputs);
        let wide = columns.iter().filter_map(|column| {
            let (low, high) = column.range?;
            let (least, greatest) = column.input_range()?;
            let is_wide = least.abs().max(greatest.abs()) > WIDE;
            is_wide.then(|| WideColumn {
                name: column.name.clone(),
                low,
                high,
            })
        });
        wide.collect()
    }

    /// The lines that records were read from when the run was made; `None` where they are not of a
    /// table.
    ///
    /// # Errors
    /// A manifest that cannot be read.
    pub fn lines_of(&self, records: &Selection) -> Result<Option<PositionRanges>, Error> {
        Ok(self.setup.manifest.lines_of(records)?)
    }

    /// What failed because inputs are large says so.
    pub(super) fn blamed(&self, error: Error) -> Error {
        let numerical = matches!(
            &error,
            Error::Unlearn(
                ModelError::Solve(_)
                    | ModelError::Preconditioner(_)
                    | ModelError::Spectrum(_)
                    | ModelError::Diverged { .. }
                    | ModelError::NoStep { .. }
                    | ModelError::FitLost { .. }
                    | ModelError::GradientStuck { .. }
            )
        );
        let widest = |column: &WideColumn| column.low.abs().max(column.high.abs());
        let columns = self.wide_columns().into_iter();
        match columns.max_by(|a, b| widest(a).total_cmp(&widest(b))) {
            Some(column) if numerical => Error::WideInputs {
                column: column.name,
                low: column.low,
                high: column.high,
                source: Box::new(error),
            },
            _ => error,
        }
    }
}

impl Setup {
    /// Whether constants were given that encode a table's columns. (Which columns are inputs, and
    /// which are hashed, are settings like any other.)
    pub(super) fn encoding_given(&self) -> bool {
        let Origin::Config(config) = &self.origin else {
            return false;
        };
        let DataSource::Table { options, .. } = &config.data else {
            return false;
        };
        let given = |encoding: &Encoding| {
            matches!(encoding, Encoding::Range { .. } | Encoding::Categories(_))
        };
        options.encodings.values().any(given) || matches!(options.missing, Missing::Fill(_))
    }
}
