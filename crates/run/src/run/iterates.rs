//! Which private weights of the past a run keeps.

use super::Run;
use crate::error::Error;

impl Run {
    /// Removes the private weights that a request has made older and that nobody looks at again. A run
    /// that keeps iterates has those before the first request, to compare with, and those of each
    /// release and before it, which an audit computes again from; so that requests without a release
    /// take no room but for their rows.
    pub(super) fn remove_older(&self) -> Result<(), Error> {
        let store = &self.setup.store;
        let numbers = store.numbers()?;
        if !self.setup.settings.keep_iterates {
            let older = numbers.iter().rev().skip(1);
            return older.copied().try_for_each(|older| store.remove(older));
        }
        let [.., older, before, _] = numbers[..] else {
            return Ok(());
        };
        if store.record(older)?.answered == 0 {
            return Ok(());
        }
        // Either of them: what a release was made of, or what its request began with.
        let digests = [store.digest_of(older)?, store.digest_of(before)?];
        let mut releases = self.ledger.history().releases();
        match releases.any(|release| digests.contains(&release.state)) {
            true => Ok(()),
            false => store.remove(older),
        }
    }
}
