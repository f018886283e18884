//! What is changed of a run on purpose, and recorded.

use super::Run;
use super::files::read_config;
use super::made::is_as_made;
use crate::error::Error;
use crate::key::RunKey;
use crate::ledger::{Budget, BudgetEntry, Entry, KeyEntry, Ledger};
use crate::lock::Lock;
use crate::release::ReleaseError;
use crate::time::{now, rfc3339};
use rescind_privacy::noise::Origin;
use std::path::Path;

/// What may be changed of a run. Every change becomes an entry of its ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amendment {
    /// The budget of all releases from here, in place of the one before; none lifts it.
    Budget(Option<Budget>),
    /// A new key signs from here. Certificates signed by the old one stay as they are.
    NewKey,
    /// The run goes on where it is, though it was copied, restored or moved there: on the caller's
    /// word that no other copy will release, and that nothing was released after it was copied.
    Adopt,
}

impl Run {
    /// Changes a run on purpose. It need not be possible to open it: neither its records nor its
    /// key are looked at.
    ///
    /// # Errors
    /// A folder that holds no run, or is in use; a budget that is out of range or overspent
    /// already; what the ledger and the key meet.
    pub fn amend(root: &Path, amendment: Amendment) -> Result<(), Error> {
        let (written, configuration) = read_config(root)?;
        let _lock = Lock::take(root)?;
        is_as_made(
            root,
            configuration,
            written.centred,
            &Ledger::open_anywhere(root)?,
        )?;
        let now = rfc3339(now());
        match amendment {
            Amendment::Budget(budget) => {
                let mut ledger = Ledger::open(root)?;
                set_budget(&mut ledger, budget)
            }
            Amendment::NewKey => {
                let mut ledger = Ledger::open(root)?;
                RunKey::settle(root, ledger.history().key())?;
                let entry = KeyEntry {
                    made_at: now,
                    public_key: RunKey::next(root)?.identity().public_key,
                    replaces: ledger.history().key(),
                };
                ledger.append(vec![Entry::Key(entry)], None, None)?;
                Ok(RunKey::settle(root, ledger.history().key())?)
            }
            Amendment::Adopt => Ok(Ledger::adopt(root, now).map(drop)?),
        }
    }

    /// Gives the run its budget, which every release must keep.
    ///
    /// # Errors
    /// A run that has another; as [`amend`](Self::amend) for the rest.
    pub fn set_budget(&mut self, budget: Budget) -> Result<(), Error> {
        let history = self.ledger.history();
        Budget::in_force(history, Some(budget), Origin::OperatingSystem)
            .map_err(ReleaseError::from)?;
        match history.budget() {
            Some(_) => Ok(()),
            None => set_budget(&mut self.ledger, Some(budget)),
        }
    }
}

fn set_budget(ledger: &mut Ledger, budget: Option<Budget>) -> Result<(), Error> {
    if let Some(budget) = &budget {
        let checked = budget.check_spent(ledger.history());
        checked.map_err(ReleaseError::from)?;
    }
    let set_at = rfc3339(now());
    let entry = Entry::Budget(BudgetEntry { set_at, budget });
    Ok(ledger.append(vec![entry], None, None)?)
}
