//! Which records a request means.

use super::Run;
use crate::error::Error;
use rescind_data::{RecordRequest, RequestError, Selection};

/// The records a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Records trained on and not yet forgotten: these will be.
    pub forget: Selection,
    /// Records the request names too that were held out for validation, so never trained on.
    pub held_out: Selection,
    /// Records the request names too that were forgotten before.
    pub already: Selection,
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
    /// [`Error::NotTrainedOn`] where none of the records named is trained on any more;
    /// [`Error::ChoseTheEpoch`] where some of them did more than validate;
    /// [`Error::ForgetsEverything`]; a request that means nothing.
    pub fn resolve(&self, requests: &[RecordRequest]) -> Result<Resolved, Error> {
        let records = self.setup.model.records();
        let all = Selection::all(records);
        let mut named = Selection::none(records);
        // Of several people, those who were never trained on are in nobody's way.
        let mut never = None;
        for request in requests {
            let among = match request {
                RecordRequest::Random { .. } => &self.retained,
                _ => &all,
            };
            match request.resolve(&self.setup.manifest, among) {
                Ok(found) => named = named.union(&found)?,
                Err(error @ RequestError::NeverTrainedOn { .. }) => {
                    never.get_or_insert(error);
                }
                Err(error) => match self.added_since(request, &error) {
                    Some(added) => {
                        never.get_or_insert(added);
                    }
                    None => return Err(error.into()),
                },
            }
        }
        let forget = named.intersection(&self.retained)?;
        let held_out = named.intersection(&self.setup.split.validation)?;
        let already = named.difference(&forget)?.difference(&held_out)?;
        if !held_out.is_empty() && self.setup.validation_chose_the_epoch() {
            return Err(Error::ChoseTheEpoch {
                held_out: held_out.to_string(),
                trained: forget.to_string(),
            });
        }
        if forget.is_empty() && !named.is_empty() {
            return Err(Error::NotTrainedOn {
                held_out: held_out.to_string(),
                forgotten: already.to_string(),
            });
        }
        if forget.is_empty() {
            return Err(never.unwrap_or(RequestError::Empty).into());
        }
        if forget.len() == self.retained.len() {
            return Err(Error::ForgetsEverything {
                records: forget.len(),
            });
        }
        let left = self.retained.difference(&forget)?;
        let copies_retained = self.setup.manifest.duplicates_outside(&forget, &left)?;
        let emptied_classes = self.setup.emptied(&self.retained, &left)?;
        Ok(Resolved {
            forget,
            held_out,
            already,
            copies_retained,
            emptied_classes,
        })
    }
}

impl Run {
    /// Whoever is unknown because all their records came later; found where the source can be read.
    fn added_since(&self, request: &RecordRequest, error: &RequestError) -> Option<RequestError> {
        let (RecordRequest::Subject(subject), RequestError::UnknownSubject) = (request, error)
        else {
            return None;
        };
        match self.classifier().ok()?.added_records_of(subject).ok()? {
            0 => None,
            records => Some(RequestError::AddedSince { records }),
        }
    }
}
