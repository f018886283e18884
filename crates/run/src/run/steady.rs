//! Looking at a run without its lock.

use crate::error::Error;
use crate::ledger::Ledger;
use rescind_certificate::LedgerAnchor;
use std::path::Path;

/// How often a run is looked at that goes on meanwhile.
const LOOKS: usize = 20;

/// What is found of a run. Its files are read one after another: where they do not belong together because
/// the run went on in between, it is looked at again.
pub(super) fn steadily<T>(
    root: &Path,
    mut look: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut found = look();
    for _ in 0..LOOKS {
        if matches!(found, Ok(_) | Err(Error::Busy { .. })) {
            break;
        }
        let before = end(root);
        found = look();
        if end(root) == before {
            break;
        }
    }
    found
}

/// Where the ledger ends; none while it is written, or where it cannot be read.
fn end(root: &Path) -> Option<LedgerAnchor> {
    let ledger = Ledger::open_as_it_lies(root).ok().flatten();
    ledger.map(|ledger| ledger.history().head())
}

#[cfg(test)]
mod tests {
    use super::steadily;
    use crate::error::Error;
    use crate::support::Fixture;

    #[test]
    fn what_fails_while_a_run_goes_on_is_looked_at_again() {
        let fixture = Fixture::new();
        let failed = || Error::NothingTrained {
            path: fixture.run().to_owned(),
        };
        let mut number = 0;
        let found = steadily(fixture.run(), || {
            number += 1;
            match number {
                1..=3 => {
                    fixture.record(number);
                    Err(failed())
                }
                _ => Ok(number),
            }
        });
        assert_eq!(found.unwrap(), 4);
        // Of one that stands still the second look is the last.
        let mut looks = 0;
        let found: Result<(), Error> = steadily(fixture.run(), || {
            looks += 1;
            Err(failed())
        });
        assert!(found.is_err() && looks == 2, "{looks}");
    }
}
