//! Which records a request means.

use super::Run;
use crate::error::Error;
use rescind_data::{RecordRequest, RequestError, Selection};
use rescind_unlearn::Error as ModelError;

/// The records a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Records trained on and not yet forgotten: these will be.
    pub forget: Selection,
    /// Records the request names too that were held out for validation, so never trained on.
    pub held_out: Selection,
    /// Records that would stay although their contents equal those of one to forget.
    pub copies_retained: Selection,
    /// The classes of which no record would be left.
    pub emptied_classes: Vec<String>,
}

impl Run {
    /// Finds the records that any of these means, without forgetting them. A random one draws from
    /// the records trained on and not yet forgotten.
    ///
    /// # Errors
    /// [`Error::NotTrainedOn`] where the records named are not trained on, by position or all of
    /// them; [`Error::ForgetsEverything`]; a request that means nothing.
    pub fn resolve(&self, requests: &[RecordRequest]) -> Result<Resolved, Error> {
        let records = self.setup.model.records();
        let mut forget = Selection::none(records);
        let mut held_out = Selection::none(records);
        // Of several people, those who were never trained on are in nobody's way.
        let mut never = None;
        for request in requests {
            forget = match self.named_by(request, &self.retained) {
                Err(
                    error @ Error::Unlearn(ModelError::Request(RequestError::NeverTrainedOn {
                        ..
                    })),
                ) => {
                    never.get_or_insert(error);
                    continue;
                }
                named => forget.union(&named?)?,
            };
            if !matches!(request, RecordRequest::Random { .. }) {
                // None of them held out is no error here.
                let held = self.among(request, &self.setup.split.validation);
                held_out = held_out.union(&held.unwrap_or_else(|_| Selection::none(records)))?;
            }
        }
        if forget.is_empty() {
            return Err(never.unwrap_or(RequestError::Empty.into()));
        }
        if forget.len() == self.retained.len() {
            return Err(Error::ForgetsEverything {
                records: forget.len(),
            });
        }
        let left = self.retained.difference(&forget)?;
        let copies_retained = self.setup.manifest.duplicates_outside(&forget, &left)?;
        let emptied_classes = self.setup.emptied(&self.retained, &left);
        Ok(Resolved {
            forget,
            held_out,
            copies_retained,
            emptied_classes,
        })
    }

    fn named_by(&self, request: &RecordRequest, among: &Selection) -> Result<Selection, Error> {
        self.among(request, among)
            .map_err(|error| match (error, request) {
                (RequestError::NotPresent(_), RecordRequest::Positions(asked)) => {
                    self.not_trained_on(asked.positions())
                }
                (RequestError::NotPresent(found), _) => self.not_trained_on(found.positions()),
                (other, _) => other.into(),
            })
    }

    fn among(&self, request: &RecordRequest, set: &Selection) -> Result<Selection, RequestError> {
        request.resolve(&self.setup.manifest, set)
    }

    /// Sorts positions that were asked for by why they cannot be forgotten.
    fn not_trained_on(&self, asked: impl Iterator<Item = usize>) -> Error {
        let (mut held_out, mut forgotten) = (Vec::new(), Vec::new());
        for position in asked.filter(|&position| !self.retained.contains(position)) {
            match self.setup.split.validation.contains(position) {
                true => held_out.push(position),
                false => forgotten.push(position),
            }
        }
        Error::NotTrainedOn {
            held_out: ranges(&held_out),
            forgotten: ranges(&forgotten),
        }
    }
}

/// Ascending positions as people write them.
fn ranges(positions: &[usize]) -> String {
    let text: Vec<String> = positions.iter().map(usize::to_string).collect();
    let merged = text.join(",").parse::<rescind_data::PositionRanges>();
    merged.map(|ranges| ranges.to_string()).unwrap_or_default()
}
