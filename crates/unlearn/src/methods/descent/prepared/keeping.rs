//! What a run keeps of a head from request to request.

use crate::error::Error;
use crate::features::FixedFeatures;
use crate::head::{Head, factor_to_bytes, from_bytes, to_bytes};
use crate::methods::method::Kept;
use rescind_data::{Digest, Selection};

/// What names of kept heads begin with.
pub(super) const HEAD: &str = "head-";
/// What names of kept factors begin with.
pub(super) const FACTOR: &str = "factor-";
/// What names of unfinished sums begin with.
pub(super) const PARTIAL: &str = "sums-";

/// What is kept in memory from request to request: a head, and the weights and records it is of.
struct Remembered {
    key: Digest,
    head: Head,
    /// Name of its factor on disk.
    factor: String,
}

/// Identifies the weights, and the records as the model sees them, that something is kept for.
pub(super) fn key(
    model: &dyn FixedFeatures,
    w: &[f64],
    retained: &Selection,
) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    for w in w {
        hasher.update(&w.to_le_bytes());
    }
    hasher.update(retained.digest().as_bytes());
    hasher.update(model.fingerprint(retained)?.as_bytes());
    Ok(Digest::from(*hasher.finalize().as_bytes()))
}

/// The head that is kept for this, with the name of its factor: out of memory, where it is large and a copy
/// would take longer than most requests, or from the disk.
pub(super) fn kept(
    kept: &dyn Kept,
    key: Digest,
    model: &dyn FixedFeatures,
) -> Option<(Head, String)> {
    let fits = |head: &Head| {
        (head.loss, head.outputs, head.width) == (model.loss(), model.outputs(), model.width())
    };
    let remembered = kept.memory().and_then(|memory| {
        let mut memory = memory.lock().ok()?;
        let found: &Remembered = memory.as_ref()?.downcast_ref()?;
        if found.key != key {
            return None;
        }
        let found: Box<Remembered> = memory.take()?.downcast().ok()?;
        Some((found.head, found.factor))
    });
    let (head, factor) = remembered.or_else(|| {
        let mut name = String::new();
        let head = from_bytes(&kept.bytes(&named(HEAD, &key))?, |factor| {
            factor.clone_into(&mut name);
            kept.bytes(factor)
        });
        Some((head?, name))
    })?;
    fits(&head).then_some((head, factor))
}

/// Removes the heads, and the unfinished sums, of other weights or records, once these are those in
/// force, or all where no such weights are: what differs between two of them is the records that went.
///
/// # Errors
/// [`Error::Storage`].
pub fn discard_superseded(
    kept: &dyn Kept,
    in_force: Option<(&dyn FixedFeatures, &[f64], &Selection)>,
) -> Result<(), Error> {
    // To tell records apart may take a look at all of them.
    if ![HEAD, PARTIAL].iter().any(|what| kept.has_some(what)) {
        return Ok(());
    }
    // Of records that cannot be told from others nothing is of use.
    let key = in_force.and_then(|(model, w, retained)| key(model, w, retained).ok());
    [HEAD, PARTIAL].into_iter().try_for_each(|what| {
        let stays = key.map(|key| named(what, &key));
        let stays: Vec<&str> = stays.iter().map(String::as_str).collect();
        kept.discard_others(what, &stays)
    })
}

/// Whether what is kept under this name is a head that answers requests.
#[must_use]
pub fn is_prepared(name: &str) -> bool {
    name.starts_with(HEAD)
}

/// Under what name something is kept.
pub(super) fn named(what: &str, key: &Digest) -> String {
    format!("{what}{}", &key.to_string()[..16])
}

/// Keeps the head's factor, and returns its name and how many bytes it takes. Those that other heads may still
/// need stay until the model is prepared again.
pub(super) fn keep_factor(
    kept: &dyn Kept,
    key: &Digest,
    head: &Head,
) -> Result<(String, usize), Error> {
    let (name, bytes) = (named(FACTOR, key), factor_to_bytes(&head.factor));
    kept.keep(&name, &bytes)?;
    Ok((name, bytes.len()))
}

/// Keeps a head for later requests; the one before it stays until this one's request has been
/// recorded ([`discard_superseded`]).
pub(super) fn keep(
    kept: &dyn Kept,
    key: Digest,
    head: &Head,
    factor: &str,
    before: &Digest,
) -> Result<usize, Error> {
    let name = named(HEAD, &key);
    let bytes = to_bytes(head, factor)?;
    kept.keep(&name, &bytes)?;
    kept.discard_others(HEAD, &[&name, &named(HEAD, before)])?;
    Ok(bytes.len())
}

/// Keeps a head in memory too, where there is room for one.
pub(super) fn remember(kept: &dyn Kept, key: Digest, head: Head, factor: String) {
    if let Some(Ok(mut memory)) = kept.memory().map(|memory| memory.lock()) {
        *memory = Some(Box::new(Remembered { key, head, factor }));
    }
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::error::Failure;
    use crate::features::FixedFeatures;
    use crate::linearisation::Targets;
    use crate::outputs::OutputLoss;
    use rescind_data::{Digest, Selection};

    /// All of whose features are this number.
    struct Fixed(u8);

    impl FixedFeatures for Fixed {
        fn outputs(&self) -> usize {
            1
        }

        fn width(&self) -> usize {
            2
        }

        fn loss(&self) -> OutputLoss {
            OutputLoss::IndependentLabels
        }

        fn places(&self) -> Vec<usize> {
            vec![0, 1]
        }

        fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
            Ok(vec![f32::from(self.0); 2 * records.len()])
        }

        fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
            Ok(Targets::Values(vec![0.0; records.len()]))
        }

        fn fingerprint(&self, _: &Selection) -> Result<Digest, Failure> {
            Ok(Digest::from([self.0; 32]))
        }
    }

    #[test]
    fn as_many_other_records_at_the_same_weights_are_others() {
        let of = |positions: &[usize]| {
            let selection = Selection::new(5, positions.to_vec()).unwrap();
            key(&Fixed(1), &[0.5, 1.0], &selection).unwrap()
        };
        assert_ne!(of(&[0, 1, 2]), of(&[0, 1, 3]));
        assert_eq!(of(&[0, 1, 2]), of(&[2, 1, 0]));
    }

    #[test]
    fn the_same_records_with_other_features_are_others() {
        let all = Selection::new(3, vec![0, 1, 2]).unwrap();
        let of = |features| key(&Fixed(features), &[0.5, 1.0], &all).unwrap();
        assert_ne!(of(1), of(2));
        assert_eq!(of(1), of(1));
    }
}
