//! A run as it was found in its folder, beside what the desk knows of a model's.

use super::models::ModelRow;
use crate::error::ServiceError;
use rescind::Code;
use rescind::certificate::LedgerAnchor;
use rescind::ledger::History;
use std::path::PathBuf;
use std::sync::Arc;

/// A run as it was found.
#[derive(Clone, Debug)]
pub(crate) struct FoundRun {
    pub folder: PathBuf,
    /// What tells it from every other.
    pub identity: String,
    /// Whether its model computes in a program of its owner.
    pub outside: bool,
    /// What its ledger has.
    pub history: Arc<History>,
    /// As far as the desk knew the ledger of the model it is meant for, before the run was looked at.
    pub since: Option<LedgerAnchor>,
}

impl ModelRow {
    /// Whether its run is this one, in its folder.
    pub fn is_of(&self, run: &FoundRun) -> bool {
        self.folder == run.folder && self.has(run)
    }

    /// Whether its run is this one, in another folder now.
    pub fn has_moved(&self, run: &FoundRun) -> bool {
        self.folder != run.folder && self.identity.is_some() && self.has(run)
    }

    /// Refuses to tell its run from this one where the desk came to know more of its ledger while the run
    /// was looked at: one that was put back from a copy has less for good.
    pub fn expect_current(&self, run: &FoundRun) -> Result<(), ServiceError> {
        let same = self.identity.as_ref() == Some(&run.identity);
        match same && !self.has(run) && self.ledger != run.since {
            true => Err(ServiceError::refused(
                Code::Busy,
                "the run went on while it was looked at: ask again",
            )),
            false => Ok(()),
        }
    }

    /// Whether its run is this one, and has all of the ledger that is known.
    fn has(&self, run: &FoundRun) -> bool {
        let known = self.identity.as_ref();
        known.is_none_or(|known| *known == run.identity)
            && self
                .ledger
                .as_ref()
                .is_none_or(|ledger| run.history.holds(ledger))
    }
}

#[cfg(test)]
mod tests {
    use super::FoundRun;
    use crate::queue;
    use crate::store::{Place, Store};
    use rescind::Code;
    use rescind::ledger::Ledger;
    use std::sync::Arc;

    /// Less of a ledger than is known says that a run was put back from a copy: unless it went on after it
    /// was looked at.
    #[test]
    fn a_run_that_went_on_is_not_taken_for_another() {
        let place = tempfile::tempdir().unwrap();
        let run = place.path().join("run");
        std::fs::create_dir(&run).unwrap();
        let ledger = Ledger::create(&run).unwrap();
        let store = Store::open(&Place::File(place.path().join("d")), |_| Ok(())).unwrap();
        let known = store.write_here(|db| {
            db.batch(
                "INSERT INTO models (name, folder, policy, registered_at, lease_until, next_try, attempts, \
                 released_at, released, identity, ledger_entries, ledger_head) \
                 VALUES ('m', '/run', '{}', 0, 0, 0, 0, 0, 0, 'this', 3, \
                 '0000000000000000000000000000000000000000000000000000000000000001')",
            )?;
            queue::model(db, "m")
        });
        let known = known.unwrap();
        let mut found = FoundRun {
            folder: known.folder.clone(),
            identity: "this".to_owned(),
            outside: false,
            history: Arc::new(ledger.history().clone()),
            since: None,
        };
        assert!(!known.is_of(&found));
        let refused = known.expect_current(&found).unwrap_err();
        assert_eq!(refused.code(), Code::Busy);
        found.since = known.ledger.clone();
        known.expect_current(&found).unwrap();
        // Of another run nothing is to be known.
        found.identity = "another".to_owned();
        found.since = None;
        known.expect_current(&found).unwrap();
    }
}
